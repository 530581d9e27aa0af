"""nHSIC and RDC of pairs of columns, from the covariances of their features.

All covariances of a pair are taken over the rows where both columns are valid (their overlap).

nHSIC (Gretton et al. 2005, biased statistic; normalised as the alignment of centred kernels, Cortes
et al. 2012): ‖C_ij‖²_F / (‖C_ii‖_F ‖C_jj‖_F). Where the features' inner product is a kernel,
‖C_ij‖²_F is the statistic itself. It is 1 for equal columns and near 0 for independent ones.

RDC (Lopez-Paz et al. 2013, with fixed functions in place of random ones): the largest canonical
correlation of the features, the top singular value of C_ii^-½ C_ij C_jj^-½. Directions with hardly
any variance are noise (rare values, float32 products) or none (columns with few distinct values),
so those below the cut-off times the largest eigenvalue are left out. Between once and twice the
cut-off a direction counts in part, so that rounding cannot switch one on or off.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scripts.descriptors.score_store import Places

Numbers = NDArray[np.float64]

EIGENVALUE_CUTOFF = 1e-3
# Of the features' summed variance, which is at most 1 for the trapezoid basis. Below, float32
# products leave too few digits; 1e-5 is one row in 200,000 that differs from the others.
MIN_VARIANCE = 1e-5


@dataclass(frozen=True)
class PairBlock:
    """Covariances of the features of one tile's columns with those of another's.

    Attributes:
        overlap: (a, b) rows where both columns are valid.
        cross: (a, b, F, F) covariance over the overlap.
        first: (a, masks of b, F, F) covariance of a column of `a` over its overlap with a mask.
        second: (b, masks of a, F, F) the same for the columns of `b`.
        first_masks: (b,) which mask of `first` is that of a column of `b`.
        second_masks: (a,) which mask of `second` is that of a column of `a`.
    """

    overlap: Places
    cross: Numbers
    first: Numbers
    second: Numbers
    first_masks: Places
    second_masks: Places

    def spread(self, of_first: Numbers, of_second: Numbers) -> tuple[Numbers, Numbers]:
        """Turn values per (column, mask) of both sides into values per pair, (a, b, …)."""
        return of_first[:, self.first_masks], of_second[:, self.second_masks].swapaxes(0, 1)

    def defined(self, min_overlap: int) -> NDArray[np.bool_]:
        """Return which pairs have enough overlap, and variance of both columns in it, (a, b)."""
        traces = self.spread(*(np.trace(side, axis1=-2, axis2=-1) for side in self._sides()))
        varied = np.minimum(*traces) > MIN_VARIANCE
        return np.asarray((self.overlap >= max(min_overlap, 2)) & varied)

    def _sides(self) -> tuple[Numbers, Numbers]:
        return self.first, self.second


Measure = Callable[[PairBlock], Numbers]


def nhsic(block: PairBlock) -> Numbers:
    """Return the nHSIC of each pair, (a, b) in [0, 1]; anything where the pair is not defined."""
    norms = block.spread(*(np.linalg.norm(side, axis=(-2, -1)) for side in block._sides()))
    product = norms[0] * norms[1]
    squares = np.einsum("abfg,abfg->ab", block.cross, block.cross)
    return np.clip(squares / np.where(product > 0, product, 1.0), 0.0, 1.0)


def rdc(block: PairBlock) -> Numbers:
    """Return the RDC of each pair, (a, b) in [0, 1]; anything where the pair is not defined."""
    first, second = block.spread(*(whitening(side) for side in block._sides()))
    correlation = first @ block.cross @ second.swapaxes(-1, -2)
    squares = np.linalg.eigvalsh(correlation @ correlation.swapaxes(-1, -2))
    return np.sqrt(np.clip(squares[..., -1], 0.0, 1.0))


def whitening(covariance: Numbers) -> Numbers:
    """Return W with W C Wᵀ = I on the directions that count.

    Args:
        covariance: (…, F, F) symmetric.

    Returns:
        (…, F, F), a row per direction; those without variance are 0.
    """
    values, vectors = np.linalg.eigh(covariance)
    floor = EIGENVALUE_CUTOFF * values[..., -1:]
    usable = floor > 0
    weight = np.clip((values - floor) / np.where(usable, floor, 1.0), 0.0, 1.0) * usable
    scale = weight / np.sqrt(np.where(weight > 0, values, 1.0))
    return np.asarray(scale[..., None] * vectors.swapaxes(-1, -2))
