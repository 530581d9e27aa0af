"""The record that a job keeps beside its log."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.common.job_record import (
    FAILED,
    FINISHED,
    RUNNING,
    peak_resident_mb,
    read_record,
    record_file,
    record_path,
    recording,
    take_back_notes,
)
from scripts.common.progress import Progress

ROOT = Path(__file__).parents[2]


class Clock:
    """A clock that is set by hand, in seconds."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def log(tmp_path):
    return tmp_path / "logs" / "corpus" / "score_shard" / "news" / "000.log"


def test_record_follows_the_work_and_ends_with_it(log):
    clock = Clock()
    with recording(log, rule="score_shard", wildcards={"source": "news"}, threads=2):
        assert read_record(record_path(log)).stages == []
        progress = Progress("score_shard news/000", total=300, batches=3, clock=clock)
        clock.now = 4.0
        progress.advance(100, 25, batch_ended=True)
        running = read_record(record_path(log))
        clock.now = 10.0
        progress.advance(200, 75, batch_ended=True)
        progress.finish()
        Progress("another", total=None, clock=clock)

    assert (running.rule, running.wildcards, running.threads) == (
        "score_shard",
        {"source": "news"},
        2,
    )
    assert (running.state, running.peak_mb) == (RUNNING, None)
    (stage,) = running.stages
    assert (stage.done, stage.total, stage.passed, stage.batch, stage.batches) == (
        100,
        300,
        25,
        1,
        3,
    )
    assert stage.seconds == 4.0
    closed = read_record(record_path(log))
    assert closed.state == FINISHED
    assert [stage.label for stage in closed.stages] == ["score_shard news/000", "another"]
    assert (closed.stages[0].done, closed.stages[0].passed) == (300, 100)
    assert closed.peak_mb is not None and closed.peak_mb > 10
    assert closed.seconds >= 0


def test_notes_are_a_second_apart(log):
    clock = Clock()
    with recording(log, rule="r", wildcards={}, threads=1):
        progress = Progress("r", total=None, clock=clock)
        clock.now = 0.9
        progress.advance(7)
        assert read_record(record_path(log)).stages[0].done == 0
        clock.now = 1.0
        progress.advance(7)
        assert read_record(record_path(log)).stages[0].done == 14


ANOTHER_PROCESS = """
import sys
from pathlib import Path
from scripts.common.job_record import noting_for
from scripts.common.progress import Progress
with noting_for(Path(sys.argv[1])):
    progress = Progress("elsewhere", total=5)
    progress.advance(5)
    progress.finish()
Progress("not for the job", total=5)
"""


def test_another_process_of_the_job_writes_to_its_record(log):
    with recording(log, rule="r", wildcards={}, threads=1):
        path = record_file()
        assert path == record_path(log)
        command = [sys.executable, "-c", ANOTHER_PROCESS, str(path)]
        subprocess.run(command, cwd=ROOT, check=True)
        assert [stage.label for stage in read_record(path).stages] == ["elsewhere"]
        take_back_notes(1000.0)
        Progress("here", total=1)
    closed = read_record(record_path(log))
    assert [(stage.label, stage.done) for stage in closed.stages] == [("elsewhere", 5), ("here", 0)]
    assert closed.state == FINISHED
    assert closed.peak_mb is not None and closed.peak_mb > 1010
    assert record_file() is None


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(1)])
def test_a_failed_job_says_so(log, error):
    with (
        pytest.raises(type(error)),
        recording(log, rule="r", wildcards={}, threads=1),
    ):
        raise error
    assert read_record(record_path(log)).state == FAILED


def test_without_a_log_or_a_job_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with recording(None, rule="r", wildcards={}, threads=1):
        Progress("r", total=1).finish()
    Progress("r", total=1).finish()
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_record_is_named(tmp_path):
    for content in ("", "[]", "{}", json.dumps({"stages": [{"label": "x"}]})):
        (tmp_path / "x.json").write_text(content)
        with pytest.raises(ValueError, match="no job's record"):
            read_record(tmp_path / "x.json")


def test_peak_memory_is_the_process_own_and_not_its_parents():
    block = bytearray(200 * 2**20)  # this process holds it, its child does not
    code = """
from scripts.common.job_record import peak_resident_mb
print(peak_resident_mb())
block = bytearray(80 * 2**20)
print(peak_resident_mb())
"""
    child = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    before, after = map(float, child)
    assert peak_resident_mb() > len(block) / 2**20
    assert before < 100
    assert 75 < after - before < 90
