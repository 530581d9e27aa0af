"""Normal scores of a table's columns, read by blocks of rows: in memory or spilled to a local file.

A block holds `ROWS` rows, the last one fewer; its size is fixed, as sums are taken within a block.
The file is row-block-major, and within a block each column is contiguous, so that a
block of some columns is a few plain reads (a memory map would count what was read as resident).
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scripts.common.errors import IntegrityError
from scripts.common.files import full_disk_named

Scores = NDArray[np.float32]
Places = NDArray[np.int64]

ROWS = 8192
_SAMPLE_ROWS = 4096
_BYTES = 4


class ScoreStore(Protocol):
    """Columns of normal scores.

    Attributes:
        rows, columns: size of the table.
        masks: of each column, a digest of which rows are missing; equal masks, equal digests.
        missing: (columns,) number of missing rows.
        sample: (columns, rows of the sample) scores of every k-th row.
    """

    rows: int
    columns: int
    masks: list[bytes]
    missing: Places
    sample: Scores

    def read(self, block: int, columns: Places) -> Scores:
        """Return the scores of `columns` in a block of rows, (columns, rows of the block)."""


def count_blocks(rows: int) -> int:
    """Return the number of blocks of `rows` rows."""
    return -(-rows // ROWS)


def rows_of_block(rows: int, block: int) -> slice:
    """Return the rows that a block holds."""
    return slice(block * ROWS, min(rows, (block + 1) * ROWS))


class _Facts:
    """What is noted of each column while it passes by as a whole."""

    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self.masks = [b""] * columns
        self.missing = np.zeros(columns, dtype=np.int64)
        self._stride = max(1, -(-rows // _SAMPLE_ROWS))
        self.sample = np.zeros((columns, -(-rows // self._stride)), dtype=np.float32)

    def note(self, place: int, scores: Scores) -> None:
        absent = np.isnan(scores)
        self.masks[place] = blake2b(np.packbits(absent).tobytes(), digest_size=16).digest()
        self.missing[place] = np.count_nonzero(absent)
        self.sample[place] = scores[:: self._stride]


class HeldScores(_Facts):
    """Scores in memory.

    Args:
        scores: (rows, columns) normal scores, NaN where a value is missing.
    """

    def __init__(self, scores: NDArray[np.floating]) -> None:
        super().__init__(*scores.shape)
        self._scores = np.ascontiguousarray(scores.T, dtype=np.float32)
        for place, column in enumerate(self._scores):
            self.note(place, column)

    def read(self, block: int, columns: Places) -> Scores:
        """Return the scores of `columns` in a block of rows, (columns, rows of the block)."""
        return self._scores[columns, rows_of_block(self.rows, block)]


class SpilledScores(_Facts):
    """Scores in a file. Threads may read at once."""

    def __init__(self, path: Path, rows: int, columns: int) -> None:
        super().__init__(rows, columns)
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)

    def write(self, first: int, scores: Scores) -> None:
        """Write the columns from place `first` on, (columns, rows), each as a whole."""
        for place, column in enumerate(scores, start=first):
            self.note(place, column)
        with full_disk_named(self._path):
            for block in range(count_blocks(self.rows)):
                rows = rows_of_block(self.rows, block)
                piece = np.ascontiguousarray(scores[:, rows], dtype=np.float32)
                self._write_all(piece.tobytes(), self._offset(block, first))

    def _write_all(self, piece: bytes, offset: int) -> None:
        left = memoryview(piece)
        while left:
            written = os.pwrite(self._file, left, offset)
            left, offset = left[written:], offset + written

    def _offset(self, block: int, column: int) -> int:
        rows = rows_of_block(self.rows, block)
        return _BYTES * (rows.start * self.columns + column * (rows.stop - rows.start))

    def read(self, block: int, columns: Places) -> Scores:
        """Return the scores of `columns` in a block of rows, (columns, rows of the block).

        Raises:
            IntegrityError: the file is shorter than what was written.
        """
        rows = rows_of_block(self.rows, block)
        scores = np.empty((len(columns), rows.stop - rows.start), dtype=np.float32)
        for start, stop in _runs(columns):
            buffer = memoryview(scores[start:stop]).cast("B")
            offset = self._offset(block, int(columns[start]))
            while buffer:
                taken = os.preadv(self._file, [buffer], offset)
                if taken == 0:
                    raise IntegrityError(f"{self._path} was cut while it was read; run again")
                buffer, offset = buffer[taken:], offset + taken
        return scores

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _runs(columns: Places) -> Iterator[tuple[int, int]]:
    """Yield ranges of places at which `columns` count up by one."""
    breaks = np.flatnonzero(np.diff(columns) != 1) + 1
    edges = [0, *breaks.tolist(), len(columns)]
    for start, stop in pairwise(edges):
        if stop > start:
            yield start, stop


@contextmanager
def spilled(
    folder: Path, name: str, rows: int, columns: int, pieces: Iterable[Scores]
) -> Iterator[SpilledScores]:
    """Yield scores written to a file of `folder`, which is removed afterwards.

    Args:
        folder: local disk.
        name: name of the file.
        rows: rows of the table.
        columns: columns of the table.
        pieces: (some columns, rows) float32 each, in the order of the columns.

    Raises:
        OutputError: the disk is full.
    """
    path = folder / name
    store = SpilledScores(path, rows, columns)
    try:
        first = 0
        for piece in pieces:
            store.write(first, piece)
            first += len(piece)
        yield store
    finally:
        store.close()
        path.unlink(missing_ok=True)


def whole_column(store: ScoreStore, column: int) -> Scores:
    """Return a column's scores, (rows,)."""
    place = np.array([column])
    blocks = [store.read(block, place)[0] for block in range(count_blocks(store.rows))]
    return np.concatenate(blocks)
