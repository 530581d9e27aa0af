"""A job of several processes ends as one: with one line, and with no process left behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.common.errors import ConfigError
from scripts.common.job_record import FAILED, read_record
from scripts.language_model.device_processes import run_in_processes
from tests.language_model import team_plays
from tests.language_model.training_runs import SETTINGS, Bench, make_bench
from tests.workflow.harness import ROOT

_PATIENCE = 600.0  # a busy machine's
_PARAMS = {"previous_epoch": "0.0", "epoch": "1.0", **SETTINGS, "grad_accumulation": 4}
SNAKEFILE = """
rule train:
    input: mlm_dataset="mlm", entity_dataset="entity", start="base/model.safetensors",
        start_config="base/config.json", tokenizer="tokenizer.json", state_before=[],
    output: model="out/model.safetensors", model_config="out/config.json",
        state="out/state.safetensors", steps="out/steps.parquet",
    log: "train.log"
    threads: 2
    resources: gpu=2, mem_mb=500
    params: **{params!r}
    script: {script!r}
"""
KILLED = """
import sys
from pathlib import Path
from tests.language_model.training_runs import Bench
if __name__ == "__main__":
    Bench(Path(sys.argv[1])).train(
        "killed", "400.0", gpu=2, schedule_epochs="400.0", save_steps=1, grad_accumulation=4
    )
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return make_bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture(autouse=True)
def no_device(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def wait_until(holds, what: str) -> None:
    end = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < end, f"{what}: not within {_PATIENCE:.0f} s"
        time.sleep(0.05)


def test_failure_of_one_process_ends_the_other_with_its_line(tmp_path, capfd):
    handlers = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    with pytest.raises(ConfigError, match=r"^run tiny: out of memory with batch 2; lower batch$"):
        run_in_processes(team_plays.fail_in_the_second, {"folder": tmp_path}, 2)
    pids = [int((tmp_path / f"pid-{rank}").read_text()) for rank in (0, 1)]
    assert not any(is_alive(pid) for pid in pids)
    assert "Traceback" not in capfd.readouterr().err
    assert {name: signal.getsignal(name) for name in handlers} == handlers


def test_mistake_in_one_process_shows_where_it_was_made():
    with pytest.raises(RuntimeError, match="process of device 1 failed:\nTraceback") as found:
        run_in_processes(team_plays.break_in_the_second, {}, 2)
    assert "ZeroDivisionError: a mistake of the code" in str(found.value)
    assert "break_in_the_second" in str(found.value)


def test_job_with_a_bad_setting_ends_with_one_line_and_code_1(bench):
    """Under Snakemake, with the two devices that the lease gave, of which torch knows nothing."""
    script = str(ROOT / "scripts/language_model/train_epoch.py")
    (bench.folder / "Snakefile").write_text(
        SNAKEFILE.format(
            params={name: _PARAMS[name] for name in _PARAMS if name != "threads"} | {"lr": 1e30},
            script=script,
        )
    )
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SLURM_")},
        "CUDA_VISIBLE_DEVICES": "dure-test-1,dure-test-2",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "snakemake", "train", "--cores", "2"]
    ended = subprocess.run(
        command, cwd=bench.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1, ended.stderr
    log = (bench.folder / "train.log").read_text()
    errors = [line for line in log.splitlines() if " ERROR " in line or " CRITICAL " in line]
    assert len(errors) == 1, log
    assert "run tiny, step " in errors[0] and "loss nan" in errors[0]
    assert "; lower lr or raise warmup_ratio" in errors[0]
    assert "Traceback" not in log
    assert "no CUDA device is visible: 2 processes train on the CPU" in log
    # What the first process said and counted is the job's.
    assert log.count("epoch 0.0 to 1.0: steps 1 to 4 of 8") == 1
    assert "4 an epoch; 2 processes on cpu fp32, 2 threads" in log
    record = read_record(bench.folder / "train.json")
    assert record.state == FAILED
    assert [stage.label for stage in record.stages] == ["train_epoch tiny 1.0"]


@pytest.mark.parametrize("ends", [signal.SIGTERM, signal.SIGKILL])
def test_killed_job_leaves_no_process(bench, ends):
    command = [sys.executable, "-c", KILLED, str(bench.folder)]
    job = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        saves = bench.folder / "killed/epoch-400.0/saves"
        wait_until(lambda: any(saves.glob("*/step-*")) or job.poll() is not None, "a first save")
        assert job.poll() is None
        listed = Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text()
        children = [int(pid) for pid in listed.split()]
        # Two processes, and the one in which Python keeps watch over shared resources.
        assert len(children) >= 2
        job.send_signal(ends)
        _, said = job.communicate()
    finally:
        job.kill()
    assert job.returncode == -ends
    assert "Traceback" not in said
    wait_until(lambda: not any(is_alive(pid) for pid in children), "the processes' end")
    shutil.rmtree(saves)
