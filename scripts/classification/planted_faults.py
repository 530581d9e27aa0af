"""Faults that are planted in the embedded rows, each row with one fault at most.

    null_label               the label is missing
    empty_text               date, amount, counterparty and memo are missing or blank
    singleton                the only row of its class
    test_only_class          a row of a class that the old split has in test alone
    cross_split_duplicate    a row and its copy, one in train and one in test of the old split
    conflicting_duplicate    a row and its copy under another label, on one side of the old split
    label_noise              the label is that of another kind of account

The classes that faults take rows from, or give rows to, keep enough untouched rows of their own,
one of them in train, so that no fault makes another one by accident.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from scripts.classification.account_rows import Account, AccountingRow
from scripts.classification.account_vocabulary import Kind
from scripts.common.errors import ConfigError
from scripts.common.keyed_generator import keyed_generator

NULL_LABEL = "null_label"
EMPTY_TEXT = "empty_text"
SINGLETON = "singleton"
TEST_ONLY_CLASS = "test_only_class"
CROSS_SPLIT_DUPLICATE = "cross_split_duplicate"
CONFLICTING_DUPLICATE = "conflicting_duplicate"
LABEL_NOISE = "label_noise"

# Rows that a fault begins with, per thousand of all rows.
_PER_MILLE = {
    NULL_LABEL: 8,
    EMPTY_TEXT: 5,
    CROSS_SPLIT_DUPLICATE: 6,
    CONFLICTING_DUPLICATE: 5,
    LABEL_NOISE: 20,
}
_COPYING = (CROSS_SPLIT_DUPLICATE, CONFLICTING_DUPLICATE)
_SINGLETON_SHARE = 0.05  # of the classes
_TEST_ONLY_SHARE = 0.02  # of the classes
_TEST_ONLY_ROWS = (3, 30)  # of such a class
_AMPLE = 8  # rows of a class that faults may touch
_UNTOUCHED = 4  # rows of it that they leave alone
_TEST_SHARE = 0.2


@dataclass(frozen=True)
class PlantedRow:
    """A row, and the fault planted in it, if any."""

    row: AccountingRow
    fault: str | None


def singletons_of(classes: int) -> int:
    """Return how many of the classes have one row."""
    return max(1, round(classes * _SINGLETON_SHARE))


def copies_of(rows: int) -> int:
    """Return how many of the rows are copies of others."""
    return sum(_number(fault, rows) for fault in _COPYING)


def plant(
    groups: Sequence[Sequence[AccountingRow]], accounts: Sequence[Account], *, rows: int, seed: int
) -> list[PlantedRow]:
    """Plant the faults.

    Args:
        groups: the rows of each account.
        accounts: the accounts.
        rows: rows of the result: those of the groups and `copies_of(rows)` copies.
        seed: decides which rows.

    Returns:
        The rows with their faults, copies at the end.

    Raises:
        ConfigError: there are too few rows of too few kinds of account.
    """
    draw = keyed_generator(seed, "planted faults")
    sizes = [len(group) for group in groups]
    test_only = _test_only(sizes, draw)
    ample = [n for n, size in enumerate(sizes) if size >= _AMPLE and n not in test_only]
    planted: list[PlantedRow] = []
    touchable: list[tuple[int, int]] = []  # place among the rows, account
    for number, group in enumerate(groups):
        fault = SINGLETON if len(group) == 1 else None
        fault = TEST_ONLY_CLASS if number in test_only else fault
        for place, row in enumerate(group):
            in_test = number in test_only or (place > 0 and draw.random() < _TEST_SHARE)
            if number in ample and place >= _UNTOUCHED:
                touchable.append((len(planted), number))
            planted.append(PlantedRow(replace(row, old_split=_side(in_test)), fault))
    if len(touchable) < sum(_number(fault, rows) for fault in _PER_MILLE) or not _differ(
        accounts[number].kind for number in ample
    ):
        raise ConfigError(
            f"{rows} rows in {len(accounts)} classes leave no room for the planted faults; "
            "generate more rows for each class"
        )
    chosen = iter(touchable[place] for place in draw.permutation(len(touchable)))
    copies: list[PlantedRow] = []
    for fault in _PER_MILLE:
        for place, number in islice(chosen, _number(fault, rows)):
            others = [n for n in ample if accounts[n].kind != accounts[number].kind]
            other = accounts[others[draw.integers(len(others))]].label
            first, *copied = _faulty(fault, planted[place].row, other, variant=place)
            planted[place] = PlantedRow(first, fault)
            copies += (PlantedRow(row, fault) for row in copied)
    return planted + copies


def _faulty(fault: str, row: AccountingRow, other: str, *, variant: int) -> list[AccountingRow]:
    """Return the row with the fault, and its copy where there is one."""
    if fault == NULL_LABEL:
        return [replace(row, label=None)]
    if fault == EMPTY_TEXT:
        missing = (None, "", "  ")[variant % 3]
        amount = None if variant % 2 else float("nan")
        return [replace(row, posted=None, amount=amount, counterparty=missing, memo=missing)]
    if fault == CROSS_SPLIT_DUPLICATE:
        return [replace(row, old_split=_side(in_test)) for in_test in (False, True)]
    changed = replace(row, label=other)
    return [row, changed] if fault == CONFLICTING_DUPLICATE else [changed]


def _test_only(sizes: Sequence[int], draw: np.random.Generator) -> set[int]:
    low, high = _TEST_ONLY_ROWS
    fit = [number for number, size in enumerate(sizes) if low <= size <= high]
    wanted = max(1, round(len(sizes) * _TEST_ONLY_SHARE))
    return {fit[place] for place in draw.permutation(len(fit))[:wanted]}


def _differ(kinds: Iterable[Kind]) -> bool:
    return len(set(kinds)) > 1


def _number(fault: str, rows: int) -> int:
    return max(1, rows * _PER_MILLE[fault] // 1000)


def _side(in_test: bool) -> str:
    return "test" if in_test else "train"
