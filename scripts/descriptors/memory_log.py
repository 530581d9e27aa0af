"""Resident memory and time by block, for the log and for a table, so that a leak can be seen."""

import logging
import os
import resource
import sys
import time
from pathlib import Path

import pyarrow as pa

from scripts.common.tables import table_of_rows, write_table
from scripts.descriptors.tables import MEMORY

_logger = logging.getLogger(__name__)
_STATM = Path("/proc/self/statm")


def resident_mb() -> float:
    """Return the resident memory of this process in MB (its peak where Linux's /proc is absent)."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


class MemoryLog:
    """Notes memory and seconds at the end of each block of each stage."""

    def __init__(self) -> None:
        self._rows: list[dict[str, object]] = []
        self._blocks: dict[str, int] = {}
        self._since = time.monotonic()

    def note(self, stage: str) -> None:
        """Note that a block of `stage` is done; its seconds run from the note before."""
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
