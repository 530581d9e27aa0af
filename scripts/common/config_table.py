"""Tables of the configuration: tab-separated text, checked row by row against a schema.

A complaint is one line that names the file, the line, the column, the value and what is allowed.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from scripts.common.config import Schema, schema_complaints, with_defaults
from scripts.common.errors import ConfigError
from scripts.common.input_paths import at_home
from scripts.common.names import nearest_hint


def find_file(key: str, name: str, basedir: Path, *, allowed: str) -> Path:
    """Return the path of a file: as given in the working directory, else below `basedir`.

    Args:
        key: the config key that names it, for the message.
        name: its value.
        basedir: folder of the Snakefile.
        allowed: what the key may hold, for the message.

    Raises:
        ConfigError: there is no such file in either place.
    """
    path = at_home(name)
    places = [path] if path.is_absolute() else [path, basedir / path]
    for place in places:
        if place.is_file():
            return place
    raise ConfigError(
        f"config key {key} = {json.dumps(name, ensure_ascii=False)} is no file, neither "
        f"in the working directory nor beside the Snakefile; allowed: {allowed}"
    )


def read_rows(
    path: Path,
    part: Schema,
    *,
    key: str | None,
    complaints_of: Callable[[dict[str, Any], str], Iterator[str]],
) -> dict[str, dict[str, Any]]:
    """Read a table.

    Args:
        path: the table.
        part: schema of a row.
        key: column whose values are unique names; None names rows by their line.
        complaints_of: yields what else is wrong with a row; it takes the row, before defaults are
            filled in, and the words that each complaint starts with.

    Returns:
        One mapping per row, by its name, in the table's order, defaults filled in.

    Raises:
        ConfigError: the table is empty, a column is unknown, a cell is not allowed, or a name
            stands twice; the message lists every complaint, one a line.
    """
    (_, columns), *lines = _cells_of_lines(path, key or "row")
    complaints = list(_column_complaints(columns, part, path.name))
    rows: dict[str, dict[str, Any]] = {}
    for number, cells in [] if complaints else lines:
        if len(cells) != len(columns):
            complaints.append(
                f"{path.name} line {number} has {len(cells)} cells; allowed: as many as the "
                f"header, {len(columns)}"
            )
            continue
        prefix = f"{path.name} line {number}, column "
        row = {
            column: _typed_cell(cell, part["properties"][column])
            for column, cell in zip(columns, cells, strict=True)
            if cell
        }
        complaints += schema_complaints(row, part, prefix=prefix)
        complaints += complaints_of(row, prefix)
        name = str(number if key is None else row.get(key))
        if name in rows:
            complaints.append(f"{prefix}{key} = {name} stands twice; names are unique")
        rows[name] = with_defaults(row, part)
    if complaints:
        raise ConfigError("\n".join(complaints))
    if not rows:
        raise ConfigError(f"{path.name} has no row; add at least one {key or 'row'}")
    return rows


def _cells_of_lines(path: Path, key: str) -> list[tuple[int, list[str]]]:
    """Return (line number, cells) of the header and the rows; comments and blank lines are none."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name} is not UTF-8 ({error}); save it as UTF-8") from error
    lines = [
        (number, [cell.strip() for cell in line.split("\t")])
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip() and not line.startswith("#")
    ]
    if not lines:
        raise ConfigError(f"{path.name} is empty; add a header and at least one {key}")
    return lines


def _column_complaints(columns: list[str], part: Schema, file: str) -> Iterator[str]:
    """Yield one line for each column that is unknown, stands twice or is missing."""
    allowed = sorted(part["properties"])
    for column in sorted(set(columns) - set(allowed)):
        hint = nearest_hint(column, {name: name for name in allowed})
        yield f"{file} column {column!r} is unknown; {hint}allowed: {', '.join(allowed)}"
    for column in sorted({column for column in columns if columns.count(column) > 1}):
        yield f"{file} column {column!r} stands twice; allowed: once"
    for column in part["required"]:
        if column not in columns:
            yield f"{file} column {column!r} is missing; the header needs it"


def _typed_cell(cell: str, schema: Schema) -> Any:
    kind = schema.get("type")
    if kind == "array" and cell.startswith("["):
        try:
            return json.loads(cell)
        except json.JSONDecodeError:
            return cell
    if kind == "array":
        return [_typed_cell(item, schema["items"]) for item in cell.split()]
    for name, number in (("integer", int), ("number", float)):
        if kind == name:
            try:
                return number(cell)
            except ValueError:
                return cell
    return cell
