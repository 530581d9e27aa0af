"""The record that a job keeps of itself beside its log: how far it is, how long, how much memory.

`entry` opens the record, `Progress` writes to it while the step works, and `entry` closes it. It
is what `show_progress` and the costs of a run read. A record is rewritten as a whole under a
temporary name, so a reader never sees half of one; the record of a killed job stays "running"
with the time of its last word.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scripts.common.errors import OutputError
from scripts.common.files import full_disk_named

RUNNING, FINISHED, FAILED = "running", "finished", "failed"


@dataclass
class Stage:
    """One counted piece of a job's work.

    Attributes:
        label: what is going on.
        unit: the counted items' name in the plural.
        done, total: finished and all items; total is None where it is unknown.
        passed: items that passed, among the finished ones.
        batch, batches: finished and all batches, None where the work comes in none.
        seconds: time since the stage began.
        batch_size: items of a batch, where all but the last hold the same number.
        taken_over: items among the finished ones that an interrupted job had done before.
    """

    label: str
    unit: str
    done: int
    total: int | None
    passed: int
    batch: int | None
    batches: int | None
    seconds: float
    batch_size: int | None = None
    taken_over: int = 0

    @property
    def rate(self) -> float | None:
        """Items per second, None before the first one."""
        done = self.done - self.taken_over
        return done / self.seconds if done > 0 and self.seconds > 0 else None


@dataclass
class JobRecord:
    """What a job says of itself.

    Attributes:
        rule: name of the rule.
        wildcards: the job's wildcards by name.
        threads: threads of the job.
        pid: process of the job, on the machine where it runs.
        started, updated: seconds since the epoch of the start and of the last word.
        state: "running", "finished" or "failed".
        peak_mb: peak resident memory of the process in MB, known at the end; of a job of several
            processes the sum of their peaks.
        mem_mb: memory that the job was granted in MB, None where none is stated.
        stages: the pieces of work in the order in which they began.
    """

    rule: str
    wildcards: dict[str, str]
    threads: int
    pid: int
    started: float
    updated: float
    state: str = RUNNING
    peak_mb: float | None = None
    mem_mb: int | None = None
    stages: list[Stage] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Seconds from the start to the last word."""
        return self.updated - self.started


_current: tuple[JobRecord, Path] | None = None


def record_path(log: Path) -> Path:
    """Return where the job with this log keeps its record."""
    return log.with_suffix(".json")


def read_record(path: Path) -> JobRecord:
    """Read a record.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the file is no record.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        stages = [Stage(**stage) for stage in content.pop("stages")]
        return JobRecord(**content, stages=stages)
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is no job's record: {error}") from error


@contextmanager
def recording(
    log: Path | None,
    *,
    rule: str,
    wildcards: dict[str, Any],
    threads: int,
    mem_mb: int | None = None,
) -> Iterator[None]:
    """Keep a record beside `log` while the block runs; keep none without a log."""
    global _current
    if log is None:
        yield
        return
    now = time.time()
    texts = {name: str(value) for name, value in wildcards.items()}
    record = JobRecord(rule, texts, threads, os.getpid(), now, now, mem_mb=mem_mb)
    path = record_path(log)
    _write(record, path)
    _current = record, path
    state = FAILED
    try:
        yield
        state = FINISHED
    finally:
        _current = None
        record.state = state
        # Added to what other processes of the job took.
        record.peak_mb = round((record.peak_mb or 0.0) + peak_resident_mb(), 1)
        # Where there is no room for the record either, the step's own error is the one to tell.
        with nullcontext() if state == FINISHED else suppress(OSError, OutputError):
            _write(record, path)


def record_file() -> Path | None:
    """Return the file of the current job's record, None where none is kept."""
    return None if _current is None else _current[1]


@contextmanager
def noting_for(path: Path | None) -> Iterator[None]:
    """Let this process, which a job started, write its stages to the job's record meanwhile.

    Args:
        path: file of the job's record, None to note nothing.
    """
    global _current
    _current = None if path is None else (read_record(path), path)
    try:
        yield
    finally:
        _current = None


def take_back_notes(peak_mb: float) -> None:
    """Go on with the record after other processes wrote to it (`noting_for`).

    Args:
        peak_mb: sum of their peak resident memories in MB.
    """
    if _current is None:
        return
    record, path = _current
    record.stages, record.peak_mb = read_record(path).stages, peak_mb


def note_stage(stage: Stage, *, number: int | None) -> int | None:
    """Put a stage into the current job's record, and return its number there.

    Args:
        stage: the state of the work.
        number: the stage's number as returned before, None for a new stage.
    """
    if _current is None:
        return None
    record, path = _current
    if number is None:
        record.stages.append(stage)
        number = len(record.stages) - 1
    else:
        record.stages[number] = stage
    _write(record, path)
    return number


def peak_resident_mb() -> float:
    """Return the peak resident memory of this process so far, in MB (2**20 bytes)."""
    status = Path("/proc/self/status")
    if status.exists():
        # ru_maxrss also counts what the parent held when it started this process.
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _write(record: JobRecord, path: Path) -> None:
    record.updated = time.time()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".part.{path.name}")
    with full_disk_named(path):
        try:
            part.write_text(json.dumps(asdict(record), ensure_ascii=False), encoding="utf-8")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
