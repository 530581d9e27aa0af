"""Trains the linear model once on all labelled rows, rare classes included, for its losses alone.

In: the rows as read, and the splits. Out: a JSON with what the filter changes in a training: number
of classes and rows, ln C, the loss before the first step, at step 200, and the steps to the loss of
answering the class frequencies. What the filtered trainings hold out is held out here too, with all
rows of the same groups; no strategy is used. The filtered run with the same seed stands in
`runs/tfidf/none/`.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scripts.classification.tables import ROWS, SPLITS, TRAIN, VALIDATION
from scripts.common.entry import entry
from scripts.common.errors import InputError
from scripts.common.files import write_json
from scripts.common.progress import Progress
from scripts.common.tables import read_table

_logger = logging.getLogger(__name__)
_NO_REPAIR = "none"


def run(
    rows: Path,
    splits: Path,
    losses: Path,
    *,
    seed: int,
    ngram_min: int,
    ngram_max: int,
    max_features: int,
    min_count: int,
    epochs: int,
    batch: int,
    learning_rate: float,
    threads: int,
    code_hash: str,
) -> None:
    """Train and write the losses.

    Args:
        rows: labelled rows.
        splits: split of those whose class survived the filter.
        losses: JSON to write.
        seed: training seed.
        ngram_min: characters of the shortest n-gram.
        ngram_max: characters of the longest n-gram.
        max_features: number of n-grams to keep, the most frequent ones.
        min_count: training texts in which an n-gram must stand.
        epochs: passes over the training rows.
        batch: rows of a step.
        learning_rate: of the first step; it falls linearly to 0.
        threads: threads of the numeric libraries.
        code_hash: version of this step's code.

    Raises:
        InputError: there is no row to train on, or none to validate on.
    """
    import torch

    from scripts.classification.class_weights import count_classes
    from scripts.classification.imbalance import entropy
    from scripts.classification.labelled_features import LabelledFeatures
    from scripts.classification.linear_training import Schedule, train_softmax
    from scripts.classification.losses import ClassificationLoss
    from scripts.classification.resampling import plan_rows
    from scripts.classification.strategy import Strategy
    from scripts.classification.text_features import learn_vocabulary
    from scripts.classification.training_losses import loss_at_step, steps_to_loss

    torch.set_num_threads(threads)
    found = all_classes(read_table(rows, ROWS), read_table(splits, SPLITS))
    texts = found.train["text"].to_pylist()
    vocabulary, features = learn_vocabulary(
        texts,
        ngram_min=ngram_min,
        ngram_max=ngram_max,
        max_features=max_features,
        min_count=min_count,
    )
    train = LabelledFeatures(features, found.ids(found.train), found.train["row"].to_numpy())
    validation = LabelledFeatures(
        vocabulary.features(found.validation["text"].to_pylist()),
        found.ids(found.validation),
        found.validation["row"].to_numpy(),
    )
    classes = len(found.labels)
    counts = count_classes(train.labels, classes)
    strategy = Strategy.of(_NO_REPAIR, {})
    plan = plan_rows(train.labels, classes, strategy, seed=seed)
    schedule = Schedule(epochs, batch, learning_rate, seed)
    progress = Progress("train_unfiltered", total=epochs * len(plan.rows), unit="rows")
    trained = train_softmax(
        train,
        validation,
        classes,
        plan=plan,
        loss=ClassificationLoss.of(strategy, counts),
        schedule=schedule,
        on_batch=progress.advance,
    )
    progress.finish()
    curve, prior_only = trained.curve.table(), entropy(counts)
    write_json(
        losses,
        {
            "seed": seed,
            "classes": classes,
            "rows": len(train.labels),
            "initial": trained.initial.as_json(),
            "prior_only_loss": prior_only,
            "loss_at_200": loss_at_step(curve),
            "steps_to": {"loss": prior_only, "steps": steps_to_loss(curve, prior_only)},
            "steps": trained.steps,
            "code": code_hash,
        },
    )
    _logger.info("%d classes, %d rows: %s", classes, len(train.labels), trained.initial.verdict)


@dataclass(frozen=True)
class AllClasses:
    """The labelled rows, no class left out.

    Attributes:
        labels: every label, sorted.
        train: ROWS of those that nothing holds out.
        validation: ROWS of the validation split.
    """

    labels: list[str]
    train: pa.Table
    validation: pa.Table

    def ids(self, table: pa.Table) -> np.ndarray[Any, np.dtype[np.int64]]:
        """(n,) number of each row's label."""
        places = pc.index_in(table["label"], value_set=pa.array(self.labels))
        return np.asarray(places.to_numpy(), np.int64)


def all_classes(rows: pa.Table, splits: pa.Table) -> AllClasses:
    """Part the labelled rows as the filtered ones were parted.

    Args:
        rows: ROWS.
        splits: SPLITS of the rows whose class survived.

    Raises:
        InputError: no row is left to train on, or none to validate on.
    """
    held_out = splits.filter(pc.not_equal(splits["split"], TRAIN))["row"]
    out = pc.is_in(rows["row"], value_set=held_out.combine_chunks())
    groups = rows.filter(out)["group"].combine_chunks()
    train = rows.filter(pc.invert(pc.is_in(rows["group"], value_set=groups)))
    chosen = splits.filter(pc.equal(splits["split"], VALIDATION))["row"].combine_chunks()
    validation = rows.filter(pc.is_in(rows["row"], value_set=chosen))
    if not train.num_rows or not validation.num_rows:
        raise InputError(
            f"{train.num_rows} rows to train on and {validation.num_rows} to validate on; look at "
            "split_coverage.json"
        )
    return AllClasses(sorted(set(rows["label"].to_pylist())), train, validation)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
