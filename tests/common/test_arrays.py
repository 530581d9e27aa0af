"""Array files: what was written is read, and what is broken is named."""

from pathlib import Path

import numpy as np
import pytest

from scripts.common.arrays import read_arrays, write_arrays
from scripts.common.errors import IntegrityError


def test_arrays_read_back_and_equal_ones_have_equal_bytes(tmp_path: Path) -> None:
    turned = np.arange(6, dtype=np.float32).reshape(2, 3).T
    write_arrays(tmp_path / "one", {"b": turned, "a": np.array([7], np.int64)})
    write_arrays(tmp_path / "other", {"a": np.array([7], np.int64), "b": turned.copy()})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    found = read_arrays(tmp_path / "one", ["b"])
    assert list(found) == ["b"]
    np.testing.assert_array_equal(found["b"], turned)


def test_what_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    path = tmp_path / "arrays.safetensors"
    with pytest.raises(IntegrityError, match=r"arrays\.safetensors is missing"):
        read_arrays(path, ["a"])
    write_arrays(path, {"a": np.zeros(9)})
    with pytest.raises(IntegrityError, match="no complete safetensors file with a, b"):
        read_arrays(path, ["a", "b"])
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(IntegrityError, match="no complete safetensors file"):
        read_arrays(path, ["a"])
