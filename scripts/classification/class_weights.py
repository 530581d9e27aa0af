"""Weights of classes in the loss, from their numbers of training rows.

N is the number of training rows, K of classes that have one, n_c the rows of class c.

- balanced: N / (K n_c), as scikit-learn's `compute_class_weight` (King and Zeng 2001).
- sqrt: sqrt(n_max / (n_c + 1)).
- power: (N / (K n_c))^α.
- effective_number: (1 - β) / (1 - β^n_c) (Cui et al. 2019, equation 2).

The last two are scaled so that sum n_c w_c = N: the mean weight of a training row is 1 and the loss
keeps its scale, as with `balanced`. `sqrt` is left as its formula says, so its mean is above 1.
Clipping comes after the scaling. A class without a training row has weight 1.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.classification.strategy import Strategy
from scripts.common.errors import InputError

Counts = NDArray[np.int64]
Weights = NDArray[np.float64]

ABSENT_WEIGHT = 1.0


def count_classes(label_ids: Sequence[int] | NDArray[Any], classes: int) -> Counts:
    """Count the rows of each class.

    Args:
        label_ids: (rows,) of 0..classes-1.
        classes: number of classes, C.

    Returns:
        (C,) rows by class, 0 where a class is absent.

    Raises:
        InputError: a label id is outside 0..C-1.
    """
    ids = np.asarray(label_ids, np.int64)
    if ids.size and not (ids.min() >= 0 and ids.max() < classes):
        wrong = ids[(ids < 0) | (ids >= classes)][0]
        raise InputError(
            f"label id {wrong} is outside 0..{classes - 1}, the ids of the label map's {classes} "
            "classes; serialize the dataset again with this label map"
        )
    return np.bincount(ids, minlength=classes).astype(np.int64)


def balanced_weights(counts: Counts) -> Weights:
    """Return N / (K n_c) for classes that are all present."""
    return np.asarray(counts.sum() / (len(counts) * counts), np.float64)


def square_root_weights(counts: Counts) -> Weights:
    """Return sqrt(n_max / (n_c + 1)) for classes that are all present."""
    return np.asarray(np.sqrt(counts.max() / (counts + 1)), np.float64)


def power_weights(counts: Counts, *, alpha: float) -> Weights:
    """Return (N / (K n_c))^α, not yet scaled, for classes that are all present."""
    return np.asarray(balanced_weights(counts) ** alpha, np.float64)


def effective_number_weights(counts: Counts, *, beta: float) -> Weights:
    """Return (1 - β) / (1 - β^n_c), not yet scaled, for classes that are all present; 0 ≤ β < 1.

    β = 0 gives 1 for each class; towards β = 1 the weights become proportional to 1 / n_c.
    """
    if beta == 0:
        return np.ones(len(counts))
    # 1 - β^n without the cancellation that a β near 1 would bring.
    return np.asarray((1 - beta) / -np.expm1(counts * np.log(beta)), np.float64)


def scale_to_rows(weights: Weights, counts: Counts) -> Weights:
    """Scale weights so that sum n_c w_c = N."""
    return np.asarray(weights * (counts.sum() / (counts * weights).sum()), np.float64)


def class_weights(counts: Counts, strategy: Strategy) -> Weights:
    """Return the weight of every class under a strategy.

    Args:
        counts: (C,) training rows by class id.
        strategy: its formula, with parameters and bounds.

    Returns:
        (C,) weights above 0, ordered by class id; 1 for absent classes, and for all where the
        strategy weighs nothing.

    Raises:
        InputError: no class has a row.
    """
    weights = np.full(len(counts), ABSENT_WEIGHT)
    if not strategy.weighs:
        return weights
    present = counts > 0
    if not present.any():
        raise InputError("the training split has no rows to weigh classes by; look at the split")
    weights[present] = np.clip(
        _scaled_weights(counts[present], strategy), strategy.clip_low, strategy.clip_high
    )
    return weights


def _scaled_weights(counts: Counts, strategy: Strategy) -> Weights:
    if strategy.class_weights == "balanced":
        return balanced_weights(counts)
    if strategy.class_weights == "sqrt":
        return square_root_weights(counts)
    if strategy.class_weights == "power":
        return scale_to_rows(power_weights(counts, alpha=strategy.alpha), counts)
    return scale_to_rows(effective_number_weights(counts, beta=strategy.beta), counts)
