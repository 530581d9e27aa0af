"""Finished trainings with planted answers, as the steps before a comparison leave them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from scripts.classification.compare_strategies import run as compare_strategies
from scripts.classification.initial_loss import check_initial_loss
from scripts.classification.run_outputs import Outcome, write_outcome
from scripts.classification.tables import KEPT, SPLITS
from scripts.classification.training_losses import LossCurve
from scripts.common.files import write_json
from scripts.common.tables import write_table

LIMITS = {"head_above": 20, "tail_below": 5}
OUTPUTS = {
    "strategies_table": "strategies.tsv",
    "classes": "classes.tsv",
    "losses_table": "losses.tsv",
    "seeds": "seeds.tsv",
    "summary": "summary.json",
}


@dataclass
class Comparison:
    """A folder with a split and trainings judged on it.

    Attributes:
        root: the folder.
        train: training rows by class.
        labels: class ids of the test rows.
        groups: group of each test row, its own where not given.
        touched: classes that the filter touched: label, rows, reason.
        merged: rare labels by the one that they became.
        train_only: training rows of classes set aside.
    """

    root: Path
    train: list[int]
    labels: list[int]
    groups: list[int] | None = None
    touched: list[list[Any]] = field(default_factory=list)
    merged: dict[str, str] = field(default_factory=dict)
    train_only: int = 0
    names: list[str] | None = None
    runs: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        classes = len(self.train)
        self.names = self.names or [f"c{number:03d}" for number in range(classes)]
        ids = [*np.repeat(np.arange(classes), self.train).tolist(), *self.labels]
        trained, tested = sum(self.train), len(self.labels)
        rows = np.arange(trained + tested)
        groups = [*rows[:trained], *(self.groups or rows[trained:])]
        write_table(
            self.root / "kept.parquet",
            pa.table(
                {
                    "row": rows,
                    "label": [self.names[one] for one in ids],
                    "label_id": ids,
                    "text": ["글"] * len(ids),
                    "group": groups,
                    "train_only": [False] * len(ids),
                }
            ),
            KEPT,
        )
        split = ["train"] * trained + ["test"] * tested
        write_table(
            self.root / "splits.parquet",
            pa.table({"row": rows, "label_id": ids, "split": split}),
            SPLITS,
        )
        write_json(
            self.root / "label_map.json",
            {"labels": self.names, "count": classes, "merged": self.merged},
        )
        gone = [one for one in self.touched if one[2] != "merged_other"]
        extent = {"rows": len(ids), "classes": classes, "ratio": 2.0}
        before = {"rows": len(ids) + sum(n for _, n, _ in gone), "classes": classes + len(gone)}
        write_json(
            self.root / "filter_report.json",
            {
                "rare_policy": "drop",
                "threshold": 10,
                "before": {**extent, **before},
                "after": extent,
                "removed": {"rows": 0, "classes": len(gone), "share": 0.0},
                "removed_classes": self.touched,
                "train_only_rows": self.train_only,
            },
        )
        write_json(self.root / "imbalance.json", {"before": extent, "after": extent})

    def add(
        self,
        predicted: list[int],
        *,
        model: str = "tfidf",
        strategy: str = "none",
        seed: int = 1,
        initial: float | None = None,
        curve: list[float] | None = None,
        data: str = "d" * 64,
    ) -> Path:
        """Write a training's four files; `curve` are its losses from the first step on."""
        folder = self.root / "runs" / model / strategy / str(seed)
        classes, trained = len(self.train), sum(self.train)
        first = float(np.log(classes)) if initial is None else initial
        losses = LossCurve()
        losses.add(0, epoch=0.0, cross_entropy=first, objective=first)
        for step, loss in enumerate(curve or [1.0] * 30, start=1):
            losses.add(step, epoch=step / 10, cross_entropy=loss, objective=loss)
        losses.evaluate(len(curve or [1.0] * 30), cross_entropy=0.9, macro_f1=0.5)
        labels = np.array(self.labels, np.int64)
        answers = np.array(predicted, np.int64)
        write_outcome(
            Outcome(
                model=model,
                strategy=strategy,
                seed=seed,
                labels=self.names or [],
                train_counts=np.array(self.train, np.int64),
                validation_labels=labels,
                validation_predicted=answers,
                test_rows=np.arange(trained, trained + len(labels)),
                test_labels=labels,
                test_predicted=answers,
                test_probabilities=np.full(len(labels), 0.5),
                initial=check_initial_loss(np.full(10, first), classes),
                losses=losses.table(),
                best_epoch=1.0,
                steps=30,
                facts={"settings": {}, "data_sha256": data, "code": "c0de"},
            ),
            packages=["numpy"],
            **LIMITS,
            metrics=folder / "metrics.json",
            per_class=folder / "per_class.tsv",
            predictions=folder / "predictions.parquet",
            losses=folder / "losses.parquet",
        )
        self.runs.append(folder)
        return folder

    def compare(self, **changed: Any) -> dict[str, Path]:
        """Compare all trainings and return the written files."""
        out = {name: self.root / "tables" / file for name, file in OUTPUTS.items()}
        strategies: dict[str, dict[str, Any]] = {folder.parent.name: {} for folder in self.runs}
        arguments: dict[str, Any] = {
            **out,
            "strategies": strategies,
            "bootstrap": 200,
            "seed": 7,
            **LIMITS,
        }
        compare_strategies(
            [folder / "metrics.json" for folder in self.runs],
            [folder / "predictions.parquet" for folder in self.runs],
            [folder / "per_class.tsv" for folder in self.runs],
            [folder / "losses.parquet" for folder in self.runs],
            self.root / "splits.parquet",
            self.root / "kept.parquet",
            self.root / "label_map.json",
            self.root / "filter_report.json",
            self.root / "imbalance.json",
            code_hash="0123456789abcdef",
            **{**arguments, **changed},
        )
        return out


def noisy(labels: list[int], share: float, classes: int, key: int) -> list[int]:
    """Return the labels, a share of them replaced by others."""
    generator = np.random.default_rng(key)
    wrong = generator.random(len(labels)) < share
    shift = generator.integers(1, classes, len(labels))
    return np.where(wrong, (np.array(labels) + shift) % classes, labels).tolist()
