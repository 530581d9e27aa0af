"""Tells a text table that ends within quotes, which pyarrow reads without a word.

It takes all that follows an open quotation mark for one cell, so that the rows behind a mark that
is never closed, or of a file that was cut off within a quoted cell, would be lost unseen.
"""

from pathlib import Path

import pyarrow as pa

from scripts.common.errors import InputError

_PACKED = ".gz"
_SHOWN = 60


class LastCell:
    """Remembers the last cell of a file that is read in batches of rows."""

    def __init__(self) -> None:
        self._text: str | None = ""

    def see(self, cells: pa.Array) -> None:
        """Take the next rows' cells of the file's last column; only texts can be within quotes."""
        if len(cells):
            text = pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)
            self._text = (cells[-1].as_py() or "") if text else None

    def refuse_open_quote(self, path: Path, delimiter: str) -> None:
        """Refuse a file that ends within quotes, after all of it was seen.

        It then ends in a mark at a cell's beginning and the text of its last cell, with nothing
        behind. Packed files are not looked at; they tell by themselves where they were cut off.

        Args:
            path: the file.
            delimiter: what stands between cells.

        Raises:
            InputError: it does.
        """
        if self._text is None or path.suffix.lower() == _PACKED:
            return
        tail = f'"{self._text.replace(chr(34), chr(34) * 2)}'.encode()
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - len(tail) - 1))
            found = file.read()
        if found.endswith(tail) and found[: -len(tail)] in (delimiter.encode(), b"\n", b"\r"):
            cell = " ".join(self._text.split())
            shown = cell if len(cell) <= _SHOWN else f"{cell[:_SHOWN]}…"
            raise InputError(
                f"{path} ends within the cell {shown!r}: its quotation mark is never closed; close "
                "it, or copy the file again"
            )
