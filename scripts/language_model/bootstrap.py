"""Intervals by bootstrap over documents, and by the normal approximation from bare aggregates.

The items of a document share its text, so documents and not items are drawn: a resample takes as
many documents as there are, with replacement, and each brings all its items (Davison & Hinkley
1997, section 3.8; percentile interval, section 5.3.1). All columns of a call see the same draws, so
two checkpoints that were scored on the same items compare as pairs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.common.hashing import keyed_hash

Numbers = NDArray[np.float64]

LEVEL = 0.95
_TAIL = (1 - LEVEL) / 2
NORMAL_QUANTILE = 1.959963984540054  # of 1 - _TAIL
_RESAMPLES_AT_A_TIME = 200
_RESIDUE = 1e-12  # what rounding leaves of a difference between equal sums, as a share of them


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval.

    Attributes:
        items, documents: what it was measured on.
        value: the estimate.
        low, high: ends of the interval; None where fewer than two documents give none.
    """

    items: int
    documents: int
    value: float
    low: float | None
    high: float | None

    @property
    def within_noise(self) -> bool:
        """Whether the interval holds 0, or there is no interval."""
        return self.low is None or self.high is None or self.low <= 0.0 <= self.high


@dataclass(frozen=True)
class WeightedItems:
    """Items whose means enter a sum with a weight.

    Attributes:
        weight: factor of their mean.
        values: (items, columns); NaN where an item has no value in a column.
        documents: (items,) number of each item's document; parts that are drawn together share
            one numbering.
    """

    weight: float
    values: Numbers
    documents: NDArray[np.int64]


@dataclass(frozen=True)
class Draws:
    """Values of some columns, and the same of every resample.

    Attributes:
        items, documents: (columns,) what the values were measured on.
        trials: (columns,) documents of the part that has the fewest.
        values: (columns,)
        resampled: (resamples, columns); NaN where a resample holds no item of a part.
        unanimous: (columns,) whether all items agree on 0 or on 1.
    """

    items: NDArray[np.int64]
    documents: NDArray[np.int64]
    trials: NDArray[np.int64]
    values: Numbers
    resampled: Numbers
    unanimous: NDArray[np.bool_]

    def estimate(self, column: int) -> Estimate:
        """Return a column's value with its interval.

        Where all items are 0 or all are 1, every resample is the same and tells nothing; the
        interval is then the exact binomial one (Clopper & Pearson 1934) with a document as a trial.
        Of a weighted sum the part with the fewest documents counts: were the sum beyond the bound,
        one of its parts would be, and no part has fewer trials.
        """
        value = float(self.values[column])
        items, documents = int(self.items[column]), int(self.documents[column])
        if documents < 2 or math.isnan(value):
            return Estimate(items, documents, value, None, None)
        if self.unanimous[column]:
            bound = 1 - _TAIL ** (1 / int(self.trials[column]))
            low, high = (0.0, bound) if value == 0 else (1 - bound, 1.0)
            return Estimate(items, documents, value, low, high)
        return Estimate(items, documents, value, *_percentiles(self.resampled[:, column]))

    def difference(self, first: int, second: int) -> Estimate:
        """Return value of `first` minus value of `second`, paired by document and item."""
        value = float(self.values[first] - self.values[second])
        both = [first, second]
        items, documents = int(self.items[both].min()), int(self.documents[both].min())
        if documents < 2 or math.isnan(value):
            return Estimate(items, documents, value, None, None)
        resampled = self.resampled[:, first] - self.resampled[:, second]
        scale = max(1.0, abs(float(self.values[first])), abs(float(self.values[second])))
        return Estimate(items, documents, value, *_percentiles(resampled, scale))


def _percentiles(resampled: Numbers, scale: float = 1.0) -> tuple[float | None, float | None]:
    known = resampled[~np.isnan(resampled)]
    if known.size == 0:
        return None, None
    low, high = (
        0.0 if abs(end) < _RESIDUE * scale else float(end)
        for end in np.quantile(known, (_TAIL, 1 - _TAIL))
    )
    return low, high


def document_numbers(document_ids: Sequence[str]) -> NDArray[np.int64]:
    """Return for each item the number of its document, in order of the documents' ids."""
    _, numbers = np.unique(np.asarray(document_ids, dtype=np.str_), return_inverse=True)
    return np.asarray(numbers, dtype=np.int64)


def bootstrap_means(
    parts: Sequence[WeightedItems], *, resamples: int, seed: int, purpose: str
) -> Draws:
    """Return the weighted sum of the parts' means, per column, with resamples over documents.

    Documents of all parts are drawn together: one that stands in two parts brings its items to
    both.

    Args:
        parts: the items; all have the same columns.
        resamples: number of resamples.
        seed: seed of the run.
        purpose: what the draws are for; other purposes give independent draws.
    """
    held = np.unique(np.concatenate([part.documents for part in parts]))
    sums = [_document_sums(part, held) for part in parts]
    columns = parts[0].values.shape[1]
    resampled = np.zeros((resamples, columns))
    done = 0
    for weights in _document_weights(held.size, resamples, seed=seed, purpose=purpose):
        block = slice(done, done + weights.shape[0])
        for part, (totals, counts) in zip(parts, sums, strict=True):
            resampled[block] += part.weight * _ratio(weights @ totals, weights @ counts)
        done = block.stop
    values = sum(
        (
            part.weight * _ratio(totals.sum(axis=0), counts.sum(axis=0))
            for part, (totals, counts) in zip(parts, sums, strict=True)
        ),
        start=np.zeros(columns),
    )
    stacked = np.concatenate([part.values for part in parts])
    known = ~np.isnan(stacked)
    zeros, ones = (np.all((stacked == side) | ~known, axis=0) for side in (0.0, 1.0))
    present = np.stack([counts > 0 for _, counts in sums])  # (parts, documents, columns)
    return Draws(
        items=known.sum(axis=0),
        documents=present.any(axis=0).sum(axis=0),
        trials=present.sum(axis=1).min(axis=0),
        values=values,
        resampled=resampled,
        unanimous=(zeros | ones) & known.any(axis=0),
    )


def bootstrap_ratios(
    totals: Numbers, counts: NDArray[np.int64], *, resamples: int, seed: int, purpose: str
) -> Draws:
    """Return sum of totals by sum of counts, per column, with resamples over documents.

    Documents without a count are no part of the sample.

    Args:
        totals: (documents, columns) sum over a document's items.
        counts: (documents,) number of those items, the same in all columns.
        resamples: number of resamples.
        seed: seed of the run.
        purpose: what the draws are for; other purposes give independent draws.
    """
    kept = counts > 0
    totals, weights = totals[kept], counts[kept, None].astype(np.float64)
    columns = totals.shape[1]
    resampled = np.full((resamples, columns), np.nan)
    done = 0
    if kept.any():
        for drawn in _document_weights(len(totals), resamples, seed=seed, purpose=purpose):
            block = slice(done, done + drawn.shape[0])
            resampled[block] = _ratio(drawn @ totals, drawn @ weights)
            done = block.stop
    documents = np.full(columns, kept.sum(), dtype=np.int64)
    return Draws(
        items=np.full(columns, counts.sum(), dtype=np.int64),
        documents=documents,
        trials=documents,
        values=_ratio(totals.sum(axis=0), weights.sum(axis=0)),
        resampled=resampled,
        unanimous=np.zeros(columns, dtype=np.bool_),
    )


def _document_sums(part: WeightedItems, held: NDArray[np.int64]) -> tuple[Numbers, Numbers]:
    """Return the sum of values and the number of values of each document, per column."""
    places = np.searchsorted(held, part.documents)
    known = ~np.isnan(part.values)
    totals = np.zeros((held.size, part.values.shape[1]))
    counts = np.zeros_like(totals)
    np.add.at(totals, places, np.where(known, part.values, 0.0))
    np.add.at(counts, places, known.astype(np.float64))
    return totals, counts


def _document_weights(documents: int, resamples: int, *, seed: int, purpose: str) -> Any:
    """Yield blocks of (resamples, documents): how often each document was drawn."""
    key = keyed_hash(seed, "bootstrap", purpose)
    generator = np.random.Generator(np.random.Philox(key=key))
    for start in range(0, resamples, _RESAMPLES_AT_A_TIME):
        rows = min(_RESAMPLES_AT_A_TIME, resamples - start)
        drawn = generator.integers(0, documents, size=(rows, documents))
        drawn += np.arange(rows)[:, None] * documents
        counts = np.bincount(drawn.ravel(), minlength=rows * documents)
        yield counts.reshape(rows, documents).astype(np.float64)


def _ratio(totals: Numbers, counts: Numbers) -> Numbers:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(counts > 0, totals / counts, np.nan)


@dataclass(frozen=True)
class Aggregate:
    """A value known only as a number, with the variance of its estimate (items independent)."""

    value: float
    variance: float

    @property
    def half_width(self) -> float:
        """Half the width of the 95 % interval."""
        return NORMAL_QUANTILE * math.sqrt(self.variance)

    def minus(self, other: "Aggregate") -> "Aggregate":
        """Return the difference of two values that were measured independently."""
        return Aggregate(self.value - other.value, self.variance + other.variance)

    @property
    def within_noise(self) -> bool:
        """Whether the 95 % interval holds 0."""
        return abs(self.value) <= self.half_width


def proportion(value: float, items: int) -> Aggregate:
    """Return a share of `items` independent items (Wald: variance p(1 - p) / n)."""
    return Aggregate(value, value * (1 - value) / items)


def nested_covariance(inner: float, outer: float, items: int) -> float:
    """Return the covariance of two shares of the same items, where every inner hit is an outer one.

    A hit among the first is a hit among the first five: E[XY] = p(inner), so the covariance of one
    item is p(inner)(1 - p(outer)).
    """
    return inner * (1 - outer) / items
