"""What every training writes, whatever the model: metrics, class scores, predictions, losses."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scripts.classification.class_weights import Counts
from scripts.classification.imbalance import entropy
from scripts.classification.initial_loss import InitialLoss
from scripts.classification.scoring import (
    buckets_of,
    score_classes,
    summarize_scores,
    write_per_class,
)
from scripts.classification.tables import LOSSES, PREDICTIONS
from scripts.classification.training_losses import (
    loss_at_step,
    steps_to_loss,
)
from scripts.common.files import write_json
from scripts.common.tables import write_table


@dataclass(frozen=True)
class Outcome:
    """A finished training.

    Attributes:
        model: kind of model, "tfidf" or "transformer".
        strategy: name of the strategy.
        seed: training seed.
        labels: labels in order of class ids.
        train_counts: (C,) training rows by class, before any resampling.
        validation_labels: (m,) class ids.
        validation_predicted: (m,) class ids.
        test_rows: (n,) row numbers, ascending.
        test_labels: (n,) class ids.
        test_predicted: (n,) class ids.
        test_probabilities: (n,) of the predicted classes.
        initial: the check of the initial loss.
        losses: table LOSSES.
        best_epoch: the epoch whose weights were kept, from 1.
        steps: optimizer steps of the whole training.
        facts: what else metrics.json says: settings, hashes.
    """

    model: str
    strategy: str
    seed: int
    labels: Sequence[str]
    train_counts: Counts
    validation_labels: NDArray[np.int64]
    validation_predicted: NDArray[np.int64]
    test_rows: NDArray[np.int64]
    test_labels: NDArray[np.int64]
    test_predicted: NDArray[np.int64]
    test_probabilities: NDArray[np.float64]
    initial: InitialLoss
    losses: pa.Table
    best_epoch: float
    steps: int
    facts: dict[str, Any]


def write_outcome(
    outcome: Outcome,
    *,
    packages: Sequence[str],
    head_above: int,
    tail_below: int,
    metrics: Path,
    per_class: Path,
    predictions: Path,
    losses: Path,
) -> None:
    """Score a finished training and write its four files.

    The stated loss of `steps_to` is the prior-only one: from there on the model knows more than
    the class frequencies.

    Args:
        outcome: the training.
        packages: distributions whose versions metrics.json states.
        head_above: a class with more training rows is a head class.
        tail_below: a class with fewer training rows is a tail class.
        metrics: JSON to write.
        per_class: TSV to write.
        predictions: table PREDICTIONS to write.
        losses: table LOSSES to write.
    """
    classes = len(outcome.labels)
    buckets = buckets_of(outcome.train_counts, head_above=head_above, tail_below=tail_below)
    test = score_classes(outcome.test_labels, outcome.test_predicted, classes)
    validation = score_classes(outcome.validation_labels, outcome.validation_predicted, classes)
    # Answering the frequencies of a set costs its entropy.
    prior_only = entropy(outcome.train_counts)
    write_json(
        metrics,
        {
            "model": outcome.model,
            "strategy": outcome.strategy,
            "seed": outcome.seed,
            "classes": classes,
            "rows": {
                "train": int(outcome.train_counts.sum()),
                "validation": len(outcome.validation_labels),
                "test": len(outcome.test_labels),
            },
            "initial": outcome.initial.as_json(),
            "prior_only_loss": prior_only,
            "loss_at_200": loss_at_step(outcome.losses),
            "steps_to": {"loss": prior_only, "steps": steps_to_loss(outcome.losses, prior_only)},
            "best_epoch": outcome.best_epoch,
            "steps": outcome.steps,
            "test": summarize_scores(test, buckets),
            "validation": summarize_scores(validation, buckets),
            "versions": {package: version(package) for package in packages},
            **outcome.facts,
        },
    )
    write_per_class(per_class, outcome.labels, buckets, outcome.train_counts, test)
    write_table(
        predictions,
        pa.table(
            {
                "row": outcome.test_rows,
                "label_id": outcome.test_labels,
                "predicted_id": outcome.test_predicted,
                "probability": outcome.test_probabilities,
            }
        ),
        PREDICTIONS,
    )
    write_table(losses, outcome.losses, LOSSES)
