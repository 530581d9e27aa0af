"""Exact statistics of one descriptor, from one sort of its values.

All figures are taken from the sorted values, so that the order of rows cannot change a bit.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

LOW, HIGH = 0.025, 0.975  # of the trimmed range
RANGE_MODES = ("trimmed", "minmax")
Values = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class ColumnStatistics:
    """Statistics of a descriptor's valid values; None where there is none to take them from.

    Attributes:
        valid: number of valid values.
        missing_ratio: share of missing ones among the rows.
        minimum, maximum: their range.
        low_quantile, high_quantile: at 0.025 and 0.975, interpolated linearly.
        mean, sd: mean and sample standard deviation (None below two values).
        distinct: number of different values.
        mode_share: share of the most frequent value.
        scaled_variance: variance of the values as shares of the range, cut off at its ends, in
            [0, 0.25]; 0 where the range is 0.
    """

    valid: int
    missing_ratio: float
    minimum: float | None = None
    maximum: float | None = None
    low_quantile: float | None = None
    high_quantile: float | None = None
    mean: float | None = None
    sd: float | None = None
    distinct: int = 0
    mode_share: float | None = None
    scaled_variance: float | None = None


def column_statistics(values: Values, *, range_mode: str) -> ColumnStatistics:
    """Measure a descriptor.

    Args:
        values: (n,) numbers, n at least 1, NaN where missing.
        range_mode: "trimmed" scales the variance by the range of the middle 95 %, "minmax" by the
            whole range.
    """
    ordered = np.sort(values[~np.isnan(values)])
    missing_ratio = 1 - len(ordered) / len(values)
    if not len(ordered):
        return ColumnStatistics(0, missing_ratio)
    # As shares of the largest magnitude, no sum and no difference can overflow.
    scale = float(max(abs(ordered[0]), abs(ordered[-1]))) or 1.0
    shares = ordered.astype(np.float64) / scale
    low, high = _quantile(shares, LOW), _quantile(shares, HIGH)
    ends = (low, high) if range_mode == "trimmed" else (float(shares[0]), float(shares[-1]))
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    lengths = np.diff(starts, append=len(ordered))
    return ColumnStatistics(
        valid=len(ordered),
        missing_ratio=missing_ratio,
        minimum=float(ordered[0]),
        maximum=float(ordered[-1]),
        low_quantile=low * scale,
        high_quantile=high * scale,
        mean=float(shares.mean()) * scale,
        sd=float(shares.std(ddof=1)) * scale if len(ordered) > 1 else None,
        distinct=len(starts),
        mode_share=int(lengths.max()) / len(ordered),
        scaled_variance=_scaled_variance(shares, *ends),
    )


def _quantile(ordered: npt.NDArray[np.float64], share: float) -> float:
    place = share * (len(ordered) - 1)
    before = int(place)
    after = min(before + 1, len(ordered) - 1)
    weight = place - before
    lower, upper = float(ordered[before]), float(ordered[after])
    return lower if lower == upper else lower * (1 - weight) + upper * weight


def _scaled_variance(shares: npt.NDArray[np.float64], low: float, high: float) -> float:
    if not high > low:
        return 0.0
    return float(((np.clip(shares, low, high) - low) / (high - low)).var())
