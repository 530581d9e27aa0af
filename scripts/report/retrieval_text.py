"""What the comparison of retrieval methods came to in a few sentences, English and Korean."""

from collections.abc import Sequence
from typing import Any

from scripts.report.number_formats import share
from scripts.report.retrieval_tables import ComparisonRow, MatrixRow, MemoryRow
from scripts.report.retrieval_verdicts import (
    WITHIN,
    Bound,
    FalseNegatives,
    Pair,
    bounds,
    by_verdict,
    data_total,
    false_negatives,
    forgetting_signs,
    largest_loss,
    main_differences,
    scored_queries,
    telling_pairs,
)
from scripts.report.retrieval_view import (
    AVERAGE,
    BETTER,
    FIGURES,
    FORGETTING,
    MEASURES,
    WORSE,
    percent,
    points,
    session_names,
)

MOST_NAMED = 5
_FEW_QUERIES = 30
_MANY_FALSE = 0.05
_FEW_SEEDS = 3
_VERDICTS = {
    BETTER: "better beyond the interval",
    WORSE: "worse beyond the interval",
    WITHIN: "within the interval, so not told apart",
    "": "no interval could be drawn",
}


def glance(
    summary: dict[str, Any],
    comparison: Sequence[ComparisonRow],
    matrix: Sequence[MatrixRow],
    memory: Sequence[MemoryRow],
) -> list[str]:
    """Return the sentences at the top of the page."""
    names, measure = session_names(summary), MEASURES.get(summary["measure"], summary["measure"])
    seeds = [len(about["seeds"]) for about in summary["methods"].values()]
    found = [
        f"{_number(len(names), 'session')} of {_number(summary['documents'], 'document')}, "
        f"{_number(scored_queries(summary), 'test query')} with an answer, "
        f"{_number(len(summary['methods']), 'method')}, {_number(max(seeds), 'training seed')}.",
        *_verdicts(main_differences(comparison, summary["measure"]), measure),
        *(f"{pair_sentence(pair)}." for pair in telling_pairs(summary)),
        *_forgotten(summary, matrix),
        _bounds(bounds(summary, memory)),
        _leaks(data_total(summary, "leaks")),
        _false(false_negatives(memory)),
    ]
    return [sentence for sentence in found if sentence]


def verdict_sentences(summary: dict[str, Any], comparison: Sequence[ComparisonRow]) -> list[str]:
    """Return a sentence for each method and figure on own collections, and for telling pairs."""
    measure = summary["measure"]
    name = MEASURES.get(measure, measure)
    return [
        f"{row.method}: {_compared_values(figure, name, row)}, a difference of "
        f"{points(row.difference, row.low, row.high)} points, "
        f"{_VERDICTS[row.verdict]}{_detectable(row.smallest_detectable)}."
        for figure in (AVERAGE, FORGETTING)
        for row in main_differences(comparison, measure, figure)
    ] + [f"Average {name}, {pair_sentence(pair)}." for pair in telling_pairs(summary)]


def _compared_values(figure: str, measure: str, row: ComparisonRow) -> str:
    if figure == AVERAGE:
        return (
            f"average {measure} {percent(row.value)} % against {percent(row.reference_value)} % of "
            f"{row.reference}"
        )
    return (
        f"{FIGURES[figure]} {points(row.value)} points against {points(row.reference_value)} of "
        f"{row.reference}"
    )


def pair_sentence(pair: Pair) -> str:
    """Return what two methods differ by in the average, without a full stop."""
    return (
        f"{pair.first} against {pair.second}: "
        f"{points(pair.difference, pair.low, pair.high)} points, "
        f"{_VERDICTS[pair.verdict]}{_detectable(pair.detectable)}"
    )


def warnings(
    summary: dict[str, Any], comparison: Sequence[ComparisonRow], memory: Sequence[MemoryRow]
) -> list[str]:
    """Return what a reader should know before trusting the numbers."""
    found = _undecided(summary, comparison)
    few = [
        str(session["name"])
        for session in summary["sessions"]
        if 0 < int(session["scored"] or 0) < _FEW_QUERIES
    ]
    if few:
        found.append(
            f"Fewer than {_FEW_QUERIES} scored test queries: {', '.join(few)}; a query more or "
            "less moves such a session's score by points."
        )
    if summary["untested"]:
        found.append(
            f"Without a scored test query, and so in no average: {', '.join(summary['untested'])}."
        )
    alone = [
        method
        for method, about in summary["methods"].items()
        if about["effort"]["steps"] and len(about["seeds"]) < _FEW_SEEDS
    ]
    if alone:
        found.append(
            f"Fewer than {_FEW_SEEDS} training seeds: {', '.join(alone)}; intervals say little or "
            "nothing about how much training itself varies."
        )
    if leaks := data_total(summary, "leaks"):
        found.append(f"{_leaks(leaks)} Scores are too high by what it gives away.")
    if repeated := data_total(summary, "tested_before"):
        found.append(
            f"{_number(repeated, 'training query')} {'has' if repeated == 1 else 'have'} the text "
            "of an earlier session's test query."
        )
    found += [
        f"{one.method} carried {one.carried:,} documents over, beyond its bound of {one.limit:,}."
        for one in bounds(summary, memory)
        if not one.kept
    ]
    found += [
        f"{one.method}: {share(one.rate)} of the judged negatives are answers, and training pushes "
        "them away."
        for one in false_negatives(memory)
        if one.rate is not None and one.rate > _MANY_FALSE
    ]
    return found


def _undecided(summary: dict[str, Any], comparison: Sequence[ComparisonRow]) -> list[str]:
    """Say where the queries are too few to tell methods apart."""
    compared = [
        (row.method, row.reference, row.queries, row.difference, row.smallest_detectable)
        for row in main_differences(comparison, summary["measure"])
        if row.verdict == WITHIN
    ]
    compared += [
        (pair.first, pair.second, pair.queries, pair.difference, pair.detectable)
        for pair in telling_pairs(summary)
        if pair.verdict == WITHIN
    ]
    return [
        f"{first} against {second}: {_number(queries, 'test query')} cannot tell them apart. The "
        f"difference of {points(difference)} points lies within its interval, and only one of "
        f"{percent(detectable)} points or more would be found in four of five trials; this does "
        "not show that the methods are equal."
        for first, second, queries, difference, detectable in compared
        if detectable is not None
    ]


def _verdicts(rows: Sequence[ComparisonRow], measure: str) -> list[str]:
    if not rows:
        return ["There is one method only, so there is nothing to compare."]
    against = f"{rows[0].reference} ({percent(rows[0].reference_value)} %)"
    found = by_verdict(rows)
    said = [
        f"Better than {against} in average {measure} beyond the interval: {_listed(found[BETTER])}."
        if BETTER in found
        else f"No method beats {against} in average {measure} beyond the interval."
    ]
    if WORSE in found:
        said.append(f"Worse beyond it: {_listed(found[WORSE])}.")
    if WITHIN in found:
        said.append(f"Within it, so not told apart: {_listed(found[WITHIN])}.")
    if "" in found:
        said.append(f"Without an interval: {_listed(found[''])}.")
    return [*said, f"Smallest detectable difference: {detectable_span(rows, ' to ')} points."]


def _listed(rows: Sequence[ComparisonRow]) -> str:
    named = [
        f"{row.method} {points(row.difference, row.low, row.high)}" for row in rows[:MOST_NAMED]
    ]
    rest = len(rows) - len(named)
    return ", ".join(named) + (f" and {rest:,} more" if rest else "")


def detectable_span(rows: Sequence[ComparisonRow], to: str) -> str:
    """Return the smallest detectable differences of some comparisons in points: 11.8 to 12.0."""
    known = [row.smallest_detectable for row in rows if row.smallest_detectable is not None]
    ends = list(dict.fromkeys(percent(one) for one in (min(known), max(known)))) if known else ["–"]
    return to.join(ends)


def _forgotten(summary: dict[str, Any], matrix: Sequence[MatrixRow]) -> list[str]:
    found = forgetting_signs(summary)
    said = []
    if found.more:
        said.append(f"Forgotten beyond the interval: {_signed_list(found.more)}.")
    elif found.known:
        said.append("No method forgot beyond its interval.")
    if found.less:
        said.append(
            f"Scores on earlier sessions rose beyond it (negative forgetting): "
            f"{_signed_list(found.less)}."
        )
    lost = largest_loss(matrix, summary["measure"])
    if lost is not None:
        names = session_names(summary)
        said.append(
            f"The largest single loss is that of {lost.method} on {names[lost.test]}: "
            f"{percent(lost.best)} % after {names[lost.best_model]}, {percent(lost.last)} % at the "
            "end."
        )
    return said


def _signed_list(found: dict[str, dict[str, Any]]) -> str:
    return ", ".join(
        f"{method} {points(one['value'], one['low'], one['high'])}" for method, one in found.items()
    )


def _bounds(found: Sequence[Bound]) -> str:
    over = [f"{one.method} ({one.carried:,} of {one.limit:,})" for one in found if not one.kept]
    if over:
        return f"Memory beyond its bound: {', '.join(over)}."
    bounded = [one for one in found if one.limit]
    every = [f"{one.method} up to {one.carried:,}" for one in found if one.limit is None]
    said = []
    if bounded:
        said.append(
            f"Every memory stayed within its bound: {max(one.carried for one in bounded):,} of "
            f"{max(one.limit or 0 for one in bounded):,} documents carried over at most."
        )
    if every:
        said.append(f"Without a bound: {', '.join(every)}.")
    return " ".join(said)


def _leaks(leaks: int) -> str:
    if not leaks:
        return "No document answers both a training and a test query of its session."
    return (
        f"{_number(leaks, 'document')} {'answers' if leaks == 1 else 'answer'} both a training and "
        "a test query of a session."
    )


def _false(found: Sequence[FalseNegatives]) -> str:
    judged = sum(one.judged for one in found)
    if not judged:
        return ""
    false = sum(one.false for one in found)
    if not false:
        return f"None of {judged:,} judged negatives is an answer."
    most = max(found, key=lambda one: one.rate or 0.0)
    return (
        f"{false:,} of {judged:,} judged negatives are answers, at most {share(most.rate)} "
        f"({most.method})."
    )


def _detectable(value: float | None) -> str:
    return "" if value is None else f"; smallest detectable difference {percent(value)} points"


def _number(number: int, noun: str) -> str:
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
