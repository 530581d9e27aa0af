"""Simplified Silhouette: how much nearer texts are to their own cluster's centre than to others."""

import numpy as np

from scripts.retrieval.token_vectors import Indices, Numbers


def simplified_silhouette(own: Numbers, others: Numbers, labels: Indices) -> float:
    """Return the mean of (b - a) / max(a, b), in [-1, 1].

    a is the distance to the own centre, b that to the nearest other one (Hruschka, Campello & de
    Castro 2006, equation 2); a text alone in its cluster counts 0, as in Rousseeuw's silhouette.

    Args:
        own: (n,) a of each text; not read where it is alone.
        others: (n, k) distance of each text to each centre; that to its own is not read.
        labels: (n,) each text's cluster, 0 to k - 1, k at least 2.
    """
    rows = np.arange(len(labels))
    foreign = others.copy()
    foreign[rows, labels] = np.inf
    nearest = foreign.min(axis=1)
    largest = np.maximum(own, nearest)
    alone = np.bincount(labels, minlength=others.shape[1])[labels] == 1
    counted = ~alone & (largest > 0)
    values = np.zeros(len(labels))
    values[counted] = (nearest[counted] - own[counted]) / largest[counted]
    return float(values.mean())
