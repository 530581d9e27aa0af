"""Stratified splits into train, validation and test that divide no group.

Classes are treated one by one: each is owed its share of rows in each split, at least one row
wherever it has a group for it. A class of three groups or more stands in all splits, one of two
groups in train and test, one of a single group in train. Groups that hold several classes are
placed first, together (`shared_groups`, `cover_classes`); the groups of each class then make up
what is still owed (`own_groups`). Groups are taken in order of their numbers and random choices are
keyed by class, so that the order of rows does not matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scripts.classification.cover_classes import cover_classes
from scripts.classification.own_groups import place_groups
from scripts.classification.shared_groups import (
    TEST_CODE,
    TRAIN_CODE,
    VALIDATION_CODE,
    Integers,
    SharedGroups,
    Splits,
    allowed_splits,
    needed_splits,
    stands_in,
    stratify_shared,
)
from scripts.classification.split_quotas import Shares, quotas
from scripts.common.keyed_generator import keyed_generator

_BY_IMPORTANCE = (TRAIN_CODE, TEST_CODE, VALIDATION_CODE)


@dataclass(frozen=True)
class StratifiedSplit:
    """A split and what it was made from.

    Attributes:
        splits: split of each row: 0 train, 1 validation, 2 test.
        owed: rows that each class is owed in each split (classes × 3).
        groups_of_class: number of groups that hold each class.
        own_groups: number of those that hold no other class.
        shared_rows: whether each row stands in a group of several classes.
        shared_groups: number of such groups.
    """

    splits: Splits
    owed: Integers
    groups_of_class: Integers
    own_groups: Integers
    shared_rows: npt.NDArray[np.bool_]
    shared_groups: int


def stratified_split(
    label_ids: npt.NDArray[np.integer[Any]],
    groups: npt.NDArray[np.integer[Any]],
    train_only: npt.NDArray[np.bool_],
    *,
    keys: Sequence[str],
    shares: Shares,
    seed: int,
) -> StratifiedSplit:
    """Return the split of each row.

    Args:
        label_ids: class of each row, in 0..C-1.
        groups: group of each row; rows of one group get one split.
        train_only: rows of classes that only train may hold; one such row keeps its class there.
        keys: a name of each class, by which its random choices are keyed.
        shares: share of train, validation and test, which add up to one.
        seed: seed of the random choices.
    """
    classes = len(keys)
    numbers, group_of_row = np.unique(groups, return_inverse=True)
    # Pairs of group and class that occur, sorted, with their rows.
    pairs, rows = np.unique(group_of_row * classes + label_ids, return_counts=True)
    pair_group, pair_class = np.divmod(pairs, classes)
    classes_of_group = np.bincount(pair_group, minlength=len(numbers))
    is_shared = classes_of_group > 1
    pair_is_shared = is_shared[pair_group]
    groups_of_class = np.bincount(pair_class, minlength=classes)
    own_groups = np.bincount(pair_class[~pair_is_shared], minlength=classes)

    splits_of_class = np.clip(groups_of_class, 1, 3)
    splits_of_class[np.unique(label_ids[train_only])] = 1
    needed = needed_splits(splits_of_class)
    owed = _owed(np.bincount(label_ids, minlength=classes), needed, shares, keys, seed)

    shared = SharedGroups(
        starts=np.concatenate([[0], np.cumsum(classes_of_group[is_shared])]),
        classes=pair_class[pair_is_shared],
        rows=rows[pair_is_shared],
    )
    split_of_group = np.zeros(len(numbers), np.int8)
    split_of_shared = _place_shared(shared, owed, splits_of_class, own_groups, seed)
    split_of_group[is_shared] = split_of_shared
    found = stands_in(shared, split_of_shared, classes)
    left = owed.copy()
    entry_splits = split_of_shared[shared.group_of_entry]
    np.subtract.at(left, (shared.classes, entry_splits), shared.rows)

    own = np.flatnonzero(~pair_is_shared)
    by_class = own[np.argsort(pair_class[own], kind="stable")]
    ends = np.cumsum(own_groups)
    for label, key in enumerate(keys):
        mine = by_class[ends[label] - own_groups[label] : ends[label]]
        if not len(mine):
            continue
        mine = keyed_generator(seed, "split", key).permutation(mine)
        split_of_group[pair_group[mine]] = place_groups(
            rows[mine],
            left[label].tolist(),
            allowed=np.flatnonzero(needed[label]).tolist(),
            empty=[
                code for code in _BY_IMPORTANCE if needed[label, code] and not found[label, code]
            ],
        )
    return StratifiedSplit(
        splits=split_of_group[group_of_row],
        owed=owed,
        groups_of_class=groups_of_class,
        own_groups=own_groups,
        shared_rows=is_shared[group_of_row],
        shared_groups=len(shared),
    )


def _owed(
    rows: Integers,
    needed: npt.NDArray[np.bool_],
    shares: Shares,
    keys: Sequence[str],
    seed: int,
) -> Integers:
    """Return the rows that each class is owed in each split (classes × 3)."""
    owed = np.zeros(needed.shape, np.int64)
    for label, key in enumerate(keys):
        if rows[label]:
            # Which split is served first where remainders are equal is drawn, lest one gain by it.
            order = keyed_generator(seed, "remainder", key).permutation(3).tolist()
            splits = np.flatnonzero(needed[label]).tolist()
            owed[label] = quotas(int(rows[label]), shares, splits, order)
    return owed


def _place_shared(
    shared: SharedGroups, owed: Integers, splits_of_class: Integers, own_groups: Integers, seed: int
) -> Splits:
    if not len(shared):
        return np.zeros(0, np.int8)
    allowed = allowed_splits(shared, splits_of_class)
    ranks = keyed_generator(seed, "shared groups").permutation(len(shared))
    placed = stratify_shared(shared, owed, allowed, ranks)
    return cover_classes(shared, placed, allowed, splits_of_class, own_groups)
