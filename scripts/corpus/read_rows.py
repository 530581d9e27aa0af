"""Reads the rows of a source file one by one, in bounded memory.

In: a JSON Lines, Parquet, CSV, TSV or text file, the text ones also compressed (.gz, .zst).
Out: `Row`s with the joined text, the source's own id, or the reason why a row has no text.
Trouble with one row becomes a `Row` with a problem; trouble with the file is an `InputError`.
"""

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from scripts.common.errors import ConfigError, InputError
from scripts.corpus.parquet_rows import parquet_rows
from scripts.corpus.row_fields import (
    Row,
    Wanted,
    damage_as_input_error,
    dotted_paths,
    suggestion,
)

__all__ = ["Row", "format_of", "read_rows", "supported_suffixes"]

_FORMATS = {
    ".jsonl": "jsonl",
    ".json-lines": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "txt",
    ".parquet": "parquet",
}
_COMPRESSIONS = (".gz", ".zst")
_BLOCK_BYTES = 1 << 20
_MAX_LINE_BYTES = 256 << 20  # a document of 50 MB may triple in size when JSON escapes it
_MAX_CSV_FIELD_CHARACTERS = 64 << 20
_ROWS_BEFORE_A_FIELD_IS_MISSING = 1000
_FOREIGN_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UNDECODED_BYTE = re.compile("[\udc80-\udcff]")


def supported_suffixes() -> list[str]:
    """Return every file name ending that `read_rows` accepts, sorted."""
    compressible = [suffix for suffix, kind in _FORMATS.items() if kind != "parquet"]
    compressed = [suffix + more for suffix in compressible for more in _COMPRESSIONS]
    return sorted([*_FORMATS, *compressed])


def format_of(name: str) -> str | None:
    """Return "jsonl", "csv", "tsv", "txt" or "parquet" for a file name, None if unsupported."""
    lower = name.lower()
    plain = re.sub(r"\.(gz|zst)$", "", lower)
    kind = _FORMATS.get(Path(plain).suffix)
    return None if kind == "parquet" and plain != lower else kind


def read_rows(
    path: Path,
    *,
    text_fields: Sequence[str],
    separator: str,
    id_field: str | None,
    txt_unit: str = "file",
) -> Iterator[Row]:
    """Yield the rows of a file in order; nothing is read before the first one is asked for.

    A field is a column or key name, or a dotted path with list indices (`answers.text.0`); a
    name that itself holds the dots is taken first. A row whose text fields are not all there is
    "missing_text". Blank JSON lines and blank CSV lines are no rows.

    A text file is one document (`txt_unit` "file"), or one document per line ("line"; blank
    lines are no documents, but count in the line number). It has no fields: `text_fields` is
    empty or ("text",), and `id_field` is None.

    Args:
        path: the file; its suffix says how it is read, see `supported_suffixes`.
        text_fields: the fields that make the text, in order.
        separator: stands between the texts of several fields.
        id_field: the field with the source's own id (text or whole number), or None.
        txt_unit: "file" or "line", for text files.

    Raises:
        InputError: the file is missing, empty, damaged, of an unknown format, lacks a field,
            or has a row without a usable id; the message names the file and the row.
        ConfigError: the fields or the unit do not fit the format.
    """
    kind = format_of(path.name)
    _require_readable(path, kind)
    wanted = Wanted(path, tuple(text_fields), separator, id_field)
    if kind == "txt":
        yield from _text_file_rows(wanted, txt_unit)
        return
    if not text_fields:
        raise ConfigError(f"{path}: no text field is given; name at least one")
    if kind == "parquet":
        yield from parquet_rows(wanted)
    elif kind == "jsonl":
        yield from _json_rows(wanted)
    else:
        yield from _csv_rows(wanted, "," if kind == "csv" else "\t")


def _require_readable(path: Path, kind: str | None) -> None:
    if kind is None:
        raise InputError(
            f"{path}: unknown suffix; convert the file to one of {', '.join(supported_suffixes())}"
        )
    if not path.exists():
        raise InputError(f"{path} is missing; correct the source's location or fetch the file")
    if not path.is_file():
        raise InputError(f"{path} is not a file; name the files in it, for example with a glob")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); remove it or fetch it again")


@contextmanager
def _open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, decompressed, behind a UTF-8 byte order mark if there is one."""
    suffix = path.suffix.lower()
    with damage_as_input_error(path):
        if suffix == ".gz":
            stream: Any = gzip.GzipFile(path, "rb")
        elif suffix == ".zst":
            # Unlike zstandard's reader, Arrow's reports a stream that ends in mid-frame.
            stream = pa.input_stream(str(path), compression="zstd", buffer_size=_BLOCK_BYTES)
        else:
            stream = io.FileIO(path)
        with stream, io.BufferedReader(stream, _BLOCK_BYTES) as reader:
            start = reader.peek(3)
            if not start:
                raise InputError(f"{path} holds no data; remove it or fetch it again")
            if start.startswith(_FOREIGN_BYTE_ORDER_MARKS):
                raise InputError(f"{path} is not UTF-8 but UTF-16 or UTF-32; convert it to UTF-8")
            if start.startswith(b"\xef\xbb\xbf"):
                reader.read(3)
            yield reader


def _lines(path: Path, stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines with their ends; a line too long for the memory is an InputError."""
    number = 0
    while line := stream.readline(_MAX_LINE_BYTES + 1):
        if len(line) > _MAX_LINE_BYTES:
            raise InputError(
                f"{path}, line {number + 1} is longer than {_MAX_LINE_BYTES >> 20} MiB; "
                "split the document or correct the line ends"
            )
        yield line
        number += 1


def _text_file_rows(wanted: Wanted, unit: str) -> Iterator[Row]:
    path = wanted.path
    if unit not in ("file", "line"):
        raise ConfigError(f"{path}: txt_unit is '{unit}'; choose 'file' or 'line'")
    if wanted.text_fields not in ((), ("text",)) or wanted.id_field is not None:
        raise ConfigError(
            f"{path}: a text file has no fields; leave the id field empty and name no text field "
            "but 'text'"
        )
    with _open_bytes(path) as stream:
        if unit == "line":
            for number, line in enumerate(_lines(path, stream)):
                if line.strip():
                    yield _decoded(number, line.rstrip(b"\r\n"))
            return
        content = stream.read(_MAX_LINE_BYTES + 1)
        if len(content) > _MAX_LINE_BYTES:
            raise InputError(
                f"{path} is one document of more than {_MAX_LINE_BYTES >> 20} MiB; "
                "read it by line or split it"
            )
        yield _decoded(0, content)


def _decoded(number: int, content: bytes) -> Row:
    try:
        return Row(number, None, content.decode("utf-8"), None)
    except UnicodeDecodeError:
        return Row(number, None, None, "invalid_utf8")


def _json_rows(wanted: Wanted) -> Iterator[Row]:
    number = parsed = 0
    seen_paths: list[str] = []
    with _open_bytes(wanted.path) as stream:
        for line in _lines(wanted.path, stream):
            if not line.strip():
                continue
            try:
                record = json.loads(line.decode("utf-8"))
            except UnicodeDecodeError:
                yield Row(number, None, None, "invalid_utf8")
            except (ValueError, RecursionError):
                yield Row(number, None, None, "invalid_json")
            else:
                if isinstance(record, dict | list):
                    yield wanted.row(number, record)
                    seen_paths = seen_paths or dotted_paths(record)
                    parsed += 1
                else:
                    yield Row(number, None, None, "wrong_type")
                if parsed == _ROWS_BEFORE_A_FIELD_IS_MISSING:
                    _require_seen(wanted, parsed, seen_paths)
            number += 1
    if 0 < parsed < _ROWS_BEFORE_A_FIELD_IS_MISSING:
        _require_seen(wanted, parsed, seen_paths)


def _require_seen(wanted: Wanted, rows: int, paths: list[str]) -> None:
    for name in wanted.text_fields:
        if name in wanted.absent - wanted.present:
            raise InputError(
                f"{wanted.path}: field '{name}' is in none of the first {rows} rows"
                f"{suggestion(name, paths)}; correct the source's text field"
            )


def _csv_rows(wanted: Wanted, delimiter: str) -> Iterator[Row]:
    path = wanted.path
    csv.field_size_limit(_MAX_CSV_FIELD_CHARACTERS)
    with _open_bytes(path) as stream:
        reader = csv.reader(_csv_lines(path, stream), delimiter=delimiter, strict=True)
        try:
            header = next(reader, [])
            wanted.require_columns(header)
            columns = {name: header.index(name) for name in wanted.fields}
            number = 0
            for cells in reader:
                if not cells:
                    continue
                if len(cells) > len(header):
                    raise InputError(
                        f"{path}, line {reader.line_num}: {len(cells)} fields but "
                        f"{len(header)} columns; quote the fields that hold a delimiter"
                    )
                record = {
                    name: cells[at] if at < len(cells) else None for name, at in columns.items()
                }
                if any(_UNDECODED_BYTE.search(cell) for cell in record.values() if cell):
                    yield Row(number, None, None, "invalid_utf8")
                else:
                    yield wanted.row(number, record)
                number += 1
        except csv.Error as error:
            raise InputError(
                f"{path}, line {reader.line_num}: {error}; look for a quote that is not closed "
                "or not doubled"
            ) from error


def _csv_lines(path: Path, stream: BinaryIO) -> Iterator[str]:
    for number, line in enumerate(_lines(path, stream), start=1):
        if b"\0" in line:
            raise InputError(
                f"{path}, line {number} holds a NUL byte; convert the file to UTF-8 text"
            )
        # Bytes that are not UTF-8 become lone surrogates, which valid UTF-8 never yields.
        yield line.decode("utf-8", errors="surrogateescape")
