"""Parquet files in batches whose bytes are bounded, however long the rows are."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_READ_BYTES = 1 << 20
_MOST_ROWS = 50_000


def parquet_schema(path: Path) -> pa.Schema:
    """Return names and types of the columns."""
    with _open(path) as file:
        return file.schema_arrow


def parquet_batches(
    path: Path, columns: Sequence[str], *, batch_bytes: int, threads: int
) -> Iterator[pa.RecordBatch]:
    """Yield some columns in the order of the rows, about `batch_bytes` at a time."""
    with _open(path) as file:
        for group in range(file.metadata.num_row_groups):
            rows = max(1, _rows_in(file.metadata.row_group(group), columns, batch_bytes))
            for batch in file.iter_batches(
                batch_size=rows, row_groups=[group], columns=list(columns), use_threads=threads > 1
            ):
                yield batch.select(list(columns))


def _rows_in(group: pq.RowGroupMetaData, columns: Sequence[str], batch_bytes: int) -> int:
    """Return how many rows of a row group fit into `batch_bytes`, going by their mean."""
    chunks = (group.column(number) for number in range(group.num_columns))
    size = sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema in columns)
    return min(_MOST_ROWS, batch_bytes * group.num_rows // max(1, size))


def _open(path: Path) -> pq.ParquetFile:
    # Pre-buffering, the library's default, keeps all that was read until the file is closed.
    return pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_BYTES)
