"""External sort of documents by key: memory is bounded by the run size, not by the source.

Rows are collected into runs of bounded size, each run is sorted and spooled to local disk, and the
key ranges are read back from all runs, a bounded range at a time.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa

from scripts.common.files import full_disk_named

# A run is held about three times while it is sorted.
RUN_BYTES = 24 << 20
# Each column of a run that is looked into keeps some 64 kB of its mapping resident.
_RUNS_MAPPED_AT_A_TIME = 64
_ORDER = [("key", "ascending"), ("doc_id", "ascending")]


class Spool:
    """Sorted runs of a table with the columns `key` (uint64) and `doc_id` (string)."""

    def __init__(self, path: Path, schema: pa.Schema, *, run_bytes: int = RUN_BYTES) -> None:
        self.path, self.schema, self.run_bytes = path, schema, run_bytes
        self.total_bytes = 0
        self._runs = 0
        self._pending: list[pa.RecordBatch] = []
        self._pending_bytes = 0
        self._writer = pa.ipc.new_file(str(path), schema)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()
        self.path.unlink(missing_ok=True)

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows in any order."""
        if batch.num_rows == 0:
            return  # Arrow drops empty batches, and a run would have none to write
        self._pending.append(batch)
        self._pending_bytes += batch.nbytes
        self.total_bytes += batch.nbytes
        if self._pending_bytes >= self.run_bytes:
            self._write_run()

    def _write_run(self) -> None:
        if not self._pending:
            return
        run = pa.Table.from_batches(self._pending, self.schema).sort_by(_ORDER)
        self._pending, self._pending_bytes = [], 0
        with full_disk_named(self.path):
            self._writer.write_batch(run.combine_chunks().to_batches()[0])
        self._runs += 1
        del run
        _release_unused()

    def finish(self) -> None:
        """End the adding of rows."""
        self._write_run()
        with full_disk_named(self.path):
            self._writer.close()

    def sorted_range(self, low: int, high: int) -> Iterator[pa.Table]:
        """Yield the rows with `low` <= key < `high` by (key, doc_id), in bounded pieces."""
        # Half a run each: whoever reads on holds a part of one piece while the next is made.
        piece_bytes = max(1, self.run_bytes // 2)
        pieces = max(1, -(-self.total_bytes * (high - low) // ((1 << 64) * piece_bytes)))
        bounds = [low + (high - low) * piece // pieces for piece in range(pieces + 1)]
        # ASSUME keys are hashes, so that equal ranges of keys hold about equally many rows.
        for start, end in pairwise(bounds):
            _release_unused()
            yield self._sorted_piece(start, end)

    def _sorted_piece(self, low: int, high: int) -> pa.Table:
        sorted_parts = [
            self._sorted_part(
                range(start, min(start + _RUNS_MAPPED_AT_A_TIME, self._runs)), low, high
            )
            for start in range(0, self._runs, _RUNS_MAPPED_AT_A_TIME)
        ]
        if len(sorted_parts) == 1:
            return sorted_parts[0]
        return pa.concat_tables([self.schema.empty_table(), *sorted_parts]).sort_by(_ORDER)

    def _sorted_part(self, runs: range, low: int, high: int) -> pa.Table:
        # Mapped anew each time: what was read of a mapping stays resident until it is closed, in
        # the end the whole spool.
        with pa.memory_map(str(self.path)) as source:
            reader = pa.ipc.open_file(source)
            batches = [reader.get_batch(run) for run in runs]
            slices = [batch.slice(*_span(batch["key"].to_numpy(), low, high)) for batch in batches]
            return pa.Table.from_batches(slices, self.schema).sort_by(_ORDER)


def _release_unused() -> None:
    # Arrow keeps freed buffers for later, and those of a sort are the largest that a step has.
    pa.default_memory_pool().release_unused()


def _span(keys: np.ndarray, low: int, high: int) -> tuple[int, int]:
    """Return offset and length of the sorted keys in [low, high)."""
    first = int(np.searchsorted(keys, np.uint64(low), side="left"))
    if high > np.iinfo(np.uint64).max:
        return first, len(keys) - first
    return first, int(np.searchsorted(keys, np.uint64(high), side="left")) - first
