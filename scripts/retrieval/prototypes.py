"""Sparse prototypes of clusters: sums of their token vectors by bucket.

The prototype of a set of texts is P[bucket] = Σ v over its tokens v in that bucket, empty buckets
left out. It is additive, P(A ∪ B) = P(A) + P(B) for disjoint A and B, so texts can be added, and
left out (`left_out.py`), without their cluster's other members. All clusters stand in one stack of
rows, the form in which they are scored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scripts.retrieval.hyperplanes import bucket_ids
from scripts.retrieval.tables import NO_CLUSTER
from scripts.retrieval.token_vectors import (
    Indices,
    Numbers,
    TokenVectors,
    offsets_of,
    rows_of_segments,
    segment_blocks,
)

_BLOCK_BYTES = 12 << 20  # of a float64 copy; memory of that size is used again, not asked for anew
_BUCKETS = 1 << 32  # more than there can be, so that (cluster, bucket) fits in one number


@dataclass(frozen=True)
class Prototypes:
    """Prototypes of clusters 0 to `clusters` - 1.

    Attributes:
        offsets: (clusters + 1,) rows of each cluster; a cluster without tokens has none.
        buckets: (rows,) bucket of each row, ascending within its cluster.
        sums: (rows, d) float64, sum of the bucket's token vectors times their weights.
        weights: (rows,) float64, number of the bucket's tokens, or the sum of their weights.
    """

    offsets: Indices
    buckets: Indices
    sums: Numbers
    weights: Numbers

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return len(self.offsets) - 1

    @property
    def dimension(self) -> int:
        """Length d of a vector."""
        return int(self.sums.shape[1])

    @property
    def cluster_of_row(self) -> Indices:
        """Cluster of each row, (rows,)."""
        return np.repeat(np.arange(self.clusters), np.diff(self.offsets))


def empty_prototypes(clusters: int, dimension: int) -> Prototypes:
    """Return prototypes of clusters without tokens."""
    return Prototypes(
        np.zeros(clusters + 1, np.int64),
        np.zeros(0, np.int64),
        np.zeros((0, dimension)),
        np.zeros(0),
    )


def build_prototypes(
    hyperplanes: Numbers,
    tokens: TokenVectors,
    labels: Indices,
    clusters: int,
    weights: Numbers | None = None,
    buckets: Indices | None = None,
) -> Prototypes:
    """Return the prototypes of texts' clusters.

    Args:
        hyperplanes: (bits, d) of the memory.
        tokens: of the texts.
        labels: (texts,) each text's cluster, 0 to `clusters` - 1, or NO_CLUSTER.
        clusters: their number.
        weights: (texts,) of each text's tokens; 1 where None.
        buckets: (tokens,) bucket of each, where it is known.
    """
    of_text = np.ones(tokens.texts) if weights is None else weights
    parts = empty_prototypes(clusters, tokens.dimension)
    block_rows = max(1, _BLOCK_BYTES // (8 * tokens.dimension))
    # By blocks of texts, since float64 copies of all tokens would not fit.
    for texts in segment_blocks(tokens.offsets, block_rows):
        rows = slice(tokens.offsets[texts.start], tokens.offsets[texts.stop])
        lengths = tokens.lengths[texts]
        label = np.repeat(labels[texts], lengths)
        kept = label != NO_CLUSTER
        vectors = tokens.vectors[rows]
        vectors = vectors if kept.all() else vectors[kept]
        weight = np.repeat(of_text[texts], lengths)[kept]
        own = bucket_ids(hyperplanes, vectors) if buckets is None else buckets[rows][kept]
        keys = label[kept] * _BUCKETS + own
        block = _stacked(keys, vectors, weight, clusters=clusters)
        parts = add_prototypes(parts, block)
    return parts


def add_prototypes(one: Prototypes, other: Prototypes) -> Prototypes:
    """Return P(A ∪ B) of each cluster; the one with fewer clusters lacks the last ones."""
    clusters = max(one.clusters, other.clusters)
    for held, nothing in ((one, other), (other, one)):
        if len(nothing.buckets) == 0:
            behind = np.repeat(held.offsets[-1:], clusters - held.clusters)
            return replace(held, offsets=np.append(held.offsets, behind))
    of_one, of_other = _keys(one), _keys(other)
    keys = np.union1d(of_one, of_other)
    # No key comes twice in one of them.
    sums, weights = np.empty((len(keys), one.dimension)), np.zeros(len(keys))
    first, added = np.searchsorted(keys, of_one), np.searchsorted(keys, of_other)
    # Nothing is zeroed that is written to anyway: prototypes are large.
    sums[added] = 0
    sums[first], weights[first] = one.sums, one.weights
    sums[added] += other.sums
    weights[added] += other.weights
    return _with_keys(keys, sums, weights, clusters)


def append_prototypes(one: Prototypes, other: Prototypes) -> Prototypes:
    """Return the clusters of one, then those of the other."""
    if other.clusters == 0:
        return one
    return Prototypes(
        np.concatenate([one.offsets, other.offsets[1:] + one.offsets[-1]]),
        np.concatenate([one.buckets, other.buckets]),
        np.concatenate([one.sums, other.sums]),
        np.concatenate([one.weights, other.weights]),
    )


def scale_prototypes(prototypes: Prototypes, factors: Numbers) -> Prototypes:
    """Return the prototypes times a factor for each cluster, (clusters,)."""
    factor = factors[prototypes.cluster_of_row]
    return Prototypes(
        prototypes.offsets,
        prototypes.buckets,
        prototypes.sums * factor[:, None],
        prototypes.weights * factor,
    )


def take_prototypes(prototypes: Prototypes, places: Sequence[int] | Indices) -> Prototypes:
    """Return the clusters at `places`, in that order."""
    rows, offsets = rows_of_segments(prototypes.offsets, np.asarray(places, dtype=np.int64))
    return Prototypes(
        offsets, prototypes.buckets[rows], prototypes.sums[rows], prototypes.weights[rows]
    )


def mean_vectors(prototypes: Prototypes) -> Numbers:
    """Return the mean token vector of each cluster, (clusters, d); 0 for one without tokens."""
    sums = np.zeros((prototypes.clusters, prototypes.dimension))
    np.add.at(sums, prototypes.cluster_of_row, prototypes.sums)
    weights = np.bincount(
        prototypes.cluster_of_row, prototypes.weights, minlength=prototypes.clusters
    )
    return sums / np.where(weights > 0, weights, 1)[:, None]


def _stacked(
    keys: Indices, vectors: NDArray[np.floating], weights: Numbers, *, clusters: int
) -> Prototypes:
    """Return the sums of vectors times weights with equal keys, cluster * _BUCKETS + bucket."""
    if len(keys) == 0:
        return empty_prototypes(clusters, vectors.shape[1])
    from scipy.sparse import csr_array

    order = np.argsort(keys, kind="stable")
    present, starts = np.unique(keys[order], return_index=True)
    borders = np.append(starts, len(keys))
    sums = csr_array((weights[order], order, borders), shape=(len(present), len(keys))) @ vectors
    totals = np.add.reduceat(weights[order], starts)
    return _with_keys(present, sums, totals, clusters)


def _with_keys(keys: Indices, sums: Numbers, weights: Numbers, clusters: int) -> Prototypes:
    offsets = offsets_of(np.bincount(keys // _BUCKETS, minlength=clusters))
    return Prototypes(offsets, keys % _BUCKETS, sums, weights)


def _keys(prototypes: Prototypes) -> Indices:
    return prototypes.cluster_of_row * _BUCKETS + prototypes.buckets
