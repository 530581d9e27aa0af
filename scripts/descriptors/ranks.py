"""Mid-ranks and what is made of them: centred ranks for Spearman, normal scores for VIF and HSIC.

Ranks are taken of the values as they are stored and only then cast: a cast to float32 before
ranking merges values and moves correlations.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

_LOOKED_AT = 64  # values of a column, before all of them
_LONGEST_RANGE = 4  # of whole numbers that are counted, as a multiple of the number of values

Floats = npt.NDArray[np.floating]
Ranks = npt.NDArray[np.float64]


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


def _ranks_of_valid(values: Floats) -> Ranks:
    """Return the mid-ranks of numbers none of which is missing."""
    wide = np.ascontiguousarray(values, np.float64)
    counted = _ranks_by_counting(wide)
    return _ranks_by_sorting(wide) if counted is None else counted


def _ranks_by_counting(values: Ranks) -> Ranks | None:
    """Return the mid-ranks of whole numbers of a short range, None of others."""
    some = values[:_LOOKED_AT]
    if not len(some) or (some != np.rint(some)).any():
        return None
    lowest = values.min()
    with np.errstate(over="ignore"):
        longest = values.max() - lowest
    if longest > _LONGEST_RANGE * len(values):
        return None
    above = values - lowest
    places = above.astype(np.int64)
    # Not of the difference, which rounding may have made whole.
    if not np.array_equal(places + lowest, values):
        return None
    counts = np.bincount(places)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[places])


def _ranks_by_sorting(values: Ranks) -> Ranks:
    order, ordered = _sorted(values)
    ranks = np.empty(len(values))
    begins = ordered[1:] != ordered[:-1]
    if begins.all():
        ranks[order] = np.arange(1, len(values) + 1)
    else:
        starts = np.concatenate(([0], np.flatnonzero(begins) + 1))
        ends = np.append(starts[1:], len(ordered))
        ranks[order] = np.repeat((starts + ends + 1) / 2, ends - starts)
    return ranks


def _sorted(values: Ranks) -> tuple[npt.NDArray[np.int64], Ranks]:
    """Return an order that sorts numbers, and the numbers in it.

    Sorting whole numbers takes less time than an indirect sort. So each place is written into the
    last bits of its value's pattern, which for floating-point numbers rises with the value (the
    other way round below zero). Values that differ in no other bit are put right afterwards; those
    that were float32 never do.
    """
    low = np.int64((1 << len(values).bit_length()) - 1)
    keys = values.view(np.int64)
    keys = keys ^ (keys >> 63 & np.iinfo(np.int64).max)
    keys &= ~low
    keys |= np.arange(len(values))
    keys.sort()
    order = keys & low
    ordered = values[order]
    falls = np.flatnonzero(ordered[1:] < ordered[:-1])
    if len(falls):
        group = np.cumsum(keys[1:] ^ keys[:-1] > low)
        mixed = np.zeros(group[-1] + 1, bool)
        mixed[group[falls]] = True
        places = np.flatnonzero(mixed[np.concatenate(([0], group))])
        right = places[np.argsort(ordered[places])]
        order[places], ordered[places] = order[right], ordered[right]
    return order, ordered


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
