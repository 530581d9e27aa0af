"""Tables are checked when they are read: a bad one is named by file, row and column."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.errors import IntegrityError
from scripts.report.corpus_tables import (
    CEILING_COLUMNS,
    DATASET_COLUMNS,
    ENTITY_COLUMNS,
    FILTER_COST_COLUMNS,
    FUNNEL_COLUMNS,
    HISTOGRAM_COLUMNS,
    PRONOUN_COLUMNS,
    SAMPLE_COLUMNS,
    THRESHOLD_COLUMNS,
    FunnelRow,
    read_ceilings,
    read_datasets,
    read_entities,
    read_filter_costs,
    read_funnel,
    read_histograms,
    read_pronouns,
    read_samples,
    read_thresholds,
)
from scripts.report.funnel import dataset_funnels, outcome_order
from scripts.report.job_costs import COST_COLUMNS, read_costs
from scripts.report.tables import read_summary
from tests.report.fake_tables import OUTCOMES, write_tsv

READERS: list[tuple[Callable[[Path], Any], tuple[str, ...]]] = [
    (read_funnel, FUNNEL_COLUMNS),
    (read_histograms, HISTOGRAM_COLUMNS),
    (read_thresholds, THRESHOLD_COLUMNS),
    (read_entities, ENTITY_COLUMNS),
    (read_datasets, DATASET_COLUMNS),
    (read_samples, SAMPLE_COLUMNS),
    (read_filter_costs, FILTER_COST_COLUMNS),
    (read_pronouns, PRONOUN_COLUMNS),
    (read_ceilings, CEILING_COLUMNS),
    (read_costs, COST_COLUMNS),
]
CASES = [(reader, columns, column) for reader, columns in READERS for column in columns]


@pytest.mark.parametrize(
    ("reader", "columns", "column"), CASES, ids=[f"{r.__name__}-{c}" for r, _, c in CASES]
)
def test_a_missing_column_is_named(
    tmp_path: Path, reader: Callable[[Path], Any], columns: tuple[str, ...], column: str
) -> None:
    path = write_tsv(tmp_path / "table.tsv", [c for c in columns if c != column], [])
    with pytest.raises(IntegrityError, match=rf"table\.tsv has no column '{column}'"):
        reader(path)


def test_a_further_column_is_ignored(tmp_path: Path) -> None:
    path = write_tsv(tmp_path / "t.tsv", ["note", *FUNNEL_COLUMNS], [("x", "d", "s", "kept", 3)])
    assert read_funnel(path) == [FunnelRow("d", "s", "kept", 3)]


@pytest.mark.parametrize("cell", ["", "many", "-1", "1.5"])
def test_a_bad_count_is_named(tmp_path: Path, cell: str) -> None:
    path = write_tsv(tmp_path / "t.tsv", FUNNEL_COLUMNS, [("d", "s", "kept", cell)])
    with pytest.raises(IntegrityError, match=r"t\.tsv row 2 column 'documents'"):
        read_funnel(path)


@pytest.mark.parametrize("cell", ["nan", "inf"])
def test_a_limit_is_finite(tmp_path: Path, cell: str) -> None:
    path = write_tsv(tmp_path / "t.tsv", THRESHOLD_COLUMNS, [("d", "characters", cell, "")])
    with pytest.raises(IntegrityError, match="column 'low'"):
        read_thresholds(path)


def test_a_fate_that_stands_twice_is_refused(tmp_path: Path) -> None:
    rows = [("d", "s", "kept", 3), ("d", "s", "kept", 4)]
    with pytest.raises(IntegrityError, match="d / s / kept twice"):
        read_funnel(write_tsv(tmp_path / "t.tsv", FUNNEL_COLUMNS, rows))


def test_a_bin_without_width_is_refused(tmp_path: Path) -> None:
    rows = [("characters", "news", 5, 5, 1)]
    with pytest.raises(IntegrityError, match="column 'high'"):
        read_histograms(write_tsv(tmp_path / "t.tsv", HISTOGRAM_COLUMNS, rows))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"dataset\tsource\toutcome\tdocuments\nx\n"])
def test_a_broken_table_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.tsv"
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"t\.tsv"):
        read_funnel(path)
    with pytest.raises(IntegrityError, match=r"absent\.tsv is missing"):
        read_funnel(tmp_path / "absent.tsv")


def test_a_summary_that_is_no_object_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"summary\.json is not a JSON object"):
        read_summary(path)


# A lone "\r" is left out: Python's own csv writer does not quote it before a "\n" line end.
text = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=12)


@given(
    st.dictionaries(
        st.tuples(text, text, st.sampled_from(OUTCOMES)), st.integers(0, 10**12), max_size=30
    )
)
def test_no_document_is_lost_between_table_and_blocks(
    tmp_path_factory: pytest.TempPathFactory, fates: dict[tuple[str, str, str], int]
) -> None:
    path = tmp_path_factory.mktemp("funnel") / "funnel.tsv"
    write_tsv(path, FUNNEL_COLUMNS, [(*key, documents) for key, documents in fates.items()])
    blocks = dataset_funnels(read_funnel(path))
    found = {
        (block.dataset, one.source, outcome): documents
        for block in blocks
        for one in block.sources
        for outcome, documents in one.counts.items()
        if documents
    }
    assert found == {key: documents for key, documents in fates.items() if documents}
    assert sum(block.total.raw for block in blocks) == sum(fates.values())


def test_outcomes_keep_the_order_of_the_table() -> None:
    rows = [
        FunnelRow("mlm_1536", "wiki", "kept", 1),
        *(FunnelRow("mlm_1536", "news", outcome, 1) for outcome in OUTCOMES),
    ]
    assert outcome_order(rows) == OUTCOMES
