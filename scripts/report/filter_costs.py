"""What each check costs, put together over sources, for pages and figures."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from scripts.report.corpus_tables import FilterCostRow, PronounRow
from scripts.report.funnel import ALL_SOURCES

_CHEAP = ("too_short", "too_long", "few_sentences", "little_hangul", "many_symbols")


@dataclass(frozen=True)
class DatasetFilters:
    """The checks of one selection, all sources together.

    Attributes:
        datasets: the datasets that share it.
        documents: documents with a text.
        checks: what each check costs, in order.
        by_source: the same of each source.
    """

    datasets: tuple[str, ...]
    documents: int
    checks: tuple[FilterCostRow, ...]
    by_source: dict[str, tuple[FilterCostRow, ...]]

    @property
    def title(self) -> str:
        """The names of the datasets."""
        return ", ".join(self.datasets)

    @property
    def cheap_passing(self) -> int:
        """Documents that pass all checks that need no analysis."""
        return self.documents - sum(c.first for c in self.checks if c.check in _CHEAP)


def dataset_filters(rows: Sequence[FilterCostRow]) -> list[DatasetFilters]:
    """Return one block per selection; datasets whose checks all cost the same share one."""
    by_dataset: defaultdict[str, list[FilterCostRow]] = defaultdict(list)
    for row in rows:
        by_dataset[row.dataset].append(row)
    shared: defaultdict[tuple[object, ...], list[str]] = defaultdict(list)
    for dataset, own in by_dataset.items():
        kind = dataset.rsplit("_", 1)[0]
        shared[kind, tuple(_content(row) for row in own)].append(dataset)
    return [_block(tuple(names), by_dataset[names[0]]) for names in shared.values()]


def _content(row: FilterCostRow) -> tuple[object, ...]:
    return (row.source, row.check, row.limit, row.documents, row.failing, row.first, row.alone)


def _block(datasets: tuple[str, ...], rows: Sequence[FilterCostRow]) -> DatasetFilters:
    by_source: defaultdict[str, list[FilterCostRow]] = defaultdict(list)
    by_check: defaultdict[str, list[FilterCostRow]] = defaultdict(list)
    for row in rows:
        by_source[row.source].append(row)
        by_check[row.check].append(row)
    return DatasetFilters(
        datasets=datasets,
        documents=sum(checks[0].documents for checks in by_source.values()),
        checks=tuple(_sum(own) for own in by_check.values()),
        by_source={source: tuple(own) for source, own in by_source.items()},
    )


def _sum(rows: Sequence[FilterCostRow]) -> FilterCostRow:
    return FilterCostRow(
        dataset=rows[0].dataset,
        source=ALL_SOURCES,
        check=rows[0].check,
        limit=rows[0].limit,
        documents=sum(row.documents for row in rows),
        failing=sum(row.failing for row in rows),
        first=sum(row.first for row in rows),
        alone=sum(row.alone for row in rows),
        unknown=sum(row.unknown for row in rows),
    )


def documents_by_limit(rows: Sequence[PronounRow]) -> dict[str, list[int]]:
    """Return for each dataset how many documents a pronoun limit of 0, 1, 2, … would keep.

    All of them pass every other check; the last number is that of all such documents.
    """
    counts: defaultdict[str, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        counts[row.dataset][row.pronouns] += row.documents
    return {
        dataset: list(accumulate(own[limit] for limit in range(max(own) + 1)))
        for dataset, own in counts.items()
    }
