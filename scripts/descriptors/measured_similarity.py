"""Similarities of pairs of descriptors, as passes 2 and 4 measured them."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scripts.common.errors import IntegrityError
from scripts.descriptors.matrices import read_matrices


class MeasuredSimilarity:
    """Absolute similarities of pairs, by the names of two descriptors."""

    def __init__(self, names: Sequence[str], arrays: Mapping[str, NDArray[np.float64]]) -> None:
        """Take matrices by measure.

        Args:
            names: the descriptors that were measured.
            arrays: (p, p) by measure, in the order of `names`; NaN where a pair is undefined.
        """
        self._places = {name: place for place, name in enumerate(names)}
        self._arrays = arrays

    def of_pair(self, one: str, other: str) -> dict[str, float]:
        """Return the absolute similarities of two descriptors by measure, where defined."""
        if one not in self._places or other not in self._places:
            return {}
        pair = self._places[one], self._places[other]
        values = {measure: abs(float(array[pair])) for measure, array in self._arrays.items()}
        return {measure: value for measure, value in values.items() if not math.isnan(value)}

    def spearman(self, one: str, other: str) -> float | None:
        """Return |ρ| of two descriptors, None where it was not measured."""
        return self.of_pair(one, other).get("spearman")


def read_similarity(
    path: Path, measures: Sequence[str], renamed: Mapping[str, str] | None = None
) -> MeasuredSimilarity:
    """Read matrices of a file that pass 2 or 4 wrote.

    Args:
        path: the file.
        measures: names of the matrices.
        renamed: other names by which their measures are called.

    Raises:
        IntegrityError: the file is damaged, or lacks one of them.
    """
    matrices = read_matrices(path)
    for measure in measures:
        if measure not in matrices.arrays:
            raise IntegrityError(f"{path} has no matrix '{measure}'; delete it and run again")
    called = renamed or {}
    return MeasuredSimilarity(
        matrices.names,
        {called.get(measure, measure): matrices.arrays[measure] for measure in measures},
    )
