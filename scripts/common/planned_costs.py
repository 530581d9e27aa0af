"""What a plan will cost, by what jobs of the same rules took before.

A rate (seconds, bytes for one document, row, ...) where both the plan and the recorded run say how
much a job has to do (`plan_sizes`), else the mean of a recorded job. What nobody recorded is
unknown, and counted as such.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scripts.common.plan_sizes import MEASURES, MODEL_STEPS, Sizes, amount

_HOUR = 3600.0
UNKNOWN, BY_JOB, BOTH = "unknown", "jobs", "jobs of unknown size"


@dataclass(frozen=True)
class PlannedJob:
    """A job of the plan.

    Attributes:
        track, step: its track, and its rule as its log names it.
        wildcards: by name.
        threads: that it asks for.
        minutes: runtime that it asks for, None where it states none.
        gpus: that its rule asks for.
    """

    track: str
    step: str
    wildcards: Mapping[str, str]
    threads: int
    minutes: float | None
    gpus: int


@dataclass(frozen=True)
class RecordedJob:
    """What a job of an earlier run took.

    Attributes:
        step: its rule as its log names it.
        wildcards: by name.
        seconds: from its start to its end.
        threads: that it had.
        gpus: that it had; None where nothing tells.
        bytes: of its outputs that are still there, None where none is.
    """

    step: str
    wildcards: Mapping[str, str]
    seconds: float
    threads: int
    gpus: int | None
    bytes: int | None


@dataclass(frozen=True)
class CostLine:
    """What the planned jobs of one rule will cost; None where nobody recorded it.

    Attributes:
        track, rule: name of the rule as its log names it.
        jobs: planned ones.
        records: recorded jobs that the figures come from.
        basis: what they are proportional to: a measure, "jobs", or both; "unknown".
        planned, recorded: items of that measure, None where the basis is "jobs".
        cpu_hours: seconds times threads.
        gpu_hours: seconds times devices, None for rules that use none.
        gpu_records: recorded jobs among `records` that had a device.
        gigabytes: of outputs that stay on the disk (1e9 bytes).
        asked_cpu_hours: threads times runtime that the jobs ask for, an upper bound.
        asked_gpu_hours: devices times runtime.
        note: what else to know.
    """

    track: str
    rule: str
    jobs: int
    records: int
    basis: str
    planned: float | None
    recorded: float | None
    cpu_hours: float | None
    gpu_hours: float | None
    gpu_records: int
    gigabytes: float | None
    asked_cpu_hours: float | None
    asked_gpu_hours: float | None
    note: str


def estimate(
    planned: Iterable[PlannedJob],
    recorded: Iterable[RecordedJob],
    *,
    plan_sizes: Sizes,
    run_sizes: Sizes,
) -> list[CostLine]:
    """Return what each rule will cost, in the order in which the plan names them first.

    Args:
        planned: all jobs of the plan.
        recorded: finished jobs of an earlier run.
        plan_sizes: what the plan has to do.
        run_sizes: what the earlier run had to do.
    """
    by_step: dict[tuple[str, str], list[PlannedJob]] = {}
    for job in planned:
        by_step.setdefault((job.track, job.step), []).append(job)
    known: dict[str, list[RecordedJob]] = {}
    for record in recorded:
        known.setdefault(record.step, []).append(record)
    return [
        _line(track, step, jobs, known.get(step, []), plan_sizes, run_sizes)
        for (track, step), jobs in by_step.items()
    ]


def _line(
    track: str,
    step: str,
    jobs: Sequence[PlannedJob],
    records: Sequence[RecordedJob],
    plan_sizes: Sizes,
    run_sizes: Sizes,
) -> CostLine:
    wanted = [amount(step, job.wildcards, plan_sizes) for job in jobs]
    had = [amount(step, record.wildcards, run_sizes) for record in records]
    items = sum(size for size in had if size is not None)
    by_size = bool(records) and None not in had and items > 0
    sized = [size for size in wanted if size is not None] if by_size else []
    # How many recorded jobs' worth of work the plan holds: a total times `share`.
    share = 0.0
    if records:
        share = (len(jobs) - len(sized)) / len(records) + (sum(sized) / items if sized else 0.0)
    devices = max(job.gpus for job in jobs)
    seconds = sum(record.seconds for record in records)
    written = [record.bytes for record in records if record.bytes is not None]
    asked = [(job.threads, job.gpus, job.minutes) for job in jobs]
    complete = all(minutes is not None for *_, minutes in asked)
    with_device = sum(1 for record in records if record.gpus)
    return CostLine(
        track=track,
        rule=step,
        jobs=len(jobs),
        records=len(records),
        basis=_basis(step, len(jobs), len(sized), bool(records)),
        planned=sum(sized) if sized else None,
        recorded=items if sized else None,
        cpu_hours=_hours(sum(r.seconds * r.threads for r in records), share, records),
        gpu_hours=_hours(seconds * devices, share, records) if devices else None,
        gpu_records=with_device,
        gigabytes=sum(written) * len(records) / len(written) * share / 1e9 if written else None,
        asked_cpu_hours=sum(n * (m or 0.0) for n, _, m in asked) / 60 if complete else None,
        asked_gpu_hours=sum(g * (m or 0.0) for _, g, m in asked) / 60
        if complete and devices
        else None,
        note=_note(step, devices, with_device, len(records)),
    )


def _hours(seconds: float, share: float, records: Sequence[RecordedJob]) -> float | None:
    return seconds * share / _HOUR if records else None


def _basis(step: str, jobs: int, sized: int, known: bool) -> str:
    if not known:
        return UNKNOWN
    if sized == 0:
        return BY_JOB
    return MEASURES[step] if sized == jobs else f"{MEASURES[step]}; {jobs - sized} {BOTH}"


def _note(step: str, devices: int, with_device: int, records: int) -> str:
    notes = []
    if records and devices and with_device < records:
        notes.append(f"{records - with_device} of {records} recorded on a CPU")
    if records and step in MODEL_STEPS:
        notes.append("with the recorded model")
    return "; ".join(notes)


@dataclass(frozen=True)
class Totals:
    """Sums over the lines whose costs are known.

    Attributes:
        jobs, rules: all planned ones.
        unknown_jobs, unknown_rules: those that nobody recorded; they are in no sum of costs.
        cpu_hours, gpu_hours, gigabytes: of the known ones.
        gpu_jobs_on_cpu: whether a part of `gpu_hours` was recorded on a CPU.
        asked_cpu_hours, asked_gpu_hours: of all that state a runtime.
    """

    jobs: int
    rules: int
    unknown_jobs: int
    unknown_rules: int
    cpu_hours: float
    gpu_hours: float
    gigabytes: float
    gpu_jobs_on_cpu: bool
    asked_cpu_hours: float
    asked_gpu_hours: float


def totals(lines: Sequence[CostLine]) -> Totals:
    """Return the sums over all lines."""
    unknown = [line for line in lines if line.basis == UNKNOWN]
    return Totals(
        jobs=sum(line.jobs for line in lines),
        rules=len(lines),
        unknown_jobs=sum(line.jobs for line in unknown),
        unknown_rules=len(unknown),
        cpu_hours=sum(line.cpu_hours or 0.0 for line in lines),
        gpu_hours=sum(line.gpu_hours or 0.0 for line in lines),
        gigabytes=sum(line.gigabytes or 0.0 for line in lines),
        gpu_jobs_on_cpu=any(
            line.gpu_hours is not None and line.gpu_records < line.records for line in lines
        ),
        asked_cpu_hours=sum(line.asked_cpu_hours or 0.0 for line in lines),
        asked_gpu_hours=sum(line.asked_gpu_hours or 0.0 for line in lines),
    )
