"""What a bare table of checkpoint results can and cannot say.

All differences have unpaired normal intervals: aggregates do not tell which items two checkpoints
share. On shared items the true interval of a difference is narrower; through items of one document
each interval is wider.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

from scripts.common.errors import ConfigError
from scripts.language_model.bootstrap import Aggregate, proportion
from scripts.language_model.composite import PARTS, composite, composite_aggregate
from scripts.language_model.published_table import Result, ResultTable

METRICS = (*PARTS, "composite")
LABELS = {
    "real_1": "Real@1",
    "real_5": "Real@5",
    "lambada_1": "LAMBADA@1",
    "composite": "composite",
}


@dataclass(frozen=True)
class Sizes:
    """Numbers of items behind the shares: of the real set by length, and of LAMBADA."""

    real: Mapping[int, int]
    lambada: int

    def of(self, part: str, length: int) -> int:
        """Return the number of items behind a part of the composite."""
        return self.lambada if part == "lambada_1" else self.real[length]


def checked_sizes(table: ResultTable, real: Mapping[str, int], lambada: int) -> Sizes:
    """Return the sizes, one of the real set for each length of the table.

    Raises:
        ConfigError: a length has no size, or a size is below 1.
    """
    lengths = sorted({row.length for row in table.rows})
    absent = [length for length in lengths if str(length) not in real]
    if absent:
        raise ConfigError(
            f"n_real gives no number of items for length {absent[0]}; give one for each of "
            f"{lengths}"
        )
    if min(lambada, *real.values()) < 1:
        raise ConfigError(f"n_real {dict(real)} and n_lambada {lambada}: give at least 1 item each")
    return Sizes({length: int(real[str(length)]) for length in lengths}, lambada)


@dataclass(frozen=True)
class Analysis:
    """A table with what its numbers were measured on, and the formula.

    Attributes:
        table: the results.
        sizes: numbers of items.
        weights: weights of the composite's parts.
    """

    table: ResultTable
    sizes: Sizes
    weights: Mapping[str, float]

    def value(self, row: Result, metric: str) -> float:
        """Return a share, or the composite recomputed by the formula."""
        return composite(row.values, self.weights) if metric == "composite" else row.values[metric]

    def aggregate(self, row: Result, metric: str) -> Aggregate:
        """Return a value with its variance, items taken as independent."""
        if metric == "composite":
            return composite_aggregate(
                row.values,
                self.weights,
                real_items=self.sizes.real[row.length],
                lambada_items=self.sizes.lambada,
            )
        return proportion(row.values[metric], self.sizes.of(metric, row.length))

    def misstated(self) -> list[Result]:
        """Return the rows whose stated composite does not follow the formula."""
        return [
            row
            for row in self.table.rows
            if row.stated is not None
            and abs(row.stated - self.value(row, "composite")) > self.table.rounding
        ]

    def ranked(self, group: tuple[str, int], metric: str) -> list[Result]:
        """Return a group's checkpoints, best first; of equal ones the earlier step first."""
        rows = self.table.groups[group]
        return sorted(rows, key=lambda row: (-round(self.value(row, metric), 12), row.step))

    def best(self, group: tuple[str, int], metric: str = "composite") -> Result:
        """Return a group's best checkpoint."""
        return self.ranked(group, metric)[0]

    def rank(self, row: Result, metric: str) -> int:
        """Return a checkpoint's place in its group, from 1; equal values share the better place."""
        mine = self.value(row, metric)
        better = (self.value(other, metric) > mine + 1e-12 for other in self._group(row))
        return 1 + sum(better)

    def _group(self, row: Result) -> list[Result]:
        return self.table.groups[row.group]


@dataclass(frozen=True)
class Difference:
    """First minus second, with an unpaired 95 % interval.

    Attributes:
        kind: "same epoch", "length", "best of each", "best and start" or "best and last".
        first, second: the checkpoints.
        metric: a part of the composite, or "composite".
        aggregate: the difference and its variance.
    """

    kind: str
    first: Result
    second: Result
    metric: str
    aggregate: Aggregate


def differences(analysis: Analysis) -> list[Difference]:
    """Return every comparison that the table invites, for each metric."""
    pairs = [
        *_same_epoch(analysis),
        *_lengths(analysis),
        *_bests(analysis),
        *_within_runs(analysis),
    ]
    return [
        Difference(
            kind,
            first,
            second,
            metric,
            analysis.aggregate(first, metric).minus(analysis.aggregate(second, metric)),
        )
        for kind, first, second in pairs
        for metric in METRICS
    ]


Pair = tuple[str, Result, Result]


def _by_epoch(rows: Sequence[Result]) -> dict[Decimal, Result]:
    """Return the last checkpoint of each epoch."""
    return {row.epoch: row for row in sorted(rows, key=lambda row: row.step)}


def _same_epoch(analysis: Analysis) -> Iterator[Pair]:
    groups = analysis.table.groups
    for one, other in combinations(groups, 2):
        if one[1] == other[1]:
            yield from _shared_epochs("same epoch", groups[other], groups[one])


def _lengths(analysis: Analysis) -> Iterator[Pair]:
    groups = analysis.table.groups
    for one, other in combinations(groups, 2):
        if one[0] == other[0]:
            yield from _shared_epochs("length", groups[other], groups[one])


def _shared_epochs(kind: str, first: Sequence[Result], second: Sequence[Result]) -> Iterator[Pair]:
    ours, theirs = _by_epoch(first), _by_epoch(second)
    for epoch in sorted(ours.keys() & theirs.keys()):
        yield kind, ours[epoch], theirs[epoch]


def _bests(analysis: Analysis) -> Iterator[Pair]:
    for one, other in combinations(analysis.table.groups, 2):
        if one[0] == other[0] or one[1] == other[1]:
            yield "best of each", analysis.best(other), analysis.best(one)


def _within_runs(analysis: Analysis) -> Iterator[Pair]:
    for group, rows in analysis.table.groups.items():
        ordered = sorted(rows, key=lambda row: row.step)
        best = analysis.best(group)
        for kind, other in (("best and start", ordered[0]), ("best and last", ordered[-1])):
            if other != best:
                yield kind, best, other


def apart_from_best(analysis: Analysis, group: tuple[str, int]) -> list[Result]:
    """Return the checkpoints of a group that differ from its best by more than noise."""
    best = analysis.best(group)
    top = analysis.aggregate(best, "composite")
    return [
        row
        for row in analysis.table.groups[group]
        if not top.minus(analysis.aggregate(row, "composite")).within_noise
    ]


@dataclass(frozen=True)
class Claim:
    """A published statement that a checkpoint is the best of its group by a metric."""

    row: Result
    metric: str
    rank: int
    of: int
    best: Result


def check_claims(analysis: Analysis, claims: Sequence[str]) -> list[Claim]:
    """Return the rank of each checkpoint that is said to be best.

    Args:
        analysis: the table.
        claims: "experiment/length/step", for the composite, or with "/metric" behind it.

    Raises:
        ConfigError: a claim names no checkpoint of the table, or no metric.
    """
    rows = {row.name: row for row in analysis.table.rows}
    found = []
    for claim in claims:
        name, metric = claim, "composite"
        if claim not in rows:
            name, _, metric = claim.rpartition("/")
        if name not in rows or metric not in METRICS:
            raise ConfigError(
                f"the claim '{claim}' names no checkpoint of the table; write "
                f"experiment/length/step, as in {next(iter(rows))}, and behind it, after a further "
                f"slash, one of {', '.join(METRICS)}"
            )
        row = rows[name]
        found.append(
            Claim(
                row=row,
                metric=metric,
                rank=analysis.rank(row, metric),
                of=len(analysis.table.groups[row.group]),
                best=analysis.best(row.group, metric),
            )
        )
    return found
