"""Assignment of a session's documents to the clusters of a memory.

Documents come in fixed order and are measured to prototypes that stay as they are until the next
commit, so their order decides only which of them open clusters.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from scripts.retrieval.cluster_merging import groups_to_merge
from scripts.retrieval.cluster_state import (
    ClusterStates,
    add_background,
    append_clusters,
    evenly,
    measure_clusters,
    no_clusters,
    observe_documents,
)
from scripts.retrieval.hyperplanes import bucket_ids
from scripts.retrieval.lookup import OWN_BUCKET
from scripts.retrieval.opening import Acceptance, Decisions, decide
from scripts.retrieval.prototypes import build_prototypes
from scripts.retrieval.tables import NO_CLUSTER
from scripts.retrieval.token_vectors import Indices, Numbers, TokenVectors

_OTHER_TEXTS = 128  # documents of other clusters that give new clusters their background


@dataclass(frozen=True)
class AssignmentRules:
    """How a session's documents are assigned.

    Attributes:
        acceptance: when a cluster takes a document in.
        batch: documents after which prototypes and statistics are committed; None for once, at the
            end of the session.
        merge_distance: new clusters no farther apart than this share of their background become
            one (see `groups_to_merge`); None to keep them apart.
    """

    acceptance: Acceptance
    batch: int | None
    merge_distance: float | None


class Assignment(NamedTuple):
    """What became of a session's documents.

    Attributes:
        states: the clusters afterwards.
        clusters: (documents,) id of each one's cluster; NO_CLUSTER for documents without tokens.
        distances: (documents,) δ of each when it was assigned, in a new cluster to its other
            documents; NaN without cluster and for the only document of a cluster.
        opened: clusters that were opened, those included that were merged then.
        merged: how many of them are part of another one now.
    """

    states: ClusterStates
    clusters: Indices
    distances: Numbers
    opened: int
    merged: int


def assign_documents(
    hyperplanes: Numbers,
    states: ClusterStates,
    tokens: TokenVectors,
    session: int,
    rules: AssignmentRules,
    threads: int = 1,
) -> Assignment:
    """Assign documents in their order, opening clusters where the nearest one refuses.

    Args:
        hyperplanes: (bits, d) of the memory.
        states: clusters before, perhaps none.
        tokens: of the documents.
        session: in which they arrive.
        rules: of acceptance and commits.
        threads: no result depends on them.
    """
    known, new = states, no_clusters(tokens.dimension, states.next_id)
    clusters = np.full(tokens.texts, NO_CLUSTER, dtype=np.int64)
    measured = np.full(tokens.texts, np.nan)
    for batch in _batches(np.flatnonzero(tokens.lengths > 0), rules.batch):
        texts = tokens.take(batch)
        frozen = append_clusters(known, new)
        by_bucket = rules.acceptance.lookup == OWN_BUCKET
        # Scores need all of them at once, which large sessions are spared otherwise.
        buckets = bucket_ids(hyperplanes, texts.vectors) if by_bucket else None
        decisions = decide(hyperplanes, frozen, texts, rules.acceptance, threads, buckets)
        next_id = new.next_id + decisions.opened
        ids = np.concatenate([frozen.ids, np.arange(new.next_id, next_id)])
        clusters[batch] = ids[decisions.labels]
        measured[batch] = decisions.measured[np.arange(len(batch)), decisions.labels]
        known = _with_batch(hyperplanes, known, texts, buckets, decisions, session)
        if next_id > states.next_id:
            # Measured afresh: their documents were compared with the first one alone.
            afresh = partial(
                _new_clusters,
                hyperplanes,
                tokens,
                first_id=states.next_id,
                next_id=next_id,
                session=session,
                lookup=rules.acceptance.lookup,
                threads=threads,
            )
            new, own = afresh(clusters)
            if rules.merge_distance is not None:
                clusters = _merged(hyperplanes, known, new, tokens, clusters, rules, threads)
                new, own = afresh(clusters)
            measured = np.where(clusters >= states.next_id, own, measured)
    return Assignment(
        append_clusters(known, new),
        clusters,
        measured,
        opened=new.next_id - states.next_id,
        merged=new.next_id - states.next_id - new.clusters,
    )


def _batches(places: Indices, size: int | None) -> Iterator[Indices]:
    step = size or max(1, len(places))
    return (places[start : start + step] for start in range(0, len(places), step))


def _with_batch(
    hyperplanes: Numbers,
    known: ClusterStates,
    texts: TokenVectors,
    buckets: Indices | None,
    decisions: Decisions,
    session: int,
) -> ClusterStates:
    """Return the known clusters with those of the batch's documents that are theirs."""
    theirs = decisions.labels < known.clusters
    labels = np.where(theirs, decisions.labels, NO_CLUSTER)
    added = build_prototypes(hyperplanes, texts, labels, known.clusters, buckets=buckets)
    return observe_documents(known, added, labels, decisions.measured[:, : known.clusters], session)


def _new_clusters(
    hyperplanes: Numbers,
    tokens: TokenVectors,
    clusters: Indices,
    first_id: int,
    next_id: int,
    session: int,
    lookup: str,
    threads: int,
) -> tuple[ClusterStates, Numbers]:
    """Return the session's new clusters, measured afresh, and δ of all of the session's documents.

    Args:
        hyperplanes: (bits, d) of the memory.
        tokens: of the session's documents.
        clusters: (documents,) id of each one's cluster.
        first_id: new clusters have this id or a higher one.
        next_id: above all ids.
        session: in which they arrive.
        lookup: one of `lookup.LOOKUPS`.
        threads: no result depends on them.

    Returns:
        The clusters, and (documents,) δ, NaN for documents of older clusters.
    """
    whose = np.flatnonzero(clusters >= first_id)
    ids, labels = np.unique(clusters[whose], return_inverse=True)
    sessions = np.full(len(whose), session, dtype=np.int64)
    new, own = measure_clusters(
        hyperplanes,
        tokens.take(whose),
        labels,
        sessions,
        ids=ids,
        next_id=next_id,
        lookup=lookup,
        threads=threads,
    )
    older = np.flatnonzero((clusters != NO_CLUSTER) & (clusters < first_id))
    others = evenly(older, _OTHER_TEXTS)
    nowhere = np.full(len(others), NO_CLUSTER, dtype=np.int64)
    measured = np.full(tokens.texts, np.nan)
    measured[whose] = own
    with_background = add_background(
        hyperplanes, new, tokens.take(others), nowhere, lookup=lookup, threads=threads
    )
    return with_background, measured


def _merged(
    hyperplanes: Numbers,
    known: ClusterStates,
    new: ClusterStates,
    tokens: TokenVectors,
    clusters: Indices,
    rules: AssignmentRules,
    threads: int,
) -> Indices:
    """Return the id of each document's cluster, (documents,), when close new ones are one."""
    assert rules.merge_distance is not None
    whose = np.flatnonzero(np.isin(clusters, new.ids))
    labels = np.searchsorted(new.ids, clusters[whose])
    background = append_clusters(known, new).background[known.clusters :]
    groups = groups_to_merge(
        hyperplanes,
        new,
        background,
        tokens.take(whose),
        labels,
        rules.merge_distance,
        rules.acceptance.lookup,
        threads,
    )
    _, first = np.unique(groups, return_index=True)
    merged = clusters.copy()
    merged[whose] = new.ids[first][groups][labels]
    return merged
