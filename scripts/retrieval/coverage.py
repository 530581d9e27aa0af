"""Which queries of a cluster are trained on: those that together cover its documents best."""

import numpy as np
from numpy.typing import NDArray


def greedy_coverage(similarities: NDArray[np.floating], chosen: int) -> NDArray[np.int64]:
    """Return `chosen` queries, in order of choice, that cover the documents greedily.

    A set S of queries covers Σ over documents of max over S of max(0, similarity); each step takes
    the query that adds most, the earlier one where two add the same. The sum is monotone and
    submodular, so greedy reaches at least 1 - 1/e of the best set (Nemhauser, Wolsey & Fisher
    1978). Queries that add nothing follow in their own order.

    Args:
        similarities: (queries, documents) cosines.
        chosen: how many, at most the number of queries.
    """
    gains = np.maximum(similarities, 0).astype(np.float64)
    left = np.ones(len(gains), bool)
    covered = np.zeros(gains.shape[1])
    order: list[int] = []
    while len(order) < min(chosen, len(gains)):
        added = np.maximum(gains[left] - covered, 0).sum(axis=1)
        best = int(np.flatnonzero(left)[int(added.argmax())])
        order.append(best)
        left[best] = False
        covered = np.maximum(covered, gains[best])
    return np.array(order, np.int64)
