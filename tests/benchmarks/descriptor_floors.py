"""The least time of what the descriptors passes are made of, with bare library calls.

Reading is pyarrow's own, ranking a bare `numpy.argsort` of each column's valid values, spilling one
sequential write and read of the same bytes, and products bare matrix products of the same shapes
and type as the pass takes. Each runs on a sample (`RANKED_COLUMNS` columns of the table itself,
`PRODUCT_CHUNKS` chunks of rows, `DISK_BYTES`) and is scaled up; reading and hashing are whole.
Every function returns (seconds, processor seconds of all threads), the latter since other work on
the machine lengthens the former.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from scripts.descriptors.columns import DescriptorTable
from scripts.descriptors.dependence import COLUMNS_PER_TILE
from scripts.descriptors.feature_store import CHUNK_ROWS
from scripts.descriptors.features import trapezoid_basis
from scripts.descriptors.overlap_sums import SUM_ROWS

RANKED_COLUMNS, PRODUCT_CHUNKS, DISK_BYTES = 48, 6, 2_000_000_000
_PIECE = 64 << 20
_PANEL_COLUMNS = 512

Seconds = NDArray[np.float64]  # (2,): seconds, processor seconds


def _timed(work: Callable[[], object]) -> Seconds:
    start = np.array([time.perf_counter(), time.process_time()])
    work()
    return np.array([time.perf_counter(), time.process_time()]) - start


def hashing(parts: Sequence[Path]) -> Seconds:
    """Hash all parts."""

    def work() -> None:
        for part in parts:
            with part.open("rb") as file:
                hashlib.file_digest(file, "sha256")

    return _timed(work)


def reading(parts: Sequence[Path], names: Sequence[str], threads: int) -> Seconds:
    """Read columns of all parts with pyarrow."""
    pa.set_cpu_count(threads)

    def work() -> None:
        for part in parts:
            with pq.ParquetFile(part) as file:
                file.read(columns=list(names))

    return _timed(work)


def sorting(
    table: DescriptorTable, names: Sequence[str], threads: int, *, ranks: bool, rows: int
) -> Seconds:
    """Sort each column's valid values, or take their order for `ranks`."""
    sample = list(names)[:: max(1, len(names) // RANKED_COLUMNS)]
    values = table.read(sample, slice(0, rows))
    columns = [column[~np.isnan(column)] for column in values.T]
    sort: Callable[[NDArray[np.float32]], object] = np.argsort if ranks else np.sort
    with ThreadPoolExecutor(threads) as pool:
        return _timed(lambda: list(pool.map(sort, columns))) / len(sample) * len(names)


def spilling(folder: Path, values: int) -> Seconds:
    """Write and read 4 bytes a value."""
    wanted = 4 * values
    taken = max(min(wanted, DISK_BYTES), 1)
    piece = memoryview(np.random.default_rng(0).bytes(min(_PIECE, taken)))
    target = bytearray(len(piece))
    path = folder / "floor.bin"

    def work() -> None:
        with path.open("w+b", buffering=0) as file:
            for done in range(0, taken, len(piece)):
                file.write(piece[: min(len(piece), taken - done)])
            file.seek(0)
            while file.readinto(target):
                pass

    try:
        return _timed(work) / taken * wanted
    finally:
        path.unlink()


def rank_products(rows: int, columns: int, masks: int, threads: int, *, exact: bool) -> Seconds:
    """Take the products of passes 2 and 3.

    Args:
        rows: rows of the table.
        columns: columns of the pass.
        masks: their different masks; none is multiplied where there is one alone.
        threads: threads of a product.
        exact: whether they are taken in float64.
    """
    torch.set_num_threads(threads)
    kind = torch.float64 if exact else torch.float32
    features = torch.randn(columns, CHUNK_ROWS, dtype=kind)
    valid = torch.ones(masks, CHUNK_ROWS, dtype=kind)

    def chunk() -> None:
        for start in range(0, columns, _PANEL_COLUMNS):
            _ = features[start : start + _PANEL_COLUMNS] @ features[start:].T
        if masks > 1:
            _ = valid @ valid.T
            for _ in range(2):
                _ = features @ valid.T

    return _repeated(chunk) * rows / CHUNK_ROWS


def dependence_products(rows: int, columns: int, masks: int, threads: int) -> Seconds:
    """Take the products of pass 4, each on one thread, `threads` at a time."""
    torch.set_num_threads(1)
    size, width = trapezoid_basis().size, min(COLUMNS_PER_TILE["cpu"], columns)
    tiles = range(-(-columns // width))
    features = torch.randn(width * size, SUM_ROWS)
    strips = torch.randn(width * (size + size * (size + 1) // 2), SUM_ROWS)
    valid = torch.ones(masks, SUM_ROWS)

    def add(one: torch.Tensor, other: torch.Tensor) -> None:
        for _ in range(CHUNK_ROWS // SUM_ROWS):
            _ = one @ other.T

    with ThreadPoolExecutor(threads) as pool:

        def chunk() -> None:
            pairs = [(features, features)] * len(list(combinations_with_replacement(tiles, 2)))
            work = pairs + [(strips, valid)] * len(tiles)
            list(pool.map(add, *zip(*work, strict=True)))

        return _repeated(chunk) * rows / CHUNK_ROWS


def _repeated(chunk: Callable[[], None]) -> Seconds:
    """Time one call, the first of which is not counted."""
    chunk()

    def work() -> None:
        for _ in range(PRODUCT_CHUNKS):
            chunk()

    return _timed(work) / PRODUCT_CHUNKS


def masks_of(part: Path, names: Sequence[str]) -> int:
    """Return how many different sets of missing rows the columns have in a part."""
    with pq.ParquetFile(part) as file:
        table = file.read(columns=list(names))
    return len({np.packbits(np.isnan(column.to_numpy())).tobytes() for column in table.columns})
