"""Parts of a new table, Parquet or CSV: their columns, and their rows in bounded batches."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scripts.common.errors import InputError
from scripts.descriptors.csv_parts import csv_blocks, csv_names, is_csv, known_texts

_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Part:
    """A file of the new table.

    Attributes:
        path: the file.
        types: type of each column by name, in the file's order; text for every column of a CSV.
        rows: number of rows; None where only reading would tell.
    """

    path: Path
    types: Mapping[str, pa.DataType]
    rows: int | None

    @property
    def is_csv(self) -> bool:
        """Whether the file is CSV by its name."""
        return is_csv(self.path)


def describe_part(path: Path) -> Part:
    """Return the columns of a file.

    Raises:
        InputError: the file is missing, unreadable, or has two columns of one name.
    """
    if not path.is_file():
        raise InputError(f"{path} is no file; name the files of the new table")
    rows = None
    if is_csv(path):
        names = csv_names(path)
        types = [pa.string() for _ in names]
    else:
        with _parquet(path) as file:
            names, types = list(file.schema_arrow.names), list(file.schema_arrow.types)
            rows = file.metadata.num_rows
    for name, times in Counter(names).items():
        if times > 1:
            raise InputError(f"{path} has {times} columns called {name!r}; give each its own name")
    return Part(path, dict(zip(names, types, strict=True)), rows)


def _parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_BYTES)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(
            f"{path} is not a complete Parquet file; write it again, or name it .csv if it is CSV"
        ) from error


def read_batches(part: Part, names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the named columns of a part in batches of at most `rows` rows, in order.

    Raises:
        InputError: the file cannot be read to its end.
    """
    if not names:
        raise InputError(f"{part.path} has none of the columns that are wanted; leave it out")
    try:
        for batch in (
            # Text: a type guessed from the first rows would fail at the first number unlike them.
            csv_blocks(part.path, names) if part.is_csv else _parquet_batches(part, names, rows)
        ):
            for start in range(0, batch.num_rows, rows):
                yield batch.slice(start, rows)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{part.path} cannot be read to its end ({error}); mend it") from error


def _parquet_batches(part: Part, names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
    with _parquet(part.path) as file:
        for batch in file.iter_batches(batch_size=rows, columns=list(names), use_threads=False):
            # Asked for "a" the reader also gives "a.b", which it takes for a part of it.
            yield batch.select(list(names))


def as_type(values: pa.Array, kind: pa.DataType, part: Part, name: str) -> pa.Array:
    """Return values of a column that is carried along as `kind`.

    Raises:
        InputError: they cannot be taken as such.
    """
    try:
        return values.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(
            f"{part.path}: column {name} is {values.type} here and of another kind in other "
            "parts; give it one type"
        ) from error


def as_numbers(values: pa.Array, kind: pa.DataType, part: Part, name: str) -> pa.Array:
    """Return values of a descriptor as floating-point numbers; missing ones as null or NaN.

    Raises:
        InputError: a value is no number.
    """
    try:
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            return _parsed(values).cast(kind)
        if pa.types.is_boolean(values.type):
            values = values.cast(pa.int8())
        # An integer of more than 53 bits is rounded, as everywhere among floating-point numbers.
        return values.cast(kind, safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(
            f"{part.path}: column {name} holds values that are no numbers ({values.type}): "
            f"{error}; descriptors must be numeric"
        ) from error


def _parsed(texts: pa.Array) -> pa.Array:
    known = pc.utf8_lower(known_texts(texts, infinite_too=False))
    known = pc.if_else(pc.equal(known, "true"), "1", known)
    return pc.if_else(pc.equal(known, "false"), "0", known).cast(pa.float64())
