"""The documents that a memory holds in a session: those carried over and the new ones.

With clusters: members are encoded with the present encoder, prototypes and statistics are computed
anew from these vectors, the memory's rule says what stays, and new documents are assigned to the
clusters that are left, which stand still meanwhile. Without any left, clustering begins anew with
what is held. Then everything is measured once more, so that what is stored follows from the
members alone.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from scripts.retrieval.carried_members import (
    Carried,
    carried_by_clusters,
    carried_without_clusters,
    select,
)
from scripts.retrieval.encoded_texts import EncodedTexts, encode_texts
from scripts.retrieval.encoders import Encoder
from scripts.retrieval.eviction import NONE
from scripts.retrieval.hyperplanes import draw_hyperplanes
from scripts.retrieval.memory_clusters import (
    Measured,
    assign_new,
    begin_clusters,
    blank_states,
    keep_clusters,
    measure,
    remember,
)
from scripts.retrieval.memory_settings import CLUSTERED
from scripts.retrieval.memory_store import Clusters, Memory
from scripts.retrieval.session_members import with_clusters
from scripts.retrieval.stream_settings import Stream
from scripts.retrieval.tables import NO_CLUSTER
from scripts.retrieval.token_vectors import Indices, TokenVectors

_TOKENS = "documents.f32"


@dataclass(frozen=True)
class Held:
    """Documents of a memory, those carried over before the new ones.

    Attributes:
        table: rows of MEMBERS.
        carried: what was carried over, of documents and queries.
        encoded: vectors of these documents and perhaps of others; None where nothing asks for them.
        places: (documents,) place of each in `encoded`.
        clusters: None for a method without clusters.
        labels: (documents,) place of each one's cluster, or NO_CLUSTER.
        report: counts of clusters; None for a method without.
    """

    table: pa.Table
    carried: Carried
    encoded: EncodedTexts | None
    places: Indices
    clusters: Clusters | None
    labels: Indices
    report: dict[str, Any] | None


def hold_documents(
    before: Memory,
    new: pa.Table,
    encoder: Encoder,
    stream: Stream,
    *,
    session: int,
    nothing_new: bool,
    folder: Path,
) -> Held:
    """Return the documents held in a session.

    Args:
        before: the memory after the session before.
        new: the session's documents, rows of MEMBERS without clusters.
        encoder: model of the session before.
        stream: method and settings.
        session: number of this session.
        nothing_new: whether neither documents nor queries are new.
        folder: for token vectors, as long as the result is used.
    """
    by_clusters = stream.method.memory == CLUSTERED
    old, carried = before.documents, None
    if not by_clusters:
        carried = carried_without_clusters(
            before, stream.method.memory, memory_docs=stream.memory_docs, seed=stream.seed
        )
        old = select(old, carried.documents)
    table = pa.concat_tables([old, new])
    encoded = None
    if stream.encodes:
        texts = table["text"].to_pylist()
        encoded = encode_texts(encoder, texts, folder / _TOKENS, "encode documents")
    if carried is not None and not stream.method.clusters:
        places = np.arange(table.num_rows)
        return Held(table, carried, encoded, places, None, np.full(len(places), NO_CLUSTER), None)
    assert encoded is not None
    refreshed = _refreshed(before, old, encoded.tokens, stream, session=session)
    if carried is None:
        carried = carried_by_clusters(
            before,
            refreshed,
            stream.clusters,
            memory_docs=stream.memory_docs,
            nothing_new=nothing_new,
            seed=stream.seed,
        )
        kept = carried.documents
    else:
        kept = np.ones(old.num_rows, bool)
    return _with_new(refreshed, table, kept, carried, encoded, stream, session=session)


def first_texts(tokens: TokenVectors, texts: int) -> TokenVectors:
    """Return the first texts, without a copy."""
    return TokenVectors(tokens.vectors[: tokens.offsets[texts]], tokens.offsets[: texts + 1])


def last_texts(tokens: TokenVectors, start: int) -> TokenVectors:
    """Return the texts from `start` on, without a copy."""
    return TokenVectors(
        tokens.vectors[tokens.offsets[start] :], tokens.offsets[start:] - tokens.offsets[start]
    )


def _refreshed(
    before: Memory, old: pa.Table, tokens: TokenVectors, stream: Stream, *, session: int
) -> Measured:
    clusters = before.clusters
    if clusters is None:
        planes = draw_hyperplanes(stream.seed, stream.clusters.bits, tokens.dimension)
        nothing = blank_states(np.zeros(0, np.int64), tokens.dimension, 0)
        clusters = Clusters(planes, nothing, np.zeros(0))
    return measure(
        clusters,
        first_texts(tokens, old.num_rows),
        old["cluster"].to_numpy().astype(np.int64),
        old["session"].to_numpy().astype(np.int64),
        session=session,
        half_life=stream.clusters.half_life,
        lookup=stream.clusters.lookup,
        threads=stream.threads,
    )


def _with_new(
    refreshed: Measured,
    table: pa.Table,
    kept: np.ndarray,
    carried: Carried,
    encoded: EncodedTexts,
    stream: Stream,
    *,
    session: int,
) -> Held:
    tokens, settings = encoded.tokens, stream.clusters
    left = _left(refreshed, kept, stream)
    ids = np.full(table.num_rows, NO_CLUSTER, np.int64)
    inside = np.flatnonzero(kept & (refreshed.labels != NO_CLUSTER))
    ids[inside] = refreshed.clusters.states.ids[refreshed.labels[inside]]
    held = np.concatenate([np.flatnonzero(kept), np.arange(len(kept), table.num_rows)])
    report: dict[str, Any] = {
        "before": refreshed.clusters.states.clusters,
        "dropped": refreshed.clusters.states.clusters - left.states.clusters,
        "opened": 0,
        "merged": 0,
        "warm_up": None,
    }
    if left.states.clusters and not carried.all_dropped:
        arrival = assign_new(
            left, last_texts(tokens, len(kept)), settings, session=session, threads=stream.threads
        )
        clusters, ids[len(kept) :] = arrival.clusters, arrival.ids
        report |= {"opened": arrival.opened, "merged": arrival.merged}
    else:
        begun = begin_clusters(
            left, encoded, held, settings, stream.seed, session=session, threads=stream.threads
        )
        clusters, ids[held] = begun.clusters, begun.ids
        report |= {"opened": begun.clusters.states.clusters, "warm_up": begun.curve}
        if carried.all_dropped:
            report["dropped"] = report["before"]
    final = measure(
        clusters,
        tokens,
        ids,
        table["session"].to_numpy().astype(np.int64),
        session=session,
        half_life=settings.half_life,
        lookup=settings.lookup,
        threads=stream.threads,
    )
    rows = with_clusters(table.take(pa.array(held)), ids[held], final.distances[held])
    report["after"] = final.clusters.states.clusters
    return Held(rows, carried, encoded, held, final.clusters, final.labels[held], report)


def _left(refreshed: Measured, kept: np.ndarray, stream: Stream) -> Clusters:
    """Return the clusters that still have documents, or whose prototypes are remembered."""
    clusters, settings = refreshed.clusters, stream.clusters
    if settings.half_life is not None:
        faded = clusters.came * 0.5 ** (1 / settings.half_life)
        clusters = replace(clusters, came=faded)
    if stream.method.memory == CLUSTERED and settings.keep == NONE:
        return remember(
            clusters,
            most=stream.memory_docs,
            required=settings.required_doc_size,
            half_life=settings.half_life,
        )
    labels = refreshed.labels[kept]
    return keep_clusters(clusters, np.unique(labels[labels != NO_CLUSTER]))
