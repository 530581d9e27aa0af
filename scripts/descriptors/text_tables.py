"""The tab-separated tables that passes leave for people, read again."""

from collections.abc import Sequence
from pathlib import Path

from scripts.common.errors import IntegrityError
from scripts.common.tsv import read_tsv
from scripts.descriptors.method_comparison import COLUMNS, MethodRow

Cells = dict[str, str]


def read_cells(path: Path, columns: Sequence[str]) -> list[Cells]:
    """Return the rows of a table as texts by column.

    Raises:
        IntegrityError: the file is missing, is no such table, or has other columns.
    """
    header, rows = read_tsv(path)
    if tuple(header) != tuple(columns):
        raise IntegrityError(
            f"{path} has columns other than {', '.join(columns)}; delete it and run again"
        )
    return [dict(zip(columns, row, strict=True)) for row in rows]


def number_in(cells: Cells, column: str, path: Path) -> float:
    """Return a number of a row.

    Raises:
        IntegrityError: the cell holds none.
    """
    try:
        return float(cells[column])
    except ValueError:
        raise IntegrityError(
            f"{path} column '{column}': '{cells[column]}' is no number; delete it and run again"
        ) from None


def read_methods(path: Path) -> list[MethodRow]:
    """Return the comparison of the methods of a clustering pass.

    Raises:
        IntegrityError: the table cannot be read, or a cell holds no number.
    """
    found = []
    for cells in read_cells(path, COLUMNS):
        numbers = {
            name: number_in(cells, name, path)
            for name in COLUMNS
            if name not in ("method", "chosen", "smallest_inner_similarity")
        }
        quality = numbers.pop("quality")
        lowest = (
            number_in(cells, "smallest_inner_similarity", path)
            if cells["smallest_inner_similarity"]
            else None
        )
        found.append(
            MethodRow(
                method=cells["method"],
                chosen=cells["chosen"],
                smallest_inner_similarity=lowest,
                quality=quality,
                **{name: int(value) for name, value in numbers.items()},
            )
        )
    return found
