"""Plans of rows: targets, bounds, shares of the sampler, and nothing lost or invented."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.classification.resampling import (
    SMOTE_NEIGHBORS,
    over_targets,
    plan_rows,
    smote_features,
    under_targets,
)
from scripts.classification.strategy import Strategy
from scripts.common.errors import ConfigError

count_vectors = st.lists(st.integers(0, 200), min_size=2, max_size=12).filter(
    lambda counts: sum(n > 0 for n in counts) >= 2
)
ratios = st.sampled_from([0.05, 0.29, 0.3, 0.7, 1.0])
repeats = st.integers(1, 25)


def strategy(resampling, **chosen):
    return Strategy.of("s", {"resampling": resampling, **chosen})


def labels_of(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(0).permutation(labels)


def test_targets_by_hand():
    counts = np.array([1000, 400, 50, 3, 0])
    # 0.3 of 1000 is 300; 3 rows at most 20 times each are 60; an absent class stays absent
    over = over_targets(counts, strategy("over", target_ratio=0.3, max_repeat=20))
    assert over.tolist() == [1000, 400, 300, 60, 0]
    # 3 rows are to be 0.3 of the largest class: 10
    under = under_targets(counts, strategy("under", target_ratio=0.3))
    assert under.tolist() == [10, 10, 10, 3, 0]
    # 0.29 of 100 is 29, though the product in floating point is not
    assert over_targets(np.array([100, 2]), strategy("over", target_ratio=0.29)).tolist() == [
        100,
        29,
    ]


@settings(max_examples=40, deadline=None)
@given(count_vectors, ratios, repeats, st.integers(0, 3))
def test_over_sampling_keeps_every_row_and_repeats_none_beyond_the_bound(counts, ratio, most, seed):
    labels = labels_of(counts)
    chosen = strategy("over", target_ratio=ratio, max_repeat=most)
    plan = plan_rows(labels, len(counts), chosen, seed=seed)
    uses = np.bincount(plan.rows, minlength=len(labels))
    assert uses.min() >= 1 and uses.max() <= most
    after = np.bincount(labels[plan.rows], minlength=len(counts))
    assert (after >= counts).all()
    assert after.tolist() == over_targets(np.array(counts), chosen).tolist() == plan.after.tolist()
    assert plan.before.tolist() == counts


@settings(max_examples=40, deadline=None)
@given(count_vectors, ratios, st.integers(0, 3))
def test_under_sampling_loses_no_class_and_invents_no_row(counts, ratio, seed):
    labels = labels_of(counts)
    chosen = strategy("under", target_ratio=ratio)
    plan = plan_rows(labels, len(counts), chosen, seed=seed)
    assert len(np.unique(plan.rows)) == len(plan.rows)
    after = np.bincount(labels[plan.rows], minlength=len(counts))
    assert (after <= counts).all()
    assert ((after > 0) == (np.array(counts) > 0)).all()
    assert after.tolist() == under_targets(np.array(counts), chosen).tolist()
    present = [n for n in counts if n]
    if max(after) < max(present):
        assert min(after[after > 0]) / max(after) >= ratio


def test_the_counts_equal_imbalanced_learns_own():
    from imblearn.over_sampling import RandomOverSampler
    from imblearn.under_sampling import RandomUnderSampler

    counts = [90, 30, 10, 6]
    labels = labels_of(counts)
    rows = np.arange(len(labels))[:, None]
    for resampling, sampler, targets in (
        ("over", RandomOverSampler, {1: 45, 2: 45, 3: 45}),
        ("under", RandomUnderSampler, {0: 12, 1: 12}),
    ):
        _, resampled = sampler(sampling_strategy=targets).fit_resample(rows, labels)
        plan = plan_rows(labels, 4, strategy(resampling, target_ratio=0.5), seed=1)
        assert np.bincount(labels[plan.rows]).tolist() == np.bincount(resampled).tolist()


@pytest.mark.parametrize("resampling", ["none", "over", "under"])
def test_an_epoch_uses_the_plans_rows_in_a_keyed_order(resampling):
    labels = labels_of([40, 12, 3])
    plan = plan_rows(labels, 3, strategy(resampling), seed=5)
    first, second = plan.epoch(1, seed=5), plan.epoch(2, seed=5)
    assert sorted(first) == sorted(second) == plan.rows.tolist()
    assert first.tolist() != second.tolist() != plan.epoch(2, seed=6).tolist()
    again = plan_rows(labels, 3, strategy(resampling), seed=5)
    assert again.epoch(1, seed=5).tolist() == first.tolist()


def test_the_sampler_copies_nothing_and_draws_the_classes_in_their_shares():
    counts = np.array([600, 150, 12, 2, 0])
    labels = labels_of(counts)
    plan = plan_rows(labels, 5, strategy("sampler", target_ratio=0.3, max_repeat=20), seed=1)
    assert plan.rows.tolist() == list(range(len(labels)))
    assert plan.chances is not None and plan.chances.sum() == pytest.approx(1)
    # targets 600, 180, 180, 40
    shares = np.array([600, 180, 180, 40, 0]) / 1000
    assert plan.after == pytest.approx(shares * len(labels))
    drawn = np.zeros(5)
    epochs = 60
    for epoch in range(1, epochs + 1):
        rows = plan.epoch(epoch, seed=9)
        assert len(rows) == len(labels)
        drawn += np.bincount(labels[rows], minlength=5)
    draws = epochs * len(labels)
    error = np.sqrt(shares * (1 - shares) / draws)
    assert (np.abs(drawn / draws - shares) <= 4 * error).all()


def test_the_sampler_draws_as_torchs_weighted_sampler_does():
    import torch

    labels = labels_of([300, 30, 6])
    plan = plan_rows(labels, 3, strategy("sampler", target_ratio=1.0, max_repeat=1000), seed=1)
    assert plan.chances is not None
    sampler = torch.utils.data.WeightedRandomSampler(
        plan.chances.tolist(), 60_000, generator=torch.Generator().manual_seed(0)
    )
    theirs = np.bincount(labels[np.array(list(sampler))]) / 60_000
    ours = sum(np.bincount(labels[plan.epoch(e, seed=2)], minlength=3) for e in range(1, 181))
    assert theirs == pytest.approx([1 / 3] * 3, abs=0.01)
    assert ours / (180 * len(labels)) == pytest.approx([1 / 3] * 3, abs=0.01)


@given(count_vectors, ratios, repeats)
def test_the_sampler_draws_a_row_at_most_as_often_as_the_bound_on_average(counts, ratio, most):
    labels = labels_of(counts)
    chosen = strategy("sampler", target_ratio=ratio, max_repeat=most)
    plan = plan_rows(labels, len(counts), chosen, seed=0)
    assert plan.chances is not None
    assert plan.chances.max() * len(labels) <= most + 1e-9
    assert plan.chances.min() > 0


def test_smote_is_refused_on_texts_with_the_reason():
    with pytest.raises(ConfigError, match=r"between two texts.*use sampler or over"):
        plan_rows(labels_of([20, 8]), 2, strategy("smote"), seed=0)


def test_smote_makes_points_between_neighbours_and_leaves_small_classes():
    from scipy.sparse import csr_array

    generator = np.random.default_rng(3)
    labels = np.repeat([0, 1, 2], [60, 8, SMOTE_NEIGHBORS])
    points = generator.random((len(labels), 3)).astype(np.float32) + labels[:, None] * 10
    chosen = strategy("smote", target_ratio=0.5)
    grown, grown_labels = smote_features(csr_array(points), labels, 3, chosen, seed=1)
    assert np.bincount(grown_labels).tolist() == [60, 30, SMOTE_NEIGHBORS]
    dense = grown.toarray()
    assert np.array_equal(dense[: len(labels)], points)
    made = dense[len(labels) :]
    own = points[labels == 1]
    assert (made >= own.min(axis=0) - 1e-5).all() and (made <= own.max(axis=0) + 1e-5).all()
    again, _ = smote_features(csr_array(points), labels, 3, chosen, seed=1)
    assert np.array_equal(again.toarray(), dense)
