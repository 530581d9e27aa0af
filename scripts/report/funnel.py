"""The fates of documents, counted: from the funnel's rows to one block per dataset."""

from collections.abc import Sequence
from dataclasses import dataclass

from scripts.report.corpus_tables import KEPT, FunnelRow, SampleRow

ALL_SOURCES = "all sources"


@dataclass(frozen=True)
class SourceFunnel:
    """The fates of the documents of one source: outcome to documents."""

    source: str
    counts: dict[str, int]

    @property
    def raw(self) -> int:
        """All documents of the source, since each has one fate."""
        return sum(self.counts.values())

    @property
    def kept(self) -> int:
        """Documents that reached the dataset."""
        return self.counts.get(KEPT, 0)

    @property
    def kept_share(self) -> float | None:
        """Kept documents as a share of raw, or None without documents."""
        return self.kept / self.raw if self.raw else None


@dataclass(frozen=True)
class DatasetFunnel:
    """The funnels of all sources of one dataset.

    Attributes:
        outcomes: the outcomes that at least one document met, in order, and always "kept".
        total: all sources together.
    """

    dataset: str
    outcomes: tuple[str, ...]
    sources: tuple[SourceFunnel, ...]
    total: SourceFunnel

    @property
    def largest_loss(self) -> tuple[str, int] | None:
        """The reason that took the most documents, the earlier one of equals; None if none did."""
        losses = [(o, self.total.counts[o]) for o in self.outcomes if o != KEPT]
        return max(losses, key=lambda loss: loss[1], default=None)


def outcome_order(rows: Sequence[FunnelRow]) -> list[str]:
    """Return the outcomes in the table's order, "kept" last."""
    # A source may leave out outcomes that none of its documents met, so the order of the fullest
    # source comes first and what it lacks follows.
    by_source: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        by_source.setdefault((row.dataset, row.source), []).append(row.outcome)
    fullest_first = sorted(by_source.values(), key=len, reverse=True)
    order = dict.fromkeys(outcome for outcomes in fullest_first for outcome in outcomes)
    order.pop(KEPT, None)
    return [*order, KEPT]


def dataset_funnels(rows: Sequence[FunnelRow]) -> list[DatasetFunnel]:
    """Return one block per dataset, datasets and sources in the table's order."""
    order = outcome_order(rows)
    return [
        _dataset_funnel(dataset, [row for row in rows if row.dataset == dataset], order)
        for dataset in dict.fromkeys(row.dataset for row in rows)
    ]


def _dataset_funnel(dataset: str, rows: list[FunnelRow], order: list[str]) -> DatasetFunnel:
    by_source: dict[str, dict[str, int]] = {}
    for row in rows:
        by_source.setdefault(row.source, {})[row.outcome] = row.documents
    sums = {o: sum(counts.get(o, 0) for counts in by_source.values()) for o in order}
    outcomes = tuple(o for o in order if sums[o] or o == KEPT)
    sources = tuple(
        SourceFunnel(source, {o: counts.get(o, 0) for o in outcomes})
        for source, counts in by_source.items()
    )
    total = SourceFunnel(ALL_SOURCES, {o: sums[o] for o in outcomes})
    return DatasetFunnel(dataset, outcomes, sources, total)


def outcome_label(outcome: str) -> str:
    """Return an outcome as words: "too_short" reads "too short"."""
    return outcome.replace("_", " ")


def samples_by_place(rows: Sequence[SampleRow]) -> dict[tuple[str, str], int]:
    """Return the samples by dataset and source, and of each dataset's sources together."""
    found: dict[tuple[str, str], int] = {}
    for row in rows:
        for source in (row.source, ALL_SOURCES):
            place = row.dataset, source
            found[place] = found.get(place, 0) + row.samples
    return found
