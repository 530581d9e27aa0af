"""Single steps of a finished run, run as Snakemake would, but without its plan each time.

The jobs of a finished run are read once through Snakemake's API; a step then runs in the fork of a
process that has its libraries loaded already, with the object that Snakemake would hand to it.
Steps with worker processes run in a process of their own, as `python -m tests.workflow.step_jobs`.
"""

import importlib
import os
import pickle
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.workflow.harness import ROOT, planned_dag

# What takes seconds to load; a fork has it already.
_HEAVY = (
    "torch",
    "transformers",
    "datasets",
    "duckdb",
    "sklearn",
    "pyarrow.parquet",
    "scipy.stats",
)


# Their workers come from a fork server, which wants a main program of its own.
_WITH_WORKERS = ("shard_molecules", "compute_descriptors")


@dataclass(frozen=True)
class Ran:
    """What a step's process left: its exit code, what it printed, what it added to its log."""

    code: int
    printed: str
    logged: str

    @property
    def error(self) -> str:
        """The last line of what it printed that reports an error, without time and level."""
        lines = [line for line in self.printed.splitlines() if " ERROR " in line]
        return lines[-1].partition(" ERROR ")[2] if lines else ""

    @property
    def has_traceback(self) -> bool:
        """Whether a person would see a traceback."""
        return "Traceback (most recent call last)" in self.printed + self.logged


@dataclass(frozen=True)
class StepJob:
    """A job of a finished run.

    Attributes:
        rule: its rule.
        script: path of its script.
        job: the object that Snakemake hands to the script.
        inputs, outputs: its files and folders, relative to the working directory.
        log: its log, relative to the working directory.
    """

    rule: str
    script: Path
    job: Any
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    log: str

    def run(self, folder: Path, temporary: Path | None = None) -> Ran:
        """Run the step in `folder`, with its temporary files in `temporary`."""
        log = folder / self.log
        logged_before = log.stat().st_size if log.exists() else 0
        with tempfile.TemporaryDirectory() as elsewhere:
            stream = Path(elsewhere) / "printed"
            arguments = (self.script, self.job, folder, stream, temporary)
            if self.rule in _WITH_WORKERS:
                handed = Path(elsewhere) / "arguments"
                handed.write_bytes(pickle.dumps(arguments))
                command = [sys.executable, "-m", "tests.workflow.step_jobs", str(handed)]
                code = subprocess.run(command, cwd=ROOT, check=False).returncode
            else:
                process = get_context("fork").Process(target=_run, args=arguments)
                process.start()
                process.join()
                code = process.exitcode or 0
            printed = stream.read_text(errors="replace")
        logged = log.read_bytes()[logged_before:].decode() if log.exists() else ""
        return Ran(code, printed, logged)

    def make_outputs_folders(self, folder: Path) -> None:
        """Make the folders of the outputs, as Snakemake does before a job."""
        for name in (*self.outputs, self.log):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)


def _run(script: Path, job: Any, folder: Path, printed: Path, temporary: Path | None) -> None:
    os.chdir(folder)
    stream = os.open(printed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for standard in (1, 2):
        os.dup2(stream, standard)
    # Where tests capture what is printed, Python's own streams lead elsewhere.
    sys.stdout, sys.stderr = (os.fdopen(n, "w", 1, closefd=False) for n in (1, 2))
    if temporary is not None:
        os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
    with _AsInInterpreter():
        runpy.run_path(str(script), init_globals={"snakemake": job}, run_name="__main__")


class _AsInInterpreter:
    """Hands an uncaught error to the hook for it; `multiprocessing` prints a traceback itself."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None and error is not None and not isinstance(error, SystemExit):
            sys.excepthook(kind, error, trace)
            raise SystemExit(1)


def step_jobs(folder: Path, config: Path, every: bool = False) -> list[StepJob]:
    """Return the jobs of the run that is finished in `folder`: the first of each rule, or all."""
    sources, answer = get_context("spawn").Pipe(duplex=False)
    process = get_context("spawn").Process(target=_read_jobs, args=(answer, folder, config))
    process.start()
    answer.close()
    found: list[StepJob] = sources.recv()
    process.join()
    if every:
        return found
    first: dict[str, StepJob] = {}
    for job in found:
        first.setdefault(job.rule, job)
    return list(first.values())


def _read_jobs(answer: Any, folder: Path, config: Path) -> None:
    from snakemake.iocontainers import Snakemake

    with planned_dag(config, folder) as plan:
        found = []
        for job in sorted(plan.jobs, key=lambda job: (job.rule.name, str(job))):
            if job.rule.script is None:
                continue
            handed = Snakemake(
                job.input,
                job.output,
                job.params,
                job.wildcards,
                job.threads,
                job.resources,
                job.log,
                {},
                job.rule.name,
                None,
            )
            if "gpu" in dict(job.resources.items()):
                handed.resources.gpu = 0  # as the profiles default and ci do
            found.append(
                StepJob(
                    rule=job.rule.name,
                    script=(ROOT / "rules" / job.rule.script).resolve(),
                    job=handed,
                    inputs=tuple(dict.fromkeys(map(str, job.input))),
                    outputs=tuple(map(str, job.output)),
                    log=str(job.log[0]),
                )
            )
    answer.send(found)


def load_libraries(jobs: Iterable[StepJob]) -> None:
    """Load what the jobs will need, so that their forks do not."""
    sys.path.insert(0, str(ROOT))
    for name in _HEAVY:
        importlib.import_module(name)
    for job in jobs:
        importlib.import_module(f"scripts.{job.script.parent.name}.{job.script.stem}")


def copy_run(finished: Path, target: Path) -> Path:
    """Copy a finished run, without Snakemake's own records."""
    return shutil.copytree(
        finished, target, ignore=shutil.ignore_patterns(".snakemake", "benchmarks")
    )


if __name__ == "__main__":
    # Written by `StepJob.run` of this user a moment ago.
    _run(*pickle.loads(Path(sys.argv[1]).read_bytes()))
