"""Places groups that hold rows of several classes, which no class can decide alone.

Iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011, "On the stratification of multi-label
data", fig. 1), with groups for examples and rows for labels: the class in the fewest such groups is
served first, each of its groups goes to the split that this class is owed most; of equal ones to
the split that brings all classes of the group nearest to what they are owed. Where a class then
lacks a split that whole groups could give it, `cover_classes` moves groups.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Splits = npt.NDArray[np.int8]

TRAIN_CODE, VALIDATION_CODE, TEST_CODE = range(3)


@dataclass(frozen=True)
class SharedGroups:
    """Groups of several classes, as rows of a sparse matrix in order of group.

    Attributes:
        starts: where the classes of each group begin in the next two; one more than groups.
        classes: classes of the groups.
        rows: rows of this class in this group.
    """

    starts: Integers
    classes: Integers
    rows: Integers

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def group_of_entry(self) -> Integers:
        """The group of each entry of `classes`."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    @property
    def sizes(self) -> Integers:
        """Rows of each group."""
        return np.add.reduceat(self.rows, self.starts[:-1]) if len(self) else self.rows


def allowed_splits(groups: SharedGroups, splits_of_class: Integers) -> npt.NDArray[np.bool_]:
    """Return whether each group may stand in each split (groups × 3).

    Args:
        groups: the groups.
        splits_of_class: splits that each class must stand in: 1 (train), 2 (train and test), or 3.
    """
    allowed = np.ones((len(groups), 3), bool)
    if len(groups):
        fewest = np.minimum.reduceat(splits_of_class[groups.classes], groups.starts[:-1])
        allowed[:, VALIDATION_CODE] = fewest == 3
        allowed[:, TEST_CODE] = fewest >= 2
    return allowed


def stratify_shared(
    groups: SharedGroups,
    owed: Integers,
    allowed: npt.NDArray[np.bool_],
    ranks: Integers,
) -> Splits:
    """Return the split of each group.

    Args:
        groups: the groups.
        owed: rows that each class is owed in each split (classes × 3).
        allowed: splits in which each group may stand.
        ranks: a random rank of each group, which decides between equal ones.
    """
    placed = np.zeros(len(groups), np.int8)
    weights = 1.0 / np.maximum(owed.sum(axis=1), 1)
    left: list[list[int]] = owed.tolist()
    in_groups = np.bincount(groups.classes, minlength=len(owed))
    by_rarity = np.lexsort([groups.classes, in_groups[groups.classes], groups.group_of_entry])
    leading = groups.classes[by_rarity[groups.starts[:-1]]]
    # What must be in train comes first, since it is no choice.
    choices = allowed.sum(axis=1)
    order = np.lexsort([ranks, -groups.sizes, leading, in_groups[leading], choices > 1])
    for group in order.tolist():
        start, end = groups.starts[group], groups.starts[group + 1]
        members = list(
            zip(groups.classes[start:end].tolist(), groups.rows[start:end].tolist(), strict=True)
        )
        split = 0
        if choices[group] > 1:
            wants = left[leading[group]]
            split = max(
                np.flatnonzero(allowed[group]).tolist(),
                key=lambda code: (
                    wants[code],
                    sum(weights[label] * n * left[label][code] for label, n in members),
                ),
            )
        placed[group] = split
        for label, n in members:
            left[label][split] -= n
    return placed


def stands_in(
    groups: SharedGroups,
    placed: Splits,
    classes: int,
    among: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.bool_]:
    """Return whether the groups, or those marked in `among`, put each class into each split."""
    found = np.zeros((classes, 3), bool)
    group_of_entry = groups.group_of_entry
    used = slice(None) if among is None else among[group_of_entry]
    found[groups.classes[used], placed[group_of_entry[used]]] = True
    return found


def missing_splits(
    found: npt.NDArray[np.bool_], splits_of_class: Integers, own_groups: Integers
) -> Integers:
    """Return how many splits each class lacks even if all its own groups fill gaps.

    Args:
        found: where groups of several classes put it.
        splits_of_class: 1 (train), 2 (train and test), or 3.
        own_groups: groups that hold this class alone.
    """
    needed = needed_splits(splits_of_class)
    return np.maximum((needed & ~found).sum(axis=1) - own_groups, 0)


def needed_splits(splits_of_class: Integers) -> npt.NDArray[np.bool_]:
    """Return whether each class must stand in each split (classes × 3)."""
    needed = np.ones((len(splits_of_class), 3), bool)
    needed[:, VALIDATION_CODE] = splits_of_class == 3
    needed[:, TEST_CODE] = splits_of_class >= 2
    return needed
