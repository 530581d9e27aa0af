"""What the track's results come to in a few sentences, English and Korean."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.report.language_model_forest import (
    AGAINST_BASELINE,
    BESTS,
    CONTROL,
    LENGTHS,
    ORIGIN,
    shown_differences,
)
from scripts.report.language_model_heldout import loss_sentence
from scripts.report.language_model_tables import DifferenceRow, RunRow
from scripts.report.language_model_view import (
    COMPOSITE_STRICT,
    REAL_1,
    Measure,
    MetricBook,
    baseline_name,
    percent,
    points_of,
)

Shown = dict[str, list[tuple[Measure, DifferenceRow]]]


@dataclass(frozen=True)
class AdviceLine:
    """One advised run: why, its row as TSV text (header and cells), and the command."""

    run: str
    reason: str
    reason_korean: str
    header: str
    cells: str
    command: str


def advice_lines(summary: dict[str, Any]) -> list[AdviceLine]:
    """Return the advised runs in the summary's order."""
    return [
        AdviceLine(
            run=one["run"],
            reason=one["reason"],
            reason_korean=one["reason_korean"],
            header="\t".join(one["columns"]),
            cells="\t".join(one["row"][column] for column in one["columns"]),
            command=one["command"],
        )
        for one in summary["advice"]
    ]


def contaminated_items(summary: dict[str, Any]) -> int:
    """Return how often a check found an evaluation item in a training set, over all sets."""
    return _total(summary["contamination"].get("contaminated_items", 0))


def _total(value: Any) -> int:
    return sum(map(_total, value.values())) if isinstance(value, dict) else int(value)


def glance(
    summary: dict[str, Any],
    book: MetricBook,
    runs: Sequence[RunRow],
    differences: Sequence[DifferenceRow],
) -> list[str]:
    """Return the sentences at the top of the page."""
    if not runs:
        return ["No run was trained."]
    best, shown = _first(runs), shown_differences(differences, runs)
    tied = [row for row in runs if row.rank == best.rank]
    sentences = [
        f"{len(runs):,} {'run was' if len(runs) == 1 else 'runs were'} trained and evaluated on "
        f"{summary['items']:,} items of {summary['documents']:,} held-out documents.",
        f"The best one is {best.run} at epoch {best.best_epoch}: strict composite "
        f"{percent(best.test, best.test_low, best.test_high)} % on the test half."
        if len(tied) == 1
        else f"{_and(map(_checkpoint, tied))} tie for the best strict composite on the test half: "
        f"{percent(best.test)} %.",
    ]
    unbeaten = unbeaten_baselines(shown, [row.run for row in tied])
    if unbeaten:
        who = "It does not" if len(tied) == 1 else "Not all of these"
        noun = "baseline" if len(unbeaten) == 1 else "baselines"
        sentences.append(f"{who} beat the {noun} {_and(unbeaten)} on Real@1.")
    elif shown.get(AGAINST_BASELINE):
        who = "It beats" if len(tied) == 1 else "Each of these beats"
        sentences.append(f"{who} every baseline without a model on Real@1.")
    others = ", ".join(_within_noise(shown, tied))
    if others:
        name = "it" if len(tied) == 1 else best.run
        sentences.append(f"Within noise of {name}: {others}.")
    sentences += _question(
        shown, CONTROL, "Entity supervision changes Real@1 by {} points against the control"
    )
    sentences += _question(
        shown, LENGTHS, "Longer inputs change Real@1 by {} points on the same items"
    )
    sentences += _question(
        shown,
        ORIGIN,
        "Combined instead of plain pre-training changes the Real@1 of fine-tuning by {} points",
    )
    sentences += loss_sentence(book, best, differences, korean=False)
    sentences.append(f"Evaluation items found in a training set: {contaminated_items(summary):,}.")
    over = [row.run for row in runs if row.overfitting == "yes"]
    if over:
        sentences.append(f"Over-fitted by the end: {', '.join(over)}.")
    stopped = [f"{row.run} after epoch {row.stopped_after}" for row in runs if row.stopped_after]
    if stopped:
        sentences.append(f"Stopped early: {', '.join(stopped)}.")
    return sentences


def glance_korean(
    summary: dict[str, Any],
    book: MetricBook,
    runs: Sequence[RunRow],
    differences: Sequence[DifferenceRow],
) -> list[str]:
    """Return the same in Korean."""
    if not runs:
        return ["학습한 모델이 없습니다."]
    best, shown = _first(runs), shown_differences(differences, runs)
    tied = [row for row in runs if row.rank == best.rank]
    sentences = [
        f"모델 {len(runs):,}개를 학습하고, 학습에 쓰지 않은 문서 {summary['documents']:,}건의 문항 "
        f"{summary['items']:,}개로 평가했습니다.",
        f"가장 좋은 것은 {best.run}의 에폭 {best.best_epoch}이며, 엄격한 종합 점수는 시험 절반에서 "
        f"{percent(best.test, best.test_low, best.test_high)} %입니다(괄호는 95 % 구간)."
        if len(tied) == 1
        else f"시험 절반의 엄격한 종합 점수는 {', '.join(map(_checkpoint, tied))}이(가) 똑같이 "
        f"{percent(best.test)} %로 가장 높습니다.",
    ]
    unbeaten = unbeaten_baselines(shown, [row.run for row in tied])
    if unbeaten:
        sentences.append(f"모델 없는 기준선({', '.join(unbeaten)})보다 낫다고 할 수 없습니다.")
    elif shown.get(AGAINST_BASELINE):
        sentences.append("모델 없는 기준선은 모두 넘어섰습니다(Real@1).")
    others = ", ".join(_within_noise(shown, tied))
    if others:
        name = "" if len(tied) == 1 else f"{best.run}와(과) "
        sentences.append(f"{name}오차 범위 안에서 구별되지 않는 것: {others}.")
    sentences += _question(
        shown,
        CONTROL,
        "가린 개체를 정답으로 학습하면 대조군과 견주어 Real@1이 {} 점 달라집니다",
        True,
    )
    sentences += _question(
        shown, LENGTHS, "같은 문항에서 긴 입력과 짧은 입력의 Real@1 차이는 {} 점입니다", True
    )
    sentences += _question(
        shown,
        ORIGIN,
        "혼합 사전 학습에서 시작한 미세 조정과 일반 사전 학습의 차이는 {} 점입니다",
        True,
    )
    sentences += loss_sentence(book, best, differences, korean=True)
    sentences.append(f"학습 자료에서 발견된 평가 문항: {contaminated_items(summary):,}개.")
    over = [row.run for row in runs if row.overfitting == "yes"]
    if over:
        sentences.append(f"끝에서 과적합된 것: {', '.join(over)}.")
    stopped = [f"{row.run}(에폭 {row.stopped_after} 뒤)" for row in runs if row.stopped_after]
    if stopped:
        sentences.append(f"일찍 멈춘 것: {', '.join(stopped)}.")
    return sentences


def stopped_lines(summary: dict[str, Any], runs: Sequence[RunRow]) -> list[str]:
    """Return for each run that was stopped early where, by which rule, and what was left out.

    The first sentence is the rule; nothing is said where no patience is set.
    """
    if summary["stopping"] is None:
        return []
    patience = summary["stopping"]["patience"]
    checkpoints = "1 checkpoint" if patience == 1 else f"{patience} checkpoints in a row"
    rule = (
        f"A run is stopped as soon as {checkpoints} brought no better strict composite on the "
        f"validation half (language_model.patience = {patience})."
    )
    stopped = [row for row in runs if row.stopped_after and row.left_out]
    if not stopped:
        return [f"{rule} No run was."]
    return [
        rule,
        *(
            f"{row.run} was stopped after epoch {row.stopped_after}, its best being epoch "
            f"{row.best_epoch}; of its plan {', '.join(str(row.left_out).split())} "
            "was neither trained nor evaluated."
            for row in stopped
        ),
    ]


def _within_noise(shown: Shown, tied: Sequence[RunRow]) -> list[str]:
    """Return the runs below the tied ones whose composite is within noise of the first one's."""
    first = {row.run for row in tied}
    return [
        run
        for measure, row in shown.get(BESTS, [])
        for run in [row.second.rpartition("@")[0]]
        if measure == COMPOSITE_STRICT and row.within_noise == "yes" and run not in first
    ]


def _checkpoint(row: RunRow) -> str:
    return f"{row.run}@{row.best_epoch}"


def _and(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _first(runs: Sequence[RunRow]) -> RunRow:
    return min(runs, key=lambda row: row.rank)


def _question(shown: Shown, kind: str, sentence: str, korean: bool = False) -> list[str]:
    """Return the sentence for strict Real@1 on all items, for every pair of a kind."""
    found = []
    for measure, row in shown.get(kind, []):
        if measure == REAL_1:
            noise = row.within_noise == "yes"
            text, pair = sentence.format(points_of(row)), f"{row.first}, {row.second}"
            if korean:
                text = text.replace(" to ", "~")
                found.append(f"{text}({pair}{'; 오차 범위 안' if noise else ''}).")
            else:
                found.append(f"{text} ({pair}{'; within noise' if noise else ''}).")
    return found


def unbeaten_baselines(shown: Shown, runs: Sequence[str]) -> list[str]:
    """Return the baselines that not all of some runs' best checkpoints beat clearly on Real@1."""
    unbeaten = (
        baseline_name(row.second)
        for measure, row in shown.get(AGAINST_BASELINE, [])
        if measure == REAL_1
        and row.first.rpartition("@")[0] in runs
        and not (row.low is not None and row.low > 0)
    )
    return list(dict.fromkeys(unbeaten))
