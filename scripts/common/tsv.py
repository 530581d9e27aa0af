"""Tab-separated tables as a person and the report read them."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from scripts.common.errors import IntegrityError
from scripts.common.files import write_text


def write_tsv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table (UTF-8) with a header; None becomes an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_text(path, text.getvalue())


def read_tsv(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of a table that `write_tsv` wrote; both empty for no text.

    Raises:
        IntegrityError: the file is missing, is no UTF-8 text, ends within a line, or a row has
            another number of cells than the header.
    """
    remedy = "delete it and run again"
    try:
        text = path.read_bytes().decode()
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t"))
    except FileNotFoundError:
        raise IntegrityError(f"{path} is missing; run the step that makes it again") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise IntegrityError(f"{path} is not a UTF-8 table ({error}); {remedy}") from error
    if text and not text.endswith("\n"):
        raise IntegrityError(f"{path} ends within a line, so it is truncated; {remedy}")
    header, rows = (lines[0], lines[1:]) if lines else ([], [])
    for number, cells in enumerate(rows, start=2):
        if len(cells) != len(header):
            raise IntegrityError(
                f"{path} row {number} has {len(cells)} cells in place of {len(header)}; {remedy}"
            )
    return header, rows
