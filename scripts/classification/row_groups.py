"""Groups of rows that must stay on one side of a split: connected components of their links."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


def components(size: int, links: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """Return the smallest member of each member's component.

    Args:
        size: number of members.
        links: (size,) arrays; each links every member to the one whose place it gives.
    """
    members = np.arange(size, dtype=np.int64)
    starts = [np.flatnonzero(link != members) for link in links]
    ends = [link[start] for link, start in zip(links, starts, strict=True)]
    one = np.concatenate([*starts, np.empty(0, np.int64)]).astype(np.int32)
    other = np.concatenate([*ends, np.empty(0, np.int64)]).astype(np.int32)
    edges = coo_matrix((np.ones(one.size, np.int8), (one, other)), shape=(size, size))
    _, names = connected_components(edges, directed=False)
    smallest = np.empty(size, np.int64)
    smallest[names[::-1]] = members[::-1]  # the last value that is written is the smallest member
    return np.asarray(smallest[names])
