"""What a memory carries over to the next session: documents by its rule, queries in proportion."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scripts.retrieval.eviction import ALL, NONE, evict, near_documents
from scripts.retrieval.memory_clusters import Measured, places_of
from scripts.retrieval.memory_settings import (
    EVERYTHING,
    NO_MEMORY,
    ClusterSettings,
)
from scripts.retrieval.memory_store import Memory
from scripts.retrieval.replay import reservoir, thin_queries

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Carried:
    """What stays.

    Attributes:
        documents: (documents,) whether each stays.
        queries: (queries,) whether each stays.
        reasons: documents evicted, by reason.
        all_dropped: every cluster was too small, so that the largest was kept and clustering
            begins anew.
    """

    documents: Mask
    queries: Mask
    reasons: dict[str, int]
    all_dropped: bool = False


def carried_by_clusters(
    memory: Memory,
    measured: Measured,
    settings: ClusterSettings,
    *,
    memory_docs: int,
    nothing_new: bool,
    seed: int,
) -> Carried:
    """Return what a clustered memory keeps.

    Args:
        memory: the members.
        measured: their clusters, refreshed.
        settings: rule and bounds.
        memory_docs: documents that stay at most.
        nothing_new: whether the session is empty; then only the bounds evict, since no document
            asks for a place.
        seed: of the stream.
    """
    states = measured.clusters.states
    rule = ALL if nothing_new and settings.keep != NONE else settings.keep
    near = near_documents(
        measured.labels,
        measured.distances,
        states.mean + settings.z2 * states.deviation,
        rule=rule,
        fraction=settings.keep_fraction,
    )
    found = evict(
        measured.labels,
        measured.distances,
        near,
        measured.clusters.came,
        memory_docs=memory_docs,
        required=settings.required_doc_size,
    )
    before = _sizes(measured.labels, states.clusters)
    after = _sizes(measured.labels[found.kept], states.clusters)
    queries = thin_queries(
        memory.queries["id"].to_pylist(),
        _query_clusters(memory, measured),
        after / np.maximum(before, 1),
        _answered(memory, found.kept),
        seed=seed,
    )
    return Carried(found.kept, queries, found.reasons, found.all_dropped)


def carried_without_clusters(memory: Memory, rule: str, *, memory_docs: int, seed: int) -> Carried:
    """Return what a memory keeps whose rule knows no clusters.

    Args:
        memory: the members.
        rule: NO_MEMORY, REPLAY or EVERYTHING.
        memory_docs: documents that REPLAY keeps at most.
        seed: of the stream.
    """
    documents, queries = memory.documents.num_rows, memory.queries.num_rows
    if rule == EVERYTHING:
        return Carried(np.ones(documents, bool), np.ones(queries, bool), {})
    if rule == NO_MEMORY:
        return Carried(np.zeros(documents, bool), np.zeros(queries, bool), {"no_memory": documents})
    kept = reservoir(memory.documents["id"].to_pylist(), memory_docs, seed=seed)
    stay = thin_queries(
        memory.queries["id"].to_pylist(),
        np.zeros(queries, np.int64),
        np.array([kept.sum() / max(documents, 1)]),
        _answered(memory, kept),
        seed=seed,
    )
    return Carried(kept, stay, {"over_memory_docs": int((~kept).sum())})


def select(members: pa.Table, kept: Mask) -> pa.Table:
    """Return the rows that stay."""
    return members.filter(pa.array(kept))


def _query_clusters(memory: Memory, measured: Measured) -> NDArray[np.int64]:
    """Return the cluster with which each query is thinned, (queries,), negative for none.

    It is that of its first known answer in memory, so that labels and their documents stay
    together, else the one nearest to it.
    """
    nearest = memory.queries["cluster"].to_numpy().astype(np.int64)
    groups = places_of(measured.clusters.states.ids, nearest)
    label_of = dict(zip(memory.documents["id"].to_pylist(), measured.labels.tolist(), strict=True))
    for place, known in enumerate(memory.queries["known_answers"].to_pylist()):
        labels = [label_of[name] for name in known or [] if label_of.get(name, -1) >= 0]
        # A query without tokens has no cluster and is never trained on.
        if labels and groups[place] >= 0:
            groups[place] = labels[0]
    return groups


def _answered(memory: Memory, kept: Mask) -> Mask:
    held = set(select(memory.documents, kept)["id"].to_pylist())
    known = memory.queries["known_answers"].to_pylist()
    return np.array([bool(held.intersection(answers or [])) for answers in known], bool)


def _sizes(labels: NDArray[np.int64], clusters: int) -> NDArray[np.int64]:
    return np.bincount(labels[labels >= 0], minlength=clusters)
