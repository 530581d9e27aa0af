"""Which rows of a prototype a token is compared with: all of them, or its own bucket's alone.

With ALL the score is MaxSim. With OWN_BUCKET a token meets one row of each cluster, that of the
bucket which its sign code names; in a cluster without that bucket it meets the one whose code
differs in the fewest bits, of these the lowest. So a score is never above MaxSim, and its cost does
not grow with the number of buckets.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from scripts.retrieval.hyperplanes import bucket_ids
from scripts.retrieval.library_threads import one_library_thread
from scripts.retrieval.maxsim import FARTHEST, prototype_scores
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

ALL, OWN_BUCKET = LOOKUPS = ("all", "own_bucket")
Scores = Callable[[Prototypes], Numbers]

_BLOCK_TOKENS = 32_768  # of one bucket there should be many, since its rows are gathered for them
_GATHERED_TOKENS = 512  # copied next to each other, so that they stay in the cache
_TABLE_CELLS = 1 << 21  # buckets times clusters looked at together
_STEP = 1 << 32  # a differing bit, more than any bucket
_UNREACHED = 1 << 60
_NO_ROW = -1


def scores_of(
    hyperplanes: Numbers,
    tokens: TokenVectors,
    lookup: str = ALL,
    threads: int = 1,
    buckets: Indices | None = None,
) -> Scores:
    """Return the function that scores texts with any prototypes, (texts, clusters) float64.

    What does not depend on the prototypes is computed once. A cluster without tokens gets -|x|.

    Args:
        hyperplanes: (bits, d) of the memory.
        tokens: of the texts.
        lookup: ALL or OWN_BUCKET.
        threads: no result depends on them.
        buckets: (tokens,) bucket of each, where it is known.
    """
    if lookup == ALL:
        return partial(prototype_scores, tokens, threads=threads)
    if buckets is None:
        buckets = bucket_ids(hyperplanes, tokens.vectors)
    return BucketedTexts(len(hyperplanes), tokens, buckets, threads).scores


class BucketedTexts:
    """Texts whose tokens are put into buckets, to be scored by these.

    Args:
        bits: hyperplanes of the memory.
        tokens: of the texts.
        buckets: (tokens,) bucket of each.
        threads: blocks computed at once; no result depends on it.
    """

    def __init__(self, bits: int, tokens: TokenVectors, buckets: Indices, threads: int = 1) -> None:
        self._bits, self._tokens, self._threads = bits, tokens, threads
        self._buckets = buckets

    def scores(self, prototypes: Prototypes) -> Numbers:
        """Return Σ of each text's tokens' cosines with their buckets' rows, (texts, clusters)."""
        scores = np.zeros((self._tokens.texts, prototypes.clusters))
        present = np.unique(self._buckets)
        table = nearest_rows(prototypes, self._bits, present)
        # Only those that are met: a batch may touch few of a memory's buckets.
        used, places = np.unique(table, return_inverse=True)
        units = unit_rows(prototypes.sums[used[used != _NO_ROW]].astype(np.float32))
        places = places.reshape(table.shape) - int(_NO_ROW in used)
        blocks = list(segment_blocks(self._tokens.offsets, _BLOCK_TOKENS))
        score = partial(self._block_scores, present=present, places=places, units=units)
        with one_library_thread(), ThreadPoolExecutor(self._threads) as pool:
            # A thread's arrays come from fresh memory, which costs more than a block's products.
            parts = map(score, blocks) if self._threads == 1 else pool.map(score, blocks)
            for texts, part in zip(blocks, parts, strict=True):
                scores[texts] = part
        return scores

    def _block_scores(
        self, texts: slice, present: Indices, places: Indices, units: Vectors
    ) -> Numbers:
        """Return the scores of some texts.

        Args:
            texts: which.
            present: (buckets,) that tokens are in, ascending.
            places: (buckets, clusters) place of the row that each meets in each cluster.
            units: (rows, d) rows of length 1.
        """
        from scipy.sparse import csr_array

        low, high = self._tokens.offsets[texts.start], self._tokens.offsets[texts.stop]
        borders = self._tokens.offsets[texts.start : texts.stop + 1] - low
        vectors, buckets = self._tokens.vectors[low:high], self._buckets[low:high]
        order = np.argsort(buckets, kind="stable")
        own, starts = np.unique(buckets[order], return_index=True)
        stops = np.append(starts, len(order))[1:]
        products = np.zeros((len(vectors), places.shape[1]), np.float32)
        gathered = np.empty((_GATHERED_TOKENS, vectors.shape[1]), np.float32)
        of_bucket = places[np.searchsorted(present, own)] if len(units) else places[:0]
        for rows, first, stop in zip(of_bucket, starts, stops, strict=bool(len(units))):
            # A cluster without rows meets any, and gets its scores below.
            met = units[rows].T
            for start in range(first, stop, _GATHERED_TOKENS):
                members = order[start : min(start + _GATHERED_TOKENS, stop)]
                some = gathered[: len(members)]
                vectors.take(members, axis=0, out=some, mode="clip")
                products[members] = some @ met
        # Sums over texts, in which the tokens' lengths are taken off.
        summed = csr_array(
            (1 / divisors(vectors).astype(np.float64), np.arange(len(vectors)), borders),
            shape=(len(borders) - 1, len(vectors)),
        )
        scores: Numbers = summed @ products
        if len(places):
            scores[:, places[0] < 0] = FARTHEST * np.diff(borders)[:, None]
        return scores


def nearest_rows(prototypes: Prototypes, bits: int, buckets: Indices) -> Indices:
    """Return the row that each bucket meets in each cluster, (buckets, clusters).

    It is the bucket's own, else that of the bucket at the least Hamming distance, of equally near
    ones the lowest; -1 in a cluster without rows.

    Args:
        prototypes: of the clusters.
        bits: hyperplanes, so that buckets lie in [0, 2**bits).
        buckets: (some,) that are asked for.
    """
    rows = np.full((len(buckets), prototypes.clusters), _NO_ROW)
    span = max(1, _TABLE_CELLS >> bits)
    for start in range(0, prototypes.clusters, span):
        borders = prototypes.offsets[start : start + span + 1]
        held = prototypes.buckets[borders[0] : borders[-1]]
        clusters = np.repeat(np.arange(len(borders) - 1), np.diff(borders))
        nearest = np.full((1 << bits, len(borders) - 1), _UNREACHED)
        nearest[held, clusters] = held
        _spread(nearest, bits)
        row_of = np.full(nearest.shape, _NO_ROW)
        row_of[held, clusters] = np.arange(borders[0], borders[-1])
        found = nearest[buckets]
        columns = np.broadcast_to(np.arange(found.shape[1]), found.shape)
        met = row_of[np.where(found < _UNREACHED, found % _STEP, 0), columns]
        rows[:, start : start + span] = np.where(found < _UNREACHED, met, _NO_ROW)
    return rows


def _spread(nearest: Indices, bits: int) -> None:
    """Give each bucket its nearest held one, in place.

    The Hamming distance is a sum over bits, so that its minimum over all held buckets is found bit
    by bit, as a distance transform is axis by axis (Felzenszwalb & Huttenlocher 2012, section 2).

    Args:
        nearest: (2**bits, clusters) number of each held bucket, _UNREACHED elsewhere; afterwards
            the nearest one's number plus _STEP for each bit that differs.
        bits: number of bits.
    """
    for bit in range(bits):
        pairs = nearest.reshape(-1, 2, 1 << bit, nearest.shape[1])
        clear, with_bit = pairs[:, 0].copy(), pairs[:, 1]
        np.minimum(clear, with_bit + _STEP, out=pairs[:, 0])
        np.minimum(with_bit, clear + _STEP, out=with_bit)
