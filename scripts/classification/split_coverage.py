"""What a split covers: classes, shares, groups, and whether it is stratified, with the reason.

Everything here is counted from the finished split.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from scripts.classification.shared_groups import TRAIN_CODE
from scripts.classification.stratified_split import StratifiedSplit
from scripts.classification.tables import SPLIT_NAMES

FULL, PARTIAL, NONE = "full", "partial", "none"
Counts = npt.NDArray[np.int64]


def count_by_split(label_ids: npt.NDArray[np.integer[Any]], splits: Any, classes: int) -> Counts:
    """Return the rows of each class in each split (classes × 3)."""
    cells = np.bincount(label_ids.astype(np.int64) * 3 + splits, minlength=3 * classes)
    return cells.reshape(classes, 3)


def total_variation(one: Counts, other: Counts) -> float | None:
    """Return half the sum of differences of two count vectors' shares: 0 (equal) to 1.

    It is None where one of them is empty.
    """
    if not one.sum() or not other.sum():
        return None
    return float(np.abs(one / one.sum() - other / other.sum()).sum() / 2)


def divided_groups(groups: npt.NDArray[np.integer[Any]], splits: npt.NDArray[np.int8]) -> int:
    """Return the number of groups with rows in more than one split."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=groups[order][0] - 1))
    least = np.minimum.reduceat(splits[order], starts)
    most = np.maximum.reduceat(splits[order], starts)
    return int((least != most).sum())


def rows_also_in_train(
    texts: npt.NDArray[np.uint64], splits: npt.NDArray[np.int8], empty: np.uint64
) -> int:
    """Return the rows of validation and test whose text stands in train as well.

    Args:
        texts: (n,) hash of each row's text.
        splits: (n,) code of each row's split.
        empty: hash of the empty text, of which two are no copies of each other.
    """
    in_train = splits == TRAIN_CODE
    return int(np.isin(texts[~in_train & (texts != empty)], texts[in_train]).sum())


def stratification(
    found: StratifiedSplit, counts: Counts, train_only: npt.NDArray[np.bool_]
) -> tuple[str, str]:
    """Return "full", "partial" or "none", and the reason.

    It is full where every class stands in all three splits, none where no class does.

    Args:
        found: the split.
        counts: rows of each class in each split.
        train_only: classes that no other split may hold.
    """
    present = counts.sum(axis=1) > 0
    everywhere = np.all(counts > 0, axis=1)
    groups = found.groups_of_class
    reasons = [
        f"{number} {text}"
        for number, text in (
            (int((present & train_only).sum()), "rare classes are kept in train only"),
            (int((present & ~train_only & (groups == 1)).sum()), "have one group: train only"),
            (int((present & ~train_only & (groups == 2)).sum()), "have two groups: train and test"),
            (
                int((present & ~train_only & (groups >= 3) & ~everywhere).sum()),
                "have three groups or more, but lack a split, since groups that hold several "
                "classes stay whole",
            ),
        )
        if number
    ]
    off = int((np.abs(counts - found.owed) > 1).any(axis=1).sum())
    note = f"; {off} are off their shares by more than a row, since groups stay whole"
    classes = int(present.sum())
    if everywhere[present].all():
        reason = f"all {classes} classes are in all three splits"
        return FULL, reason + (note if off else "")
    kind = PARTIAL if everywhere.any() else NONE
    reason = f"{int(everywhere.sum())} of {classes} classes are in all three splits; of the others "
    return kind, reason + ", ".join(reasons) + (note if off else "")


def describe_splits(counts: Counts, labels: Sequence[str]) -> dict[str, Any]:
    """Return, for each split: rows, share, classes, those missing, those only there, distance.

    The distance is the total variation of its class shares to those of train.
    """
    described = {}
    for code, name in enumerate(SPLIT_NAMES):
        here = counts[:, code] > 0
        others = np.delete(counts, code, axis=1).sum(axis=1) > 0
        described[name] = {
            "rows": int(counts[:, code].sum()),
            "share": float(counts[:, code].sum() / counts.sum()),
            "classes": int(here.sum()),
            "missing": [label for label, is_here in zip(labels, here, strict=True) if not is_here],
            "only_here": [
                label for label, only in zip(labels, here & ~others, strict=True) if only
            ],
            "total_variation_to_train": total_variation(counts[:, code], counts[:, TRAIN_CODE]),
        }
    return described


def describe_groups(
    found: StratifiedSplit, groups: npt.NDArray[np.integer[Any]], label_ids: Any
) -> dict[str, Any]:
    """Return the number of groups, those divided (none), and where those of several classes are."""
    _, sizes = np.unique(groups, return_counts=True)
    shared = np.bincount(found.splits[found.shared_rows], minlength=3)
    return {
        "groups": len(sizes),
        "largest": int(sizes.max()),
        "divided": divided_groups(groups, found.splits),
        "of_several_classes": {
            "groups": found.shared_groups,
            "classes": len(np.unique(label_ids[found.shared_rows])),
            "rows": {name: int(shared[code]) for code, name in enumerate(SPLIT_NAMES)},
        },
    }
