"""Trainings of the hashed encoder: what they learn, and what must not depend on anything else."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scripts.common.errors import ConfigError, InputError
from scripts.retrieval.encoders import load_encoder
from scripts.retrieval.hashed_encoder import HashedEncoder, HashedSettings, fresh_hashed_encoder
from scripts.retrieval.hashed_training import HashedTrainer
from scripts.retrieval.pairs import Pair
from tests.retrieval.encoder_builders import TEXTS, prepare
from tests.retrieval.training_builders import (
    TOPICS,
    contents,
    topic_memory,
    topic_pairs,
    train,
    write_memory,
)

_DRAW = np.random.default_rng(0)


def _facts(model: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((model / "training.json").read_text())
    return facts


def _mean_rank(folder: Path) -> float:
    encoder = load_encoder(folder, threads=1)
    scores = (
        encoder.text_vectors([query for query, _ in TOPICS])
        @ encoder.text_vectors([document for _, document in TOPICS]).T
    )
    own = np.diagonal(scores)[:, None]
    return float((scores >= own).sum(axis=1).mean())


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A base encoder, and a memory of topics."""
    folder = tmp_path_factory.mktemp("bench")
    return prepare(folder, [text for topic in TOPICS for text in topic]), topic_memory(
        folder / "memory"
    )


def test_training_ranks_answers_first(bench: tuple[Path, Path], tmp_path: Path) -> None:
    model = train(*bench, topic_pairs(), tmp_path / "model", steps=60)
    assert _mean_rank(bench[0]) > 2
    assert _mean_rank(model) == 1
    facts = _facts(model)
    assert facts["steps"] == facts["losses"][-1][0] == 60
    assert facts["losses"][-1][1] < 0.3 * facts["losses"][0][1]
    assert facts["pairs"] == len(TOPICS) and facts["kinds"] == {"label": len(TOPICS)}
    assert facts["skipped"] == 0 and facts["versions"]["torch"]


def test_in_batch_positives_train_pairs_without_negatives(
    bench: tuple[Path, Path], tmp_path: Path
) -> None:
    model = train(*bench, topic_pairs(negatives=0), tmp_path / "model", steps=60, batch=6)
    assert _mean_rank(model) == 1


def test_a_rate_that_rises_trains_otherwise_than_one_that_falls(
    bench: tuple[Path, Path], tmp_path: Path
) -> None:
    queries = [query for query, _ in TOPICS]
    rising, falling = (
        load_encoder(
            train(*bench, topic_pairs(), tmp_path / name, steps=2, warmup_ratio=ratio), threads=1
        ).text_vectors(queries)
        for name, ratio in (("rising", 1.0), ("falling", 0.0))
    )
    assert not np.array_equal(rising, falling)


def test_the_curve_of_losses_reaches_the_last_step_also_where_fewer_were_taken(
    bench: tuple[Path, Path], tmp_path: Path
) -> None:
    """Every second pair has nothing to contrast, so that half of the planned steps are taken."""
    pairs = [topic_pairs()[0], topic_pairs(negatives=0)[1]]
    model = train(*bench, pairs, tmp_path / "model", budget="epochs", epochs=51, batch=1)
    assert _facts(model)["steps"] == _facts(model)["losses"][-1][0] == 51


@pytest.mark.parametrize("kind", ["self", "prototype"])
def test_pairs_without_a_positive_document_train(tmp_path: Path, kind: str) -> None:
    start = prepare(tmp_path, [text for topic in TOPICS for text in topic])
    encoder = load_encoder(start, threads=1)
    topics = encoder.text_vectors([document for _, document in TOPICS])
    memory = write_memory(
        tmp_path / "memory",
        {f"d{i}": document for i, (_, document) in enumerate(TOPICS)},
        {f"q{i}": (query, []) for i, (query, _) in enumerate(TOPICS)},
        dict(enumerate(topics.tolist())),
    )
    if kind == "self":
        pairs = [
            Pair(f"d{i}", "document", None, "self", (f"d{(i + 1) % len(TOPICS)}",))
            for i in range(len(TOPICS))
        ]
    else:
        pairs = [Pair(f"q{i}", "query", None, "prototype", cluster=i) for i in range(len(TOPICS))]
    model = train(start, memory, pairs, tmp_path / "model", steps=60)
    facts = _facts(model)
    assert facts["kinds"] == {kind: len(TOPICS)}
    assert facts["losses"][-1][1] < facts["losses"][0][1]
    trained = load_encoder(model, threads=1)
    if kind == "prototype":
        # The prototypes stay where they are; the queries have come to theirs.
        scores = trained.text_vectors([query for query, _ in TOPICS]) @ topics.T
        assert scores.argmax(axis=1).tolist() == list(range(len(TOPICS)))
    else:
        # Neighbouring topics were pushed apart.
        before, after = (
            np.mean([np.dot(v[i], v[i - 1]) for i in range(len(TOPICS))])
            for v in (topics, trained.text_vectors([document for _, document in TOPICS]))
        )
        assert after < before


def test_a_self_positive_differs_from_its_query_by_dropout_alone() -> None:
    settings = HashedSettings(dimension=16, buckets=512, ngram_min=2, ngram_max=3, dropout=0.3)
    encoder = fresh_hashed_encoder(settings, np.ones(512, np.float32), seed=1)
    trainer = HashedTrainer(encoder, TEXTS)
    one, other = trainer.encode(np.array([2, 2]), np.random.default_rng(0)).detach().numpy()
    assert 0.5 < one @ other < 0.999
    still = HashedEncoder(
        HashedSettings(dimension=16, buckets=512, ngram_min=2, ngram_max=3, dropout=0.0),
        encoder.table,
        encoder.projection,
    )
    one, other = HashedTrainer(still, TEXTS).encode(np.array([2, 2]), _DRAW).detach().numpy()
    np.testing.assert_array_equal(one, other)


def test_without_dropout_training_sees_what_the_encoder_gives() -> None:
    settings = HashedSettings(dimension=16, buckets=64, ngram_min=1, ngram_max=3, dropout=0.0)
    encoder = fresh_hashed_encoder(settings, np.ones(64, np.float32), seed=1)
    turned = _DRAW.standard_normal((16, 16)).astype(np.float32)
    encoder = HashedEncoder(settings, encoder.table, turned)
    texts = [*TEXTS, "", "버스 버스 버스"]
    trainer = HashedTrainer(encoder, texts)
    vectors = trainer.encode(np.arange(len(texts)), _DRAW).detach().numpy()
    np.testing.assert_allclose(vectors, encoder.text_vectors(texts), atol=1e-5)
    np.testing.assert_array_equal(trainer.result().table, encoder.table)


def test_the_gradient_equals_finite_differences() -> None:
    settings = HashedSettings(dimension=4, buckets=32, ngram_min=2, ngram_max=2, dropout=0.0)
    encoder = fresh_hashed_encoder(settings, np.ones(32, np.float32), seed=1)
    texts = ["버스 노선", "고양이"]

    def similarity(table: Any) -> Any:
        changed = HashedEncoder(settings, table, encoder.projection)
        trainer = HashedTrainer(changed, texts)
        one, other = trainer.encode(np.array([0, 1]), _DRAW)
        return trainer, one @ other

    trainer, value = similarity(encoder.table)
    value.backward()
    table, projection, gains = (group["params"][0] for group in trainer.parameter_groups(1.0, 0.0))
    buckets = np.unique(settings.buckets_of(["버스", "노선", "고양이"]).buckets)
    step = 1e-2
    for row in (0, len(buckets) - 1):
        for column in range(4):
            up, down = encoder.table.copy(), encoder.table.copy()
            up[buckets[row], column] += step
            down[buckets[row], column] -= step
            slope = (similarity(up)[1] - similarity(down)[1]).item() / (2 * step)
            assert table.grad[row, column].item() == pytest.approx(slope, abs=2e-3)
    # A gain multiplies its row, so its slope is the row's along itself.
    along = (table.grad * table.detach()).sum(dim=1, keepdim=True)
    torch.testing.assert_close(gains.grad, along, atol=1e-6, rtol=1e-4)
    assert projection.grad.abs().sum() > 0


def test_no_pairs_carry_the_weights_over_byte_for_byte(
    bench: tuple[Path, Path], tmp_path: Path
) -> None:
    model = train(*bench, [], tmp_path / "model")
    files = contents(model)
    facts = json.loads(files.pop("training.json"))
    assert files == contents(bench[0])
    assert (facts["pairs"], facts["steps"], facts["losses"]) == (0, 0, [])
    # A model is carried over as well as the base encoder, with a training.json of its own.
    trained = train(*bench, topic_pairs(), tmp_path / "trained", steps=2)
    carried = train(trained, bench[1], [], tmp_path / "carried", session=1)
    before, after = contents(trained), contents(carried)
    assert before.pop("training.json") != after.pop("training.json")
    assert before == after


def test_pairs_with_nothing_to_contrast_are_skipped_and_counted(
    bench: tuple[Path, Path], tmp_path: Path
) -> None:
    alone = [Pair("q0", "query", "d0", "label")]
    model = train(*bench, alone, tmp_path / "alone")
    assert (_facts(model)["steps"], _facts(model)["skipped"]) == (0, 1)
    assert contents(model)["encoder.safetensors"] == contents(bench[0])["encoder.safetensors"]
    # Batches of one: only the pairs that bring negatives are trained on, with all the steps.
    some = [*topic_pairs()[:2], Pair("q3", "query", "d3", "label")]
    facts = _facts(train(*bench, some, tmp_path / "some", batch=1, steps=10))
    assert (facts["steps"], facts["skipped"]) == (10, 1)


def test_epochs_take_as_many_steps_as_they_have_batches(
    bench: tuple[Path, Path], tmp_path: Path
) -> None:
    model = train(*bench, topic_pairs(), tmp_path / "model", budget="epochs", epochs=3, batch=4)
    assert _facts(model)["steps"] == 3 * 2


def test_the_same_bytes_in_every_process(bench: tuple[Path, Path], tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from tests.retrieval.training_builders import topic_pairs, train;"
        "train(*map(Path, sys.argv[1:3]), topic_pairs(), Path(sys.argv[3]), steps=8);"
        "assert 'transformers' not in sys.modules"
    )
    # This process has a hash seed of its own.
    here = train(*bench, topic_pairs(), tmp_path / "here", steps=8)
    there = tmp_path / "there"
    subprocess.run(
        [sys.executable, "-c", program, *map(str, bench), str(there)],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": "."},
        timeout=120,
    )
    assert contents(here) == contents(there)


def test_other_seeds_and_sessions_train_otherwise(bench: tuple[Path, Path], tmp_path: Path) -> None:
    choices: tuple[dict[str, Any], ...] = ({}, {"seed": 2}, {"session": 1})
    weights = [
        contents(train(*bench, topic_pairs(), tmp_path / f"m{number}", steps=3, **options))[
            "encoder.safetensors"
        ]
        for number, options in enumerate(choices)
    ]
    assert len(set(weights)) == 3


def test_only_buckets_of_the_session_s_texts_change(
    bench: tuple[Path, Path], tmp_path: Path
) -> None:
    model = train(*bench, topic_pairs()[:1], tmp_path / "model", weight_decay=0.1)
    before, after = (HashedEncoder.read(folder) for folder in (bench[0], model))
    words = " ".join([TOPICS[0][0], *(TOPICS[i][1] for i in (0, 1, 2))]).split()
    named = np.unique(before.settings.buckets_of(words).buckets)
    changed = np.flatnonzero((before.table != after.table).any(axis=1))
    assert changed.tolist() == named.tolist()


def test_a_loss_that_is_no_number_and_wrong_choices_are_named(
    bench: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="learning_rate"):
        train(*bench, topic_pairs(), tmp_path / "m", learning_rate=1e30)
    assert not (tmp_path / "m").exists()
    with pytest.raises(ConfigError, match="in_batch"):
        train(*bench, topic_pairs(), tmp_path / "m", in_batch="never")
