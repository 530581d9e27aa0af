"""State of the clusters of a memory: prototypes and running statistics of distances.

A cluster keeps n, S1 = Σ δ and S2 = Σ δ² of the distances δ of its documents, so that mean and
deviation follow without the documents: μ = S1/n, σ = √max(0, S2/n - μ²). A document is measured to
a prototype that it is not part of, as a new one is when it is assigned; in the other case small
clusters would seem tight, and turn away what belongs to them.

It also keeps how far documents of other clusters are on average, its background. That falls while
a cluster's first documents fill its buckets, since a maximum over more of them is higher for any
document, and rises a little when they average many tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from scripts.retrieval.left_out import left_out_scores
from scripts.retrieval.lookup import ALL, scores_of
from scripts.retrieval.maxsim import distances
from scripts.retrieval.prototypes import (
    Prototypes,
    add_prototypes,
    append_prototypes,
    build_prototypes,
    empty_prototypes,
    scale_prototypes,
    take_prototypes,
)
from scripts.retrieval.tables import NO_CLUSTER
from scripts.retrieval.token_vectors import Indices, Numbers, TokenVectors

_BACKGROUND_TEXTS = 512  # documents measured to all prototypes


@dataclass(frozen=True)
class ClusterStates:
    """Clusters in order of their ids; a function's `labels` and `places` count in this order.

    Attributes:
        ids: (k,) ascending; an id is never used again.
        prototypes: of the k clusters.
        documents: (k,) int64, documents that the prototype holds.
        weight: (k,) n, documents with a distance, each worth less by age where statistics decay.
        distance_sum: (k,) S1 = Σ δ, weighted so.
        square_sum: (k,) S2 = Σ δ², weighted so.
        foreign_weight: (k,) number of other clusters' documents measured, weighted so.
        foreign_sum: (k,) sum of their distances, weighted so.
        last_session: (k,) session in which the cluster last took in a document.
        next_id: id of the cluster that is opened next.
    """

    ids: Indices
    prototypes: Prototypes
    documents: Indices
    weight: Numbers
    distance_sum: Numbers
    square_sum: Numbers
    foreign_weight: Numbers
    foreign_sum: Numbers
    last_session: Indices
    next_id: int

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return len(self.ids)

    @property
    def mean(self) -> Numbers:
        """μ of each cluster, (k,); NaN without documents."""
        return self.distance_sum / np.where(self.weight > 0, self.weight, np.nan)

    @property
    def deviation(self) -> Numbers:
        """σ of each cluster, (k,), at least 0; NaN without documents."""
        mean_square = self.square_sum / np.where(self.weight > 0, self.weight, np.nan)
        # A variance below 0 is rounding; √ of it would be NaN where σ = 0.
        return np.sqrt(np.maximum(0.0, mean_square - self.mean**2))

    @property
    def common_background(self) -> float:
        """Mean distance of documents to clusters that are not their own; 0 where none is known."""
        total = float(self.foreign_weight.sum())
        return float(self.foreign_sum.sum()) / total if total > 0 else 0.0

    @property
    def background(self) -> Numbers:
        """Mean distance of other clusters' documents, (k,); the common one where none is known."""
        known = self.foreign_weight > 0
        means = self.foreign_sum / np.where(known, self.foreign_weight, 1)
        return np.where(known, means, self.common_background)


def no_clusters(dimension: int, next_id: int = 0) -> ClusterStates:
    """Return the state of a memory without clusters."""
    none, zero = np.zeros(0, np.int64), np.zeros(0)
    prototypes = empty_prototypes(0, dimension)
    return ClusterStates(none, prototypes, none, *(5 * (zero,)), none, next_id)


def measure_clusters(
    hyperplanes: Numbers,
    tokens: TokenVectors,
    labels: Indices,
    sessions: Indices,
    *,
    ids: Indices,
    next_id: int,
    weights: Numbers | None = None,
    lookup: str = ALL,
    threads: int = 1,
) -> tuple[ClusterStates, Numbers]:
    """Return the state of clusters computed afresh from their documents, and each one's δ.

    Prototypes and statistics come from the same token vectors.

    Args:
        hyperplanes: (bits, d) of the memory.
        tokens: of the documents.
        labels: (documents,) place of each one's cluster in `ids`, or NO_CLUSTER; NO_CLUSTER for
            documents without tokens.
        sessions: (documents,) in which each arrived.
        ids: (k,) of the clusters, ascending.
        next_id: above all ids ever used.
        weights: (documents,) as `age_weights` gives them; 1 where None.
        lookup: one of `lookup.LOOKUPS`.
        threads: no result depends on them.

    Returns:
        The state, and (documents,) distance to the prototype of the cluster's other documents. It
        is NaN without cluster, and for a cluster's only document, which no statistic counts.
    """
    clusters = len(ids)
    prototypes = build_prototypes(hyperplanes, tokens, labels, clusters, weights)
    scores = left_out_scores(hyperplanes, tokens, prototypes, labels, weights, lookup)
    measured = distances(scores, tokens.lengths)
    nothing, zero = np.zeros(clusters, np.int64), np.zeros(clusters)
    blank = ClusterStates(
        ids=ids,
        prototypes=prototypes,
        documents=nothing,
        weight=zero,
        distance_sum=zero,
        square_sum=zero,
        foreign_weight=zero,
        foreign_sum=zero,
        last_session=nothing - 1,
        next_id=next_id,
    )
    states = _with_documents(blank, labels, measured, sessions, weights)
    clustered = np.flatnonzero((labels != NO_CLUSTER) & (tokens.lengths > 0))
    some = evenly(clustered, _BACKGROUND_TEXTS)
    known = None if weights is None else weights[some]
    with_background = add_background(
        hyperplanes,
        states,
        tokens.take(some),
        labels[some],
        weights=known,
        lookup=lookup,
        threads=threads,
    )
    return with_background, measured


def add_background(
    hyperplanes: Numbers,
    states: ClusterStates,
    tokens: TokenVectors,
    labels: Indices,
    *,
    weights: Numbers | None = None,
    lookup: str = ALL,
    threads: int = 1,
) -> ClusterStates:
    """Return the state with the distances of documents to the clusters that are not their own.

    Args:
        hyperplanes: (bits, d) of the memory.
        states: before.
        tokens: of the documents.
        labels: (documents,) place of each one's cluster; NO_CLUSTER where it is none of these.
        weights: (documents,) of each; 1 where None.
        lookup: one of `lookup.LOOKUPS`.
        threads: no result depends on them.
    """
    scores = scores_of(hyperplanes, tokens, lookup, threads)(states.prototypes)
    return _with_foreign(states, labels, distances(scores, tokens.lengths), weights)


def evenly(places: Indices, at_most: int) -> Indices:
    """Return every so many of the places, so that no more than `at_most` are left."""
    return places[:: max(1, -(-len(places) // at_most))]


def observe_documents(
    states: ClusterStates,
    added: Prototypes,
    labels: Indices,
    measured: Numbers,
    session: int,
) -> ClusterStates:
    """Return the state with documents taken in.

    Args:
        states: before.
        added: prototypes of the new documents alone, by cluster of `states`.
        labels: (documents,) place of each one's cluster; NO_CLUSTER where it is none of these.
        measured: (documents, k) δ of each to each prototype.
        session: in which they arrived.
    """
    prototypes = add_prototypes(states.prototypes, added)
    sessions = np.full(len(labels), session, dtype=np.int64)
    own = np.full(len(labels), np.nan)
    clustered = np.flatnonzero(labels != NO_CLUSTER)
    own[clustered] = measured[clustered, labels[clustered]]
    observed = _with_documents(states, labels, own, sessions, None)
    observed = _with_foreign(observed, labels, measured, None)
    return replace(observed, prototypes=prototypes)


def append_clusters(states: ClusterStates, opened: ClusterStates) -> ClusterStates:
    """Return the clusters of `states`, then those of `opened`, whose ids must be higher."""
    return ClusterStates(
        ids=np.concatenate([states.ids, opened.ids]),
        prototypes=append_prototypes(states.prototypes, opened.prototypes),
        documents=np.concatenate([states.documents, opened.documents]),
        weight=np.concatenate([states.weight, opened.weight]),
        distance_sum=np.concatenate([states.distance_sum, opened.distance_sum]),
        square_sum=np.concatenate([states.square_sum, opened.square_sum]),
        foreign_weight=np.concatenate([states.foreign_weight, opened.foreign_weight]),
        foreign_sum=np.concatenate([states.foreign_sum, opened.foreign_sum]),
        last_session=np.concatenate([states.last_session, opened.last_session]),
        next_id=max(states.next_id, opened.next_id),
    )


def take_clusters(states: ClusterStates, places: Sequence[int] | Indices) -> ClusterStates:
    """Return the clusters at `places`, ascending; the others are dropped, their ids spent."""
    chosen = np.asarray(places, dtype=np.int64)
    return ClusterStates(
        ids=states.ids[chosen],
        prototypes=take_prototypes(states.prototypes, chosen),
        documents=states.documents[chosen],
        weight=states.weight[chosen],
        distance_sum=states.distance_sum[chosen],
        square_sum=states.square_sum[chosen],
        foreign_weight=states.foreign_weight[chosen],
        foreign_sum=states.foreign_sum[chosen],
        last_session=states.last_session[chosen],
        next_id=states.next_id,
    )


def decay_clusters(states: ClusterStates, sessions: int, half_life: float) -> ClusterStates:
    """Return the state `sessions` later: sums and statistics fade, the count of documents does not.

    Args:
        states: before.
        sessions: that have passed, 0 or more.
        half_life: sessions in which a weight halves, above 0.
    """
    factor = 0.5 ** (sessions / half_life)
    return replace(
        states,
        prototypes=scale_prototypes(states.prototypes, np.full(states.clusters, factor)),
        weight=states.weight * factor,
        distance_sum=states.distance_sum * factor,
        square_sum=states.square_sum * factor,
        foreign_weight=states.foreign_weight * factor,
        foreign_sum=states.foreign_sum * factor,
    )


def age_weights(sessions: Indices, now: int, half_life: float | None) -> Numbers | None:
    """Return the weight of documents by age, 0.5**(age / half_life); None where nothing decays.

    Args:
        sessions: (documents,) in which each arrived.
        now: the present session.
        half_life: in sessions; None for no decay.
    """
    if half_life is None:
        return None
    weights: Numbers = np.exp2(-(now - sessions) / half_life)
    return weights


def _with_documents(
    states: ClusterStates,
    labels: Indices,
    measured: Numbers,
    sessions: Indices,
    weights: Numbers | None,
) -> ClusterStates:
    """Return the state with documents counted; those with a distance, (documents,), in μ and σ."""
    clustered = labels != NO_CLUSTER
    last = states.last_session.copy()
    np.maximum.at(last, labels[clustered], sessions[clustered])
    known = clustered & ~np.isnan(measured)
    label, distance = labels[known], measured[known]
    weight = np.ones(len(label)) if weights is None else weights[known]
    size = states.clusters
    return replace(
        states,
        documents=states.documents + np.bincount(labels[clustered], minlength=size),
        weight=states.weight + _sums(label, weight, size),
        distance_sum=states.distance_sum + _sums(label, weight * distance, size),
        square_sum=states.square_sum + _sums(label, weight * distance**2, size),
        last_session=last,
    )


def _with_foreign(
    states: ClusterStates, labels: Indices, measured: Numbers, weights: Numbers | None
) -> ClusterStates:
    """Return the state with distances, (documents, k), to the clusters that are not their own."""
    filled = np.diff(states.prototypes.offsets) > 0
    foreign = (labels[:, None] != np.arange(states.clusters)) & filled & ~np.isnan(measured)
    known = np.where(foreign, measured, 0)
    if weights is not None:
        foreign, known = foreign * weights[:, None], known * weights[:, None]
    return replace(
        states,
        foreign_weight=states.foreign_weight + foreign.sum(axis=0),
        foreign_sum=states.foreign_sum + known.sum(axis=0),
    )


def _sums(labels: Indices, values: Numbers | Indices, size: int) -> Numbers:
    return np.bincount(labels, values, minlength=size).astype(np.float64)
