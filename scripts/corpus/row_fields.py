"""What is taken from a source's row: its text fields, joined, and its own id."""

import difflib
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.common.errors import InputError

_ABSENT = object()  # a key on the way does not exist
_CUT_SHORT = object()  # a null or a short list stands on the way, so the rest is unknown
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Row:
    """One row of a source file.

    Attributes:
        number: 0-based row number in the file; for text files read by line, the line number.
        id: the source's own id as text, if an id field was asked for and could be read.
        text: the text, or None where `problem` is set.
        problem: None, "invalid_utf8", "invalid_json", "missing_text" or "wrong_type".
    """

    number: int
    id: str | None
    text: str | None
    problem: str | None


@dataclass
class Wanted:
    """What to take from each row, and which text fields have been met so far.

    Attributes:
        present: text fields that some row had, be it as null.
        absent: text fields that some row did not have.
    """

    path: Path
    text_fields: tuple[str, ...]
    separator: str
    id_field: str | None
    present: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)

    @property
    def fields(self) -> list[str]:
        """The fields to read, each once."""
        return list(dict.fromkeys([*self.text_fields, *filter(None, [self.id_field])]))

    def row(self, number: int, record: Any) -> Row:
        """Make the `Row` of a decoded record (nested dicts and lists)."""
        identifier = None if self.id_field is None else self._id(number, record)
        texts = []
        problem = None
        for name in self.text_fields:
            value = _look_up(record, name)
            if value is _ABSENT:
                self.absent.add(name)
            elif value is not _CUT_SHORT:
                self.present.add(name)
            if isinstance(value, str):
                texts.append(value)
            else:
                missing = value in (None, _ABSENT, _CUT_SHORT)
                problem = problem or ("missing_text" if missing else "wrong_type")
        return Row(number, identifier, None if problem else self.separator.join(texts), problem)

    def _id(self, number: int, record: Any) -> str:
        name = str(self.id_field)
        value = _look_up(record, name)
        where = f"{self.path}, row {number}: the id field '{name}'"
        remedy = "mend the row or leave the id field empty"
        if value is _ABSENT:
            raise InputError(
                f"{where} is missing{suggestion(name, dotted_paths(record))}; {remedy}"
            )
        if value in (None, _CUT_SHORT, ""):
            raise InputError(f"{where} is null or empty; {remedy}")
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise InputError(
                f"{where} is a {type(value).__name__}, not text or a whole number; {remedy}"
            )
        if isinstance(value, str) and not _is_encodable(value):
            raise InputError(f"{where} holds half of a surrogate pair; {remedy}")
        return str(value)

    def require_columns(self, columns: list[str]) -> None:
        """Raise InputError unless every field is one of `columns`."""
        for name in self.fields:
            if columns.count(name) != 1:
                fault = "is missing" if name not in columns else "stands more than once"
                raise InputError(
                    f"{self.path}: column '{name}' {fault}{suggestion(name, columns)}; "
                    "correct the source's text or id field"
                )


def _look_up(record: Any, name: str) -> Any:
    """Return the value at a dotted path, or `_ABSENT` or `_CUT_SHORT` where there is none."""
    if isinstance(record, dict) and name in record:
        return record[name]
    value = record
    for part in name.split("."):
        if value is None:
            return _CUT_SHORT
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal():
            if int(part) >= len(value):
                return _CUT_SHORT
            value = value[int(part)]
        else:
            return _ABSENT
    return value


def dotted_paths(record: Any, prefix: str = "", depth: int = 3) -> list[str]:
    """List the dotted paths of a record, to suggest one for a misspelt field."""
    if depth == 0 or not isinstance(record, dict | list):
        return []
    items = record.items() if isinstance(record, dict) else enumerate(record[:1])
    found = []
    for key, value in items:
        found.append(f"{prefix}{key}")
        found += dotted_paths(value, f"{prefix}{key}.", depth - 1)
    return found


def suggestion(name: str, columns: list[str]) -> str:
    """Return the nearest column name and the list of all, as a part of a one-line message."""
    near = difflib.get_close_matches(name, columns, n=1, cutoff=0.5)
    nearest = f", the nearest is '{near[0]}'" if near and near[0] != name else ""
    listed = ", ".join(columns[:40]) or "none"
    line = " ".join(f"{nearest} (there are: {listed})".split())
    return f"{'' if nearest else ' '}{line}".encode(errors="replace").decode()


def _is_encodable(text: str) -> bool:
    return not _SURROGATE.search(text)


@contextmanager
def damage_as_input_error(path: Path) -> Iterator[None]:
    """Turn whatever a reader raises on a truncated or damaged file into an InputError."""
    try:
        yield
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path} cannot be read to its end, it may be truncated or damaged ({cause}); "
            "fetch or copy it again"
        ) from error
