"""Runs of a workflow through the SLURM profile, fitted to the tests' small node."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SLURM_ARGUMENTS = (
    *("--workflow-profile", "profiles/slurm"),
    *("--max-threads", "2"),  # the node has two CPUs
    *("--jobs", "4"),
    *("--local-cores", "1"),
    *("--latency-wait", "10"),  # one file system
    *("--slurm-init-seconds-before-status-checks", "1"),
)
CI_ARGUMENTS = ("--workflow-profile", "profiles/ci")
_SUBMITTED = re.compile(r"^Job (\d+) has been submitted with SLURM jobid (\d+)", re.MULTILINE)
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


def snakemake(folder: Path, *arguments: str, seconds: float = 900.0) -> Run:
    """Run Snakemake in `folder`; a failure shows all that it printed."""
    finished = subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    return Run(finished.stdout)
