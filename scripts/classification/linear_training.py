"""Training of the softmax regression on sparse features, with any strategy's loss.

Weights and bias start at 0, so all classes are equally likely and the initial loss is ln C. A
batch's gradient touches only the n-grams that stand in it, so Adam is lazy (`lazy_adam.py`). The
learning rate falls linearly to 0. After each epoch the validation split is scored, and the earliest
epoch with the best macro F1 of the supported classes is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from scripts.classification.initial_loss import InitialLoss, check_initial_loss, rows_to_check
from scripts.classification.labelled_features import LabelledFeatures
from scripts.classification.lazy_adam import LazyAdam
from scripts.classification.linear_model import logits_of
from scripts.classification.losses import ClassificationLoss, Losses, row_losses
from scripts.classification.resampling import Plan
from scripts.classification.scoring import macro_f1, score_classes
from scripts.classification.training_losses import LossCurve

_EVALUATED_AT_ONCE = 4096


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Attributes:
        epochs: passes over the plan's rows.
        batch: rows of a step.
        learning_rate: of the first step.
        seed: the training seed, which orders the rows.
    """

    epochs: int
    batch: int
    learning_rate: float
    seed: int

    def steps(self, rows: int) -> int:
        """Return the steps of the whole training."""
        return self.epochs * -(-rows // self.batch)


@dataclass(frozen=True)
class Trained:
    """What a training gives.

    Attributes:
        weights: (columns, C) float32 of the best epoch.
        bias: (C,) float32 of the best epoch.
        best_epoch: from 1.
        steps: optimizer steps of the whole training.
        curve: losses by step.
        initial: the check of the initial loss.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    best_epoch: int
    steps: int
    curve: LossCurve
    initial: InitialLoss


def train_softmax(
    train: LabelledFeatures,
    validation: LabelledFeatures,
    classes: int,
    *,
    plan: Plan,
    loss: ClassificationLoss,
    schedule: Schedule,
    on_batch: Callable[[int], None] = lambda rows: None,
) -> Trained:
    """Train from zero and keep the best epoch.

    Args:
        train: the training split.
        validation: the split that chooses the epoch.
        classes: number of classes, C.
        plan: rows of an epoch.
        loss: what is minimized.
        schedule: length, batch, learning rate, seed.
        on_batch: called after each step with its number of rows.
    """
    model = _Softmax(train.features.shape[1], classes, schedule, len(plan.rows))
    curve = LossCurve()
    initial = _note_start(model, train, validation, classes, loss, curve)
    best = (-1.0, 0, model.weights, model.bias)
    step = 0
    for epoch in range(1, schedule.epochs + 1):
        order = plan.epoch(epoch, seed=schedule.seed)
        for start in range(0, len(order), schedule.batch):
            rows = order[start : start + schedule.batch]
            losses = model.step(train.features[rows], train.labels[rows], loss)
            step += 1
            curve.add(
                step,
                epoch=epoch - 1 + min(start + schedule.batch, len(order)) / len(order),
                cross_entropy=float(losses.cross_entropy),
                objective=float(losses.objective.detach()),
            )
            on_batch(len(rows))
        score = _evaluate(model, validation, classes, curve, step)
        if score > best[0]:
            best = (score, epoch, model.weights.copy(), model.bias.copy())
    return Trained(best[2], best[3], best[1], step, curve, initial)


class _Softmax:
    """Weights and bias with their optimizers."""

    def __init__(self, columns: int, classes: int, schedule: Schedule, rows: int) -> None:
        self.weights = np.zeros((columns, classes), np.float32)
        self.bias = np.zeros(classes, np.float32)
        self._weights_adam = LazyAdam(self.weights)
        self._bias_adam = LazyAdam(self.bias[None])
        self._first_rate = schedule.learning_rate
        self._steps, self._step = schedule.steps(rows), 0

    def logits(self, features: Any) -> NDArray[np.float64]:
        return logits_of(features, self.weights, self.bias)

    def step(self, features: Any, labels: NDArray[np.int64], loss: ClassificationLoss) -> Losses:
        """Take one step on a batch; the losses are those before it."""
        # Only the columns that stand in the batch take part, whatever the vocabulary's size.
        seen, places = np.unique(features.indices, return_inverse=True)
        batch = type(features)(
            (features.data, places, features.indptr), shape=(len(labels), len(seen))
        )
        logits = torch.from_numpy(logits_of(batch, self.weights[seen], self.bias))
        logits.requires_grad_()
        losses = loss(logits, torch.from_numpy(labels))
        (slope,) = torch.autograd.grad(losses.objective, logits)
        by_logit = slope.numpy().astype(np.float32)
        rate = self._first_rate * (1 - self._step / self._steps)
        self._weights_adam.step(seen, batch.T @ by_logit, rate)
        self._bias_adam.step(np.zeros(1, np.int64), by_logit.sum(axis=0)[None], rate)
        self._step += 1
        return losses


def _note_start(
    model: _Softmax,
    train: LabelledFeatures,
    validation: LabelledFeatures,
    classes: int,
    loss: ClassificationLoss,
    curve: LossCurve,
) -> InitialLoss:
    """Write step 0 of the curve from up to 2,048 training rows, evenly spaced."""
    rows = rows_to_check(len(train.labels))
    logits = torch.from_numpy(model.logits(train.features[rows]))
    labels = torch.from_numpy(train.labels[rows])
    losses = loss(logits, labels)
    curve.add(
        0,
        epoch=0.0,
        cross_entropy=float(losses.cross_entropy),
        objective=float(losses.objective),
    )
    _evaluate(model, validation, classes, curve, 0)
    return check_initial_loss(row_losses(logits, labels).numpy(), classes)


def _evaluate(
    model: _Softmax, validation: LabelledFeatures, classes: int, curve: LossCurve, step: int
) -> float:
    """Note the validation loss and macro F1 after `step`; return the latter."""
    predicted, total = [], 0.0
    for start in range(0, len(validation.labels), _EVALUATED_AT_ONCE):
        part = slice(start, start + _EVALUATED_AT_ONCE)
        logits = model.logits(validation.features[part])
        labels = torch.from_numpy(validation.labels[part])
        total += float(row_losses(torch.from_numpy(logits), labels).sum())
        predicted.append(logits.argmax(axis=1))
    score = macro_f1(score_classes(validation.labels, np.concatenate(predicted), classes))
    curve.evaluate(step, cross_entropy=total / len(validation.labels), macro_f1=score)
    return score
