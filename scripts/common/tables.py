"""Parquet tables with a schema that is checked whenever they are read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.common.errors import IntegrityError
from scripts.common.files import atomic_file

_ROW_GROUP_ROWS = 5_000


@contextmanager
def table_writer(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Yield a Parquet writer (zstd) for `schema`; the file appears when the block succeeds."""
    with (
        atomic_file(path) as partial,
        pq.ParquetWriter(partial, schema, compression="zstd") as writer,
    ):
        yield writer


def write_table(
    path: Path, table: pa.Table, schema: pa.Schema, *, row_group_rows: int = _ROW_GROUP_ROWS
) -> None:
    """Write a whole table, cast to `schema`."""
    with table_writer(path, schema) as writer:
        writer.write_table(table.select(schema.names).cast(schema), row_group_size=row_group_rows)


def table_of_rows(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return rows as a table of `schema`."""
    return pa.Table.from_pylist(list(rows), schema=schema)


def open_table(path: Path, schema: pa.Schema) -> pq.ParquetFile:
    """Open a Parquet file and check that it has `schema`.

    Raises:
        IntegrityError: the file is missing, is no complete Parquet file, or has other columns.
    """
    remedy = "delete it and run again"
    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError:
        raise IntegrityError(f"{path} is missing; run the step that makes it again") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise IntegrityError(f"{path} is not a complete Parquet file; {remedy}") from error
    if not file.schema_arrow.equals(schema, check_metadata=False):
        differing = sorted(set(map(str, file.schema_arrow)) ^ set(map(str, schema)))
        file.close()
        raise IntegrityError(f"{path} has other columns than expected ({differing}); {remedy}")
    return file


def read_table(path: Path, schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table, or some columns of it, after checking its schema."""
    with open_table(path, schema) as file:
        return file.read(columns=list(columns) if columns is not None else None)


def iterate_batches(
    path: Path, schema: pa.Schema, *, rows: int, columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the table in record batches of at most `rows` rows, after checking its schema."""
    with open_table(path, schema) as file:
        yield from file.iter_batches(
            batch_size=rows, columns=list(columns) if columns is not None else None
        )


def count_rows(path: Path, schema: pa.Schema) -> int:
    """Return the number of rows that the file's footer states."""
    with open_table(path, schema) as file:
        return int(file.metadata.num_rows)
