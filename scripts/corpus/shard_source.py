"""Shards of one source: its documents, normalized and sorted by the hash of their id.

In: the manifest of the source's files. Out: a fixed number of Parquet shards (`DOCUMENTS`), a
manifest of them (path, rows, bytes, sha256), and a table of the rows that hold no document
(`UNREADABLE`), each with its reason.

A document's id is `source:` and the source's own id, or the file's hash and the row. Its shard is
given by the keyed hash of the id, and a shard holds a contiguous range of hashes: read one after
the other, the shards of a source give one order, whatever their number. A text of more than a
million characters goes into no shard; it stands among the unreadable rows as "too_long".
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pyarrow as pa

from scripts.common.corpus_tables import DOCUMENTS, UNREADABLE
from scripts.common.entry import entry
from scripts.common.errors import InputError
from scripts.common.files import (
    DEFAULT_TMPDIR,
    atomic_folder,
    manifest_entry,
    private_folder,
    write_json,
)
from scripts.common.hashing import keyed_hash, range_of_part
from scripts.common.normalize import normalize
from scripts.common.progress import Progress
from scripts.common.tables import count_rows, table_of_rows, table_writer
from scripts.corpus.read_rows import Row, read_rows
from scripts.corpus.source_manifest import manifest_files
from scripts.corpus.spool import Spool

_logger = logging.getLogger(__name__)
_BATCH_CHARACTERS = 4_000_000
# A later step takes up to 250 bytes of memory for each character of its longest document.
LONGEST_DOCUMENT = 1_000_000


def document_key(doc_id: str) -> int:
    """Return the 64-bit hash by which documents are sharded and ordered."""
    return keyed_hash(0, "document", doc_id)


@dataclass
class _Batch:
    """Documents waiting to be added to the spool, bounded by their characters."""

    rows: list[dict[str, object]] = field(default_factory=list)
    characters: int = 0

    def add(self, doc_id: str, raw: str) -> None:
        mended = normalize(raw)
        self.characters += len(mended.text)
        self.rows.append(
            {
                "doc_id": doc_id,
                "key": document_key(doc_id),
                "text_hash": hashlib.blake2b(mended.text.encode(), digest_size=16).digest(),
                "removed_characters": mended.removed_characters,
                "replaced_surrogates": mended.replaced_surrogates,
                "text": mended.text,
            }
        )

    def take(self) -> pa.RecordBatch:
        batch = pa.RecordBatch.from_pylist(self.rows, schema=DOCUMENTS)
        self.rows, self.characters = [], 0
        return batch


def run(
    manifest: Path,
    documents: Path,
    shard_manifest: Path,
    unreadable: Path,
    *,
    source: str,
    shards: int,
    text_fields: list[str],
    separator: str,
    id_field: str,
    txt_unit: str,
    max_documents: int,
    tmpdir: Path = DEFAULT_TMPDIR,
) -> None:
    """Write the shards of a source.

    Args:
        manifest: manifest of the source's files.
        documents: folder where the shards go.
        shard_manifest: where the manifest of the shards goes.
        unreadable: where the table of rows without a document goes.
        source: name of the source.
        shards: number of shards.
        text_fields: fields that hold the text.
        separator: what joins several text fields.
        id_field: field with the source's own id; empty for ids from file hash and row.
        txt_unit: whether a .txt file is one document ("file") or each of its lines ("line").
        max_documents: number of rows to read at most.
        tmpdir: local folder for the spool; needs room for the source's text once.
    """
    progress = Progress(f"shard_source {source}", total=None)
    batch = _Batch()
    unread = 0
    with (
        private_folder(tmpdir) as folder,
        Spool(folder / "spool.arrow", DOCUMENTS) as spool,
        table_writer(unreadable, UNREADABLE) as problems,
    ):
        for number, (doc_id, file, row) in enumerate(
            _rows(manifest, source, text_fields, separator, id_field, txt_unit)
        ):
            if number >= max_documents:
                break
            too_long = row.text is not None and len(row.text) > LONGEST_DOCUMENT
            if row.text is None or too_long:
                unread += 1
                problem = "too_long" if too_long else row.problem
                place = {"doc_id": doc_id, "file": file, "row": row.number, "problem": problem}
                problems.write_table(table_of_rows([place], UNREADABLE))
            else:
                batch.add(doc_id, row.text)
            if batch.characters >= _BATCH_CHARACTERS or len(batch.rows) >= 10_000:
                progress.advance(len(batch.rows))
                spool.add(batch.take())
        progress.advance(len(batch.rows))
        spool.add(batch.take())
        spool.finish()
        with atomic_folder(documents) as finished:
            paths = [finished / f"{part:03d}.parquet" for part in range(shards)]
            _write_shards(spool, paths, source)
            description = _describe(source, paths, progress.done, unread)
    write_json(shard_manifest, description)
    progress.finish()


def _rows(
    manifest: Path,
    source: str,
    text_fields: list[str],
    separator: str,
    id_field: str,
    txt_unit: str,
) -> Iterator[tuple[str, str, Row]]:
    copies: Counter[str] = Counter()
    for path, sha256 in manifest_files(manifest):
        copies[sha256] += 1
        # A second file with the same content keeps its documents apart from the first one's.
        copy = f".{copies[sha256]}" if copies[sha256] > 1 else ""
        for row in read_rows(
            path,
            text_fields=text_fields,
            separator=separator,
            id_field=id_field or None,
            txt_unit=txt_unit,
        ):
            own = row.id if row.id is not None else f"{sha256[:16]}{copy}:{row.number}"
            yield f"{source}:{own}", path.name, row


def _write_shards(spool: Spool, shards: list[Path], source: str) -> None:
    for part, path in enumerate(shards):
        with table_writer(path, DOCUMENTS) as writer:
            for table in spool.sorted_range(*range_of_part(part, len(shards))):
                _refuse_repeated_keys(table, source)
                writer.write_table(table)
                del table  # before the next piece is made


def _refuse_repeated_keys(table: pa.Table, source: str) -> None:
    # Equal ids have equal keys, so they stand side by side and never in two pieces.
    keys, doc_ids = table["key"].to_pylist(), table["doc_id"].to_pylist()
    for position, (first, second) in enumerate(pairwise(keys)):
        if first == second:
            ids = [doc_id.split(":", 1)[1] for doc_id in doc_ids[position : position + 2]]
            raise InputError(
                f"source {source}: the ids {ids[0]!r} and {ids[1]!r} are equal or have the same "
                "hash; empty the column id_field of the sources table (ids then come from file "
                "and row)"
            )


def _describe(
    source: str, shards: list[Path], documents: int, unreadable: int
) -> dict[str, object]:
    entries = [
        manifest_entry(path, rows=count_rows(path, DOCUMENTS), name=path.name) for path in shards
    ]
    return {
        "source": source,
        "documents": documents,
        "unreadable": unreadable,
        "shards": entries,
    }


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
