"""Training of the transformer: steps by hand, the same bytes, what it writes, refusals."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from scripts.classification.class_weights import class_weights, count_classes
from scripts.classification.encoder_model import with_fresh_head
from scripts.classification.label_map import LabelMap
from scripts.classification.resampling import plan_rows
from scripts.classification.strategy import Strategy
from scripts.classification.tables import EXAMPLES, LOSSES, PREDICTIONS
from scripts.classification.token_rows import TokenRows, read_token_rows
from scripts.common.errors import ConfigError, InputError, IntegrityError
from scripts.common.tables import read_table
from tests.classification.encoder_builders import (
    LABELS,
    SIZES,
    Bench,
    contents,
    prepare,
    write_examples,
)

STILL = {**SIZES, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def still(tmp_path_factory) -> Bench:
    """Without dropout, so that steps can be repeated by hand and little is learnt soon."""
    return Bench(tmp_path_factory.mktemp("still"), sizes=STILL)


@pytest.fixture(scope="module")
def whole(bench) -> Path:
    """Three epochs of eleven steps in one go."""
    return bench.train("whole")


def losses_of(folder: Path) -> list[dict[str, Any]]:
    return list(read_table(folder / "losses.parquet", LOSSES).to_pylist())


def metrics_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "metrics.json").read_text(encoding="utf-8")))


def steps_by_hand(
    bench: Bench, strategy: Strategy, *, steps: int, total: int, lr: float, decay: float
) -> list[tuple[float, float]]:
    """Losses before each step, unweighted and weighted, of a plain loop."""
    rows = read_token_rows(bench.tokens / "train.parquet", 0)
    model = with_fresh_head(bench.encoder, LABELS, seed=1).train()
    counts = count_classes(rows.labels, len(LABELS))
    weights = torch.from_numpy(class_weights(counts, strategy)).float()
    order = plan_rows(rows.labels, len(LABELS), strategy, seed=1).epoch(1, seed=1)
    plain = [w for name, w in model.named_parameters() if "bias" in name or "LayerNorm" in name]
    others = [w for w in model.parameters() if not any(w is each for each in plain)]
    optimizer = torch.optim.AdamW(
        [{"params": others, "weight_decay": decay}, {"params": plain, "weight_decay": 0.0}]
    )
    found = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = lr * (1 - step / total)
        batch = rows.batch(order[8 * step : 8 * step + 8])
        labels = batch.pop("labels")
        logs = model(**batch).logits.log_softmax(dim=1)
        own = -logs[torch.arange(len(labels)), labels]
        loss = (weights[labels] * own).sum() / len(labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        found.append((float(own.detach().mean()), float(loss.detach())))
    return found


@pytest.mark.parametrize(
    "settings", [{}, {"class_weights": "balanced"}, {"resampling": "sampler", "target_ratio": 0.9}]
)
def test_steps_equal_a_plain_loop(still, settings):
    folder = still.train(
        f"by-hand-{len(settings)}-{'resampling' in settings}",
        settings=settings,
        warmup_ratio=0.0,
        epochs=1,
    )
    rows = losses_of(folder)
    strategy = Strategy.of("plain", settings)
    by_hand = steps_by_hand(still, strategy, steps=11, total=11, lr=0.01, decay=0.01)
    found = [(row["cross_entropy"], row["objective"]) for row in rows[1:]]
    np.testing.assert_allclose(found, by_hand, rtol=1e-4)
    assert [row["step"] for row in rows] == list(range(12))
    assert rows[-1]["epoch"] == 1.0


def test_focal_loss_with_weights(still):
    """Before the first step the losses of step 0 can be had from the untrained model."""
    settings = {"class_weights": "balanced", "loss": "focal", "focal_alpha": "class_weights"}
    first = losses_of(still.train("focal", settings=settings, epochs=1))[0]
    rows = read_token_rows(still.tokens / "train.parquet", 0)
    weights = class_weights(count_classes(rows.labels, 5), Strategy.of("focal", settings))
    with torch.inference_mode():
        batch = rows.batch(np.arange(len(rows)))
        labels = batch.pop("labels").numpy()
        model = with_fresh_head(still.encoder, LABELS, seed=1).eval()
        shares = model(**batch).logits.softmax(dim=1).double().numpy()
    own = shares[np.arange(len(labels)), labels]
    expected = np.mean(weights[labels] * (1 - own) ** 2 * -np.log(own))
    assert first["objective"] == pytest.approx(expected, rel=1e-5)
    assert first["cross_entropy"] == pytest.approx(np.mean(-np.log(own)), rel=1e-5)
    assert metrics_of(still.folder / "runs/focal")["initial"]["ok"]


def test_model_computes_no_loss_of_its_own(bench, whole, monkeypatch):
    """One forward pass a step, without labels."""
    from transformers import BertForSequenceClassification

    inner = BertForSequenceClassification.forward
    seen: list[bool] = []

    def watched(model: Any, *arguments: Any, **inputs: Any) -> Any:
        seen.append(model.training)
        assert "labels" not in inputs
        return inner(model, *arguments, **inputs)

    monkeypatch.setattr(BertForSequenceClassification, "forward", watched)
    assert contents(bench.train("watched")) == contents(whole)
    assert seen.count(True) == 33


def test_same_bytes_in_another_folder_and_others_for_another_seed(tmp_path, bench, whole):
    elsewhere = Bench(tmp_path)
    assert contents(elsewhere.train("again")) == contents(whole)
    other = contents(bench.train("seed-2", seed=2))
    assert other["model/model.safetensors"] != contents(whole)["model/model.safetensors"]
    assert other["losses.parquet"] != contents(whole)["losses.parquet"]


def test_curve_has_each_step_and_each_evaluation(whole):
    rows = losses_of(whole)
    assert [row["step"] for row in rows] == list(range(34))
    assert [row["epoch"] for row in rows] == pytest.approx([step / 11 for step in range(34)])
    evaluated = [row["step"] for row in rows if row["validation_macro_f1"] is not None]
    assert evaluated == [0, 11, 22, 33]
    assert all(row["cross_entropy"] == row["objective"] for row in rows)


def test_learns_words_and_keeps_the_best_epoch(still):
    """Every text names its class; half the epochs from the end on have learnt that."""
    folder = still.train(
        "learnt", settings={"class_weights": "balanced"}, epochs=14, learning_rate=0.02
    )
    metrics = metrics_of(folder)
    scores = [
        row["validation_macro_f1"]
        for row in losses_of(folder)
        if row["step"] and row["validation_macro_f1"] is not None
    ]
    assert metrics["best_epoch"] == 1 + int(np.argmax(scores))
    assert metrics["validation"]["macro_f1_supported"] == max(scores)
    assert metrics["test"]["macro_f1_supported"] > 0.6  # the largest class alone: 0.11
    assert metrics["test"]["tail"] > 0


def test_from_pretrained_loads_the_result_with_its_labels(bench, whole):
    model = AutoModelForSequenceClassification.from_pretrained(whole / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(whole / "model")
    assert model.config.id2label == dict(enumerate(LABELS))
    assert model.config.label2id == {label: number for number, label in enumerate(LABELS)}
    test = read_table(bench.folder / "parquet/test.parquet", EXAMPLES)
    predictions = read_table(whole / "predictions.parquet", PREDICTIONS)
    inputs = tokenizer(test["text"].to_pylist(), padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        shares = model(**inputs).logits.softmax(dim=1)
    assert predictions["row"].to_pylist() == test["row"].to_pylist()
    assert predictions["label_id"].to_pylist() == test["label"].to_pylist()
    assert predictions["predicted_id"].to_pylist() == shares.argmax(dim=1).tolist()
    np.testing.assert_allclose(
        predictions["probability"].to_numpy(), shares.max(dim=1).values, rtol=1e-4
    )


def test_wrong_initial_loss_is_named(tmp_path, caplog):
    """A head whose weights are drawn a hundred times too wide."""
    bench = Bench(tmp_path, sizes={**SIZES, "initializer_range": 5.0})
    metrics = metrics_of(bench.train("wide", epochs=1))
    assert not metrics["initial"]["ok"]
    assert metrics["initial"]["cross_entropy"] > 2 * metrics["initial"]["ln_classes"]
    assert metrics["initial"]["verdict"].startswith("wrong_initial_loss: ")
    assert "wrong_initial_loss: the loss before the first step" in caplog.text


def test_oversampling_repeats_rows(bench):
    settings = {"resampling": "over", "target_ratio": 0.5}
    metrics = metrics_of(bench.train("over", settings=settings, epochs=1))
    assert metrics["rows_per_epoch"] == 40 + 4 * 20  # the largest class has 40 rows
    assert metrics["rows"]["train"] == 85
    assert metrics["steps"] == 15


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"settings": {"resampling": "smote"}}, ConfigError, "between two texts there is none"),
        ({"epochs": 0}, ConfigError, r"classification\.transformer\.epochs is 0"),
        ({"learning_rate": -1.0}, ConfigError, "learning_rate is -1.0; allowed: above 0"),
        ({"warmup_ratio": 1.5}, ConfigError, "warmup_ratio is 1.5"),
        ({"gpu": 2}, ConfigError, "is given 2 devices and trains on one"),
        ({"learning_rate": 1e30}, InputError, r"step \d+: the loss is nan; lower learning_rate"),
    ],
)
def test_settings_that_do_not_fit(bench, options, error, message):
    with pytest.raises(error, match=message):
        bench.train("refused", **options)


def test_label_map_of_other_data(tmp_path, bench):
    prepare(tmp_path, write_examples(tmp_path / "parquet"))
    LabelMap.of(LABELS[:3]).write(tmp_path / "label_map.json")
    with pytest.raises(InputError, match=r"label id . is outside 0\.\.2"):
        Bench(tmp_path).train("other")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", b"{", r"config\.json is not valid JSON"),
        ("model.safetensors", b"cut", "encoder holds no complete encoder"),
        ("model.safetensors", save({"foreign": np.zeros(2)}), "holds no weight of this encoder"),
    ],
)
def test_a_damaged_or_swapped_encoder_is_named(tmp_path, bench, file, content, message):
    """From a swapped file all weights would be drawn at random, without a word."""
    encoder = tmp_path / "encoder"
    shutil.copytree(bench.encoder, encoder)
    (encoder / file).write_bytes(content)
    with pytest.raises(IntegrityError, match=f"{message}.*again"):
        with_fresh_head(encoder, LABELS, seed=1)


def test_split_without_rows(tmp_path):
    rows = {"train": (4, 4), "validation": (), "test": (1, 1)}
    prepare(tmp_path, write_examples(tmp_path / "parquet", rows))
    LabelMap.of(LABELS[:2]).write(tmp_path / "label_map.json")
    with pytest.raises(InputError, match="the validation split has no rows; raise"):
        Bench(tmp_path).train("empty")


def test_out_of_memory_names_batch_and_length(bench, monkeypatch):
    def fail(rows: TokenRows, positions: Any) -> Any:
        if torch.is_inference_mode_enabled():
            return inner(rows, positions)
        raise torch.OutOfMemoryError("CUDA out of memory")

    inner = TokenRows.batch
    monkeypatch.setattr(TokenRows, "batch", fail)
    with pytest.raises(ConfigError, match="out of memory with batch 8 of up to 16 tokens"):
        bench.train("large")
