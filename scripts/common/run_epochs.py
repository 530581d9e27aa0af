"""Checkpoints of a run by their epochs, from its row of the table of runs.

An epoch is written with at least one decimal ("0.5", "1.0"), as files and tables name it; sums are
exact decimal ones, so that an epoch has one name.
"""

import re
from decimal import Decimal
from typing import Any

START = "0.0"
BASE, BEST = "base", "best"
_INIT = re.compile(r"(?P<run>[a-z][a-z0-9_]*)@(?P<epoch>best|\d+(\.\d+)?)")


def canonical_epoch(epoch: str | Decimal) -> str:
    """Return the one name of an epoch: decimal, with at least one decimal place."""
    number = Decimal(epoch).normalize()
    return f"{number:.1f}" if number == number.quantize(Decimal("0.1")) else f"{number:f}"


def epochs_of(row: dict[str, Any]) -> list[str]:
    """Return a run's checkpoints after its start, in order: every `eval_every` up to `epochs`."""
    every, last = Decimal(row["eval_every"]), Decimal(row["epochs"])
    return [canonical_epoch(every * number) for number in range(1, int(last / every) + 1)]


def parent_of(row: dict[str, Any]) -> tuple[str, str] | None:
    """Return the (run, epoch or "best") that a row starts from; None for the base model."""
    if row["init"] == BASE:
        return None
    found = _INIT.fullmatch(row["init"])
    assert found is not None, "the schema checks the form"
    epoch = found["epoch"]
    return found["run"], epoch if epoch == BEST else canonical_epoch(epoch)


def dataset_kinds(kind: str) -> list[str]:
    """Return the kinds of dataset that a kind of run trains on."""
    return {"mlm": ["mlm"], "combined": ["mlm", "entity_coref"], "entity_ft": ["entity_coref"]}[
        kind
    ]
