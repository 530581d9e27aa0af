"""First clusters of a memory: bisecting k-means on text vectors, and how many of them to keep."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt
from typing import Literal, NamedTuple, Protocol

import numpy as np

from scripts.retrieval.bisecting import Partition, bisecting_partitions
from scripts.retrieval.left_out import left_out_scores
from scripts.retrieval.lookup import ALL, scores_of
from scripts.retrieval.maxsim import distances
from scripts.retrieval.prototypes import build_prototypes
from scripts.retrieval.silhouette import simplified_silhouette
from scripts.retrieval.tables import NO_CLUSTER
from scripts.retrieval.token_vectors import Indices, Numbers, TokenVectors, Vectors


@dataclass(frozen=True)
class WarmUpRules:
    """How first clusters are made.

    Attributes:
        k_min: fewest clusters, where there are texts enough; the silhouette may favour 2.
        choose: number of clusters by the highest Simplified Silhouette, or at the elbow of the
            inertia.
        iterations: most of each split.
        centre_shift: a split ends when no centre moves farther than this.
    """

    k_min: int
    choose: Literal["silhouette", "elbow"]
    iterations: int
    centre_shift: float


class CurvePoint(NamedTuple):
    """What a number of clusters is chosen by."""

    clusters: int
    silhouette: float
    inertia: float


class WarmUp(NamedTuple):
    """First clusters.

    Attributes:
        labels: (texts,) cluster of each, 0 to k - 1; NO_CLUSTER for a text without tokens.
        clusters: their number k, 0 if no text has tokens.
        curve: of 2, 3, … up to ⌊√n⌋ clusters, n being the texts with tokens.
    """

    labels: Indices
    clusters: int
    curve: list[CurvePoint]


class Centres(Protocol):
    """Distances of texts to the centre of a cluster, whatever a centre is."""

    def measure(self, members: Indices) -> tuple[Numbers, Numbers]:
        """Return the distances of all texts, (n,), and those of the members, (members,)."""


class MeanCentres:
    """Euclidean distances to mean vectors.

    Args:
        vectors: (n, d) of the texts.
    """

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors.astype(np.float64)

    def measure(self, members: Indices) -> tuple[Numbers, Numbers]:
        """Return the distances of all texts, and those of the members, to the members' mean."""
        centre = self._vectors[members].mean(axis=0)
        measured = np.linalg.norm(self._vectors - centre, axis=1)
        return measured, measured[members]


class PrototypeCentres:
    """Distances δ to prototypes; members are measured to that of the other members.

    Args:
        hyperplanes: (bits, d) of the memory.
        tokens: of the texts, at least one each.
        lookup: one of `lookup.LOOKUPS`.
        threads: no result depends on them.
    """

    def __init__(
        self, hyperplanes: Numbers, tokens: TokenVectors, lookup: str = ALL, threads: int = 1
    ) -> None:
        self._hyperplanes, self._tokens, self._lookup = hyperplanes, tokens, lookup
        self._scores = scores_of(hyperplanes, tokens, lookup, threads)

    def measure(self, members: Indices) -> tuple[Numbers, Numbers]:
        """Return the distances of all texts, and those of the members, to their prototype."""
        own = self._tokens.take(members)
        together = np.zeros(len(members), dtype=np.int64)
        prototype = build_prototypes(self._hyperplanes, own, together, 1)
        scores = self._scores(prototype)
        within = left_out_scores(self._hyperplanes, own, prototype, together, lookup=self._lookup)
        return distances(scores, self._tokens.lengths)[:, 0], distances(within, own.lengths)


def warm_up(
    vectors: Vectors,
    rules: WarmUpRules,
    *,
    seed: int,
    hyperplanes: Numbers | None = None,
    tokens: TokenVectors | None = None,
    lookup: str = ALL,
    threads: int = 1,
) -> WarmUp:
    """Return first clusters of texts.

    Args:
        vectors: (texts, d) unit text vectors; zero rows stand for texts without tokens.
        rules: how to make them.
        seed: of the stream.
        hyperplanes: (bits, d) of the memory; with `tokens`, the silhouette is taken in distances to
            prototypes, without them in Euclidean ones to mean vectors.
        tokens: of the texts.
        lookup: one of `lookup.LOOKUPS`.
        threads: no result depends on them.
    """
    present = np.flatnonzero(np.any(vectors != 0, axis=1))
    labels = np.full(len(vectors), NO_CLUSTER, dtype=np.int64)
    if len(present) == 0:
        return WarmUp(labels, 0, [])
    found = vectors[present]
    centres: Centres = MeanCentres(found)
    if hyperplanes is not None and tokens is not None:
        centres = PrototypeCentres(hyperplanes, tokens.take(present), lookup, threads)
    partitions = bisecting_partitions(
        found,
        isqrt(len(present)),
        iterations=rules.iterations,
        centre_shift=rules.centre_shift,
        seed=seed,
    )
    kept: list[Indices] = []
    curve: list[CurvePoint] = []
    for partition, silhouette in _judged(partitions, centres):
        kept.append(partition.labels)
        if len(partition.inertia) > 1:
            inertia = float(partition.inertia.sum())
            curve.append(CurvePoint(len(partition.inertia), silhouette, inertia))
    clusters = choose_clusters(curve, rules)
    labels[present] = kept[clusters - 1]
    return WarmUp(labels, clusters, curve)


def choose_clusters(curve: list[CurvePoint], rules: WarmUpRules) -> int:
    """Return the number of clusters, 1 if the curve is empty; of equally good ones the lowest.

    The elbow is the point farthest below the line from the first to the last point of the inertia,
    both axes scaled to [0, 1] (Satopää et al. 2011, section III).
    """
    if not curve:
        return 1
    least = min(rules.k_min, curve[-1].clusters)
    open_to_choice = [point for point in curve if point.clusters >= least]
    if rules.choose == "silhouette":
        return max(open_to_choice, key=lambda point: (point.silhouette, -point.clusters)).clusters
    inertia = np.array([point.inertia for point in open_to_choice])
    fall = inertia[0] - inertia[-1]
    if fall <= 0:
        return open_to_choice[0].clusters
    along = np.linspace(0, 1, len(inertia))
    below = 1 - along - (inertia - inertia[-1]) / fall
    return open_to_choice[int(np.argmax(below))].clusters


def _judged(partitions: Iterator[Partition], centres: Centres) -> Iterator[tuple[Partition, float]]:
    """Yield each partition with its Simplified Silhouette; only new centres are measured."""
    columns: list[Numbers] = []
    for partition in partitions:
        labels = partition.labels
        if not columns:
            own = np.full(len(labels), np.nan)
        for cluster in partition.changed:
            members = np.flatnonzero(labels == cluster)
            column, own[members] = centres.measure(members)
            columns[cluster : cluster + 1] = [column]
        single = len(columns) == 1
        yield (
            partition,
            np.nan if single else simplified_silhouette(own, np.stack(columns, axis=1), labels),
        )
