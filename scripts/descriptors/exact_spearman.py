"""Spearman's coefficient of single pairs, ranked anew on the rows that the pair shares.

New ranks are counted, not sorted: the ranks in the store are whole numbers. Twice the new ranks,
centred, are whole numbers too, and sums of their products stay below 2**53 for up to `MOST_ROWS`
rows, so that they are exact in float64 in any order of rows.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from scripts.descriptors.feature_store import FeatureStore

MOST_ROWS = 300_000  # n**3 / 3 < 2**53
DECIMALS = 12  # beyond rounding of the last division; a coefficient that is 0.95 becomes 0.95
_BYTES_PER_VALUE = 40  # stored, new and doubled ranks of a column, and its share of the counting

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


def exact_coefficients(
    store: FeatureStore,
    pairs: Whole,
    *,
    memory_mb: float,
    tile_done: Callable[[int], None] = lambda pairs: None,
) -> Floats:
    """Return Spearman's coefficient of each pair on the rows where both are valid.

    Args:
        store: (n, p) centred, doubled ranks, NaN where missing; n at most `MOST_ROWS`.
        pairs: (k, 2) numbers of columns.
        memory_mb: memory for columns.
        tile_done: called with the number of pairs that are done, tile after tile.

    Returns:
        (k,) coefficients, rounded to 12 decimals; NaN where a column does not vary.
    """
    if store.rows > MOST_ROWS:
        raise ValueError(f"{store.rows} rows are more than {MOST_ROWS}")
    width = max(1, int(memory_mb * 1e6 / (2 * _BYTES_PER_VALUE * store.rows)))
    mask_of, coefficients = store.mask_of, np.empty(len(pairs))
    for members in _groups(pairs // width):
        columns = np.unique(pairs[members])
        ranks = dict(zip(columns.tolist(), store.read_columns(columns.tolist()), strict=True))
        for same in _groups(mask_of[pairs[members]]):
            chosen = members[same]
            coefficients[chosen] = _of_two_masks(ranks, store.valid, pairs[chosen])
        tile_done(len(members))
    return coefficients


def _groups(keys: Whole) -> Iterator[Whole]:
    """Yield the places of equal rows of `keys`, (k, 2), in the order of the keys."""
    order = np.lexsort((keys[:, 1], keys[:, 0]))
    ordered = keys[order]
    cuts = np.flatnonzero((ordered[1:] != ordered[:-1]).any(axis=1)) + 1
    yield from np.split(order, cuts)


def _of_two_masks(ranks: dict[int, npt.NDArray[np.float32]], valid: Whole, pairs: Whole) -> Floats:
    """Return the coefficients of pairs whose first columns share a mask, and the second ones."""
    one, other = pairs[0]
    shared = np.flatnonzero(~(np.isnan(ranks[one]) | np.isnan(ranks[other])))
    sides = []
    for side in (0, 1):
        columns, places = np.unique(pairs[:, side], return_inverse=True)
        again = np.stack([ranked_again(ranks[c][shared], int(valid[c])) for c in columns])
        sides.append((again, places))
    (left, at_left), (right, at_right) = sides
    products = (left @ right.T)[at_left, at_right]
    squares = [np.einsum("ij,ij->i", again, again)[places] for again, places in sides]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.round(products / np.sqrt(squares[0] * squares[1]), DECIMALS))


def ranked_again(ranks: npt.NDArray[np.float32], valid: int) -> Floats:
    """Return centred, doubled mid-ranks of some of a column's values.

    Args:
        ranks: (m,) centred, doubled mid-ranks among all valid values.
        valid: number of all valid values.
    """
    places = ranks.astype(np.int64) + (valid + 1)
    counts = np.bincount(places, minlength=2 * valid + 1)
    again = 2 * np.cumsum(counts) - counts - len(ranks)
    return again[places].astype(np.float64)
