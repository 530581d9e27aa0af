"""TF-IDF rows of hashed n-grams, kept on local disk and read block by block.

A weight is (1 + ln count) · (1 + ln((1 + rows) / (1 + rows that have the n-gram))), and each row
has length 1. Columns of a single row are left out: they say nothing about any other row. Memory is
that of a block and a few numbers for each column and row.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from scripts.classification.hashed_ngrams import count_ngrams

BLOCK_ROWS = 2_000
_LEAST_ROWS = 2
_CELL = np.dtype([("column", np.int32), ("count", np.uint16)])


class NgramStore:
    """Counts of n-grams, written text by text, then read as weights.

    Args:
        folder: local folder for the counts.
        column_bits: the hashed columns are 2 ** `column_bits`.
    """

    def __init__(self, folder: Path, column_bits: int) -> None:
        self._path = folder / "ngrams.bin"
        self._path.touch()
        self._bits = column_bits
        self._ends: list[npt.NDArray[np.int64]] = [np.zeros(1, np.int64)]
        self._frequencies = np.zeros(1 << column_bits, np.int64)

    def add(self, texts: Sequence[str]) -> None:
        """Append rows."""
        owner, columns, counts = count_ngrams(texts, self._bits)
        cells = np.empty(columns.size, _CELL)
        cells["column"], cells["count"] = columns, np.minimum(counts, np.iinfo(np.uint16).max)
        with self._path.open("ab") as file:
            file.write(cells.tobytes())
        sizes = np.bincount(owner, minlength=len(texts))
        self._ends.append(self._ends[-1][-1] + np.cumsum(sizes))
        self._frequencies += np.bincount(columns, minlength=self._frequencies.size)

    def finish(self) -> None:
        """Fix the weights; no row can be added after that."""
        self._offsets = np.concatenate(self._ends)
        used = self._frequencies >= _LEAST_ROWS
        self._place = np.where(used, np.cumsum(used) - 1, -1).astype(np.int32)
        weights = 1 + np.log((1 + self.rows) / (1 + self._frequencies[used]))
        self._weights = weights.astype(np.float32)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self._offsets.size - 1

    @property
    def columns(self) -> int:
        """Number of columns that two rows or more have."""
        return int(self._weights.size)

    def blocks(self) -> Iterator[tuple[slice, csr_matrix]]:
        """Yield which rows a block holds, and the block (rows × columns, float32)."""
        with self._path.open("rb") as file:
            for start in range(0, self.rows, BLOCK_ROWS):
                rows = slice(start, min(start + BLOCK_ROWS, self.rows))
                first, last = self._offsets[rows.start], self._offsets[rows.stop]
                cells = np.fromfile(file, _CELL, count=int(last - first))
                yield rows, self._weighted(cells, self._offsets[rows.start : rows.stop + 1] - first)

    def _weighted(self, cells: npt.NDArray[np.void], offsets: npt.NDArray[np.int64]) -> csr_matrix:
        places = self._place[cells["column"]]
        used = places >= 0
        places = places[used]
        values = (1 + np.log(cells["count"][used].astype(np.float32))) * self._weights[places]
        offsets = np.concatenate([[0], np.cumsum(used)])[offsets]
        owner = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
        lengths = np.sqrt(np.bincount(owner, values.astype(np.float64) ** 2, offsets.size - 1))
        values /= lengths[owner].astype(np.float32)
        return csr_matrix((values, places, offsets), shape=(offsets.size - 1, self.columns))
