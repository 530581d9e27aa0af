"""Resampling of the training split: which rows an epoch uses, and how often.

Targets are made from the counts of the classes and handed to imbalanced-learn as a mapping, since a
ratio is refused there for more than two classes. n_c are the rows of class c, r is `target_ratio`.

- over: a class grows to r n_max, its rows used at most `max_repeat` times each, shared out evenly
  where chance would use one more often.
- under: a class shrinks to n_min / r, which discards rows for good. One subset is drawn for the
  whole training.
- sampler: an epoch has as many rows as before, drawn with replacement, the classes in proportion to
  the targets of `over`. Nothing is copied and nothing is lost for good.
- smote: new rows between neighbours of a class (Chawla et al. 2002). Refused for texts; on numeric
  features for classes with more than `SMOTE_NEIGHBORS` rows.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.classification.class_weights import Counts, count_classes
from scripts.classification.strategy import Strategy
from scripts.common.errors import ConfigError
from scripts.common.hashing import keyed_hash

Rows = NDArray[np.int64]
SMOTE_NEIGHBORS = 5


@dataclass(frozen=True)
class Plan:
    """The rows of an epoch.

    Attributes:
        rows: (n,) positions in the training split, ascending; a repeated row stands repeatedly.
        chances: (n,) each one's chance in a draw with replacement, None where each is used once.
        before: (C,) rows by class without resampling.
        after: (C,) rows by class in an epoch, expected ones where they are drawn.
    """

    rows: Rows
    chances: NDArray[np.float64] | None
    before: Counts
    after: NDArray[np.float64]

    def epoch(self, number: int, *, seed: int) -> Rows:
        """Return the positions that an epoch uses, in the order of their use.

        Args:
            number: the epoch, from 1.
            seed: the training seed.
        """
        generator = _generator(seed, "order of training rows", number)
        if self.chances is None:
            return self.rows[generator.permutation(len(self.rows))]
        limits = np.cumsum(self.chances)
        drawn = np.searchsorted(limits, generator.random(len(self.rows)) * limits[-1], "right")
        return self.rows[drawn]


def plan_rows(labels: NDArray[Any], classes: int, strategy: Strategy, *, seed: int) -> Plan:
    """Return which rows of texts an epoch uses.

    Args:
        labels: (rows,) class ids of the training split, in its order.
        classes: number of classes, C.
        strategy: its resampling, with target ratio and bound.
        seed: the training seed.

    Raises:
        ConfigError: the resampling is "smote", which has no meaning for texts.
    """
    counts = count_classes(labels, classes)
    everything = np.arange(len(labels), dtype=np.int64)
    if strategy.resampling == "smote":
        raise ConfigError(
            "resampling = smote puts new rows between two rows, and between two texts there is "
            "none; use sampler or over, or the model tfidf, whose features are numbers"
        )
    if strategy.resampling == "over":
        targets = over_targets(counts, strategy)
        rows = _bounded(_over(labels, counts, targets, seed), labels, strategy.max_repeat)
        return Plan(rows, None, counts, targets.astype(np.float64))
    if strategy.resampling == "under":
        targets = under_targets(counts, strategy)
        rows = _under(labels, counts, targets, seed)
        return Plan(rows, None, counts, targets.astype(np.float64))
    if strategy.resampling == "sampler":
        chances = sampler_chances(labels, counts, strategy)
        drawn = np.zeros(classes)
        np.add.at(drawn, labels, chances * len(labels))
        return Plan(everything, chances, counts, drawn)
    return Plan(everything, None, counts, counts.astype(np.float64))


def over_targets(counts: Counts, strategy: Strategy) -> Counts:
    """Return the rows of each class after over-sampling: never fewer than now, 0 stays 0."""
    wanted = math.ceil(round(strategy.target_ratio * int(counts.max(initial=0)), 9))
    return np.maximum(counts, np.minimum(wanted, counts * strategy.max_repeat))


def under_targets(counts: Counts, strategy: Strategy) -> Counts:
    """Return the rows of each class after under-sampling: never more than now, no class lost."""
    present = counts[counts > 0]
    if not len(present):
        return counts
    kept = math.floor(round(int(present.min()) / strategy.target_ratio, 9))
    return np.minimum(counts, kept)


def sampler_chances(
    labels: NDArray[Any], counts: Counts, strategy: Strategy
) -> NDArray[np.float64]:
    """Return each row's chance in one draw; they sum to 1, classes share as `over_targets` says.

    A row is drawn at most `max_repeat` times an epoch on average.
    """
    targets = over_targets(counts, strategy)
    by_row = targets / np.maximum(counts, 1) / max(int(targets.sum()), 1)
    return np.asarray(by_row[labels], np.float64)


def smote_features(
    features: Any, labels: NDArray[Any], classes: int, strategy: Strategy, *, seed: int
) -> tuple[Any, NDArray[np.int64]]:
    """Return numeric features and labels with synthetic rows behind the given ones.

    Args:
        features: (rows, columns) numbers, an array or a CSR matrix.
        labels: (rows,) class ids.
        classes: number of classes, C.
        strategy: its target ratio and bound; classes of at most `SMOTE_NEIGHBORS` rows stay as
            they are.
        seed: the training seed.
    """
    counts = count_classes(labels, classes)
    targets = np.where(counts > SMOTE_NEIGHBORS, over_targets(counts, strategy), counts)
    wanted = _changed(counts, targets)
    if not wanted:
        return features, np.asarray(labels, np.int64)
    from imblearn.over_sampling import SMOTE

    sampler = SMOTE(
        sampling_strategy=wanted,
        k_neighbors=SMOTE_NEIGHBORS,
        random_state=_legacy_seed(seed, "synthetic rows"),
    )
    grown, grown_labels = sampler.fit_resample(features, labels)
    return grown, np.asarray(grown_labels, np.int64)


def without_resampling(strategy: Strategy) -> Strategy:
    """Return the strategy for rows that have been resampled already."""
    return replace(strategy, resampling="none")


def _over(labels: NDArray[Any], counts: Counts, targets: Counts, seed: int) -> Rows:
    wanted = _changed(counts, targets)
    if not wanted:
        return np.arange(len(labels), dtype=np.int64)
    from imblearn.over_sampling import RandomOverSampler

    sampler = RandomOverSampler(
        sampling_strategy=wanted, random_state=_legacy_seed(seed, "repeated rows")
    )
    return _sampled(sampler, labels)


def _under(labels: NDArray[Any], counts: Counts, targets: Counts, seed: int) -> Rows:
    wanted = _changed(counts, targets)
    if not wanted:
        return np.arange(len(labels), dtype=np.int64)
    from imblearn.under_sampling import RandomUnderSampler

    sampler = RandomUnderSampler(
        sampling_strategy=wanted, random_state=_legacy_seed(seed, "discarded rows")
    )
    return _sampled(sampler, labels)


def _sampled(sampler: Any, labels: NDArray[Any]) -> Rows:
    sampler.fit_resample(np.arange(len(labels))[:, None], labels)
    return np.sort(np.asarray(sampler.sample_indices_, np.int64))


def _changed(counts: Counts, targets: Counts) -> Mapping[int, int]:
    return {int(c): int(targets[c]) for c in np.flatnonzero(counts != targets)}


def _bounded(rows: Rows, labels: NDArray[Any], most: int) -> Rows:
    """Hand uses of a row beyond `most` to the least used rows of its class.

    The targets leave room for all of them, since a class has at most `most` times its rows.
    """
    uses = np.bincount(rows, minlength=len(labels))
    for label in np.unique(labels[uses > most]):
        members = np.flatnonzero(labels == label)
        surplus = int((uses[members] - most).clip(0).sum())
        uses[members] = uses[members].clip(max=most)
        for _ in range(surplus):
            uses[members[uses[members].argmin()]] += 1
    return np.repeat(np.arange(len(labels), dtype=np.int64), uses)


def _legacy_seed(seed: int, purpose: str) -> int:
    return keyed_hash(seed, purpose) % (1 << 32)


def _generator(seed: int, purpose: str, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=keyed_hash(seed, purpose, str(number))))
