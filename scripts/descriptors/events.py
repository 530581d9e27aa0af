"""Removal events: the one record from which survivors, heirs and clusters are derived.

A pass appends an event for each descriptor that it removes. Pass 1 rejects for a reason; passes 2
to 4 name an heir, the descriptor that stands for the removed one and is alive right after. Passes 2
and 4 remove all at once, pass 3 one after the other, in the order of its table. So the events form
a forest with the survivors as roots.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.common.errors import IntegrityError
from scripts.common.tables import read_table, table_of_rows, write_table
from scripts.descriptors.tables import EVENTS

PASSES = (1, 2, 3, 4)
_AT_ONCE = (2, 4)


@dataclass(frozen=True)
class Event:
    """One removal.

    Attributes:
        removed: the descriptor.
        heir: the descriptor that stands for it; None of a reject.
        pass_number: 1 to 4.
        statistic: what decided, such as "missing_ratio", "spearman", "vif" or "rdc".
        value: its value.
        threshold: what it was compared with.
        similarity: to the heir, in [0, 1]: |ρ| of passes 2 and 3; of pass 4 on the joint scale of
            nHSIC and RDC (`measures.py`), where nHSIC is not its own value.
        weak: the heir is a poor stand-in: without an edge in pass 2, below heir_min_similarity in
            pass 3, explaining less than min_explained in pass 4.
        reason: why a reject was rejected; None otherwise.
    """

    removed: str
    heir: str | None
    pass_number: int
    statistic: str | None = None
    value: float | None = None
    threshold: float | None = None
    similarity: float | None = None
    weak: bool = False
    reason: str | None = None


def event_table(events: Iterable[Event]) -> pa.Table:
    """Return events as a table of `EVENTS`, in their order."""
    return table_of_rows([_row(event) for event in events], EVENTS)


def write_events(path: Path, events: Iterable[Event]) -> None:
    """Write events as a table of `EVENTS`, in their order."""
    write_table(path, event_table(events), EVENTS)


def read_events(path: Path, *, pass_number: int | None = None) -> list[Event]:
    """Read a table of events, in its order.

    Raises:
        IntegrityError: the table cannot be read, a row lacks a name, or is of another pass than
            `pass_number`.
    """
    events = [_event(row, path) for row in read_table(path, EVENTS).to_pylist()]
    for event in events:
        if pass_number is not None and event.pass_number != pass_number:
            raise IntegrityError(
                f"{path}: {event.removed} was removed by pass {event.pass_number}, not by pass "
                f"{pass_number}; delete the table and run again"
            )
    return events


def removed_names(events: Iterable[Event]) -> set[str]:
    """Return the names of the removed descriptors."""
    return {event.removed for event in events}


def survivors_of(names: Iterable[str], events: Iterable[Event]) -> list[str]:
    """Return those of `names` that no event removed, sorted."""
    return sorted(set(names) - removed_names(events))


def require_forest(names: Iterable[str], events: Sequence[Event]) -> None:
    """Check that the events, in order, are a forest over `names` that is rooted at survivors.

    Raises:
        IntegrityError: a descriptor is unknown, removed twice, its own heir, or without a reason or
            an heir where its pass must give one; an heir is unknown or was not alive right after
            the event; passes are out of order; a chain of heirs ends nowhere.
    """
    known = set(names)
    alive = set(known)
    for number, event in enumerate(events):
        name = event.removed
        if number and event.pass_number < events[number - 1].pass_number:
            raise _broken(event, "stands behind events of a later pass")
        if event.pass_number not in PASSES:
            raise _broken(event, f"is of a pass other than {PASSES}")
        if name not in known:
            raise _broken(event, "is no descriptor of the table")
        if name not in alive:
            raise _broken(event, "was removed before")
        alive.discard(name)
        _require_heir(event, known, alive)
    # Within a pass that removes all at once, order must not decide who was alive.
    for pass_number in _AT_ONCE:
        together = [event for event in events if event.pass_number == pass_number]
        removed = removed_names(together)
        for event in together:
            if event.heir in removed:
                raise _broken(event, f"has an heir, {event.heir}, that the same pass removed")
    _require_roots(events, alive)


def _require_heir(event: Event, known: set[str], alive: set[str]) -> None:
    if event.pass_number == 1:
        if event.heir is not None:
            raise _broken(event, f"is a reject and yet has an heir, {event.heir}")
        if not event.reason:
            raise _broken(event, "is a reject without a reason")
    elif event.heir is None:
        raise _broken(event, "has no heir")
    elif event.heir == event.removed:
        raise _broken(event, "is its own heir")
    elif event.heir not in known:
        raise _broken(event, f"has an heir, {event.heir}, that is no descriptor of the table")
    elif event.heir not in alive:
        raise _broken(event, f"has an heir, {event.heir}, that was removed before")


def _require_roots(events: Sequence[Event], alive: set[str]) -> None:
    """Follow every chain of heirs to its end, without regard to the order of events."""
    heirs = {event.removed: event.heir for event in events if event.pass_number > 1}
    for event in events:
        if event.pass_number == 1:
            continue
        at, passed = event.heir, {event.removed}
        while at in heirs:
            if at in passed:
                raise _broken(event, f"has a chain of heirs that runs in a circle through {at}")
            passed.add(at)
            at = heirs[at]
        if at not in alive:
            raise _broken(event, f"has a chain of heirs that ends at {at}, which does not survive")


def _broken(event: Event, what: str) -> IntegrityError:
    return IntegrityError(
        f"descriptor {event.removed} (removed by pass {event.pass_number}) {what}; delete the "
        "events of that pass and run it again"
    )


def _event(row: dict[str, Any], path: Path) -> Event:
    if row["removed"] is None or row["pass"] is None:
        raise IntegrityError(
            f"{path}: a row names no descriptor or no pass; delete it and run again"
        )
    return Event(
        removed=row["removed"],
        heir=row["heir"],
        pass_number=row["pass"],
        statistic=row["statistic"],
        value=row["value"],
        threshold=row["threshold"],
        similarity=row["similarity"],
        weak=bool(row["weak"]),
        reason=row["reason"],
    )


def _row(event: Event) -> dict[str, Any]:
    return {
        "removed": event.removed,
        "heir": event.heir,
        "pass": event.pass_number,
        "statistic": event.statistic,
        "value": event.value,
        "threshold": event.threshold,
        "similarity": event.similarity,
        "weak": event.weak,
        "reason": event.reason,
    }
