"""What the audit and the comparison came to in a few sentences, English and Korean."""

from collections.abc import Sequence
from typing import Any

from scripts.report.classification_tables import FaultRow
from scripts.report.classification_view import (
    MODELS_KOREAN,
    model_label,
    nats,
    percent,
    points,
)
from scripts.report.number_formats import share

_METRICS = {
    "macro_f1_supported": "macro F1",
    "head": "macro F1 of head classes",
    "medium": "macro F1 of medium classes",
    "tail": "macro F1 of tail classes",
}
_METRICS_KOREAN = {
    "macro_f1_supported": "매크로 F1",
    "head": "큰 클래스의 매크로 F1",
    "medium": "중간 클래스의 매크로 F1",
    "tail": "작은 클래스의 매크로 F1",
}
_STRATIFIED_KOREAN = {"full": "모두", "partial": "일부만", "none": "전혀"}
_SEVERITIES = ("error", "warning", "note")
_SEVERITIES_KOREAN = {"error": "오류", "warning": "경고", "note": "참고"}


def glance(
    summary: dict[str, Any],
    imbalance: dict[str, Any],
    coverage: dict[str, Any],
    faults: Sequence[FaultRow],
) -> list[str]:
    """Return the sentences at the top of the page."""
    before, after, removed = imbalance["before"], imbalance["after"], summary["filter"]["removed"]
    counted = ", ".join(_number(number, name) for name, number in _by_severity(faults) if number)
    return [
        f"{before['rows']:,} labelled rows of {before['classes']:,} classes, the largest "
        f"{before['ratio']:,.0f} : 1 to the smallest; always answering the largest is right in "
        f"{share(before['majority_baseline'])}.",
        *(_best(verdict) for verdict in summary["verdicts"] if _is_overall(verdict)),
        f"The filter removed {_number(removed['classes'], 'class')} with "
        f"{_number(removed['rows'], 'row')} ({share(removed['share'])}); {after['classes']:,} "
        f"classes are left, {after['ratio']:,.0f} : 1.",
        f"The audit found {counted or 'no fault'}.",
        f"The split is {_stratified(coverage['stratified'])} stratified: {coverage['reason']}.",
        _initial(summary["initial"]),
    ]


def glance_korean(
    summary: dict[str, Any],
    imbalance: dict[str, Any],
    coverage: dict[str, Any],
    faults: Sequence[FaultRow],
) -> list[str]:
    """Return the same in Korean."""
    before, after, removed = imbalance["before"], imbalance["after"], summary["filter"]["removed"]
    counted = ", ".join(
        f"{_SEVERITIES_KOREAN[name]} {number:,}건"
        for name, number in _by_severity(faults)
        if number
    )
    splits = coverage["splits"].values()
    everywhere = coverage["stratified"] == "full"
    missing = sum(len(split["missing"]) for split in splits)
    return [
        f"레이블이 있는 행 {before['rows']:,}개, 클래스 {before['classes']:,}개이며 가장 큰 것과 "
        f"가장 작은 것의 비는 {before['ratio']:,.0f} : 1입니다. 언제나 가장 큰 클래스로 답하면 "
        f"{share(before['majority_baseline'])}가 맞습니다.",
        *(_best_korean(verdict) for verdict in summary["verdicts"] if _is_overall(verdict)),
        f"걸러 낸 것은 클래스 {removed['classes']:,}개, 행 {removed['rows']:,}개"
        f"({share(removed['share'])})이고, 남은 클래스 {after['classes']:,}개의 비는 "
        f"{after['ratio']:,.0f} : 1입니다.",
        f"점검에서 {counted}이 나왔습니다." if counted else "점검에서 문제가 나오지 않았습니다.",
        "모든 클래스가 세 분할에 다 들어 있습니다(완전한 층화)."
        if everywhere
        else f"층화는 {_STRATIFIED_KOREAN[coverage['stratified']]} 되었고, 분할에 빠진 클래스가 "
        f"모두 {missing:,}건입니다.",
        _initial_korean(summary["initial"]),
    ]


def warnings(
    summary: dict[str, Any], coverage: dict[str, Any], faults: Sequence[FaultRow]
) -> list[str]:
    """Return what a reader should know before trusting the numbers."""
    found = []
    if coverage["stratified"] != "full":
        found.append(
            f"The split is {_stratified(coverage['stratified'])} stratified: {coverage['reason']}."
        )
    if coverage["cross_split_duplicates"]:
        found.append(
            f"{_number(coverage['cross_split_duplicates'], 'row')} of validation and test "
            "have a text that stands in train as well; scores are too high by what it gives away."
        )
    found += [f"{line}." for line in summary["initial"]["verdicts"]]
    found += [f"{fault.fault}: {fault.what}" for fault in faults if fault.severity == "error"]
    seeds = {model: len(about["seeds"]) for model, about in summary["models"].items()}
    for model, number in seeds.items():
        if number < 3:
            found.append(
                f"{model_label(model)}: {_number(number, 'training seed')} only, so intervals say "
                "little or nothing about how much training itself varies."
            )
    return found


def verdict_sentences(summary: dict[str, Any]) -> list[str]:
    """Return a sentence for each model and metric."""
    return [_sentence(verdict) for verdict in summary["verdicts"]]


def _is_overall(verdict: dict[str, Any]) -> bool:
    return bool(verdict["metric"] == "macro_f1_supported")


def _sentence(verdict: dict[str, Any]) -> str:
    name, model = _METRICS[verdict["metric"]], model_label(verdict["model"])
    if verdict["reference_mean"] is None:
        return f"{model}, {name}: the test split has no such class."
    if not _compared(verdict):
        return f"{model}, {name}: there is one strategy only."
    found = f"{model}, {name}: "
    better, worse = verdict["better"], verdict["worse"]
    found += (
        f"{_listed(better)} {'is' if len(better) == 1 else 'are'} better than "
        f"{verdict['reference']} ({percent(verdict['reference_mean'])}) beyond the interval"
        if better
        else f"no strategy is better than {verdict['reference']} "
        f"({percent(verdict['reference_mean'])}) beyond its interval"
    )
    if worse:
        found += f"; {_listed(worse)} {'is' if len(worse) == 1 else 'are'} worse"
    return f"{found}."


def _best(verdict: dict[str, Any]) -> str:
    model, reference = model_label(verdict["model"]), verdict["reference"]
    if not _compared(verdict):
        return f"{model}: one strategy only, macro F1 {percent(verdict['reference_mean'])} %."
    if not verdict["better"]:
        return (
            f"{model}: no strategy beats {reference} ({percent(verdict['reference_mean'])} %) in "
            f"macro F1 beyond its interval{_nearest(verdict, '; {} comes nearest, {} points')}."
        )
    best = verdict["better"][0]
    return (
        f"{model}: {best['strategy']} helps most, macro F1 "
        f"{points(best['difference'], best['low'], best['high'])} points on "
        f"{percent(verdict['reference_mean'])} of {reference}."
    )


def _best_korean(verdict: dict[str, Any]) -> str:
    model = MODELS_KOREAN.get(verdict["model"], verdict["model"])
    reference = verdict["reference"]
    name = _METRICS_KOREAN[verdict["metric"]]
    if not _compared(verdict):
        return f"{model}: 전략이 하나뿐이며 {name}은 {percent(verdict['reference_mean'])} %입니다."
    if not verdict["better"]:
        return (
            f"{model}: 구간을 넘어 {name}을 높인 전략이 없습니다({reference} "
            f"{percent(verdict['reference_mean'])} % 대비"
            f"{_nearest(verdict, '; 가장 가까운 것은 {}, {}점').replace(' to ', '~')})."
        )
    best = verdict["better"][0]
    low, high = points(best["low"]), points(best["high"])
    return (
        f"{model}: {best['strategy']} 전략이 {name}을 가장 많이 높였습니다({reference}의 "
        f"{percent(verdict['reference_mean'])}에서 {points(best['difference'])}점, 95 % 구간 "
        f"{low}~{high})."
    )


def _nearest(verdict: dict[str, Any], text: str) -> str:
    """Return the text about the strategy that gained most without leaving its interval."""
    if not verdict["within"]:
        return ""
    most = max(verdict["within"], key=lambda one: float(one["difference"]))
    return text.format(most["strategy"], points(most["difference"], most["low"], most["high"]))


def _compared(verdict: dict[str, Any]) -> bool:
    return any(verdict[kind] for kind in ("better", "worse", "within"))


def _listed(found: Sequence[dict[str, Any]]) -> str:
    return ", ".join(
        f"{one['strategy']} {points(one['difference'], one['low'], one['high'])}" for one in found
    )


def _initial(initial: dict[str, Any]) -> str:
    if not initial["wrong"]:
        return (
            f"All {_number(initial['runs'], 'training')} began at a loss of ln C, as untrained "
            "heads do."
        )
    return (
        f"{initial['wrong']:,} of {_number(initial['runs'], 'training')} did not begin at a loss "
        "of ln C: a fault of the head, its scale or the loss, which no remedy here mends."
    )


def _initial_korean(initial: dict[str, Any]) -> str:
    if not initial["wrong"]:
        return f"학습 {initial['runs']:,}회 모두 처음 손실이 ln C였습니다."
    return (
        f"학습 {initial['runs']:,}회 가운데 {initial['wrong']:,}회는 처음 손실이 ln C와 다릅니다: "
        "불균형이 아니라 출력층, 척도 또는 손실의 잘못입니다."
    )


def curve_sentence(model: str, about: dict[str, Any]) -> str:
    """Return what the losses of a model are to be measured against."""
    return (
        f"{model_label(model)}: ln C = {nats(about['ln_classes'])}, answering the class "
        f"frequencies costs {nats(about['prior_only_loss'])}"
    )


def _by_severity(faults: Sequence[FaultRow]) -> list[tuple[str, int]]:
    return [(name, sum(fault.severity == name for fault in faults)) for name in _SEVERITIES]


def _stratified(kind: str) -> str:
    return {"full": "fully", "partial": "partly", "none": "not"}[kind]


def _number(number: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
