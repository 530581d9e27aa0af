"""Runs of the workflow that are killed at a chosen moment, Snakemake and its steps at once."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.common.loopback import wait_until
from tests.workflow.faults import Fault, mark
from tests.workflow.harness import ROOT, snakemake, succeeded


def kill_at(fault: Fault, folder: Path, arguments: tuple[str, ...]) -> None:
    """Start a run with its results below `folder`, and kill it at the fault's moment."""
    hook, scratch = folder / "hook", folder / "tmp"
    scratch.mkdir(exist_ok=True)
    printed = folder / "printed"
    with printed.open("wb") as stream:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "snakemake", *arguments),
                *("--snakefile", ROOT / "Snakefile", "--directory", folder),
                *("--workflow-profile", ROOT / "profiles/default"),
            ],
            cwd=ROOT,
            env={**os.environ, **fault.environment(hook), "TMPDIR": str(scratch)},
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    assert wait_until(lambda: mark(hook).exists() or process.poll() is not None, 300)
    assert process.poll() is None, printed.read_text()[-3000:]
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)
    succeeded(snakemake("--unlock", *arguments, directory=folder, profile="default"))
