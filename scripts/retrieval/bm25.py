"""BM25 as Lucene weighs it (Robertson and Zaragoza 2009; Kamphuis et al. 2020), through bm25s.

Score of a document: sum over the query's tokens of
ln(1 + (N - df + 0.5) / (df + 0.5)) · tf / (tf + k1 · (1 - b + b · length / mean length)).
Documents without a token are no part of the collection, and one that shares no token with the query
is not found.
"""

import logging
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from scripts.retrieval.search import Found, nothing_found

K1, B = 1.5, 0.75


class Bm25:
    """An index of one collection."""

    def __init__(self, documents: Iterable[Sequence[str]]) -> None:
        """Index documents, given as their tokens, in the collection's order."""
        self._numbers: dict[str, int] = {}
        ids, places, self.documents = [], [], 0
        for tokens in documents:
            if tokens:
                # 4 bytes a token, where a list of numbers takes 8 or more.
                numbers = (self._numbers.setdefault(one, len(self._numbers)) for one in tokens)
                ids.append(array("i", numbers))
                places.append(self.documents)
            self.documents += 1
        self._places = np.array(places, np.int64)
        self._index = _library_index(ids, len(self._numbers)) if ids else None

    @property
    def empty(self) -> int:
        """Number of documents without a token."""
        return self.documents - len(self._places)

    def search(self, queries: Sequence[Sequence[str]], *, depth: int) -> Found:
        """Return the best `depth` documents of each query; equal scores keep documents' order."""
        found = nothing_found(len(queries), depth)
        if self._index is None:
            return found
        for row, tokens in enumerate(queries):
            known = [self._numbers[token] for token in tokens if token in self._numbers]
            if not known:
                continue
            scores = self._index.get_scores_from_ids(known)
            hits = np.flatnonzero(scores > 0)
            if len(hits) > depth:
                floor = np.partition(scores[hits], -depth)[-depth]
                hits = hits[scores[hits] >= floor]
            best = hits[np.argsort(-scores[hits], kind="stable")][:depth]
            found.places[row, : len(best)] = self._places[best]
            found.scores[row, : len(best)] = scores[best]
        return found


def _library_index(ids: Sequence[Sequence[int]], vocabulary: int) -> Any:
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)  # the library sets DEBUG when imported
    index = bm25s.BM25(method="lucene", k1=K1, b=B, backend="numpy")
    numbers = {str(number): number for number in range(vocabulary)}
    # A tuple, since the library takes a lone list for tokens.
    index.index((ids, numbers), create_empty_token=False, show_progress=False)
    return index
