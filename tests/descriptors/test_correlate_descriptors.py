"""Pass 2's matrix as a step: same bits however the table is cut, read and spilled."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.tables import read_table
from scripts.descriptors import feature_store as store_module
from scripts.descriptors.tables import MEMORY
from tests.descriptors.table_builders import (
    all_survive,
    describe,
    mixed_columns,
    pass1,
    pass2,
    write_parts,
)

REPOSITORY = Path(__file__).parents[2]


def test_the_matrix_of_the_survivors(tmp_path):
    columns = mixed_columns() | {"flat": np.ones(400)}
    describe(tmp_path, write_parts(tmp_path, columns, [150]))
    pass1(tmp_path)
    found = pass2(tmp_path)
    assert found.names == sorted(mixed_columns())
    exact = pd.DataFrame(mixed_columns())[found.names].corr("spearman").to_numpy()
    rho, overlap = found.arrays["spearman"], found.arrays["overlap"]
    np.testing.assert_array_equal(np.abs(rho) >= 0.95, np.abs(exact) >= 0.95)
    place = {name: at for at, name in enumerate(found.names)}
    assert rho[place["copy"], place["d02"]] == 1 == rho[place["monotone"], place["d00"]]
    valid = pd.DataFrame(mixed_columns())[found.names].notna().to_numpy().astype(int)
    np.testing.assert_array_equal(overlap, valid.T @ valid)
    assert found.facts["rows"] == "400" and found.facts["min_overlap"] == "10"
    assert found.facts["definition"] == "exact at the threshold"
    assert list((tmp_path / "tmp").iterdir()) == []


def test_layout_column_order_memory_and_threads_change_no_byte(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "CHUNK_ROWS", 64)
    given = mixed_columns()
    turned = dict(reversed(given.items()))
    variants: dict[str, tuple[Any, list[int], dict[str, Any]]] = {
        "a": (given, [], {}),
        "b": (given, [1, 130, 399], {"memory_mb": 0.01}),
        "c": (turned, [200], {"memory_mb": 0.15, "threads": 3}),
        "d": (turned, [0, 7], {"threads": 2}),
    }
    written: dict[bool, set[tuple[bytes, str]]] = {True: set(), False: set()}
    for name, (columns, cuts, options) in variants.items():
        table = describe(tmp_path / name, write_parts(tmp_path / name, columns, cuts))
        all_survive(tmp_path / name)
        for exact in written:
            found = pass2(tmp_path / name, exact_rows=200_000 if exact else 0, **options)
            assert found.facts.pop("table_sha256") == table.sha256
            arrays = b"".join(found.arrays[key].tobytes() for key in ("overlap", "spearman"))
            written[exact].add((arrays, str(found.facts)))
    assert [len(bits) for bits in written.values()] == [1, 1]


def test_row_order_changes_at_most_rounding(tmp_path):
    given = mixed_columns()
    order = np.random.Generator(np.random.Philox(5)).permutation(400)
    found = []
    for name, rows in (("a", np.arange(400)), ("b", order)):
        shuffled = {key: values[rows] for key, values in given.items()}
        describe(tmp_path / name, write_parts(tmp_path / name, shuffled))
        all_survive(tmp_path / name)
        found.append([pass2(tmp_path / name, exact_rows=n).arrays["spearman"] for n in (400, 399)])
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_allclose(found[0][1], found[1][1], atol=1e-5, rtol=0)


def test_above_the_exact_rows_doubtful_pairs_are_counted(tmp_path):
    describe(tmp_path, write_parts(tmp_path, mixed_columns()))
    all_survive(tmp_path)
    exact, counted = pass2(tmp_path).facts, pass2(tmp_path, exact_rows=399)
    assert int(exact["reranked_pairs"]) == int(exact["doubtful_pairs"]) > 0
    assert counted.facts["definition"] == "masked rank correlation"
    assert counted.facts["reranked_pairs"] == "0" and counted.facts["doubt"] == "within 0.016"
    masked = np.abs(counted.arrays["spearman"])
    names, data = counted.names, mixed_columns()
    near = sum(
        abs(masked[one, other] - 0.95) <= 0.016
        and not np.array_equal(np.isnan(data[names[one]]), np.isnan(data[names[other]]))
        for one in range(len(names))
        for other in range(one)
    )
    assert int(counted.facts["doubtful_pairs"]) == near


def test_one_survivor_and_more_descriptors_than_rows(tmp_path):
    rng = np.random.Generator(np.random.Philox(6))
    wide = {f"d{n:02d}": rng.normal(size=8) for n in range(20)}
    for name, columns in (("one", {"a": np.arange(9.0)}), ("wide", wide)):
        describe(tmp_path / name, write_parts(tmp_path / name, columns))
        pass1(tmp_path / name)
        rho = pass2(tmp_path / name).arrays["spearman"]
        expected = pd.DataFrame(columns).corr("spearman").to_numpy()
        np.testing.assert_allclose(rho, expected, atol=1e-12, rtol=0)


def test_a_descriptor_without_values_that_is_kept_by_force(tmp_path):
    columns = {"a": np.arange(20.0), "b": np.arange(20.0) ** 2, "none": [None] * 20}
    describe(tmp_path, write_parts(tmp_path, columns))
    pass1(tmp_path, force_keep=["none"])
    rho = pass2(tmp_path).arrays["spearman"]
    assert rho[0, 1] == 1 and np.isnan(rho[2, :2]).all() and rho[2, 2] == 1


def test_statistics_of_another_table(tmp_path):
    describe(tmp_path, write_parts(tmp_path, {"a": np.arange(9.0), "b": np.arange(9.0)}))
    all_survive(tmp_path)
    describe(tmp_path, write_parts(tmp_path, {"a": np.arange(9.0)}))
    with pytest.raises(
        IntegrityError, match=r"names b, no descriptor .* run filter_variance again"
    ):
        pass2(tmp_path)


@pytest.mark.parametrize(
    ("option", "value"), [("spearman_threshold", 0.0), ("exact_rows", 300_001)]
)
def test_settings_that_cannot_be_met(tmp_path, option, value):
    with pytest.raises(ConfigError, match=f"^{option} is {value}"):
        pass2(tmp_path, **{option: value})


def test_memory_does_not_grow_from_block_to_block(tmp_path):
    rows, columns = 30_000, 40
    rng = np.random.Generator(np.random.Philox(7))
    data = {f"d{n:02d}": rng.normal(size=rows).astype(np.float32) for n in range(columns)}
    describe(tmp_path, write_parts(tmp_path, data, [13_000]))
    all_survive(tmp_path)
    arguments = {
        "table": "table.json", "converted": "converted", "statistics": "statistics.parquet",
        "correlation": "c.safetensors", "memory": "memory.parquet", "tmpdir": "tmp",
        "spearman-threshold": 0.95, "min-effective-n": 100, "exact-rows": 0, "memory-mb": 7,
        "threads": 1,
    }  # fmt: skip
    command = [sys.executable, "-m", "scripts.descriptors.correlate_descriptors"]
    for name, value in arguments.items():
        is_path = isinstance(value, str)
        command += [f"--{name}", str(tmp_path / value) if is_path else str(value)]
    subprocess.run(command, check=True, cwd=REPOSITORY, stderr=subprocess.PIPE)
    notes = read_table(tmp_path / "memory.parquet", MEMORY).to_pandas()
    ranked = notes[notes.stage == "rank"]
    assert len(ranked) >= 8 and ranked.block.tolist() == list(range(len(ranked)))
    assert ranked.resident_mb.iloc[-1] - ranked.resident_mb.iloc[0] < 50
    multiplied = notes[notes.stage == "multiply"]
    assert len(multiplied) == -(-rows // store_module.CHUNK_ROWS)
    assert multiplied.resident_mb.iloc[-1] - multiplied.resident_mb.iloc[0] < 50
    assert pq.read_metadata(tmp_path / "memory.parquet").num_rows == len(notes)
