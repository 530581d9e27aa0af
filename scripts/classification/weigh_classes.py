"""Weighs the classes under every strategy.

In: where each row went, and the label map. Out: a table with a line for each class in order of
class ids, its training rows, and the weight that each strategy's loss gives it: the formulas of
`scripts/classification/class_weights.py` on the counts of the training split. A class without a
training row, and every class of a strategy that weighs nothing, has 1.
"""

from pathlib import Path
from typing import Any

from scripts.common.entry import entry


def run(
    splits: Path, label_map: Path, weights: Path, *, strategies: dict[str, dict[str, Any]]
) -> None:
    """Weigh the classes.

    Args:
        splits: table SPLITS.
        label_map: JSON of the surviving labels in order of class ids.
        weights: TSV to write: label, label_id, train_rows, and a column for each strategy.
        strategies: settings by the strategies' names.
    """
    import pyarrow.compute as pc

    from scripts.classification.class_weights import class_weights, count_classes
    from scripts.classification.label_map import LabelMap
    from scripts.classification.strategy import Strategy
    from scripts.classification.tables import SPLITS, TRAIN
    from scripts.common.tables import read_table
    from scripts.common.tsv import write_tsv

    labels = LabelMap.read(label_map).labels
    rows = read_table(splits, SPLITS, ["label_id", "split"])
    train_ids = rows.filter(pc.equal(rows["split"], TRAIN))["label_id"].to_numpy()
    counts = count_classes(train_ids, len(labels))
    columns = [
        [f"{weight:.6g}" for weight in class_weights(counts, Strategy.of(name, settings))]
        for name, settings in strategies.items()
    ]
    write_tsv(
        weights,
        ["label", "label_id", "train_rows", *strategies],
        zip(labels, range(len(labels)), counts.tolist(), *columns, strict=True),
    )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
