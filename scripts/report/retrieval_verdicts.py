"""What the retrieval track's page says of its numbers: selections that sentences are made from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from scripts.report.retrieval_tables import ComparisonRow, MatrixRow, MemoryRow
from scripts.report.retrieval_view import (
    AVERAGE,
    BETTER,
    FORGETTING,
    FULL,
    OWN,
    WORSE,
    compared_in,
    is_fixed,
    is_trained,
    main_matrix,
    memory_limits,
)

WITHIN = "within"
_MOST_PAIRS = 3


@dataclass(frozen=True)
class Pair:
    """One method minus another in the average; the one with the higher average comes first."""

    first: str
    second: str
    queries: int
    difference: float
    low: float | None
    high: float | None
    detectable: float | None
    verdict: str


@dataclass(frozen=True)
class Loss:
    """The score on a session after training on it at best, and at the end."""

    method: str
    test: int
    best_model: int
    best: float
    last: float


@dataclass(frozen=True)
class Signs:
    """Figures of forgetting by method: beyond the interval above 0, below it, and all known."""

    more: dict[str, dict[str, Any]]
    less: dict[str, dict[str, Any]]
    known: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Bound:
    """Documents that a method may carry over, None for all, and the most that it did."""

    method: str
    limit: int | None
    carried: int

    @property
    def kept(self) -> bool:
        """Whether the memory stayed within its bound."""
        return self.limit is None or self.carried <= self.limit


@dataclass(frozen=True)
class FalseNegatives:
    """Sampled negatives of a method of which judgements tell, and answers among them."""

    method: str
    judged: int
    false: int

    @property
    def rate(self) -> float | None:
        """Share of answers, None where nothing was judged."""
        return self.false / self.judged if self.judged else None


def main_differences(
    rows: Sequence[ComparisonRow], measure: str, figure: str = AVERAGE
) -> list[ComparisonRow]:
    """Return a figure's differences to the reference on own collections, in the table's order."""
    found = compared_in(rows, (OWN, FULL), measure)
    return [row for (_, name), row in found.items() if name == figure]


def by_verdict(rows: Sequence[ComparisonRow]) -> dict[str, list[ComparisonRow]]:
    """Return the differences by verdict, the largest first; "" where no interval could be drawn."""
    found: dict[str, list[ComparisonRow]] = {}
    for row in sorted(rows, key=lambda row: (-abs(row.difference), row.method)):
        found.setdefault(row.verdict, []).append(row)
    return found


def average_pairs(summary: dict[str, Any]) -> list[Pair]:
    """Return the differences of every two methods in the average, the largest first."""
    found = [_pair(one) for one in summary["pairs"][AVERAGE]]
    return sorted(found, key=lambda pair: (-pair.difference, pair.first, pair.second))


def _pair(one: dict[str, Any]) -> Pair:
    pair = Pair(
        first=one["method"],
        second=one["reference"],
        queries=one["queries"],
        difference=one["difference"],
        low=one["low"],
        high=one["high"],
        detectable=one["smallest_detectable"],
        verdict=one["verdict"],
    )
    if pair.difference >= 0:
        return pair
    return replace(
        pair,
        first=pair.second,
        second=pair.first,
        difference=-pair.difference,
        low=None if pair.high is None else -pair.high,
        high=None if pair.low is None else -pair.low,
        verdict={BETTER: WORSE, WORSE: BETTER}.get(pair.verdict, pair.verdict),
    )


def telling_pairs(summary: dict[str, Any]) -> list[Pair]:
    """Return the pairs that the page's head names.

    The best method against the next, and cluster memories against random replay where nothing else
    about the methods differs; without those that the reference is one of.
    """
    pairs = [
        pair
        for pair in average_pairs(summary)
        if summary["reference"] not in (pair.first, pair.second)
    ]
    ranked = sorted(
        (method for method, about in summary["methods"].items() if about["figures"][AVERAGE]),
        key=lambda method: (-summary["methods"][method]["figures"][AVERAGE]["value"], method),
    )
    chosen = [pair for pair in pairs if {pair.first, pair.second} == set(ranked[:2])]
    chosen += [
        pair for pair in pairs if pair not in chosen and _differ_in_replay_alone(summary, pair)
    ]
    return chosen[:_MOST_PAIRS]


def _differ_in_replay_alone(summary: dict[str, Any], pair: Pair) -> bool:
    abouts = [summary["methods"][method] for method in (pair.first, pair.second)]
    if not all(map(is_trained, abouts)):
        return False
    settings = [dict(about["settings"]) for about in abouts]
    for one in settings:
        one.pop("method", None)
    memories = {one.pop("memory") for one in settings}
    return memories == {"cluster", "random"} and settings[0] == settings[1]


def forgetting_signs(summary: dict[str, Any]) -> Signs:
    """Return which methods that train forgot, and whose earlier sessions got better."""
    known = {
        method: about["figures"][FORGETTING]
        for method, about in summary["methods"].items()
        if is_trained(about) and about["figures"][FORGETTING] is not None
    }
    with_ends = {method: one for method, one in known.items() if one["low"] is not None}
    return Signs(
        more={method: one for method, one in with_ends.items() if one["low"] > 0},
        less={method: one for method, one in with_ends.items() if one["high"] < 0},
        known=known,
    )


def largest_loss(rows: Sequence[MatrixRow], measure: str) -> Loss | None:
    """Return the largest fall of a score since the best model that was trained on its session."""
    found = []
    for method, entries in main_matrix(rows, measure).items():
        if is_fixed(entries):
            continue
        last = max(model for model, _ in entries)
        for test in sorted({test for _, test in entries if test < last}):
            known = [
                entries[model, test] for model in range(test, last) if (model, test) in entries
            ]
            best = max(known, key=lambda row: row.value)
            found.append(Loss(method, test, best.model, best.value, entries[last, test].value))
    lost = [one for one in found if one.best > one.last]
    return max(lost, key=lambda one: one.best - one.last, default=None)


def bounds(summary: dict[str, Any], memory: Sequence[MemoryRow]) -> list[Bound]:
    """Return what each trained method may carry over, and the most that a stream of it did."""
    return [
        Bound(
            method, limit, max((row.carried for row in memory if row.method == method), default=0)
        )
        for method, limit in memory_limits(summary).items()
    ]


def false_negatives(memory: Sequence[MemoryRow]) -> list[FalseNegatives]:
    """Return the false negatives of each method, all seeds and sessions together."""
    return [
        FalseNegatives(
            method,
            sum(row.judged for row in memory if row.method == method),
            sum(row.false_negatives for row in memory if row.method == method),
        )
        for method in dict.fromkeys(row.method for row in memory)
    ]


def data_total(summary: dict[str, Any], name: str) -> int:
    """Return a count of the data, all sessions together; 0 where a session was not described."""
    return sum(int((session["data"] or {}).get(name) or 0) for session in summary["sessions"])


def scored_queries(summary: dict[str, Any]) -> int:
    """Return the test queries that have an answer."""
    return sum(int(session["scored"] or 0) for session in summary["sessions"])
