"""Losses against torch's own, hand calculation and numeric gradients."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from scripts.classification.losses import ClassificationLoss, row_losses
from scripts.classification.strategy import Strategy


def weighted_cross_entropy(logits, labels, weights=None):
    return ClassificationLoss(weights)(logits, labels).objective


def focal_loss(logits, labels, *, gamma, alpha=None):
    return ClassificationLoss(alpha, gamma)(logits, labels).objective


WEIGHTS = torch.tensor([0.5, 1.0, 4.0, 2.0], dtype=torch.float64)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(7)
    logits = 3 * torch.randn(6, 4, dtype=torch.float64, generator=generator)
    return logits, torch.tensor([0, 3, 2, 1, 2, 0])


def test_weighted_cross_entropy_is_torchs_sum_over_the_number_of_rows(batch):
    logits, labels = batch
    summed = functional.cross_entropy(logits, labels, weight=WEIGHTS, reduction="sum")
    assert weighted_cross_entropy(logits, labels, WEIGHTS).item() == pytest.approx(
        summed.item() / 6
    )
    plain = functional.cross_entropy(logits, labels).item()
    assert weighted_cross_entropy(logits, labels).item() == pytest.approx(plain)


def test_focal_loss_by_hand():
    # Two classes, logits (0, ln 3): probabilities 1/4 and 3/4.
    logits = torch.tensor([[0.0, math.log(3)]] * 2, dtype=torch.float64)
    labels = torch.tensor([0, 1])
    first = (3 / 4) ** 2 * -math.log(1 / 4)
    second = (1 / 4) ** 2 * -math.log(3 / 4)
    assert focal_loss(logits, labels, gamma=2).item() == pytest.approx((first + second) / 2)
    alpha = torch.tensor([5.0, 0.5])
    expected = (5 * first + 0.5 * second) / 2
    assert focal_loss(logits, labels, gamma=2, alpha=alpha).item() == pytest.approx(expected)


def test_gamma_zero_is_cross_entropy_to_the_bit(batch):
    logits, labels = batch
    assert torch.equal(focal_loss(logits, labels, gamma=0), weighted_cross_entropy(logits, labels))
    weighted = weighted_cross_entropy(logits, labels, WEIGHTS)
    assert torch.equal(focal_loss(logits, labels, gamma=0, alpha=WEIGHTS), weighted)


def test_the_probability_of_the_focal_loss_ignores_the_weights(batch):
    """With one weight for all classes the loss is multiplied by it, and nothing else changes."""
    logits, labels = batch
    alpha = torch.full((4,), 3.0)
    plain = focal_loss(logits, labels, gamma=2).item()
    assert focal_loss(logits, labels, gamma=2, alpha=alpha).item() == pytest.approx(3 * plain)


@pytest.mark.parametrize("gamma", [None, 0.0, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_gradients_equal_numeric_ones(batch, gamma, weights):
    logits, _ = batch
    labels = torch.tensor([0, 3, -100, 1, 2, 0])
    loss = ClassificationLoss(weights, gamma)
    assert torch.autograd.gradcheck(
        lambda values: loss(values, labels).objective, logits.requires_grad_()
    )


@pytest.mark.parametrize("gamma", [None, 0.5, 2.0])
def test_ignored_rows_change_neither_loss_nor_gradient(batch, gamma):
    logits, labels = batch
    loss = ClassificationLoss(WEIGHTS, gamma)
    masked = labels.clone()
    masked[[1, 4]] = -100
    kept = [0, 2, 3, 5]
    values = logits.clone().requires_grad_()
    whole = loss(values, masked)
    part = loss(logits[kept], labels[kept])
    assert whole.objective.item() == pytest.approx(part.objective.item())
    assert whole.cross_entropy.item() == pytest.approx(part.cross_entropy.item())
    assert whole.rows == 4
    (gradient,) = torch.autograd.grad(whole.objective, values)
    assert gradient[[1, 4]].abs().max() == 0 and gradient[kept].abs().min() > 0


def test_a_batch_without_labels_costs_nothing_and_has_no_gradient(batch):
    logits, labels = batch
    values = logits.clone().requires_grad_()
    losses = ClassificationLoss(WEIGHTS, 2.0)(values, torch.full_like(labels, -100))
    assert losses.objective.item() == losses.cross_entropy.item() == losses.rows == 0
    (gradient,) = torch.autograd.grad(losses.objective, values)
    assert gradient.abs().max() == 0


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_a_certain_answer_gives_a_finite_gradient(gamma):
    """p rounds to 1, where the slope of (1 - p)^0.5 is infinite."""
    logits = torch.tensor([[200.0, 0.0], [0.0, 200.0]], requires_grad=True)
    objective = focal_loss(logits, torch.tensor([0, 0]), gamma=gamma)
    (gradient,) = torch.autograd.grad(objective, logits)
    assert torch.isfinite(gradient).all()
    assert gradient[0].abs().max() == 0 and gradient[1].abs().max() > 0


def test_the_plain_cross_entropy_stands_beside_every_objective(batch):
    logits, labels = batch
    plain = functional.cross_entropy(logits, labels).item()
    for loss in (ClassificationLoss(), ClassificationLoss(WEIGHTS), ClassificationLoss(None, 2)):
        losses = loss(logits.clone().requires_grad_(), labels)
        assert losses.cross_entropy.item() == pytest.approx(plain)
        assert not losses.cross_entropy.requires_grad


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_weights_follow_the_logits_dtype(batch, dtype):
    logits, labels = batch
    objective = weighted_cross_entropy(logits.to(dtype), labels, WEIGHTS)
    exact = weighted_cross_entropy(logits, labels, WEIGHTS).item()
    assert objective.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert objective.item() == pytest.approx(exact, rel=0.02)


def test_weights_follow_the_logits_device(batch):
    """The device "meta" holds no numbers, but refuses to be mixed with another."""
    logits, labels = batch
    by_row = row_losses(logits, labels).to("meta")
    from scripts.classification.losses import weights_of_rows

    assert weights_of_rows(WEIGHTS, labels.to("meta"), by_row).device.type == "meta"


@pytest.mark.gpu
def test_losses_on_a_gpu_equal_those_on_the_cpu(batch):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    logits, labels = batch
    loss = ClassificationLoss(WEIGHTS, 2.0)
    there = loss(logits.cuda(), labels.cuda())
    assert there.objective.item() == pytest.approx(loss(logits, labels).objective.item())


def test_parts_of_a_step_with_one_divisor_add_up_to_the_step(batch):
    logits, labels = batch
    loss = ClassificationLoss(WEIGHTS, 2.0)
    parts = sum(loss(logits[p], labels[p], 6).objective.item() for p in ([0, 1], [2, 3, 4, 5]))
    assert parts == pytest.approx(loss(logits, labels).objective.item())


def test_a_strategys_loss_uses_its_weights_and_gamma(batch):
    logits, labels = batch
    counts = np.array([6, 2, 1, 3])
    settings = {"class_weights": "balanced", "loss": "focal", "focal_alpha": "class_weights"}
    loss = ClassificationLoss.of(Strategy.of("s", {**settings, "gamma": 1.5}), counts)
    alpha = torch.tensor([12 / (4 * n) for n in (6, 2, 1, 3)])
    expected = focal_loss(logits, labels, gamma=1.5, alpha=alpha).item()
    assert loss(logits, labels).objective.item() == pytest.approx(expected)
    plain = ClassificationLoss.of(Strategy(), counts)
    assert plain.weights is None and plain.gamma is None
