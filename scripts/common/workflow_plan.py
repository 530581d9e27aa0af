"""The jobs of a config, and what the jobs of a finished run took and left on the disk."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from scripts.common.errors import ConfigError
from scripts.common.job_states import Job
from scripts.common.planned_costs import PlannedJob, RecordedJob

_LOGS = "logs"
# With patience a plan shows a run as far as it is known: before a run that is its first checkpoint.
_TO_THE_END = {"language_model": {"patience": None}}

# Outputs of a step's jobs, with wildcards, below the results folder.
Patterns = dict[str, list[str]]


def planned_jobs(
    config: Path, *, snakefile: Path, directory: Path
) -> tuple[list[PlannedJob], Patterns]:
    """Return all jobs of a config, finished or not, and the outputs of each step.

    Runs of language models that may stop early are planned to their end.

    Args:
        config: the file, as for `--configfile`.
        snakefile: of the workflow.
        directory: the run's folder, where relative paths of the config are looked up.

    Raises:
        ConfigError: Snakemake makes no plan of it; what is wrong was printed.
        SystemExit: with the line that says what is wrong with the config.
    """
    from snakemake.api import SnakemakeApi
    from snakemake.exceptions import RuleException, WorkflowError
    from snakemake.logging import logger
    from snakemake.settings.enums import Quietness
    from snakemake.settings.types import (
        ConfigSettings,
        DAGSettings,
        OutputSettings,
        ResourceSettings,
    )

    # What it prints itself goes where it should; our own log would print every job once more.
    logger.propagate = False
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        try:
            workflow = api.workflow(
                resource_settings=ResourceSettings(cores=1_000_000),
                config_settings=ConfigSettings(configfiles=[config], config=_TO_THE_END),
                snakefile=snakefile,
                workdir=directory,
            )
            workflow.dag(DAGSettings(forceall=True)).execute_workflow(executor="dryrun")
        except (RuleException, WorkflowError) as error:
            api.print_exception(error)
            raise ConfigError(f"{config} gives no plan; see above") from error
        # The public form of a plan is text: counts without resources, or pages to take apart.
        jobs = [job for job in workflow._workflow.dag.jobs if job.log]
        rules = {job.rule: _place(job)[1] for job in jobs}
        patterns: Patterns = {}
        for rule, step in rules.items():
            own = patterns.setdefault(step, [])
            own += [pattern for pattern in _below_results(rule) if pattern not in own]
        return [_planned(job) for job in jobs], patterns


def _planned(job: Any) -> PlannedJob:
    track, step = _place(job)
    wanted = dict(job.resources.items())
    minutes, gpus = wanted.get("runtime"), wanted.get("gpu", 0)
    return PlannedJob(
        track=track,
        step=step,
        wildcards={name: str(value) for name, value in job.wildcards_dict.items()},
        threads=int(job.threads),
        minutes=float(minutes) if isinstance(minutes, int | float) else None,
        gpus=int(gpus) if isinstance(gpus, int) else 0,
    )


def _place(job: Any) -> tuple[str, str]:
    """Return the track and the step of a job by its log, results/logs/TRACK/STEP/..."""
    parts = Path(str(job.log[0])).parts
    start = parts.index(_LOGS) + 1
    return parts[start], parts[start + 1]


def _below_results(rule: Any) -> list[str]:
    from snakemake.io import strip_wildcard_constraints

    results = str(rule.log[0]).partition(f"{_LOGS}/")[0]
    return [
        strip_wildcard_constraints(str(pattern)).removeprefix(results)
        for pattern in rule.output
        if str(pattern).startswith(results)
    ]


def recorded_jobs(
    results: Path, jobs: Iterable[Job], patterns: Mapping[str, list[str]]
) -> list[RecordedJob]:
    """Return what the finished jobs of a run took.

    Args:
        results: its results folder.
        jobs: its records.
        patterns: outputs of each step, with wildcards, below a results folder.
    """
    found = []
    for job in jobs:
        if not job.finished:
            continue
        step = job.key.partition("/")[0]
        wildcards = job.record.wildcards
        sizes = [
            size
            for pattern in patterns.get(step, [])
            if (size := size_of(results / _filled(pattern, wildcards))) is not None
        ]
        found.append(
            RecordedJob(
                step=step,
                wildcards=wildcards,
                seconds=job.record.seconds,
                threads=job.record.threads,
                gpus=_devices(results / "benchmarks" / job.track / f"{job.key}.jsonl"),
                bytes=sum(sizes) if sizes else None,
            )
        )
    return found


def _filled(pattern: str, wildcards: Mapping[str, str]) -> str:
    for name, value in wildcards.items():
        pattern = pattern.replace(f"{{{name}}}", value)
    return pattern


def size_of(path: Path) -> int | None:
    """Return the bytes of a file, or of all files below a folder; None where there is neither."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.is_file() else None


def _devices(benchmark: Path) -> int | None:
    """Return the devices that a job had by its last benchmark, None where it says nothing."""
    try:
        last = benchmark.read_text(encoding="utf-8").splitlines()[-1]
        return int(json.loads(last)["resources"].get("gpu", 0))
    except (OSError, IndexError, ValueError, KeyError, TypeError, AttributeError):
        return None
