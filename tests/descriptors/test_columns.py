"""Descriptors are read as stored, whole or in part, and damage is named."""

import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.common.errors import IntegrityError
from scripts.descriptors.columns import DescriptorTable, columns_per_block, required_values
from tests.descriptors.table_builders import describe, pass1, write_parts

ROWS = 3_000


@pytest.fixture
def table(tmp_path):
    rng = np.random.Generator(np.random.Philox(1))
    columns = {f"d{n}": rng.normal(size=ROWS) for n in range(5)}
    parts = write_parts(tmp_path, columns, [0, 700, 701, 2_500], row_group_size=97)
    return describe(tmp_path, parts), columns


def test_any_range_of_rows_of_any_columns(table):
    read, columns = table
    rng = random.Random(0)
    for _ in range(40):
        start, stop = sorted(rng.choices(range(ROWS + 1), k=2))
        names = rng.sample(sorted(columns), k=rng.randint(1, 5))
        found = read.read(names, slice(start, stop))
        assert found.flags.f_contiguous or found.size == 0
        np.testing.assert_array_equal(found, np.array([columns[n][start:stop] for n in names]).T)


def test_null_nan_and_infinite_are_missing(tmp_path):
    values = [1.5, None, float("nan"), float("inf"), float("-inf")]
    kinds = {"f64": pa.float64(), "f32": pa.float32(), "f16": pa.float16()}
    columns = {name: pa.array(values, pa.float64()).cast(kind) for name, kind in kinds.items()}
    columns["null"] = pa.nulls(5)
    columns["bool"] = pa.array([True, None, False, True, True])
    columns["int"] = pa.array([3, None, 5, 2**40, -1])
    columns["uint8"] = pa.array([3, None, 5, 255, 0], pa.uint8())
    read = describe(tmp_path, write_parts(tmp_path, columns))
    for name in kinds:
        np.testing.assert_array_equal(read.read([name])[:, 0], [1.5] + [np.nan] * 4)
    assert np.isnan(read.read(["null"])).all()
    np.testing.assert_array_equal(read.read(["bool"])[:, 0], [1, np.nan, 0, 1, 1])
    np.testing.assert_array_equal(read.read(["int"])[:, 0], [3, np.nan, 5, 2**40, -1])
    narrow = {name for name in read.names if read.dtype([name]) == np.float32}
    assert narrow == {"f32", "f16", "null", "bool", "uint8"}


def test_blocks_hold_every_column_once(table):
    read, columns = table
    blocks = list(read.blocks(read.names, 2))
    assert [names for names, _ in blocks] == [["d0", "d1"], ["d2", "d3"], ["d4"]]
    np.testing.assert_array_equal(np.hstack([v for _, v in blocks]), read.read(sorted(columns)))


def test_names_with_dots_that_begin_alike(tmp_path):
    names = ["a", "a.b", "a.b.c", "b", "*", "rdkit.x y"]
    given = {name: [float(at), at + 0.5] for at, name in enumerate(names)}
    read = describe(tmp_path, write_parts(tmp_path, given))
    for some in (names, ["a"], ["a.b"], ["a.b.c", "a"], ["*", "b"]):
        np.testing.assert_array_equal(read.read(some), np.array([given[n] for n in some]).T)


def test_only_descriptors_are_read(tmp_path):
    parts = write_parts(tmp_path, {"a": [1.0], "y": [1.0], "p": [1.0], "f": [1.0]})
    read = describe(tmp_path, parts, labels=["y"], protected=["p"], force_drop=["f"])
    for name in ("y", "p", "f", "unknown"):
        with pytest.raises(ValueError, match=f"'{name}'.*no descriptors"):
            read.read(["a", name])


def test_damage_in_a_label_column_harms_no_pass(tmp_path):
    rng = np.random.Generator(np.random.Philox(2))
    columns = {"a": rng.normal(size=200), "label": rng.normal(size=200)}
    (part,) = write_parts(tmp_path, columns, use_dictionary=False, compression="none")
    describe(tmp_path, [part], labels=["label"])
    spoil(part, "label")
    assert pass1(tmp_path)["a"]["survives"]


def spoil(part, name):
    """Overwrite the stored values of a column, header of the page included."""
    metadata = pq.ParquetFile(part).metadata.row_group(0)
    column = next(
        metadata.column(at)
        for at in range(metadata.num_columns)
        if metadata.column(at).path_in_schema == name
    )
    data = bytearray(part.read_bytes())
    start = column.data_page_offset
    data[start : start + 40] = b"\xff" * 40
    part.write_bytes(data)


def test_damage_in_a_descriptor_is_named(tmp_path):
    (part,) = write_parts(tmp_path, {"a": np.arange(200.0)}, use_dictionary=False)
    read = describe(tmp_path, [part])
    spoil(part, "a")
    with pytest.raises(IntegrityError) as caught:
        read.read(["a"])
    assert str(caught.value).startswith(f"part {part} is damaged or no complete Parquet file (")
    assert "\n" not in str(caught.value)


def test_a_part_that_was_altered_or_lost_since(tmp_path):
    parts = write_parts(tmp_path, {"a": [1.0, 2.0]}, [1])
    describe(tmp_path, parts)
    size = parts[1].stat().st_size
    parts[1].write_bytes(parts[1].read_bytes() + b"x")
    with pytest.raises(IntegrityError) as caught:
        DescriptorTable(tmp_path / "table.json")
    assert str(caught.value) == (
        f"part {parts[1]} has {size + 1} bytes instead of {size}; run describe_table again"
    )
    parts[1].unlink()
    with pytest.raises(IntegrityError, match=f"part {parts[1]} is missing; put it back"):
        DescriptorTable(tmp_path / "table.json")


def test_blocks_fit_into_the_memory_that_is_granted():
    for rows in (1, 1_000, 1_000_000):
        for memory_mb in (1, 100, 4_000):
            width = columns_per_block(
                rows, memory_mb=memory_mb, bytes_per_value=12, working_bytes=64
            )
            assert width == 1 or 2 * width * rows * 12 + rows * 64 <= memory_mb * 1e6


@pytest.mark.parametrize(
    ("rows", "required"), [(3, 3), (4, 3), (10, 5), (51, 26), (199, 100), (10_000, 100)]
)
def test_small_tables_require_no_more_than_half_of_their_rows(rows, required):
    assert required_values(100, rows) == required
