"""A table that is damaged, missing or of other columns is named instead of read."""

import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.common.errors import IntegrityError
from scripts.common.tables import (
    count_rows,
    iterate_batches,
    open_table,
    read_table,
    table_of_rows,
    table_writer,
    write_table,
)

SCHEMA = pa.schema([("doc_id", pa.string()), ("characters", pa.int32())])
ROWS = [{"doc_id": f"문서{n}", "characters": n} for n in range(12_000)]


@pytest.fixture
def path(tmp_path):
    table = tmp_path / "scores.parquet"
    write_table(table, table_of_rows(ROWS, SCHEMA), SCHEMA)
    return table


def test_rows_come_back_in_order(path):
    assert read_table(path, SCHEMA).to_pylist() == ROWS
    assert read_table(path, SCHEMA, ["characters"]).column_names == ["characters"]
    assert count_rows(path, SCHEMA) == 12_000


@pytest.mark.parametrize("rows", [1_000, 4_999, 100_000])
def test_batches_are_bounded_and_lose_nothing(path, rows):
    batches = list(iterate_batches(path, SCHEMA, rows=rows))
    assert max(batch.num_rows for batch in batches) <= rows
    assert [row for batch in batches for row in batch.to_pylist()] == ROWS


def test_same_rows_give_the_same_bytes(path, tmp_path):
    again = tmp_path / "again.parquet"
    write_table(again, table_of_rows(ROWS, SCHEMA), SCHEMA)
    assert again.read_bytes() == path.read_bytes()


def test_long_texts_give_the_same_bytes_however_they_arrive(tmp_path):
    schema = pa.schema([("text", pa.string())])
    chance = random.Random(0)
    texts = [chance.randbytes(500).hex() for _ in range(6_000)]  # pages of 1 MB are cut within
    table = pa.table({"text": texts}, schema=schema)
    found = set()
    for rows in (777, 4_999, 6_000):
        path = tmp_path / f"{rows}.parquet"
        with table_writer(path, schema) as writer:
            for start in range(0, len(texts), rows):
                writer.write_table(table.slice(start, rows))
        found.add(path.read_bytes())
    assert len(found) == 1


def test_columns_are_put_in_order_and_cast(tmp_path):
    mixed = pa.table({"characters": pa.array([1, 2], pa.int64()), "doc_id": ["a", "b"]})
    write_table(tmp_path / "t.parquet", mixed, SCHEMA)
    assert read_table(tmp_path / "t.parquet", SCHEMA).schema.equals(SCHEMA)


def test_failure_while_writing_keeps_the_old_table(path):
    before = path.read_bytes()

    def write():
        with table_writer(path, SCHEMA) as writer:
            writer.write_table(table_of_rows(ROWS[:5], SCHEMA))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_value_out_of_range_keeps_the_old_table(path):
    before = path.read_bytes()
    wide = pa.table({"doc_id": ["a"], "characters": pa.array([2**40], pa.int64())})
    with pytest.raises(pa.ArrowInvalid):
        write_table(path, wide, SCHEMA)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("kept", [0, 4, 1000, -1])
def test_truncated_table_is_named(path, kept):
    path.write_bytes(path.read_bytes()[:kept])
    for read in (read_table, count_rows, open_table):
        with pytest.raises(IntegrityError) as caught:
            read(path, SCHEMA)
        assert str(caught.value) == (
            f"{path} is not a complete Parquet file; delete it and run again"
        )


def test_missing_table_is_named(tmp_path):
    with pytest.raises(IntegrityError, match=r"gone.parquet is missing; run the step that makes"):
        read_table(tmp_path / "gone.parquet", SCHEMA)


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        (SCHEMA.remove(1), "(lacks characters int32)"),
        (SCHEMA.append(pa.field("extra", pa.bool_())), "(has extra bool)"),
        (
            SCHEMA.set(1, pa.field("characters", pa.int64())),
            "(lacks characters int32; has characters int64)",
        ),
        (SCHEMA.set(1, pa.field("chars", pa.int32())), "(lacks characters int32; has chars int32)"),
        (pa.schema(list(SCHEMA)[::-1]), "(the same in another order)"),
    ],
)
def test_table_with_other_columns_is_named_with_them(tmp_path, schema, named):
    other = tmp_path / "other.parquet"
    pq.write_table(schema.empty_table(), other)
    with pytest.raises(IntegrityError) as caught:
        next(iterate_batches(other, SCHEMA, rows=10))
    assert str(caught.value).startswith(f"{other} has other columns than expected {named}; ")


def test_notes_in_the_file_do_not_matter(tmp_path):
    noted = tmp_path / "noted.parquet"
    pq.write_table(SCHEMA.with_metadata({"by": "somebody"}).empty_table(), noted)
    assert count_rows(noted, SCHEMA) == 0


def test_reading_in_batches_keeps_nothing_of_what_was_read(tmp_path):
    """A long file takes no more memory than a short one: 20 row groups of 2 MB each."""
    schema = pa.schema([("key", pa.uint64()), ("noise", pa.binary())])
    path = tmp_path / "long.parquet"
    chance = random.Random(0)
    with table_writer(path, schema) as writer:
        for group in range(20):
            keys = list(range(group * 5000, (group + 1) * 5000))
            noise = [chance.randbytes(400) for _ in keys]
            writer.write_table(pa.table({"key": keys, "noise": noise}, schema=schema))
    assert path.stat().st_size > 38 << 20

    before = pa.total_allocated_bytes()
    seen, most = 0, 0
    for batch in iterate_batches(path, schema, rows=1000):
        seen += batch.num_rows
        most = max(most, pa.total_allocated_bytes() - before)
    assert seen == 100_000
    assert most < 12 << 20
