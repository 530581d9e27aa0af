"""How far the masked rank correlation of a pair can lie from the one that ranks the pair anew.

The masked correlation takes the ranks r of a column among all its valid values and correlates them
on the rows that the pair shares; Spearman's coefficient of the pair ranks anew among these rows,
r'. With d values of the column outside the m shared rows, r = r' + D, where D counts the outside
values below (those that are equal by half): D rises with the value, from 0 to d at most. Both
correlations are cosines of angles between centred vectors, so they differ by no more than the
angle between r and r' of the one column and that of the other (the triangle inequality on the
sphere). For any factor a < 1, r' = (1 - a) r - (D - a r), hence

    sin angle(r, r') <= ||D - a r|| / ((1 - a) ||r||),  norms after centring.

First bound: a = 0 and ||D|| <= d sqrt(m) / 2, a bounded variable (Popoviciu). Second bound, a few
times sharper: a = d / n, and D is known at the edges of `BINS` bins of r from the number of shared
rows in each bin. Both hold for every table, with ties; nothing is estimated.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from scripts.descriptors.feature_store import FeatureStore
from scripts.descriptors.products import Products

BINS = 16
_ROUNDING = 1e-7  # radians; arccos near 1 loses half of the digits
_HELD_BYTES = 256 << 20
_COLUMNS_AT_A_TIME = 32
_ROWS_OF_PAIRS = 256

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


def angles_by_count(products: Products, valid: Whole) -> Floats:
    """Return (p, G) the first bound for each column and mask, in radians; NaN where undefined.

    Args:
        products: of centred, doubled ranks.
        valid: (p,) number of each column's valid values.
    """
    shared = products.overlap_of_masks[products.mask_of]
    outside = valid[:, None] - shared
    with np.errstate(invalid="ignore", divide="ignore"):
        # Twice the ranks have twice the norm, which takes the place of the 2 below d sqrt(m).
        sine = outside * np.sqrt(shared) / np.sqrt(products.spreads())
    return np.arcsin(np.minimum(sine, 1))


def angles_by_bins(
    store: FeatureStore,
    products: Products,
    columns: Whole,
    *,
    device: torch.device,
    chunk_done: Callable[[], None] = lambda: None,
) -> Floats:
    """Return (len(columns), G) the second bound for some columns and each mask, in radians.

    Args:
        store: centred, doubled ranks.
        products: of the store.
        columns: numbers of the columns.
        device: where to compute.
        chunk_done: called after each chunk of each scan.
    """
    masks = len(products.overlap_of_masks)
    held = max(_COLUMNS_AT_A_TIME, _HELD_BYTES // (4 * BINS * masks))
    first = torch.from_numpy(store.masked_by())
    bounds = np.empty((len(columns), masks))
    for start in range(0, len(columns), held):
        part = columns[start : start + held]
        counts = torch.zeros(len(part), BINS, masks, device=device)
        # One bin more, for missing values.
        lowest = torch.full((len(part), BINS + 1), np.inf, device=device)
        highest = -lowest
        valid = torch.from_numpy(store.valid[part]).to(device)[:, None]
        for chunk in store.chunks():
            masked = (~torch.isnan(chunk[first])).to(device, torch.float32)
            ranks = chunk[torch.from_numpy(part)].to(device)
            bins = _bins_of(ranks, valid)
            lowest.scatter_reduce_(1, bins, ranks.nan_to_num(nan=np.inf), "amin")
            highest.scatter_reduce_(1, bins, ranks.nan_to_num(nan=-np.inf), "amax")
            for at in range(0, len(part), _COLUMNS_AT_A_TIME):
                some = slice(at, at + _COLUMNS_AT_A_TIME)
                inside = bins[some, None, :] == torch.arange(BINS, device=device)[None, :, None]
                counts[some] += inside.to(torch.float32) @ masked.T
            chunk_done()
        for place, column in enumerate(part):
            bounds[start + place] = _bound_of_column(
                counts[place].cpu().numpy().astype(np.float64),
                lowest[place, :BINS].cpu().numpy().astype(np.float64),
                highest[place, :BINS].cpu().numpy().astype(np.float64),
                int(products.mask_of[column]),
            )
    with np.errstate(invalid="ignore", divide="ignore"):
        shared = products.overlap_of_masks[products.mask_of[columns]]
        norms = shared / store.valid[columns, None] * np.sqrt(products.spreads()[columns]) / 2
        return np.asarray(np.arcsin(np.minimum(bounds / norms, 1)))


def _bins_of(ranks: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return the bin of each rank, equal ranks in one; `BINS` where missing."""
    bins = ((ranks + valid) * (BINS / 2) / valid).floor().clamp(0, BINS - 1)
    return bins.nan_to_num(nan=BINS).to(torch.int64)


def _bound_of_column(counts: Floats, lowest: Floats, highest: Floats, own: int) -> Floats:
    """Bound ||D - a r|| for each mask.

    Args:
        counts: (bins, G) shared rows by bin.
        lowest: (bins,) smallest centred, doubled rank of each bin, inf in an empty one.
        highest: (bins,) the largest.
        own: number of the column's own mask, whose counts are those of all valid values.
    """
    filled = counts[:, own] > 0
    counts, lowest, highest = counts[filled], lowest[filled, None], highest[filled, None]
    outside = counts[:, [own]] - counts
    above = np.cumsum(outside, axis=0)
    factor = outside.sum(axis=0) / counts[:, own].sum()
    least = above - outside - factor * highest / 2
    most = above - factor * lowest / 2
    single = lowest == highest
    middle = (least + most) / 2
    half = np.where(single, 0, (most - least) / 2)
    with np.errstate(invalid="ignore"):
        centre = (counts * middle).sum(axis=0) / counts.sum(axis=0)
    return np.asarray(np.sqrt((counts * (np.abs(middle - centre) + half) ** 2).sum(axis=0)))


def doubtful_pairs(rho: Floats, angles: Floats, mask_of: Whole, threshold: float) -> Whole:
    """Return (k, 2) the pairs i < j whose exact coefficient may lie across the threshold.

    Args:
        rho: (p, p) masked correlations, NaN where undefined.
        angles: (p, G) bounds of the angle between old and new ranks, 0 where a mask hides nothing.
        mask_of: (p,) number of each column's mask.
        threshold: of |rho|.
    """
    wanted = np.arccos(threshold)
    found = []
    for start in range(0, len(rho), _ROWS_OF_PAIRS):
        rows = slice(start, start + _ROWS_OF_PAIRS)
        bound = angles[rows][:, mask_of] + angles[:, mask_of[rows]].T
        distance = np.abs(np.arccos(np.abs(rho[rows])) - wanted)
        with np.errstate(invalid="ignore"):
            doubtful = (bound > 0) & (distance <= bound + _ROUNDING)
        one, other = np.nonzero(doubtful)
        one += start
        upper = one < other
        found.append(np.stack([one[upper], other[upper]], axis=1))
    return np.concatenate(found).astype(np.int64)
