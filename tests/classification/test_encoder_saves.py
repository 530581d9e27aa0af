"""Training of the transformer, stopped anywhere and gone on with: the bytes of one in one go."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.classification.encoder_saves import StepNotes
from tests.classification.encoder_builders import Bench, contents
from tests.workflow.harness import ROOT


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def whole(bench) -> Path:
    """Three epochs of eleven steps in one go."""
    return bench.train("whole")


class Fault(BaseException):
    """An end that no handler of the code under test expects."""


def stop_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let training end after so many steps of a job, before what is due at that step."""
    inner, taken = StepNotes.on_step_end, 0

    def failing(notes: StepNotes, *arguments: Any, **options: Any) -> None:
        nonlocal taken
        if taken == steps:
            raise Fault
        taken += 1
        inner(notes, *arguments, **options)

    monkeypatch.setattr(StepNotes, "on_step_end", failing)


@pytest.mark.parametrize(("stop", "saved"), [(3, 0), (6, 5), (11, 10), (24, 20)])
def test_interrupted_and_resumed(bench, whole, monkeypatch, caplog, stop, saved):
    name = f"interrupted-{stop}"
    with monkeypatch.context() as patch:
        stop_after(stop, patch)
        with pytest.raises(Fault):
            bench.train(name, save_steps=5)
    folder = bench.folder / "runs" / name
    assert not (folder / "metrics.json").exists()
    assert [path.name for path in folder.glob("saves/*/step-*")] == (
        [f"step-{saved:09d}"] if saved else []
    )
    caplog.set_level("INFO")
    bench.train(name, save_steps=5)
    assert (f"going on after step {saved}," in caplog.text) == bool(saved)
    assert contents(folder) == contents(whole)
    assert not (folder / "saves").exists()


def test_interrupted_behind_an_epoch_with_draws_and_dropout(bench, monkeypatch):
    """A save at an epoch's end holds its evaluation; the next epoch draws anew."""
    options: dict[str, Any] = {"settings": {"resampling": "sampler"}, "save_steps": 11}
    straight = bench.train("drawn", **options)
    with monkeypatch.context() as patch:
        stop_after(13, patch)
        with pytest.raises(Fault):
            bench.train("drawn-cut", **options)
    assert contents(bench.train("drawn-cut", **options)) == contents(straight)


def test_save_of_other_settings_is_not_gone_on_from(bench, monkeypatch, caplog):
    with monkeypatch.context() as patch:
        stop_after(6, patch)
        with pytest.raises(Fault):
            bench.train("edited", save_steps=5)
    caplog.set_level("INFO")
    folder = bench.train("edited", save_steps=5, learning_rate=0.005, epochs=1)
    assert "going on" not in caplog.text
    assert contents(folder) == contents(bench.train("lower", learning_rate=0.005, epochs=1))


KILLED = """
import os, signal, sys
from pathlib import Path
from scripts.classification import encoder_saves
from tests.classification.encoder_builders import Bench
inner, calls = encoder_saves.write_table, 0
def write_and_die(*arguments):
    global calls
    calls += 1
    inner(*arguments)
    if calls == 3:
        os.kill(os.getpid(), signal.SIGKILL)  # in the middle of the third save
encoder_saves.write_table = write_and_die
Bench(Path(sys.argv[1])).train("killed", save_steps=4)
"""


def test_killed_in_the_middle_of_a_save_and_resumed(bench, whole, caplog):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", KILLED, str(bench.folder)]
    killed = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    caplog.set_level("INFO")
    folder = bench.train("killed", save_steps=4)
    # The half save of step 12 is not taken: the one of step 8 is whole.
    assert "going on after step 8," in caplog.text
    assert contents(folder) == contents(whole)
