"""Rows found by key range and by reading along are those that a whole table search finds."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common import tables
from scripts.common.corpus_tables import SPLITS
from scripts.common.tables import write_table
from scripts.corpus.documents import RowsByKey, rows_in_key_range

KEYS = st.one_of(
    st.integers(0, (1 << 64) - 1), st.sampled_from([0, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.sampled_from(["news", "wiki"]), KEYS), max_size=40, unique=True),
    source=st.sampled_from(["news", "wiki", "other"]),
    ends=st.tuples(KEYS, KEYS),
)
def test_key_ranges_over_several_row_groups(tmp_path_factory, rows, source, ends):
    rows, (first, last) = sorted(rows), sorted(ends)
    table = pa.Table.from_pylist(
        [{"doc_id": f"{name}:{key}", "source": name, "key": key} for name, key in rows],
        schema=SPLITS,
    )
    path = tmp_path_factory.mktemp("range") / "splits.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_ROW_GROUP_ROWS", 7)
        write_table(path, table, SPLITS)
    found = rows_in_key_range(
        path,
        SPLITS,
        source_column="source",
        key_column="key",
        source=source,
        first=first,
        last=last,
    )
    assert found.schema == SPLITS
    assert found["doc_id"].to_pylist() == [
        f"{name}:{key}" for name, key in rows if name == source and first <= key <= last
    ]


@given(
    present=st.lists(st.integers(0, 30), max_size=20),
    asked=st.lists(st.integers(0, 30), max_size=20),
)
def test_reading_along_finds_the_first_row_of_each_key(present, asked):
    rows = [{"key": key, "number": number} for number, key in enumerate(sorted(present))]
    along = RowsByKey(iter(rows), "key")
    for key in sorted(asked):
        assert along.find(key) == next((row for row in rows if row["key"] == key), None)
