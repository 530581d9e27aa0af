"""Which clusters a text is nearest to, whatever their sizes.

A maximum over more buckets is higher for any text, so that clusters of few documents would lose
texts to larger ones. What counts is therefore how much nearer a text is than other clusters'
documents are on average: δ less the cluster's background.
"""

from typing import NamedTuple

import numpy as np

from scripts.retrieval.cluster_state import ClusterStates
from scripts.retrieval.lookup import ALL, scores_of
from scripts.retrieval.maxsim import distances
from scripts.retrieval.tables import NO_CLUSTER
from scripts.retrieval.token_vectors import Indices, Numbers, TokenVectors


class Nearest(NamedTuple):
    """The nearest clusters of some texts, nearest first.

    Attributes:
        places: (texts, m) places of the clusters; NO_CLUSTER where there are fewer than m, and for
            texts without tokens.
        distances: (texts, m) δ to them, not corrected; NaN where there is no cluster.
    """

    places: Indices
    distances: Numbers


def comparable_distances(
    states: ClusterStates, measured: Numbers, *, size_correction: bool
) -> Numbers:
    """Return what a text's clusters are compared by, (texts, k).

    Args:
        states: the clusters.
        measured: (texts, k) δ of each text to each prototype.
        size_correction: whether the background is taken off.
    """
    return measured - states.background if size_correction else measured


def nearest_clusters(
    hyperplanes: Numbers,
    states: ClusterStates,
    tokens: TokenVectors,
    count: int,
    *,
    size_correction: bool,
    lookup: str = ALL,
    threads: int = 1,
) -> Nearest:
    """Return the `count` nearest clusters of each text; of equally near ones the older first.

    Args:
        hyperplanes: (bits, d) of the memory.
        states: the clusters.
        tokens: of the texts, from the encoder that the prototypes were made with.
        count: m, at least 1; there may be fewer clusters.
        size_correction: whether the clusters' backgrounds are taken off before they are compared.
        lookup: one of `lookup.LOOKUPS`.
        threads: no result depends on them.
    """
    scores = scores_of(hyperplanes, tokens, lookup, threads)(states.prototypes)
    measured = distances(scores, tokens.lengths)
    compared = comparable_distances(states, measured, size_correction=size_correction)
    present = min(count, states.clusters)
    order = np.argsort(compared, axis=1, kind="stable")[:, :present]
    places = np.full((tokens.texts, count), NO_CLUSTER, dtype=np.int64)
    found = np.full((tokens.texts, count), np.nan)
    measurable = tokens.lengths > 0
    places[measurable, :present] = order[measurable]
    found[:, :present] = np.take_along_axis(measured, order, axis=1)
    return Nearest(places, found)
