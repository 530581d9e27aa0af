"""What a memory without clusters carries over: random documents, and queries in proportion.

The documents are those with the smallest keyed hashes, which is a uniform sample of all documents
that ever came, however often some were evicted before (Vitter 1985, a reservoir): a document that
has been left out never had a place among the smallest again.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scripts.common.hashing import keyed_hash

Mask = NDArray[np.bool_]


def reservoir(documents: Sequence[str], places: int, *, seed: int) -> Mask:
    """Return which documents a random memory holds, (documents,).

    Args:
        documents: distinct ids of those in memory and those that ask to be.
        places: documents that the memory holds at most.
        seed: of the stream.
    """
    kept = np.zeros(len(documents), bool)
    order = sorted(
        range(len(documents)),
        key=lambda place: (keyed_hash(seed, "random replay", documents[place]), documents[place]),
    )
    kept[order[:places]] = True
    return kept


def thin_queries(
    queries: Sequence[str],
    groups: NDArray[np.integer],
    kept_shares: NDArray[np.float64],
    answered: Mask,
    *,
    seed: int,
) -> Mask:
    """Return which queries stay, (queries,): of each group the share that its documents kept.

    The number is the nearest one, the half upwards. Queries that still know an answer in memory
    stay first, since a label whose document is gone trains nothing; then keyed hashes decide.

    Args:
        queries: distinct ids.
        groups: (queries,) cluster of each, from 0; negative for one that stays in no case.
        kept_shares: (groups,) 0 to 1, documents kept of those before.
        answered: (queries,) whether a known answer stays in memory.
        seed: of the stream.
    """
    kept = np.zeros(len(queries), bool)
    sizes = np.bincount(groups[groups >= 0], minlength=len(kept_shares))
    left = np.floor(sizes * kept_shares + 0.5).astype(np.int64)
    order = sorted(
        range(len(queries)),
        key=lambda place: (
            not answered[place],
            keyed_hash(seed, "queries in memory", queries[place]),
            queries[place],
        ),
    )
    for place in order:
        group = groups[place]
        if group >= 0 and left[group] > 0:
            kept[place] = True
            left[group] -= 1
    return kept
