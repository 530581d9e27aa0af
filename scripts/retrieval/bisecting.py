"""Bisecting k-means: one run gives a partition for every number of clusters.

The cluster of the largest inertia is split in two until there are enough (Steinbach, Karypis &
Kumar 2000), each split by Lloyd's iterations from centres seeded as k-means++ does.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from scripts.common.hashing import keyed_hash
from scripts.retrieval.token_vectors import Indices, Numbers, Vectors

_STARTS = 4  # of each split; the one of the least inertia counts


class Partition(NamedTuple):
    """Vectors in k clusters.

    Attributes:
        labels: (n,) cluster of each, 0 to k - 1.
        inertia: (k,) sum of squared distances to the centre.
        changed: the clusters that the last split made; all others are as they were.
    """

    labels: Indices
    inertia: Numbers
    changed: tuple[int, ...]


def bisecting_partitions(
    vectors: Vectors, k_max: int, *, iterations: int, centre_shift: float, seed: int
) -> Iterator[Partition]:
    """Yield partitions into 1, 2, … up to `k_max` clusters.

    It ends earlier when no cluster holds two different vectors.

    Args:
        vectors: (n, d), n at least 1.
        k_max: largest number of clusters.
        iterations: most of each split, at least 1.
        centre_shift: a split ends when no centre moves farther than this.
        seed: of the draws.
    """
    exact = vectors.astype(np.float64)
    labels = np.zeros(len(exact), dtype=np.int64)
    inertia = np.array([_inertia(exact)])
    yield Partition(labels, inertia, (0,))
    while len(inertia) < k_max:
        largest = int(np.argmax(inertia))
        members = np.flatnonzero(labels == largest)
        # Equal vectors; rounding of their mean is no spread.
        if np.all(exact[members] == exact[members[0]]):
            if inertia[largest] == 0:
                return
            inertia = inertia.copy()
            inertia[largest] = 0.0
            continue
        key = keyed_hash(seed, "bisect", str(len(inertia)))
        generator = np.random.Generator(np.random.Philox(key=key))
        second = min(
            (
                _two_means(exact[members], iterations, centre_shift, generator)
                for _ in range(_STARTS)
            ),
            key=lambda split: _inertia(exact[members][split]) + _inertia(exact[members][~split]),
        )
        labels = labels.copy()
        labels[members[second]] = len(inertia)
        inertia = np.append(inertia, _inertia(exact[members[second]]))
        inertia[largest] = _inertia(exact[members[~second]])
        yield Partition(labels, inertia, (largest, len(inertia) - 1))


def draw_seeds(vectors: Numbers, count: int, generator: np.random.Generator) -> Indices:
    """Return the places of vectors drawn as first centres by k-means++, (count,).

    The first is drawn evenly, each further one with P(x) ∝ D(x)², D being the distance to the
    nearest one drawn (Arthur & Vassilvitskii 2007, section 2.2), and no best of several candidates.

    Args:
        vectors: (n, d), of which at least `count` differ.
        count: number of centres.
        generator: of the draws.
    """
    seeds = [int(generator.integers(len(vectors)))]
    nearest = np.full(len(vectors), np.inf)
    while len(seeds) < count:
        nearest = np.minimum(nearest, np.square(vectors - vectors[seeds[-1]]).sum(axis=1))
        seeds.append(int(generator.choice(len(vectors), p=nearest / nearest.sum())))
    return np.array(seeds, dtype=np.int64)


def _two_means(
    vectors: Numbers, iterations: int, centre_shift: float, generator: np.random.Generator
) -> np.ndarray:
    """Return which vectors are in the second of two clusters, (n,) bool, neither empty."""
    centres = vectors[draw_seeds(vectors, 2, generator)]
    second = _nearer_second(vectors, centres)
    for _ in range(iterations):
        moved = np.stack([vectors[~second].mean(axis=0), vectors[second].mean(axis=0)])
        shift = np.linalg.norm(moved - centres, axis=1).max()
        divided = _nearer_second(vectors, moved)
        if shift <= centre_shift or divided.all() or not divided.any():
            break
        centres, second = moved, divided
    return second


def _nearer_second(vectors: Numbers, centres: Numbers) -> np.ndarray:
    """Return which vectors are nearer to the second centre; of equally near ones none."""
    middle = centres.mean(axis=0)
    return (vectors - middle) @ (centres[1] - centres[0]) > 0


def _inertia(vectors: Numbers) -> float:
    return float(np.square(vectors - vectors.mean(axis=0)).sum())
