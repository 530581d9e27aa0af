"""Matrices of pairs as files: what is written comes back, what is broken is named."""

import numpy as np
import pytest

from scripts.common.errors import IntegrityError
from scripts.descriptors.matrices import read_matrices, write_matrices

NAMES = ["mordred.A", "rdkit.A", "한글"]


def test_matrices_come_back(tmp_path):
    rho = np.array([[1.0, 0.5, np.nan], [0.5, 1.0, -0.2], [np.nan, -0.2, 1.0]])
    overlap = np.arange(9, dtype=np.int32).reshape(3, 3).T  # not contiguous
    facts = {"rows": "12", "device": "cpu", "b": "1", "a": "2"}
    for name in ("one", "other"):
        write_matrices(tmp_path / name, NAMES, {"spearman": rho, "overlap": overlap}, facts)
    read = read_matrices(tmp_path / "one")
    assert read.names == NAMES and read.facts == facts
    np.testing.assert_array_equal(read.arrays["spearman"], rho)
    np.testing.assert_array_equal(read.arrays["overlap"], overlap)
    assert read.arrays["overlap"].dtype == np.int32
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_no_descriptor_at_all(tmp_path):
    write_matrices(tmp_path / "none", [], {"spearman": np.zeros((0, 0))}, {})
    assert read_matrices(tmp_path / "none").arrays["spearman"].shape == (0, 0)


def test_writers_mistakes(tmp_path):
    with pytest.raises(ValueError, match="sorted"):
        write_matrices(tmp_path / "m", ["b", "a"], {}, {})
    with pytest.raises(ValueError, match="distinct"):
        write_matrices(tmp_path / "m", ["a", "a"], {}, {})
    with pytest.raises(ValueError, match=r"'x' has shape \(2, 3\) for 2"):
        write_matrices(tmp_path / "m", ["a", "b"], {"x": np.zeros((2, 3))}, {})
    assert not (tmp_path / "m").exists()


def test_broken_files(tmp_path):
    from safetensors.numpy import save_file

    whole = tmp_path / "whole"
    write_matrices(whole, NAMES, {"x": np.ones((3, 3))}, {})
    (tmp_path / "cut").write_bytes(whole.read_bytes()[:-8])
    save_file({"x": np.ones((3, 3))}, tmp_path / "nameless")
    for name, told in (("gone", "is missing"), ("cut", "no complete"), ("nameless", "not name")):
        with pytest.raises(IntegrityError, match=f"{name}.* {told}"):
            read_matrices(tmp_path / name)
