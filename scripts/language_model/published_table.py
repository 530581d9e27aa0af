"""A bare table of checkpoint results: its rows, and reading them with every check."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import groupby
from pathlib import Path

from scripts.common.errors import InputError

_SHARES = {"real1": "real_1", "real5": "real_5", "lambada1": "lambada_1"}
_COLUMNS = ("experiment", "seq_len", "step", "epoch", *_SHARES)
_STATED = "score_stated"


@dataclass(frozen=True)
class Result:
    """One checkpoint's aggregates.

    Attributes:
        experiment: name of the experiment.
        length: tokens of the context.
        step: optimizer steps.
        epoch: passes over the training data.
        values: share of hits by part of the composite.
        stated: composite as the table states it, None where it states none.
    """

    experiment: str
    length: int
    step: int
    epoch: Decimal
    values: Mapping[str, float]
    stated: float | None

    @property
    def name(self) -> str:
        """Experiment, length and step as one text; claims use it too."""
        return f"{self.experiment}/{self.length}/{self.step}"

    @property
    def group(self) -> tuple[str, int]:
        """Experiment and length: the checkpoints of one training run."""
        return self.experiment, self.length


@dataclass(frozen=True)
class ResultTable:
    """The rows in the table's order.

    Attributes:
        rows: the checkpoints.
        rounding: how far a stated composite may lie from the formula's through rounding alone.
    """

    rows: tuple[Result, ...]
    rounding: float

    @property
    def groups(self) -> dict[tuple[str, int], list[Result]]:
        """The rows of each experiment and length."""
        found: dict[tuple[str, int], list[Result]] = {}
        for row in self.rows:
            found.setdefault(row.group, []).append(row)
        return found


def read_results(path: Path) -> ResultTable:
    """Read a tab-separated table of results.

    Raises:
        InputError: the file, a column or a row is missing, a value is no share or no number, or a
            checkpoint stands twice; the message names the file and the row.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = list(csv.reader(stream, delimiter="\t"))
    except FileNotFoundError:
        raise InputError(f"{path} is missing; name a tab-separated table of results") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); name a table") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no UTF-8 table ({error}); save it as UTF-8 TSV") from error
    header = lines[0] if lines else []
    missing = [column for column in _COLUMNS if column not in header]
    if missing:
        raise InputError(
            f"{path} has no column {', '.join(missing)}; it needs {', '.join(_COLUMNS)}, separated "
            f"by tabs ({_STATED} is optional)"
        )
    twice = [column for column in (*_COLUMNS, _STATED) if header.count(column) > 1]
    if twice:
        raise InputError(f"{path} has the column {twice[0]} more than once; delete one of them")
    if len(lines) < 2:
        raise InputError(f"{path} holds no row; give at least one checkpoint")
    rows: dict[str, Result] = {}
    decimals = dict.fromkeys((*_SHARES, _STATED), 0)
    for number, cells in enumerate(lines[1:], start=2):
        place = f"{path} row {number}"
        if len(cells) != len(header):
            raise InputError(f"{place} has {len(cells)} cells in place of {len(header)}; mend it")
        named = dict(zip(header, cells, strict=True))
        row = _result(place, named)
        if row.name in rows:
            raise InputError(f"{place} holds {row.name} a second time; keep one of the two")
        rows[row.name] = row
        for column in decimals:
            decimals[column] = max(decimals[column], _decimals(named.get(column, "")))
    # The weights add up to 1, so the parts' rounding moves the sum by half a unit at most.
    inputs = max(0.5 * 10.0 ** -decimals[column] for column in _SHARES)
    return ResultTable(tuple(rows.values()), inputs + 0.5 * 10.0 ** -decimals[_STATED] + 1e-9)


def _decimals(cell: str) -> int:
    """Return the decimal places of a number that was read, also of 6.5e-1; 0 of an empty cell."""
    exponent = Decimal(cell.strip() or "0").as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _result(place: str, cells: Mapping[str, str]) -> Result:
    experiment = cells["experiment"].strip()
    if not experiment:
        raise InputError(f"{place} names no experiment; fill the cell")
    values = {name: _share(place, column, cells[column]) for column, name in _SHARES.items()}
    if values["real_1"] > values["real_5"]:
        raise InputError(
            f"{place}: real1 {values['real_1']} is above real5 {values['real_5']}, though a hit at "
            "1 is a hit at 5; correct the row"
        )
    stated = cells.get(_STATED, "").strip()
    return Result(
        experiment=experiment,
        length=_whole(place, "seq_len", cells["seq_len"]),
        step=_whole(place, "step", cells["step"]),
        epoch=_epoch(place, cells["epoch"]),
        values=values,
        stated=_share(place, _STATED, stated) if stated else None,
    )


def _share(place: str, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise InputError(f"{place} column {column}: '{text}' is no number from 0 to 1; correct it")
    return value


def _whole(place: str, column: str, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise InputError(f"{place} column {column}: '{text}' is no whole number; correct it")
    return value


def _epoch(place: str, text: str) -> Decimal:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise InputError(f"{place} column epoch: '{text}' is no number of at least 0; correct it")
    return value


def repeated_measurements(table: ResultTable) -> list[list[Result]]:
    """Return runs of checkpoints of one group that differ in step alone: one model, twice named."""
    found = []
    for rows in table.groups.values():
        ordered = sorted(rows, key=lambda row: (row.epoch, *row.values.values(), row.step))
        for _, same in groupby(ordered, key=lambda row: (row.epoch, tuple(row.values.values()))):
            equal = list(same)
            if len(equal) > 1:
                found.append(equal)
    return found
