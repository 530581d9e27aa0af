"""Starts one process for each device through torch's elastic launcher, and ends them together.

The launcher (what `torchrun` starts) gives each process its rank and a free port of the loopback,
watches them, and ends all when one fails or when the job is told to end. Here are added: the one
line of an expected failure reaches the job; the first process logs and notes progress for it; and
no process outlives a job that is killed without a word.
"""

import ctypes
import json
import logging
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import traceback
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from scripts.common import errors
from scripts.common.errors import ConfigError, ExpectedError
from scripts.common.files import want_of_space
from scripts.common.job_record import (
    noting_for,
    peak_resident_mb,
    record_file,
    take_back_notes,
)
from scripts.common.logs import log_file, start_logging
from scripts.language_model.team import joined_team

_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT")
_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Job:
    """What the processes know of the job that started them.

    Attributes:
        log: the job's log, None for stderr alone.
        record: file of the job's record, None where none is kept.
        failures: folder for the processes' failures.
    """

    log: Path | None
    record: Path | None
    failures: Path


def run_in_processes(
    function: Callable[..., None], arguments: Mapping[str, Any], count: int
) -> None:
    """Call a function in `count` processes that form a team, and wait for all of them.

    Args:
        function: function of an importable module.
        arguments: its arguments by name, the same for every process; they are pickled.
        count: number of processes.

    Raises:
        ExpectedError: the first failure, of the class that a process raised.
        ConfigError: a process was killed.
        RuntimeError: a process failed unexpectedly; its traceback is the message.
    """
    received: int | None = None
    with tempfile.TemporaryDirectory(prefix="dure-devices-") as name, _elastic_kept_quiet():
        folder = Path(name)
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=count,
            rdzv_backend="c10d",
            rdzv_endpoint="127.0.0.1:0",
            run_id=folder.name,
            local_addr="127.0.0.1",
            max_restarts=0,
            start_method="spawn",
            signals_to_handle=",".join(_handled_signals()),
            logs_specs=DefaultLogsSpecs(log_dir=str(folder)),
        )
        job = _Job(log_file(), record_file(), folder)
        peaks: dict[int, float] = {}
        try:
            with _own_signal_handlers():
                peaks = elastic_launch(config, _work)(function, dict(arguments), job)
        except ChildFailedError as failed:
            raise _first_failure(folder, failed) from None
        except SignalException as ended:
            received = int(ended.sigval)
        finally:
            take_back_notes(sum(peaks.values()))
    if received is not None:
        # The processes are ended; now what the signal would have done to a job of one process.
        signal.raise_signal(received)
        raise SystemExit(128 + received)


def _work(function: Callable[..., None], arguments: dict[str, Any], job: _Job) -> float:
    """Be one of the processes; return the peak of its memory in MB."""
    _end_with_job()
    rank = int(os.environ["RANK"])
    start_logging(job.log)
    if rank > 0:
        # They would say the same as the first one.
        logging.getLogger().setLevel(logging.ERROR)
    # Without it Accelerate chooses a number of threads; `function` sets its own.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with (
        _FailuresHandedOver(job.failures, rank),
        noting_for(job.record if rank == 0 else None),
        joined_team(),
    ):
        function(**arguments)
    return peak_resident_mb()


def _end_with_job() -> None:
    """Let the kernel kill this process when the job's process is gone, however it went.

    Signals of the terminal end it at once, even while it waits for others inside a library.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid != os.getppid():
        os._exit(1)


class _FailuresHandedOver:
    """Writes down what made this process fail, and ends the process.

    Args:
        folder: where it is written.
        rank: number of this process.
    """

    def __init__(self, folder: Path, rank: int) -> None:
        self.folder, self.rank = folder, rank

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        if error is None:
            return
        if isinstance(error, OSError):
            error = want_of_space(error, error.filename or "a file of this step") or error
        expected = isinstance(error, ExpectedError)
        failure = {
            "rank": self.rank,
            "time": time.time_ns(),
            "kind": type(error).__name__ if expected else None,
            "text": str(error) if expected else "".join(traceback.format_exception(error)),
        }
        path = self.folder / f"failure-{self.rank}.json"
        path.write_text(json.dumps(failure), encoding="utf-8")
        # Without the interpreter's end, where libraries may wait for the other processes.
        logging.shutdown()
        os._exit(1)


def _first_failure(folder: Path, failed: ChildFailedError) -> Exception:
    """Return what to raise: the earliest failure, since the others' may follow from it."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("failure-*.json")]
    if found:
        first = min(found, key=lambda failure: int(failure["time"]))
        if first["kind"] is None:
            return RuntimeError(f"the process of device {first['rank']} failed:\n{first['text']}")
        error: Exception = getattr(errors, first["kind"], ExpectedError)(first["text"])
        return error
    rank, ended = failed.get_first_failure()
    code = f"signal {ended.signal_name()}" if ended.exitcode < 0 else f"code {ended.exitcode}"
    return ConfigError(
        f"the process of device {rank} was ended by {code}, most often because memory ran out; "
        "raise mem_mb of train_epoch, or lower batch or `gpu`"
    )


def _handled_signals() -> Iterator[str]:
    """Return the signals that end the job; not those that it was started to ignore (nohup)."""
    for name in _SIGNALS:
        if signal.getsignal(getattr(signal, name)) is not signal.SIG_IGN:
            yield name


@contextmanager
def _own_signal_handlers() -> Iterator[None]:
    """Put the handlers back that the launcher replaces for good."""
    numbers = [getattr(signal, name) for name in _SIGNALS]
    before = [signal.getsignal(number) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def _elastic_kept_quiet() -> Iterator[None]:
    """Keep the launcher's words about ended processes out of the log: the failure says it."""
    loggers = [logging.getLogger(name) for name in ("torch.distributed", "torch.multiprocessing")]
    before = [(logger.propagate, logger.handlers) for logger in loggers]
    for logger in loggers:
        logger.propagate, logger.handlers = False, [logging.NullHandler()]
    try:
        yield
    finally:
        for logger, (propagate, handlers) in zip(loggers, before, strict=True):
            logger.propagate, logger.handlers = propagate, handlers
