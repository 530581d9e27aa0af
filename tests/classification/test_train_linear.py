"""The linear model: remedies raise macro F1 on planted imbalance, and the same run is the same."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from scripts.classification.lazy_adam import LazyAdam
from scripts.classification.linear_model import LinearModel
from scripts.classification.prepare_features import run as prepare_features
from scripts.classification.tables import EXAMPLES, LOSSES, PREDICTIONS
from scripts.common.errors import ConfigError, InputError, IntegrityError
from scripts.common.tables import read_table, write_table
from tests.classification.linear_builders import train, write_planted, write_split

REMEDIES = {
    "balanced": {"class_weights": "balanced", "clip_high": 20},
    "sampler": {"resampling": "sampler", "target_ratio": 1.0},
    "over": {"resampling": "over", "target_ratio": 1.0},
    "smote": {"resampling": "smote", "target_ratio": 1.0},
    "focal": {
        "class_weights": "balanced",
        "clip_high": 20,
        "loss": "focal",
        "focal_alpha": "class_weights",
    },
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Six classes: 400 to 6 training rows, and one that stands in the training split alone."""
    return write_planted(
        tmp_path_factory.mktemp("planted"),
        train=[400, 60, 30, 12, 6, 9],
        held_out=[60, 20, 20, 20, 20, 0],
    )


@pytest.fixture(scope="module")
def plain(folders):
    return train(folders, "none")


def metrics_of(out: Path):
    return json.loads((out / "metrics.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", REMEDIES)
def test_a_remedy_raises_macro_f1_and_the_tail(folders, plain, name):
    before, after = metrics_of(plain)["test"], metrics_of(train(folders, name, REMEDIES[name]))
    assert after["test"]["macro_f1_supported"] > before["macro_f1_supported"] + 0.05
    assert after["test"]["tail"] > before["tail"]


def test_the_initial_loss_is_ln_c_under_every_strategy(folders, plain):
    outs = [plain, train(folders, "focal", REMEDIES["focal"], epochs=1)]
    for out in outs:
        initial = metrics_of(out)["initial"]
        assert initial["cross_entropy"] == pytest.approx(math.log(6), abs=1e-12)
        assert initial["ok"]
        first = read_table(out / "losses.parquet", LOSSES).to_pylist()[0]
        assert first["step"] == 0
        assert first["cross_entropy"] == pytest.approx(math.log(6), abs=1e-12)


def test_losses_cover_every_step_and_the_best_epoch_is_kept(plain):
    metrics = metrics_of(plain)
    losses = read_table(plain / "losses.parquet", LOSSES).to_pylist()
    per_epoch = -(-517 // 32)
    assert [row["step"] for row in losses] == list(range(6 * per_epoch + 1))
    assert metrics["steps"] == 6 * per_epoch and losses[-1]["epoch"] == 6.0
    by_epoch = {
        row["epoch"]: row["validation_macro_f1"]
        for row in losses
        if row["validation_macro_f1"] is not None
    }
    assert sorted(by_epoch) == [0, 1, 2, 3, 4, 5, 6]
    best = max(range(1, 7), key=lambda epoch: (by_epoch[epoch], -epoch))
    assert metrics["best_epoch"] == best
    assert metrics["validation"]["macro_f1_supported"] == by_epoch[best]
    assert losses[-1]["cross_entropy"] < losses[0]["cross_entropy"]
    assert metrics["prior_only_loss"] == pytest.approx(
        -sum(n / 517 * math.log(n / 517) for n in (400, 60, 30, 12, 6, 9))
    )
    assert metrics["steps_to"]["loss"] == metrics["prior_only_loss"]


def test_two_runs_have_the_same_bytes_and_another_seed_has_not(folders, plain, tmp_path):
    names = [
        "metrics.json",
        "per_class.tsv",
        "predictions.parquet",
        "losses.parquet",
        *(f"model/{file.name}" for file in sorted((plain / "model").iterdir())),
    ]
    assert len(names) == 8
    first = {name: (plain / name).read_bytes() for name in names}
    again = train(folders, "none")
    assert {name: (again / name).read_bytes() for name in names} == first
    other = train(folders, "none", seed=2)
    assert (other / "model/weights.safetensors").read_bytes() != first["model/weights.safetensors"]


def test_the_test_split_has_no_part_in_the_model(tmp_path):
    folders = write_planted(tmp_path, train=[60, 20, 8], held_out=[10, 10, 10])
    first = (train(folders, "none") / "model/weights.safetensors").read_bytes()
    write_split(folders, "test", [1, 2, 40], noise=0.9, key=5)
    prepare_features(
        folders.parquet, folders.features, ngram_min=1, ngram_max=3, max_features=2000, min_count=2
    )
    assert (train(folders, "none") / "model/weights.safetensors").read_bytes() == first


def test_threads_change_no_byte(folders, plain):
    first = (plain / "model/weights.safetensors").read_bytes()
    try:
        out = train(folders, "none", threads=2)
    finally:
        torch.set_num_threads(1)
    assert (out / "model/weights.safetensors").read_bytes() == first


def test_classes_stand_in_order_of_ids_with_the_absent_one_in_its_place(plain):
    with (plain / "per_class.tsv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert [row["label"] for row in rows] == [str(5000 + number) for number in range(6)]
    assert [row["train_rows"] for row in rows] == ["400", "60", "30", "12", "6", "9"]
    assert [row["support"] for row in rows] == ["60", "20", "20", "20", "20", "0"]
    assert [row["bucket"] for row in rows] == ["head", "medium", "medium", "tail", "tail", "tail"]
    scores = metrics_of(plain)["test"]
    f1 = [float(row["f1"]) for row in rows]
    assert scores["macro_f1_all"] == pytest.approx(sum(f1) / 6, abs=1e-6)
    assert scores["macro_f1_supported"] == pytest.approx(sum(f1[:5]) / 5, abs=1e-6)


def test_a_class_that_only_the_map_knows_keeps_its_id_and_is_never_predicted(tmp_path):
    folders = write_planted(tmp_path, train=[40, 0, 30], held_out=[10, 0, 10], noise=0.0)
    out = train(folders, "balanced", REMEDIES["balanced"])
    predictions = read_table(out / "predictions.parquet", PREDICTIONS)
    assert set(predictions["predicted_id"].to_pylist()) == {0, 2}
    assert metrics_of(out)["test"]["macro_f1_supported"] == 1
    assert metrics_of(out)["test"]["macro_f1_all"] == pytest.approx(2 / 3)


def test_the_model_predicts_from_its_folder_what_it_predicted_in_training(folders, plain):
    predictions = read_table(plain / "predictions.parquet", PREDICTIONS)
    from scripts.classification.examples import read_examples

    test = read_examples(folders.parquet, "test")
    model = LinearModel.read(plain / "model")
    answers = model.predict(test.texts())
    assert predictions["row"].to_pylist() == test.rows.tolist()
    assert predictions["label_id"].to_pylist() == test.labels.tolist()
    assert predictions["predicted_id"].to_pylist() == answers.label_ids.tolist()
    assert predictions["probability"].to_numpy() == pytest.approx(answers.probabilities)
    assert model.labels[model.predict(["전기 요금 납부"]).label_ids[0]] == "5002"
    assert len(model.predict([]).label_ids) == 0


def test_an_unknown_text_gets_the_bias_alone(plain):
    model = LinearModel.read(plain / "model")
    answer = model.predict([""])
    shares = np.exp(model.bias.astype(float)) / np.exp(model.bias.astype(float)).sum()
    assert answer.label_ids.tolist() == [int(shares.argmax())]
    assert answer.probabilities[0] == pytest.approx(shares.max())


def test_lazy_adam_takes_torchs_steps():
    generator = np.random.default_rng(5)
    weights = generator.normal(size=(7, 3)).astype(np.float32)
    dense = torch.tensor(weights)
    lazy, waiting = weights.copy(), weights.copy()
    ours, partly = LazyAdam(lazy), LazyAdam(waiting)
    theirs = torch.optim.Adam([dense], lr=0.1)
    everything, some = np.arange(7), np.array([0, 2, 5])
    for step in range(1, 6):
        gradient = generator.normal(size=(7, 3)).astype(np.float32)
        rate = 0.1 / step
        ours.step(everything, gradient, rate)
        partly.step(some, gradient[some], rate)
        dense.grad = torch.tensor(gradient)
        theirs.param_groups[0]["lr"] = rate
        theirs.step()
    assert lazy == pytest.approx(dense.numpy(), abs=1e-5)
    assert np.array_equal(waiting[some], lazy[some])
    rest = np.setdiff1d(everything, some)
    assert np.array_equal(waiting[rest], weights[rest])


def test_what_does_not_fit_together_is_named(folders, tmp_path):
    with pytest.raises(ConfigError, match="strategy odd: unknown setting weight"):
        train(folders, "odd", {"weight": 1})
    other = write_planted(tmp_path, train=[40, 30], held_out=[10, 10])
    write_split(other, "validation", [3, 3], noise=0.0, key=1)
    with pytest.raises(IntegrityError, match=r"validation has features of shape \(20, .*6 rows"):
        train(other, "none")
    empty = read_table(other.parquet / "test.parquet", EXAMPLES).slice(0, 0)
    write_table(other.parquet / "validation.parquet", empty, EXAMPLES)
    with pytest.raises(InputError, match="the validation split has no rows"):
        train(other, "none")
