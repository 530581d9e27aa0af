"""Every strategy's scores over training seeds, and its difference to one without repair.

A strategy's score is the mean over its training seeds. The interval of a difference is that of the
2.5 and 97.5 percentiles of a paired bootstrap (Davison and Hinkley 1997, sections 3.2 and 5.3.1):
every draw of test groups (`drawn_groups`) and of training seeds is the same for both strategies, so
that what makes a draw easy or hard for both cancels out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from scripts.classification.drawn_groups import DrawnGroups, draw_seeds
from scripts.classification.finished_runs import FinishedRun, JudgedRows
from scripts.classification.scopes import METRICS, Scope, score, score_split
from scripts.common.progress import Progress

NO_REPAIR = "none"
LEVEL = 0.95
_RESIDUE = 1e-12  # of rounding, between equal sums
_Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class StrategyScore:
    """One metric of a strategy.

    Attributes:
        model, strategy, scope, metric: what it is.
        seeds: training seeds.
        mean: over them, None for a bucket without classes.
        sd: their standard deviation, None for one seed.
        reference: strategy that it is compared with.
        difference: to it, None for itself.
        low, high: ends of its interval.
    """

    model: str
    strategy: str
    scope: str
    metric: str
    seeds: int
    mean: float | None
    sd: float | None
    reference: str
    difference: float | None
    low: float | None
    high: float | None

    @property
    def verdict(self) -> str:
        """Say "better" or "worse" beyond the interval, "within" it, "" where not compared."""
        if self.low is None or self.high is None:
            return ""
        return "better" if self.low > 0 else "worse" if self.high < 0 else "within"


def reference_of(strategies: Sequence[str]) -> str:
    """Return the strategy without repair, or the first where there is none."""
    return NO_REPAIR if NO_REPAIR in strategies else strategies[0]


def compare(
    found: Mapping[str, Mapping[str, Sequence[FinishedRun]]],
    split: JudgedRows,
    units: DrawnGroups,
    scopes: Sequence[Scope],
    *,
    bootstrap: int,
    seed: int,
) -> list[StrategyScore]:
    """Return all scores, by model, strategy, scope and metric.

    Args:
        found: runs by model and strategy, by seed.
        split: the test split.
        units: its groups.
        scopes: whose classes count.
        bootstrap: number of draws.
        seed: seed of the draws.
    """
    runs = [run for of_model in found.values() for same in of_model.values() for run in same]
    drawn = dict(
        zip(map(_key, runs), _redraw(runs, split, units, scopes, bootstrap, seed), strict=True)
    )
    scores = []
    for model, of_model in found.items():
        reference = reference_of(list(of_model))
        shares = draw_seeds(len(of_model[reference]), bootstrap, seed=seed)
        base = _mean_draws(of_model[reference], drawn, shares)
        for strategy, same in of_model.items():
            differences = _mean_draws(same, drawn, shares) - base
            for place, scope in enumerate(scopes):
                values = np.stack([score_split(scope, run.scores) for run in same])
                bases = np.stack([score_split(scope, run.scores) for run in of_model[reference]])
                for column, metric in enumerate(METRICS):
                    compared = strategy != reference and not np.isnan(values[0, column])
                    low, high = (
                        _interval(differences[:, place, column]) if compared else (None, None)
                    )
                    mean = float(values[:, column].mean())
                    scores.append(
                        StrategyScore(
                            model=model,
                            strategy=strategy,
                            scope=scope.name,
                            metric=metric,
                            seeds=len(same),
                            mean=_known(mean),
                            sd=_known(values[:, column].std(ddof=1)) if len(same) > 1 else None,
                            reference=reference,
                            difference=mean - float(bases[:, column].mean()) if compared else None,
                            low=low,
                            high=high,
                        )
                    )
    return scores


def _redraw(
    runs: Sequence[FinishedRun],
    split: JudgedRows,
    units: DrawnGroups,
    scopes: Sequence[Scope],
    bootstrap: int,
    seed: int,
) -> _Numbers:
    """Return (runs, draws, scopes, metrics): the scores on each draw of test groups."""
    classes = len(split.train_rows)
    everything = np.ones(len(split.labels), bool)
    support = _by_class(split.labels, everything, units, classes)
    counted = [
        (
            _by_class(run.predicted, everything, units, classes),
            _by_class(split.labels, run.predicted == split.labels, units, classes),
        )
        for run in runs
    ]
    found = np.empty((len(runs), bootstrap, len(scopes), len(METRICS)))
    progress = Progress("compare_strategies", total=bootstrap * len(runs), unit="scored draws")
    start = 0
    for drawn in units.draws(bootstrap, seed=seed):
        block = slice(start, start + len(drawn))
        multiplicity = units.class_multiplicities(drawn)
        by_unit = np.ascontiguousarray(drawn.T, np.float32)  # whole numbers, exact up to 2^24
        rows = _totals(support, by_unit)
        for number, (predicted, hits) in enumerate(counted):
            totals = _totals(predicted, by_unit), _totals(hits, by_unit)
            for place, scope in enumerate(scopes):
                found[number, block, place] = score(scope, rows, *totals, multiplicity)
            progress.advance(len(drawn))
        start = block.stop
    progress.finish()
    return found


def _by_class(
    ids: NDArray[np.int64], counted: NDArray[np.bool_], units: DrawnGroups, classes: int
) -> csr_array:
    """Return (C, u): the counted rows by class id and unit."""
    places = ids[counted], units.unit_of_row[counted]
    ones = np.ones(len(places[0]), np.float32)
    return csr_array((ones, places), shape=(classes, units.units))


def _totals(counts: csr_array, drawn_by_unit: NDArray[np.float32]) -> _Numbers:
    """Return (draws, C): the rows of each draw."""
    return np.asarray((counts @ drawn_by_unit).T, np.float64)


def _key(run: FinishedRun) -> tuple[str, str, int]:
    return run.model, run.strategy, run.seed


def _mean_draws(
    same: Sequence[FinishedRun], drawn: Mapping[Any, _Numbers], shares: _Numbers
) -> Any:
    """Return (draws, scopes, metrics): the mean over the drawn training seeds."""
    return np.einsum("ds,sdpm->dpm", shares, np.stack([drawn[_key(run)] for run in same]))


def _interval(differences: _Numbers) -> tuple[float, float]:
    # A bucket of the input is empty where its only class with test rows is OTHER in a draw.
    defined = differences[~np.isnan(differences)]
    low, high = (
        0.0 if abs(end) < _RESIDUE else float(end)
        for end in np.quantile(defined, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    )
    return low, high


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
