"""Builds the MLM dataset of one length: selected documents packed into rows.

In: tokens of all shards and the selection. Out: a `datasets` folder (train, validation, test,
holdout) with metadata.json and a card, its manifest, and every document's fate. A row is a sequence
of segments, each [CLS] tokens [SEP] of one document (or of a piece of it); `segment_lengths` keeps
the boundaries, so that attention can stay inside documents. `packed` fills rows with consecutive
documents and cuts a document where a row ends; `one_per_row` starts a row with every document.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.common.arrow_dataset import SplitWriter
from scripts.common.corpus_tables import FATES, MLM_ROWS, SELECTION, TOKENS
from scripts.common.entry import entry
from scripts.common.files import (
    atomic_folder,
    read_json,
    write_json,
)
from scripts.common.progress import Progress
from scripts.common.tables import iterate_batches, table_writer
from scripts.common.wordpiece import load_wordpiece
from scripts.corpus.documents import rows_in_key_range
from scripts.corpus.metadata import MlmStatistics, dataset_metadata, describe_dataset
from scripts.corpus.packing import Packer
from scripts.corpus.select_documents import KEPT
from scripts.corpus.split_documents import SPLIT_NAMES


def run(
    tokens: list[Path],
    selection: Path,
    fertility: Path,
    tokenizer: Path,
    dataset: Path,
    manifest: Path,
    fates: Path,
    *,
    length: int,
    packing: str,
    rows_per_file: int,
    batch_documents: int,
    licences: dict[str, str],
    code_hash: str,
    seed: int,
) -> None:
    """Write the dataset, its manifest and the documents' fates.

    Args:
        tokens: tokens of all shards, in source order.
        selection: the selection.
        fertility: tokenizer statistics.
        tokenizer: the tokenizer.
        dataset: folder of the dataset.
        manifest: where the manifest goes.
        fates: where the documents' fates go.
        length: length of a row in tokens, special tokens included.
        packing: "packed" or "one_per_row".
        rows_per_file: rows of one Arrow file.
        batch_documents: documents read at a time.
        licences: licence of each source.
        code_hash: version of this step's code.
        seed: seed of the run.
    """
    special = load_wordpiece(tokenizer).special_ids
    statistics = MlmStatistics(length)
    packers = {
        split: Packer(length, special["cls"], special["sep"], one_per_row=packing == "one_per_row")
        for split in SPLIT_NAMES
    }
    # ASSUME few: a kept text that the tokenizer drops whole, such as one of private-use characters.
    without: set[str] = set()
    with atomic_folder(dataset) as folder:
        with SplitWriter(folder, MLM_ROWS, SPLIT_NAMES, rows_per_file) as writer:
            for split, rows in _packed_rows(
                tokens, selection, packers, statistics, without, batch_documents
            ):
                for row in rows:
                    writer.add(split, row)
                    statistics.add(split, row)
        _write_fates(fates, selection, without, batch_documents)
        metadata = dataset_metadata(
            "mlm",
            length,
            rows=writer.rows,
            tokenizer=tokenizer,
            fertility=read_json(fertility),
            sources=sorted(licences),
            seed=seed,
            code_hash=code_hash,
            extra={"packing": packing, **statistics.summary()},
        )
        description = describe_dataset(folder, metadata, licences)
    write_json(manifest, description)


def _packed_rows(
    tokens: list[Path],
    selection: Path,
    packers: dict[str, Packer],
    statistics: MlmStatistics,
    without_tokens: set[str],
    batch_documents: int,
) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    """Yield each split's finished rows while the documents of all shards go by.

    Ids of documents that have no token are added to `without_tokens`.
    """
    progress = Progress("build_mlm", total=len(tokens), unit="shards")
    for path in tokens:
        for doc_id, split, token_ids in _documents(path, selection, batch_documents):
            if not token_ids:
                without_tokens.add(doc_id)
                continue
            statistics.add_document(split, len(token_ids))
            yield split, packers[split].add(doc_id, token_ids)
        progress.advance(1)
    for split, packer in packers.items():
        yield split, packer.finish()
    progress.finish()


def _documents(
    tokens: Path, selection: Path, batch_documents: int
) -> Iterator[tuple[str, str, list[int]]]:
    """Yield id, split and token ids of a shard's kept documents, in order of key."""
    source = tokens.parent.name
    for batch in iterate_batches(
        tokens, TOKENS, rows=batch_documents, columns=["key", "token_ids"]
    ):
        keys = batch["key"].to_pylist()
        rows = rows_in_key_range(
            selection,
            SELECTION,
            source_column="analysed_source",
            key_column="analysed_key",
            source=source,
            first=keys[0],
            last=keys[-1],
        ).to_pylist()
        kept = {row["analysed_key"]: row for row in rows if row["reason"] == KEPT}
        for key, token_ids in zip(keys, batch["token_ids"].to_pylist(), strict=True):
            if key in kept:
                yield kept[key]["doc_id"], kept[key]["split"], token_ids


def _write_fates(
    fates: Path, selection: Path, without_tokens: set[str], batch_documents: int
) -> None:
    with table_writer(fates, FATES) as writer:
        for batch in iterate_batches(
            selection, SELECTION, rows=batch_documents, columns=["doc_id", "source", "reason"]
        ):
            rows = [
                {
                    "doc_id": row["doc_id"],
                    "source": row["source"],
                    "outcome": "no_token" if row["doc_id"] in without_tokens else row["reason"],
                }
                for row in batch.to_pylist()
            ]
            writer.write_table(pa.Table.from_pylist(rows, schema=FATES))


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
