"""Weighted cross-entropy and focal loss of a classifier, with the plain cross-entropy beside them.

For a row with label y, CE = -log softmax(logits)_y and p_y = exp(-CE):

- weighted cross-entropy: w_y CE;
- focal loss: α_y (1 - p_y)^γ CE (Lin et al. 2017, equation 5); without α, γ = 0 leaves CE.

A batch's loss is the sum over its rows divided by their number. torch's own weighted mean divides
by the sum of the weights instead, which makes a row's part depend on its neighbours in the batch.
Rows labelled -100 count nowhere.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from scripts.classification.class_weights import class_weights
from scripts.classification.strategy import Strategy

IGNORED = -100


class Losses(NamedTuple):
    """What one pass over a batch gives.

    Attributes:
        objective: () what is minimized, with its graph.
        cross_entropy: () unweighted, in nats, without a graph.
        rows: number of rows that count.
    """

    objective: Tensor
    cross_entropy: Tensor
    rows: int


class ClassificationLoss:
    """The loss of a strategy.

    Args:
        weights: (C,) weights of the classes, None for none.
        gamma: focusing parameter of the focal loss, None for cross-entropy.
    """

    def __init__(self, weights: Tensor | None = None, gamma: float | None = None) -> None:
        self.weights, self.gamma = weights, gamma

    @classmethod
    def of(cls, strategy: Strategy, counts: NDArray[np.int64]) -> "ClassificationLoss":
        """Return a strategy's loss.

        Args:
            strategy: the strategy.
            counts: (C,) training rows by class id, before any resampling.
        """
        weights = torch.from_numpy(class_weights(counts, strategy)) if strategy.weighs else None
        return cls(weights, strategy.gamma if strategy.loss == "focal" else None)

    def __call__(self, logits: Tensor, labels: Tensor, divisor: Any | None = None) -> Losses:
        """Compute the losses of a batch from one softmax.

        Args:
            logits: (rows, C) of floats; half precision is computed in float32.
            labels: (rows,) class ids, -100 for rows to leave out.
            divisor: what the sum over rows is divided by in `objective`, for a step of several
                batches; their own number where it is None.

        Returns:
            The losses; 0 where no row counts.
        """
        by_row = row_losses(logits, labels)
        counted = labels != IGNORED
        rows = int(counted.sum())
        objective = by_row if self.gamma is None else focal_terms(by_row, self.gamma)
        if self.weights is not None:
            objective = objective * weights_of_rows(self.weights, labels, by_row)
        return Losses(
            objective.sum() / (max(rows, 1) if divisor is None else divisor),
            by_row.detach().sum() / max(rows, 1),
            rows,
        )


def row_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the unweighted cross-entropy of each row, in nats; 0 for rows labelled -100.

    Args:
        logits: (rows, C) of floats; half precision is computed in float32.
        labels: (rows,) class ids or -100.
    """
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    return functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="none")


def focal_terms(by_row: Tensor, gamma: float) -> Tensor:
    """Return (1 - p)^γ CE of each row from its unweighted cross-entropy, p = exp(-CE)."""
    if gamma == 0:
        return by_row
    # Where p rounds to 1 the slope of (1 - p)^γ is infinite for γ < 1, and CE is 0.
    missing = (-torch.expm1(-by_row)).clamp_min(torch.finfo(by_row.dtype).tiny)
    return missing**gamma * by_row


def weights_of_rows(weights: Tensor, labels: Tensor, like: Tensor) -> Tensor:
    """Return each row's weight, 0 where it is labelled -100, as `like` in device and dtype."""
    of_classes = weights.to(device=like.device, dtype=like.dtype)
    counted = labels != IGNORED
    return of_classes[labels.where(counted, 0)] * counted
