"""CSV and TSV: every value as text, in bounded blocks.

Quoted values may hold line ends. An unquoted empty cell, NaN, NULL, <NA> and #N/A are missing; in
quotes they are what they say.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc_csv

from scripts.common.errors import InputError
from scripts.common.open_quotes import LastCell

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_MISSING = ["", "NaN", "nan", "NULL", "null", "<NA>", "#N/A"]
_GROWTH = 8
_LARGEST_BLOCK = 512 << 20
_HEADER_BLOCK = 1 << 20
_STRADDLING = "straddles two block boundaries"


def delimiter_of(path: Path) -> str | None:
    """Return the delimiter that a file's name implies, None where it is no CSV or TSV."""
    name = path.name.lower().removesuffix(".gz")
    return next((mark for end, mark in _DELIMITERS.items() if name.endswith(end)), None)


def csv_names(path: Path) -> list[str]:
    """Return the names in the header."""
    block = _HEADER_BLOCK
    while True:
        try:
            with _open(path, None, block) as reader:
                return list(reader.schema.names)
        except pa.ArrowInvalid as error:
            block = _larger(path, block, error)


def csv_batches(
    path: Path, columns: Sequence[str], *, block_bytes: int
) -> Iterator[pa.RecordBatch]:
    """Yield some columns as text, null where a value is missing.

    A row that does not fit into a block makes the reader begin again with larger blocks; rows that
    were given already are skipped then.

    Args:
        path: the file.
        columns: names in the header.
        block_bytes: bytes of text that are parsed at a time.

    Raises:
        InputError: a row is larger than the largest block, or a quotation mark is never closed.
    """
    given, last = 0, LastCell()
    *_, behind = csv_names(path)
    read = list(dict.fromkeys([*columns, behind]))
    while True:
        try:
            for batch in _skipping(path, read, block_bytes, given):
                given += batch.num_rows
                last.see(batch.column(behind))
                yield batch.select(list(columns))
            break
        except pa.ArrowInvalid as error:
            block_bytes = _larger(path, block_bytes, error)
    if delimiter := delimiter_of(path):
        last.refuse_open_quote(path, delimiter)


def _skipping(
    path: Path, columns: Sequence[str], block_bytes: int, skipped: int
) -> Iterator[pa.RecordBatch]:
    with _open(path, columns, block_bytes) as reader:
        for batch in reader:
            if skipped >= batch.num_rows:
                skipped -= batch.num_rows
            else:
                yield batch.slice(skipped)
                skipped = 0


def _larger(path: Path, block: int, error: pa.ArrowInvalid) -> int:
    """Return the next block size where a row did not fit into `block`; raise all other errors."""
    if _STRADDLING not in str(error):
        raise error
    if block >= _LARGEST_BLOCK:
        raise InputError(
            f"{path} holds a row of more than {_LARGEST_BLOCK >> 20} MB, or a quotation mark that "
            "is never closed; correct it"
        ) from error
    return min(block * _GROWTH, _LARGEST_BLOCK)


def _open(path: Path, columns: Sequence[str] | None, block_bytes: int) -> pc_csv.CSVStreamingReader:
    names = list(columns) if columns is not None else []
    return pc_csv.open_csv(
        path,
        read_options=pc_csv.ReadOptions(block_size=block_bytes, use_threads=False),
        parse_options=pc_csv.ParseOptions(
            delimiter=delimiter_of(path), newlines_in_values=True, ignore_empty_lines=True
        ),
        convert_options=pc_csv.ConvertOptions(
            include_columns=names,
            column_types=dict.fromkeys(names, pa.string()),
            null_values=_MISSING,
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
