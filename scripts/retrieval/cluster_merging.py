"""Which new clusters are one: their documents are as near to each other's prototypes.

Documents of a new domain that come before its prototype has grown may open several clusters.
"""

import numpy as np

from scripts.retrieval.cluster_state import ClusterStates, evenly
from scripts.retrieval.lookup import ALL, scores_of
from scripts.retrieval.maxsim import distances
from scripts.retrieval.token_vectors import Indices, Numbers, TokenVectors

_DOCUMENTS = 32  # of each cluster that are measured


def groups_to_merge(
    hyperplanes: Numbers,
    states: ClusterStates,
    background: Numbers,
    tokens: TokenVectors,
    labels: Indices,
    merge_distance: float,
    lookup: str = ALL,
    threads: int = 1,
) -> Indices:
    """Return the group of each cluster, (k,), numbered in order of the groups' first clusters.

    How far two clusters are apart is the mean distance of each one's documents to the other's
    prototype, as a share of the other's background: 1 is as far as a foreign document on average.
    Groups are joined by average linkage.

    Args:
        hyperplanes: (bits, d) of the memory.
        states: the new clusters.
        background: (k,) mean distance of foreign documents to each.
        tokens: of their documents.
        labels: (documents,) place of each one's cluster.
        merge_distance: groups no farther apart than this share become one.
        lookup: one of `lookup.LOOKUPS`.
        threads: no result depends on them.
    """
    if states.clusters < 2:
        return np.arange(states.clusters, dtype=np.int64)
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    some = np.concatenate(
        [evenly(np.flatnonzero(labels == place), _DOCUMENTS) for place in range(states.clusters)]
    )
    sample = tokens.take(some)
    scores = scores_of(hyperplanes, sample, lookup, threads)(states.prototypes)
    shares = distances(scores, sample.lengths) / background
    apart = np.stack(
        [shares[labels[some] == place].mean(axis=0) for place in range(states.clusters)]
    )
    apart = (apart + apart.T) / 2
    np.fill_diagonal(apart, 0)
    groups = fcluster(linkage(squareform(apart), "average"), merge_distance, "distance")
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)
