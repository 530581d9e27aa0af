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
_ROW_GROUP_BYTES = 64 << 20
_READ_BYTES = 1 << 20


class TableWriter:
    """Writes a table in row groups of a fixed number of rows, however the rows arrive.

    So the file's bytes depend on its rows alone, not on batches or shards, as long as a row group
    stays below 64 MB; larger ones are written early, to bound memory.
    """

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer, self.schema = writer, schema
        self._waiting: list[pa.Table] = []
        self._rows = self._bytes = 0

    def write_table(self, table: pa.Table) -> None:
        """Add rows, cast to the schema."""
        table = table.select(self.schema.names).cast(self.schema)
        self._waiting.append(table)
        self._rows += table.num_rows
        self._bytes += table.nbytes
        if self._rows >= _ROW_GROUP_ROWS or self._bytes >= _ROW_GROUP_BYTES:
            self._flush(all_rows=self._bytes >= _ROW_GROUP_BYTES)

    def finish(self) -> None:
        """Write the rows that still wait."""
        self._flush(all_rows=True)

    def _flush(self, *, all_rows: bool) -> None:
        waiting = pa.concat_tables(self._waiting) if self._waiting else self.schema.empty_table()
        whole = waiting.num_rows // _ROW_GROUP_ROWS * _ROW_GROUP_ROWS
        done = waiting.num_rows if all_rows else whole
        # A copy: a slice would keep alive all that it was cut from.
        rest = waiting.slice(done).take(pa.array(range(waiting.num_rows - done), pa.int64()))
        self._waiting, self._rows = ([rest] if rest.num_rows else []), rest.num_rows
        self._bytes = rest.nbytes
        if done:
            columns = []
            waiting = waiting.slice(0, done)
            # Pages of long texts are cut where chunks end, so they are one chunk whichever way the
            # rows came; one column after the other, so that only one is held twice. Lists have the
            # same bytes in any chunks, and need less memory in small ones.
            while waiting.num_columns:
                column = waiting.column(0)
                nested = pa.types.is_nested(column.type)
                columns.append(column if nested else column.combine_chunks())
                waiting = waiting.remove_column(0)
            self._writer.write_table(
                pa.table(columns, schema=self.schema), row_group_size=_ROW_GROUP_ROWS
            )
        # Arrow keeps freed buffers for later: 80 MB of them over groups of uneven size.
        pa.default_memory_pool().release_unused()


@contextmanager
def table_writer(path: Path, schema: pa.Schema) -> Iterator[TableWriter]:
    """Yield a writer of a Parquet file (zstd); the file appears when the block succeeds."""
    with (
        atomic_file(path) as partial,
        pq.ParquetWriter(partial, schema, compression="zstd", write_page_checksum=True) as parquet,
    ):
        writer = TableWriter(parquet, schema)
        yield writer
        writer.finish()


def write_table(path: Path, table: pa.Table, schema: pa.Schema) -> None:
    """Write a whole table, cast to `schema`."""
    with table_writer(path, schema) as writer:
        writer.write_table(table)


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
        # Pre-buffering, the library's default, keeps all that was read until the file is closed.
        file = pq.ParquetFile(
            path, page_checksum_verification=True, pre_buffer=False, buffer_size=_READ_BYTES
        )
    except FileNotFoundError:
        raise IntegrityError(f"{path} is missing; run the step that makes it again") from None
    except PermissionError as error:
        raise IntegrityError(f"{path} cannot be read: {error.strerror}; allow it") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise IntegrityError(f"{path} is not a complete Parquet file; {remedy}") from error
    if not file.schema_arrow.equals(schema, check_metadata=False):
        differing = _difference(file.schema_arrow, schema)
        file.close()
        raise IntegrityError(f"{path} has other columns than expected ({differing}); {remedy}")
    return file


def _difference(found: pa.Schema, schema: pa.Schema) -> str:
    """Return what tells a schema from the expected one, for a person."""
    ours, theirs = (
        {f"{field.name} {field.type}{'' if field.nullable else ' not null'}" for field in columns}
        for columns in (schema, found)
    )
    parts = [
        f"{what} {', '.join(sorted(columns))}"
        for what, columns in (("lacks", ours - theirs), ("has", theirs - ours))
        if columns
    ]
    return "; ".join(parts) or "the same in another order"


def read_table(path: Path, schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table, or some columns of it, after checking its schema."""
    with open_table(path, schema) as file:
        return file.read(columns=list(columns) if columns is not None else None)


def iterate_batches(
    path: Path, schema: pa.Schema, *, rows: int, columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the table in record batches of `rows` rows, the last one shorter.

    The batches do not depend on the file's row groups, so tables with the same rows can be read
    side by side. The schema is checked first.
    """
    with open_table(path, schema) as file:
        waiting: list[pa.RecordBatch] = []
        for batch in file.iter_batches(
            batch_size=rows, columns=list(columns) if columns is not None else None
        ):
            waiting.append(batch)
            if sum(part.num_rows for part in waiting) >= rows:
                joined = pa.concat_batches(waiting)
                yield joined.slice(0, rows)
                waiting = [joined.slice(rows)] if joined.num_rows > rows else []
        if waiting:
            yield pa.concat_batches(waiting)


def count_rows(path: Path, schema: pa.Schema) -> int:
    """Return the number of rows that the file's footer states."""
    with open_table(path, schema) as file:
        return int(file.metadata.num_rows)
