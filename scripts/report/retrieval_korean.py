"""The head of the retrieval track's section in Korean; `retrieval_text` has the English one."""

from collections.abc import Sequence
from typing import Any

from scripts.report.number_formats import share
from scripts.report.retrieval_tables import ComparisonRow, MatrixRow, MemoryRow
from scripts.report.retrieval_text import MOST_NAMED, detectable_span
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
    BETTER,
    MEASURES,
    WORSE,
    percent,
    points,
    session_names,
)

_PAIR_VERDICTS = {
    BETTER: "구간을 넘어 낫습니다",
    WORSE: "구간을 넘어 못합니다",
    WITHIN: "구간 안이라 가릴 수 없습니다",
    "": "구간을 구할 수 없습니다",
}


def glance_korean(
    summary: dict[str, Any],
    comparison: Sequence[ComparisonRow],
    matrix: Sequence[MatrixRow],
    memory: Sequence[MemoryRow],
) -> list[str]:
    """Return the sentences at the top of the page."""
    names, measure = session_names(summary), MEASURES.get(summary["measure"], summary["measure"])
    seeds = [len(about["seeds"]) for about in summary["methods"].values()]
    found = [
        f"세션 {len(names):,}개, 문서 {summary['documents']:,}개, 정답이 있는 시험 질의 "
        f"{scored_queries(summary):,}개, 방법 {len(summary['methods']):,}개, 학습 시드 "
        f"{max(seeds):,}개입니다.",
        *_verdicts_korean(main_differences(comparison, summary["measure"]), measure),
        *(_pair_korean(pair) for pair in telling_pairs(summary)),
        *_forgotten_korean(summary, matrix),
        _bounds_korean(bounds(summary, memory)),
        _leaks_korean(data_total(summary, "leaks")),
        _false_korean(false_negatives(memory)),
    ]
    return [sentence for sentence in found if sentence]


def _verdicts_korean(rows: Sequence[ComparisonRow], measure: str) -> list[str]:
    if not rows:
        return ["방법이 하나뿐이어서 비교할 것이 없습니다."]
    against = f"{rows[0].reference}({percent(rows[0].reference_value)} %)"
    found = by_verdict(rows)
    said = [
        f"평균 {measure}에서 구간을 넘어 {against}보다 나은 방법: {_listed(found[BETTER])}."
        if BETTER in found
        else f"평균 {measure}에서 구간을 넘어 {against}보다 나은 방법이 없습니다."
    ]
    if WORSE in found:
        said.append(f"구간을 넘어 못한 방법: {_listed(found[WORSE])}.")
    if WITHIN in found:
        said.append(f"구간 안이라 가릴 수 없는 방법: {_listed(found[WITHIN])}.")
    if "" in found:
        said.append(f"구간을 구할 수 없는 방법: {_listed(found[''])}.")
    return [*said, f"알아볼 수 있는 가장 작은 차이는 {detectable_span(rows, '~')}점입니다."]


def _listed(rows: Sequence[ComparisonRow]) -> str:
    named = [
        f"{row.method} {_points(row.difference, row.low, row.high)}" for row in rows[:MOST_NAMED]
    ]
    rest = len(rows) - len(named)
    return ", ".join(named) + (f" 외 {rest:,}개" if rest else "")


def _points(value: float, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return points(value)
    return f"{points(value)}({points(low)}~{points(high)})"


def _pair_korean(pair: Pair) -> str:
    limit = (
        f"(알아볼 수 있는 가장 작은 차이 {percent(pair.detectable)}점)"
        if pair.detectable is not None
        else ""
    )
    return (
        f"{pair.first}: {pair.second} 대비 {_points(pair.difference, pair.low, pair.high)}점, "
        f"{_PAIR_VERDICTS[pair.verdict]}{limit}."
    )


def _forgotten_korean(summary: dict[str, Any], matrix: Sequence[MatrixRow]) -> list[str]:
    found = forgetting_signs(summary)
    said = []
    if found.more:
        said.append(f"구간을 넘어 잊은 방법: {_signed_list(found.more)}.")
    elif found.known:
        said.append("구간을 넘어 잊은 방법은 없습니다.")
    if found.less:
        said.append(f"지난 세션의 점수가 구간을 넘어 오른 방법: {_signed_list(found.less)}.")
    lost = largest_loss(matrix, summary["measure"])
    if lost is not None:
        names = session_names(summary)
        said.append(
            f"가장 크게 떨어진 것은 {lost.method}의 {names[lost.test]} 점수로, "
            f"{names[lost.best_model]} 뒤 {percent(lost.best)} %에서 끝에는 "
            f"{percent(lost.last)} %입니다."
        )
    return said


def _signed_list(found: dict[str, dict[str, Any]]) -> str:
    return ", ".join(
        f"{method} {_points(one['value'], one['low'], one['high'])}"
        for method, one in found.items()
    )


def _bounds_korean(found: Sequence[Bound]) -> str:
    over = [f"{one.method}({one.carried:,}/{one.limit:,})" for one in found if not one.kept]
    if over:
        return f"한도를 넘은 메모리: {', '.join(over)}."
    bounded = [one for one in found if one.limit]
    every = [f"{one.method} {one.carried:,}개" for one in found if one.limit is None]
    said = []
    if bounded:
        said.append(
            f"메모리는 모두 한도를 지켰습니다. 넘겨받은 문서는 한도 "
            f"{max(one.limit or 0 for one in bounded):,}개에 많아야 "
            f"{max(one.carried for one in bounded):,}개입니다."
        )
    if every:
        said.append(f"한도가 없는 방법: {', '.join(every)}.")
    return " ".join(said)


def _leaks_korean(leaks: int) -> str:
    if not leaks:
        return "학습 질의와 시험 질의에 함께 답이 되는 문서는 없습니다."
    return f"학습 질의와 시험 질의에 함께 답이 되는 문서가 {leaks:,}개입니다."


def _false_korean(found: Sequence[FalseNegatives]) -> str:
    judged = sum(one.judged for one in found)
    if not judged:
        return ""
    false = sum(one.false for one in found)
    if not false:
        return f"판정된 오답 {judged:,}개 가운데 정답은 없습니다."
    most = max(found, key=lambda one: one.rate or 0.0)
    return (
        f"판정된 오답 {judged:,}개 가운데 {false:,}개가 정답이며, 가장 많은 방법은 "
        f"{most.method}({share(most.rate)})입니다."
    )
