"""Which documents a clustered memory keeps for the next session.

Documents near their cluster's prototype stay, δ ≤ μ + z2·σ, and clusters that would be left with
fewer documents than a training sample needs are dropped. Where more documents stay than the memory
may hold, each cluster's bound is tightened: places are shared out in proportion to the documents
that ever came to a cluster, not to those that it holds now, or else an old domain would lose a
fixed share of its places in every session.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scripts.retrieval.quotas import Counts, share_out
from scripts.retrieval.setting_values import KEEP_RULES

Z2, ALL, NONE, FRACTION = KEEP_RULES
# Distances are stored in single precision; where σ = 0 all documents lie at μ but for rounding.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Eviction:
    """What stays.

    Attributes:
        kept: (n,) whether a document stays.
        reasons: documents evicted by reason: `no_cluster`, `outside_rule`,
            `small_cluster`, `over_memory_docs`.
        all_dropped: no cluster was large enough, so that what is kept is the largest one's.
    """

    kept: NDArray[np.bool_]
    reasons: dict[str, int]
    all_dropped: bool


def near_documents(
    clusters: NDArray[np.integer],
    distances: NDArray[np.floating],
    limits: NDArray[np.float64],
    *,
    rule: str,
    fraction: float,
) -> NDArray[np.bool_]:
    """Return the documents that a rule lets stay, (n,).

    Args:
        clusters: (n,) cluster of each document, from 0; negative for none, which never stays.
        distances: (n,) δ to the prototype of the own cluster; NaN where it has no other document.
        limits: (clusters,) μ + z2·σ, read by Z2 alone.
        rule: Z2, ALL, NONE, or FRACTION: the nearest of each cluster, to the nearest number.
        fraction: 0 to 1, read by FRACTION alone.
    """
    clustered = clusters >= 0
    if rule == NONE:
        return np.zeros(len(clusters), bool)
    if rule == ALL:
        return clustered
    if rule == Z2:
        # Without a distance, or statistics, nothing says that a document is far.
        far = np.zeros(len(clusters), bool)
        far[clustered] = distances[clustered] > limits[clusters[clustered]] + _ROUNDING
        return clustered & ~far
    sizes = np.bincount(clusters[clustered], minlength=len(limits))
    return _nearest(clusters, distances, np.floor(sizes * fraction + 0.5).astype(np.int64))


def evict(
    clusters: NDArray[np.integer],
    distances: NDArray[np.floating],
    near: NDArray[np.bool_],
    weights: NDArray[np.float64],
    *,
    memory_docs: int,
    required: int,
) -> Eviction:
    """Return what stays of the documents that the rule lets stay.

    Args:
        clusters: (n,) cluster of each document, from 0; negative for none.
        distances: (n,) δ to the prototype of the own cluster.
        near: (n,) as `near_documents` says.
        weights: (clusters,) documents that ever came to each cluster, by which places are shared.
        memory_docs: documents that the memory holds at most.
        required: documents that a cluster needs; the smallest ones are dropped, one after another,
            until each that is left has them.
    """
    sizes = np.bincount(clusters[near], minlength=len(weights))
    places, all_dropped = _places(sizes, weights, memory_docs, required)
    kept = near & _nearest(np.where(near, clusters, -1), distances, places)
    return Eviction(kept, _reasons(clusters, near, kept, places), all_dropped)


def _places(
    sizes: Counts, weights: NDArray[np.float64], memory_docs: int, required: int
) -> tuple[Counts, bool]:
    limits = np.where(sizes >= required, sizes, 0)
    while limits.any():
        places = share_out(memory_docs, weights, limits)
        short = np.flatnonzero((limits > 0) & (places < required))
        if not len(short):
            return places, False
        # The later one of equal clusters goes first.
        limits[min(short, key=lambda cluster: (places[cluster], weights[cluster], -cluster))] = 0
    places = np.zeros(len(sizes), np.int64)
    if sizes.any():
        largest = int(sizes.argmax())
        places[largest] = min(memory_docs, int(sizes[largest]))
    return places, bool(sizes.any())


def _nearest(
    clusters: NDArray[np.integer], distances: NDArray[np.floating], places: Counts
) -> NDArray[np.bool_]:
    """Return the `places[c]` nearest documents of each cluster, the earlier of equal ones."""
    kept = np.zeros(len(clusters), bool)
    for cluster in np.flatnonzero(places):
        members = np.flatnonzero(clusters == cluster)
        kept[members[np.argsort(distances[members], kind="stable")[: places[cluster]]]] = True
    return kept


def _reasons(
    clusters: NDArray[np.integer],
    near: NDArray[np.bool_],
    kept: NDArray[np.bool_],
    places: Counts,
) -> dict[str, int]:
    lost = near & ~kept
    dropped = lost & (places[np.where(lost, clusters, 0)] == 0) if len(places) else lost
    return {
        "no_cluster": int((clusters < 0).sum()),
        "outside_rule": int((~near & (clusters >= 0)).sum()),
        "small_cluster": int(dropped.sum()),
        "over_memory_docs": int((lost & ~dropped).sum()),
    }
