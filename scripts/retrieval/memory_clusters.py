"""The clusters of a memory through a session: refreshed, thinned, met with new documents, measured.

Documents are given by id of their cluster on files, and by its place among the clusters here.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.common.hashing import keyed_hash
from scripts.retrieval.assignment import AssignmentRules, assign_documents
from scripts.retrieval.cluster_state import (
    ClusterStates,
    age_weights,
    append_clusters,
    decay_clusters,
    measure_clusters,
    no_clusters,
    observe_documents,
    take_clusters,
)
from scripts.retrieval.encoded_texts import EncodedTexts
from scripts.retrieval.left_out import left_out_scores
from scripts.retrieval.lookup import scores_of
from scripts.retrieval.maxsim import distances
from scripts.retrieval.memory_settings import BATCHES, PROTOTYPE, ClusterSettings
from scripts.retrieval.memory_store import Clusters
from scripts.retrieval.opening import Acceptance
from scripts.retrieval.prototypes import build_prototypes, empty_prototypes
from scripts.retrieval.tables import NO_CLUSTER
from scripts.retrieval.token_vectors import Indices, Numbers, TokenVectors
from scripts.retrieval.warm_up import WarmUpRules, warm_up


@dataclass(frozen=True)
class Measured:
    """Clusters, and where documents lie in them.

    Attributes:
        clusters: the clusters.
        labels: (documents,) place of each one's cluster, or NO_CLUSTER.
        distances: (documents,) δ to the prototype of the cluster's others, NaN without any.
    """

    clusters: Clusters
    labels: Indices
    distances: Numbers


def places_of(ids: Indices, clusters: Indices) -> Indices:
    """Return the place among ascending `ids` of each cluster id, NO_CLUSTER where it is none."""
    if not len(ids):
        return np.full(len(clusters), NO_CLUSTER, np.int64)
    places = np.minimum(np.searchsorted(ids, clusters), len(ids) - 1)
    return np.where(ids[places] == clusters, places, NO_CLUSTER)


def measure(
    clusters: Clusters,
    tokens: TokenVectors,
    ids: Indices,
    sessions: Indices,
    *,
    session: int,
    half_life: float | None,
    lookup: str,
    threads: int,
) -> Measured:
    """Return prototypes and statistics computed anew from the documents' present token vectors.

    What a memory remembers of evicted documents is added as it was.

    Args:
        clusters: with the ids of the clusters; their prototypes and statistics are not read.
        tokens: of the documents.
        ids: (documents,) id of each one's cluster; NO_CLUSTER for those without tokens.
        sessions: (documents,) in which each arrived.
        session: the present one.
        half_life: of weights, in sessions; None for no decay.
        lookup: one of `lookup.LOOKUPS`.
        threads: no result depends on them.
    """
    known, planes = clusters.states, clusters.hyperplanes
    labels = places_of(known.ids, ids)
    weights = age_weights(sessions, session, half_life)
    if clusters.remembered is None:
        states, measured = measure_clusters(
            planes,
            tokens,
            labels,
            sessions,
            ids=known.ids,
            next_id=known.next_id,
            weights=weights,
            lookup=lookup,
            threads=threads,
        )
        return Measured(replace(clusters, states=states), labels, measured)
    # Documents of such a memory all came in one session.
    arrived = int(sessions.max(initial=-1))
    added = build_prototypes(planes, tokens, labels, known.clusters)
    whole = observe_documents(clusters.remembered, added, labels, _nowhere(labels, known), arrived)
    scores = scores_of(planes, tokens, lookup, threads)(whole.prototypes)
    to_all = distances(scores, tokens.lengths)
    to_all[labels == NO_CLUSTER] = np.nan
    own_scores = left_out_scores(planes, tokens, whole.prototypes, labels, lookup=lookup)
    own = distances(own_scores, tokens.lengths)
    inside = np.flatnonzero(labels != NO_CLUSTER)
    to_all[inside, labels[inside]] = own[inside]
    states = observe_documents(clusters.remembered, added, labels, to_all, arrived)
    return Measured(replace(clusters, states=states), labels, own)


def keep_clusters(clusters: Clusters, places: Indices) -> Clusters:
    """Return the clusters at `places`, ascending."""
    remembered = clusters.remembered
    return replace(
        clusters,
        states=take_clusters(clusters.states, places),
        came=clusters.came[places],
        remembered=None if remembered is None else take_clusters(remembered, places),
    )


def remember(clusters: Clusters, *, most: int, required: int, half_life: float | None) -> Clusters:
    """Return the clusters without their documents, of which the prototypes remain.

    As many clusters remain as could have kept their documents.

    Args:
        clusters: refreshed.
        most: documents that a memory may hold.
        required: documents that a cluster needs; the largest one remains in any case.
        half_life: in sessions; None for no decay.
    """
    weight = clusters.states.weight
    order = np.argsort(-weight, kind="stable")
    large = order[weight[order] >= required][: most // required]
    places = np.sort(large if len(large) else order[: min(1, most)])
    kept = take_clusters(clusters.states, places)
    # Without anything remembered before, `measure` has weighted the documents by their age.
    if half_life is not None and clusters.remembered is not None:
        kept = decay_clusters(kept, 1, half_life)
    return replace(clusters, states=kept, came=clusters.came[places], remembered=kept)


@dataclass(frozen=True)
class Arrival:
    """What became of new documents.

    Attributes:
        clusters: the clusters afterwards, not measured anew.
        ids: (documents,) id of each one's cluster, or NO_CLUSTER.
        opened: number of clusters opened.
        merged: of them, number of those that became part of another.
    """

    clusters: Clusters
    ids: Indices
    opened: int
    merged: int


def assign_new(
    clusters: Clusters,
    tokens: TokenVectors,
    settings: ClusterSettings,
    *,
    session: int,
    threads: int,
) -> Arrival:
    """Assign new documents to clusters, in their order.

    Args:
        clusters: with prototypes and statistics of the present encoder.
        tokens: of the new documents.
        settings: how they are assigned.
        session: in which they arrive.
        threads: no result depends on them.
    """
    rules = AssignmentRules(
        Acceptance(
            settings.cluster_min_size, settings.z1, settings.size_correction, settings.lookup
        ),
        settings.batch if settings.update == BATCHES else None,
        settings.merge_distance,
    )
    found = assign_documents(clusters.hyperplanes, clusters.states, tokens, session, rules, threads)
    remembered = clusters.remembered
    if remembered is not None:
        new = found.states.ids[clusters.states.clusters :]
        remembered = append_clusters(
            remembered, blank_states(new, tokens.dimension, found.states.next_id)
        )
    came = np.zeros(found.states.clusters)
    came[: clusters.states.clusters] = clusters.came
    came += _sizes(places_of(found.states.ids, found.clusters), found.states.clusters)
    return Arrival(
        Clusters(clusters.hyperplanes, found.states, came, remembered),
        found.clusters,
        found.opened,
        found.merged,
    )


def blank_states(ids: Indices, dimension: int, next_id: int) -> ClusterStates:
    """Return clusters that hold nothing."""
    zero, none = np.zeros(len(ids)), np.zeros(len(ids), np.int64)
    return replace(
        no_clusters(dimension, next_id),
        ids=ids,
        prototypes=empty_prototypes(len(ids), dimension),
        documents=none,
        weight=zero,
        distance_sum=zero,
        square_sum=zero,
        foreign_weight=zero,
        foreign_sum=zero,
        last_session=none - 1,
    )


def _sizes(labels: Indices, clusters: int) -> Indices:
    return np.bincount(labels[labels != NO_CLUSTER], minlength=clusters)


def _nowhere(labels: Indices, known: ClusterStates) -> NDArray[Any]:
    return np.full((len(labels), known.clusters), np.nan)


@dataclass(frozen=True)
class Beginning:
    """Clusters made anew.

    Attributes:
        clusters: not measured yet.
        ids: (held,) id of each document's cluster, or NO_CLUSTER.
        curve: number of clusters, silhouette and inertia of each number considered.
    """

    clusters: Clusters
    ids: Indices
    curve: list[dict[str, float | int | None]]


def begin_clusters(
    left: Clusters,
    encoded: EncodedTexts,
    held: Indices,
    settings: ClusterSettings,
    seed: int,
    *,
    session: int,
    threads: int,
) -> Beginning:
    """Return clusters of all documents held, made anew.

    Args:
        left: what there was, for its hyperplanes and the ids that are spent.
        encoded: vectors of these documents and perhaps of others.
        held: places of the documents in `encoded`.
        settings: how clusters are made.
        seed: of the stream.
        session: the present one, which keys the draws.
        threads: no result depends on them.
    """
    rules = WarmUpRules(settings.k_min, settings.choose, settings.iterations, settings.centre_shift)
    by_prototype = settings.silhouette_distance == PROTOTYPE
    found = warm_up(
        encoded.pooled[held],
        rules,
        seed=keyed_hash(seed, "warm-up", str(session)),
        hyperplanes=left.hyperplanes if by_prototype else None,
        tokens=encoded.tokens.take(held) if by_prototype else None,
        lookup=settings.lookup,
        threads=threads,
    )
    first = left.states.next_id
    ids = np.arange(first, first + found.clusters, dtype=np.int64)
    states = blank_states(ids, encoded.tokens.dimension, first + found.clusters)
    came = _sizes(found.labels, found.clusters).astype(np.float64)
    return Beginning(
        Clusters(left.hyperplanes, states, came),
        np.append(ids, NO_CLUSTER)[found.labels],
        [
            {
                "clusters": point.clusters,
                "silhouette": None if np.isnan(point.silhouette) else point.silhouette,
                "inertia": point.inertia,
            }
            for point in found.curve
        ],
    )
