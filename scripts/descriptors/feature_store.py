"""A matrix of features on local disk: written by column blocks, read by row chunks.

Chunk after chunk of 8,192 rows, and within a chunk feature after feature, so that a block of
columns is one piece of each chunk and a chunk is one piece of the file. Plain reads and writes: a
memory map would count as resident memory.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import torch

from scripts.common.files import full_disk_named

CHUNK_ROWS = 8_192  # fixed: sums of products must not depend on the memory that is granted
_ITEM = 4  # bytes of a float32


class FeatureStore:
    """Rows x columns of float32 in a file; NaN stands for a missing value.

    Attributes:
        rows, columns: its size.
        mask_of: (columns,) for each column the number of its mask: columns that are missing in
            the same rows share one. Masks are numbered in the order of their first columns.
        valid, sums, squares: (columns,) number, sum and sum of squares of the valid values.
    """

    def __init__(self, file: BinaryIO, rows: int, columns: int) -> None:
        self._file, self.rows, self.columns = file, rows, columns
        self.valid = np.zeros(columns, np.int64)
        self.sums, self.squares = np.zeros(columns), np.zeros(columns)
        self._digests: list[bytes | None] = [None] * columns

    def write(self, first: int, block: npt.NDArray[np.float32]) -> None:
        """Write columns `first`, `first + 1`, ...

        Args:
            first: number of the block's first column.
            block: (rows, k) values, cast to float32; fastest in Fortran order.

        Raises:
            ValueError: the block does not fit.
        """
        width = block.shape[1]
        if block.shape[0] != self.rows or not 0 <= first <= self.columns - width:
            raise ValueError(f"block {block.shape} at {first} is outside {self.rows, self.columns}")
        for place in range(width):
            self._describe(first + place, block[:, place])
        for start, stop in self._chunks():
            piece = np.ascontiguousarray(block[start:stop].T, dtype=np.float32)
            self._file.seek((start * self.columns + first * (stop - start)) * _ITEM)
            self._file.write(piece.data.cast("B"))

    def _describe(self, column: int, values: npt.NDArray[np.float32]) -> None:
        missing = np.isnan(values)
        known = np.where(missing, 0, values).astype(np.float64)
        self.valid[column] = self.rows - np.count_nonzero(missing)
        # No product: BLAS splits it by the machine's threads, which changes its last bits.
        self.sums[column], self.squares[column] = known.sum(), np.square(known).sum()
        self._digests[column] = hashlib.blake2b(
            np.packbits(missing).tobytes(), digest_size=16
        ).digest()

    @property
    def mask_of(self) -> npt.NDArray[np.int64]:
        """Number of each column's mask."""
        numbers: dict[bytes, int] = {}
        return np.array(
            [numbers.setdefault(digest, len(numbers)) for digest in self._complete()], np.int64
        )

    def masked_by(self) -> npt.NDArray[np.int64]:
        """Return (masks,) for each mask the first column that has it."""
        return np.unique(self.mask_of, return_index=True)[1]

    def _complete(self) -> list[bytes]:
        lacking = [column for column, digest in enumerate(self._digests) if digest is None]
        if lacking:
            raise ValueError(f"columns {lacking[:5]} of the store were not written")
        return [digest for digest in self._digests if digest is not None]

    def _chunks(self) -> Iterator[tuple[int, int]]:
        for start in range(0, self.rows, CHUNK_ROWS):
            yield start, min(start + CHUNK_ROWS, self.rows)

    def chunks(self) -> Iterator[torch.Tensor]:
        """Yield (columns, up to 8,192) float32 pieces in row order.

        All pieces share one buffer: use a piece before asking for the next. It may be altered.
        """
        self._complete()
        self._file.flush()
        buffer = torch.empty(self.columns * min(CHUNK_ROWS, self.rows), dtype=torch.float32)
        for start, stop in self._chunks():
            piece = buffer[: self.columns * (stop - start)]
            self._file.seek(start * self.columns * _ITEM)
            self._read_into(piece.numpy())
            yield piece.view(self.columns, stop - start)

    def read_columns(self, columns: Sequence[int]) -> npt.NDArray[np.float32]:
        """Return (len(columns), rows) values of single columns."""
        self._complete()
        values = np.empty((len(columns), self.rows), np.float32)
        for start, stop in self._chunks():
            for place, column in enumerate(columns):
                self._file.seek((start * self.columns + column * (stop - start)) * _ITEM)
                self._read_into(values[place, start:stop])
        return values

    def _read_into(self, target: npt.NDArray[Any]) -> None:
        wanted = target.data.cast("B")
        if self._file.readinto(wanted) != len(wanted):  # type: ignore[attr-defined]
            raise OSError(f"{self._file.name} is shorter than what was written to it")


@contextmanager
def feature_store(folder: Path, rows: int, columns: int) -> Iterator[FeatureStore]:
    """Yield an empty store in a file of `folder`, removed afterwards.

    Args:
        folder: local disk with room for rows x columns x 4 bytes.
        rows: at least 1.
        columns: at least 1.

    Raises:
        OutputError: the disk is full.
    """
    path = folder / "features.f32"
    with full_disk_named(path):
        try:
            with path.open("x+b") as file:
                yield FeatureStore(file, rows, columns)
        finally:
            path.unlink(missing_ok=True)
