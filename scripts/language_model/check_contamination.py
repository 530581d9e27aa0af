"""Checks that no training set holds a document of an evaluation set, or one much like it.

In: the evaluation sets, the corpus' splits, its documents, the datasets in use. Out:
contamination.json with the counts, all of which must be 0. Items of hold-out documents are compared
by id, by text hash and by near-duplicate group; all items also by their own text, of which no
training document may contain a share of `threshold` or more.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scripts.common.entry import entry
from scripts.common.errors import InputError
from scripts.common.files import read_json, sha256_file, write_json
from scripts.common.progress import Progress
from scripts.language_model.dataset_splits import refuse_other_folder, split_table
from scripts.language_model.evaluation_sets import Item, read_items
from scripts.language_model.scanned_documents import (
    number_of_documents,
    rows_where,
    shares_of_documents,
)

TRAIN = "train"
CHECKS = ("doc_id", "text_hash", "near_duplicate_group", "shared_text")
_NAMED = 5


def run(
    sets: list[Path],
    splits: Path,
    documents: list[Path],
    datasets: list[Path],
    manifests: list[Path],
    contamination: Path,
    *,
    shingle_characters: int,
    threshold: float,
    seed: int,
    code_hash: str,
    batch_documents: int,
) -> None:
    """Write the counts, or end in an error that names contaminated items.

    Args:
        sets: the evaluation sets.
        splits: the split of every document.
        documents: folders of the sources' shards.
        datasets: folders of all datasets that any run trains on.
        manifests: their manifests, in the same order.
        contamination: where the counts go.
        shingle_characters: characters of a shingle.
        threshold: share of an item's shingles from which a document counts as holding it.
        seed: seed of the run, written down only.
        code_hash: version of this step's code.
        batch_documents: documents read at a time.

    Raises:
        InputError: a training set holds something of an evaluation set.
    """
    items = read_items(sets)
    progress = Progress("check_contamination", total=number_of_documents(documents))
    suspects = suspects_by_names(items, splits)
    own_documents = frozenset(suspects)
    largest = np.zeros(len(items))
    for doc_id, shares in shares_of_documents(
        items, documents, shingle_characters, batch_documents, progress
    ):
        if doc_id not in own_documents:
            largest = np.maximum(largest, shares)
        for index in np.flatnonzero(shares >= threshold):
            suspects.setdefault(doc_id, set()).add((int(index), "shared_text"))
    trained: dict[str, int] = {}
    found: set[tuple[int, str, str]] = set()
    for folder in datasets:
        name = f"{folder.parent.parent.name}/{folder.parent.name}"
        ids = training_documents(folder)
        trained[name] = len(ids)
        hit = pc.index_in(pa.array(list(suspects), type=pa.string()), value_set=ids)
        for (doc_id, pairs), place in zip(suspects.items(), hit.to_pylist(), strict=True):
            if place is not None:
                found |= {(index, check, doc_id) for index, check in pairs}
    _refuse(items, found)
    write_json(
        contamination,
        {
            "items": len(items),
            "training_documents": trained,
            "contaminated_items": _counts(items, found),
            "largest_share_in_other_documents": _largest(items, largest),
            "shingle_characters": shingle_characters,
            "threshold": threshold,
            "seed": seed,
            "sets_sha256": {path.stem: sha256_file(path) for path in sets},
            "datasets_sha256": {
                f"{folder.parent.parent.name}/{folder.parent.name}": read_json(manifest)["sha256"]
                for folder, manifest in zip(datasets, manifests, strict=True)
            },
            "code_hash": code_hash,
        },
    )
    progress.finish()


def _counts(items: Sequence[Item], found: set[tuple[int, str, str]]) -> dict[str, dict[str, int]]:
    """Return the number of contaminated items by set and check."""
    pairs = Counter((items[index]["set"], check) for index, check in {(i, c) for i, c, _ in found})
    names = sorted({item["set"] for item in items})
    return {name: {check: pairs[name, check] for check in CHECKS} for name in names}


def _largest(items: Sequence[Item], shares: npt.NDArray[np.float64]) -> dict[str, float]:
    """Return the largest share of an item's text in a document that is not its own, by set."""
    names = sorted({item["set"] for item in items})
    return {
        name: float(max(s for item, s in zip(items, shares, strict=True) if item["set"] == name))
        for name in names
    }


def _refuse(items: Sequence[Item], found: set[tuple[int, str, str]]) -> None:
    if not found:
        return
    named = sorted((items[index]["item_id"], check, doc_id) for index, check, doc_id in found)
    examples = "; ".join(
        f"{item} ({check}: document {doc_id})" for item, check, doc_id in named[:_NAMED]
    )
    raise InputError(
        f"{len({index for index, _, _ in found})} evaluation items stand in training documents: "
        f"{examples}; take these documents out of the training sources, or these items' documents "
        "out of the evaluation source"
    )


def suspects_by_names(items: Sequence[Item], splits: Path) -> dict[str, set[tuple[int, str]]]:
    """Return the corpus documents that share a name, text or group with an item's document.

    Returns:
        Pairs of (index of the item, check) by document id. Items whose document is not of the
        corpus have none.
    """
    by_document: dict[str, list[int]] = {}
    for index, item in enumerate(items):
        by_document.setdefault(item["doc_id"], []).append(index)
    own = pa.array(list(by_document), type=pa.string())
    hashes: dict[bytes, list[int]] = {}
    groups: dict[bytes, list[int]] = {}
    for row in rows_where(splits, "doc_id", own):
        indices = by_document[row["doc_id"]]
        hashes.setdefault(row["text_hash"], []).extend(indices)
        groups.setdefault(row["group"], []).extend(indices)
    suspects: dict[str, set[tuple[int, str]]] = {}
    checks: tuple[tuple[str, str, Mapping[Any, list[int]], pa.DataType], ...] = (
        ("doc_id", "doc_id", by_document, pa.string()),
        ("text_hash", "text_hash", hashes, pa.binary(16)),
        ("near_duplicate_group", "group", groups, pa.binary(16)),
    )
    for check, column, known, kind in checks:
        for row in rows_where(splits, column, pa.array(list(known), type=kind)):
            pairs = {(index, check) for index in known[row[column]]}
            suspects.setdefault(row["doc_id"], set()).update(pairs)
    return suspects


def training_documents(folder: Path) -> pa.Array:
    """Return the ids of the documents of a dataset's training split.

    Raises:
        InputError: the folder holds no dataset of this workflow.
        IntegrityError: a file of it is missing or broken.
    """
    refuse_other_folder(folder)
    table = split_table(folder, TRAIN)
    if table is None:
        return pa.array([], type=pa.string())
    column = "doc_ids" if "doc_ids" in table.column_names else "doc_id"
    if column not in table.column_names:
        raise InputError(
            f"{folder} has no column of document ids, only {table.column_names}; build it again"
        )
    ids = table[column].combine_chunks()
    flat = ids.flatten() if pa.types.is_list(ids.type) else ids
    return pc.unique(flat)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
