"""Metrics of every checkpoint with intervals, and the differences of pairs, in one pass.

Each (set, half, subset) is resampled once for all checkpoints and metrics together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scripts.language_model.bootstrap import Draws, Estimate, WeightedItems, bootstrap_means
from scripts.language_model.comparisons import Pair
from scripts.language_model.composite import RULES, composite_draws
from scripts.language_model.heldout_scores import HELDOUT, HeldoutTable, heldout_draws
from scripts.language_model.score_table import HIT_METRICS, MEAN_METRICS, NO_PARTICLE, ScoreTable

HALVES = ("all", "validation", "test")
COMPARED_SUBSETS = ("all", "unseen")
COMPOSITE = "composite"


@dataclass(frozen=True)
class Measured:
    """One metric of one column (a checkpoint or a baseline)."""

    column: str
    set: str
    half: str
    subset: str
    metric: str
    estimate: Estimate


@dataclass(frozen=True)
class Compared:
    """One metric's paired difference."""

    pair: Pair
    set: str
    subset: str
    metric: str
    estimate: Estimate


@dataclass(frozen=True)
class Results:
    """All metrics and differences."""

    measured: list[Measured]
    compared: list[Compared]

    def value(
        self, column: str, metric: str, *, set: str, half: str = "all", subset: str = "all"
    ) -> Estimate | None:
        """Return one metric of a column, None where it was not measured."""
        return self._index.get((column, set, half, subset, metric))

    @cached_property
    def _index(self) -> dict[tuple[str, str, str, str, str], Estimate]:
        return {
            (one.column, one.set, one.half, one.subset, one.metric): one.estimate
            for one in self.measured
        }


def measure(
    table: ScoreTable,
    heldout: HeldoutTable,
    pairs: Sequence[Pair],
    *,
    weights: Mapping[str, float],
    resamples: int,
    seed: int,
) -> Results:
    """Return every metric and every planned difference.

    Args:
        table: item scores of checkpoints and baselines.
        heldout: sums over held-out text of the checkpoints.
        pairs: the differences.
        weights: weights of the composite's parts.
        resamples: resamples over documents.
        seed: seed of the resampling.
    """
    results = Results([], [])
    for half in HALVES:
        of_half = [pair for pair in pairs if pair.half == half]
        composites = dict(_composites(table, half, weights, resamples, seed))
        texts = heldout_draws(heldout, half, resamples=resamples, seed=seed)
        blocks = [
            (table.names, COMPOSITE, "all", composites),
            *((table.names, *one) for one in _sets(table, half, resamples=resamples, seed=seed)),
            (heldout.names, HELDOUT, "all", texts),
        ]
        for names, set_name, subset, draws_by_metric in blocks:
            for metric, draws in draws_by_metric.items():
                # Columns without a value, as a baseline's on held-out text, have no place.
                places = {
                    name: place
                    for place, name in enumerate(names)
                    if not np.isnan(draws.values[place])
                }
                results.measured.extend(
                    Measured(name, set_name, half, subset, metric, draws.estimate(place))
                    for name, place in places.items()
                )
                if subset not in COMPARED_SUBSETS:
                    continue
                results.compared.extend(
                    Compared(
                        pair,
                        set_name,
                        subset,
                        metric,
                        draws.difference(places[pair.first], places[pair.second]),
                    )
                    for pair in of_half
                    if pair.first in places and pair.second in places
                )
    return results


def _composites(
    table: ScoreTable, half: str, weights: Mapping[str, float], resamples: int, seed: int
) -> Iterator[tuple[str, Draws]]:
    for rule in RULES:
        draws = composite_draws(
            table, rule=rule, half=half, weights=weights, resamples=resamples, seed=seed
        )
        yield f"{COMPOSITE}_{rule}", draws


def _sets(
    table: ScoreTable, half: str, *, resamples: int, seed: int
) -> Iterator[tuple[str, str, dict[str, Draws]]]:
    for name in sorted(set(table.sets.tolist())):
        of_set = table.chosen(set=name, half=half)
        particles = sorted(set(of_set.particles.tolist()))
        classes = [f"particle:{p or NO_PARTICLE}" for p in particles] if half == "all" else []
        for subset in ("all", "seen", "unseen", *classes):
            part = of_set.chosen(subset=subset)
            if part.items:
                purpose = f"{name}/{half}/{subset}"
                yield name, subset, _of_metrics(part, resamples, seed, purpose)


def _of_metrics(part: ScoreTable, resamples: int, seed: int, purpose: str) -> dict[str, Draws]:
    """Resample all metrics of some items together, and give each its columns."""
    metrics = (*HIT_METRICS, *MEAN_METRICS)
    stacked = np.concatenate([part.values[metric] for metric in metrics], axis=1)
    draws = bootstrap_means(
        [WeightedItems(1.0, stacked, part.documents)],
        resamples=resamples,
        seed=seed,
        purpose=purpose,
    )
    width = len(part.names)
    return {
        metric: Draws(
            items=draws.items[block],
            documents=draws.documents[block],
            trials=draws.trials[block],
            values=draws.values[block],
            resampled=draws.resampled[:, block],
            unanimous=draws.unanimous[block],
        )
        for number, metric in enumerate(metrics)
        for block in [slice(number * width, (number + 1) * width)]
    }
