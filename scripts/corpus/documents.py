"""Reading documents of one split in the corpus's own order, and rows of one shard by key range."""

from collections.abc import Iterator, Sequence
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
    open_table(path, schema).close()
    condition = (
        (pc.field(source_column) == source)
        & (pc.field(key_column) >= pa.scalar(first, _KEY))
        & (pc.field(key_column) <= pa.scalar(last, _KEY))
    )
    return pq.read_table(path, filters=condition)


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
