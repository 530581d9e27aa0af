"""How tight and how far apart a memory's clusters are, by the usual indices.

Distances between texts are Euclidean ones of their text vectors. An index is None where it is
undefined, which no number could say.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scripts.retrieval.tables import NO_CLUSTER
from scripts.retrieval.token_vectors import Indices, Numbers, Vectors

_BLOCK_ROWS = 512  # of the matrix of distances


class Cohesion(NamedTuple):
    """Indices of a clustering; k clusters of n texts.

    Attributes:
        within: mean distance δ of texts to their cluster's prototype; None if none is known.
        silhouette: mean of (b - a) / max(a, b) over texts, a being the mean distance to the other
            texts of the cluster, b the least mean distance to another cluster's texts; a text alone
            counts 0 (Rousseeuw 1987). Higher is better. None unless 2 ≤ k < n.
        davies_bouldin: mean over clusters of the largest (r_i + r_j) / d(i, j), r being the mean
            distance to the centre and d that of centres (Davies & Bouldin 1979). Lower is better.
            None for one cluster, or where two centres are the same.
        dunn: least distance between texts of two clusters as a share of the largest distance
            within one (Dunn 1974). Higher is better. None for one cluster, or where all texts of
            each cluster are the same.
        wcss: sum of squared distances to the centres; None without texts.
        calinski_harabasz: (B / (k - 1)) / (WCSS / (n - k)), B being the sum over texts of squared
            distances from their cluster's centre to the common one (Caliński & Harabasz 1974).
            Higher is better. None unless 2 ≤ k < n, or where WCSS is 0.
        purity: share of texts that are of the most frequent domain of their cluster, among texts
            whose domain is known; None if none is.
    """

    within: float | None
    silhouette: float | None
    davies_bouldin: float | None
    dunn: float | None
    wcss: float | None
    calinski_harabasz: float | None
    purity: float | None


def cohesion(
    vectors: Vectors, labels: Indices, measured: Numbers, domains: Sequence[str | None]
) -> Cohesion:
    """Return the indices of a clustering of texts; those without cluster are left out.

    Args:
        vectors: (texts, d) text vectors.
        labels: (texts,) cluster of each, any numbers, or NO_CLUSTER.
        measured: (texts,) δ of each to its cluster's prototype, NaN where not known.
        domains: (texts,) of each, None where unknown.
    """
    chosen = np.flatnonzero(labels != NO_CLUSTER)
    points = vectors[chosen].astype(np.float64)
    found, label = np.unique(labels[chosen], return_inverse=True)
    n, k = len(chosen), len(found)
    known = measured[chosen][~np.isnan(measured[chosen])]
    within = float(known.mean()) if known.size else None
    purity = _purity(label, [domains[text] for text in chosen.tolist()])
    if n == 0:
        return Cohesion(within, None, None, None, None, None, purity)
    centres = np.stack([points[label == cluster].mean(axis=0) for cluster in range(k)])
    to_centre = np.linalg.norm(points - centres[label], axis=1)
    wcss = float(np.square(to_centre).sum())
    if k < 2:
        return Cohesion(within, None, None, None, wcss, None, purity)
    silhouette, apart, diameter = _pairwise(points, label, k)
    between = float(np.square(centres[label] - points.mean(axis=0)).sum())
    return Cohesion(
        within=within,
        silhouette=silhouette if k < n else None,
        davies_bouldin=_davies_bouldin(centres, label, to_centre),
        dunn=apart / diameter if diameter > 0 else None,
        wcss=wcss,
        calinski_harabasz=(between / (k - 1)) / (wcss / (n - k)) if k < n and wcss > 0 else None,
        purity=purity,
    )


def _pairwise(points: Numbers, label: Indices, k: int) -> tuple[float, float, float]:
    """Return the silhouette, the least distance between clusters and the largest within one."""
    n, sizes = len(points), np.bincount(label, minlength=k)
    order = np.argsort(label, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    squares = np.square(points).sum(axis=1)
    total, apart, diameter = 0.0, np.inf, 0.0
    for start in range(0, n, _BLOCK_ROWS):
        rows = np.arange(start, min(start + _BLOCK_ROWS, n))
        product = points[rows] @ points[order].T
        distance = np.sqrt(np.maximum(squares[rows, None] + squares[order] - 2 * product, 0))
        # Rounding leaves the distance of a text from itself above 0.
        distance[rows[:, None] == order] = 0.0
        own = label[rows, None] == label[order]
        apart = min(apart, float(np.where(own, np.inf, distance).min()))
        diameter = max(diameter, float(np.where(own, distance, 0).max()))
        sums = np.add.reduceat(distance, starts, axis=1)
        mine = label[rows]
        place = np.arange(len(rows))
        others = sizes[mine] - 1
        a = sums[place, mine] / np.maximum(others, 1)
        means = sums / sizes
        means[place, mine] = np.inf
        b = means.min(axis=1)
        largest = np.maximum(a, b)
        counted = (others > 0) & (largest > 0)
        total += float(((b - a)[counted] / largest[counted]).sum())
    return total / n, apart, diameter


def _davies_bouldin(centres: Numbers, label: Indices, to_centre: Numbers) -> float | None:
    from scipy.spatial.distance import cdist

    spread = np.bincount(label, to_centre) / np.bincount(label)
    apart = cdist(centres, centres)
    np.fill_diagonal(apart, np.inf)
    if (apart == 0).any():
        return None
    return float(((spread[:, None] + spread) / apart).max(axis=1).mean())


def _purity(label: Indices, domains: Sequence[str | None]) -> float | None:
    counts = Counter(
        (int(cluster), domain)
        for cluster, domain in zip(label, domains, strict=True)
        if domain is not None
    )
    if not counts:
        return None
    most: dict[int, int] = {}
    for (cluster, _), texts in counts.items():
        most[cluster] = max(most.get(cluster, 0), texts)
    return sum(most.values()) / counts.total()
