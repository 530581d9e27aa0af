"""Reads SMILES from CSV, TSV, Parquet and .smi files, in bounded memory."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from scripts.common.errors import InputError
from scripts.common.names import nearest_name
from scripts.common.open_quotes import LastCell

_BLOCK_BYTES = 1 << 20
_SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
_PACKED = ".gz"
FORMATS = (".csv", ".tsv", ".txt", ".parquet", ".smi")


@dataclass(frozen=True)
class SmilesRow:
    """A row of a file.

    Attributes:
        file: name of the file.
        row: its number in the file, from 0.
        given_id: the row's own id, None where no id field is named or the cell is empty.
        smiles: its SMILES, None where the cell is empty.
    """

    file: str
    row: int
    given_id: str | None
    smiles: str | None


def read_smiles(
    path: Path, *, smiles_field: str, id_field: str | None, batch_rows: int
) -> Iterator[SmilesRow]:
    """Yield the rows of a file in order.

    A .smi file holds one molecule a line, the SMILES first, then a name; it has no fields. Text
    files may be packed by gzip.

    Args:
        path: the file.
        smiles_field: column of the SMILES.
        id_field: column of the rows' ids, None for none.
        batch_rows: rows of a Parquet file that are read at a time.

    Raises:
        InputError: the format is unknown, the file is broken, or a column is missing.
    """
    packed = path.suffix.lower() == _PACKED
    suffix = Path(path.stem if packed else path.name).suffix.lower()
    if suffix not in FORMATS or (packed and suffix == ".parquet"):
        raise InputError(
            f"{path} is none of {', '.join(FORMATS)}, nor one of text with {_PACKED}; convert it, "
            "or correct descriptors.input.location"
        )
    if suffix == ".smi":
        yield from _lines(path)
        return
    wanted = [smiles_field] if id_field is None else [smiles_field, id_field]
    row = 0
    try:
        batches = (
            _parquet_batches(path, wanted, batch_rows)
            if suffix == ".parquet"
            else _csv_batches(path, wanted, _SEPARATORS[suffix])
        )
        for batch in batches:
            smiles = _texts(batch, smiles_field, path)
            ids = [None] * batch.num_rows if id_field is None else _texts(batch, id_field, path)
            for text, given in zip(smiles, ids, strict=True):
                yield SmilesRow(path.name, row, given, text)
                row += 1
    except (pa.ArrowInvalid, OSError) as error:
        cause = " ".join(str(error).split())
        raise InputError(
            f"{path}, after row {row}: not readable ({cause}); mend or replace the file"
        ) from error


def _lines(path: Path) -> Iterator[SmilesRow]:
    try:
        with _open_text(path) as file:
            for row, line in enumerate(file):
                smiles, _, name = line.strip().partition("\t" if "\t" in line else " ")
                yield SmilesRow(path.name, row, name.strip() or None, smiles or None)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 ({error}); save it as UTF-8") from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} is not readable ({error}); mend or replace the file") from error


def _open_text(path: Path) -> TextIO:
    if path.suffix.lower() == _PACKED:
        return gzip.open(path, "rt", encoding="utf-8-sig")
    return path.open(encoding="utf-8-sig")


def _csv_batches(path: Path, wanted: list[str], separator: str) -> Iterator[pa.RecordBatch]:
    packing = "gzip" if path.suffix.lower() == _PACKED else None
    with (
        pa.input_stream(str(path), compression=packing) as stream,
        csv.open_csv(
            stream,
            read_options=csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
            parse_options=csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            # Text throughout: an id of digits stays as it is written.
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=False
            ),
        ) as reader,
    ):
        _require_columns(reader.schema, wanted, path)
        last = LastCell()
        for batch in reader:
            last.see(batch.column(batch.num_columns - 1))
            yield batch
    last.refuse_open_quote(path, separator)


def _parquet_batches(path: Path, wanted: list[str], rows: int) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path, pre_buffer=False) as file:
        _require_columns(file.schema_arrow, wanted, path)
        yield from file.iter_batches(batch_size=rows, columns=wanted)


def _require_columns(schema: pa.Schema, wanted: list[str], path: Path) -> None:
    for name in wanted:
        number = schema.names.count(name)
        if number == 1:
            continue
        if number > 1:
            raise InputError(f"{path} has {number} columns {name!r}; rename all but one")
        near = nearest_name(name, schema.names)
        hint = f"did you mean {near}? " if near else ""
        raise InputError(
            f"{path} has no column {name!r}; {hint}set descriptors.input.smiles_field and id_field "
            f"to two of: {', '.join(schema.names)}"
        )


def _texts(batch: pa.RecordBatch, name: str, path: Path) -> list[str | None]:
    column: Any = batch.column(name)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        if not (pa.types.is_integer(column.type) or pa.types.is_null(column.type)):
            raise InputError(
                f"{path}, column {name!r} holds {column.type}, no text; name another column"
            )
        column = column.cast(pa.string())
    return [
        None if text is None or not text.strip() else text.strip() for text in column.to_pylist()
    ]
