"""Places the groups of one class into splits, as near to the rows owed as whole groups allow."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Splits = npt.NDArray[np.int8]


def place_groups(
    sizes: Integers, owed: Sequence[int], allowed: Sequence[int], empty: Sequence[int]
) -> Splits:
    """Return the split of each group.

    Groups go in descending size to the split that is owed most. So no split has more rows than it
    is owed but for a part of the smallest group in it, and with groups of one row each has exactly
    what it is owed. A split of `empty` that comes out without a group is then given the smallest
    one of the split for which that changes least.

    Args:
        sizes: rows of each group; of equal ones the first are placed first.
        owed: rows that each split still has to get; negative where it has too many already.
        allowed: splits that the class may stand in.
        empty: those of `allowed` that must get a group, in order of importance. Where there are
            fewer groups, the last of them get none.
    """
    order = np.argsort(-sizes, kind="stable")
    placed = np.empty(len(sizes), np.int8)
    if len(sizes) <= len(empty):
        chosen = sorted(empty[: len(sizes)], key=lambda split: -owed[split])
        placed[order] = chosen
        return placed
    sequence, left = _by_largest_debt(sizes[order], owed, allowed)
    for split in empty:
        if split not in sequence:
            _fill(split, sequence, sizes[order], left, empty)
    placed[order] = sequence
    return placed


def _by_largest_debt(
    sizes: Integers, owed: Sequence[int], allowed: Sequence[int]
) -> tuple[Splits, list[int]]:
    """Return the split of each of the descending sizes, and what each split is owed afterwards.

    Groups of one size are placed at once: a split that is owed d takes its first group of size s at
    a debt of d, its second at d - s, and so on; of all these the largest are served.
    """
    left = list(owed)
    sequence = np.empty(len(sizes), np.int8)
    starts = [0, *(np.flatnonzero(np.diff(sizes)) + 1).tolist(), len(sizes)]
    for start, end in pairwise(starts):
        size, groups = int(sizes[start]), end - start
        steps = size * np.arange(groups)
        debts = np.concatenate([left[split] - steps for split in allowed])
        served = np.argsort(-debts, kind="stable")[:groups] // groups
        sequence[start:end] = np.array(allowed, np.int8)[served]
        for place, split in enumerate(allowed):
            left[split] -= size * int((served == place).sum())
    return sequence, left


def _fill(
    split: int, sequence: Splits, sizes: Integers, left: list[int], empty: Sequence[int]
) -> None:
    """Move one group to `split`, which has none, out of a split that can spare it.

    There is always one: there are more groups than splits in `empty`.
    """
    choices = []
    for donor in range(len(left)):
        groups = np.flatnonzero(sequence == donor)
        if len(groups) > (1 if donor in empty else 0):
            group = int(groups[-1])
            size = int(sizes[group])
            change = abs(left[donor] + size) - abs(left[donor])
            change += abs(left[split] - size) - abs(left[split])
            choices.append((change, donor, group))
    _, donor, group = min(choices)
    size = int(sizes[group])
    sequence[group] = split
    left[donor] += size
    left[split] -= size
