"""Resident memory and time by block, for the log and for a table, so that a leak can be seen."""

import ctypes
import logging
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from scripts.common.tables import table_of_rows, write_table
from scripts.descriptors.tables import MEMORY

_logger = logging.getLogger(__name__)
_STATM = Path("/proc/self/statm")
_M_ARENA_MAX = -8  # a parameter of glibc's mallopt


def resident_mb() -> float:
    """Return the resident memory of this process in MB (its peak where Linux's /proc is absent)."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def _of_allocator(name: str) -> Callable[..., int]:
    """Return a function of glibc, or what does nothing where there is none."""
    if sys.platform != "linux":
        return lambda *arguments: 0
    return getattr(ctypes.CDLL(None), name, lambda *arguments: 0)


_mallopt, _malloc_trim = _of_allocator("mallopt"), _of_allocator("malloc_trim")


class MemoryLog:
    """Notes memory and seconds at the end of each block of each stage.

    Freed memory is given back to the system first: glibc keeps freed pieces of up to 32 MB for
    itself as soon as one such piece was freed, so that resident memory would grow after the first
    block by what no block holds. Threads that start later share one heap, which was seen to lower
    the level, not the growth (tests/benchmarks/RESULTS.md).
    """

    def __init__(self) -> None:
        _mallopt(_M_ARENA_MAX, 1)
        self._rows: list[dict[str, object]] = []
        self._blocks: dict[str, int] = {}
        self._since = time.monotonic()

    def note(self, stage: str) -> None:
        """Note that a block of `stage` is done; its seconds run from the note before."""
        _malloc_trim(0)
        now, memory = time.monotonic(), resident_mb()
        block = self._blocks.get(stage, -1) + 1
        self._blocks[stage] = block
        seconds = now - self._since
        self._since = now
        self._rows.append(
            {"stage": stage, "block": block, "resident_mb": memory, "seconds": seconds}
        )
        _logger.info("%s: block %d, %.0f MB resident, %.2f s", stage, block, memory, seconds)

    def table(self) -> pa.Table:
        """Return the notes as a table of schema MEMORY."""
        return table_of_rows(self._rows, MEMORY)

    def write(self, path: Path) -> None:
        """Write the notes as Parquet."""
        write_table(path, self.table(), MEMORY)
