"""CSV parts of a descriptor table: types settled over the whole part, then written as Parquet.

Text is read in bounded blocks. A column is of whole numbers, of true and false, or of numbers,
whichever first holds every value of the part; where blocks end cannot matter.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from scripts.common.errors import InputError
from scripts.common.open_quotes import LastCell

_BLOCK_BYTES = 8 << 20
_GROUP_BYTES = 64 << 20
# What stands for a missing number, in lower case.
_MISSING = ["", "na", "nan", "-nan", "null", "none", "n/a", "#n/a", "#na", "<na>", "1.#qnan"]
_INFINITE = ["inf", "-inf", "+inf"]
_KINDS = (pa.int64(), pa.bool_(), pa.float64())
_LONGEST_SHOWN = 40


def is_csv(path: Path) -> bool:
    """Return whether a file is CSV by its name (.csv, .csv.gz)."""
    return path.name.lower().endswith((".csv", ".csv.gz"))


def csv_names(path: Path) -> list[str]:
    """Return the names in the header.

    Raises:
        InputError: the file is missing, empty, or no CSV in UTF-8.
    """
    with _damage_named(path), _open(path, ()) as reader:
        return list(reader.schema.names)


def csv_types(path: Path, descriptors: Collection[str]) -> dict[str, pa.DataType]:
    """Return the type of each descriptor that the file has, after reading all of it.

    Raises:
        InputError: a descriptor holds something that is no number, or the file is damaged.
    """
    names = [name for name in csv_names(path) if name in descriptors]
    if not names:
        return {}
    possible = {name: list(_KINDS) for name in names}
    empty = set(names)
    for block in csv_blocks(path, names):
        for name in names:
            texts = known_texts(block.column(name), infinite_too=True)
            if texts.null_count < len(texts):
                empty.discard(name)
                before = possible[name]
                possible[name] = [kind for kind in before if _fits(texts, kind)]
                if not possible[name]:
                    raise InputError(_no_number(path, name, texts))
    return {name: pa.float64() if name in empty else possible[name][0] for name in names}


def convert_csv(path: Path, target: Path, types: Mapping[str, pa.DataType]) -> int:
    """Write a CSV part as Parquet.

    Args:
        path: the CSV file.
        target: the Parquet file.
        types: types of the descriptors; all other columns stay text.

    Returns:
        The number of rows.
    """
    schema = pa.schema([(name, types.get(name, pa.string())) for name in csv_names(path)])
    rows, waiting = 0, list[pa.RecordBatch]()
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:

        def flush() -> None:
            if waiting:
                table = pa.Table.from_batches(waiting, schema)
                writer.write_table(table, row_group_size=max(1, len(table)))
                waiting.clear()

        for block in csv_blocks(path, schema.names):
            columns = [
                known_texts(block.column(field.name), infinite_too=True).cast(field.type)
                if field.name in types
                else block.column(field.name)
                for field in schema
            ]
            waiting.append(pa.RecordBatch.from_arrays(columns, schema=schema))
            rows += block.num_rows
            if sum(batch.nbytes for batch in waiting) >= _GROUP_BYTES:
                flush()
        flush()
    return rows


def csv_blocks(path: Path, names: Collection[str]) -> Iterator[pa.RecordBatch]:
    """Yield columns as text, in bounded blocks of rows.

    Raises:
        InputError: the file is missing, no CSV in UTF-8 to its end, or ends within quotes.
    """
    last, (*_, behind) = LastCell(), csv_names(path)
    with _damage_named(path):
        with _open(path, list(dict.fromkeys([*names, behind]))) as reader:
            for block in reader:
                last.see(block.column(behind))
                yield block.select(list(names))
        last.refuse_open_quote(path, ",")


def _open(path: Path, names: Collection[str]) -> pc_csv.CSVStreamingReader:
    return pc_csv.open_csv(
        path,
        read_options=pc_csv.ReadOptions(block_size=_BLOCK_BYTES, use_threads=False),
        parse_options=pc_csv.ParseOptions(newlines_in_values=True),
        convert_options=pc_csv.ConvertOptions(
            include_columns=list(names), column_types=dict.fromkeys(names, pa.string())
        ),
    )


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"part {path} is missing; put it back or correct the path") from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"part {path} is no readable CSV ({reason}); correct it") from error


def known_texts(texts: pa.Array, *, infinite_too: bool) -> pa.Array:
    """Return trimmed texts, null where they stand for a missing value, or for an infinite one."""
    trimmed = pc.utf8_trim_whitespace(texts)
    unknown = pa.array([*_MISSING, *(_INFINITE if infinite_too else ())])
    missing = pc.is_in(pc.utf8_lower(trimmed), value_set=unknown)
    return pc.if_else(missing, pa.scalar(None, pa.string()), trimmed)


def _fits(texts: pa.Array, kind: pa.DataType) -> bool:
    try:
        texts.cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


def _no_number(path: Path, name: str, texts: pa.Array) -> str:
    strange = next(
        (text for text in texts.drop_null().to_pylist() if not _fits(pa.array([text]), _KINDS[2])),
        None,
    )
    what = (
        f"holds {strange[:_LONGEST_SHOWN]!r}, which is no number"
        if strange is not None
        else "mixes numbers with true and false"
    )
    return (
        f"part {path}: column {name} {what}; declare the column as metadata, label, protected or "
        "force_drop, or correct it"
    )
