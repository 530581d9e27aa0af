"""Covariances of all pairs of columns in few scans, and what is measured from them.

In: a store of normal scores with missing values, a basis of features. Out: one p × p array per
measure, and the overlaps.

With m the 0/1 mask of valid rows and φ the features, 0 where missing, the sums over the overlap of
columns i and j are matrix products: Σ m_i m_j = MᵀM, Σ φ_i m_j = ΦᵀM, Σ φ_i φ_jᵀ = ΦᵀΦ, and, for
the norms of i over that overlap, Σ m_j φ_i φ_iᵀ = QᵀM with Q the products of a column's own
features. M has one column per distinct mask. Features are shifted by their column's mean over a
sample of rows first: any shift drops out of a covariance, and this one keeps float32 products from
cancelling in columns of which nearly all values are equal.

Products are float32 over fixed spans of rows and fixed tiles of columns, each on one thread, and
are summed in float64; so neither the number of threads nor the memory budget changes a bit.
Sums of all pairs take (p·F)²/2 doubles; if they do not fit the budget, panels of tiles are taken in
turn, each with a scan of its own.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement

import numpy as np
import torch

from scripts.descriptors.column_tiles import cut_tiles, plan_panels
from scripts.descriptors.features import Basis
from scripts.descriptors.overlap_sums import OverlapSums
from scripts.descriptors.pair_measures import Measure, Numbers, PairBlock
from scripts.descriptors.score_store import ScoreStore, count_chunks

_logger = logging.getLogger(__name__)
# Large enough for a product to run at the device's rate, small enough that the half of the
# diagonal tiles that nobody needs costs little.
COLUMNS_PER_TILE = {"cpu": 64, "cuda": 256}


@dataclass(frozen=True)
class Dependence:
    """Similarities of all pairs of columns.

    Attributes:
        values: of each measure, (columns, columns) in [0, 1]; NaN where undefined. Symmetric, but
            for measures of two directions: [i, j] is of column i given column j.
        overlap: (columns, columns) int32, rows where both columns are valid.
        scans: how often the store was read.
    """

    values: dict[str, Numbers]
    overlap: np.ndarray
    scans: int


def measure_pairs(
    store: ScoreStore,
    basis: Basis,
    measures: Mapping[str, Measure],
    *,
    min_overlap: int,
    memory_mb: float,
    threads: int = 1,
    device: str = "cpu",
    columns_per_tile: int | None = None,
    progress: Callable[[int], Callable[[], None]] = lambda chunks: lambda: None,
) -> Dependence:
    """Measure every pair of columns.

    Args:
        store: normal scores.
        basis: functions of a normal score.
        measures: what to measure from the covariances, by name.
        min_overlap: smallest number of common rows for a pair to be measured.
        memory_mb: memory for sums, features and buffers, in MB.
        threads: tiles worked on at once on the CPU.
        device: "cpu" or "cuda".
        columns_per_tile: another width of tiles; it changes rounding.
        progress: called once with the number of chunks of all scans; what it returns is called
            after each of them.

    Raises:
        ConfigError: the memory does not hold the sums of two tiles.
    """
    width = columns_per_tile or COLUMNS_PER_TILE[device]
    workers = threads if device == "cpu" else 1
    tiles = cut_tiles(store, width)
    panels = plan_panels(
        tiles,
        features=basis.size,
        columns_per_tile=width,
        workers=workers,
        memory_mb=memory_mb,
    )
    turns = list(combinations_with_replacement(panels, 2))
    if len(turns) > 1:
        needed = (store.columns * basis.size) ** 2 / 2 * 8 / 2**20
        _logger.info(
            "the sums of all pairs take %.0f MB; the scores are read %d times within %.0f MB",
            needed,
            len(turns),
            memory_mb,
        )
    shape = (store.columns, store.columns)
    found = Dependence(
        {name: np.full(shape, np.nan) for name in measures},
        np.zeros(shape, dtype=np.int32),
        len(turns),
    )
    chunk_done = progress(len(turns) * count_chunks(store.rows))
    with _one_thread_a_product(), ThreadPoolExecutor(workers) as pool:
        for first, second in turns:
            sums = OverlapSums(store, basis, tiles, first, second, pool, torch.device(device))
            for chunk in store.chunks():
                sums.add(chunk)
                chunk_done()
            measured = pool.map(partial(_measure, sums, measures, min_overlap), sums.pairs)
            for (one, other), (block, values) in zip(sums.pairs, measured, strict=True):
                rows, columns = tiles.columns[one][block.rows], tiles.columns[other][block.columns]
                found.overlap[rows, columns] = found.overlap[columns, rows] = block.overlap
                for name, value in values.items():
                    both = np.atleast_2d(value)
                    found.values[name][rows, columns] = both[0]
                    found.values[name][columns, rows] = both[-1]
            del sums, measured
    for value in found.values.values():
        known = ~np.isnan(np.diagonal(value))
        np.fill_diagonal(value, np.where(known, 1.0, np.nan))
    return found


def _measure(
    sums: OverlapSums, measures: Mapping[str, Measure], min_overlap: int, pair: tuple[int, int]
) -> tuple[PairBlock, dict[str, Numbers]]:
    block = sums.block(*pair)
    defined = block.defined(min_overlap)
    values = {name: np.where(defined, measure(block), np.nan) for name, measure in measures.items()}
    return block, values


@contextmanager
def _one_thread_a_product() -> Iterator[None]:
    """Take each product on one thread, since one shared by threads may sum in another order.

    On CUDA, take it in full float32 precision.
    """
    threads, tf32 = torch.get_num_threads(), torch.backends.cuda.matmul.allow_tf32
    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.backends.cuda.matmul.allow_tf32 = tf32
