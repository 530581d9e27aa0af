"""What Snakemake itself meets: a folder that it may not write, a full one, a locked one, a clock
that goes back. Each time a person reads what is wrong and what to do.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from scripts.common.comparison import result_digests
from scripts.common.errors import OutputError
from scripts.common.work_folder import require_room
from tests.common.loopback import wait_until
from tests.common.small_disk import filled, small_disk
from tests.workflow.disturbed_run import Workflow
from tests.workflow.harness import ROOT, snakemake, succeeded
from tests.workflow.step_processes import end_by_number, running_steps

TINY = ("--configfile", str(ROOT / "tests/config/tiny.yaml"), "--cores", "1")
GENERATED = "results/retrieval/generated/0/corpus.jsonl"
SESSION = "results/retrieval/sessions/0/session.json"


def printed_by(result: subprocess.CompletedProcess[str]) -> str:
    return result.stdout + result.stderr


def with_what_the_config_names(folder: Path) -> Path:
    shutil.copytree(ROOT / "tests/config", folder / "tests/config")
    return folder


def test_a_folder_without_room_or_read_only_is_told_before_anything_runs(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "4m") as disk:
        with_what_the_config_names(disk)
        with filled(disk, 100_000):
            full = snakemake(GENERATED, *TINY, directory=disk, profile="default")
        assert full.returncode == 1 and "Traceback" not in printed_by(full)
        assert (
            f"{disk}/.snakemake cannot be written (No space left on device); free space on its "
            "disk, or take another one (--directory for results" in printed_by(full)
        )
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        barred = snakemake(GENERATED, *TINY, directory=disk, profile="default")
        assert barred.returncode == 1 and "Traceback" not in printed_by(barred)
        assert (
            f"{disk}/.snakemake: Read-only file system; mount its disk writable, or take another "
            "folder (--directory for results" in printed_by(barred)
        )
        assert not (disk / "results").exists()


def test_a_results_folder_alone_that_is_read_only_is_named(tmp_path: Path) -> None:
    with small_disk(tmp_path / "results", "2m") as results:
        subprocess.run(["mount", "-o", "remount,ro", str(results)], check=True)
        with pytest.raises(OutputError, match=f"{results}: Read-only file system; mount its disk"):
            require_room([tmp_path / ".snakemake", results / "corpus"])
    require_room([tmp_path / ".snakemake", tmp_path / "results/corpus"])
    assert not (tmp_path / ".snakemake").exists()


def test_a_second_snakemake_is_refused_and_the_first_goes_on_to_the_same_bytes(
    finished_run: Path, tmp_path: Path
) -> None:
    """Then the clock goes back: what is there has times that are yet to come."""
    first = Workflow(with_what_the_config_names(tmp_path), (GENERATED, *TINY))
    process = first.start()
    try:
        assert wait_until(lambda: bool(running_steps(process.pid)), 120), first.last_lines()
        os.killpg(process.pid, signal.SIGSTOP)
        refused = snakemake(SESSION, *TINY, directory=tmp_path, profile="default")
        os.killpg(process.pid, signal.SIGCONT)
        assert process.wait(120) == 0, first.last_lines()
    finally:
        end_by_number(process.pid)
    assert refused.returncode == 1 and "Traceback" not in printed_by(refused)
    told = " ".join(printed_by(refused).split())
    assert "Directory cannot be locked. Please make sure that no other Snakemake process" in told
    assert "with the --unlock argument" in told

    for path in (tmp_path / "results/retrieval/generated/0").iterdir():
        later = path.stat().st_mtime + 3600
        os.utime(path, (later, later))
    stopped = snakemake(SESSION, *TINY, directory=tmp_path, profile="default")
    assert stopped.returncode == 1
    assert "has older modification time" in printed_by(stopped)
    assert "results/retrieval/generated/0/" in printed_by(stopped)
    # As the README says.
    subprocess.run("find results -newermt now -exec touch {} +", shell=True, cwd=tmp_path)
    succeeded(snakemake(SESSION, *TINY, directory=tmp_path, profile="default"))
    made, finished = result_digests(tmp_path / "results"), result_digests(finished_run / "results")
    assert made and {name: finished[name] for name in made} == made
