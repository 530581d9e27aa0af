"""Leaves out the evaluation items whose text stands in a training document.

In: the proposed evaluation sets, the corpus' splits and documents. Out: the sets without these
items, their descriptions, and the table of what was left out. An item goes if a document of the
training split holds `threshold` of its character shingles or more, whatever else it holds: real
documents quote and copy each other without being near-duplicates as wholes. Every document of the
split counts, also one that no dataset uses, so that the sets depend on the corpus alone and stay
the same when runs are added.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from scripts.common.entry import entry
from scripts.common.files import read_json, write_json
from scripts.common.progress import Progress
from scripts.common.tables import table_of_rows, write_table
from scripts.language_model.evaluation_sets import counts_of_items, read_items, write_items
from scripts.language_model.scanned_documents import (
    number_of_documents,
    rows_where,
    shares_of_documents,
)

REASON = "text_in_training_document"
_TRAIN = "train"
# One row per item that was left out and training document that holds its text.
SCREENED_ITEMS = pa.schema(
    [
        ("item_id", pa.string()),
        ("set", pa.string()),
        ("document", pa.string()),
        ("share", pa.float64()),  # of the item's shingles that the document holds
    ]
)


def run(
    proposed: list[Path],
    proposed_descriptions: list[Path],
    splits: Path,
    documents: list[Path],
    sets: list[Path],
    descriptions: list[Path],
    screened: Path,
    *,
    shingle_characters: int,
    threshold: float,
    code_hash: str,
    batch_documents: int,
) -> None:
    """Write the screened sets.

    Args:
        proposed: the sets as they were built.
        proposed_descriptions: their descriptions, in the same order.
        splits: the split of every document.
        documents: folders of the sources' shards.
        sets: where the screened sets go, in the same order.
        descriptions: where their descriptions go.
        screened: where the items that were left out go.
        shingle_characters: characters of a shingle.
        threshold: share of an item's shingles from which a document counts as holding it.
        code_hash: version of this step's code.
        batch_documents: documents read at a time.

    Raises:
        InputError: a set has no item left.
    """
    items = read_items(proposed)
    progress = Progress("screen_items", total=number_of_documents(documents))
    holders: dict[str, list[tuple[int, float]]] = {}
    for doc_id, shares in shares_of_documents(
        items, documents, shingle_characters, batch_documents, progress
    ):
        for index in np.flatnonzero(shares >= threshold):
            holders.setdefault(doc_id, []).append((int(index), float(shares[index])))
    rows: list[dict[str, Any]] = [
        {
            "item_id": items[index]["item_id"],
            "set": items[index]["set"],
            "document": row["doc_id"],
            "share": share,
        }
        for row in rows_where(splits, "doc_id", pa.array(list(holders), type=pa.string()))
        if row["split"] == _TRAIN
        for index, share in holders[row["doc_id"]]
    ]
    rows.sort(key=lambda row: (row["set"], row["item_id"], row["document"]))
    gone = {row["item_id"] for row in rows}
    for before, told, path, description in zip(
        proposed, proposed_descriptions, sets, descriptions, strict=True
    ):
        own = read_items([before])
        kept = [item for item in own if item["item_id"] not in gone]
        about = read_json(told)
        left_out = Counter(about["left_out"]) + Counter({REASON: len(own) - len(kept)})
        write_items(path, kept, left_out)
        write_json(
            description,
            {
                **about,
                **counts_of_items(path, kept, left_out),
                "shingle_characters": shingle_characters,
                "screening_threshold": threshold,
                "screening_code_hash": code_hash,
            },
        )
    write_table(screened, table_of_rows(rows, SCREENED_ITEMS), SCREENED_ITEMS)
    progress.finish()


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
