"""Reading tables and summaries for the report: every column and value is checked."""

import dataclasses
import math
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from scripts.common.errors import IntegrityError
from scripts.common.json_objects import read_object, require_keys
from scripts.common.tsv import read_tsv

SUMMARY_KEYS = ("seed", "versions", "code", "data_sha256")
COUNTED = ("documents", "items")  # of which a summary states at least one


Row = TypeVar("Row")


def column(name: str, *, optional: bool = False) -> Any:
    """Return a field of a row whose column has another name, or which a table may lack.

    Args:
        name: of the column.
        optional: whether a table without the column has None in every row.
    """
    return dataclasses.field(metadata={"column": name, "optional": optional})


def _fields(row_type: type[Any]) -> dict[str, tuple[str, bool]]:
    """Return (column, whether a table may lack it) by field."""
    return {
        field.name: (
            field.metadata.get("column", field.name),
            field.metadata.get("optional", False),
        )
        for field in dataclasses.fields(row_type)
    }


def columns_of(row_type: type[Any]) -> tuple[str, ...]:
    """Return the columns of a table in order."""
    return tuple(name for name, _ in _fields(row_type).values())


def read_rows(
    path: Path, row_type: type[Row], *, signed: frozenset[str] = frozenset()
) -> list[Row]:
    """Read a tab-separated table (UTF-8, header) and check its columns and values.

    Args:
        path: the table.
        row_type: a dataclass whose fields are the columns, under their names or as `column` says.
        signed: columns whose numbers may be negative.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong.
    """
    # ASSUME cells with a tab, a quote or a line end are quoted, as the csv module does.
    header, rows = read_tsv(path)
    for name, optional in _fields(row_type).values():
        if name not in header and not optional:
            raise IntegrityError(f"{path} has no column '{name}'; run the step that makes it again")
    return [
        _parse_row(path, number, dict(zip(header, cells, strict=True)), row_type, signed)
        for number, cells in enumerate(rows, start=2)
    ]


def _parse_row(
    path: Path,
    number: int,
    cells: dict[str, str],
    row_type: type[Row],
    signed: frozenset[str],
) -> Row:
    hints = typing.get_type_hints(row_type)
    values: dict[str, Any] = {}
    for field, (name, _) in _fields(row_type).items():
        try:
            values[field] = _parse_cell(cells.get(name, ""), hints[field], signed=name in signed)
        except ValueError as error:
            raise IntegrityError(
                f"{path} row {number} column '{name}': {error}; run the step that makes it again"
            ) from error
    make: Callable[..., Row] = row_type
    return make(**values)


def _parse_cell(text: str, hint: Any, *, signed: bool) -> Any:
    """Convert a cell; counts and measures are finite and, unless `signed`, not negative.

    Raises:
        ValueError: the cell does not fit its column.
    """
    if isinstance(hint, types.UnionType):
        if text == "":
            return None
        (hint,) = (option for option in typing.get_args(hint) if option is not type(None))
    if hint is str:
        return text
    value = hint(text)
    if not math.isfinite(value) or (value < 0 and not signed):
        wanted = "a finite number" if signed else "a finite number of at least 0"
        raise ValueError(f"'{text}' is not {wanted}")
    return value


def read_distinct_rows(
    path: Path,
    row_type: type[Row],
    key: Callable[[Row], tuple[str, ...]],
    *,
    signed: frozenset[str] = frozenset(),
) -> list[Row]:
    """Read a table as `read_rows` does, in which no key may stand twice.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a key stands twice.
    """
    rows = read_rows(path, row_type, signed=signed)
    refuse_repeats(path, [key(row) for row in rows])
    return rows


def refuse_repeats(path: Path, keys: list[tuple[str, ...]]) -> None:
    """Refuse a table in which a key stands twice.

    Raises:
        IntegrityError: names the file and the key.
    """
    seen: set[tuple[str, ...]] = set()
    for key in keys:
        if key in seen:
            raise IntegrityError(
                f"{path} holds {' / '.join(key)} twice; run the step that makes it again"
            )
        seen.add(key)


def read_summary(path: Path) -> dict[str, Any]:
    """Read the run's summary; keys beyond those that all tracks state are allowed.

    Raises:
        IntegrityError: the file is missing, not a JSON object, or lacks a key.
    """
    summary = read_object(path, ())
    counted = [] if summary.keys() & set(COUNTED) else [COUNTED[0]]
    require_keys(path, summary, [*counted, *SUMMARY_KEYS])
    return summary
