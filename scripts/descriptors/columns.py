"""The table that is reduced, read column by column from its parts.

`describe_table` settles once what each column is and which parts there are; every later step reads
through `DescriptorTable`. Rows stand in the order of the sorted part paths, descriptors in the
order of their names. Null, NaN and ±inf are all NaN here.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scripts.common.errors import IntegrityError
from scripts.common.files import read_json
from scripts.descriptors.parquet_parts import open_part, remedy_of_part, values_of

DESCRIPTOR = "descriptor"
_BATCH_ROWS = 16_384
_COLUMNS_SIDE_BY_SIDE = 32  # each takes a reader with pages and a dictionary, 1 to 2 MB
_SHARE_OF_MEMORY = 0.5  # a block may be read while the one before is still held
Values = npt.NDArray[np.floating[Any]]


class ColumnBlocks(Protocol):
    """Descriptors that come in blocks of columns, from parts or from memory.

    Attributes:
        rows: number of items.
        names: descriptors, sorted.
    """

    rows: int
    names: list[str]

    def dtype(self, names: Sequence[str]) -> np.dtype[Any]:
        """Return the type of the values of `names`."""

    def blocks(self, names: Sequence[str], width: int) -> Iterator[tuple[list[str], Values]]:
        """Yield `names` and their values in blocks of at most `width` descriptors."""


class DescriptorTable:
    """Descriptors of all items.

    Args:
        manifest: table.json of `describe_table`.
        converted: its folder of converted parts; beside the manifest where None.

    Raises:
        IntegrityError: the manifest, or a part, is missing or was altered since.
    """

    def __init__(self, manifest: Path, converted: Path | None = None) -> None:
        facts = read_json(manifest)
        folder = manifest.parent / "converted" if converted is None else converted
        self.rows: int = facts["rows"]
        self.sha256: str = facts["sha256"]
        self._columns: dict[str, dict[str, Any]] = {
            column["name"]: column for column in facts["columns"]
        }
        self.names = self.names_of(DESCRIPTOR)
        self._parts = [
            (folder / part["path"] if part["converted"] else Path(part["path"]), part)
            for part in facts["parts"]
        ]
        for path, part in self._parts:
            _refuse_altered(path, part["bytes"])

    def names_of(self, role: str) -> list[str]:
        """Return the sorted names of the columns of a role."""
        return sorted(name for name, column in self._columns.items() if column["role"] == role)

    def role(self, name: str) -> str:
        """Return "descriptor", "metadata", "label", "protected" or "force_drop".

        Raises:
            KeyError: no column has that name.
        """
        return str(self._columns[name]["role"])

    def dtype(self, names: Sequence[str]) -> np.dtype[Any]:
        """Return float32 where every part stores all of `names` in it or narrower, else float64."""
        narrow = all(self._columns[name]["narrow"] for name in names)
        return np.dtype(np.float32 if narrow else np.float64)

    def read(self, names: Sequence[str], rows: slice | None = None) -> Values:
        """Read descriptors.

        Args:
            names: descriptors, in the order wanted.
            rows: range of rows with step 1, all where None.

        Returns:
            (rows, len(names)) array in Fortran order, NaN where missing.

        Raises:
            ValueError: a name is no descriptor; no other column is ever read.
            IntegrityError: a part is damaged.
        """
        strangers = [name for name in names if name not in self._columns]
        strangers += [n for n in names if n not in strangers and self.role(n) != DESCRIPTOR]
        if strangers:
            raise ValueError(f"{strangers[:5]} are no descriptors of the table")
        start, stop, _ = (rows or slice(None)).indices(self.rows)
        values = np.full((max(stop - start, 0), len(names)), np.nan, self.dtype(names), order="F")
        first = 0
        for path, part in self._parts:
            low, high = max(start - first, 0), min(stop - first, part["rows"])
            if low < high:
                present = [place for place, n in enumerate(names) if n not in part["absent"]]
                target = values[first + low - start : first + high - start]
                _fill(target, path, names, present, low, high)
            first += part["rows"]
        pa.default_memory_pool().release_unused()
        return values

    def blocks(self, names: Sequence[str], width: int) -> Iterator[tuple[list[str], Values]]:
        """Yield `names` and their values in blocks of at most `width` descriptors."""
        for start in range(0, len(names), width):
            block = list(names[start : start + width])
            yield block, self.read(block)


def columns_per_block(
    rows: int, *, memory_mb: float, bytes_per_value: int, working_bytes: int = 0
) -> int:
    """Return how many columns may be held at once, at least 1.

    Args:
        rows: rows of a column.
        memory_mb: memory for blocks of columns, beside what the step itself takes.
        bytes_per_value: of a held column.
        working_bytes: per row, while columns are worked on.
    """
    free = memory_mb * 1e6 * _SHARE_OF_MEMORY - working_bytes * rows
    return max(1, int(free / (bytes_per_value * max(rows, 1))))


def required_values(min_effective_n: int, rows: int) -> int:
    """Return how many valid values a column, or a pair's overlap, needs in a table of `rows`.

    Small tables never need more than half of their rows, since a single missing value would
    otherwise reject a column, and always 3.
    """
    return min(min_effective_n, max(3, -(-rows // 2)))


def _refuse_altered(path: Path, size: int) -> None:
    if not path.is_file():
        remedy = remedy_of_part(path, "put it back or run describe_table again")
        raise IntegrityError(f"part {path} is missing; {remedy}")
    found = path.stat().st_size
    if found != size:
        raise IntegrityError(
            f"part {path} has {found} bytes instead of {size}; run describe_table again"
        )


def _fill(
    target: Values, path: Path, names: Sequence[str], present: list[int], low: int, high: int
) -> None:
    """Write rows `low` to `high` of a part into the columns `present` of `target`."""
    if not present:
        return
    with open_part(path, IntegrityError) as file:
        groups, skipped = _groups_of_rows(file, low, high)
        for start in range(0, len(present), _COLUMNS_SIDE_BY_SIDE):
            places = present[start : start + _COLUMNS_SIDE_BY_SIDE]
            at = skipped - low
            for batch in file.iter_batches(
                batch_size=_BATCH_ROWS,
                row_groups=groups,
                columns=[names[place] for place in places],
                use_threads=False,
            ):
                begin, end = max(0, -at), min(batch.num_rows, len(target) - at)
                for place in places if begin < end else []:
                    values = values_of(batch.column(names[place]).slice(begin, end - begin))
                    target[at + begin : at + end, place] = values
                at += batch.num_rows


def _groups_of_rows(file: Any, low: int, high: int) -> tuple[list[int], int]:
    """Return the row groups that hold rows `low` to `high`, and the rows before them."""
    groups, before, skipped = [], 0, 0
    for group in range(file.metadata.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if before + rows <= low:
            skipped = before + rows
        elif before < high:
            groups.append(group)
        before += rows
    return groups, skipped
