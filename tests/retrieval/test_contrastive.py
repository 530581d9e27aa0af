"""The loss and its gradient by hand, and which candidates a sample is contrasted with."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.errors import ConfigError, IntegrityError
from scripts.retrieval.contrastive import contrastive_losses
from scripts.retrieval.pairs import Pair, write_pairs
from scripts.retrieval.training_samples import Samples, make_batch, read_samples
from scripts.retrieval.training_schedule import Schedule
from tests.retrieval.training_builders import write_memory


def test_loss_and_gradient_equal_a_calculation_by_hand() -> None:
    query = torch.tensor([[1.0, 0.0]], dtype=torch.float64, requires_grad=True)
    candidates = torch.tensor([[0.6, 0.8], [0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    allowed = torch.tensor([[True, True, False]])
    losses = contrastive_losses(query, candidates, torch.tensor([0]), allowed, 0.5)
    # Scores 0.6/0.5 = 1.2 and 0; the third candidate has no part.
    share = math.exp(1.2) / (math.exp(1.2) + 1.0)
    assert losses.item() == pytest.approx(-math.log(share), rel=1e-12)
    losses.sum().backward()
    # d/dq = (Σ p_j c_j − c_pos)/τ = (1 − share)(c_1 − c_0)/τ
    expected = (1 - share) * np.array([-0.6, 0.2]) / 0.5
    assert query.grad is not None
    np.testing.assert_allclose(query.grad.numpy()[0], expected, rtol=1e-12)


def test_masked_candidates_change_neither_loss_nor_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    queries = torch.nn.functional.normalize(torch.randn(3, 4, generator=generator), dim=1)
    candidates = torch.nn.functional.normalize(torch.randn(5, 4, generator=generator), dim=1)
    allowed = torch.tensor([[1, 1, 0, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 0, 0]], dtype=torch.bool)
    positives = torch.tensor([0, 2, 2])
    candidates.requires_grad_()
    losses = contrastive_losses(queries, candidates, positives, allowed, 0.1)
    losses.sum().backward()
    assert candidates.grad is not None
    assert torch.count_nonzero(candidates.grad[4]) == 0
    assert losses[2].item() == 0.0
    for row in range(3):
        kept = allowed[row].nonzero()[:, 0]
        alone = contrastive_losses(
            queries[row : row + 1],
            candidates.detach()[kept],
            torch.tensor([kept.tolist().index(int(positives[row]))]),
            torch.ones(1, len(kept), dtype=torch.bool),
            0.1,
        )
        assert losses[row].item() == pytest.approx(alone.item(), abs=1e-6)


def _samples(folder: Path, pairs: list[Pair], **memory: object) -> Samples:
    documents = {"a": "가", "b": "나", "c": "다", "d": "라", "copy": "가"}
    queries = {"q": ("물음", ["a", "b"]), "r": ("다른 물음", []), "s": ("셋째", ["c"])}
    write_memory(folder, documents, queries, **memory)  # type: ignore[arg-type]
    write_pairs(folder / "pairs.jsonl", pairs)
    return read_samples(folder, folder / "pairs.jsonl")


def _allowed(samples: Samples, row: int, in_batch: str) -> set[str]:
    """Texts (or prototypes' places) that a sample is contrasted with."""
    batch = make_batch(samples.samples, in_batch)
    numbers = batch.candidates[batch.allowed[row]].tolist()
    positive = batch.candidates[batch.positives[row]]
    names = [*samples.texts, *(f"prototype {place}" for place in range(len(samples.prototypes)))]
    return {names[number] for number in numbers if number != positive}


def test_own_negatives_suffice_unless_asked_otherwise(tmp_path: Path) -> None:
    samples = _samples(
        tmp_path,
        [
            Pair("q", "query", "a", "label", ("c",)),
            Pair("r", "query", "d", "cluster"),
            Pair("s", "query", "c", "label", ("b", "d")),
        ],
    )
    assert [_allowed(samples, row, "when_needed") for row in range(3)] == [
        {"다"},
        {"가", "다"},
        {"나", "라"},
    ]
    assert [_allowed(samples, row, "always") for row in range(3)] == [
        {"다", "라"},
        {"가", "다"},
        {"가", "나", "라"},
    ]


def test_known_answers_and_equal_texts_are_never_contrasted(tmp_path: Path) -> None:
    samples = _samples(
        tmp_path,
        [
            # b is another answer of q, the copy has the positive's text.
            Pair("q", "query", "a", "label", ("b", "copy", "d")),
            Pair("r", "query", "b", "random"),
            Pair("s", "query", "copy", "cluster"),
            # The query is the document c itself; its text is no negative of it.
            Pair("c", "document", None, "self"),
            Pair("s", "query", "c", "label"),
        ],
    )
    assert _allowed(samples, 0, "always") == {"라", "다"}
    assert _allowed(samples, 3, "when_needed") == {"가", "나"}
    # c is the known answer of s, whatever else its positive is.
    assert _allowed(samples, 2, "always") == {"나"}


def test_a_self_positive_is_the_query_s_own_text(tmp_path: Path) -> None:
    samples = _samples(tmp_path, [Pair("c", "document", None, "self", ("d",))])
    batch = make_batch(samples.samples, "when_needed")
    assert batch.candidates[batch.positives[0]] == batch.queries[0]
    assert batch.contrasted.tolist() == [True]


def test_a_prototype_is_contrasted_with_the_others(tmp_path: Path) -> None:
    prototypes = {4: [1.0, 0.0], 7: [0.0, 2.0], 9: [1.0, 1.0]}
    samples = _samples(
        tmp_path,
        [
            Pair("q", "query", None, "prototype", cluster=7),
            Pair("r", "query", None, "prototype", cluster=4),
            Pair("s", "query", "c", "label", ("d",)),
        ],
        prototypes=prototypes,
    )
    assert _allowed(samples, 0, "when_needed") == {"prototype 0", "prototype 2"}
    assert _allowed(samples, 1, "when_needed") == {"prototype 1", "prototype 2"}
    assert _allowed(samples, 2, "when_needed") == {"라"}
    np.testing.assert_array_equal(samples.prototypes, list(prototypes.values()))
    with pytest.raises(IntegrityError, match="cluster 5"):
        _samples(
            tmp_path, [Pair("q", "query", None, "prototype", cluster=5)], prototypes=prototypes
        )


def test_a_lone_pair_without_negatives_has_nothing_to_contrast(tmp_path: Path) -> None:
    samples = _samples(tmp_path, [Pair("q", "query", "a", "label")])
    assert make_batch(samples.samples, "always").contrasted.tolist() == [False]


def test_a_pair_of_unknown_texts_is_named(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="document z"):
        _samples(tmp_path, [Pair("q", "query", "a", "label", ("z",))])


def _schedule(**options: object) -> Schedule:
    settings = {
        **{"budget": "steps", "steps": 10, "epochs": 2, "batch": 3, "learning_rate": 1.0},
        **{"warmup_ratio": 0.3, "weight_decay": 0.0, "temperature": 0.1, "seed": 1, "session": 2},
    }
    return Schedule(**{**settings, **options})  # type: ignore[arg-type]


@given(st.integers(1, 20), st.integers(1, 7), st.integers(1, 4))
def test_every_pass_takes_each_sample_once(samples: int, batch: int, epochs: int) -> None:
    schedule = _schedule(budget="epochs", epochs=epochs, batch=batch)
    passes = list(schedule.passes(samples))
    assert len(passes) == epochs
    assert sum(len(batches) for batches in passes) == schedule.total_steps(samples)
    for batches in passes:
        assert sorted(np.concatenate(batches).tolist()) == list(range(samples))
        assert all(len(numbers) == batch for numbers in batches[:-1])


def test_order_depends_on_seed_session_and_epoch() -> None:
    def order(epoch: int = 0, **options: object) -> list[int]:
        schedule = _schedule(budget="epochs", epochs=epoch + 1, batch=50, **options)
        return list(schedule.passes(50))[epoch][0].tolist()

    assert order() == order()
    orders = [order(), order(epoch=1), order(seed=2), order(session=3)]
    assert len({tuple(numbers) for numbers in orders}) == len(orders)


def test_the_rate_rises_and_falls_linearly() -> None:
    shares = [_schedule().rate_share(step, 10) for step in range(10)]
    expected = [1 / 3, 2 / 3, 1, *(left / 7 for left in range(7, 0, -1))]
    np.testing.assert_allclose(shares, expected)
    assert _schedule(warmup_ratio=0.0).rate_share(0, 10) == 1
    assert _schedule(warmup_ratio=1.0).rate_share(9, 10) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("budget", "hours"),
        ("steps", 0),
        ("batch", 0),
        ("learning_rate", 0.0),
        ("warmup_ratio", 1.5),
        ("weight_decay", -0.1),
        ("temperature", 0.0),
    ],
)
def test_impossible_schedules_are_named(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"training.{name} is"):
        _schedule(**{name: value})
