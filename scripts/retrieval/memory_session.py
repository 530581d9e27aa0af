"""A session of a memory, from what it held before to what it holds and trains on now."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scripts.retrieval.carried_members import select
from scripts.retrieval.encoded_texts import EncodedTexts, encode_texts, unit_tokens
from scripts.retrieval.encoders import Encoder
from scripts.retrieval.held_documents import Held, hold_documents
from scripts.retrieval.memory_store import Memory
from scripts.retrieval.nearest import nearest_clusters
from scripts.retrieval.pair_scores import PairScores
from scripts.retrieval.pairs import Pair
from scripts.retrieval.sampling import Rules
from scripts.retrieval.session_members import with_clusters
from scripts.retrieval.stream_settings import Stream
from scripts.retrieval.tables import NO_CLUSTER
from scripts.retrieval.token_vectors import Indices
from scripts.retrieval.training_pairs import (
    Holdings,
    Labelled,
    Vectorised,
    describe_pairs,
    prototype_pairs,
    sample_pairs,
    trainable_queries,
)
from scripts.retrieval.training_queries import choose_at_random, choose_by_clusters

_QUERY_TOKENS, _UNIT_TOKENS = "queries.f32", "units.f32"
_WORD = re.compile(r"\w")


@dataclass(frozen=True)
class Outcome:
    """A memory after a session.

    Attributes:
        memory: what it holds.
        pairs: training pairs.
        pooled: (documents, d) unit vectors; None where the texts were not encoded.
        report: counts with reasons.
    """

    memory: Memory
    pairs: list[Pair]
    pooled: NDArray[np.float32] | None
    report: dict[str, Any]


def update(
    before: Memory,
    new_documents: pa.Table,
    new_queries: pa.Table,
    encoder: Encoder,
    stream: Stream,
    *,
    session: int,
    folder: Path,
) -> Outcome:
    """Return the memory after a session.

    Args:
        before: the memory after the session before.
        new_documents: rows of MEMBERS, without clusters.
        new_queries: rows of MEMBERS, without clusters.
        encoder: model of the session before.
        stream: method and settings.
        session: number of this session.
        folder: empty, on a local disk, for token vectors.
    """
    nothing_new = not new_documents.num_rows and not new_queries.num_rows
    held = hold_documents(
        before,
        new_documents,
        encoder,
        stream,
        session=session,
        nothing_new=nothing_new,
        folder=folder,
    )
    queries = pa.concat_tables([select(before.queries, held.carried.queries), new_queries])
    encoded = None
    if stream.encodes:
        texts = queries["text"].to_pylist()
        encoded = encode_texts(encoder, texts, folder / _QUERY_TOKENS, "encode queries")
    queries, labelled = _in_clusters(held, queries, encoded, stream)
    holdings = _holdings(held, queries, encoded, labelled, folder)
    pairs: list[Pair] = []
    skipped: dict[str, int] = {}
    if stream.trains and not nothing_new:
        pairs, skipped = _sampled(held, holdings, stream, session=session)
    documents_kept, queries_kept = held.carried.documents, held.carried.queries
    report = {
        "documents": {
            **_counts(before.documents, documents_kept, new_documents),
            "evicted": held.carried.reasons,
            "without_tokens": int((~holdings.usable_documents).sum()),
        },
        "queries": {
            **_counts(before.queries, queries_kept, new_queries),
            "without_tokens": int((~holdings.usable_queries).sum()),
        },
        "clusters": held.report,
        "pairs": {
            **describe_pairs(pairs, holdings, stream.sampling.negatives),
            "skipped": skipped,
        },
    }
    pooled = None if held.encoded is None else held.encoded.pooled[held.places]
    return Outcome(Memory(held.table, queries, held.clusters), pairs, pooled, report)


def _in_clusters(
    held: Held, queries: pa.Table, encoded: EncodedTexts | None, stream: Stream
) -> tuple[pa.Table, Labelled | None]:
    """Return the queries with their nearest clusters, and all clusters in order of nearness."""
    if held.clusters is None or encoded is None or held.encoded is None:
        return queries, None
    states = held.clusters.states
    count = max(states.clusters, 1)
    correction = stream.clusters.size_correction
    found = nearest_clusters(
        held.clusters.hyperplanes,
        states,
        encoded.tokens,
        count,
        size_correction=correction,
        lookup=stream.clusters.lookup,
        threads=stream.threads,
    )
    labels = found.places[:, 0]
    ids = np.append(states.ids, NO_CLUSTER)[labels]
    alone = _alone(held, labels)
    of_alone = nearest_clusters(
        held.clusters.hyperplanes,
        states,
        held.encoded.tokens.take(held.places[alone]),
        count,
        size_correction=correction,
        lookup=stream.clusters.lookup,
        threads=stream.threads,
    )
    rankings = dict(zip(alone.tolist(), of_alone.places, strict=True))
    return with_clusters(queries, ids, found.distances[:, 0]), Labelled(
        states.ids, held.labels, labels, found.places, rankings
    )


def _alone(held: Held, query_labels: Indices) -> Indices:
    """Return the documents alone in their cluster: no other, no query, nothing remembered."""
    assert held.clusters is not None
    clusters = held.clusters.states.clusters
    sizes = np.bincount(held.labels[held.labels != NO_CLUSTER], minlength=clusters)
    asked = np.bincount(query_labels[query_labels != NO_CLUSTER], minlength=clusters)
    single = (sizes == 1) & (asked == 0)
    if held.clusters.remembered is not None:
        single &= held.clusters.remembered.weight == 0
    return np.flatnonzero((held.labels != NO_CLUSTER) & np.append(single, False)[held.labels])


def _holdings(
    held: Held,
    queries: pa.Table,
    encoded: EncodedTexts | None,
    labelled: Labelled | None,
    folder: Path,
) -> Holdings:
    if encoded is None or held.encoded is None:
        return Holdings(
            held.table, queries, _with_words(held.table), _with_words(queries), None, None
        )
    tokens = held.encoded.tokens
    # Documents of a cluster side by side, so that it is scored without a copy.
    order = np.argsort(held.labels, kind="stable")
    units = unit_tokens(tokens, held.places[order], folder / _UNIT_TOKENS)
    vectors = Vectorised(
        encoded.tokens,
        encoded.pooled,
        held.encoded.pooled[held.places],
        PairScores(units, order),
    )
    return Holdings(
        held.table,
        queries,
        tokens.lengths[held.places] > 0,
        encoded.tokens.lengths > 0,
        vectors,
        labelled,
    )


def _sampled(
    held: Held, holdings: Holdings, stream: Stream, *, session: int
) -> tuple[list[Pair], dict[str, int]]:
    sampling = stream.sampling
    rules = Rules(
        positives=stream.method.positives,
        negatives=stream.method.negatives,
        form=sampling.form,
        wanted=sampling.negatives,
        margin=sampling.false_negative_margin,
        nearest=stream.clusters.nearest,
    )
    possible, skipped = trainable_queries(holdings, rules)
    chosen = _chosen(holdings, possible, stream, session=session)
    skipped["not_chosen"] = len(possible) - len(chosen)
    pairs = list(
        sample_pairs(
            holdings, chosen, rules, seed=stream.seed, session=session, threads=stream.threads
        )
    )
    if held.clusters is not None and held.clusters.remembered is not None:
        remembered = np.flatnonzero(held.clusters.remembered.weight > 0)
        pairs += prototype_pairs(holdings, chosen, remembered)
    return pairs, skipped


def _chosen(holdings: Holdings, possible: Indices, stream: Stream, *, session: int) -> Indices:
    wanted = stream.sampling.queries
    if wanted is None or wanted >= len(possible):
        return possible
    if holdings.clusters is None or holdings.vectors is None:
        return choose_at_random(
            possible, holdings.query_ids, wanted, seed=stream.seed, session=session
        )
    return choose_by_clusters(
        possible,
        holdings.clusters.queries,
        holdings.clusters.documents,
        holdings.vectors.pooled_queries,
        holdings.vectors.pooled_documents,
        wanted,
        clusters=len(holdings.clusters.ids),
        seed=stream.seed,
        session=session,
    )


def _with_words(members: pa.Table) -> NDArray[np.bool_]:
    return np.array([bool(_WORD.search(text)) for text in members["text"].to_pylist()], bool)


def _counts(before: pa.Table, kept: NDArray[np.bool_], new: pa.Table) -> dict[str, int]:
    carried = int(kept.sum())
    return {
        "before": before.num_rows,
        "carried": carried,
        "new": new.num_rows,
        "held": carried + new.num_rows,
    }
