"""The step: what it reads, what it writes, and what may not change it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts.common.errors import ConfigError, InputError
from scripts.common.files import read_json
from scripts.common.tables import read_table
from scripts.descriptors.matrices import Matrices, read_matrices
from scripts.descriptors.measure_dependence import run
from scripts.descriptors.tables import MEMORY
from tests.descriptors.dependence_inputs import write_inputs
from tests.descriptors.pair_references import feature_nhsic, scores_of, trapezoid

ROWS = 600


def columns(seed: int = 0, rows: int = ROWS) -> dict[str, np.ndarray]:
    """x, its square and a copy with other missing values, beside independent ones."""
    generator = np.random.default_rng(seed)
    x, y, z = generator.standard_normal((3, rows))
    gaps = generator.random((2, rows)) < 0.2
    return {
        "square": x**2,
        "x": np.where(gaps[0], np.nan, x),
        "copy": np.where(gaps[1], np.inf, 10 * x - 3),
        "y": y,
        "z": z,
        "flat": np.zeros(rows),
    }


def outcome(arguments: dict[str, Any], **options: Any) -> Matrices:
    run(**arguments, **{"permutations": 16, "seed": 7, **options})
    assert list(arguments["tmpdir"].iterdir()) == []
    return read_matrices(arguments["dependence"])


def test_survivors_are_measured_by_name(tmp_path: Path):
    values = columns()
    inputs = write_inputs(tmp_path, values, rejected=("flat",), removed=("z",))
    found = outcome(inputs, code_hash="abc")
    assert found.names == ["copy", "square", "x", "y"]
    place = {name: number for number, name in enumerate(found.names)}
    hsic, rdc, overlap = (found.arrays[name] for name in ("hsic", "rdc", "overlap"))
    assert overlap.dtype == np.int32 and hsic.dtype == rdc.dtype == np.float64
    assert rdc[place["x"], place["copy"]] > 0.99 and hsic[place["x"], place["copy"]] > 0.99
    assert rdc[place["x"], place["square"]] > 0.99
    assert rdc[place["x"], place["y"]] < 0.3 and hsic[place["x"], place["y"]] < 0.02
    both = np.isfinite(values["x"]) & np.isfinite(values["copy"])
    assert overlap[place["x"], place["copy"]] == both.sum()
    scores = scores_of(np.stack([values["x"], values["square"]], axis=1))
    known = ~np.isnan(scores[:, 0])
    expected = feature_nhsic(*(trapezoid(column) for column in scores[known].T))
    assert hsic[place["x"], place["square"]] == pytest.approx(expected, abs=1e-5)
    assert found.facts["rows"] == "600" and found.facts["code_version"] == "abc"
    notes = read_table(inputs["memory"], MEMORY).to_pylist()
    assert {note["stage"] for note in notes} == {"ranks", "pairs", "permuted", "smallest overlap"}
    assert all(note["resident_mb"] > 0 and note["seconds"] >= 0 for note in notes)


def test_layout_order_and_resources_change_no_bit(tmp_path: Path):
    values = columns(1, rows=9000)
    del values["flat"]
    first = write_inputs(tmp_path / "one", values)
    turned = dict(reversed(list(values.items())))
    second = write_inputs(tmp_path / "two", turned, part_rows=[10, 8190, 800])
    one, other = outcome(first), outcome(second, threads=2, memory_mb=680)
    assert one.names == other.names
    for name, array in one.arrays.items():
        assert array.tobytes() == other.arrays[name].tobytes()
    nulls = [read_json(inputs["null"]) for inputs in (first, second)]
    hashes = {null.pop("table_sha256") for null in nulls}
    assert nulls[0] == nulls[1] and len(hashes) == 2


@pytest.mark.parametrize(
    "options", [{"rdc_basis": "cosine", "rdc_frequencies": 6}, {"rdc_frequencies": 8}], ids=str
)
def test_rdc_may_have_a_basis_of_its_own(tmp_path: Path, options: dict[str, Any]):
    inputs = write_inputs(tmp_path, columns(), rejected=("flat",))
    plain, other = outcome(inputs), outcome(inputs, **options)
    assert np.array_equal(plain.arrays["hsic"], other.arrays["hsic"], equal_nan=True)
    assert not np.allclose(plain.arrays["rdc"], other.arrays["rdc"], atol=1e-3)
    place = other.names.index("x"), other.names.index("square")
    assert other.arrays["rdc"][place] > 0.98


def test_a_sample_of_rows_is_the_table_of_these_rows(tmp_path: Path):
    """A keyed choice: equal for equal seeds, and ranked among itself."""
    values = columns(2, rows=1000)
    del values["flat"]
    inputs = write_inputs(tmp_path / "whole", values)
    found = outcome(inputs, rows=400)
    again = outcome(inputs, rows=400)
    other = outcome(inputs, rows=400, seed=8)
    assert found.facts["rows"] == "400" and found.facts["table_rows"] == "1000"
    assert np.array_equal(found.arrays["hsic"], again.arrays["hsic"])
    assert not np.array_equal(found.arrays["hsic"], other.arrays["hsic"])
    assert found.arrays["overlap"].max() == 400
    whole = outcome(inputs, rows=1000).arrays["hsic"]
    assert np.allclose(found.arrays["hsic"], whole, atol=0.08)
    assert not np.allclose(found.arrays["hsic"], whole, atol=1e-4)


def test_null_tells_what_chance_gives(tmp_path: Path):
    """Columns that are all functions of x: the null is that of independent columns."""
    generator = np.random.default_rng(3)
    x = generator.standard_normal(3000)
    values = {f"x{power}": x**power for power in range(1, 6)}
    values["gaps"] = np.where(generator.random(3000) < 0.5, np.nan, x)
    inputs = write_inputs(tmp_path, values)
    found = outcome(inputs, permutations=150, min_effective_n=120)
    assert found.arrays["rdc"].min() > 0.95
    null = read_json(inputs["null"])
    table, smallest = null["table"], null["smallest_overlap"]
    assert table["pairs"] == smallest["pairs"] == 169
    assert smallest["overlap"] == {"minimum": 120, "median": 120.0, "maximum": 120}
    assert table["overlap"]["maximum"] == 3000 and table["overlap"]["minimum"] < 1600
    for measure in ("hsic", "rdc"):
        assert table[measure]["mean"] < table[measure]["quantile_95"] < table[measure]["maximum"]
        assert table[measure]["maximum"] < smallest[measure]["maximum"]
    assert table["rdc"]["maximum"] < 0.25 and table["hsic"]["maximum"] < 0.02
    # √(features / rows) is the scale of a canonical correlation of independent columns.
    ratio = smallest["rdc"]["mean"] / table["rdc"]["mean"]
    assert ratio == pytest.approx(np.sqrt(3000 / 120), rel=0.35)


def test_a_single_descriptor(tmp_path: Path):
    inputs = write_inputs(tmp_path, {"only": np.random.default_rng(4).standard_normal(300)})
    found = outcome(inputs)
    assert found.arrays["hsic"].tolist() == found.arrays["rdc"].tolist() == [[1.0]]
    assert read_json(inputs["null"])["table"]["rdc"]["mean"] < 0.5


def test_a_small_table_needs_no_more_than_half_of_its_rows(tmp_path: Path):
    values = columns(5, rows=50)
    found = outcome(write_inputs(tmp_path, values, rejected=("flat",)))
    assert found.facts["min_overlap"] == "25"
    assert not np.isnan(found.arrays["rdc"]).any()


def test_what_cannot_be_measured_is_told(tmp_path: Path):
    values = columns()
    inputs = write_inputs(tmp_path, values, rejected=tuple(values))
    with pytest.raises(InputError, match=r"statistics\.parquet: no descriptor is left for pass 4"):
        outcome(inputs)
    inputs = write_inputs(tmp_path, values)
    with pytest.raises(ConfigError, match=r"pass 4 is to use 50 rows, but a pair must share 100"):
        outcome(inputs, rows=50)
    with pytest.raises(ConfigError, match="permutations is 0"):
        outcome(inputs, permutations=0)
    with pytest.raises(ConfigError, match="raise memory_mb"):
        outcome(inputs, memory_mb=601)
