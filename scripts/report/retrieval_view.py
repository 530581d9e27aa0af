"""What figures, tables and sentences of the retrieval track share: names, formats, selections."""

from collections.abc import Iterable, Sequence
from typing import Any

from scripts.report.retrieval_tables import ComparisonRow, MatrixRow, ShareRow, TransferRow

OWN, ACCUMULATED, FULL = "own", "accumulated", "full"
BASE = -1  # a model that no session changes
AVERAGE, FORGETTING = "average", "forgetting"
BETTER, WORSE = "better", "worse"
TRAINED_KINDS = ("continue", "restart")
FIGURES = {
    AVERAGE: "average",
    FORGETTING: "forgetting",
    "backward": "backward transfer",
    "forward": "forward transfer",
    "prequential": "next session, untrained",
}
MEASURES = {
    "success_1": "Success@1",
    "success_5": "Success@5",
    "success_10": "Success@10",
    "recall_5": "Recall@5",
    "recall_10": "Recall@10",
    "recall_100": "Recall@100",
    "mrr_10": "MRR@10",
    "ndcg_10": "nDCG@10",
}
SEARCHES = {
    (OWN, FULL): "each session's own collection",
    (OWN, "stored"): "own collections, vectors stored in their own session",
    (OWN, "clusters"): "own collections, nearest clusters only",
    (ACCUMULATED, FULL): "the collection of all sessions so far",
}
NO_DOMAIN = "(none)"


def percent(value: float | None) -> str:
    """Format a share in per cent with one decimal, without its sign; a dash for none."""
    return "–" if value is None else f"{100 * value:.1f}"


def points(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Format a difference of shares in points: +3.1 (+0.8 to +5.4)."""
    if value is None:
        return "–"
    if low is None or high is None:
        return _signed(value)
    return f"{_signed(value)} ({_signed(low)} to {_signed(high)})"


def interval(value: float | None, low: float | None, high: float | None) -> str:
    """Format a share in per cent with its interval: 54.5 (46.4 to 62.8)."""
    if low is None or high is None:
        return percent(value)
    return f"{percent(value)} ({percent(low)} to {percent(high)})"


def _signed(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:+.1f}"  # no "-0.0"


def search_name(collection: str, mode: str) -> str:
    """Return what was searched, in words."""
    return SEARCHES.get((collection, mode), f"{collection}, {mode}")


def methods_of(rows: Iterable[MatrixRow | TransferRow]) -> list[str]:
    """Return the methods in the table's order."""
    return list(dict.fromkeys(row.method for row in rows))


def main_matrix(
    rows: Sequence[MatrixRow], measure: str
) -> dict[str, dict[tuple[int, int], MatrixRow]]:
    """Return A of each method on sessions' own collections, by (model, test)."""
    found: dict[str, dict[tuple[int, int], MatrixRow]] = {}
    for row in rows:
        if (row.collection, row.mode, row.measure) == (OWN, FULL, measure):
            found.setdefault(row.method, {})[row.model, row.test] = row
    return found


def is_fixed(entries: Iterable[tuple[int, int]]) -> bool:
    """Tell by a method's entries (model, test) whether one model stands for all sessions."""
    return any(model == BASE for model, _ in entries)


def main_transfer(rows: Sequence[TransferRow], measure: str) -> list[TransferRow]:
    """Return the figures in one measure on sessions' own collections."""
    return [row for row in rows if (row.collection, row.mode, row.measure) == (OWN, FULL, measure)]


def last_figures(rows: Sequence[TransferRow]) -> dict[tuple[str, str, str], TransferRow]:
    """Return own-collection figures as of the last session, by method, measure and figure."""
    last = max((row.session for row in rows), default=0)
    return {
        (row.method, row.measure, row.figure): row
        for row in rows
        if (row.collection, row.mode, row.session) == (OWN, FULL, last)
    }


def searches_of(rows: Iterable[ComparisonRow]) -> list[tuple[str, str]]:
    """Return what was searched (collection, mode), in the table's order."""
    return list(dict.fromkeys((row.collection, row.mode) for row in rows))


def compared_in(
    rows: Iterable[ComparisonRow], search: tuple[str, str], measure: str
) -> dict[tuple[str, str], ComparisonRow]:
    """Return the differences of one search and measure, by method and figure."""
    return {
        (row.method, row.figure): row
        for row in rows
        if (row.collection, row.mode) == search and row.measure == measure
    }


def session_names(summary: dict[str, Any]) -> list[str]:
    """Return the names of the sessions by number."""
    return [str(session["name"]) for session in summary["sessions"]]


def is_trained(about: dict[str, Any]) -> bool:
    """Tell by a method's part of the summary whether it trains an encoder."""
    return (about["settings"] or {}).get("kind") in TRAINED_KINDS


def memory_limits(summary: dict[str, Any]) -> dict[str, int | None]:
    """Return documents that each trained method may carry over; None where it keeps all."""
    return {
        method: about["effort"]["memory_limit"]
        for method, about in summary["methods"].items()
        if is_trained(about)
    }


def domain_shares(rows: Sequence[ShareRow], field: str) -> dict[str, dict[int, float | None]]:
    """Return a share of each domain by session, 0 where a session of rows has none of it.

    Args:
        rows: the shares.
        field: "document_share", "query_share" or "test_share".
    """
    known = {row.session for row in rows if getattr(row, field) is not None}
    found: dict[str, dict[int, float | None]] = {}
    for row in rows:
        of_domain = found.setdefault(row.domain or NO_DOMAIN, dict.fromkeys(known, 0.0))
        of_domain[row.session] = getattr(row, field)
    return found
