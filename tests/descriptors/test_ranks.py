"""Mid-ranks against scipy, and what float32 would do to them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, rankdata

from scripts.descriptors.ranks import centred_ranks, mid_ranks, normal_scores

COLUMNS = st.lists(
    st.one_of(st.integers(-4, 4).map(float), st.floats(allow_nan=True, allow_infinity=True)),
    max_size=50,
).map(lambda values: np.array(values, np.float64))


@settings(deadline=None)
@given(COLUMNS)
def test_mid_ranks_are_those_of_scipy(values):
    valid = np.isfinite(values)
    ranks = mid_ranks(values)
    assert np.isnan(ranks[~valid]).all()
    np.testing.assert_array_equal(ranks[valid], rankdata(values[valid]))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-2, 2), st.integers(-3, 3)), max_size=80))
def test_values_that_differ_in_their_last_bits_alone_are_told_apart(steps):
    least = np.array([np.spacing(float(base)) for base, _ in steps])
    values = np.array([float(base) for base, _ in steps]) + least * [step for _, step in steps]
    np.testing.assert_array_equal(mid_ranks(values), rankdata(values))
    np.testing.assert_array_equal(mid_ranks(-values), rankdata(-values))


@pytest.mark.parametrize(
    "last",
    [[0.5], [-0.5], [-0.0], [2.0**53, 2.0**53 + 2], [1.7e308, -1.7e308], [63.0, -1.0], [5e-324]],
)
def test_whole_numbers_are_ranked_as_any_others(last):
    values = np.array([*range(64), 3, *last], np.float64)
    for shift in (0, 2.0**52, -(2.0**52)):
        np.testing.assert_array_equal(mid_ranks(values + shift), rankdata(values + shift))


@pytest.mark.parametrize("decimals", [1, 3, 15])
def test_ranks_of_long_columns_with_noise_are_those_of_scipy(decimals):
    generator = np.random.default_rng(0)
    values = np.round(generator.standard_normal(20_000), decimals)
    values *= 1 + np.finfo(float).eps * generator.integers(0, 3, len(values))
    for column in (values, values.astype(np.float32), np.round(values)):
        np.testing.assert_array_equal(mid_ranks(column), rankdata(column))


@settings(deadline=None)
@given(COLUMNS)
def test_centred_ranks_are_whole_numbers_without_a_mean(values):
    centred = centred_ranks(mid_ranks(values))
    valid = centred[~np.isnan(centred)]
    np.testing.assert_array_equal(valid, np.round(valid))
    assert valid.sum() == 0 and (np.abs(valid) < max(len(valid), 1)).all()
    np.testing.assert_array_equal(centred.astype(np.float32).astype(np.float64), centred)


def test_values_that_float32_cannot_tell_apart_or_hold_keep_their_ranks():
    close = np.array([1.0, 1 + 1e-12, 1 + 2e-12, 1e300, -1e300])
    np.testing.assert_array_equal(mid_ranks(close), [2, 3, 4, 5, 1])
    with np.errstate(over="ignore"):
        assert len(np.unique(mid_ranks(close.astype(np.float32)))) < 5


def test_normal_scores_by_hand():
    values = np.array([3.0, np.nan, 1.0, 3.0, np.inf])
    expected = norm.ppf(np.array([2.5, np.nan, 1, 2.5, np.nan]) / 4)
    np.testing.assert_allclose(normal_scores(mid_ranks(values)), expected, rtol=1e-12)
