"""What the reduction of descriptors came to in a few sentences, English and Korean."""

from typing import Any

from scripts.report.descriptors_view import METHODS, Thresholds, thresholds_of

_COMPONENTS = "components"


def glance(summary: dict[str, Any]) -> list[str]:
    """Return the sentences at the top of the page."""
    left, removed = summary["left"], summary["removed"]
    return [
        f"{_number(summary['descriptors'], 'descriptor')} of {summary['items']:,} items were "
        f"reduced to {summary['survivors']:,}: {left['pass1']:,} carry information, "
        f"{left['pass2']:,} are left after Spearman's correlation, {left['pass3']:,} after "
        f"variance inflation, {left['pass4']:,} after the nonlinear pass.",
        f"{_number(summary['with_alternatives'], 'survivor')} stand for "
        f"{_number(summary['alternatives'], 'alternative')}, {summary['standalone']:,} for "
        "themselves alone.",
        _clusters(summary),
        *_nearest(summary),
        f"{summary['weak_heirs']:,} of {_removed_with_heir(summary):,} removed descriptors have a "
        "weak heir, no descriptor that remained being close to them.",
        f"The nonlinear pass removed {removed['pass4']:,}, in which the linear passes saw nothing "
        "redundant.",
    ]


def glance_korean(summary: dict[str, Any]) -> list[str]:
    """Return the same in Korean."""
    left, removed = summary["left"], summary["removed"]
    return [
        f"항목 {summary['items']:,}개의 기술자 {summary['descriptors']:,}개를 "
        f"{summary['survivors']:,}개로 줄였습니다: 정보가 있는 것 {left['pass1']:,}개, 스피어만 "
        f"상관 뒤 {left['pass2']:,}개, 분산 팽창 뒤 {left['pass3']:,}개, 비선형 단계 뒤 "
        f"{left['pass4']:,}개.",
        f"남은 것 가운데 {summary['with_alternatives']:,}개가 대안 {summary['alternatives']:,}개를 "
        f"대표하고, {summary['standalone']:,}개는 혼자입니다.",
        _clusters_korean(summary),
        *_nearest_korean(summary),
        f"제거된 기술자 {_removed_with_heir(summary):,}개 가운데 {summary['weak_heirs']:,}개는 "
        "가까운 기술자가 남지 않아 대신할 것이 약합니다.",
        f"비선형 단계는 선형 단계가 놓친 {removed['pass4']:,}개를 제거했습니다.",
    ]


def _clusters(summary: dict[str, Any]) -> str:
    method, found = summary["method"], summary["clusterings"]["pass2"]
    sentence = (
        f"Pass 2 clusters by {METHODS[method]}; its largest cluster has "
        f"{_number(found[method]['largest_after_split'], 'descriptor')}"
    )
    if method != _COMPONENTS:
        sentence += f", where connected components chain {found[_COMPONENTS]['largest_cluster']:,}"
    return f"{sentence}."


def _nearest(summary: dict[str, Any]) -> list[str]:
    between, before = (summary["nearest_survivors"][name] for name in ("pass4", "pass2"))
    if between["largest"] is None:
        return []
    sentence = (
        f"No two survivors have |ρ| above {between['largest']:.3f} ({between['first']} and "
        f"{between['second']})"
    )
    if before["at_threshold"]:
        sentence += (
            f"; {_number(before['at_threshold'], 'pair')} of pass 2's representatives still had "
            f"{summary['settings']['pass2']['spearman_threshold']:g} or more, up to "
            f"{before['largest']:.3f}"
        )
    return [f"{sentence}."]


def _nearest_korean(summary: dict[str, Any]) -> list[str]:
    between, before = (summary["nearest_survivors"][name] for name in ("pass4", "pass2"))
    if between["largest"] is None:
        return []
    sentence = f"남은 기술자 둘 사이의 |ρ|는 최대 {between['largest']:.3f}입니다"
    if before["at_threshold"]:
        threshold = summary["settings"]["pass2"]["spearman_threshold"]
        sentence += (
            f"(2단계 대표 가운데 {before['at_threshold']:,}쌍은 아직 {threshold:g} 이상이었고 "
            f"최대 {before['largest']:.3f})"
        )
    return [f"{sentence}."]


def _clusters_korean(summary: dict[str, Any]) -> str:
    method, found = summary["method"], summary["clusterings"]["pass2"]
    names = {"leiden": "라이덴 방법", "complete": "완전 연결", "components": "연결 성분"}
    sentence = (
        f"2단계는 {names[method]}으로 묶으며, 가장 큰 묶음은 "
        f"{found[method]['largest_after_split']:,}개입니다"
    )
    if method != _COMPONENTS:
        sentence += f"(연결 성분으로는 {found[_COMPONENTS]['largest_cluster']:,}개)"
    return f"{sentence}."


def _removed_with_heir(summary: dict[str, Any]) -> int:
    return sum(summary["removed"][f"pass{number}"] for number in (2, 3, 4))


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def warnings(summary: dict[str, Any]) -> list[str]:
    """Return what a reader should know before trusting the numbers."""
    return [
        *_small_table(summary),
        *_unsettled(summary),
        *_doubtful(summary["correlation"]),
        *_chance(summary["null"], thresholds_of(summary)),
    ]


def _small_table(summary: dict[str, Any]) -> list[str]:
    settings = summary["settings"]["pass1"]
    if settings["required"] == settings["min_effective_n"]:
        return []
    return [
        f"The table has {summary['items']:,} items, too few for a least number of valid values of "
        f"{settings['min_effective_n']:,}; {settings['required']:,} was taken."
    ]


def _unsettled(summary: dict[str, Any]) -> list[str]:
    return [
        f"Leiden's best partition of {name.replace('pass', 'pass ')} did not come back often "
        f"enough in {found['restarts']:,} runs; raise clustering.restarts."
        for name, found in sorted(summary["leiden"].items())
        # Where another method decides, Leiden is only compared with it.
        if summary["settings"][name]["method"] == "leiden" and not found["settled"]
    ]


def _doubtful(correlation: dict[str, Any]) -> list[str]:
    left = correlation["doubtful"] - correlation["reranked"]
    if not left:
        return []
    return [
        f"{_number(left, 'pair')} of pass 2 lie so near to the threshold that "
        "ranking their shared items again might put them on its other side."
    ]


def _chance(null: dict[str, Any], thresholds: Thresholds) -> list[str]:
    found = []
    for measure, name, level in (
        ("hsic", "nHSIC", thresholds.hsic),
        ("rdc", "RDC", thresholds.rdc),
    ):
        most = null["table"][measure].get("maximum")
        if level is not None and most is not None and most >= level:
            found.append(
                f"Permuted pairs reach an {name} of {most:.3f}, no less than the threshold "
                f"{level:g}: pass 4 may have removed descriptors by chance. More rows or a higher "
                "threshold mend that."
            )
    return found
