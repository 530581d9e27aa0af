"""Processor seconds of a form on one thread: other work on the machine does not count."""

import os
import time
from collections.abc import Callable
from statistics import median
from typing import TypeVar

import torch

Result = TypeVar("Result")


def require_one_thread() -> None:
    """Give torch one thread, and see that the others have one.

    Raises:
        SystemExit: they have more.
    """
    if os.environ.get("OMP_NUM_THREADS") != "1":
        raise SystemExit("set OMP_NUM_THREADS=1, so that all forms have one thread")
    torch.set_num_threads(1)


def timed(form: Callable[[], Result]) -> tuple[Result, float]:
    """Return a form's result and its processor seconds."""
    start = time.process_time()
    result = form()
    return result, time.process_time() - start


def repeated(form: Callable[[], Result], rounds: int) -> tuple[Result, float]:
    """Return a form's result and the median of its processor seconds."""
    form()  # not counted: the first call of a library loads it
    runs = [timed(form) for _ in range(rounds)]
    return runs[-1][0], median(seconds for _, seconds in runs)
