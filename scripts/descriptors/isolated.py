"""Calls in worker processes with a time limit each; what hangs or crashes costs itself alone.

Compiled chemistry code cannot be interrupted from within its process: a worker that runs out of
time is killed and another takes its place (pebble's process pool).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import TimeoutError as OutOfTime
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Generic, TypeVar

from pebble import ProcessExpired, ProcessPool

Item = TypeVar("Item")
Answer = TypeVar("Answer")
_WAITING_A_WORKER = 8  # calls that are sent ahead, so that no worker waits and memory is bounded


@dataclass(frozen=True)
class Outcome(Generic[Item, Answer]):
    """What became of one call.

    Attributes:
        item: what the call was about.
        answer: its result; None where it failed.
        failure: "timeout" or "crashed" (the worker died), None where there is an answer.
    """

    item: Item
    answer: Answer | None
    failure: str | None


def map_isolated(
    function: Callable[[Item], Answer],
    items: Iterable[Item],
    *,
    workers: int,
    timeout_s: float,
    prepare: Callable[[], object],
) -> Iterator[Outcome[Item, Answer]]:
    """Yield the outcome of every call, in the order of the items.

    Args:
        function: a function of a module, called in the workers.
        items: what it is called with; read a few at a time.
        workers: number of processes.
        timeout_s: seconds that a call may take.
        prepare: called once in every worker before its first call. It is called here first, so
            that a failure of it is seen where it happens.

    Raises:
        Exception: what a call raises, as in one process.
    """
    prepare()
    # Forked children of a process with threads (torch, Arrow) may hang; a server forks clean ones.
    context = get_context("forkserver")
    with ProcessPool(max_workers=workers, context=context, initializer=prepare) as pool:
        waiting: deque[tuple[Item, object]] = deque()
        for item in items:
            waiting.append((item, pool.schedule(function, args=(item,), timeout=timeout_s)))
            if len(waiting) >= workers * _WAITING_A_WORKER:
                yield _outcome(*waiting.popleft())
        while waiting:
            yield _outcome(*waiting.popleft())


def _outcome(item: Item, future: object) -> Outcome[Item, Answer]:
    try:
        return Outcome(item, future.result(), None)  # type: ignore[attr-defined]
    except OutOfTime:
        return Outcome(item, None, "timeout")
    except ProcessExpired:
        return Outcome(item, None, "crashed")
