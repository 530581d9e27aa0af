"""Sums of products over all rows for all pairs of features, from a store on disk in one scan.

Each chunk of 8,192 rows (2,048 for correlations on the CPU) is multiplied in float32 and added up
in float64. Chunks and tiles have fixed sizes, so that the sums do not depend on the memory that is
granted; only tiles on and above the diagonal are computed. With `exact` the products are taken in
float64 too: where the features are whole numbers and no sum exceeds 2**53, as with centred ranks of
up to 300,000 rows, the results are then exact whatever the order of rows.

Missing values are left out pair by pair: with Z the features, 0 where missing, and M the masks,
ZᵀZ, ZᵀM, (Z²)ᵀM and MᵀM give the covariance of each pair on the rows where both are valid. Columns
that are missing in the same rows share one column of M.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from scripts.descriptors.feature_store import CHUNK_ROWS, FeatureStore

# Rows of the product matrix that are multiplied at a time with all columns from their own on. Fewer
# waste less below the diagonal; a GPU needs more to be busy.
_PANEL_ROWS, _PANEL_ROWS_ON_CPU = 512, 128
ROWS_ON_CPU = 2048  # of a chunk that are multiplied at a time: a small buffer serves all
_ROWS_OF_PAIRS = 256  # rows of the matrix that are worked on at a time
# Variance in the overlap relative to the mean square, below which it counts as none: above what
# rounding leaves of an exact zero, below what two distinct ranks have.
_LEAST_VARIANCE_EXACT = 1e-11
_LEAST_VARIANCE_FLOAT32 = 1e-6

Floats = npt.NDArray[np.float64]
Tile = tuple[slice, slice]


def pick_device() -> torch.device:
    """Return the CUDA device where one is visible, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class TileSums:
    """Adds up products of features, tile by tile.

    Args:
        tiles: (rows, columns) of the product matrix that are wanted.
        device: where to compute.
        exact: take the products in float64.
    """

    def __init__(self, tiles: Sequence[Tile], device: torch.device, *, exact: bool) -> None:
        self.tiles, self.device = list(tiles), device
        self.type = torch.float64 if exact else torch.float32
        self._sums = [
            torch.zeros(
                rows.stop - rows.start,
                columns.stop - columns.start,
                dtype=torch.float64,
                device=device,
            )
            for rows, columns in self.tiles
        ]

    def add(self, chunk: torch.Tensor) -> None:
        """Add the products of a chunk of features, (features, rows), of `self.type`."""
        for (rows, columns), total in zip(self.tiles, self._sums, strict=True):
            total += chunk[rows] @ chunk[columns].T

    def sums(self) -> list[Floats]:
        """Return the sums, one array a tile."""
        return [total.cpu().numpy() for total in self._sums]


def upper_panels(columns: int, device: torch.device) -> list[Tile]:
    """Return the pieces of a (columns, columns) matrix on and above the diagonal, by rows."""
    height = _PANEL_ROWS_ON_CPU if device.type == "cpu" else _PANEL_ROWS
    return [
        (slice(start, min(start + height, columns)), slice(start, columns))
        for start in range(0, columns, height)
    ]


@dataclass(frozen=True)
class Products:
    """Sums over rows for all pairs of p columns with G distinct masks.

    Attributes:
        mask_of: (p,) number of each column's mask.
        overlap_of_masks: (G, G) rows in which two masks are both valid.
        sums: (p, G) sum of a column over the rows in which a mask is valid.
        squares: (p, G) the same of its squares.
        cross: (p, p) sum of products over the rows in which both columns are valid.
        exact: whether products were taken in float64.
    """

    mask_of: npt.NDArray[np.int64]
    overlap_of_masks: npt.NDArray[np.int64]
    sums: Floats
    squares: Floats
    cross: Floats
    exact: bool

    def overlap(self) -> npt.NDArray[np.int64]:
        """Return (p, p) the number of rows in which both columns are valid."""
        return np.asarray(self.overlap_of_masks[np.ix_(self.mask_of, self.mask_of)])

    def spreads(self) -> Floats:
        """Return (p, G) Σ (z - mean)² of each column over its overlap with each mask.

        NaN where it counts as none.
        """
        shared = self.overlap_of_masks[self.mask_of]
        with np.errstate(invalid="ignore", divide="ignore"):
            spreads = self.squares - self.sums**2 / shared
            least = _LEAST_VARIANCE_EXACT if self.exact else _LEAST_VARIANCE_FLOAT32
            spreads[~(spreads > least * self.squares)] = np.nan
        return np.asarray(spreads)


def masked_products(
    store: FeatureStore,
    *,
    device: torch.device,
    exact: bool = False,
    chunk_done: Callable[[], None] = lambda: None,
) -> Products:
    """Compute the products that correlations with missing values need, in one scan.

    Args:
        store: (n, p) features, NaN where missing.
        device: where to compute.
        exact: take the products in float64; see the module's head.
        chunk_done: called after each chunk.
    """
    mask_of, first = store.mask_of, store.masked_by()
    masks = len(first)
    cross = TileSums(upper_panels(store.columns, device), device, exact=exact)
    by_mask = torch.zeros(2, store.columns, masks, dtype=torch.float64, device=device)
    shared = torch.zeros(masks, masks, dtype=torch.float64, device=device)
    chosen = torch.from_numpy(first).to(device)
    complete = bool((store.valid == store.rows).all())
    rows = min(store.rows, CHUNK_ROWS if device.type == "cuda" else ROWS_ON_CPU)
    buffer = torch.empty(store.columns * rows, dtype=cross.type, device=device)
    for chunk in store.chunks():
        for span in chunk.split(rows, dim=1):
            part = buffer[: span.numel()].view(span.shape).copy_(span)
            if not complete:
                valid = (~torch.isnan(part[chosen])).to(cross.type)
                part.nan_to_num_(nan=0.0)
            cross.add(part)
            if masks > 1:
                shared += valid @ valid.T
                by_mask[0] += part @ valid.T
                by_mask[1] += part.square_() @ valid.T
        chunk_done()
    sums, squares = by_mask.cpu().numpy()
    overlap = shared.cpu().numpy()
    # On its own mask a column's sums are known from writing, in float64.
    own = np.arange(store.columns), mask_of
    sums[own], squares[own] = store.sums, store.squares
    np.fill_diagonal(overlap, store.valid[first])
    return Products(
        mask_of, overlap.astype(np.int64), sums, squares, _symmetric(cross, store), exact
    )


def _symmetric(cross: TileSums, store: FeatureStore) -> Floats:
    whole = np.empty((store.columns, store.columns))
    for (rows, columns), total in zip(cross.tiles, cross.sums(), strict=True):
        whole[rows, columns] = total
        whole[columns, rows] = total.T
        # A tile on the diagonal is symmetric up to rounding; its upper half stands for both.
        inner = whole[rows, rows]
        inner[:] = np.triu(inner) + np.triu(inner, 1).T
    np.fill_diagonal(whole, store.squares)
    return whole


def correlation_of(products: Products, min_overlap: int) -> tuple[Floats, npt.NDArray[np.int32]]:
    """Return Pearson's correlation of each pair of columns on the rows where both are valid.

    Args:
        products: of (n, p) features.
        min_overlap: fewest rows that two columns must share.

    Returns:
        (p, p) correlations in [-1, 1] and the (p, p) overlaps. A correlation is NaN where the
        overlap is too small or a column has no variance in it; the diagonal is 1.
    """
    mask_of = products.mask_of
    spreads, rho = products.spreads(), np.empty_like(products.cross)
    for start in range(0, len(mask_of), _ROWS_OF_PAIRS):
        rows = slice(start, start + _ROWS_OF_PAIRS)
        masks = mask_of[rows]
        shared = products.overlap_of_masks[masks][:, mask_of]
        means = products.sums[rows][:, mask_of] * products.sums[:, masks].T
        norms = np.sqrt(spreads[rows][:, mask_of] * spreads[:, masks].T)
        with np.errstate(invalid="ignore", divide="ignore"):
            block = (products.cross[rows] - means / shared) / norms
        block[shared < min_overlap] = np.nan
        rho[rows] = np.clip(block, -1, 1)
    np.fill_diagonal(rho, 1)
    return rho, products.overlap().astype(np.int32)
