"""Adam for a matrix of which a step touches few rows.

An n-gram that does not stand in a batch has no gradient there; its weights and moments wait, as in
`torch.optim.SparseAdam`, which spends most of its time on looking such rows up (Kingma and Ba 2015,
algorithm 1; β₁ 0.9, β₂ 0.999, ε 1e-8).
"""

import numpy as np
from numpy.typing import NDArray

_BETA1, _BETA2, _EPSILON = np.float32(0.9), np.float32(0.999), np.float32(1e-8)
_ROWS_AT_ONCE = 256  # as much as stays in the processor's cache


class LazyAdam:
    """The steps of one matrix, which it changes in place.

    Args:
        weights: (rows, columns) float32.
    """

    def __init__(self, weights: NDArray[np.float32]) -> None:
        self._weights = weights
        self._mean, self._square = np.zeros_like(weights), np.zeros_like(weights)
        self._steps = 0

    def step(
        self, rows: NDArray[np.int64], gradient: NDArray[np.float32], learning_rate: float
    ) -> None:
        """Take a step.

        Args:
            rows: (n,) distinct rows that have a gradient.
            gradient: (n, columns) of these rows.
            learning_rate: of this step.
        """
        self._steps += 1
        first = 1 - float(_BETA1) ** self._steps
        second = 1 - float(_BETA2) ** self._steps
        size, spread = np.float32(learning_rate / first), np.float32(second**-0.5)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            places, slope = rows[part], gradient[part]
            mean, square = self._mean[places], self._square[places]
            mean += (1 - _BETA1) * (slope - mean)
            square += (1 - _BETA2) * (slope * slope - square)
            self._mean[places], self._square[places] = mean, square
            np.sqrt(square, out=square)
            square *= spread
            square += _EPSILON
            mean *= size
            mean /= square
            self._weights[places] -= mean
