"""Reads documents, queries and judgements line by line, in constant memory.

In: JSON Lines and tab-separated files in UTF-8, also compressed (.gz). A line that cannot be used
is an InputError that names file, line, field and remedy. Blank lines are no rows.
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from gzip import BadGzipFile, GzipFile
from io import BufferedReader
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

from scripts.common.errors import InputError

QRELS_HEADER = ("query-id", "corpus-id", "score")
_SHOWN_CHARACTERS = 60
_LOWEST_SCORE, _HIGHEST_SCORE = -(2**31), 2**31 - 1


class TextRow(NamedTuple):
    """A document or a query as it stands in its file."""

    file: int  # place of its file among those read
    line: int  # from 1
    id: str
    text: str
    domain: str | None
    session: str | None


class Judgement(NamedTuple):
    """A line of qrels."""

    file: int
    line: int
    qid: str
    doc_id: str
    score: int


def text_rows(
    paths: Sequence[Path], id_field: str, chosen: Sequence[bool] | None = None
) -> Iterator[TextRow]:
    """Yield the rows of JSON Lines files, one file after the other.

    Args:
        paths: the files.
        id_field: "doc_id" or "qid".
        chosen: for each row whether it is wanted; the others are not even parsed. All without it.

    Raises:
        InputError: a file is missing, damaged or not UTF-8; a line is no JSON object, lacks a
            field, or has one of a wrong type.
    """
    wanted = iter(chosen) if chosen is not None else repeat(True)
    for file, path in enumerate(paths):
        for number, line in _lines(path):
            if not next(wanted):
                continue
            place = f"{path}:{number}"
            row = _object(line, place)
            yield TextRow(
                file,
                number,
                _id(row, id_field, place),
                _text(row, "text", place),
                _name(row, "domain", place),
                _name(row, "session", place),
            )


def judgements(paths: Sequence[Path]) -> Iterator[Judgement]:
    """Yield the rows of qrels files, one file after the other.

    Raises:
        InputError: as `text_rows` does; the header is another one; a line has not three cells; a
            score is no whole number.
    """
    for file, path in enumerate(paths):
        lines = _lines(path)
        header = next(lines, (1, ""))[1]
        if tuple(header.split("\t")) != QRELS_HEADER:
            raise InputError(
                f"{path} starts with {_shown(header)}; its header must be "
                f"{' '.join(QRELS_HEADER)}, separated by tabs"
            )
        for number, line in lines:
            cells = line.split("\t")
            if len(cells) != len(QRELS_HEADER):
                raise InputError(
                    f"{path}:{number} has {len(cells)} cells; write three, separated by tabs: "
                    f"{' '.join(QRELS_HEADER)}"
                )
            yield Judgement(file, number, cells[0], cells[1], _score(cells[2], path, number))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each line that is not blank."""
    try:
        with _opened(path) as stream:
            for number, raw in enumerate(stream, start=1):
                # Behind a byte order mark at most.
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                if line.strip():
                    yield number, line
    except FileNotFoundError:
        raise InputError(f"{path} is missing; correct the input's name in the config") from None
    except PermissionError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); allow it") from error
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; name the file in it") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}:{number} is not UTF-8 ({error.reason}); convert the file to UTF-8"
        ) from error
    except (BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} is damaged ({error}); fetch or compress it again") from error


def _opened(path: Path) -> GzipFile | BufferedReader:
    return GzipFile(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


def _object(line: str, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{place} is not valid JSON ({error.msg} at character {error.pos + 1}); write one "
            "object a line"
        ) from error
    except (RecursionError, ValueError) as error:  # too deep, or a number of thousands of digits
        raise InputError(
            f"{place} is no object that can be read ({error}); write one flat object a line"
        ) from error
    if not isinstance(row, dict):
        raise InputError(f"{place} holds {_shown(line)}, no JSON object; write one object a line")
    return row


def _text(row: dict[str, Any], field: str, place: str) -> str:
    if field not in row:
        raise InputError(
            f"{place} has no field '{field}', only {', '.join(sorted(row)) or 'none'}; add it"
        )
    value = row[field]
    if not isinstance(value, str):
        raise InputError(f"{place}: {field} is {_shown(value)}; write it as text")
    return value


def _id(row: dict[str, Any], field: str, place: str) -> str:
    value = _text(row, field, place)
    # Run files in TREC's format separate ids by white space, and lone surrogates have no encoding.
    if not value or any(character.isspace() for character in value) or _unencodable(value):
        raise InputError(
            f"{place}: {field} is {_shown(value)}; an id needs at least one character, and no "
            "white space"
        )
    return value


def _name(row: dict[str, Any], field: str, place: str) -> str | None:
    """Return an optional name; sessions are often whole numbers."""
    value = row.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is None or (isinstance(value, str) and value and not _unencodable(value)):
        return value
    raise InputError(f"{place}: {field} is {_shown(value)}; write a name as text, or leave it out")


def _unencodable(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _score(cell: str, path: Path, number: int) -> int:
    try:
        score = int(cell)
    except ValueError:
        score = _HIGHEST_SCORE + 1
    if not _LOWEST_SCORE <= score <= _HIGHEST_SCORE:
        raise InputError(
            f"{path}:{number}: score is {_shown(cell)}; write a whole number, above 0 for an answer"
        )
    return score


def _shown(value: Any) -> str:
    shown = json.dumps(value)
    cut = len(shown) > _SHOWN_CHARACTERS
    return shown[:_SHOWN_CHARACTERS] + "…" if cut else shown
