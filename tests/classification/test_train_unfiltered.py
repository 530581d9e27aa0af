"""The losses before the filter: which rows are used, and what the figures are."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import entropy

from scripts.classification.tables import ROWS, SPLITS
from scripts.classification.train_unfiltered import all_classes, run
from scripts.common.errors import InputError
from scripts.common.tables import write_table

SETTINGS: dict[str, Any] = {
    "seed": 1,
    "ngram_min": 1,
    "ngram_max": 2,
    "max_features": 1000,
    "min_count": 1,
    "epochs": 30,
    "batch": 8,
    "learning_rate": 0.05,
    "threads": 1,
    "code_hash": "c0de",
}
WORDS = ["택시비", "점심값", "복사지", "전기료"]


def tables() -> tuple[pa.Table, pa.Table]:
    """120 rows of two kept classes, 40 held out; 5 of rare ones, one in a held-out group."""
    labels = ["a", "b"] * 60 + ["r"] * 3 + ["s"] * 2
    texts = [f"{WORDS['abrs'.index(label)]} {number % 7}" for number, label in enumerate(labels)]
    groups = list(range(len(labels)))
    groups[-1] = 100  # with a row of the validation split
    rows = pa.table(
        {
            "row": range(len(labels)),
            "label": labels,
            "text": texts,
            "group": groups,
            "given_split": pa.nulls(len(labels), pa.string()),
        },
        schema=ROWS,
    )
    kept = range(120)
    split = ["train" if n < 80 else "validation" if n < 110 else "test" for n in kept]
    splits = pa.table(
        {"row": kept, "label_id": [n % 2 for n in kept], "split": split}, schema=SPLITS
    )
    return rows, splits


def written(folder: Path) -> dict[str, Any]:
    rows, splits = tables()
    write_table(folder / "rows.parquet", rows, ROWS)
    write_table(folder / "splits.parquet", splits, SPLITS)
    run(folder / "rows.parquet", folder / "splits.parquet", folder / "losses.json", **SETTINGS)
    return dict(json.loads((folder / "losses.json").read_text("utf-8")))


def test_rare_classes_are_trained_on_and_held_out_groups_are_not() -> None:
    found = all_classes(*tables())
    assert found.labels == ["a", "b", "r", "s"]
    # The second row of s shares a group with a validation row.
    assert found.train["row"].to_pylist() == [*range(80), 120, 121, 122, 123]
    assert found.validation["row"].to_pylist() == list(range(80, 110))
    assert found.ids(found.train)[-4:].tolist() == [2, 2, 2, 3]


def test_the_figures_are_those_of_the_unfiltered_rows(tmp_path: Path) -> None:
    found = written(tmp_path)
    assert (found["classes"], found["rows"], found["seed"]) == (4, 84, 1)
    assert found["initial"]["cross_entropy"] == pytest.approx(math.log(4))
    prior = entropy(np.array([40, 40, 3, 1]))
    assert found["prior_only_loss"] == pytest.approx(prior)
    # 30 epochs of 11 steps; words tell the classes, so the loss falls far below their frequencies.
    assert found["steps"] == 330
    assert found["loss_at_200"] < 0.2 * prior
    assert 20 <= found["steps_to"]["steps"] < 200


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        written(tmp_path / name)
    one, other = ((tmp_path / n / "losses.json").read_bytes() for n in ("one", "other"))
    assert one == other


def test_nothing_to_train_on_is_said() -> None:
    rows, splits = tables()
    with pytest.raises(InputError, match="0 rows to train on"):
        all_classes(rows.slice(80, 40), splits)
