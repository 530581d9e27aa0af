"""Second implementations for pairs of columns, in float64 and by definition."""

import numpy as np
from scipy.stats import norm, rankdata

CUTOFF = 1e-3


def scores_of(values: np.ndarray) -> np.ndarray:
    """Normal scores of each column's mid-ranks, by scipy; NaN stays missing."""
    scores = np.full(values.shape, np.nan)
    for column in range(values.shape[1]):
        valid = ~np.isnan(values[:, column])
        ranks = rankdata(values[valid, column])
        scores[valid, column] = norm.ppf(ranks / (valid.sum() + 1))
    return scores


def centred_kernel(scores: np.ndarray) -> np.ndarray:
    """HKH of the Gaussian kernel with σ = 1."""
    kernel = np.exp(-((scores[:, None] - scores[None]) ** 2) / 2)
    means = kernel.mean(axis=0)
    return kernel - means[:, None] - means[None] + kernel.mean()


def exact_nhsic(first: np.ndarray, second: np.ndarray) -> float:
    """nHSIC of two centred kernels; tr(KHLH)/n² (Gretton et al. 2005, eq. 9), normalised."""
    own = (first * first).mean() * (second * second).mean()
    return float((first * second).mean() / np.sqrt(own))


def trapezoid(scores: np.ndarray, frequencies: int = 4, step: float = 0.75) -> np.ndarray:
    """(n, 2D) features, written out frequency by frequency."""
    places = [(k + 0.5) * step for k in range(frequencies)]
    weights = [np.exp(-(w**2) / 2) for w in places]
    columns = []
    for w, weight in zip(places, weights, strict=True):
        root = np.sqrt(weight / sum(weights))
        columns += [root * np.sin(w * scores), root * np.cos(w * scores)]
    return np.stack(columns, axis=1)


def cosines(scores: np.ndarray, frequencies: int = 6) -> np.ndarray:
    """(n, K) cosines of the rank."""
    ranks = norm.cdf(scores)
    return np.stack(
        [np.sqrt(2) * np.cos(np.pi * k * ranks) for k in range(1, frequencies + 1)], axis=1
    )


def feature_nhsic(first: np.ndarray, second: np.ndarray) -> float:
    """nHSIC from features (n, F) of two columns, via their Gram matrices."""
    first, second = first - first.mean(0), second - second.mean(0)
    one, other = first @ first.T, second @ second.T
    return float((one * other).sum() / np.sqrt((one * one).sum() * (other * other).sum()))


def canonical_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Largest canonical correlation of features (n, F), by singular values of the data.

    Left singular vectors below the cut-off (a variance is a squared singular value) are dropped,
    and damped linearly up to twice the cut-off.
    """
    bases = []
    for features in (first, second):
        vectors, values, _ = np.linalg.svd(features - features.mean(0), full_matrices=False)
        share = values**2 / values[0] ** 2
        bases.append(vectors * np.clip(share / CUTOFF - 1, 0, 1))
    return float(np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)[0])
