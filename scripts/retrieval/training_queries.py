"""Which queries of a memory are trained on in a session."""

import numpy as np
from numpy.typing import NDArray

from scripts.common.hashing import keyed_hash
from scripts.common.keyed_generator import keyed_generator
from scripts.retrieval.coverage import greedy_coverage
from scripts.retrieval.quotas import share_out
from scripts.retrieval.tables import NO_CLUSTER

Indices = NDArray[np.int64]
Vectors = NDArray[np.float32]
# Of a cluster's documents so many, drawn, stand for all when queries are chosen; it bounds memory.
_COVERED = 1000


def choose_by_clusters(
    places: Indices,
    labels: Indices,
    document_labels: Indices,
    queries: Vectors,
    documents: Vectors,
    wanted: int,
    *,
    clusters: int,
    seed: int,
    session: int,
) -> Indices:
    """Return the queries to train on, ascending: a quota of each cluster, covering its documents.

    Args:
        places: queries that can be trained on, ascending.
        labels: cluster of each query of the memory, or NO_CLUSTER, which is never chosen.
        document_labels: cluster of each document, or NO_CLUSTER.
        queries: (queries of the memory, d) unit vectors.
        documents: (documents, d) unit vectors.
        wanted: queries at most; quotas are in proportion to the clusters' documents.
        clusters: their number.
        seed: of the stream.
        session: the session, which keys the draw of documents.
    """
    of_place = labels[places]
    available = np.bincount(of_place[of_place != NO_CLUSTER], minlength=clusters)
    sizes = np.bincount(document_labels[document_labels != NO_CLUSTER], minlength=clusters)
    quotas = share_out(wanted, sizes.astype(np.float64), available)
    chosen = [np.zeros(0, np.int64)]
    for cluster in np.flatnonzero(quotas):
        own = places[of_place == cluster]
        if quotas[cluster] == len(own):
            chosen.append(own)
            continue
        covered = np.flatnonzero(document_labels == cluster)
        if len(covered) > _COVERED:
            draw = keyed_generator(seed, "covered documents", str(session), str(cluster))
            covered = np.sort(draw.choice(covered, _COVERED, replace=False))
        similarities = queries[own] @ documents[covered].T
        chosen.append(own[greedy_coverage(similarities, int(quotas[cluster]))])
    return np.sort(np.concatenate(chosen))


def choose_at_random(
    places: Indices, ids: list[str], wanted: int, *, seed: int, session: int
) -> Indices:
    """Return `wanted` of the queries at `places`, ascending, drawn by keyed hash.

    Args:
        places: queries that can be trained on, ascending.
        ids: of all queries of the memory.
        wanted: queries at most.
        seed: of the stream.
        session: the session, so that others are drawn in the next one.
    """
    order = sorted(
        places.tolist(),
        key=lambda place: (keyed_hash(seed, "trained", str(session), ids[place]), ids[place]),
    )
    return np.sort(np.array(order[:wanted], np.int64))
