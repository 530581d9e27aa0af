"""The composite score: 0.4 Real@1 + 0.3 Real@5 + 0.3 LAMBADA@1 by default, always computed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from scripts.common.errors import ConfigError, InputError
from scripts.language_model.bootstrap import (
    Aggregate,
    Draws,
    WeightedItems,
    bootstrap_means,
    nested_covariance,
    proportion,
)
from scripts.language_model.score_table import ScoreTable

RULES = ("strict", "lenient")
DEFAULT_WEIGHTS = {"real_1": 0.4, "real_5": 0.3, "lambada_1": 0.3}


@dataclass(frozen=True)
class Part:
    """One term: the share of a set's items that are hit among the first `cutoff`."""

    set: str
    cutoff: int


PARTS = {
    "real_1": Part("real_coref", 1),
    "real_5": Part("real_coref", 5),
    "lambada_1": Part("lambada", 1),
}


def checked_weights(weights: Mapping[str, float]) -> dict[str, float]:
    """Return the weights in the order of `PARTS`.

    Raises:
        ConfigError: a part is missing or unknown, a weight is negative, or they do not add up to 1.
    """
    if set(weights) != set(PARTS):
        raise ConfigError(
            f"the composite's weights name {sorted(weights)}; give one each for {list(PARTS)}"
        )
    total = math.fsum(weights.values())
    if min(weights.values()) < 0 or not math.isclose(total, 1.0, abs_tol=1e-9):
        raise ConfigError(
            f"the composite's weights {dict(weights)} add up to {total:g}; give numbers of at "
            "least 0 that add up to 1"
        )
    return {name: float(weights[name]) for name in PARTS}


def composite(values: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Return the weighted sum of the parts' values (shares, 0 to 1)."""
    return math.fsum(weights[name] * values[name] for name in PARTS)


def require_items(table: ScoreTable, half: str, weights: Mapping[str, float]) -> None:
    """Check that every set with a weight has items in a half.

    Raises:
        InputError: a set has none.
    """
    present = set(table.chosen(half=half).sets.tolist())
    needed = {PARTS[name].set for name, weight in checked_weights(weights).items() if weight}
    if needed - present:
        raise InputError(
            f"the composite needs items of {sorted(needed)} in the {half} half, which holds "
            f"{sorted(present)}; raise the number of items or give the missing part the weight 0"
        )


def composite_draws(
    table: ScoreTable,
    *,
    rule: str,
    half: str,
    weights: Mapping[str, float],
    resamples: int,
    seed: int,
) -> Draws:
    """Return the composite of each checkpoint, resampled over the documents of all sets together.

    Args:
        table: scores of checkpoints on the same items.
        rule: "strict" or "lenient".
        half: "validation", "test" or "all".
        weights: weight of each part.
        resamples: number of resamples.
        seed: seed of the run.

    Raises:
        InputError: a set with a weight has no item in this half.
    """
    require_items(table, half, weights)
    parts, items = [], {}
    for name, weight in checked_weights(weights).items():
        if weight == 0:
            continue
        part = table.chosen(set=PARTS[name].set, half=half)
        items[PARTS[name].set] = part.items
        values = part.values[f"{rule}_{PARTS[name].cutoff}"]
        parts.append(WeightedItems(weight, values, part.documents))
    # Strict and lenient share draws, so that their curves differ by the rule alone.
    draws = bootstrap_means(parts, resamples=resamples, seed=seed, purpose=f"composite/{half}")
    # Real@1 and Real@5 come from the same items, which count once.
    return replace(draws, items=np.full_like(draws.items, sum(items.values())))


def composite_aggregate(
    values: Mapping[str, float],
    weights: Mapping[str, float],
    *,
    real_items: int,
    lambada_items: int,
) -> Aggregate:
    """Return the composite of bare aggregates, items taken as independent.

    Real@1 and Real@5 come from the same items, and a hit at 1 is a hit at 5, so their covariance
    is known. LAMBADA's items are others.
    """
    first, five = values["real_1"], values["real_5"]
    a, b, c = (weights[name] for name in PARTS)
    variance = (
        a**2 * proportion(first, real_items).variance
        + b**2 * proportion(five, real_items).variance
        + 2 * a * b * nested_covariance(first, five, real_items)
        + c**2 * proportion(values["lambada_1"], lambada_items).variance
    )
    return Aggregate(composite(values, weights), variance)
