"""How far two partitions of the same descriptors agree."""

import numpy as np

from scripts.descriptors.similarity_graph import Indices


def adjusted_rand_index(first: Indices, second: Indices) -> float:
    """Return the adjusted Rand index (Hubert & Arabie 1985), 1 for equal partitions, 0 by chance.

    scikit-learn has the same, and takes a second to import.

    Args:
        first: (p,) labels from 0.
        second: (p,) labels from 0.
    """
    pairs = _pairs(np.array([first.size]))
    joint = first * (second.max(initial=-1) + 1) + second
    together = _pairs(np.unique(joint, return_counts=True)[1])
    in_first, in_second = _pairs(np.bincount(first)), _pairs(np.bincount(second))
    most = (in_first + in_second) / 2
    expected = in_first * in_second / pairs if pairs else 0.0
    # Equal only where both are one cluster, or both are all singletons.
    return (together - expected) / (most - expected) if most != expected else 1.0


def _pairs(sizes: Indices) -> float:
    """Return the number of pairs within groups of these sizes."""
    return float((sizes * (sizes - 1) // 2).sum())
