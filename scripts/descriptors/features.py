"""Features of a descriptor's values that pass 4 compares: shared by all columns and free of chance.

A basis maps the normal score of a value to a few numbers, the same ones for every column, so that
equal columns have equal features. In: normal scores, Φ⁻¹(mid-rank / (n + 1)); hence a column's
units, its monotone transforms and its outliers make no difference (the copula transform).

Trapezoid basis: the Gaussian kernel exp(−(x−y)²/2) is the integral over ω of cos ω(x−y) under the
normal density (Bochner; random Fourier features, Rahimi & Recht 2007, draw ω). Here the integral
is the trapezoid rule with midpoints ω_k = (k−½)h and weights ∝ exp(−ω_k²/2), so that the inner
product of √weight·(sin ωx, cos ωx) is the kernel without any noise of drawing.

Cosine basis: √2·cos(πku), k = 1..K, of the rank u in (0, 1): the orthonormal basis of functions of
a uniform value.

Which basis serves the largest canonical correlation (RDC), measured with an eigenvalue cut-off of
1e-3, x normal, n = 5,000. Functions of x:

                        size   x²  sin 3x  cos 3x  step  u>0.95  u>0.99  |x|>2  0.4<u<0.6
    cosine, K = 6          6  1.00   0.91    0.97  0.97    0.75    0.33   0.51       0.92
    trapezoid, D=8, h=0.5 16  1.00   1.00    0.99  0.94    0.91    0.87   0.87       0.68
    trapezoid, D=4, h=.75  8  1.00   0.99    0.98  0.93    0.90    0.86   0.87       0.66

Independent normal pairs, mean and maximum:

                         n = 100 (300 pairs)  n = 1,000 (200 pairs)  n = 5,000 (100 pairs)
    cosine, K = 6                0.41   0.60            0.13   0.18            0.06   0.08
    trapezoid, D=8, h=0.5        0.40   0.71            0.15   0.33            0.06   0.09
    trapezoid, D=4, h=.75        0.37   0.67            0.13   0.25            0.06   0.12

Descriptors are often counts of rare fragments, whose dependence lies in the tails, where the cosine
basis is blind; four frequencies are within 0.012 of eight at a quarter of the products, and they
are those of nHSIC, so that both measures come from one matrix. Hence the trapezoid basis with D = 4
and h = 0.75 is the default. It is weak where the cosine basis is strong: bands in the middle.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scripts.common.errors import ConfigError

TRAPEZOID, COSINE = "trapezoid", "cosine"
_GRID = 10_001  # normal quantiles on which a score is written as a sum of features


@dataclass(frozen=True)
class Basis:
    """Functions of a normal score.

    Attributes:
        kind: "trapezoid" or "cosine".
        frequencies: number of frequencies (D, or K of the cosine basis).
        step: distance of the trapezoid rule's frequencies (h); the cosine basis has none.
    """

    kind: str
    frequencies: int
    step: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in (TRAPEZOID, COSINE):
            raise ConfigError(
                f"basis '{self.kind}' is unknown; give '{TRAPEZOID}' or '{COSINE}' (rdc_basis)"
            )
        if self.frequencies < 1:
            raise ConfigError(f"{self.kind} basis: {self.frequencies} frequencies; give at least 1")
        if self.kind == TRAPEZOID and not (self.step is not None and self.step > 0):
            raise ConfigError(f"{self.kind} basis: the step is {self.step}; give one above 0")

    @property
    def size(self) -> int:
        """Number of features of a value."""
        return self.frequencies * (2 if self.kind == TRAPEZOID else 1)

    def __str__(self) -> str:
        step = "" if self.step is None else f", step {self.step:g}"
        return f"{self.kind}, {self.frequencies} frequencies{step}"

    def features(self, scores: Tensor) -> Tensor:
        """Return the features of normal scores.

        Args:
            scores: (columns, rows); NaN where a value is missing.

        Returns:
            (columns, size, rows) of the same type; NaN where a value is missing.
        """
        columns, rows = scores.shape
        features = scores.new_empty((columns, self.size, rows))
        numbers = torch.arange(1, self.frequencies + 1, dtype=torch.float64)
        if self.kind == COSINE:
            angles = torch.special.ndtr(scores)[:, None] * (torch.pi * numbers).to(scores)[:, None]
            torch.cos(angles, out=features)
            return features.mul_(2**0.5)
        frequencies = (numbers - 0.5) * float(self.step or 0)
        weights = torch.exp(-frequencies.square() / 2)
        roots = (weights / weights.sum()).sqrt().repeat(2)
        angles = scores[:, None] * frequencies.to(scores)[:, None]
        torch.sin(angles, out=features[:, : self.frequencies])
        torch.cos(angles, out=features[:, self.frequencies :])
        return features.mul_(roots.to(scores)[:, None])


def score_direction(basis: Basis) -> NDArray[np.float64]:
    """Return b with b·features ≈ score up to a constant, by least squares under the normal density.

    Of the score's variance the default basis reaches 0.9997.

    Returns:
        (size,)
    """
    levels = (torch.arange(_GRID, dtype=torch.float64) + 0.5) / _GRID
    scores = torch.special.ndtri(levels)
    features = basis.features(scores[None])[0]
    centred = (features - features.mean(dim=1, keepdim=True)).T.numpy()
    return np.linalg.lstsq(centred, scores.numpy(), rcond=None)[0]


def trapezoid_basis(frequencies: int = 4, step: float = 0.75) -> Basis:
    """Return the basis of the Gaussian kernel with σ = 1."""
    return Basis(TRAPEZOID, frequencies, step)
