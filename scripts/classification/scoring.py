"""Scores of a classifier from labels and predictions, by class and summed up.

For a class, precision is hits / predicted rows, recall hits / rows, F1 = 2 hits / (rows + predicted
rows); a quotient without a denominator is 0. A class is supported where the split has rows of it.
Buckets go by training rows: head above one limit, tail below another, medium between, ends included
(Liu et al. 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.classification.class_weights import Counts, count_classes
from scripts.common.errors import InputError
from scripts.common.tsv import write_tsv

HEAD, MEDIUM, TAIL = BUCKETS = ("head", "medium", "tail")
PER_CLASS_COLUMNS = (
    "label",
    "label_id",
    "bucket",
    "train_rows",
    "support",
    "precision",
    "recall",
    "f1",
)
_Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class ClassScores:
    """Counts of a split by class id.

    Attributes:
        support: (C,) rows of the class.
        predicted: (C,) rows predicted to be of it.
        hits: (C,) rows that are both.
    """

    support: Counts
    predicted: Counts
    hits: Counts

    @property
    def precision(self) -> _Numbers:
        """(C,) in [0, 1], 0 where nothing is predicted to be of the class."""
        return _quotient(self.hits, self.predicted)

    @property
    def recall(self) -> _Numbers:
        """(C,) in [0, 1], 0 where the class has no row."""
        return _quotient(self.hits, self.support)

    @property
    def f1(self) -> _Numbers:
        """(C,) in [0, 1], 0 where there is neither."""
        return _quotient(2 * self.hits, self.support + self.predicted)


def score_classes(labels: NDArray[Any], predicted: NDArray[Any], classes: int) -> ClassScores:
    """Count labels, predictions and hits of each class.

    Args:
        labels: (rows,) class ids.
        predicted: (rows,) class ids.
        classes: number of classes, C.
    """
    labels = np.asarray(labels, np.int64)
    return ClassScores(
        count_classes(labels, classes),
        count_classes(predicted, classes),
        count_classes(labels[labels == predicted], classes),
    )


def buckets_of(train_rows: Counts, *, head_above: int, tail_below: int) -> list[str]:
    """Return the bucket of each class, by class id."""
    return [
        HEAD if rows > head_above else TAIL if rows < tail_below else MEDIUM
        for rows in train_rows.tolist()
    ]


def macro_f1(scores: ClassScores) -> float:
    """Return the mean F1 of the supported classes, by which models are chosen."""
    return float(scores.f1[scores.support > 0].mean())


def summarize_scores(scores: ClassScores, buckets: Sequence[str]) -> dict[str, float | None]:
    """Sum up the scores of a split.

    Args:
        scores: its counts.
        buckets: bucket of each class, by class id.

    Returns:
        accuracy; balanced_accuracy, the mean recall of supported classes; weighted_f1, weighted by
        support; macro_f1_supported, and macro_f1_all over all C classes; and the macro F1 of the
        supported classes of head, medium and tail, None for a bucket without any.

    Raises:
        InputError: the split has no rows.
    """
    rows = int(scores.support.sum())
    if not rows:
        raise InputError("the split to be scored has no rows; raise test_size or val_size")
    supported = scores.support > 0
    f1 = scores.f1
    of_buckets = {}
    for bucket in BUCKETS:
        members = supported & np.array([name == bucket for name in buckets])
        of_buckets[bucket] = float(f1[members].mean()) if members.any() else None
    return {
        "accuracy": float(scores.hits.sum() / rows),
        "balanced_accuracy": float(scores.recall[supported].mean()),
        "weighted_f1": float((f1 * scores.support).sum() / rows),
        "macro_f1_supported": macro_f1(scores),
        "macro_f1_all": float(f1.mean()),
        **of_buckets,
    }


def write_per_class(
    path: Path,
    labels: Sequence[str],
    buckets: Sequence[str],
    train_rows: Counts,
    scores: ClassScores,
) -> None:
    """Write the scores of every class, in order of class ids."""
    columns = (
        list(labels),
        range(len(labels)),
        list(buckets),
        train_rows.tolist(),
        scores.support.tolist(),
        *(
            [f"{value:.6f}" for value in values]
            for values in (scores.precision, scores.recall, scores.f1)
        ),
    )
    write_tsv(path, PER_CLASS_COLUMNS, zip(*columns, strict=True))


def _quotient(over: Counts, under: Counts) -> _Numbers:
    return np.asarray(over / np.maximum(under, 1), np.float64)
