"""Samples the training pairs of a session from what the memory holds."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from scripts.common.keyed_generator import keyed_generator
from scripts.common.progress import Progress
from scripts.retrieval.pair_scores import PairScores
from scripts.retrieval.pairs import PROTOTYPE, SELF, Pair
from scripts.retrieval.sampling import (
    FROM_CLUSTERS,
    FROM_LABELS,
    Asked,
    Pool,
    Positive,
    Rules,
    sample_negatives,
    sample_positive,
)
from scripts.retrieval.tables import DOCUMENT, NO_CLUSTER, QUERY
from scripts.retrieval.token_vectors import Indices, TokenVectors, Vectors

_PAIRS_AT_ONCE = 64


@dataclass(frozen=True)
class Vectorised:
    """Vectors of what the memory holds.

    Attributes:
        queries: token vectors of the queries.
        pooled_queries: (queries, d) unit vectors.
        pooled_documents: (documents, d) unit vectors.
        scores: of items with documents.
    """

    queries: TokenVectors
    pooled_queries: Vectors
    pooled_documents: Vectors
    scores: PairScores


@dataclass(frozen=True)
class Labelled:
    """Clusters of what the memory holds, by place among the clusters.

    Attributes:
        ids: (k,) of the clusters.
        documents: (documents,) cluster of each, or NO_CLUSTER.
        queries: (queries,) cluster of each, or NO_CLUSTER.
        query_rankings: (queries, k) clusters from the nearest to the farthest.
        document_rankings: the same of those documents that are alone in their cluster.
    """

    ids: Indices
    documents: Indices
    queries: Indices
    query_rankings: Indices
    document_rankings: dict[int, Indices]


@dataclass(frozen=True)
class Holdings:
    """What training pairs are sampled from.

    Attributes:
        documents: rows of MEMBERS.
        queries: rows of MEMBERS.
        usable_documents: (documents,) whether each has tokens.
        usable_queries: (queries,) whether each has tokens.
        vectors: None where neither clusters nor scores are asked for.
        clusters: None for a method without clusters.
    """

    documents: pa.Table
    queries: pa.Table
    usable_documents: NDArray[np.bool_]
    usable_queries: NDArray[np.bool_]
    vectors: Vectorised | None
    clusters: Labelled | None

    @cached_property
    def document_ids(self) -> list[str]:
        """Ids of the documents."""
        return list(self.documents["id"].to_pylist())

    @cached_property
    def query_ids(self) -> list[str]:
        """Ids of the queries."""
        return list(self.queries["id"].to_pylist())

    @cached_property
    def known(self) -> list[Indices]:
        """Places of each query's known answers that have tokens."""
        return self._places("known_answers")

    @cached_property
    def true(self) -> list[Indices]:
        """Places of each query's answers."""
        return self._places("true_answers")

    @cached_property
    def pool(self) -> Pool:
        """The documents that may be sampled."""
        places = np.flatnonzero(self.usable_documents)
        if self.clusters is None:
            return Pool(places, [])
        labels = self.clusters.documents[places]
        return Pool(places, [places[labels == c] for c in range(len(self.clusters.ids))])

    def _places(self, column: str) -> list[Indices]:
        place_of = {name: place for place, name in enumerate(self.document_ids)}
        return [
            np.array(
                sorted(
                    place_of[name]
                    for name in names or []
                    if name in place_of and self.usable_documents[place_of[name]]
                ),
                np.int64,
            )
            for names in self.queries[column].to_pylist()
        ]


def trainable_queries(holdings: Holdings, rules: Rules) -> tuple[Indices, dict[str, int]]:
    """Return the queries that can be trained on, ascending, and why others cannot."""
    usable = holdings.usable_queries
    answered = np.array([len(places) > 0 for places in holdings.known], bool)
    needed = rules.positives == FROM_LABELS
    possible = usable & answered if needed else usable
    skipped = {
        "without_words": int((~usable).sum()),
        "no_known_answer": int((usable & ~answered).sum()) if needed else 0,
    }
    return np.flatnonzero(possible), skipped


def sample_pairs(
    holdings: Holdings, chosen: Indices, rules: Rules, *, seed: int, session: int, threads: int
) -> Iterator[Pair]:
    """Yield the pair of each chosen query, then those of documents alone in their cluster.

    Args:
        holdings: the memory.
        chosen: places of queries, of `trainable_queries`.
        rules: the rules.
        seed: of the stream.
        session: which keys the draws.
        threads: pairs sampled at once; no result depends on it.
    """
    items = [(QUERY, int(place)) for place in chosen]
    if rules.positives == FROM_CLUSTERS and holdings.clusters is not None:
        items += [(DOCUMENT, place) for place in sorted(holdings.clusters.document_rankings)]
    progress = Progress("sample pairs", total=len(items), unit="pairs")

    def sampled(item: tuple[str, int]) -> Pair | None:
        return _pair(holdings, *item, rules, seed=seed, session=session)

    # One thread for each product, so that no result depends on how a library splits it.
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(items), _PAIRS_AT_ONCE):
            some = items[start : start + _PAIRS_AT_ONCE]
            for pair in pool.map(sampled, some):
                if pair is not None:
                    yield pair
            progress.advance(len(some))
    progress.finish()


def prototype_pairs(holdings: Holdings, chosen: Indices, remembered: Indices) -> Iterator[Pair]:
    """Yield virtual pairs with the prototypes of clusters whose documents were evicted.

    Each chosen query whose nearest cluster is one of them is trained towards its prototype; where
    there is no such query, the document that came nearest to it.

    Args:
        holdings: the memory.
        chosen: places of queries.
        remembered: places of the clusters that have a prototype of evicted documents.
    """
    clusters = holdings.clusters
    if clusters is None:
        return
    distances = holdings.documents["distance"].to_numpy(zero_copy_only=False)
    for cluster in remembered.tolist():
        number = int(clusters.ids[cluster])
        own = [place for place in chosen.tolist() if clusters.queries[place] == cluster]
        for place in own:
            yield Pair(holdings.query_ids[place], QUERY, None, PROTOTYPE, cluster=number)
        members = np.flatnonzero(clusters.documents == cluster)
        if not own and len(members):
            nearest = int(members[distances[members].argmin()])
            yield Pair(holdings.document_ids[nearest], DOCUMENT, None, PROTOTYPE, cluster=number)


def describe_pairs(pairs: Sequence[Pair], holdings: Holdings, wanted: int) -> dict[str, Any]:
    """Return counts of pairs, and how often sampled documents are what labels say.

    Args:
        pairs: those written.
        holdings: the memory.
        wanted: negatives that each ought to have.
    """
    true = dict(zip(holdings.query_ids, holdings.queries["true_answers"].to_pylist(), strict=True))
    judged = [
        (pair, set(true[pair.query]))
        for pair in pairs
        if pair.query_kind == QUERY
        if true[pair.query]
    ]
    own = [pair for pair in pairs if pair.positive_kind != PROTOTYPE]
    right = [pair.positive in answers for pair, answers in judged if pair.positive is not None]
    false = sum(len(answers.intersection(pair.negatives)) for pair, answers in judged)
    seen = sum(len(pair.negatives) for pair, _ in judged)
    return {
        "pairs": len(pairs),
        "by_positive": dict(sorted(Counter(pair.positive_kind for pair in pairs).items())),
        "with_fewer_negatives": sum(0 < len(pair.negatives) < wanted for pair in own),
        "without_negatives": sum(not pair.negatives for pair in own),
        "negatives": {
            "sampled": sum(len(pair.negatives) for pair in pairs),
            "judged": seen,
            "false": false,
            "false_rate": false / seen if seen else None,
        },
        "positives": {
            "judged": len(right),
            "right": sum(right),
            "right_rate": sum(right) / len(right) if right else None,
        },
    }


def _pair(
    holdings: Holdings, kind: str, place: int, rules: Rules, *, seed: int, session: int
) -> Pair | None:
    asked = _asked(holdings, kind, place)
    ids = holdings.query_ids if kind == QUERY else holdings.document_ids
    scorer = None
    if holdings.vectors is not None:
        scores = holdings.vectors.scores
        scorer = (
            scores.of(holdings.vectors.queries.text(place))
            if kind == QUERY
            else scores.of_document(place)
        )
    draw = keyed_generator(seed, "training pair", str(session), kind, ids[place])
    if kind == DOCUMENT:
        positive: Positive | None = Positive(None, SELF, 1.0)
    else:
        positive = sample_positive(asked, holdings.pool, rules, scorer, draw)
    if positive is None:
        return None
    negatives, of_negatives = sample_negatives(asked, positive, holdings.pool, rules, scorer, draw)
    return Pair(
        query=ids[place],
        query_kind=kind,
        positive=None if positive.place is None else holdings.document_ids[positive.place],
        positive_kind=positive.kind,
        negatives=tuple(holdings.document_ids[negative] for negative in negatives),
        cluster=_cluster_id(holdings, kind, place),
        positive_score=positive.score,
        negative_scores=() if scorer is None else tuple(of_negatives.tolist()),
    )


def _asked(holdings: Holdings, kind: str, place: int) -> Asked:
    nothing = np.zeros(0, np.int64)
    clusters = holdings.clusters
    if kind == DOCUMENT:
        assert clusters is not None
        return Asked(nothing, nothing, place, clusters.document_rankings[place])
    ranking = nothing if clusters is None else clusters.query_rankings[place]
    return Asked(holdings.known[place], holdings.true[place], None, ranking)


def _cluster_id(holdings: Holdings, kind: str, place: int) -> int | None:
    if holdings.clusters is None:
        return None
    labels = holdings.clusters.queries if kind == QUERY else holdings.clusters.documents
    return None if labels[place] == NO_CLUSTER else int(holdings.clusters.ids[labels[place]])
