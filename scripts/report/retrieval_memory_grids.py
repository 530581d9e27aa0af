"""Tables that the page shows of the memories: headings, and rows of texts."""

from collections.abc import Sequence
from typing import Any

from scripts.report.number_formats import count, share
from scripts.report.retrieval_tables import CohesionRow, MemoryRow

Table = tuple[list[str], list[list[str]]]  # headings, rows of texts


def memory_table(rows: Sequence[MemoryRow], summary: dict[str, Any]) -> Table:
    """Return the memories after the last session, means over seeds."""
    names = ("carried", "held", "queries", "carried_bytes", "clusters")
    totals = ("opened", "merged", "dropped")
    last = len(summary["sessions"]) - 1
    lines = []
    for method in dict.fromkeys(row.method for row in rows):
        own = [row for row in rows if row.method == method]
        at_end = [row for row in own if row.session == last]
        lines.append(
            [
                method,
                *(_mean_of([getattr(row, name) for row in at_end]) for name in names),
                *(_per_seed([getattr(row, name) for row in own], len(at_end)) for name in totals),
            ]
        )
    return (
        [
            "method",
            "documents carried",
            "documents held",
            "queries held",
            "bytes carried",
            "clusters",
            "opened",
            "merged",
            "dropped",
        ],
        lines,
    )


def sampling_table(rows: Sequence[MemoryRow]) -> Table:
    """Return the pairs that were sampled, all sessions and seeds of a method together."""
    lines = []
    for method in dict.fromkeys(row.method for row in rows):
        own = [row for row in rows if row.method == method]
        judged = sum(row.judged for row in own)
        positives = sum(row.positives_judged for row in own)
        lines.append(
            [
                method,
                count(sum(row.pairs for row in own)),
                count(_total([row.fewer_negatives for row in own])),
                count(_total([row.without_negatives for row in own])),
                count(sum(row.sampled for row in own)),
                count(judged),
                share(sum(row.false_negatives for row in own) / judged if judged else None),
                share(sum(row.positives_right for row in own) / positives if positives else None),
            ]
        )
    return (
        [
            "method",
            "pairs",
            "with fewer negatives",
            "without any",
            "negatives",
            "of them judged",
            "answers among those",
            "judged positives that are answers",
        ],
        lines,
    )


def cohesion_table(rows: Sequence[CohesionRow]) -> Table:
    """Return the cohesion of the memories after the last session, means over seeds."""
    names = {
        "clusters": "clusters",
        "within": "distance to the prototype",
        "silhouette": "silhouette",
        "davies_bouldin": "Davies-Bouldin",
        "dunn": "Dunn",
        "wcss": "WCSS",
        "calinski_harabasz": "Calinski-Harabasz",
        "purity": "purity",
    }
    last = max((row.session for row in rows), default=0)
    lines = []
    for method in dict.fromkeys(row.method for row in rows):
        own = [row for row in rows if (row.method, row.session) == (method, last)]
        lines.append(
            [method, *(_mean_of([getattr(row, name) for row in own], 3) for name in names)]
        )
    return ["method", *names.values()], lines


def _total(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _mean_of(values: Sequence[float | None], decimals: int = 0) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    mean = sum(known) / len(known)
    return decimals_of(mean, decimals) if decimals else mean_text(mean)


def _per_seed(values: Sequence[int | None], seeds: int) -> str:
    total = _total(values)
    return "–" if total is None or not seeds else mean_text(total / seeds)


def mean_text(value: float | None) -> str:
    """Format a mean of counts with one decimal, 1,234.5, or none where it is whole."""
    return "–" if value is None else f"{value:,.1f}".removesuffix(".0")


def decimals_of(value: float | None, decimals: int) -> str:
    """Format a measure with so many decimals; a dash where it does not apply."""
    return "–" if value is None else f"{value:,.{decimals}f}"
