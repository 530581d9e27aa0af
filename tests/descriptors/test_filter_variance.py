"""Pass 1 keeps what can tell items apart and says of every other descriptor why it went."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.common.errors import ConfigError, InputError
from scripts.common.tables import read_table
from scripts.descriptors.tables import EVENTS, MEMORY, STATISTICS
from tests.descriptors.table_builders import describe, mixed_columns, pass1, write_parts

ROWS = 1_000


def columns():
    rng = np.random.Generator(np.random.Philox(3))
    normal = rng.normal(size=ROWS)
    row = np.arange(ROWS)
    return {
        "good": normal,
        "log_normal": np.exp(4 * normal),
        "outlier": np.where(row == 5, 1e9, normal),
        "count": rng.poisson(1.0, ROWS),
        "flag": row % 4 == 0,
        "missing_some": np.where(row % 2 == 0, np.nan, normal),
        "missing_more": np.where(row < 501, np.nan, normal),
        "empty": pa.nulls(ROWS),
        "infinite": np.where(row % 2 == 0, np.inf, -np.inf),
        "constant": np.full(ROWS, 0.1),
        "constant_where_valid": np.where(row % 5 == 0, np.nan, 7.0),
        "rare": (row < 15).astype(np.int64),
        "very_rare": (row < 9).astype(np.int64),
        "huge": 1e300 * (1 + normal),
    }


def reasons(found):
    return {name: row["reason"] for name, row in found.items()}


EXPECTED = {
    "good": None,
    "log_normal": None,
    "outlier": None,
    "count": None,
    "flag": None,
    "missing_some": None,
    "missing_more": "missing_ratio",
    "empty": "missing_ratio",
    "infinite": "missing_ratio",
    "constant": "distinct",
    "constant_where_valid": "distinct",
    "rare": "scaled_variance",
    "very_rare": "mode_share",
    "huge": None,
}


def test_each_reject_carries_its_first_failing_criterion(tmp_path):
    describe(tmp_path, write_parts(tmp_path, columns(), [300]))
    found = pass1(tmp_path)
    assert reasons(found) == EXPECTED
    assert {name for name, row in found.items() if row["survives"]} == {
        name for name, reason in EXPECTED.items() if reason is None
    }
    events = {row["removed"]: row for row in pq.read_table(tmp_path / "events.parquet").to_pylist()}
    assert events.keys() == {name for name, reason in EXPECTED.items() if reason}
    figures = {n: (e["statistic"], e["value"], e["threshold"]) for n, e in events.items()}
    assert figures["missing_more"] == ("missing_ratio", pytest.approx(0.501), 0.5)
    assert figures["constant"] == ("distinct", 1, 2)
    assert figures["very_rare"] == ("mode_share", 0.991, 0.99)
    assert figures["rare"] == ("scaled_variance", 0, 0.002)
    assert all(e["heir"] is None and e["pass"] == 1 and e["reason"] for e in events.values())
    assert pq.read_schema(tmp_path / "statistics.parquet").equals(STATISTICS)
    assert pq.read_schema(tmp_path / "events.parquet").equals(EVENTS)


def test_the_whole_range_drops_what_one_outlier_stretches(tmp_path):
    describe(tmp_path, write_parts(tmp_path, columns()))
    found = reasons(pass1(tmp_path, range_mode="minmax"))
    changed = {name for name in found if found[name] != EXPECTED[name]}
    assert changed == {"log_normal", "outlier", "rare"}
    assert found["log_normal"] == found["outlier"] == "scaled_variance" and found["rare"] is None


def test_the_checkpoint_counts_and_names_what_decided(tmp_path):
    table = describe(tmp_path, write_parts(tmp_path, columns()), force_drop=["count"])
    pass1(tmp_path, force_keep=["rar*", "good"])
    facts = json.loads((tmp_path / "pass1_variance.json").read_text())
    assert facts["rows"] == ROWS and facts["table_sha256"] == table.sha256
    assert (facts["descriptors"], facts["survivors"], facts["rejects"]) == (14, 7, 7)
    assert facts["rejects_by_reason"] == {
        "distinct": 2, "force_drop": 1, "missing_ratio": 3, "mode_share": 1,
    }  # fmt: skip
    assert facts["kept_by_force"] == ["rare"] and facts["code_version"] == "c0de"
    assert facts["settings"]["variance_threshold"] == 0.002 and facts["package_versions"]


def test_force_drop_is_a_reject_that_is_never_read(tmp_path):
    parts = write_parts(tmp_path, columns() | {"text": ["x"] * ROWS})
    describe(tmp_path, parts, force_drop=["text", "good"])
    found = pass1(tmp_path)
    assert found["good"]["reason"] == "force_drop" == found["text"]["reason"]
    assert found["good"]["valid"] is None and not found["good"]["survives"]


def test_force_keep_and_force_drop_of_one_column(tmp_path):
    describe(tmp_path, write_parts(tmp_path, columns()), force_drop=["good"])
    with pytest.raises(ConfigError, match="force_keep: goo\\* means good, which force_drop"):
        pass1(tmp_path, force_keep=["goo*"])
    with pytest.raises(ConfigError, match="force_keep: rares matches no column; did you mean rare"):
        pass1(tmp_path, force_keep=["rares"])


@pytest.mark.parametrize(
    "memory_mb", [0.001, 0.02, 100], ids=["a column a block", "some", "one block"]
)
@pytest.mark.parametrize("threads", [1, 3])
def test_memory_and_threads_change_no_byte(tmp_path, memory_mb, threads):
    parts = write_parts(tmp_path, mixed_columns())
    for name, options in (("a", {}), ("b", {"memory_mb": memory_mb, "threads": threads})):
        describe(tmp_path / name, parts)
        pass1(tmp_path / name, **options)
    for file in ("statistics.parquet", "events.parquet", "pass1_variance.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_memory_is_noted_after_each_block(tmp_path):
    describe(tmp_path, write_parts(tmp_path, mixed_columns()))
    pass1(tmp_path, memory_mb=0.001, memory=tmp_path / "memory.parquet")
    notes = read_table(tmp_path / "memory.parquet", MEMORY).to_pylist()
    assert [note["block"] for note in notes] == list(range(len(mixed_columns())))
    assert all(note["resident_mb"] > 0 and note["seconds"] >= 0 for note in notes)


def test_layout_column_order_and_row_order_change_no_statistic(tmp_path):
    given = mixed_columns()
    rng = np.random.Generator(np.random.Philox(4))
    order = rng.permutation(400)
    shuffled = {name: given[name][order] for name in rng.permutation(sorted(given))}
    found = []
    for name, data, cuts in (("a", given, []), ("b", given, [1, 77, 399]), ("c", shuffled, [9])):
        describe(tmp_path / name, write_parts(tmp_path / name, data, cuts))
        pass1(tmp_path / name)
        found.append((tmp_path / name / "statistics.parquet").read_bytes())
    assert found[0] == found[1] == found[2]


def test_a_small_table_warns_and_adapts(tmp_path, caplog):
    values = np.arange(12.0)
    gap = np.where(values < 5, np.nan, values)
    describe(tmp_path, write_parts(tmp_path, {"a": values, "b": gap}))
    found = pass1(tmp_path, min_effective_n=100)
    assert found["a"]["survives"] and found["b"]["survives"]
    assert "min_effective_n is 100, too much for a table of 12 rows; taken as 6" in caplog.text
    gone = np.where(values < 7, np.nan, values)
    describe(tmp_path, write_parts(tmp_path, {"a": values, "b": gone}))
    found = pass1(tmp_path, min_effective_n=100, max_missing_ratio=0.9)
    assert found["b"]["reason"] == "valid"


def test_fewer_than_three_rows(tmp_path):
    describe(tmp_path, write_parts(tmp_path, {"a": [1.0, 2.0]}))
    with pytest.raises(InputError, match=r"^the table has 2 rows; .* needs at least 3$"):
        pass1(tmp_path)


def test_three_rows_and_one_descriptor(tmp_path):
    describe(tmp_path, write_parts(tmp_path, {"a": [1.0, 2.0, 3.0]}))
    assert pass1(tmp_path)["a"]["survives"]


@pytest.mark.parametrize(
    ("limit", "value", "allowed"),
    [
        ("max_missing_ratio", 1.5, "[0, 1]"),
        ("min_distinct", 2_000, "[1, 1000]"),
        ("max_mode_share", 0.0001, "[0.001, 1]"),
        ("variance_threshold", 0.3, "[0, 0.25]"),
    ],
)
def test_a_limit_that_no_descriptor_can_meet(tmp_path, limit, value, allowed):
    describe(tmp_path, write_parts(tmp_path, columns()))
    with pytest.raises(ConfigError) as caught:
        pass1(tmp_path, **{limit: value})
    assert str(caught.value) == (
        f"{limit} is {value:g}; in a table of 1000 rows it must lie in {allowed}, or no descriptor "
        "can pass"
    )


def test_nothing_left(tmp_path):
    flat = {"a": np.ones(50), "b": [None] * 49 + [1.0], "c": np.zeros(50)}
    describe(tmp_path, write_parts(tmp_path, flat))
    with pytest.raises(InputError) as caught:
        pass1(tmp_path)
    assert str(caught.value).startswith(
        "no descriptor is left after pass 1 (2 by distinct, 1 by missing_ratio); loosen its "
        "limits: a (distinct 1, limit 2), b (missing_ratio 0.98, limit 0.5), "
    )
    assert not (tmp_path / "statistics.parquet").exists()
