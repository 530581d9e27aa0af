"""Intervals: against hand calculation, a loop over documents, and coverage on planted data."""

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.language_model.bootstrap import (
    Aggregate,
    Draws,
    WeightedItems,
    bootstrap_means,
    document_numbers,
    nested_covariance,
    proportion,
)


def means(
    values: np.ndarray, documents: list[int], *, resamples: int = 2000, seed: int = 3
) -> Draws:
    part = WeightedItems(1.0, np.asarray(values, dtype=float), np.asarray(documents))
    return bootstrap_means([part], resamples=resamples, seed=seed, purpose="test")


def test_every_possible_resample_of_three_documents_is_reached_as_often_as_it_should():
    """27 equally likely resamples of three documents with 1, 2 and 1 items."""
    documents, hits = [0, 1, 1, 2], [1.0, 0.0, 1.0, 0.0]
    expected: dict[float, float] = defaultdict(float)
    groups = {0: [1.0], 1: [0.0, 1.0], 2: [0.0]}
    for first in range(3):
        for second in range(3):
            for third in range(3):
                items = [hit for place in (first, second, third) for hit in groups[place]]
                expected[round(sum(items) / len(items), 9)] += 1 / 27
    draws = means(np.array(hits)[:, None], documents, resamples=40_000)
    found = dict(zip(*np.unique(draws.resampled[:, 0].round(9), return_counts=True), strict=True))
    assert set(found) == set(expected)
    for value, share in expected.items():
        assert found[value] / 40_000 == pytest.approx(share, abs=0.01)


def test_standard_error_is_the_linearized_one_of_a_ratio():
    generator = np.random.default_rng(5)
    sizes = generator.integers(1, 4, 400)
    documents = np.repeat(np.arange(400), sizes)
    level = generator.beta(2, 2, 400)
    hits = (generator.random(documents.size) < level[documents]).astype(float)
    totals = np.bincount(documents, hits)
    mean = hits.mean()
    residual = totals - mean * sizes
    linearized = math.sqrt(np.sum(residual**2)) / sizes.sum()
    draws = means(hits[:, None], documents.tolist(), resamples=6000)
    assert draws.resampled[:, 0].std() == pytest.approx(linearized, rel=0.05)
    # Items of a document go together, so the naive interval would be too narrow.
    assert linearized > 1.1 * math.sqrt(mean * (1 - mean) / hits.size)


def test_intervals_cover_the_planted_value():
    generator = np.random.default_rng(11)
    covered = naive = 0
    for trial in range(200):
        level = generator.beta(1.2, 0.8, 120)  # mean 0.6
        documents = np.repeat(np.arange(120), 3)
        hits = (generator.random(360) < level[documents]).astype(float)
        estimate = means(hits[:, None], documents.tolist(), resamples=400, seed=trial).estimate(0)
        assert estimate.low is not None and estimate.high is not None
        covered += estimate.low <= 0.6 <= estimate.high
        naive += abs(hits.mean() - 0.6) <= 1.96 * math.sqrt(0.24 / 360)
    assert 0.90 <= covered / 200 <= 0.99
    assert naive < covered


def test_a_paired_difference_is_narrower_than_two_intervals():
    generator = np.random.default_rng(2)
    luck = generator.random(600)
    hits = np.stack([luck < 0.5, luck < 0.55], axis=1).astype(float)
    draws = means(hits, list(np.repeat(np.arange(200), 3)))
    paired = draws.difference(1, 0)
    assert paired.value == pytest.approx(hits[:, 1].mean() - hits[:, 0].mean())
    assert not paired.within_noise
    low, high = draws.estimate(0), draws.estimate(1)
    assert low.high is not None and high.low is not None and low.high > high.low  # they overlap
    mirrored = draws.difference(0, 1)
    assert (paired.low or 0) + (mirrored.high or 0) == pytest.approx(0)


def test_equal_columns_differ_by_exactly_nothing():
    hits = np.random.default_rng(4).integers(0, 2, (90, 1)).astype(float)
    draws = means(np.hstack([hits, hits]), list(np.repeat(np.arange(30), 3)))
    difference = draws.difference(0, 1)
    assert (difference.value, difference.low, difference.high) == (0.0, 0.0, 0.0)
    assert difference.within_noise


def test_no_hit_at_all_has_the_exact_binomial_bound():
    draws = means(np.zeros((40, 1)), list(np.repeat(np.arange(20), 2)))
    estimate = draws.estimate(0)
    # (1 - p)^20 = 0.025
    assert estimate.low == 0.0 and (1 - (estimate.high or 0)) ** 20 == pytest.approx(0.025)
    full = means(np.ones((40, 1)), list(np.repeat(np.arange(20), 2))).estimate(0)
    assert full.high == 1.0 and full.low == pytest.approx(1 - (estimate.high or 0))


@pytest.mark.parametrize("hit", [0.0, 1.0])
def test_unanimous_items_of_two_sets_are_bounded_by_the_smaller_set(hit):
    """Ten documents of the heavy part: a share of 0.2 there gives no hit one time in nine."""
    few = WeightedItems(0.7, np.full((10, 1), hit), np.arange(10))
    many = WeightedItems(0.3, np.full((990, 1), hit), np.arange(10, 1000))
    draws = bootstrap_means([few, many], resamples=100, seed=1, purpose="p")
    estimate = draws.estimate(0)
    assert (estimate.items, estimate.documents, estimate.value) == (1000, 1000, hit)
    assert estimate.low is not None and estimate.high is not None
    reach = 0.7 * 0.2 if hit == 0 else 1 - 0.7 * 0.2
    assert 0.8**10 > 0.1 and estimate.low <= reach <= estimate.high
    # No pair of shares whose sum lies beyond the bound gives this sample in more than 2.5 %.
    bound = estimate.high if hit == 0 else 1 - estimate.low
    for first in np.linspace(0, 1, 101):
        second = max(0.0, (bound - 0.7 * first) / 0.3)
        if second <= 1:
            assert (1 - first) ** 10 * (1 - second) ** 990 <= 0.025 + 1e-12


def test_one_document_gives_no_interval():
    estimate = means(np.array([[1.0], [0.0]]), [7, 7]).estimate(0)
    assert (estimate.value, estimate.low, estimate.high) == (0.5, None, None)
    assert estimate.within_noise


def test_items_without_a_value_are_left_out():
    values = np.array([[1.0], [math.nan], [0.0], [1.0]])
    draws = means(values, [0, 0, 1, 2])
    assert draws.estimate(0).value == pytest.approx(2 / 3)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 1)), min_size=3, max_size=40),
    st.randoms(use_true_random=False),
)
def test_order_of_items_and_names_of_documents_do_not_matter(items, dice):
    documents = document_numbers([f"d{document}" for document, _ in items])
    hits = np.array([[float(hit)] for _, hit in items])
    one = bootstrap_means([WeightedItems(1.0, hits, documents)], resamples=50, seed=1, purpose="p")
    order = list(range(len(items)))
    dice.shuffle(order)
    other = bootstrap_means(
        [WeightedItems(1.0, hits[order], documents[order] * 5 + 2)],
        resamples=50,
        seed=1,
        purpose="p",
    )
    assert np.array_equal(one.resampled, other.resampled)


def test_other_seeds_and_purposes_draw_otherwise():
    hits = np.random.default_rng(4).integers(0, 2, (90, 1)).astype(float)
    part = WeightedItems(1.0, hits, np.repeat(np.arange(30), 3))
    one, seed, purpose, again = (
        bootstrap_means([part], resamples=100, seed=s, purpose=p).resampled
        for s, p in ((1, "a"), (2, "a"), (1, "b"), (1, "a"))
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, seed) and not np.array_equal(one, purpose)


def test_documents_in_two_parts_bring_their_items_to_both():
    """Parts of the same documents and values: the sum of halves is the whole, in every resample."""
    hits = np.random.default_rng(6).integers(0, 2, (60, 1)).astype(float)
    documents = np.repeat(np.arange(20), 3)
    halves = bootstrap_means(
        [WeightedItems(0.5, hits, documents), WeightedItems(0.5, hits, documents)],
        resamples=100,
        seed=1,
        purpose="p",
    )
    whole = bootstrap_means(
        [WeightedItems(1.0, hits, documents)], resamples=100, seed=1, purpose="p"
    )
    assert np.allclose(halves.resampled, whole.resampled)


def test_normal_interval_of_the_published_sizes():
    # The specification's own figures: 1.9 points at n = 2,400 and 3.8 for LAMBADA at n = 600.
    assert proportion(0.65, 2400).half_width == pytest.approx(0.0191, abs=5e-5)
    assert proportion(0.36, 600).half_width == pytest.approx(0.0384, abs=5e-5)
    difference = proportion(0.6675, 2400).minus(proportion(0.6467, 2400))
    assert difference.value == pytest.approx(0.0208)
    # sqrt(0.22194 / 2400 + 0.22848 / 2400) = 0.013699; times 1.96 = 0.02685
    assert difference.half_width == pytest.approx(0.02685, abs=1e-5)
    assert difference.within_noise
    assert not Aggregate(0.03, 0.013699**2).within_noise


def test_nested_covariance_equals_the_simulated_one():
    luck = np.random.default_rng(8).random(200_000)
    inner, outer = (luck < 0.4).astype(float), (luck < 0.7).astype(float)
    simulated = np.cov(inner, outer)[0, 1]
    assert nested_covariance(0.4, 0.7, 1) == pytest.approx(simulated, abs=2e-3)
