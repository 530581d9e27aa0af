"""Spearman's correlation of all pairs of descriptors, streamed.

Up to `exact_rows` rows every |ρ| stands on the right side of the threshold: pairs that miss the
same rows are exact anyway, and of the others those that could lie across it are ranked anew on the
rows that they share (scripts/descriptors/rank_bounds.py says which). Above, the masked rank
correlation is the definition, and pairs near the threshold are counted.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from scripts.common.progress import Progress
from scripts.descriptors.columns import ColumnBlocks, columns_per_block
from scripts.descriptors.exact_spearman import DECIMALS, exact_coefficients
from scripts.descriptors.feature_store import CHUNK_ROWS, FeatureStore
from scripts.descriptors.memory_log import MemoryLog
from scripts.descriptors.products import Products, correlation_of, masked_products, pick_device
from scripts.descriptors.rank_bounds import angles_by_bins, angles_by_count, doubtful_pairs
from scripts.descriptors.ranks import centred_ranks, mid_ranks

_logger = logging.getLogger(__name__)
_WORKING_BYTES = 64  # a row of a column that is ranked: its order, sorted values, ranks
_HELD_BYTES = 12  # a row of a block: values of up to 8 bytes, ranks of 4
_COLUMNS_OF_STRIP = 64  # whose ranks are held before they are written
# Where nothing is ranked anew: the largest difference between the masked and the exact coefficient
# that 11,000 real molecules showed, and the rounding of float32 products.
OBSERVED_DIFFERENCE, OBSERVED_ROUNDING = 0.016, 1e-5


@dataclass(frozen=True)
class Spearman:
    """Correlations of all pairs.

    Attributes:
        rho: (p, p) coefficients, NaN where undefined, 1 on the diagonal.
        overlap: (p, p) rows that the pairs share.
        masks: number of different sets of missing rows.
        doubtful: pairs that could lie across the threshold by their masked correlation.
        reranked: those of them that were ranked anew.
        exact: whether every |ρ| is on the right side of the threshold.
    """

    rho: npt.NDArray[np.float64]
    overlap: npt.NDArray[np.int32]
    masks: int
    doubtful: int
    reranked: int
    exact: bool


def write_ranks(
    store: FeatureStore,
    table: ColumnBlocks,
    names: Sequence[str],
    *,
    memory_mb: float,
    threads: int,
    memory: MemoryLog,
) -> None:
    """Rank descriptors and write them, centred and doubled, to the store, block by block."""
    width = columns_per_block(
        table.rows,
        memory_mb=memory_mb,
        bytes_per_value=_HELD_BYTES,
        working_bytes=_WORKING_BYTES * threads,
    )
    progress = Progress(
        "rank", total=len(names), unit="descriptors", batches=-(-len(names) // width)
    )
    first = 0
    strip = np.empty((table.rows, min(width, _COLUMNS_OF_STRIP)), np.float32, order="F")
    with ThreadPoolExecutor(threads) as pool:
        for block, values in table.blocks(names, width):
            for start in range(0, len(block), strip.shape[1]):
                part = values[:, start : start + strip.shape[1]]

                def rank(place: int, part=part) -> None:  # type: ignore[no-untyped-def]
                    strip[:, place] = centred_ranks(mid_ranks(part[:, place]))

                list(pool.map(rank, range(part.shape[1])))
                store.write(first + start, strip[:, : part.shape[1]])
            first += len(block)
            del values, part, rank  # before the next block is read
            memory.note("rank")
            progress.advance(len(block), batch_ended=True)
    progress.finish()


def correlate(
    store: FeatureStore,
    *,
    threshold: float,
    min_overlap: int,
    exact_rows: int,
    memory_mb: float,
    memory: MemoryLog,
    device: torch.device | None = None,
) -> Spearman:
    """Correlate all pairs of a store of centred, doubled ranks.

    Args:
        store: (n, p) ranks.
        threshold: |ρ| that will be asked for, in (0, 1].
        min_overlap: fewest rows that a pair must share.
        exact_rows: most rows for which every |ρ| is put on the right side of the threshold.
        memory_mb: memory for columns that are ranked anew.
        memory: where blocks are noted.
        device: where to compute, the first CUDA device or the CPU where None.
    """
    device = device or pick_device()
    exact = store.rows <= exact_rows
    chunks = -(-store.rows // CHUNK_ROWS)
    progress = Progress("multiply", total=chunks, unit="chunks")

    def multiplied() -> None:
        memory.note("multiply")
        progress.advance(1)

    products = masked_products(store, device=device, exact=exact, chunk_done=multiplied)
    progress.finish()
    rho, overlap = correlation_of(products, min_overlap)
    masks = len(products.overlap_of_masks)
    if not exact:
        near = _near_threshold(rho, products, threshold)
        return Spearman(rho, overlap, masks, near, 0, exact)
    rho = np.round(rho, DECIMALS)
    pairs = _doubtful(store, products, rho, threshold, device, memory)
    if len(pairs):
        progress = Progress("rank anew", total=len(pairs), unit="pairs")

        def ranked(done: int) -> None:
            memory.note("rank anew")
            progress.advance(done)

        found = exact_coefficients(store, pairs, memory_mb=memory_mb, tile_done=ranked)
        rho[pairs[:, 0], pairs[:, 1]] = rho[pairs[:, 1], pairs[:, 0]] = found
        progress.finish()
    return Spearman(rho, overlap, masks, len(pairs), len(pairs), exact)


def _doubtful(
    store: FeatureStore,
    products: Products,
    rho: npt.NDArray[np.float64],
    threshold: float,
    device: torch.device,
    memory: MemoryLog,
) -> npt.NDArray[np.int64]:
    """Return (k, 2) the pairs that may lie across the threshold."""
    if len(products.overlap_of_masks) == 1:
        return np.empty((0, 2), np.int64)
    angles = angles_by_count(products, store.valid)
    coarse = doubtful_pairs(rho, angles, products.mask_of, threshold)
    if not len(coarse):
        return coarse
    columns = np.unique(coarse)
    finer = angles_by_bins(
        store, products, columns, device=device, chunk_done=lambda: memory.note("bound")
    )
    angles[columns] = np.fmin(angles[columns], finer)
    pairs = doubtful_pairs(rho, angles, products.mask_of, threshold)
    _logger.info(
        "%d pairs with different missing rows may lie across %g (%d by the first bound)",
        len(pairs),
        threshold,
        len(coarse),
    )
    return pairs


def _near_threshold(rho: npt.NDArray[np.float64], products: Products, threshold: float) -> int:
    """Return how many pairs lie as near to the threshold as their error may be."""
    near = 0
    for row, mask in enumerate(products.mask_of):
        others = slice(row + 1, None)
        same = products.mask_of[others] == mask
        error = np.where(same, OBSERVED_ROUNDING, OBSERVED_DIFFERENCE)
        near += int((np.abs(np.abs(rho[row, others]) - threshold) <= error).sum())
    return near
