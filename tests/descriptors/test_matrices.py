"""Matrices come back as written, and a file that is damaged or does not fit is named."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from scripts.common.errors import IntegrityError
from scripts.descriptors.matrices import read_matrices, write_matrices

NAMES = ["a", "b", "나"]


def arrays():
    rho = np.array([[1, 0.5, np.nan], [0.5, 1, -0.25], [np.nan, -0.25, 1]])
    return {"spearman": rho, "overlap": np.full((3, 3), 7, np.int32).T}


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "correlation.safetensors"
    write_matrices(file, NAMES, arrays(), {"rows": "7", "device": "cpu"})
    return file


def test_a_round_trip(path):
    found = read_matrices(path)
    assert found.names == NAMES and found.facts == {"rows": "7", "device": "cpu"}
    assert found.arrays.keys() == {"spearman", "overlap"}
    for name, array in arrays().items():
        np.testing.assert_array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == array.dtype


def test_same_matrices_same_bytes(path, tmp_path):
    again = tmp_path / "again.safetensors"
    for _ in range(5):
        write_matrices(again, NAMES, arrays(), {"device": "cpu", "rows": "7"})
        assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("kept", [0, 5, 100, -1])
def test_a_truncated_file(path, kept):
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(IntegrityError, match=f"^{path} is no complete safetensors file; delete"):
        read_matrices(path)


def test_a_missing_file_and_one_without_names(path, tmp_path):
    with pytest.raises(IntegrityError, match="is missing; run the step that makes it again"):
        read_matrices(tmp_path / "gone")
    save_file({"spearman": np.eye(2)}, path)
    with pytest.raises(IntegrityError, match="does not name its descriptors"):
        read_matrices(path)


@pytest.mark.parametrize(
    ("names", "shape"), [(["b", "a"], (2, 2)), (["a", "a"], (2, 2)), (["a", "b"], (2, 3))]
)
def test_what_does_not_fit_is_not_written(tmp_path, names, shape):
    with pytest.raises(ValueError):
        write_matrices(tmp_path / "x", names, {"spearman": np.zeros(shape)}, {})
    assert not list(tmp_path.iterdir())
