"""Real documents for the benchmarks: read once, repeated where more are wanted than there are."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

_ROWS_PER_GROUP = 5_000


class Document(NamedTuple):
    """A document with the id of its source."""

    name: str
    text: str


def read_documents(files: Sequence[Path], *, number: int | None = None) -> list[Document]:
    """Read documents with the columns `id` and `text` from Parquet files.

    Args:
        files: the files, read one after the other.
        number: how many documents, spread evenly over all; None for all of them.

    Raises:
        ValueError: the files hold fewer documents than asked for.
    """
    tables = [pq.read_table(path, columns=["id", "text"]) for path in files]
    table = pa.concat_tables(tables)
    if number is not None:
        if number > table.num_rows:
            raise ValueError(f"{number} documents asked for, the files hold {table.num_rows}")
        table = table.take([place * table.num_rows // number for place in range(number)])
    names, texts = table["id"].to_pylist(), table["text"].to_pylist()
    return [Document(name, text) for name, text in zip(names, texts, strict=True)]


def repeated(documents: Sequence[Document], number: int) -> Iterator[Document]:
    """Yield `number` documents: whole copies, each with an id and a last line of its own.

    The copies are no exact duplicates of each other, so that every one is analysed; they are
    near-duplicates, in groups of the number of copies.
    """
    for place in range(number):
        copy, row = divmod(place, len(documents))
        document = documents[row]
        yield Document(f"{document.name}#{copy}", f"{document.text}\n사본 {copy}번 {row}.")


def write_documents(documents: Iterator[Document], target: Path) -> None:
    """Write documents as one Parquet file with the columns `id` and `text`, group by group."""
    schema = pa.schema([("id", pa.string()), ("text", pa.string())])
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        waiting: list[Document] = []
        for document in documents:
            waiting.append(document)
            if len(waiting) == _ROWS_PER_GROUP:
                writer.write_table(_table(waiting, schema))
                waiting = []
        if waiting:
            writer.write_table(_table(waiting, schema))


def _table(documents: Sequence[Document], schema: pa.Schema) -> pa.Table:
    columns = [[document.name for document in documents], [document.text for document in documents]]
    return pa.Table.from_arrays([pa.array(column) for column in columns], schema=schema)
