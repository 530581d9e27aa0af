"""The section of the page of costs: from the jobs' rows to what its template shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from markupsafe import Markup

from scripts.common.progress import format_seconds
from scripts.report.cost_figures import GOAL_MB
from scripts.report.job_costs import CostRow, by_step
from scripts.report.page import Section
from scripts.report.score_part import ScorePart

_NAMED_JOBS = 20


@dataclass(frozen=True)
class StepCost:
    """The jobs of one step put together; None where no job says.

    Attributes:
        step: rule, and source where it has one.
        jobs: planned jobs, of which `finished` have a finished record.
        threads: threads of a job at most.
        items: items of all jobs, in `unit`.
        seconds: all jobs' seconds added up.
        rate: median of the jobs' items per second.
        peak_mb: largest peak of a job.
        mem_mb: memory that a job was granted at most.
    """

    step: str
    jobs: int
    finished: int
    threads: int | None
    items: int | None
    unit: str
    seconds: float | None
    rate: float | None
    peak_mb: float | None
    mem_mb: float | None


def step_cost(step: str, rows: Sequence[CostRow]) -> StepCost:
    """Put the jobs of a step together; only finished ones count."""
    ended = [row for row in rows if row.finished]
    items = [row.items for row in ended if row.items is not None]
    rates = [row.items_per_second for row in ended if row.items_per_second is not None]
    return StepCost(
        step=step,
        jobs=len(rows),
        finished=len(ended),
        threads=max((row.threads for row in ended if row.threads is not None), default=None),
        items=sum(items) if items else None,
        unit=next((row.unit for row in ended if row.unit is not None), ""),
        seconds=sum(row.seconds or 0.0 for row in ended) if ended else None,
        rate=median(rates) if rates else None,
        peak_mb=max((row.peak_mb for row in ended if row.peak_mb is not None), default=None),
        mem_mb=max((row.mem_mb for row in ended if row.mem_mb is not None), default=None),
    )


def costs_section(
    rows: Sequence[CostRow],
    figures: dict[str, Markup],
    *,
    track: str = "corpus",
    scores: ScorePart | None = None,
) -> Section:
    """Return the section of a track's costs.

    Args:
        rows: what each job cost.
        figures: inline figures: throughput, memory and, together with `scores`, scores.
        track: name of the track.
        scores: what the costs bought, for a track that trains and scores.
    """
    steps = [step_cost(step, jobs) for step, jobs in by_step(list(rows)).items()]
    unfinished = [f"{row.rule} {row.job}: {row.state}" for row in rows if not row.finished]
    seconds = sum(step.seconds or 0.0 for step in steps)
    most = max((s for s in steps if s.peak_mb is not None), key=_peak, default=None)
    finished = sum(step.finished for step in steps)
    glance = [
        f"{finished:,} of {len(rows):,} planned jobs have a finished record; together they ran "
        f"{format_seconds(seconds)} (jobs that ran at the same time are added up)."
    ]
    glance_korean = [
        f"계획된 작업 {len(rows):,}개 가운데 {finished:,}개의 기록이 있으며, 걸린 시간의 합은 "
        f"{format_seconds(seconds)}입니다."
    ]
    if most is not None:
        glance.append(f"Most memory took {most.step}: {_peak(most):,.0f} MB.")
        glance_korean.append(f"메모리를 가장 많이 쓴 단계: {most.step}, {_peak(most):,.0f} MB.")
    return Section(
        name="costs",
        title=f"Costs of the {track} track",
        title_korean=f"{track} 트랙에 든 시간과 메모리",
        template="costs.html.j2",
        glance=glance,
        glance_korean=glance_korean,
        values={
            "figures": figures,
            "steps": steps,
            "unfinished": unfinished[:_NAMED_JOBS],
            "more_unfinished": max(0, len(unfinished) - _NAMED_JOBS),
            "goal_mb": int(GOAL_MB),
            "track": track,
            "scores": scores,
        },
    )


def _peak(step: StepCost) -> float:
    return step.peak_mb or 0.0
