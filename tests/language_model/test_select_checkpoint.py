"""The best checkpoint: by the validation half alone, the earliest of equal ones, as a copy."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.errors import ConfigError, InputError, IntegrityError
from scripts.common.files import sha256_file, write_json
from scripts.language_model import select_checkpoint
from scripts.language_model.composite import (
    DEFAULT_WEIGHTS,
    checked_weights,
    composite_aggregate,
    composite_draws,
)
from scripts.language_model.score_table import ScoreTable, read_scores, side_by_side
from scripts.language_model.select_checkpoint import earliest_best
from tests.language_model.score_builders import (
    item_row,
    planted_rows,
    score_table,
    write_scores,
    write_steps,
)

EPOCHS = ["0.5", "1.0", "1.5"]


def planted(level: float, documents: int = 60) -> list[dict[str, Any]]:
    return planted_rows({"real_coref": level, "lambada": level}, documents=documents)


def checkpoints(folder: Path, levels: list[float]) -> dict[str, Any]:
    """Write checkpoints of these accuracies; return the inputs of the step."""
    files: dict[str, list[Path]] = {
        name: [] for name in ("scores", "metrics", "models", "configs", "steps")
    }
    for place, level in enumerate(levels):
        home = folder / EPOCHS[place]
        files["scores"].append(write_scores(home / "items.parquet", planted(level)))
        for name, kind in (("model.safetensors", "models"), ("config.json", "configs")):
            (home / name).write_text(f"{name} of {EPOCHS[place]}")
            files[kind].append(home / name)
        files["metrics"].append(home / "metrics.json")
        digests = {
            f"{name}_sha256": sha256_file(files[f"{name}s"][-1]) for name in ("model", "config")
        }
        write_json(files["metrics"][-1], digests)
        files["steps"].append(write_steps(home / "steps.parquet", 10 * place + 1, 10 * place + 10))
    return files


def select(folder: Path, files: dict[str, Any], **changed: Any) -> dict[str, Any]:
    arguments = {
        "best": folder / "best.json",
        "model": folder / "best" / "model.safetensors",
        "config": folder / "best" / "config.json",
        "run": "mlm",
        "epochs": EPOCHS,
        "weights": DEFAULT_WEIGHTS,
        "seed": 42,
        "resamples": 300,
    }
    select_checkpoint.run(**(files | arguments | changed))
    return dict(json.loads((folder / "best.json").read_text()))


def test_the_best_of_the_validation_half_is_copied(tmp_path: Path) -> None:
    files = checkpoints(tmp_path, [0.3, 0.7, 0.5])
    best = select(tmp_path, files)
    assert (best["run"], best["epoch"], best["step"]) == ("mlm", "1.0", 20)
    assert best["low"] < best["value"] < best["high"]
    assert list(best["validation"]) == EPOCHS
    model = tmp_path / "best" / "model.safetensors"
    assert model.read_text() == "model.safetensors of 1.0"
    assert model.stat().st_nlink == 1 and not model.is_symlink()
    assert (tmp_path / "best" / "config.json").read_text() == "config.json of 1.0"


def test_the_value_is_the_formula_by_hand(tmp_path: Path) -> None:
    files = checkpoints(tmp_path, [0.3, 0.7, 0.5])
    rows = [row for row in planted(0.7) if row["half"] == "validation"]
    real = [row for row in rows if row["set"] == "real_coref"]
    lambada = [row for row in rows if row["set"] == "lambada"]
    expected = (
        0.4 * sum(row["strict_1"] for row in real) / len(real)
        + 0.3 * sum(row["strict_5"] for row in real) / len(real)
        + 0.3 * sum(row["strict_1"] for row in lambada) / len(lambada)
    )
    assert select(tmp_path, files)["value"] == pytest.approx(expected)


def test_the_test_half_has_no_say(tmp_path: Path) -> None:
    files = checkpoints(tmp_path, [0.5, 0.5, 0.5])
    rows = planted(0.5)
    for row in rows:
        if row["half"] == "test":
            row |= dict.fromkeys(("strict_1", "strict_5", "lenient_1", "lenient_5"), True)
    write_scores(files["scores"][2], rows)
    assert select(tmp_path, files)["epoch"] == "0.5"  # all equal on validation: the earliest


def test_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    files = checkpoints(tmp_path, [0.3, 0.7, 0.5])
    before = select(tmp_path, files)
    write_scores(files["scores"][1], planted(0.7)[::-1])
    assert select(tmp_path, files) == before


def test_scores_on_other_items_are_refused(tmp_path: Path) -> None:
    files = checkpoints(tmp_path, [0.3, 0.7, 0.5])
    write_scores(files["scores"][1], planted(0.7)[1:])
    with pytest.raises(IntegrityError, match="other items"):
        select(tmp_path, files)


def test_an_empty_set_and_a_missing_part_are_named(tmp_path: Path) -> None:
    files = checkpoints(tmp_path, [0.3, 0.7, 0.5])
    for path in files["scores"]:
        write_scores(path, [])
    with pytest.raises(InputError, match="holds no item"):
        select(tmp_path, files)
    for path in files["scores"]:
        write_scores(path, [item_row("d/1"), item_row("e/1", half="test")])
    with pytest.raises(InputError, match=r"lambada.*validation half, which holds \['real_coref'\]"):
        select(tmp_path, files)
    only_real = {"real_1": 0.6, "real_5": 0.4, "lambada_1": 0.0}
    assert select(tmp_path, files, weights=only_real)["value"] == 0.0


@pytest.mark.parametrize("damaged", ["models", "configs"])
def test_a_checkpoint_that_is_not_the_evaluated_one_is_refused(
    tmp_path: Path, damaged: str
) -> None:
    files = checkpoints(tmp_path, [0.3, 0.7, 0.5])
    other, chosen = files[damaged][0], files[damaged][1]
    other.write_text("not chosen")
    select(tmp_path / "first", files)
    chosen.write_bytes(chosen.read_bytes()[:-1])
    with pytest.raises(IntegrityError, match=f"{chosen} is not the file that was evaluated"):
        select(tmp_path / "second", files)
    assert not (tmp_path / "second").exists()


def test_lists_of_different_lengths_are_refused(tmp_path: Path) -> None:
    files = checkpoints(tmp_path, [0.3, 0.7, 0.5])
    with pytest.raises(ConfigError, match="one of each per epoch"):
        select(tmp_path, files, epochs=["0.5", "1.0"])
    assert not (tmp_path / "best.json").exists()


@pytest.mark.parametrize(
    "weights",
    [
        {"real_1": 0.4, "real_5": 0.3},
        {"real_1": 0.4, "real_5": 0.3, "lambada": 0.3},
        {"real_1": 0.4, "real_5": 0.3, "lambada_1": 0.4},
        {"real_1": 1.4, "real_5": -0.7, "lambada_1": 0.3},
    ],
)
def test_weights_that_are_no_mean_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="weights"):
        checked_weights(weights)


def test_composite_interval_of_disjoint_sets_is_the_one_of_independent_means() -> None:
    """Real and LAMBADA items of different documents: variances add up, with their weights."""
    rows = planted_rows({"real_coref": 0.6}, documents=300, per_document=1, spread=0.0)
    rows += planted_rows({"lambada": 0.5}, documents=300, per_document=1, spread=0.0, seed=9)
    for row in rows:
        row["doc_id"] = f"{row['set']}:{row['doc_id']}"
    table: ScoreTable = side_by_side([("one", score_table(rows))], ["one"])
    draws = composite_draws(
        table, rule="strict", half="all", weights=DEFAULT_WEIGHTS, resamples=5000, seed=1
    )
    shares = {}
    for name, part, cutoff in (
        ("real_1", "real_coref", 1),
        ("real_5", "real_coref", 5),
        ("lambada_1", "lambada", 1),
    ):
        shares[name] = float(table.chosen(set=part).values[f"strict_{cutoff}"].mean())
    aggregate = composite_aggregate(shares, DEFAULT_WEIGHTS, real_items=300, lambada_items=300)
    assert draws.values[0] == pytest.approx(aggregate.value)
    assert draws.resampled[:, 0].std() == pytest.approx(np.sqrt(aggregate.variance), rel=0.06)


def test_scores_come_back_by_item(tmp_path: Path) -> None:
    path = write_scores(tmp_path / "items.parquet", planted(0.5, documents=4))
    table = read_scores([path], ["a"])
    unseen = table.chosen(set="real_coref", half="test", subset="unseen")
    assert unseen.items == 2 and unseen.unseen.all() and set(unseen.halves) == {"test"}
    assert np.isnan(table.chosen(set="real_coref").values["choice_1"]).all()
    assert table.chosen(subset="particle:JKO").items == 8


VALUES = st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), min_size=1, max_size=12)


@given(VALUES)
def test_the_earliest_best_is_a_maximum(values):
    place = earliest_best(values)
    assert values[place] == max(values) and max(values[:place], default=0.0) < values[place]
