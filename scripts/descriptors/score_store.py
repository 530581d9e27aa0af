"""Normal scores of a table's columns, read by chunks of rows, held in memory or on local disk."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scripts.descriptors.feature_store import CHUNK_ROWS, FeatureStore, feature_store

Scores = NDArray[np.float32]
Places = NDArray[np.int64]

_SAMPLE_ROWS = 1024


class ScoreStore(Protocol):
    """Columns of normal scores, NaN where a value is missing.

    Attributes:
        rows, columns: size of the table.
        mask_of: (columns,) number of each column's mask; columns missing in the same rows share it.
        valid: (columns,) number of valid rows.
        sample: (columns, some rows) scores of every k-th row.
    """

    rows: int
    columns: int
    valid: Places
    sample: Scores

    @property
    def mask_of(self) -> Places:
        """Number of each column's mask."""

    def chunks(self) -> Iterator[Tensor]:
        """Yield (columns, up to CHUNK_ROWS) float32 in row order; the buffer may be shared."""

    def read_columns(self, columns: Sequence[int]) -> Scores:
        """Return (len(columns), rows) scores."""


class HeldScores:
    """Scores in memory.

    Args:
        scores: (rows, columns) normal scores, NaN where a value is missing.
    """

    def __init__(self, scores: NDArray[np.floating]) -> None:
        self._scores = np.ascontiguousarray(scores.T, dtype=np.float32)
        self.columns, self.rows = self._scores.shape
        missing = np.isnan(self._scores)
        self.valid = np.count_nonzero(~missing, axis=1).astype(np.int64)
        _, self._mask_of = np.unique(np.packbits(missing, axis=1), axis=0, return_inverse=True)
        self.sample = self._scores[:, :: _stride(self.rows)]

    @property
    def mask_of(self) -> Places:
        """Number of each column's mask."""
        return self._mask_of.reshape(-1)

    def chunks(self) -> Iterator[Tensor]:
        """Yield (columns, up to CHUNK_ROWS) scores in row order."""
        for start in range(0, self.rows, CHUNK_ROWS):
            yield torch.from_numpy(self._scores[:, start : start + CHUNK_ROWS])

    def read_columns(self, columns: Sequence[int]) -> Scores:
        """Return (len(columns), rows) scores."""
        return self._scores[list(columns)]


class SpilledScores:
    """Scores in a file, and a sample of them in memory."""

    def __init__(self, store: FeatureStore) -> None:
        self._store = store
        self.rows, self.columns, self.valid = store.rows, store.columns, store.valid
        self.sample = np.zeros((self.columns, len(range(0, self.rows, _stride(self.rows)))), "f4")

    def write(self, first: int, scores: Scores) -> None:
        """Write the columns from place `first` on, (rows, some columns)."""
        self._store.write(first, scores)
        self.sample[first : first + scores.shape[1]] = scores[:: _stride(self.rows)].T

    @property
    def mask_of(self) -> Places:
        """Number of each column's mask."""
        return self._store.mask_of

    def chunks(self) -> Iterator[Tensor]:
        """Yield (columns, up to CHUNK_ROWS) scores in row order, in a shared buffer."""
        return self._store.chunks()

    def read_columns(self, columns: Sequence[int]) -> Scores:
        """Return (len(columns), rows) scores."""
        return self._store.read_columns(columns)


@contextmanager
def spilled(
    folder: Path, rows: int, columns: int, pieces: Iterable[Scores]
) -> Iterator[SpilledScores]:
    """Yield scores written to a file of `folder`, which is removed afterwards.

    Args:
        folder: local disk; it holds one such file at a time.
        rows: rows of the table.
        columns: columns of the table.
        pieces: (rows, some columns) float32 each, in the order of the columns.

    Raises:
        OutputError: the disk is full.
    """
    with feature_store(folder, rows, columns) as file:
        store = SpilledScores(file)
        first = 0
        for piece in pieces:
            store.write(first, piece)
            first += piece.shape[1]
        yield store


def count_chunks(rows: int) -> int:
    """Return the number of chunks of `rows` rows."""
    return -(-rows // CHUNK_ROWS)


def _stride(rows: int) -> int:
    return max(1, -(-rows // _SAMPLE_ROWS))
