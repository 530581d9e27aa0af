"""Table of what each job of a track cost: time, throughput, peak memory.

In: the records that jobs keep beside their logs, and the jobs of the plan. Out: one row per planned
job (TSV; columns in `scripts.report.job_costs.CostRow`), in the plan's order. A record of a job
that the plan no longer holds, or of an epoch that early stopping left out, is passed over; a
planned job whose record is gone is listed as "missing". A record tells of the job's last run, which
may be older than this run.
"""

import logging
from dataclasses import astuple
from pathlib import Path

from scripts.common.entry import entry
from scripts.common.errors import InputError
from scripts.common.files import read_json
from scripts.common.job_record import JobRecord, Stage, read_record
from scripts.common.tsv import write_tsv
from scripts.report.job_costs import COST_COLUMNS, CostRow

_logger = logging.getLogger(__name__)
MISSING, UNREADABLE = "missing", "unreadable"


def run(
    summary: Path, ends: list[Path], costs: Path, *, logs: Path, jobs: dict[str, dict[str, str]]
) -> None:
    """Write the table of costs.

    Args:
        summary: the track's summary, which says what early stopping left out: planned epochs by
            run.
        ends: what the other last jobs of the track made; when all stand, the jobs have ended.
        costs: where the table goes.
        logs: folder of the track's logs, with a folder for each rule.
        jobs: wildcards of each planned job by the name of its log below `logs`, without suffix.

    Raises:
        InputError: a last job of the track has made nothing yet.
    """
    if missing := [str(path) for path in ends if not path.exists()]:
        raise InputError(f"{missing[0]} is missing, so the track has not ended; make it first")
    left_out = (read_json(summary).get("stopping") or {}).get("left_out", {})
    rows = [
        cost_of(logs, name, wildcards)
        for name, wildcards in jobs.items()
        if wildcards.get("epoch") not in left_out.get(wildcards.get("run"), [])
    ]
    write_tsv(costs, COST_COLUMNS, map(astuple, rows))
    for row in rows:
        if row.state in (MISSING, UNREADABLE):
            _logger.warning("no costs of %s %s: its record is %s", row.rule, row.job, row.state)


def cost_of(logs: Path, name: str, wildcards: dict[str, str]) -> CostRow:
    """Return what a job cost, by its record.

    Args:
        logs: folder of the track's logs.
        name: name of its log below `logs`, without suffix: the rule, then the job.
        wildcards: its wildcards.
    """
    try:
        record = read_record(logs / f"{name}.json")
    except FileNotFoundError:
        return _row(name, wildcards, None, MISSING)
    except ValueError as error:
        _logger.warning("%s", error)
        return _row(name, wildcards, None, UNREADABLE)
    return _row(name, wildcards, record, record.state)


def _row(name: str, wildcards: dict[str, str], record: JobRecord | None, state: str) -> CostRow:
    rule, _, job = name.partition("/")
    length = wildcards.get("length")
    stages = record.stages if record else []
    longest = max(stages, key=lambda stage: stage.seconds, default=None)
    seconds = round(record.seconds, 3) if record else None
    return CostRow(
        rule=rule,
        job=job,
        source=wildcards.get("source"),
        shard=wildcards.get("shard"),
        length=int(length) if length else None,
        dataset=wildcards.get("dataset"),
        threads=record.threads if record else None,
        items=longest.done if longest else None,
        unit=longest.unit if longest else None,
        passed=longest.passed if longest else None,
        seconds=seconds,
        items_per_second=_rate(longest, seconds) if longest and seconds else None,
        peak_mb=record.peak_mb if record else None,
        mem_mb=record.mem_mb if record else None,
        state=state,
    )


def _rate(stage: Stage, seconds: float) -> float:
    """Return the items that the job did itself by its seconds, to six digits."""
    return float(f"{(stage.done - stage.taken_over) / seconds:.6g}")


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
