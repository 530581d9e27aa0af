"""Token ids and character offsets of a shard's documents that some dataset takes.

In: a shard, all selections, the tokenizer. Out: one row per document (`TOKENS`), without special
tokens. Each text is tokenized once, for all lengths and datasets.
"""

from collections.abc import Iterator, Sequence
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scripts.common.corpus_tables import DOCUMENTS, SELECTION, TOKENS
from scripts.common.entry import entry
from scripts.common.progress import Progress
from scripts.common.tables import count_rows, iterate_batches, table_writer
from scripts.common.wordpiece import WordPiece, load_wordpiece
from scripts.corpus.documents import RowsByKey, key_range, shard_file, tables_in_key_range
from scripts.corpus.select_documents import KEPT

_TEXTS_AT_A_TIME = 128


def run(
    documents: Path,
    manifest: Path,
    selections: list[Path],
    tokenizer: Path,
    tokens: Path,
    *,
    shard: str,
    batch_documents: int,
) -> None:
    """Write the tokens of a shard's selected documents.

    Args:
        documents: folder of the source's shards.
        manifest: manifest of the shards.
        selections: the selection of every dataset.
        tokenizer: the tokenizer.
        tokens: where the tokens go.
        batch_documents: documents read at a time.
        shard: name of the shard.
    """
    path = shard_file(documents, manifest, shard)
    wordpiece = load_wordpiece(tokenizer)
    rows = merge(
        *(kept_rows(selection, path) for selection in selections), key=itemgetter("analysed_key")
    )
    kept = RowsByKey(rows, "analysed_key")
    progress = Progress(
        f"tokenize_shard {path.parent.name}/{shard}", total=count_rows(path, DOCUMENTS)
    )
    with table_writer(tokens, TOKENS) as writer:
        for batch in iterate_batches(
            path, DOCUMENTS, rows=batch_documents, columns=["key", "text"]
        ):
            texts = [
                (key, text)
                for key, text in zip(
                    batch["key"].to_pylist(), batch["text"].to_pylist(), strict=True
                )
                if kept.find(key) is not None
            ]
            for start in range(0, len(texts), _TEXTS_AT_A_TIME):
                part = texts[start : start + _TEXTS_AT_A_TIME]
                writer.write_table(tokenize_documents(part, wordpiece))
            progress.advance(batch.num_rows, len(texts))
    progress.finish()


def kept_rows(selection: Path, shard: Path) -> Iterator[dict[str, Any]]:
    """Yield the kept rows of a selection whose text stands in `shard`, ordered by its key.

    Read them along with the shard: as a list they take a kilobyte each.
    """
    for table in _kept_tables(selection, shard):
        yield from table.to_pylist()


def count_kept(selection: Path, shard: Path) -> int:
    """Return how many rows `kept_rows` yields."""
    return sum(table.num_rows for table in _kept_tables(selection, shard))


def _kept_tables(selection: Path, shard: Path) -> Iterator[pa.Table]:
    span = key_range(shard, DOCUMENTS)
    if span is None:
        return
    for table in tables_in_key_range(
        selection,
        SELECTION,
        source_column="analysed_source",
        key_column="analysed_key",
        source=shard.parent.name,
        first=span[0],
        last=span[1],
    ):
        yield table.filter(pc.equal(table["reason"], KEPT))


def tokenize_documents(documents: Sequence[tuple[int, str]], wordpiece: WordPiece) -> pa.Table:
    """Return the `TOKENS` of (key, text) pairs."""
    encodings = wordpiece.tokenizer.encode_batch(
        [text for _, text in documents], add_special_tokens=False
    )
    offsets = [encoding.offsets for encoding in encodings]
    return pa.table(
        {
            "key": [key for key, _ in documents],
            "token_ids": [encoding.ids for encoding in encodings],
            "token_starts": [[start for start, _ in pairs] for pairs in offsets],
            "token_ends": [[end for _, end in pairs] for pairs in offsets],
        },
        schema=TOKENS,
    )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
