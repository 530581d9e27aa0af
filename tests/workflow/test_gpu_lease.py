"""No device is held twice, a dead job's device is free again, and SLURM's choice stands."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from scripts.common.errors import ConfigError
from scripts.common.gpu_lease import lease_gpus, machine_devices

DEVICES = ["GPU-a", "GPU-b", "GPU-c"]
SPAWN = multiprocessing.get_context("spawn")


def three_devices() -> list[str]:
    return DEVICES


@pytest.fixture(autouse=True)
def plain_machine(monkeypatch):
    for variable in ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID"):
        monkeypatch.delenv(variable, raising=False)


def hold_and_mark(folder: Path, job: int, count: int) -> None:
    """Hold devices thrice; a device that another job marks as used meanwhile is an error."""
    for _ in range(3):
        with lease_gpus(count, lock_folder=folder, list_devices=three_devices) as devices:
            marks = [folder / f"used-{device}" for device in devices]
            assert len(set(devices)) == count
            assert os.environ["CUDA_VISIBLE_DEVICES"] == ",".join(devices)
            for mark in marks:
                mark.open("x").close()
            time.sleep(0.05)
            for mark in marks:
                mark.unlink()
    (folder / f"done-{job}").touch()


def hold_until_killed(folder: Path, holds: Event) -> None:
    with lease_gpus(3, lock_folder=folder, list_devices=three_devices):
        holds.set()
        time.sleep(60)


def test_jobs_of_one_two_and_three_devices_never_share_and_all_finish(tmp_path):
    counts = [1, 2, 3, 2, 1]
    jobs = [
        SPAWN.Process(target=hold_and_mark, args=(tmp_path, number, count))
        for number, count in enumerate(counts)
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(timeout=60)
    assert [job.exitcode for job in jobs] == [0] * len(counts)
    assert len(list(tmp_path.glob("done-*"))) == len(counts)


def test_devices_of_a_killed_job_are_free_again(tmp_path):
    holds = SPAWN.Event()
    victim = SPAWN.Process(target=hold_until_killed, args=(tmp_path, holds))
    victim.start()
    assert holds.wait(timeout=30)
    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGKILL)
    with lease_gpus(3, lock_folder=tmp_path, list_devices=three_devices) as devices:
        assert devices == DEVICES
    victim.join()


def test_environment_and_devices_are_given_back(tmp_path):
    for _ in range(2):
        with lease_gpus(2, lock_folder=tmp_path, list_devices=three_devices) as devices:
            assert devices == ["GPU-a", "GPU-b"]
        assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_slurms_devices_stand_without_a_lock(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    with (
        lease_gpus(1, lock_folder=tmp_path / "none") as outer,
        lease_gpus(1, lock_folder=tmp_path / "none") as inner,
    ):
        assert outer == inner == ["1"]
    assert not (tmp_path / "none").exists()


def test_a_persons_choice_of_devices_is_what_is_leased(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert machine_devices() == ["2", "5"]
    with lease_gpus(1, lock_folder=tmp_path) as devices:
        assert devices == ["2"]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "2,5"


def test_more_devices_than_there_are_is_an_error_and_not_a_wait(tmp_path):
    with (
        pytest.raises(ConfigError, match="asks for 4 GPUs, but this machine offers 3"),
        lease_gpus(4, lock_folder=tmp_path, list_devices=three_devices),
    ):
        pass


def test_no_device_hides_them_all(tmp_path):
    with lease_gpus(0, lock_folder=tmp_path, list_devices=three_devices) as devices:
        assert devices == []
        assert os.environ["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.parametrize("count", [1, 2])
def test_a_rule_gets_as_many_of_the_machines_devices_as_it_asks_for(tmp_path: Path, count) -> None:
    (tmp_path / "Snakefile").write_text(
        'rule all:\n    input: "seen.txt"\n\n'
        'rule look:\n    output: seen="seen.txt"\n    log: "look.log"\n'
        f'    resources: gpu={count}\n    script: "look.py"\n'
    )
    (tmp_path / "look.py").write_text(
        "import os\nfrom pathlib import Path\n\nfrom scripts.common.entry import entry\n\n\n"
        "def run(seen: Path) -> None:\n"
        '    seen.write_text(os.environ["CUDA_VISIBLE_DEVICES"])\n\n\n'
        'if __name__ == "__main__":\n    entry(run, globals().get("snakemake"))\n'
    )
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SLURM_")},
        "CUDA_VISIBLE_DEVICES": "dure-test-7,dure-test-8",
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }
    command = [sys.executable, "-m", "snakemake", "--cores", "1"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    devices = (tmp_path / "seen.txt").read_text().split(",")
    assert len(set(devices)) == len(devices) == count
    assert set(devices) <= {"dure-test-7", "dure-test-8"}
