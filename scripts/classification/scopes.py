"""Which classes a score is about: those that survived the filter, or all classes of the input.

A filter changes the test: without the rare classes it is easier. So every strategy is scored twice.
On all classes of the input, those that the filter removed, merged or kept for training alone have
recall and F1 0, and the rows that the test split would hold of them are misses. The class OTHER is
no class of the input, and its hits are none. These scores are upper bounds: rows of the missing
classes would be taken for surviving ones, and lower their precision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.classification.filter_classes import (
    BELOW_THRESHOLD,
    MERGED,
    MERGED_BELOW_THRESHOLD,
    TRAIN_ONLY,
)
from scripts.classification.label_map import LabelMap
from scripts.classification.scoring import BUCKETS, ClassScores, buckets_of
from scripts.common.errors import IntegrityError

SURVIVING, INPUT = SCOPES = ("surviving", "input")
METRICS = (
    "accuracy",
    "balanced_accuracy",
    "weighted_f1",
    "macro_f1_supported",
    "macro_f1_all",
    *BUCKETS,
)
_REASONS = {BELOW_THRESHOLD, MERGED_BELOW_THRESHOLD, MERGED, TRAIN_ONLY}
_Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Scope:
    """The classes of a score.

    Attributes:
        name: one of `SCOPES`.
        scored: (C,) whether a class's own score counts.
        members: (buckets, C) which of them are in each bucket.
        missing: number of missing classes, which score 0.
        missing_in: the same in each bucket.
        missing_rows: rows that the test split would hold of them beyond those it holds.
        silent: scored classes without a test row.
    """

    name: str
    scored: NDArray[np.bool_]
    members: NDArray[np.bool_]
    missing: int
    missing_in: tuple[int, ...]
    missing_rows: float
    silent: int


def surviving_scope(buckets: Sequence[str], support: NDArray[np.int64]) -> Scope:
    """Return the scope of the classes that a model knows.

    Args:
        buckets: bucket of each class, by class id.
        support: (C,) test rows of each class.
    """
    scored = np.ones(len(buckets), bool)
    nothing = (0,) * len(BUCKETS)
    return Scope(
        SURVIVING, scored, _members(buckets, scored), 0, nothing, 0.0, int((support == 0).sum())
    )


def input_scope(
    buckets: Sequence[str],
    support: NDArray[np.int64],
    label_map: LabelMap,
    touched: Sequence[Sequence[Any]],
    rows: Mapping[str, int],
    *,
    head_above: int,
    tail_below: int,
) -> Scope:
    """Return the scope of all classes of the input.

    A missing class is in the bucket of the training rows that it would have, at the share of
    training rows among kept rows.

    Args:
        buckets: bucket of each class, by class id.
        support: (C,) test rows of each class.
        label_map: the registry.
        touched: label, rows and reason of each class that the filter removed, merged or set aside.
        rows: rows by split, of the classes that were not set aside for training.
        head_above: a class with more training rows is a head class.
        tail_below: a class with fewer training rows is a tail class.

    Raises:
        IntegrityError: a reason is unknown.
    """
    unknown = {str(reason) for _, _, reason in touched} - _REASONS
    if unknown:
        raise IntegrityError(
            f"the filter report gives the reason {min(unknown)!r}, which is unknown here; run the "
            "filter again"
        )
    total = sum(rows.values())
    sizes = np.array([size for _, size, _ in touched], np.float64)
    trained = np.rint(sizes * rows["train"] / total).astype(np.int64)
    missing = buckets_of(trained, head_above=head_above, tail_below=tail_below)
    out = {label for label, _, reason in touched if reason == TRAIN_ONLY}
    out |= set(label_map.merged.values())
    scored = np.array([label not in out for label in label_map.labels], bool)
    beyond = sum(size for _, size, reason in touched if reason != MERGED)
    return Scope(
        INPUT,
        scored,
        _members(buckets, scored),
        len(touched),
        tuple(missing.count(bucket) for bucket in BUCKETS),
        beyond * rows["test"] / total,
        int((scored & (support == 0)).sum()),
    )


def score(
    scope: Scope,
    support: _Numbers,
    predicted: _Numbers,
    hits: _Numbers,
    multiplicity: _Numbers,
) -> _Numbers:
    """Return the metrics of several draws of a test split.

    With all multiplicities 1 these are the metrics of `scoring.summarize_scores`.

    Args:
        scope: whose classes count.
        support: (draws, C) rows of each class, all of its copies together.
        predicted: (draws, C) rows predicted to be of it.
        hits: (draws, C) rows that are both.
        multiplicity: (draws, C) how often a class counts. Where it is m, `support` and `hits` hold
            m copies of one unit, and its scores are those with one copy.

    Returns:
        (draws, metrics) in the order of `METRICS`, NaN for a bucket without classes.
    """
    copies = np.maximum(multiplicity, 1.0)
    own, rows = hits / copies, support / copies
    f1 = _quotient(2 * own, rows + predicted - hits + own)
    weight = multiplicity * (scope.scored & (support > 0))
    total = support.sum(axis=1) + scope.missing_rows
    classes = weight.sum(axis=1)
    summed = (weight * f1).sum(axis=1)
    columns = [
        (hits * scope.scored).sum(axis=1) / total,
        (weight * _quotient(own, rows)).sum(axis=1) / (classes + scope.missing),
        (weight * f1 * rows).sum(axis=1) / total,
        summed / (classes + scope.missing),
        summed / (classes + scope.silent + scope.missing),
    ]
    for members, missing in zip(scope.members, scope.missing_in, strict=True):
        number = (weight * members).sum(axis=1) + missing
        with np.errstate(invalid="ignore"):
            columns.append((weight * members * f1).sum(axis=1) / number)
    return np.stack(columns, axis=1)


def score_split(scope: Scope, counts: ClassScores) -> _Numbers:
    """Return the metrics of a test split as it is, in the order of `METRICS`."""
    support, predicted, hits = (
        np.asarray(values, np.float64)[None]
        for values in (counts.support, counts.predicted, counts.hits)
    )
    found: _Numbers = score(scope, support, predicted, hits, np.ones_like(support))[0]
    return found


def _members(buckets: Sequence[str], scored: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.array([[name == bucket for name in buckets] for bucket in BUCKETS]) & scored


def _quotient(over: _Numbers, under: _Numbers) -> _Numbers:
    return np.asarray(np.divide(over, under, out=np.zeros_like(over), where=under > 0))
