"""Mid-ranks and what is made of them: centred ranks for Spearman, normal scores for VIF and HSIC.

Ranks are taken of the values as they are stored and only then cast: a cast to float32 before
ranking merges values and moves correlations.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Floats = npt.NDArray[np.floating]


def mid_ranks(values: Floats) -> npt.NDArray[np.float64]:
    """Rank a column; equal values share the mean of their ranks.

    Args:
        values: (n,) numbers; NaN and infinities are missing.

    Returns:
        (n,) ranks from 1 to the number of valid values in steps of 1/2, NaN where missing.
    """
    finite = np.isfinite(values)
    if finite.all():
        return _ranks_of_valid(values)
    ranks = np.full(len(values), np.nan)
    ranks[finite] = _ranks_of_valid(values[finite])
    return ranks


def _ranks_of_valid(values: Floats) -> npt.NDArray[np.float64]:
    order, ranks = np.argsort(values), np.empty(len(values))
    ordered = values[order]
    begins = ordered[1:] != ordered[:-1]
    if begins.all():
        ranks[order] = np.arange(1, len(values) + 1)
    else:
        starts = np.concatenate(([0], np.flatnonzero(begins) + 1))
        ends = np.append(starts[1:], len(ordered))
        ranks[order] = np.repeat((starts + ends + 1) / 2, ends - starts)
    return ranks


def centred_ranks(ranks: Floats) -> npt.NDArray[np.float64]:
    """Return twice the distance of mid-ranks from their mean.

    These are whole numbers of at most n, so that a cast to float32 is exact below 2**24 rows.

    Args:
        ranks: (n,) mid-ranks, NaN where missing.

    Returns:
        (n,) whole numbers that add up to 0, NaN where missing.
    """
    valid = np.count_nonzero(~np.isnan(ranks))
    return np.asarray(2 * ranks - (valid + 1))


def normal_scores(ranks: Floats) -> npt.NDArray[np.float64]:
    """Return van der Waerden scores: the normal quantile of rank / (number of valid values + 1).

    Args:
        ranks: (n,) mid-ranks, NaN where missing.

    Returns:
        (n,) scores, NaN where missing.
    """
    valid = np.count_nonzero(~np.isnan(ranks))
    return np.asarray(ndtri(ranks / (valid + 1)))
