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

RDC is largest where any function of one column meets any function of the other, be it a rare one:
two columns that share 4 % of their rows at one value each, and nothing else, reach 0.92. So the
share that one column explains of the other is measured beside it (Pearson's correlation ratio η²
between normal scores): the part of the variance of a column's score that functions of the other
column reproduce, 0.19 for these two.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scripts.descriptors.score_store import Places

Numbers = NDArray[np.float64]

# With the default basis. A larger cut-off sees less: at 1e-2 the RDC of x and cos 3x falls from
# 0.98 to 0.82, that of x and its upper 1 % from 0.86 to 0.74. A smaller one sees chance: at 1e-5
# independent normal columns of 1,000 rows reach 0.69 in 200 pairs instead of 0.25.
EIGENVALUE_CUTOFF = 1e-3
# Of the features' summed variance, which is at most 1 for the trapezoid basis. Below, float32
# products leave too few digits; 1e-5 is one row in 200,000 that differs from the others.
MIN_VARIANCE = 1e-5


@dataclass(frozen=True)
class PairBlock:
    """Covariances of the features of pairs of columns, one column of a tile and one of another.

    Attributes:
        rows, columns: (pairs,) places of the two columns in their tiles.
        overlap: (pairs,) rows of the table where both are valid.
        cross: (pairs, F, F) covariance over the overlap.
        first: (columns of the one tile, masks of the other, F, F) covariance of a column over its
            overlap with a mask.
        second: the same the other way round.
        first_masks, second_masks: (pairs,) the mask of the pair in `first` and in `second`.
    """

    rows: Places
    columns: Places
    overlap: Places
    cross: Numbers
    first: Numbers
    second: Numbers
    first_masks: Places
    second_masks: Places

    def own(self, measure: Callable[[Numbers], Numbers]) -> tuple[Numbers, Numbers]:
        """Apply `measure` once to each own covariance; return it for both sides of the pairs."""
        return (
            measure(self.first)[self.rows, self.first_masks],
            measure(self.second)[self.columns, self.second_masks],
        )

    @cached_property
    def whitened(self) -> tuple[Numbers, Numbers]:
        """The whitening of both sides' own covariances, (pairs, F, F) each."""
        return self.own(whitening)

    def defined(self, min_overlap: int) -> NDArray[np.bool_]:
        """Return which pairs share enough rows in which both columns vary, (pairs,)."""
        variance = np.minimum(*self.own(lambda own: np.trace(own, axis1=-2, axis2=-1)))
        return np.asarray((self.overlap >= max(min_overlap, 2)) & (variance > MIN_VARIANCE))


# A value a pair, or two: of the first column given the second, and of the second given the first.
Measure = Callable[[PairBlock], Numbers]


def nhsic(block: PairBlock) -> Numbers:
    """Return the nHSIC of each pair, (pairs,) in [0, 1]; anything where it is not defined."""
    first, second = block.own(lambda own: np.linalg.norm(own, axis=(-2, -1)))
    product = first * second
    squares = np.einsum("pfg,pfg->p", block.cross, block.cross)
    return np.clip(squares / np.where(product > 0, product, 1.0), 0.0, 1.0)


def rdc(block: PairBlock) -> Numbers:
    """Return the RDC of each pair, (pairs,) in [0, 1]; anything where it is not defined."""
    first, second = block.whitened
    correlation = first @ block.cross @ second.swapaxes(-1, -2)
    squares = np.linalg.eigvalsh(correlation @ correlation.swapaxes(-1, -2))
    return np.sqrt(np.clip(squares[..., -1], 0.0, 1.0))


def explained_by(direction: Numbers) -> Measure:
    """Return a measure of how much of one column's scores functions of the other reproduce.

    Args:
        direction: (F,) sum of features that stands for the score, see `features.score_direction`.

    Returns:
        A measure that gives (2, pairs) shares of variance in [0, 1]: of the first column explained
        by the second, and the other way round; anything where it is not defined.
    """

    def explained(block: PairBlock) -> Numbers:
        spreads = block.own(lambda own: np.einsum("...fg,f,g->...", own, direction, direction))
        first, second = block.whitened
        reproduced = (
            np.einsum("psg,pg->ps", second, np.einsum("pfg,f->pg", block.cross, direction)),
            np.einsum("psf,pf->ps", first, np.einsum("pfg,g->pf", block.cross, direction)),
        )
        shares = [
            np.square(found).sum(axis=-1) / np.where(spread > 0, spread, 1.0)
            for found, spread in zip(reproduced, spreads, strict=True)
        ]
        return np.clip(np.stack(shares), 0.0, 1.0)

    return explained


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
