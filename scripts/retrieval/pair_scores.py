"""Scores of one item with documents: the mean over its tokens of the best cosine, s(x, y)/|x|."""

from collections.abc import Callable

import numpy as np

from scripts.retrieval.sampling import Places, Scores
from scripts.retrieval.token_vectors import (
    Indices,
    TokenVectors,
    Vectors,
    rows_of_segments,
    unit_rows,
)


class PairScores:
    """Scores items with documents of one memory.

    Documents of a cluster stand one after another, so that a whole cluster is scored where it
    lies, without a copy.
    """

    def __init__(self, documents: TokenVectors, order: Indices) -> None:
        """Take the documents.

        Args:
            documents: unit token vectors in the order of `order`.
            order: (documents,) place in memory of each.
        """
        self._documents = documents
        self._positions = np.empty(len(order), np.int64)
        self._positions[order] = np.arange(len(order))

    def of(self, item: Vectors) -> Callable[[Places], Scores]:
        """Return the scorer of an item, (tokens, d), at least one token."""
        units = unit_rows(item)
        return lambda places: self._scores(units, self._positions[places])

    def of_document(self, place: int) -> Callable[[Places], Scores]:
        """Return the scorer of one of the documents, which has tokens."""
        return self.of(self._documents.text(int(self._positions[place])))

    def _scores(self, units: Vectors, positions: Indices) -> Scores:
        if not len(positions):
            return np.zeros(0)
        offsets = self._documents.offsets
        first, last = int(positions[0]), int(positions[-1])
        rows: slice | Indices
        if np.array_equal(positions, np.arange(first, last + 1)):
            rows = slice(offsets[first], offsets[last + 1])
            starts = offsets[first : last + 1] - offsets[first]
        else:
            rows, moved = rows_of_segments(offsets, positions)
            starts = moved[:-1]
        # ASSUME that each document has tokens: a segment without rows has no maximum.
        cosines = np.asarray(self._documents.vectors[rows]) @ units.T
        best = np.maximum.reduceat(cosines, starts, axis=0)
        scores: Scores = best.mean(axis=1, dtype=np.float64)
        return scores
