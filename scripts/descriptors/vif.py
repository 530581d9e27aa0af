"""Elimination of collinear columns by their variance inflation factors, on a correlation matrix.

VIF_i = (R⁻¹)_ii = 1 / (1 − R_i²), with R_i² of the regression of column i on all others (Marquardt
1970; Belsley, Kuh & Welsch 1980). The inverse is computed once; removing column k leaves
P − P_·k P_k· / P_kk without row and column k (the Schur complement), O(p²) a step.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scripts.common.errors import ConfigError

Matrix = NDArray[np.float64]

# Steps after which the inverse is computed afresh, so that rounding does not add up.
REFRESH_STEPS = 128
# Error of a diagonal entry of R P at which it is computed afresh before its time.
_RESIDUAL = 1e-8
# Relative difference below which two VIFs, or two similarities, are equal up to rounding.
_TIE = 1e-9
_ROWS_AT_A_TIME = 32  # a block of the update that stays in the cache


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues (ascending) and eigenvectors (columns) of a symmetric matrix."""

    values: Matrix
    vectors: Matrix

    @property
    def smallest(self) -> float:
        """The smallest eigenvalue; 1 of a matrix without rows."""
        return float(self.values[0]) if self.values.size else 1.0


@dataclass(frozen=True)
class Projection:
    """A positive definite correlation matrix and its inverse.

    Attributes:
        matrix: (p, p), unit diagonal.
        inverse: (p, p).
        smallest: smallest eigenvalue before the projection.
        clipped: number of eigenvalues that were raised to the floor; 0 leaves the matrix as it was.
    """

    matrix: Matrix
    inverse: Matrix
    smallest: float
    clipped: int


@dataclass(frozen=True)
class Step:
    """One removal.

    Attributes:
        removed: place of the removed column.
        vif: its variance inflation factor then.
        heir: place of the remaining column that is most similar.
        similarity: |ρ| of the two in the unprojected matrix; 0 where it is undefined.
        remaining: columns left afterwards.
    """

    removed: int
    vif: float
    heir: int
    similarity: float
    remaining: int


@dataclass(frozen=True)
class Elimination:
    """What an elimination did.

    Attributes:
        steps: the removals, in order.
        remaining: places of the columns that stay, ascending.
        vif: their variance inflation factors.
        refreshes: how often the inverse was computed afresh.
    """

    steps: list[Step]
    remaining: NDArray[np.int64]
    vif: Matrix
    refreshes: int


def defined_correlation(correlation: Matrix) -> Matrix:
    """Return a copy that is symmetric with a unit diagonal, and 0 where a pair is undefined.

    ASSUME a pair whose overlap is too small to measure is unrelated: it inflates no variance.
    """
    defined = np.where(np.isfinite(correlation), correlation, 0.0)
    defined = (defined + defined.T) / 2
    np.clip(defined, -1.0, 1.0, out=defined)
    np.fill_diagonal(defined, 1.0)
    return defined


def spectrum_of(correlation: Matrix) -> Spectrum:
    """Return the eigenvalues and eigenvectors of a symmetric matrix (p, p)."""
    if correlation.size == 0:
        return Spectrum(np.empty(0), np.empty((0, 0)))
    return Spectrum(*np.linalg.eigh(correlation))


def project(correlation: Matrix, spectrum: Spectrum, floor: float) -> Projection:
    """Return the matrix with no eigenvalue below `floor`, and its inverse.

    Pairwise-complete correlations, duplicates and p > n give eigenvalues at or below zero. They
    are raised to the floor, and rows and columns rescaled to a unit diagonal (the spectral method
    of Rebonato & Jäckel 1999). A matrix whose eigenvalues all reach the floor stays as it is.

    Args:
        correlation: (p, p), defined everywhere, unit diagonal.
        spectrum: of `correlation`.
        floor: smallest eigenvalue that is allowed, in (0, 1).

    Raises:
        ConfigError: the floor is not in (0, 1).
    """
    if not 0 < floor < 1:
        raise ConfigError(f"eigenvalue_floor {floor}: allowed is a number between 0 and 1")
    raised = np.maximum(spectrum.values, floor)
    clipped = int(np.count_nonzero(spectrum.values < floor))
    inverse = (spectrum.vectors / raised) @ spectrum.vectors.T
    matrix = correlation
    if clipped:
        matrix = (spectrum.vectors * raised) @ spectrum.vectors.T
        scale = np.sqrt(np.diagonal(matrix)).copy()
        matrix /= scale[:, None] * scale
        inverse *= scale[:, None] * scale
        np.fill_diagonal(matrix, 1.0)
        matrix = (matrix + matrix.T) / 2
    return Projection(matrix, (inverse + inverse.T) / 2, spectrum.smallest, clipped)


def eliminate(
    projection: Projection,
    similarity: Matrix,
    *,
    threshold: float,
    keep: Collection[int] = (),
    refresh_steps: int = REFRESH_STEPS,
) -> Elimination:
    """Remove the column with the largest VIF, one at a time, while it reaches `threshold`.

    Columns stand in order of their names, so that ties, in VIF as in similarity, go to the first
    name. The schedule of refreshes depends on the steps alone.

    Args:
        projection: the matrix whose inverse gives the VIFs.
        similarity: (p, p) correlations before the projection, NaN where undefined; heirs are chosen
            by their absolute values.
        threshold: smallest VIF that is removed, above 1.
        keep: places of columns that are never removed.
        refresh_steps: removals between two fresh inverses.

    Raises:
        ConfigError: the threshold is not above 1, which every column reaches.
    """
    if not threshold > 1:
        raise ConfigError(f"vif_threshold {threshold}: allowed is a number above 1")
    strength = np.abs(np.where(np.isfinite(similarity), similarity, 0.0))
    places = np.arange(projection.matrix.shape[0])
    removable = ~np.isin(places, list(keep))
    alive = np.ones(places.size, dtype=bool)
    matrix, inverse = projection.matrix, projection.inverse.copy()
    steps: list[Step] = []
    since, refreshes = 0, 0
    while places.size:
        vif = np.where(alive[places] & removable[places], np.diagonal(inverse), 0.0)
        worst = _first_largest(vif)
        ends = vif[worst] < threshold or np.count_nonzero(alive) == 1
        # That nothing is left to remove is said of a fresh inverse.
        if since and (ends or since >= refresh_steps or _drifted(matrix, inverse, worst)):
            left = alive[places]
            matrix, places = matrix[np.ix_(left, left)], places[left]
            inverse = _inverted(matrix)
            since, refreshes = 0, refreshes + 1
            continue
        if ends:
            break
        removed = int(places[worst])
        alive[removed] = False
        heir, similar = most_similar(strength[removed], alive)
        left_over = int(np.count_nonzero(alive))
        steps.append(Step(removed, float(vif[worst]), heir, similar, left_over))
        _remove(inverse, worst)
        since += 1
    return Elimination(steps, np.flatnonzero(alive), np.diagonal(inverse).copy(), refreshes)


def most_similar(strengths: Matrix, alive: NDArray[np.bool_]) -> tuple[int, float]:
    """Return the place of the largest of `strengths` among those alive, and its value."""
    place = _first_largest(np.where(alive, strengths, -1.0))
    return place, float(strengths[place])


def _first_largest(values: Matrix) -> int:
    """Return the first place whose value is the largest up to rounding."""
    largest = float(values.max())
    return int(np.flatnonzero(values >= largest - _TIE * abs(largest))[0])


def _remove(inverse: Matrix, place: int) -> None:
    """Take the inverse to that of the matrix without row and column `place`, which become zero."""
    column = inverse[:, place].copy()
    scaled = column / column[place]
    product = np.empty((_ROWS_AT_A_TIME, column.size))
    for start in range(0, column.size, _ROWS_AT_A_TIME):
        rows = inverse[start : start + _ROWS_AT_A_TIME]
        part = product[: rows.shape[0]]
        # Apart, so that no fused step rounds differently from machine to machine.
        np.multiply(column[start : start + rows.shape[0], None], scaled, out=part)
        np.subtract(rows, part, out=rows)
    inverse[place, :] = 0.0
    inverse[:, place] = 0.0


def _drifted(matrix: Matrix, inverse: Matrix, place: int) -> bool:
    """Whether the inverse has left the matrix, judged by one diagonal entry of their product."""
    return bool(abs(float(matrix[place] @ inverse[:, place]) - 1.0) > _RESIDUAL)


def _inverted(matrix: Matrix) -> Matrix:
    inverse = np.linalg.inv(matrix)
    return (inverse + inverse.T) / 2
