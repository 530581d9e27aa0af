"""Rows of one account: date, amount, counterparty and memo, drawn from the account's vocabulary.

A memo names an item of the account's kind and a place of its section, but not always: some are
vague, some name no place, some name a place of another section. So a text does not decide every
account, as in a real ledger.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from scripts.classification.account_vocabulary import (
    ACTIONS,
    FIRMS,
    KINDS,
    PEOPLE,
    SECTIONS,
    TOWNS,
    VAGUE_ITEMS,
    Kind,
    Section,
)
from scripts.common.errors import ConfigError

_FIRST_DAY = date(2022, 1, 3)
_DAYS = 3 * 365
_VAGUE_SHARE = 0.03
_PLACELESS_SHARE = 0.06
_OTHER_PLACE_SHARE = 0.02
_TELLING_SHARE = 0.85  # counterparties whose trade goes with the account
_CREDIT_SHARE = 0.03  # entries that take an earlier one back
_ATTEMPTS = 20

_WITH_PLACE = (
    "{place} {item} {action}",
    "{place} {item} {month}월분",
    "{item}({place}) {month}월",
    "{place} {item} {times}건 {action}",
    "{item} {place} {month}월분 {action}",
    "{place} {person} {item}",
)
_WITHOUT_PLACE = (
    "{item} {month}월분 {action}",
    "{person} {item} {times}건",
    "{town} {item} {month}/{day}",
)


@dataclass(frozen=True)
class Account:
    """An account: an expense kind in a section."""

    kind: Kind
    section: Section

    @property
    def label(self) -> str:
        """The account's code and name as one text."""
        return f"{self.section.digit}{self.kind.code} {self.kind.name}({self.section.mark})"


@dataclass
class AccountingRow:
    """A row of the ledger; amounts are in won, None is what an export leaves out."""

    label: str | None
    posted: date | None
    amount: float | None
    counterparty: str | None
    memo: str | None
    old_split: str


def accounts(number: int, order: np.random.Generator) -> list[Account]:
    """Return `number` different accounts in random order.

    Raises:
        ConfigError: there are fewer accounts, or fewer than two are asked for.
    """
    every = [Account(kind, section) for section in SECTIONS for kind in KINDS]
    if not 2 <= number <= len(every):
        raise ConfigError(
            f"{number} classes cannot be generated; allowed: 2 to {len(every)}, the accounts of "
            "the embedded chart"
        )
    return [every[place] for place in order.permutation(len(every))[:number]]


def account_rows(
    account: Account, number: int, draw: np.random.Generator, taken: set[str]
) -> Iterator[AccountingRow]:
    """Yield rows of one account, none with a memo in `taken`, and add theirs to it."""
    for _ in range(number):
        posted = _FIRST_DAY + timedelta(days=int(draw.integers(_DAYS)))
        memo = _fresh_memo(account, posted, draw, taken)
        taken.add(memo)
        won = max(100, round(10 ** (account.kind.won + draw.normal() * 0.45), -2))
        yield AccountingRow(
            label=account.label,
            posted=posted,
            amount=float(-won if draw.random() < _CREDIT_SHARE else won),
            counterparty=_counterparty(account.kind, draw),
            memo=memo,
            old_split="train",
        )


def _fresh_memo(account: Account, posted: date, draw: np.random.Generator, taken: set[str]) -> str:
    for _ in range(_ATTEMPTS):
        memo = _memo(account, posted, draw)
        if memo not in taken:
            return memo
    return f"{memo} 전표{len(taken):07d}"


def _memo(account: Account, posted: date, draw: np.random.Generator) -> str:
    choose = _chooser(draw)
    section = account.section
    if draw.random() < _OTHER_PLACE_SHARE:
        section = SECTIONS[draw.integers(len(SECTIONS))]
    vague = draw.random() < _VAGUE_SHARE
    return choose(_WITHOUT_PLACE if draw.random() < _PLACELESS_SHARE else _WITH_PLACE).format(
        place=choose(section.places),
        item=choose(VAGUE_ITEMS if vague else account.kind.items),
        action=choose(ACTIONS),
        person=choose(PEOPLE),
        town=choose(TOWNS),
        month=posted.month,
        day=posted.day,
        times=int(draw.integers(1, 10)),
    )


def _counterparty(kind: Kind, draw: np.random.Generator) -> str:
    choose = _chooser(draw)
    # Some are customers or cards, whose names say nothing about the account.
    trade = (
        kind.trade if draw.random() < _TELLING_SHARE else choose(("상사", "카드", "무역", "테크"))
    )
    return f"{choose(FIRMS)}{trade}"


def _chooser(draw: np.random.Generator) -> Callable[[tuple[str, ...]], str]:
    return lambda options: options[draw.integers(len(options))]
