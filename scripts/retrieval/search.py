"""Exact search by inner product, the same on any machine and with any number of threads.

faiss finds candidates by single-precision products, whose rounding hangs on block sizes and
threads; a document may thus outrank its own copy. Candidates are scored again in double precision,
and more of them are fetched until none that was left out can belong to the result. Equal scores
keep the documents' order. A zero vector stands for a text without words: it is never found, and
finds nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Places = NDArray[np.int64]
Scores = NDArray[np.float64]
NOTHING = -1
_SPARE = 16  # candidates beyond the depth, enough where few scores are close
_NUMBERS_AT_A_TIME = 4_000_000


@dataclass(frozen=True)
class Found:
    """The documents found for each query, the best first.

    Attributes:
        places: (queries, depth) of documents in their collection; NOTHING fills the rest.
        scores: (queries, depth) inner products, -inf for the rest.
    """

    places: Places
    scores: Scores


@dataclass(frozen=True)
class Block:
    """A part of a collection, and who searches it.

    Attributes:
        places: (n,) of its documents in the collection.
        vectors: (n, d) their vectors.
        queries: rows of the queries that search it; None for all.
    """

    places: Places
    vectors: Vectors
    queries: Places | None = None


def exact_search(queries: Vectors, blocks: Iterable[Block], *, depth: int, threads: int) -> Found:
    """Return the `depth` documents of largest inner product with each query.

    Args:
        queries: (m, d) vectors.
        blocks: the collection, in parts of any size; a part is dropped before the next is read.
        depth: documents a query at most.
        threads: of faiss.
    """
    import faiss

    faiss.omp_set_num_threads(threads)
    best = nothing_found(len(queries), depth)
    able = np.flatnonzero(queries.any(axis=1))
    for block in blocks:
        filled = block.vectors.any(axis=1)
        rows = able if block.queries is None else np.intersect1d(able, block.queries)
        if not filled.any() or not len(rows):
            continue
        # Ascending places: a tie within the block is then settled by row.
        order = np.flatnonzero(filled)[np.argsort(block.places[filled], kind="stable")]
        vectors = np.ascontiguousarray(block.vectors[order], np.float32)
        places, scores = _search_block(np.ascontiguousarray(queries[rows]), vectors, depth)
        best.places[rows], best.scores[rows] = _merged(
            np.hstack([best.places[rows], block.places[order][places]]),
            np.hstack([best.scores[rows], scores]),
            depth,
        )
    return best


def nothing_found(queries: int, depth: int) -> Found:
    """Return a result without documents."""
    shape = (queries, depth)
    return Found(np.full(shape, NOTHING, np.int64), np.full(shape, -np.inf))


def _search_block(queries: Vectors, vectors: Vectors, depth: int) -> tuple[Places, Scores]:
    """Return rows of `vectors` and their scores, (m, min(depth, n)) each, the best first."""
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    total, depth = len(vectors), min(depth, len(vectors))
    places = np.zeros((len(queries), depth), np.int64)
    scores = np.zeros((len(queries), depth))
    # Error of a product of d terms in single precision (Higham 2002, section 3.1), twice over.
    slack = 2 * vectors.shape[1] * np.finfo(np.float32).eps
    lengths = np.linalg.norm(queries, axis=1) * np.linalg.norm(vectors, axis=1).max()
    waiting, fetch = np.arange(len(queries)), min(total, depth + _SPARE)
    while len(waiting):
        unsettled = []
        at_a_time = max(1, _NUMBERS_AT_A_TIME // (fetch * vectors.shape[1]))
        for start in range(0, len(waiting), at_a_time):
            rows = waiting[start : start + at_a_time]
            rough, candidates = index.search(queries[rows], fetch)
            exact = _exact_scores(queries[rows], vectors, candidates)
            places[rows], scores[rows] = _merged(candidates, exact, depth)
            left_out = rough[:, -1] + slack * lengths[rows]
            if fetch < total:
                unsettled.append(rows[scores[rows, -1] <= left_out])
        waiting = np.concatenate(unsettled) if unsettled else waiting[:0]
        fetch = min(total, 4 * fetch)
    return places, scores


def _exact_scores(queries: Vectors, vectors: Vectors, candidates: Places) -> Scores:
    """Return the inner products of each query with its candidates in double precision."""
    scores = np.empty(candidates.shape)
    columns = max(1, _NUMBERS_AT_A_TIME // (len(queries) * vectors.shape[1]))
    for start in range(0, candidates.shape[1], columns):
        some = slice(start, start + columns)
        # Row sums, since the rounding of a matrix product hangs on a row's place.
        products = vectors[candidates[:, some]].astype(np.float64)
        products *= queries[:, None]
        scores[:, some] = products.sum(axis=2)
    return scores


def _merged(places: Places, scores: Scores, depth: int) -> tuple[Places, Scores]:
    """Return the best `depth` columns of each row: by score, then by place."""
    order = np.lexsort((places, -scores), axis=1)[:, :depth]
    return np.take_along_axis(places, order, 1), np.take_along_axis(scores, order, 1)
