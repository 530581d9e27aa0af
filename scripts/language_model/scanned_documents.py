"""Walks through the corpus' documents and splits to find what evaluation items share with them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scripts.common.corpus_tables import DOCUMENTS, SPLITS
from scripts.common.progress import Progress
from scripts.common.tables import count_rows, iterate_batches
from scripts.language_model.evaluation_sets import Item
from scripts.language_model.shared_shingles import ShingleTable

_ROWS_AT_A_TIME = 50_000


def rows_where(splits: Path, column: str, values: pa.Array) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table of splits whose `column` holds one of the values."""
    for batch in iterate_batches(
        splits, SPLITS, rows=_ROWS_AT_A_TIME, columns=["doc_id", "split", "text_hash", "group"]
    ):
        yield from batch.filter(pc.is_in(batch[column], value_set=values)).to_pylist()


def shares_of_documents(
    items: Sequence[Item],
    documents: Sequence[Path],
    shingle_characters: int,
    batch_documents: int,
    progress: Progress,
) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    """Yield each document of the corpus with the shares of the items' texts that it holds."""
    table = ShingleTable([item["text"] for item in items], shingle_characters)
    for folder in documents:
        for shard in sorted(folder.glob("*.parquet")):
            for batch in iterate_batches(
                shard, DOCUMENTS, rows=batch_documents, columns=["doc_id", "text"]
            ):
                for row in batch.to_pylist():
                    yield row["doc_id"], table.containment(row["text"])
                progress.advance(batch.num_rows)


def number_of_documents(documents: Sequence[Path]) -> int:
    """Return how many documents the folders of shards hold."""
    shards = [shard for folder in documents for shard in folder.glob("*.parquet")]
    return sum(count_rows(shard, DOCUMENTS) for shard in shards)
