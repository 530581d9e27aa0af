"""Correlations of all pairs of descriptors, of values or of their normal scores, in one scan.

Features are taken to float32 only after ranking or standardizing in float64; products are summed in
float64, since what a VIF divides by is what correlations leave.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.common.files import private_folder
from scripts.common.progress import Progress
from scripts.descriptors.columns import ColumnBlocks, columns_per_block
from scripts.descriptors.feature_store import feature_store
from scripts.descriptors.memory_log import MemoryLog
from scripts.descriptors.products import correlation_of, masked_products, pick_device
from scripts.descriptors.ranks import mid_ranks, normal_scores

Column = NDArray[np.floating[Any]]
Feature = NDArray[np.float64]

# Bytes per row while a column is ranked: its values, order, ranks and scores.
_WORKING_BYTES = 48


def scores_of(values: Column) -> Feature:
    """Return the normal scores of a column's mid-ranks; NaN where missing."""
    return normal_scores(mid_ranks(values))


def standardized(values: Column) -> Feature:
    """Return a column with mean 0 and standard deviation 1; NaN where missing, 0 if constant.

    Args:
        values: (n,) numbers; NaN and infinities are missing.
    """
    valid = np.isfinite(values)
    found = values[valid].astype(np.float64)
    result = np.full(values.shape, np.nan)
    if not found.size:
        return result
    # Scaled first, so that squares of large numbers stay finite.
    found /= np.abs(found).max() or 1.0
    found -= found.mean()
    spread = found.std()
    result[valid] = found / spread if spread > 0 else 0.0
    return result


TRANSFORMS: dict[str, Callable[[Column], Feature]] = {
    "normal_scores": scores_of,
    "values": standardized,
}


def pair_correlations(
    table: ColumnBlocks,
    names: Sequence[str],
    matrix: str,
    *,
    min_overlap: int,
    memory_mb: float,
    threads: int,
    tmpdir: Path,
    memory: MemoryLog,
) -> NDArray[np.float64]:
    """Return the (p, p) correlations of `names`; NaN where a pair is undefined.

    Args:
        table: the descriptors.
        names: those to correlate, sorted.
        matrix: "normal_scores" or "values".
        min_overlap: fewest rows that two columns must share.
        memory_mb: memory of the whole step.
        threads: columns that are ranked or standardized at a time; they change no result.
        tmpdir: local disk for the features.
        memory: takes a note after each block.
    """
    if len(names) < 2 or not table.rows:
        return np.eye(len(names))
    transform = TRANSFORMS[matrix]
    width = columns_per_block(
        table.rows,
        memory_mb=memory_mb,
        bytes_per_value=12,
        working_bytes=_WORKING_BYTES * threads,
    )
    with (
        private_folder(tmpdir) as folder,
        feature_store(folder, table.rows, len(names)) as store,
        ThreadPoolExecutor(threads) as pool,
    ):
        progress = Progress(f"read for {matrix}", total=len(names), unit="descriptors")
        first = 0
        for block, values in table.blocks(names, width):
            features = np.empty(values.shape, np.float32, order="F")

            def fill(place: int, values=values, features=features) -> None:  # type: ignore[no-untyped-def]
                features[:, place] = transform(values[:, place])

            list(pool.map(fill, range(len(block))))
            store.write(first, features)
            first += len(block)
            del values, features, fill  # before the next block is read
            progress.advance(len(block))
            memory.note(f"read {matrix}")
        progress.finish()
        products = masked_products(
            store,
            device=pick_device(),
            exact=True,
            chunk_done=lambda: memory.note(f"multiply {matrix}"),
        )
    rho, _ = correlation_of(products, min_overlap)
    return rho
