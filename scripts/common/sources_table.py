"""The table of text sources: one checked row each, in order of precedence."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.common.config import Schema, nearest_hint, schema_complaints, with_defaults
from scripts.common.errors import ConfigError


def find_table(name: str, basedir: Path) -> Path:
    """Return the path of a table: as given in the working directory, else below `basedir`.

    Raises:
        ConfigError: there is no such file in either place.
    """
    return find_file("corpus.sources", name, basedir, allowed="path of a TSV table")


def find_file(key: str, name: str, basedir: Path, *, allowed: str) -> Path:
    """Return the path of a file that a config key names, as `find_table` does.

    Args:
        key: the config key, for the message.
        name: its value.
        basedir: folder of the Snakefile.
        allowed: what the key may hold, for the message.

    Raises:
        ConfigError: there is no such file in either place.
    """
    path = Path(name).expanduser()
    places = [path] if path.is_absolute() else [path, basedir / path]
    for place in places:
        if place.is_file():
            return place
    raise ConfigError(
        f"config key {key} = {json.dumps(name, ensure_ascii=False)} is no file, neither "
        f"in the working directory nor beside the Snakefile; allowed: {allowed}"
    )


def read_sources(path: Path, schema: Schema) -> dict[str, dict[str, Any]]:
    """Read the table of sources.

    Returns:
        One mapping per source, by its name, in order of (priority, row), defaults filled in.

    Raises:
        ConfigError: the table is empty, a column is unknown, a cell is not allowed, or
            a name stands twice; the message names the file and the row.
    """
    part = schema["$defs"]["source"]
    (_, columns), *lines = _cells_of_lines(path)
    complaints = list(_column_complaints(columns, part, path.name))
    sources: dict[str, dict[str, Any]] = {}
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
        complaints += _source_complaints(row, prefix)
        if row.get("source") in sources:
            complaints.append(f"{prefix}source = {row['source']} stands twice; names are unique")
        sources[str(row.get("source"))] = with_defaults(row, part)
    if complaints:
        raise ConfigError("\n".join(complaints))
    if not sources:
        raise ConfigError(f"{path.name} has no row; add at least one source")
    return dict(sorted(sources.items(), key=lambda item: item[1]["priority"]))


def _cells_of_lines(path: Path) -> list[tuple[int, list[str]]]:
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
        raise ConfigError(f"{path.name} is empty; add a header and at least one source")
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
        return cell.split()
    if kind == "integer":
        try:
            return int(cell)
        except ValueError:
            return cell
    return cell


def _source_complaints(row: dict[str, Any], prefix: str) -> Iterator[str]:
    if row.get("kind") in ("local", "http", "hub") and not row.get("location"):
        yield f"{prefix}location is empty; a source of kind {row['kind']} needs one"
    for column in ("config", "split"):
        if row.get("kind") in ("demo", "local", "http") and row.get(column):
            yield f"{prefix}{column} = {row[column]} has no meaning; allowed: only for kind hub"
    low, high = row.get("min_characters", 0), row.get("max_characters", 1_000_000_000)
    if isinstance(low, int) and isinstance(high, int) and low > high:
        yield f"{prefix}min_characters = {low} is above max_characters = {high}"
