"""Intervals by bootstrap over test queries and training seeds, paired between methods.

A figure is a sum over test sessions of a mean over queries, averaged over training seeds. Queries
are drawn with replacement within their session, the same draws for every method, and seeds
likewise, so that what makes a draw easy or hard for both methods cancels out (Davison and Hinkley
1997, sections 3.2 and 5.3.1: stratified resampling, percentile interval).

One less than there are is drawn of each, which makes the variance of a mean unbiased where few are
(McCarthy and Snowden 1985); with five seeds it would else be a fifth too small.

Queries and seeds are crossed. Drawing both at once counts what is special to one query under one
seed three times (Owen 2007, "pigeonhole bootstrap"), and with top-k measures that is the larger
part of the noise. Here queries are drawn for the mean over seeds, which holds that part as it is,
and the seeds' own deviations are added after taking out the share that queries explain: they are
shrunk by the root of 1 - (variance between seeds that queries under single seeds leave) / (variance
between seeds), 0 where the former is larger.

Percentiles take the spread of few units for known. The ends of an interval are therefore stretched
by Student's quantile over the normal one, with the degrees of freedom of Satterthwaite (1946): 1.42
where five seeds alone make the spread, 1.01 where 100 queries do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scripts.common.keyed_generator import keyed_generator

LEVEL = 0.95
_TAIL = (1 - LEVEL) / 2
# Two-sided 5 % test with 80 % power (Cohen 1988, chapter 2): quantiles of 0.975 and 0.8.
DETECTABLE_ERRORS = 1.96 + 0.84
_RESIDUE = 1e-12  # of rounding, between equal sums
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """What the queries add to some figures under each training seed.

    Attributes:
        seeds: of the streams, in order.
        parts: by test session, (seeds, queries, figures).
    """

    seeds: tuple[str, ...]
    parts: Mapping[int, Numbers]

    @property
    def by_seed(self) -> Numbers:
        """(seeds, figures)."""
        return sum_of([part.mean(axis=1) for part in self.parts.values()])

    @property
    def queries(self) -> int:
        """Number of queries in all test sessions."""
        return sum(part.shape[1] for part in self.parts.values())

    def minus(self, other: "Sample") -> "Sample":
        """Return the difference, seed by seed and query by query."""
        return Sample(
            self.seeds, {test: part - other.parts[test] for test, part in self.parts.items()}
        )


@dataclass(frozen=True)
class Intervals:
    """Estimates of some figures.

    Attributes:
        values, errors: (figures,) the estimate and its standard error.
        low, high: (figures,) ends of the 95 % interval; NaN where nothing could be drawn.
    """

    values: Numbers
    errors: Numbers
    low: Numbers
    high: Numbers

    @property
    def detectable(self) -> Numbers:
        """(figures,) the smallest true difference that is found in four of five trials.

        ASSUME that the standard error is known well: where few seeds make most of it, it is more.
        """
        return DETECTABLE_ERRORS * self.errors


class PairedDraws:
    """Draws of queries and seeds, which hang on nothing but seed, session and number."""

    def __init__(self, number: int, *, seed: int) -> None:
        """Prepare `number` draws."""
        self.number, self.seed = number, seed
        self._queries: dict[tuple[int, int], Numbers] = {}

    def intervals(self, sample: Sample) -> Intervals:
        """Return the figures of one method with intervals."""
        return _summary(
            sample.by_seed.mean(axis=0),
            [*self._over_queries(sample), *self._over_seeds(sample, "")],
        )

    def difference(self, first: Sample, second: Sample) -> Intervals:
        """Return first minus second, paired by query, and by seed where both have the same seeds.

        Streams of other seeds, or one stream against several, are drawn apart.
        """
        if first.seeds == second.seeds:
            return self.intervals(first.minus(second))
        one, other = (
            Sample(("",), {test: part.mean(axis=0)[None] for test, part in sample.parts.items()})
            for sample in (first, second)
        )
        over_seeds = [
            *self._over_seeds(first, "first"),
            *(part.negative() for part in self._over_seeds(second, "second")),
        ]
        values = first.by_seed.mean(axis=0) - second.by_seed.mean(axis=0)
        return _summary(values, [*self._over_queries(one.minus(other)), *over_seeds])

    def _over_queries(self, sample: Sample) -> list["_Spread"]:
        """Return the spread over the queries of each test session of more than one."""
        found = []
        for test, part in sample.parts.items():
            of_query = part.mean(axis=0)
            queries = len(of_query)
            if queries > 1:
                deviations = self._query_shares(test, queries) @ (of_query - of_query.mean(axis=0))
                variances = of_query.var(axis=0, ddof=1) / queries
                found.append(_Spread(deviations, variances, queries - 1))
        return found

    def _query_shares(self, test: int, queries: int) -> Numbers:
        """Return (draws, queries): the share of each query in each draw."""
        if (test, queries) not in self._queries:
            generator = keyed_generator(self.seed, "compare_methods", "queries", str(test))
            self._queries[test, queries] = draw_shares(generator, queries, self.number)
        return self._queries[test, queries]

    def _over_seeds(self, sample: Sample, side: str) -> list["_Spread"]:
        """Return the spread over seeds of more than one."""
        seeds, values = len(sample.seeds), sample.by_seed
        if seeds == 1:
            return []
        generator = keyed_generator(self.seed, "compare_methods", "seeds", side, *sample.seeds)
        own = (values - values.mean(axis=0)) * seed_shrinkage(sample)
        shares = draw_shares(generator, seeds, self.number)
        return [_Spread(shares @ own, own.var(axis=0, ddof=1) / seeds, seeds - 1)]


@dataclass(frozen=True)
class _Spread:
    """One source of spread: (draws, figures) deviations, their variances, its freedom."""

    deviations: Numbers
    variances: Numbers
    freedom: int

    def negative(self) -> "_Spread":
        return _Spread(-self.deviations, self.variances, self.freedom)


def _summary(values: Numbers, spreads: Sequence[_Spread]) -> Intervals:
    values = np.where(np.abs(values) < _RESIDUE, 0.0, values)
    if not spreads:
        unknown = np.full_like(values, np.nan)
        return Intervals(values, unknown, unknown, unknown)
    deviations = sum_of([spread.deviations for spread in spreads])
    ends = np.quantile(deviations, (_TAIL, 1 - _TAIL), axis=0) * _stretch(spreads)
    low, high = (np.where(np.abs(values + end) < _RESIDUE, 0.0, values + end) for end in ends)
    return Intervals(values, deviations.std(axis=0), low, high)


def _stretch(spreads: Sequence[_Spread]) -> Numbers:
    """Return (figures,): Student's quantile by the normal one, at Satterthwaite's freedom."""
    from scipy.special import ndtri, stdtrit

    total = sum_of([spread.variances for spread in spreads])
    uncertain = sum_of([spread.variances**2 / spread.freedom for spread in spreads])
    freedom = np.where(uncertain > 0, total**2 / np.where(uncertain > 0, uncertain, 1), np.inf)
    return np.asarray(stdtrit(freedom, 1 - _TAIL) / ndtri(1 - _TAIL))


def seed_shrinkage(sample: Sample) -> Numbers:
    """Return (figures,): the factor of seeds' deviations that leaves their own variance.

    Two-way analysis without replication within each test session: what neither seed nor query
    explains is taken for their interaction, and its share in a seed's figure for a part of what
    the queries' draws hold already.
    """
    between = sample.by_seed.var(axis=0, ddof=1)
    crossed = np.zeros_like(between)
    for part in sample.parts.values():
        seeds, queries, _ = part.shape
        if queries > 1:
            rest = part - part.mean(axis=0) - part.mean(axis=1, keepdims=True) + part.mean((0, 1))
            crossed += (rest**2).sum(axis=(0, 1)) / ((seeds - 1) * (queries - 1)) / queries
    with np.errstate(invalid="ignore", divide="ignore"):
        own = np.where(between > 0, 1 - crossed / between, 0.0)
    return np.asarray(np.sqrt(np.clip(own, 0.0, 1.0)))


def draw_shares(generator: np.random.Generator, units: int, number: int) -> Numbers:
    """Return (number, units): the share of each unit in draws of one less than there are."""
    drawn = max(1, units - 1)
    chosen = generator.integers(0, units, size=(number, drawn))
    chosen += np.arange(number)[:, None] * units
    counts = np.bincount(chosen.ravel(), minlength=number * units)
    return counts.reshape(number, units) / drawn


def sum_of(parts: Sequence[Numbers]) -> Numbers:
    """Return the sum of arrays of one shape."""
    return np.asarray(np.sum(np.stack(parts), axis=0))
