"""A run of the workflow in one process: Snakemake plans, and each job's step is called here.

    python -m tests.workflow.in_process CONFIG WORKDIR TARGET...

Steps get what `entry` gives them, in the order of the plan; a process for each job would take some
seconds of imports. Snakemake's own records are not written.
"""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from tests.workflow.harness import planned_dag


def planned_jobs(config: Path, workdir: Path, targets: set[str]) -> list[Any]:
    """Return the jobs with a script, each behind those that it needs."""
    with planned_dag(config, workdir, targets) as plan:
        waiting = [job for job in plan.needrun_jobs(exclude_finished=False) if job.rule.script]
        ordered: list[Any] = []
        done: set[Any] = set()
        while waiting:
            ready = [
                job
                for job in waiting
                if not {before for before in plan.dependencies[job] if before in waiting} - done
            ]
            assert ready, "the plan goes in circles"
            ordered += ready
            done |= set(ready)
            waiting = [job for job in waiting if job not in done]
        return ordered


class JobOfStep:
    """A job as Snakemake hands it to a script."""

    def __init__(self, job: Any, folder: Path) -> None:
        self.input, self.output, self.params = job.input, job.output, job.params
        self.wildcards, self.log, self.threads = job.wildcards, job.log, 1
        self.rule = job.rule.name
        asked = dict(job.resources.items())
        without_devices = {"gpu": 0} if "gpu" in asked else {}
        self.resources = {**asked, **without_devices, "tmpdir": str(folder)}


def main(config: Path, workdir: Path, targets: list[str]) -> None:
    """Run all jobs that the targets need."""
    from scripts.common.entry import entry

    temporary = workdir / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    jobs = [JobOfStep(job, temporary) for job in planned_jobs(config, workdir, set(targets))]
    scripts = dict(_scripts(jobs))
    os.chdir(workdir)
    for job in jobs:
        for path in job.output:
            Path(str(path)).parent.mkdir(parents=True, exist_ok=True)
        entry(importlib.import_module(scripts[job.rule]).run, job)


def _scripts(jobs: list[JobOfStep]) -> list[tuple[str, str]]:
    """Return the module of each rule's script, which the name of its log tells."""
    found = []
    for job in jobs:
        track, stem = Path(str(job.log[0])).parts[2:4]
        found.append((job.rule, f"scripts.{track}.{stem}"))
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), sys.argv[3:])
