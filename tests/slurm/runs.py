"""Runs of a workflow through the SLURM profile, fitted to the tests' small nodes."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.slurm.daemon import PATIENCE, wait_for

ROOT = Path(__file__).parents[2]
SLURM_ARGUMENTS = (
    *("--workflow-profile", "profiles/slurm"),
    *("--max-threads", "2"),  # a node has two CPUs
    *("--jobs", "4"),
    *("--local-cores", "1"),
    *("--latency-wait", "10"),  # one file system
    *("--slurm-init-seconds-before-status-checks", "1"),
)
CI_ARGUMENTS = ("--workflow-profile", "profiles/ci")
TINY = ("--configfile", "tests/config/tiny.yaml")
_SUBMITTED = re.compile(r"^Job (\d+) has been submitted with SLURM jobid (\d+)", re.MULTILINE)
_RULE = re.compile(r"slurm_logs/rule_(\w+)/\S*?(\d+)\.log\)")
_NAME = re.compile(r"^SLURM run ID: (\S+)$", re.MULTILINE)
_LOCAL = re.compile(r"^local(?:rule|checkpoint) ", re.MULTILINE)
_TOTAL = re.compile(r"^total +(\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """What one call of Snakemake printed."""

    printed: str

    @property
    def planned(self) -> int:
        """Return the number of jobs that the run announced."""
        total = _TOTAL.search(self.printed)
        assert total is not None, self.printed
        return int(total[1])

    @property
    def local(self) -> int:
        """Return the number of jobs that ran beside Snakemake, in a run without failures."""
        return len(_LOCAL.findall(self.printed))

    @property
    def submitted(self) -> list[tuple[int, int]]:
        """Return Snakemake's and SLURM's number of every submission, in order."""
        return [(int(job), int(slurm)) for job, slurm in _SUBMITTED.findall(self.printed)]

    @property
    def slurm_name(self) -> str:
        """Return the name that all of the run's jobs have in the queue."""
        name = _NAME.search(self.printed)
        assert name is not None, self.printed
        return name[1]

    @property
    def submitted_by_rule(self) -> dict[str, list[int]]:
        """Return SLURM's numbers of each rule's jobs, in order."""
        found: dict[str, list[int]] = {}
        for rule, slurm in _RULE.findall(self.printed):
            found.setdefault(rule, []).append(int(slurm))
        return found


@dataclass(frozen=True)
class Started:
    """A Snakemake that runs beside the test."""

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def so_far(self) -> Run:
        """Return what it has printed until now."""
        return Run(self.output.read_text("utf-8", "replace"))

    def wait_for(self, happened: Callable[[], bool]) -> None:
        """Wait until something has happened; a Snakemake that ends before fails the test."""
        wait_for(lambda: happened() or self.process.poll() is not None, self._printed)
        assert happened(), self._printed()

    def _printed(self) -> str:
        return self.so_far.printed

    def wait_for_end(self, seconds: float = PATIENCE) -> None:
        """Wait until Snakemake has ended, well or not."""
        wait_for(lambda: self.process.poll() is not None, self._printed, seconds)

    def finish(self, seconds: float = PATIENCE) -> Run:
        """Wait for a successful end."""
        self.wait_for_end(seconds)
        assert self.process.returncode == 0, self.so_far.printed
        return self.so_far

    def kill(self) -> None:
        """Kill Snakemake as a dying login node does; its jobs are SLURM's, and go on."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def started_snakemake(
    folder: Path, *arguments: str, environment: dict[str, str] | None = None
) -> Iterator[Started]:
    """Run Snakemake in `folder` beside the test, and let none outlive it."""
    output = folder / "printed"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            # A shell's background jobs ignore Ctrl-C, and so would Snakemake below one.
            ["env", "--default-signal=INT", sys.executable, "-m", "snakemake", *arguments],
            cwd=folder,
            env=None if environment is None else {**os.environ, **environment},
            stdout=stream,
            stderr=stream,
        )
    try:
        yield Started(process, output)
    finally:
        process.kill()
        process.wait()


def snakemake(folder: Path, *arguments: str, seconds: float = PATIENCE) -> Run:
    """Run Snakemake in `folder`; a failure shows all that it printed."""
    with started_snakemake(folder, *arguments) as started:
        return started.finish(seconds)


def copy_checkout(folder: Path) -> Path:
    """Copy the files that git tracks, as they stand in the working tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def choose_by_partition_file(folder: Path) -> Path:
    """Edit a copied profile as it says for a cluster of several partitions.

    Returns:
        The partition file that it names now.
    """
    profile = folder / "profiles" / "slurm" / "profile.yaml"
    text = profile.read_text("utf-8")
    named = "# slurm-partition-config: profiles/slurm/partitions.yaml\n"
    fixed = "  slurm_partition: cpu\n"
    assert text.count(named) == text.count(fixed) == 1
    profile.write_text(text.replace(named, named.removeprefix("# ")).replace(fixed, ""))
    return folder / "profiles" / "slurm" / "partitions.yaml"
