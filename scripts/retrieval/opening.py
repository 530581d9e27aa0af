"""Which documents known clusters take in, and which open new ones, while prototypes stand still."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scripts.retrieval.cluster_state import ClusterStates
from scripts.retrieval.lookup import ALL, Scores, scores_of
from scripts.retrieval.maxsim import distances
from scripts.retrieval.prototypes import build_prototypes
from scripts.retrieval.token_vectors import Indices, Numbers, TokenVectors


class Acceptance(NamedTuple):
    """When a cluster takes a document in.

    Attributes:
        cluster_min_size: clusters of so many documents or fewer take in all that are nearest to
            them; those taken in before, in order, count.
        z1: others take in what has δ ≤ μ + z1·σ; one without statistics takes in what is no farther
            than its background.
        size_correction: whether clusters are compared by δ less their background.
        lookup: one of `lookup.LOOKUPS`.
    """

    cluster_min_size: int
    z1: float
    size_correction: bool
    lookup: str = ALL


class Decisions(NamedTuple):
    """Places of documents among known clusters and, behind them, those opened.

    Attributes:
        labels: (documents,) place of each one's cluster.
        measured: (documents, k + opened) δ of each to each cluster, a new one being what its first
            document makes it.
        opened: number of new clusters.
    """

    labels: Indices
    measured: Numbers
    opened: int


def decide(
    hyperplanes: Numbers,
    states: ClusterStates,
    tokens: TokenVectors,
    acceptance: Acceptance,
    threads: int = 1,
    buckets: Indices | None = None,
) -> Decisions:
    """Return where documents belong, taken in their order.

    A document goes to the nearest cluster, of equally near ones the older. If that one refuses it,
    it opens a cluster, which later documents may be nearest to.

    Args:
        hyperplanes: (bits, d) of the memory.
        states: the k known clusters.
        tokens: of the documents, at least one each.
        acceptance: when a cluster takes a document in.
        threads: no result depends on them.
        buckets: (tokens,) bucket of each, where it is known.
    """
    texts, known = tokens.texts, states.clusters
    scores = scores_of(hyperplanes, tokens, acceptance.lookup, threads, buckets)
    measured = distances(scores(states.prototypes), tokens.lengths)
    columns = [measured]
    offsets = states.background * acceptance.size_correction
    limits = states.mean + acceptance.z1 * states.deviation
    limits = np.where(np.isnan(limits), states.background, limits)
    sizes = states.documents
    # Before any cluster is known, the first document is refused by place 0, which is to be opened.
    labels, nearest = np.zeros(texts, np.int64), np.full(texts, np.inf)
    compared = nearest.copy()
    if known:
        labels = np.argmin(measured - offsets, axis=1)
        nearest = measured[np.arange(texts), labels]
        compared = nearest - offsets[labels]
    # Foreign to a new cluster is what the nearest known one would take in, whatever its size.
    familiar = np.zeros(texts, bool) if known == 0 else nearest <= limits[labels]
    order = np.arange(texts)
    opener = -1
    while True:
        accepted = _accepted(labels, nearest, sizes, limits, acceptance.cluster_min_size)
        refused = ~accepted & (order > opener)
        if not refused.any():
            opened = len(columns) - 1
            return Decisions(labels, np.hstack(columns) if opened else measured, opened)
        opener = int(np.argmax(refused))
        column = _distances_to_one(hyperplanes, tokens, opener, scores)
        background = _background_of_one(column, familiar, opener)
        corrected = column - background * acceptance.size_correction
        moved = ((order > opener) & (corrected < compared)) | (order == opener)
        labels = np.where(moved, len(sizes), labels)
        nearest = np.where(moved, column, nearest)
        compared = np.where(moved, corrected, compared)
        sizes, limits = np.append(sizes, 0), np.append(limits, background)
        columns.append(column[:, None])


def _accepted(
    labels: Indices, nearest: Numbers, sizes: Indices, limits: Numbers, min_size: int
) -> NDArray[np.bool_]:
    """Return which documents the clusters nearest to them take in.

    A small cluster takes in the first that come, so those before a document in its cluster count.
    """
    if len(sizes) == 0:
        return np.zeros(len(labels), dtype=bool)
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], labels[order])
    before = np.empty(len(labels), dtype=np.int64)
    before[order] = np.arange(len(labels)) - starts
    return (sizes[labels] + before <= min_size) | (nearest <= limits[labels])


def _background_of_one(column: Numbers, familiar: NDArray[np.bool_], opener: int) -> float:
    """Return the mean distance of familiar documents, or of all others if there are none."""
    others = np.arange(len(column)) != opener
    foreign = column[others & familiar] if familiar.any() else column[others]
    return float(foreign.mean()) if foreign.size else 0.0


def _distances_to_one(
    hyperplanes: Numbers, tokens: TokenVectors, place: int, scores: Scores
) -> Numbers:
    """Return δ of all documents to the prototype of one of them."""
    alone = build_prototypes(hyperplanes, tokens.take([place]), np.zeros(1, np.int64), 1)
    return distances(scores(alone), tokens.lengths)[:, 0]
