"""Reads the rows of a Parquet file batch by batch, with only the columns that are needed."""

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.common.errors import InputError
from scripts.corpus.row_fields import Row, Wanted, damage_as_input_error, suggestion

_BUFFER_BYTES = 1 << 20
_BATCH_BYTES = 16 << 20


def parquet_rows(wanted: Wanted) -> Iterator[Row]:
    """Yield the rows of `wanted.path` in order.

    Raises:
        InputError: the file is damaged, or a wanted column is missing or has another type.
    """
    path = wanted.path
    with (
        damage_as_input_error(path),
        pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file,
    ):
        schema = file.schema_arrow
        columns = [_parquet_column(wanted, schema, name) for name in wanted.fields]
        batches = file.iter_batches(
            batch_size=_batch_rows(file.metadata), columns=columns, use_threads=False
        )
        number = 0
        for batch in batches:
            for record in _records(batch):
                if record is None:
                    yield Row(number, None, None, "invalid_utf8")
                else:
                    yield wanted.row(number, record)
                number += 1


def _batch_rows(metadata: Any) -> int:
    """Return how many rows of the mean size fit into one batch."""
    total_bytes = sum(
        metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups)
    )
    rows = _BATCH_BYTES * metadata.num_rows // max(total_bytes, 1)
    return min(max(rows, 1), 1024)


def _records(batch: Any) -> Iterable[dict[str, Any] | None]:
    """Return a batch's rows; None stands for a row that is not valid UTF-8."""
    try:
        return batch.to_pylist()
    except UnicodeDecodeError:
        return [_record_or_none(batch.slice(at, 1)) for at in range(batch.num_rows)]


def _record_or_none(batch: Any) -> dict[str, Any] | None:
    try:
        return batch.to_pylist()[0]
    except UnicodeDecodeError:
        return None


def _parquet_column(wanted: Wanted, schema: Any, name: str) -> str:
    """Return the column to read for a field, after checking that the field has a usable type."""
    if name in schema.names:
        wanted_column, kind = name, schema.field(name).type
    else:
        wanted_column, kind = _walk_schema(wanted, schema, name)
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    is_string = any(
        test(value)
        for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    )
    if name in wanted.text_fields and not is_string:
        raise InputError(
            f"{wanted.path}: column '{name}' has type {kind}, not text; choose a text column"
        )
    if name == wanted.id_field and not (is_string or pa.types.is_integer(value)):
        raise InputError(
            f"{wanted.path}: id column '{name}' has type {kind}, neither text nor a whole "
            "number; choose another or leave the id field empty"
        )
    return wanted_column


def _walk_schema(wanted: Wanted, schema: Any, name: str) -> tuple[str, Any]:
    """Follow a dotted path through structs and lists; return the column's prefix and the type."""
    kind = pa.struct(list(schema))
    prefix: list[str] = []
    in_list = False
    for part in name.split("."):
        if pa.types.is_struct(kind) and kind.get_field_index(part) >= 0:
            kind = kind.field(part).type
            prefix += [] if in_list else [part]
        elif (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and part.isdecimal():
            kind, in_list = kind.value_type, True
        else:
            raise InputError(
                f"{wanted.path}: column '{name}' is missing"
                f"{suggestion(name, _schema_paths(schema))}; "
                "correct the source's text or id field"
            )
    return ".".join(prefix), kind


def _schema_paths(fields: Any, prefix: str = "") -> list[str]:
    found = []
    for column in fields:
        path = f"{prefix}{column.name}"
        kind = column.type
        while pa.types.is_list(kind) or pa.types.is_large_list(kind):
            path, kind = f"{path}.0", kind.value_type
        found += _schema_paths(kind, f"{path}.") if pa.types.is_struct(kind) else [path]
    return found
