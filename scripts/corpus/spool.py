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

RUN_BYTES = 48 << 20
_ORDER = [("key", "ascending"), ("doc_id", "ascending")]


class Spool:
    """Sorted runs of a table with the columns `key` (uint64) and `doc_id` (string)."""

    def __init__(self, path: Path, schema: pa.Schema, *, run_bytes: int = RUN_BYTES) -> None:
        self.path, self.schema, self.run_bytes = path, schema, run_bytes
        self.total_bytes = 0
        self._run_keys: list[np.ndarray] = []
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
        self._run_keys.append(run["key"].to_numpy())

    def finish(self) -> None:
        """End the adding of rows."""
        self._write_run()
        with full_disk_named(self.path):
            self._writer.close()

    def sorted_range(self, low: int, high: int) -> Iterator[pa.Table]:
        """Yield the rows with `low` <= key < `high` by (key, doc_id), in bounded pieces."""
        pieces = max(1, -(-self.total_bytes * (high - low) // ((1 << 64) * self.run_bytes)))
        bounds = [low + (high - low) * piece // pieces for piece in range(pieces + 1)]
        # ASSUME keys are hashes, so that equal ranges of keys hold about equally many rows.
        for start, end in pairwise(bounds):
            yield self._sorted_piece(start, end)

    def _sorted_piece(self, low: int, high: int) -> pa.Table:
        # Mapped anew for each piece: what was read of a mapping stays resident until it is closed,
        # in the end the whole spool.
        with pa.memory_map(str(self.path)) as source:
            reader = pa.ipc.open_file(source)
            slices = [
                reader.get_batch(run).slice(*_span(keys, low, high))
                for run, keys in enumerate(self._run_keys)
            ]
            return pa.Table.from_batches(slices, self.schema).sort_by(_ORDER)


def _span(keys: np.ndarray, low: int, high: int) -> tuple[int, int]:
    """Return offset and length of the sorted keys in [low, high)."""
    first = int(np.searchsorted(keys, np.uint64(low), side="left"))
    if high > np.iinfo(np.uint64).max:
        return first, len(keys) - first
    return first, int(np.searchsorted(keys, np.uint64(high), side="left")) - first
