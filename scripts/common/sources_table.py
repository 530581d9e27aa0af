"""The table of text sources: one checked row each, in order of precedence."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.common.addresses import address_complaints
from scripts.common.config import Schema
from scripts.common.config_table import find_file, read_rows


def find_table(name: str, basedir: Path) -> Path:
    """Return the path of the table: as given in the working directory, else below `basedir`.

    Raises:
        ConfigError: there is no such file in either place.
    """
    return find_file("corpus.sources", name, basedir, allowed="path of a TSV table")


def read_sources(path: Path, schema: Schema) -> dict[str, dict[str, Any]]:
    """Read the table of sources.

    Returns:
        One mapping per source, by its name, in order of (priority, row), defaults filled in.

    Raises:
        ConfigError: as `read_rows` does.
    """
    sources = read_rows(
        path, schema["$defs"]["source"], key="source", complaints_of=_source_complaints
    )
    return dict(sorted(sources.items(), key=lambda item: item[1]["priority"]))


def _source_complaints(row: dict[str, Any], prefix: str) -> Iterator[str]:
    if row.get("kind") in ("local", "http", "hub") and not row.get("location"):
        yield f"{prefix}location is empty; a source of kind {row['kind']} needs one"
    if row.get("kind") == "demo" and row.get("location"):
        yield f"{prefix}location = {row['location']} has no meaning; allowed: empty for kind demo"
    if row.get("kind") == "http":
        for complaint in address_complaints(row.get("location", ""), row.get("sha256", [])):
            yield f"{prefix}location: {complaint}"
    for column in ("config", "split"):
        if row.get("kind") in ("demo", "local", "http") and row.get(column):
            yield f"{prefix}{column} = {row[column]} has no meaning; allowed: only for kind hub"
    low, high = row.get("min_characters", 0), row.get("max_characters", 1_000_000_000)
    if isinstance(low, int) and isinstance(high, int) and low > high:
        yield f"{prefix}min_characters = {low} is above max_characters = {high}"
