"""How far the survivors of pass 3 hang on the matrix and on the eigenvalue floor."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scripts.descriptors.vif import (
    Elimination,
    defined_correlation,
    eliminate,
    project,
    spectrum_of,
)

# A few orders of magnitude around the values that people take.
FLOORS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
COLUMNS = (
    *("matrix", "eigenvalue_floor", "chosen", "survivors", "removed", "weak_heirs"),
    *("jaccard_to_chosen", "smallest_eigenvalue", "raised_eigenvalues"),
)


@dataclass(frozen=True)
class Variant:
    """An elimination with one matrix and one floor.

    Attributes:
        matrix: name of the matrix.
        floor: eigenvalue floor.
        smallest: smallest eigenvalue of the matrix.
        clipped: number of eigenvalues that were raised to the floor.
        elimination: what was removed.
    """

    matrix: str
    floor: float
    smallest: float
    clipped: int
    elimination: Elimination


def eliminate_variants(
    correlations: Mapping[str, NDArray[np.float64]],
    floors: Collection[float],
    *,
    threshold: float,
    keep: Collection[int],
    done: Callable[[], None] = lambda: None,
) -> list[Variant]:
    """Eliminate with every matrix and every floor; one decomposition serves all floors of a matrix.

    Args:
        correlations: (p, p) matrices by name, over the same columns in the same order.
        floors: eigenvalue floors.
        threshold: smallest VIF that is removed.
        keep: places of columns that are never removed.
        done: called after each elimination.
    """
    variants = []
    for matrix, correlation in sorted(correlations.items()):
        defined = defined_correlation(correlation)
        spectrum = spectrum_of(defined)
        for floor in sorted(set(floors)):
            projection = project(defined, spectrum, floor)
            elimination = eliminate(projection, correlation, threshold=threshold, keep=keep)
            variants.append(
                Variant(matrix, floor, projection.smallest, projection.clipped, elimination)
            )
            done()
    return variants


def sensitivity_rows(
    variants: Sequence[Variant], chosen: Variant, *, heir_min_similarity: float
) -> list[tuple[object, ...]]:
    """Return a row of `COLUMNS` for each variant, its survivors compared with the chosen one's."""
    kept = set(chosen.elimination.remaining.tolist())
    rows: list[tuple[object, ...]] = []
    for variant in variants:
        elimination = variant.elimination
        weak = sum(step.similarity < heir_min_similarity for step in elimination.steps)
        rows.append(
            (
                variant.matrix,
                f"{variant.floor:g}",
                "yes" if variant is chosen else "no",
                elimination.remaining.size,
                len(elimination.steps),
                weak,
                f"{jaccard(kept, set(elimination.remaining.tolist())):.4f}",
                f"{variant.smallest:.4g}",
                variant.clipped,
            )
        )
    return rows


def jaccard(one: set[int], other: set[int]) -> float:
    """Return the size of the intersection over that of the union; 1 of two empty sets."""
    union = len(one | other)
    return len(one & other) / union if union else 1.0
