"""How stable the selection of descriptors is, in plain words, English and Korean, with warnings."""

from scripts.report.descriptors_stability import EXCELLENT, LEAST_EXPLAINED, POOR, Stability
from scripts.report.number_formats import share


def stability_glance(found: Stability) -> str:
    """Return the sentence on stability at the top of the page."""
    if found.again is None or found.explained is None:
        return (
            "How far the selection hangs on the items was not assessed (stability.bootstraps: 0)."
        )
    covered = " and ".join(
        f"{share(span.mean)} at |ρ| ≥ {level:g}" for level, span in found.covered.items()
    )
    return (
        f"Stability, {_times(found.bootstraps)} of {found.rows:,} items drawn from "
        f"{found.table_rows:,}: on average {share(found.again.mean)} of the survivors survive "
        f"again, or with near ones counted {covered}; those of a bootstrap together explain "
        f"{share(found.explained.mean)} of their variance; {_verdict(found)}."
    )


def stability_glance_korean(found: Stability) -> str:
    """Return the same in Korean."""
    if found.again is None or found.explained is None:
        return "선택이 항목에 얼마나 좌우되는지는 평가하지 않았습니다(stability.bootstraps: 0)."
    covered = ", ".join(
        f"|ρ| ≥ {level:g}에서 {share(span.mean)}" for level, span in found.covered.items()
    )
    return (
        f"안정성(항목 {found.table_rows:,}개에서 {found.rows:,}개씩 {found.bootstraps:,}번 복원 "
        f"추출): 남은 기술자의 평균 {share(found.again.mean)}가 다시 남고, 가까운 기술자까지 치면 "
        f"{covered}입니다. 다시 뽑아 남은 것들이 함께 그 분산의 {share(found.explained.mean)}를 "
        f"설명합니다. {_verdict_korean(found)}"
    )


def stability_warnings(found: Stability) -> list[str]:
    """Return what a reader should mind where the selection hangs on the items."""
    warned = []
    place = _first_poor(found)
    if place is not None:
        warned.append(
            f"From pass {place} on, who stands for whom hangs on the items: the clusters of the "
            f"bootstraps agree with the run's by an adjusted Rand index of "
            f"{found.agreements[place].mean:.2f}, below {POOR:g}, which is called poor (Steinley "
            "2004). Which of several descriptors that explain each other survived says little by "
            "itself."
        )
    if found.explained is not None and found.explained.mean < LEAST_EXPLAINED:
        warned.append(
            f"The survivors of a bootstrap explain {share(found.explained.mean)} of the variance "
            f"of the run's, less than {LEAST_EXPLAINED:.0%}: what is kept hangs on the items, not "
            "only by which names. More items mend that."
        )
    return warned


def _first_poor(found: Stability) -> int | None:
    return next((at for at, span in found.agreements.items() if span.mean < POOR), None)


def _times(bootstraps: int) -> str:
    return "1 bootstrap" if bootstraps == 1 else f"{bootstraps:,} bootstraps"


def _verdict(found: Stability) -> str:
    last, first_poor = max(found.agreements), _first_poor(found)
    index = found.agreements[last].mean
    if first_poor is None:
        kept = "almost the same" if index >= EXCELLENT else "largely the same"
        return f"the clusters stay {kept} (adjusted Rand index {index:.2f})"
    poor = found.agreements[first_poor].mean
    if first_poor == min(found.agreements):
        return (
            f"already after pass {first_poor} the clusters hang on the items (adjusted Rand index "
            f"{poor:.2f})"
        )
    before = found.agreements[first_poor - 1].mean
    return (
        f"the clusters stay up to pass {first_poor - 1} (adjusted Rand index {before:.2f}), while "
        f"those of pass {first_poor} hang on the items ({poor:.2f})"
    )


def _verdict_korean(found: Stability) -> str:
    last, first_poor = max(found.agreements), _first_poor(found)
    index = found.agreements[last].mean
    if first_poor is None:
        kept = "거의" if index >= EXCELLENT else "대체로"
        return f"묶음은 {kept} 그대로입니다(조정 랜드 지수 {index:.2f})."
    poor = found.agreements[first_poor].mean
    if first_poor == min(found.agreements):
        return f"묶음은 {first_poor}단계부터 항목에 좌우됩니다(조정 랜드 지수 {poor:.2f})."
    before = found.agreements[first_poor - 1].mean
    return (
        f"묶음은 {first_poor - 1}단계까지 안정되고(조정 랜드 지수 {before:.2f}), "
        f"{first_poor}단계부터는 항목에 좌우됩니다({poor:.2f})."
    )
