"""Rows of a local JSON Lines (plain or gzip) or Parquet file."""

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.common.errors import InputError


def local_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file.

    Raises:
        InputError: the file is missing, cannot be read, or a line is no JSON object.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing; name an existing file in the config")
    if path.suffix == ".parquet":
        try:
            yield from pq.read_table(path).to_pylist()
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"{path} is no complete Parquet file ({str(error).strip()}); give another file"
            ) from None
        return
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                yield _object(path, number, line)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}); give another file") from None


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:  # also a number of too many digits
        raise InputError(f"{path}, line {number} is no JSON ({error}); mend the line") from None
    if not isinstance(row, dict):
        raise InputError(f"{path}, line {number} is no JSON object; mend the line")
    return row


def field_of(row: Mapping[str, Any], field: str, path: Path) -> Any:
    """Return a field of a row.

    Raises:
        InputError: the row has no such field.
    """
    if field not in row:
        raise InputError(f"{path}: a row has no field {field!r}, only {sorted(row)}; name another")
    return row[field]
