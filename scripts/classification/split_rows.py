"""Splits the rows into train, validation and test, stratified by class, no group divided.

In: rows whose class survived the filter. Out: the split of each row, in the order they came, and
what the splits cover: whether they are stratified ("full", "partial" or "none") with the reason,
classes missing from each split or only in it, the distance of its class shares to those of train,
groups divided, texts that stand on both sides. Whatever is less than full is a warning in the log
as well. The method is that of `stratified_split`.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from scripts.classification.split_coverage import (
    FULL,
    count_by_split,
    describe_groups,
    describe_splits,
    rows_also_in_train,
    stratification,
)
from scripts.classification.split_quotas import split_shares
from scripts.classification.stratified_split import StratifiedSplit, stratified_split
from scripts.classification.tables import KEPT, SPLIT_NAMES, SPLITS
from scripts.common.entry import entry
from scripts.common.errors import InputError
from scripts.common.files import write_json
from scripts.common.progress import Progress
from scripts.common.tables import count_rows, iterate_batches, read_table, table_writer

_logger = logging.getLogger(__name__)
_ROWS_AT_A_TIME = 20_000


def run(
    kept: Path,
    splits: Path,
    coverage: Path,
    *,
    test_size: float = 0.2,
    val_size: float = 0.1,
    seed: int = 42,
) -> None:
    """Write the split of every row and what the splits cover.

    Args:
        kept: rows whose class survived the filter.
        splits: where the table goes.
        coverage: JSON to write.
        test_size: share of rows held out, validation and test together.
        val_size: share of rows for validation, less than `test_size`.
        seed: seed of the choice.
    """
    shares = split_shares(test_size, val_size)
    table = read_table(kept, KEPT, ["row", "label_id", "group", "train_only"])
    if not table.num_rows:
        raise InputError(f"{kept} has no rows; lower min_samples_per_class")
    label_ids = table["label_id"].to_numpy()
    groups = table["group"].to_numpy()
    train_only = table["train_only"].to_numpy()
    labels, texts = _labels_and_texts(kept, int(label_ids.max()) + 1)
    found = stratified_split(label_ids, groups, train_only, keys=labels, shares=shares, seed=seed)
    counts = count_by_split(label_ids, found.splits, len(labels))
    held_back = np.zeros(len(labels), bool)
    held_back[label_ids[train_only]] = True
    stratified, reason = stratification(found, counts, held_back)
    _refuse_empty(kept, counts, found, reason)
    duplicates = rows_also_in_train(texts, found.splits, _hashes_of(np.array([""], object))[0])
    write_json(
        coverage,
        {
            "stratified": stratified,
            "reason": reason,
            "test_size": test_size,
            "val_size": val_size,
            "seed": seed,
            "rows": table.num_rows,
            "classes": len(labels),
            "train_only_rows": int(train_only.sum()),
            "splits": describe_splits(counts, labels),
            "groups": describe_groups(found, groups, label_ids),
            "cross_split_duplicates": duplicates,
        },
    )
    if stratified != FULL:
        _logger.warning("the split is not fully stratified (%s): %s", stratified, reason)
    if duplicates:
        _logger.warning(
            "%d rows of validation and test have a text that stands in train as well; "
            "set duplicates to group or drop to keep them on one side",
            duplicates,
        )
    _write_splits(splits, table, found)


def _labels_and_texts(kept: Path, classes: int) -> tuple[list[str], npt.NDArray[np.uint64]]:
    """Return the label of each id, and a 64-bit hash of each row's text.

    ASSUME that no two of the texts share a hash: of a million the chance is 3 in 100 million.
    """
    labels = [""] * classes
    hashes = np.empty(count_rows(kept, KEPT), np.uint64)
    progress = Progress("split_rows", total=len(hashes), unit="rows")
    done = 0
    for batch in iterate_batches(
        kept, KEPT, rows=_ROWS_AT_A_TIME, columns=["label", "label_id", "text"]
    ):
        ids, first = np.unique(batch["label_id"].to_numpy(), return_index=True)
        for number, label in zip(
            ids.tolist(), batch["label"].take(pa.array(first)).to_pylist(), strict=True
        ):
            labels[number] = label
        texts = batch["text"].to_numpy(zero_copy_only=False)
        hashes[done : done + len(texts)] = _hashes_of(texts)
        done += len(texts)
        progress.advance(len(texts))
    progress.finish()
    return labels, hashes


def _hashes_of(texts: npt.NDArray[np.object_]) -> npt.NDArray[np.uint64]:
    return np.asarray(pd.util.hash_array(texts, categorize=False))


def _refuse_empty(
    kept: Path, counts: npt.NDArray[np.int64], found: StratifiedSplit, reason: str
) -> None:
    empty = [name for name, rows in zip(SPLIT_NAMES, counts.sum(axis=0), strict=True) if not rows]
    if empty:
        raise InputError(
            f"{kept}: no row can go to {' and '.join(empty)}, since no class has enough groups "
            f"(the most: {int(found.groups_of_class.max())}; {reason}); give more rows, or groups "
            "that hold fewer of them"
        )


def _write_splits(path: Path, table: pa.Table, found: StratifiedSplit) -> None:
    names = pa.array(SPLIT_NAMES, pa.string())
    with table_writer(path, SPLITS) as writer:
        for start in range(0, table.num_rows, _ROWS_AT_A_TIME):
            part: Any = table.slice(start, _ROWS_AT_A_TIME)
            codes = pa.array(found.splits[start : start + part.num_rows])
            writer.write_table(
                pa.table(
                    {
                        "row": part["row"],
                        "label_id": part["label_id"],
                        "split": names.take(codes),
                    }
                )
            )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
