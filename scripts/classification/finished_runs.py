"""Finished trainings as their files tell them, checked against each other.

Strategies compare as pairs only on the same test rows with the same labels, with the same training
seeds; anything else is refused.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scripts.classification.scoring import (
    PER_CLASS_COLUMNS,
    ClassScores,
    buckets_of,
    score_classes,
    summarize_scores,
)
from scripts.classification.tables import LOSSES, PREDICTIONS, TEST, TRAIN
from scripts.common.errors import IntegrityError
from scripts.common.files import read_json
from scripts.common.tables import read_table
from scripts.common.tsv import read_tsv

_TOLERANCE = 1e-9
_AGAIN = "run its training again"


@dataclass(frozen=True)
class FinishedRun:
    """A training.

    Attributes:
        model, strategy, seed: which one it is.
        facts: its metrics.json.
        predicted: (n,) predicted class id of each test row.
        scores: counts of the test split by class.
        losses: table LOSSES.
    """

    model: str
    strategy: str
    seed: int
    facts: dict[str, Any]
    predicted: NDArray[np.int64]
    scores: ClassScores
    losses: pa.Table


@dataclass(frozen=True)
class JudgedRows:
    """What all trainings are judged on.

    Attributes:
        rows: (n,) row numbers, ascending.
        labels: (n,) class ids.
        groups: (n,) group of each row.
        train_rows: (C,) training rows of each class.
        rows_of_splits: rows of each split.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    train_rows: NDArray[np.int64]
    rows_of_splits: dict[str, int]

    @property
    def support(self) -> NDArray[np.int64]:
        """(C,) test rows of each class."""
        return np.bincount(self.labels, minlength=len(self.train_rows))


def find_judged_rows(splits: pa.Table, kept: pa.Table, classes: int) -> JudgedRows:
    """Return the test split.

    Args:
        splits: table SPLITS.
        kept: columns row and group of the table KEPT, the same rows in the same order.
        classes: number of classes.

    Raises:
        IntegrityError: the tables have other rows, or there is no test row.
    """
    rows, ids = splits["row"].to_numpy(), splits["label_id"].to_numpy().astype(np.int64)
    names = splits["split"].to_numpy(zero_copy_only=False)
    if not np.array_equal(rows, kept["row"].to_numpy()):
        raise IntegrityError("the splits hold other rows than the kept ones; run split_rows again")
    of_test = names == TEST
    if not of_test.any():
        raise IntegrityError("the splits hold no test row; run split_rows again")
    return JudgedRows(
        rows=rows[of_test],
        labels=ids[of_test],
        groups=kept["group"].to_numpy()[of_test],
        train_rows=np.bincount(ids[names == TRAIN], minlength=classes),
        rows_of_splits={str(name): int((names == name).sum()) for name in np.unique(names)},
    )


def read_run(
    metrics: Path,
    predictions: Path,
    per_class: Path,
    losses: Path,
    split: JudgedRows,
    labels: Sequence[str],
    buckets: Sequence[str],
) -> FinishedRun:
    """Read the four files of a training.

    Raises:
        IntegrityError: its predictions are of other rows or labels than the test split's, its
            class table is of other classes, or its metrics are not those of its predictions.
    """
    facts = read_json(metrics)
    table = read_table(predictions, PREDICTIONS)
    for column, expected, what in (
        ("row", split.rows, "rows"),
        ("label_id", split.labels, "labels"),
    ):
        if not np.array_equal(table[column].to_numpy(), expected):
            raise IntegrityError(
                f"{predictions} holds other {what} than the test split in {len(split.rows):,} "
                f"rows; {_AGAIN}"
            )
    predicted = table["predicted_id"].to_numpy().astype(np.int64)
    if predicted.size and not 0 <= int(predicted.min()) <= int(predicted.max()) < len(labels):
        raise IntegrityError(
            f"{predictions} predicts class {int(predicted.max())} of {len(labels)}; {_AGAIN}"
        )
    scores = score_classes(split.labels, predicted, len(labels))
    told = summarize_scores(scores, buckets)
    for name, value in told.items():
        given = facts["test"][name]
        if (value is None) != (given is None) or abs((value or 0) - (given or 0)) > _TOLERANCE:
            raise IntegrityError(
                f"{metrics} states {name} {given}, and {predictions} gives {value}; {_AGAIN}"
            )
    _check_classes(per_class, labels, split.train_rows)
    return FinishedRun(
        facts["model"],
        facts["strategy"],
        int(facts["seed"]),
        facts,
        predicted,
        scores,
        read_table(losses, LOSSES),
    )


def by_strategy(
    runs: Iterable[FinishedRun], strategies: Mapping[str, Any]
) -> dict[str, dict[str, list[FinishedRun]]]:
    """Return the runs by model and strategy, strategies in the table's order, by seed.

    Raises:
        IntegrityError: a run stands twice, its strategy is not in the table, or a model's
            strategies have other seeds.
    """
    found: dict[str, dict[str, dict[int, FinishedRun]]] = {}
    for run in runs:
        if run.strategy not in strategies:
            raise IntegrityError(
                f"the strategy {run.strategy!r} of a training is not in the table of strategies; "
                "name it there, or leave its files out"
            )
        seeds = found.setdefault(run.model, {}).setdefault(run.strategy, {})
        if run.seed in seeds:
            raise IntegrityError(
                f"the training {run.model} / {run.strategy} / {run.seed} is given twice; give it "
                "once"
            )
        seeds[run.seed] = run
    for model, of_model in found.items():
        sets = {name: sorted(seeds) for name, seeds in of_model.items()}
        first = next(iter(sets.values()))
        for name, trained in sets.items():
            if trained != first:
                raise IntegrityError(
                    f"{model}: {name} was trained with the seeds {trained}, others with {first}; "
                    "train all strategies with the same seeds"
                )
    return {
        model: {
            name: [of_model[name][seed] for seed in sorted(of_model[name])]
            for name in strategies
            if name in of_model
        }
        for model, of_model in found.items()
    }


def buckets_of_split(split: JudgedRows, *, head_above: int, tail_below: int) -> list[str]:
    """Return the bucket of each class by its training rows."""
    return buckets_of(split.train_rows, head_above=head_above, tail_below=tail_below)


def _check_classes(path: Path, labels: Sequence[str], train_rows: NDArray[np.int64]) -> None:
    header, lines = read_tsv(path)
    expected = [[label, str(rows)] for label, rows in zip(labels, train_rows, strict=True)]
    place = PER_CLASS_COLUMNS.index("train_rows")
    if tuple(header) != PER_CLASS_COLUMNS or [[line[0], line[place]] for line in lines] != expected:
        raise IntegrityError(
            f"{path} is of other classes or other training rows than the splits; {_AGAIN}"
        )
