"""A fault as the audit names it: what is wrong, how much of it, and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

ERROR, WARNING, NOTE = SEVERITIES = ("error", "warning", "note")
FAULT_COLUMNS = ("fault", "severity", "rows", "classes", "examples", "what", "remedy")
_SHOWN = 5


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        name: its name.
        severity: "error" where a score or a training would be wrong, "warning" where it suffers,
            "note" where it is good to know.
        rows: rows concerned, None where it is no matter of rows.
        classes: classes concerned.
        examples: a few of them.
        what: what is wrong, with figures.
        remedy: what to do.
    """

    name: str
    severity: str
    rows: int | None
    classes: int | None
    examples: Sequence[str]
    what: str
    remedy: str

    def line(self) -> tuple[Any, ...]:
        """Return the line of `FAULT_COLUMNS`."""
        examples = "; ".join(self.examples)
        return (
            self.name,
            self.severity,
            self.rows,
            self.classes,
            examples,
            self.what,
            self.remedy,
        )


def in_order(faults: Sequence[Fault]) -> list[Fault]:
    """Return errors first, then warnings, then notes; within them the order that they came in."""
    return sorted(faults, key=lambda fault: SEVERITIES.index(fault.severity))


def plural(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: "1 row", "1,200 rows"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def percent(part: float, whole: float) -> str:
    """Return a share in percent; one that is small but not nothing is told as such."""
    share = 100 * part / whole if whole else 0.0
    return "below 0.01 %" if 0 < share < 0.005 else f"{share:.2f} %"


def shown(names: Sequence[str]) -> list[str]:
    """Return the first few of many."""
    more = len(names) - _SHOWN
    return [*names[:_SHOWN], f"and {more} more"] if more > 0 else list(names)
