"""Reading documents of one split in the corpus's own order, and rows of one shard by key range."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scripts.common.corpus_tables import DOCUMENTS, SPLITS
from scripts.common.errors import IntegrityError
from scripts.common.files import read_json
from scripts.common.tables import iterate_batches, open_table

# Set by a cast, not by inference: keys above 2**63 must compare as unsigned.
_KEY = pa.uint64()
_ROWS_AT_A_TIME = 1_000


def shard_file(documents: Path, manifest: Path, shard: str) -> Path:
    """Return the file of one shard, checked against the manifest of its source.

    Args:
        documents: folder of the source's shards.
        manifest: manifest of the shards.
        shard: name of the shard, as in "007".

    Raises:
        IntegrityError: the shard is missing, or its size is not the manifest's.
    """
    return _checked(documents, _entries(manifest)[f"{shard}.parquet"])


def all_shard_files(documents: Sequence[Path], manifests: Sequence[Path]) -> list[Path]:
    """Return the files of all shards of several sources, in order, checked as `shard_file` does."""
    return [
        _checked(folder, entry)
        for folder, manifest in zip(documents, manifests, strict=True)
        for entry in _entries(manifest).values()
    ]


def _entries(manifest: Path) -> dict[str, dict[str, Any]]:
    return {entry["path"]: entry for entry in read_json(manifest)["shards"]}


def _checked(folder: Path, entry: dict[str, Any]) -> Path:
    path = folder / entry["path"]
    size = path.stat().st_size if path.is_file() else None
    if size != entry["bytes"]:
        raise IntegrityError(
            f"{path} has {size} bytes, not the {entry['bytes']} of its manifest; run "
            f"`snakemake --forcerun shard_source` again"
        )
    return path


def rows_in_key_range(
    path: Path,
    schema: pa.Schema,
    *,
    source_column: str,
    key_column: str,
    source: str,
    first: int,
    last: int,
) -> pa.Table:
    """Return the rows of a table sorted by (source, key) with `first` <= key <= `last`.

    Only row groups whose statistics admit such rows are read.
    """
    tables = tables_in_key_range(
        path,
        schema,
        source_column=source_column,
        key_column=key_column,
        source=source,
        first=first,
        last=last,
    )
    return pa.concat_tables([schema.empty_table(), *tables])


def tables_in_key_range(
    path: Path,
    schema: pa.Schema,
    *,
    source_column: str,
    key_column: str,
    source: str,
    first: int,
    last: int,
) -> Iterator[pa.Table]:
    """Yield the rows that `rows_in_key_range` returns, a bounded number at a time."""
    bounds = {source_column: (source, source), key_column: (first, last)}
    with open_table(path, schema) as file:
        groups = [
            group
            for group in range(file.num_row_groups)
            if all(
                _may_hold(file, group, schema.get_field_index(column), *ends)
                for column, ends in bounds.items()
            )
        ]
        batches = file.iter_batches(batch_size=_ROWS_AT_A_TIME, row_groups=groups)
        for batch in batches if groups else ():
            keys = batch[key_column]
            found = batch.filter(
                pc.and_(
                    pc.equal(batch[source_column], source),
                    pc.and_(
                        pc.greater_equal(keys, pa.scalar(first, _KEY)),
                        pc.less_equal(keys, pa.scalar(last, _KEY)),
                    ),
                )
            )
            if found.num_rows:
                yield pa.Table.from_batches([found])


def _may_hold(file: pq.ParquetFile, group: int, column: int, low: Any, high: Any) -> bool:
    """Return whether a row group's statistics admit a value from `low` to `high`."""
    statistics = file.metadata.row_group(group).column(column).statistics
    if statistics is None or not statistics.has_min_max:
        return True
    return bool(statistics.min <= high and low <= statistics.max)


class RowsByKey:
    """Finds rows by key while both the rows and the keys asked for come in ascending order.

    Args:
        rows: the rows, keys ascending; of equal keys the first is found.
        column: their column with the key.
    """

    def __init__(self, rows: Iterable[dict[str, Any]], column: str) -> None:
        self._rows, self._column = iter(rows), column
        self._next = next(self._rows, None)

    def find(self, key: int) -> dict[str, Any] | None:
        """Return the row of `key`, None where there is none."""
        while self._next is not None and self._next[self._column] < key:
            self._next = next(self._rows, None)
        found = self._next
        return found if found is not None and found[self._column] == key else None


def key_range(path: Path, schema: pa.Schema) -> tuple[int, int] | None:
    """Return the first and the last key of a table sorted by key, None where it is empty."""
    first = last = None
    for batch in iterate_batches(path, schema, rows=50_000, columns=["key"]):
        if batch.num_rows:
            first = batch["key"][0].as_py() if first is None else first
            last = batch["key"][batch.num_rows - 1].as_py()
    return None if first is None or last is None else (first, last)


def training_texts(
    shards: Sequence[Path], splits: Path, *, documents: int, batch_documents: int
) -> Iterator[str]:
    """Yield texts of the training split, evenly over the sources, first keys first.

    Keys are hashes: the first documents of a source are a random sample of it, the same one for
    any number of shards.

    Args:
        shards: all shards, in source order and in order of their key ranges.
        splits: the split of every document.
        documents: number of texts over all sources at most.
        batch_documents: documents read at a time.
    """
    by_source: dict[str, list[Path]] = {}
    for shard in shards:
        by_source.setdefault(shard.parent.name, []).append(shard)
    for place, (source, paths) in enumerate(by_source.items()):
        share = documents * (place + 1) // len(by_source) - documents * place // len(by_source)
        yield from islice(_training_texts_of_source(source, paths, splits, batch_documents), share)


def _training_texts_of_source(
    source: str, shards: Sequence[Path], splits: Path, batch_documents: int
) -> Iterator[str]:
    for shard in shards:
        for batch in iterate_batches(
            shard, DOCUMENTS, rows=batch_documents, columns=["doc_id", "key", "text"]
        ):
            keys = batch["key"].to_pylist()
            rows = rows_in_key_range(
                splits,
                SPLITS,
                source_column="source",
                key_column="key",
                source=source,
                first=keys[0],
                last=keys[-1],
            )
            train = {
                doc_id
                for doc_id, split in zip(
                    rows["doc_id"].to_pylist(), rows["split"].to_pylist(), strict=True
                )
                if split == "train"
            }
            for doc_id, text in zip(
                batch["doc_id"].to_pylist(), batch["text"].to_pylist(), strict=True
            ):
                if doc_id in train and text:
                    yield text
