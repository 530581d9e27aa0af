"""Which rows a step takes: each row once a pass, exact proportions, nothing but the step needed."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.errors import ConfigError
from scripts.common.keyed_generator import keyed_generator
from scripts.language_model.batches import (
    ENTITY,
    TEXT,
    BatchPlan,
    boundary_step,
    grouped_permutation,
)
from scripts.language_model.collate import MaskedRow, collate
from scripts.language_model.masking import IGNORED


def plan_of(
    rows_per_step: int = 4, share: float = 0.25, run: str = "a", **counts: int
) -> BatchPlan:
    generator = np.random.default_rng(0)
    lengths = {kind: generator.integers(5, 100, count) for kind, count in counts.items()}
    return BatchPlan(lengths, entity_share=share, rows_per_step=rows_per_step, seed=1, run=run)


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 200), rows_per_step=st.integers(1, 17), epochs=st.integers(1, 3))
def test_an_epoch_takes_every_row_once(rows, rows_per_step, epochs):
    plan = plan_of(rows_per_step, mlm=rows)
    assert plan.steps_per_epoch == -(-rows // rows_per_step)
    for epoch in range(epochs):
        taken = [
            reference
            for step in range(epoch * plan.steps_per_epoch, (epoch + 1) * plan.steps_per_epoch)
            for reference in plan.rows_of_step(step)
        ]
        assert {reference.pass_number for reference in taken} == {epoch}
        assert sorted(reference.row for reference in taken) == list(range(rows))


@settings(max_examples=60, deadline=None)
@given(
    texts=st.integers(5, 150),
    entities=st.integers(1, 100),
    share=st.sampled_from([0.1, 0.2, 0.25, 0.3, 0.5, 0.75]),
    rows_per_step=st.integers(1, 16),
)
def test_mixture_has_its_share_after_any_number_of_rows(texts, entities, share, rows_per_step):
    expected = round(texts * Fraction(str(share)) / (1 - Fraction(str(share))))
    if expected == 0:
        return
    plan = plan_of(rows_per_step, share, mlm=texts, entity_coref=entities)
    assert plan.rows_per_epoch == texts + expected
    rows, seen = 0, Counter[str]()
    drawn = Counter[int]()
    for step in range(2 * plan.steps_per_epoch):
        for reference in plan.rows_of_step(step):
            seen[reference.kind] += 1
            rows += 1
            drawn[reference.row] += reference.kind == ENTITY
        exact = rows * expected / plan.rows_per_epoch
        if step < plan.steps_per_epoch:
            assert abs(seen[ENTITY] - exact) < 1
    assert seen == {TEXT: 2 * texts, ENTITY: 2 * expected}
    # No entity row comes twice more often than another: the stream goes on in the next epoch.
    counts = [drawn[row] for row in range(entities)]
    assert max(counts) - min(counts) <= 1


def test_steps_depend_on_no_other_step():
    whole = plan_of(mlm=50, entity_coref=30)
    forward = [whole.rows_of_step(step) for step in range(60)]
    again = plan_of(mlm=50, entity_coref=30)
    assert [again.rows_of_step(step) for step in reversed(range(60))] == forward[::-1]
    assert plan_of(mlm=50, entity_coref=30).rows_of_step(41) == forward[41]


def test_passes_and_runs_differ_in_order():
    plan, other = plan_of(mlm=50), plan_of(mlm=50, run="b")
    orders = [
        [row.row for step in range(13) for row in which.rows_of_step(step + 13 * epoch)]
        for which, epoch in ((plan, 0), (plan, 1), (other, 0))
    ]
    assert orders[0] != orders[1] and orders[0] != orders[2]


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 99), min_size=1, max_size=120).map(np.array),
    rows_per_step=st.integers(1, 9),
)
def test_grouped_order_is_a_permutation(lengths, rows_per_step):
    order = grouped_permutation(lengths, rows_per_step, keyed_generator(0, "test"))
    assert sorted(order.tolist()) == list(range(len(lengths)))


def test_grouping_saves_most_of_the_padding():
    lengths = np.random.default_rng(0).integers(10, 257, 800)

    def padding(order: np.ndarray) -> float:
        steps = lengths[order].reshape(-1, 8)
        return 1 - lengths.sum() / (steps.max(axis=1).sum() * 8)

    grouped = grouped_permutation(lengths, 8, keyed_generator(0, "test"))
    assert padding(np.arange(800)) > 0.35
    assert padding(grouped) < 0.10
    # It stays random: a step's mean length says nothing of its place.
    means = lengths[grouped].reshape(-1, 8).mean(axis=1)
    assert abs(np.corrcoef(means, np.arange(100))[0, 1]) < 0.3


@pytest.mark.parametrize(
    ("epoch", "steps", "step"),
    [("0.0", 390, 0), ("0.5", 390, 195), ("1.5", 65, 98), ("2.5", 3, 8), ("0.1", 30, 3)],
)
def test_boundary_is_the_rounded_product(epoch, steps, step):
    assert boundary_step(epoch, steps) == step


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 1.5])
def test_share_that_is_none(share):
    with pytest.raises(ConfigError, match="entity_share"):
        plan_of(share=share, mlm=10, entity_coref=10)


def test_share_that_gives_no_row():
    with pytest.raises(ConfigError, match="less than one entity row"):
        plan_of(share=0.01, mlm=10, entity_coref=10)


def test_no_rows_per_step():
    with pytest.raises(ConfigError, match="must be 1 or more"):
        plan_of(rows_per_step=0, mlm=10)


def test_collated_batch_by_hand():
    rows = [
        MaskedRow(
            np.array([2, 7, 3, 2, 3]), np.array([-100, 7, -100, -100, -100]), np.array([3, 2])
        ),
        MaskedRow(np.array([2, 3]), np.array([-100, -100]), np.array([2])),
    ]
    batch = collate(rows, pad_id=9)
    assert batch.input_ids.tolist() == [[2, 7, 3, 2, 3], [2, 3, 9, 9, 9]]
    assert batch.segments.tolist() == [[1, 1, 1, 2, 2], [1, 1, 0, 0, 0]]
    assert batch.labels.tolist() == [[IGNORED, 7, IGNORED, IGNORED, IGNORED], [IGNORED] * 5]
    assert [row.labelled for row in rows] == [1, 0] and [row.tokens for row in rows] == [5, 2]
