"""Moves groups of several classes until every class stands in every split that it must.

Whether that is possible at all is a colouring of a hypergraph, hard in general but small here: only
classes with few groups of their own can lack a split. It is put as an integer programme over the
groups of the lacking classes, which grows to the classes beside them while something is lacking.
"""

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from scripts.classification.shared_groups import (
    TEST_CODE,
    TRAIN_CODE,
    VALIDATION_CODE,
    Integers,
    SharedGroups,
    Splits,
    missing_splits,
    needed_splits,
    stands_in,
)

# ASSUME that a larger programme is not worth its time; what then lacks a split is reported.
_MOST_GROUPS = 2_000
_MOST_NODES = 2_000  # of the solver's search: a limit of time would differ from run to run
# A missing split outweighs any number of moved rows, a missing test a missing validation.
_COST_OF_VALIDATION, _COST_OF_TEST = 2.0, 2.001


def cover_classes(
    groups: SharedGroups,
    placed: Splits,
    allowed: npt.NDArray[np.bool_],
    splits_of_class: Integers,
    own_groups: Integers,
) -> Splits:
    """Return the splits of the groups with as few missing splits as the search finds.

    With at most 2,000 groups to choose from, and a search that ends, that is as few as possible.
    Every class stays in train, and of the ways to do so one that moves few rows is taken.

    Args:
        groups: groups of several classes.
        placed: their splits so far.
        allowed: splits in which each may stand.
        splits_of_class: splits that each class must stand in: 1 (train), 2 (train, test), or 3.
        own_groups: number of groups of each class that hold no other one.
    """
    movable = allowed.sum(axis=1) > 1
    group_of_entry = groups.group_of_entry
    lacking = _lacking(groups, placed, splits_of_class, own_groups)
    reached = lacking > 0
    considered = np.zeros(len(groups), bool)
    while lacking.any():
        wider = np.zeros(len(groups), bool)
        wider[group_of_entry[reached[groups.classes]]] = True
        wider &= movable
        if wider.sum() > _MOST_GROUPS or (wider == considered).all():
            break
        considered = wider
        reached[groups.classes[considered[group_of_entry]]] = True
        moved = _solve(groups, placed, allowed, considered, splits_of_class, own_groups)
        still = _lacking(groups, moved, splits_of_class, own_groups)
        if still.sum() <= lacking.sum():  # it may be more where the search was cut short
            placed, lacking = moved, still
    return placed


def _lacking(
    groups: SharedGroups, placed: Splits, splits_of_class: Integers, own_groups: Integers
) -> Integers:
    found = stands_in(groups, placed, len(own_groups))
    return missing_splits(found, splits_of_class, own_groups)


def _solve(
    groups: SharedGroups,
    placed: Splits,
    allowed: npt.NDArray[np.bool_],
    considered: npt.NDArray[np.bool_],
    splits_of_class: Integers,
    own_groups: Integers,
) -> Splits:
    """Place the `considered` groups anew, all others as they are.

    Variables, three for each group, then six for each class: the group is in the split; the class
    is brought into the split by a group of its own; the class lacks the split.
    """
    free = np.flatnonzero(considered)
    is_free = considered[groups.group_of_entry]
    entry_group = np.searchsorted(free, groups.group_of_entry[is_free])
    touched, entry_class = np.unique(groups.classes[is_free], return_inverse=True)
    found = stands_in(groups, placed, len(own_groups), among=~considered)[touched]
    needed = needed_splits(splits_of_class[touched])
    many, classes = len(free), len(touched)
    in_split = np.arange(3 * many).reshape(many, 3)
    by_own = 3 * many + np.arange(3 * classes).reshape(classes, 3)
    lacks = by_own + 3 * classes
    variables = 3 * many + 6 * classes

    rows, columns = [], []
    # One split a group.
    rows.append(np.repeat(np.arange(many), 3))
    columns.append(in_split.ravel())
    # Each class in each split that it needs: through a group, one of its own, or else lacking.
    cover = many + np.arange(3 * classes).reshape(classes, 3)
    for part, place in ((cover[entry_class], in_split[entry_group]), (cover, by_own)):
        rows.append(part.ravel())
        columns.append(place.ravel())
    rows.append(cover.ravel())
    columns.append(lacks.ravel())
    # No more of its own groups than it has.
    own = many + 3 * classes + np.arange(classes)
    rows.append(np.repeat(own, 3))
    columns.append(by_own.ravel())
    row, column = np.concatenate(rows), np.concatenate(columns)
    matrix = coo_array(
        (np.ones(len(row)), (row, column)), shape=(many + 4 * classes, variables)
    ).tocsr()
    at_least = np.concatenate([np.ones(many), (needed & ~found).ravel(), np.zeros(classes)])
    at_most = np.concatenate(
        [np.ones(many), np.full(3 * classes, np.inf), own_groups[touched].astype(float)]
    )
    upper = np.concatenate([allowed[free].ravel(), needed.ravel(), needed.ravel()]).astype(float)
    upper[lacks[:, TRAIN_CODE]] = 0  # a class that only the test split holds cannot be learnt

    costs = np.zeros(variables)
    costs[lacks[:, VALIDATION_CODE]] = _COST_OF_VALIDATION
    costs[lacks[:, TEST_CODE]] = _COST_OF_TEST
    sizes = groups.sizes[free] / groups.sizes[free].sum()
    costs[in_split] = sizes[:, None]
    costs[in_split[np.arange(many), placed[free]]] = 0
    solution = milp(
        costs,
        integrality=np.ones(variables),
        bounds=Bounds(np.zeros(variables), upper),
        constraints=LinearConstraint(matrix, at_least, at_most),
        options={"node_limit": _MOST_NODES},
    )
    if solution.x is None:  # the limit was reached before anything was found
        return placed
    moved = placed.copy()
    moved[free] = solution.x[in_split].argmax(axis=1)
    return moved
