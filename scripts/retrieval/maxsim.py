"""MaxSim of texts against many texts or prototypes: one stacked product and segmented maxima.

s(x, y) = Σ_i max_j cos(x_i, y_j) over the tokens i of x and j of y, or the buckets j of a
prototype (late interaction: Khattab & Zaharia 2020, equation 3).
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

import numpy as np

from scripts.retrieval.library_threads import one_library_thread
from scripts.retrieval.prototypes import Prototypes
from scripts.retrieval.token_vectors import (
    Indices,
    Numbers,
    TokenVectors,
    Vectors,
    divisors,
    segment_blocks,
    unit_rows,
)

BLOCK_BYTES = 8 << 20  # of one product; it stays in the cache until its maxima are taken
_SPAN_ROWS = 4096  # rows that a block of tokens meets at once: wide blocks, so that maxima run long
FARTHEST = -1.0  # cosine with something that has no rows


def text_scores(
    texts: TokenVectors, others: TokenVectors, *, threads: int = 1, block_bytes: int = BLOCK_BYTES
) -> Numbers:
    """Return s(x, y) of each text with each other, (texts, others) float64, in [-|x|, |x|].

    A text without tokens scores 0 with everything; against one, x scores -|x|, the least there is.
    """
    return _scores(texts, unit_rows(others.vectors), others.offsets, threads, block_bytes)


def prototype_scores(
    texts: TokenVectors,
    prototypes: Prototypes,
    *,
    threads: int = 1,
    block_bytes: int = BLOCK_BYTES,
) -> Numbers:
    """Return s(x, P) of each text with each cluster's prototype, (texts, clusters) float64.

    Args:
        texts: token vectors of the same encoder.
        prototypes: of the clusters; one without tokens gets -|x|.
        threads: blocks computed at once; no result depends on it.
        block_bytes: size of a block's product.
    """
    rows = unit_rows(prototypes.sums)
    return _scores(texts, rows, prototypes.offsets, threads, block_bytes)


def distances(scores: Numbers, lengths: Indices) -> Numbers:
    """Return δ = 1 - s/|x|, in [0, 2]; NaN for texts without tokens.

    The mean over tokens does not grow with the length of the text, as s itself does.

    Args:
        scores: (texts,) or (texts, clusters).
        lengths: (texts,) tokens of each text.
    """
    tokens = np.where(lengths > 0, lengths, np.nan)
    measured = 1 - scores / (tokens if scores.ndim == 1 else tokens[:, None])
    # Cosines of equal directions round to a little above 1.
    return np.clip(measured, 0, 2)


def _scores(
    texts: TokenVectors, rows: Vectors, borders: Indices, threads: int, block_bytes: int
) -> Numbers:
    """Return the scores of texts with segments of unit rows, (texts, segments)."""
    scores = np.zeros((texts.texts, len(borders) - 1))
    with one_library_thread(), ThreadPoolExecutor(threads) as pool:
        for span in segment_blocks(borders, _SPAN_ROWS):
            own = rows[borders[span.start] : borders[span.stop]]
            within = borders[span.start : span.stop + 1] - borders[span.start]
            blocks = _token_blocks(len(texts.vectors), len(own), block_bytes)
            score = partial(_block_scores, texts, rows=own, borders=within)
            for touched, part in pool.map(score, blocks):
                scores[touched, span] += part
    return scores


def _block_scores(
    texts: TokenVectors, block: slice, rows: Vectors, borders: Indices
) -> tuple[slice, Numbers]:
    """Return which texts have tokens in the block, and these tokens' part of the scores.

    Args:
        texts: all texts.
        block: rows of their vectors.
        rows: (rows, d) unit rows.
        borders: (segments + 1,) of the rows.
    """
    # Rows first: a segment's maximum then runs along whole rows of the product.
    tokens = texts.vectors[block]
    product = rows @ tokens.T
    maxima = np.full((len(borders) - 1, product.shape[1]), FARTHEST, dtype=np.float32)
    for segment, (low, high) in enumerate(pairwise(borders.tolist())):
        if high > low:
            np.max(product[low:high], axis=0, out=maxima[segment])
    # The length of a token scales all its products alike, so that it need not be taken off before.
    filled_rows = np.diff(borders) > 0
    np.divide(maxima, divisors(tokens), out=maxima, where=filled_rows[:, None])
    first = int(np.searchsorted(texts.offsets, block.start, side="right")) - 1
    last = int(np.searchsorted(texts.offsets, block.stop, side="left"))
    # reduceat gives an empty segment its next element, so only texts with tokens take part.
    starts = np.clip(texts.offsets[first:last], block.start, block.stop) - block.start
    filled = np.diff(starts, append=block.stop - block.start) > 0
    part = np.zeros((last - first, len(maxima)))
    part[filled] = np.add.reduceat(maxima, starts[filled], axis=1, dtype=np.float64).T
    return slice(first, last), part


def _token_blocks(tokens: int, rows: int, block_bytes: int) -> Iterator[slice]:
    """Yield consecutive tokens whose float32 product with the rows fits in a block."""
    size = max(1, block_bytes // (4 * max(rows, 1)))
    return (slice(start, min(start + size, tokens)) for start in range(0, tokens, size))
