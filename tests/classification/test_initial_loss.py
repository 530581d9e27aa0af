"""The initial loss tells a sound head from a faulty one; curves are read as a person would."""

import math

import numpy as np
import pytest
import torch

from scripts.classification.imbalance import entropy
from scripts.classification.initial_loss import check_initial_loss
from scripts.classification.losses import row_losses
from scripts.classification.training_losses import (
    WINDOW,
    LossCurve,
    loss_at_step,
    steps_to_loss,
)

CLASSES = 224


def verdict_of(*, head_scale=0.02, outputs=CLASSES, trained=0.0, factor=1.0):
    """The check of a linear head on 64 hidden values, with 500 rows of a skewed label vector."""
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(500, 64, generator=generator)
    labels = (CLASSES * torch.rand(500, generator=generator) ** 3).long()
    logits = hidden @ (head_scale * torch.randn(64, outputs, generator=generator))
    logits = logits + trained * torch.nn.functional.one_hot(labels, outputs)
    return check_initial_loss(factor * row_losses(logits, labels).numpy(), CLASSES)


@pytest.mark.parametrize("head_scale", [0.0, 0.02])
def test_a_sound_head_starts_at_ln_c_though_labels_are_skewed(head_scale):
    check = verdict_of(head_scale=head_scale)
    assert check.ok and check.ln_classes == math.log(CLASSES)
    assert check.cross_entropy == pytest.approx(math.log(CLASSES), abs=0.1)


@pytest.mark.parametrize("head_scale", [0.5, 2.0, 10.0])
def test_a_head_of_a_wrong_scale_is_named(head_scale):
    check = verdict_of(head_scale=head_scale)
    assert not check.ok
    assert check.verdict.startswith("wrong_initial_loss: ")
    assert "scale is too wide" in check.verdict and "ln 224 = 5.412" in check.verdict


def test_a_loss_that_is_a_sum_is_named():
    check = verdict_of(factor=16)
    assert not check.ok and "the loss is a sum" in check.verdict


def test_outputs_beyond_the_classes_are_named_with_their_number():
    check = verdict_of(head_scale=0.0, outputs=30_000)
    assert not check.ok and "30,000 equal outputs would cost this" in check.verdict


def test_a_head_that_knows_the_labels_is_named():
    check = verdict_of(trained=10.0)
    assert not check.ok and "not untrained" in check.verdict


def test_the_cases_own_loss_is_no_imbalance():
    check = check_initial_loss(np.full(32, 77.0), 224)
    assert not check.ok and "the loss before the first step is 77.000" in check.verdict


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_named_and_stays_valid_json(value):
    check = check_initial_loss(np.array([1.0, value]), 10)
    assert not check.ok and "not a number" in check.verdict
    assert check.as_json()["cross_entropy"] is None


def test_few_rows_have_more_room_than_many():
    """Seven tenths above ln C are within three standard errors of 4 rows, not of 4,000."""
    spread = np.array([-1.0, 1.0]) + math.log(CLASSES) + 0.7
    assert check_initial_loss(np.tile(spread, 2), CLASSES).ok
    assert not check_initial_loss(np.tile(spread, 2000), CLASSES).ok


def curve(values):
    losses = LossCurve()
    losses.add(0, epoch=0.0, cross_entropy=50.0, objective=1.0)
    for step, value in enumerate(values, start=1):
        losses.add(step, epoch=step / 10, cross_entropy=value, objective=2 * value)
    return losses


def test_readings_are_means_over_the_last_steps():
    values = [10.0 - step / 100 for step in range(1, 301)]
    table = curve(values).table()
    assert loss_at_step(table) == pytest.approx(np.mean(values[200 - WINDOW : 200]))
    expected = next(
        step for step in range(WINDOW, 301) if np.mean(values[step - WINDOW : step]) <= 9.0
    )
    assert steps_to_loss(table, 9.0) == expected
    assert steps_to_loss(table, 1.0) is None


def test_a_short_training_has_no_reading():
    assert loss_at_step(curve([1.0] * 199).table()) is None
    assert steps_to_loss(curve([0.1] * (WINDOW - 1)).table(), 5.0) is None


def test_a_lucky_batch_is_no_progress():
    values = [5.0] * 100
    values[50] = 0.1
    assert steps_to_loss(curve(values).table(), 4.0) is None


def test_evaluations_stand_at_their_steps_and_nowhere_else():
    losses = curve([3.0, 2.0])
    losses.evaluate(2, cross_entropy=1.5, macro_f1=0.25)
    rows = losses.table().to_pylist()
    assert [row["validation_macro_f1"] for row in rows] == [None, None, 0.25]
    assert rows[2]["validation_cross_entropy"] == 1.5 and rows[2]["objective"] == 4.0
    with pytest.raises(ValueError, match="step 2 stands twice"):
        losses.add(2, epoch=1.0, cross_entropy=1.0, objective=1.0)


def test_predicting_the_frequencies_costs_their_entropy():
    assert entropy(np.array([2, 1, 1, 0])) == pytest.approx(1.5 * math.log(2))
