"""Clusters of similar descriptors: Leiden with restarts, complete linkage, connected components.

All three work on the same graph, an edge wherever the similarity reaches the threshold. Leiden
maximizes the constant Potts model with a resolution tied to that threshold: a descriptor joins a
community where its mean similarity to it, counted as 0 without an edge, exceeds the resolution.
Complete linkage keeps every pair of a cluster at the threshold. Components chain, and are here to
be compared with.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from scripts.common.errors import ConfigError
from scripts.descriptors.leiden import Restart, best_partition
from scripts.descriptors.similarity_graph import (
    Indices,
    Numbers,
    canonical_labels,
    component_labels,
    cpm_quality,
    similarity_graph,
)

METHODS = ("leiden", "complete", "components")
PATIENCE = 5
_APART = 2.0  # a distance above that of any edge


@dataclass(frozen=True)
class Communities:
    """A partition of descriptors.

    Attributes:
        labels: (p,) cluster of each descriptor, numbered from 0 in order of the first name.
        quality: of the constant Potts model at the same resolution, whatever the method.
        restarts: the runs that Leiden's partition was chosen from; empty for other methods.
        settled: whether further restarts are not expected to find anything better.
    """

    labels: Indices
    quality: float
    restarts: list[Restart] = field(default_factory=list)
    settled: bool = True


def check_clustering(threshold: float, method: str, resolution_ratio: float, restarts: int) -> None:
    """Check the settings of a clustering.

    Raises:
        ConfigError: a value is out of its range.
    """
    if not 0 < threshold <= 1:
        raise ConfigError(f"similarity threshold {threshold} is not in (0, 1]; give such a number")
    if method not in METHODS:
        raise ConfigError(f"method '{method}' is unknown; give one of {', '.join(METHODS)}")
    if not 0 < resolution_ratio < 1:
        raise ConfigError(
            f"resolution_ratio {resolution_ratio} is not between 0 and 1; at 1 and above, "
            "descriptors whose similarity is just at the threshold stay alone"
        )
    if restarts < 1:
        raise ConfigError(f"restarts is {restarts}; give a whole number of at least 1")


def communities(
    similarity: Numbers,
    names: Sequence[str],
    threshold: float,
    method: str,
    *,
    resolution_ratio: float,
    restarts: int,
    seed: int,
    patience: int = PATIENCE,
) -> Communities:
    """Cluster descriptors by their similarity; the order in which they come does not matter.

    Args:
        similarity: (p, p), symmetric, in [0, 1]; NaN where undefined, which is never an edge.
        names: (p,) distinct names.
        threshold: least similarity of an edge, in (0, 1].
        method: "leiden", "complete" or "components".
        resolution_ratio: Leiden's resolution as a share of the threshold, in (0, 1).
        restarts: most runs of Leiden.
        seed: seed of the run.
        patience: how often the best quality must come back to end the restarts earlier.

    Raises:
        ConfigError: a setting is out of its range.
    """
    check_clustering(threshold, method, resolution_ratio, restarts)
    order = np.array(sorted(range(len(names)), key=lambda place: names[place]), dtype=np.int64)
    by_name = similarity[np.ix_(order, order)]
    resolution = resolution_ratio * threshold
    graph = similarity_graph(by_name, threshold)
    runs: list[Restart] = []
    settled = True
    if method == "leiden":
        best = best_partition(
            graph,
            [names[place] for place in order],
            resolution=resolution,
            restarts=restarts,
            patience=patience,
            seed=seed,
        )
        found, runs, settled = best.labels, best.restarts, best.settled
    elif method == "complete":
        found = _complete_linkage_labels(by_name, threshold)
    else:
        found = component_labels(graph)
    labels = np.empty_like(found)
    labels[order] = found
    return Communities(labels, cpm_quality(graph, found, resolution), runs, settled)


def _complete_linkage_labels(similarity: Numbers, threshold: float) -> Indices:
    """Return clusters in which every pair has an edge.

    All pairs without an edge get one and the same distance above the cut. Merges below the cut are
    the same as with any other, and undefined similarities and rounding at the threshold do no harm.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if similarity.shape[0] < 2:
        return np.zeros(similarity.shape[0], dtype=np.int64)
    distance = np.where(similarity >= threshold, np.maximum(1.0 - similarity, 0.0), _APART)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method="complete")
    return canonical_labels(fcluster(tree, t=1.0, criterion="distance"))
