"""Statistics are exact: against numpy and counting, for values of any size and any order."""

from collections import Counter
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.descriptors.column_statistics import column_statistics


def scaled_variance(values, mode):
    found = column_statistics(np.asarray(values), range_mode=mode).scaled_variance
    assert found is not None
    return found


VALUES = st.lists(
    st.one_of(st.integers(-3, 3).map(float), st.floats(-1e9, 1e9, width=32), st.just(float("nan"))),
    min_size=1,
    max_size=60,
)


@settings(deadline=None)
@given(VALUES, st.sampled_from([np.float32, np.float64]))
def test_every_figure_against_a_second_way(values, kind):
    column = np.array(values, kind)
    found = column_statistics(column, range_mode="minmax")
    valid = column[~np.isnan(column)].astype(np.float64)
    assert found.valid == len(valid)
    assert found.missing_ratio == pytest.approx(1 - len(valid) / len(values), abs=1e-12)
    if not len(valid):
        assert found.mean is found.minimum is found.mode_share is found.scaled_variance is None
        return
    counts = Counter(valid.tolist())
    assert found.distinct == len(counts)
    assert found.mode_share == max(counts.values()) / len(valid)
    assert (found.minimum, found.maximum) == (valid.min(), valid.max())
    close = {"rel": 1e-9, "abs": 1e-9 * np.abs(valid).max()}
    low, high = np.quantile(valid, [0.025, 0.975])
    assert found.low_quantile == pytest.approx(low, **close)
    assert found.high_quantile == pytest.approx(high, **close)
    assert found.mean == pytest.approx(valid.mean(), **close)
    if len(valid) > 1:
        assert found.sd == pytest.approx(valid.std(ddof=1), **close)
    reach = valid.max() - valid.min()
    expected = (valid.std() / reach) ** 2 if reach else 0
    assert found.scaled_variance == pytest.approx(expected, rel=1e-6, abs=1e-12)
    assert 0 <= scaled_variance(column, "trimmed") <= 0.25 + 1e-12


@settings(deadline=None)
@given(VALUES, st.randoms(), st.sampled_from(["trimmed", "minmax"]))
def test_the_order_of_rows_changes_no_bit(values, random, mode):
    shuffled = values.copy()
    random.shuffle(shuffled)
    assert asdict(column_statistics(np.array(values), range_mode=mode)) == asdict(
        column_statistics(np.array(shuffled), range_mode=mode)
    )


@settings(deadline=None)
@given(VALUES, st.integers(-30, 30), st.booleans())
def test_the_scaled_variance_has_no_unit(values, power, trimmed):
    mode = "trimmed" if trimmed else "minmax"
    column = np.array(values)
    one = column_statistics(column, range_mode=mode).scaled_variance
    other = column_statistics(column * 2.0**power, range_mode=mode).scaled_variance
    assert one == other


def test_the_trimmed_range_cuts_outliers_off():
    values = np.concatenate([np.linspace(0, 1, 1_000), [1e6]])
    assert scaled_variance(values, "minmax") < 0.002
    trimmed = scaled_variance(values, "trimmed")
    # Uniform on [0, 1] in its middle 95 %, the rest at the two ends.
    assert trimmed == pytest.approx(0.95 / 3 + 0.025 - 0.25, rel=0.01)


@pytest.mark.parametrize("shared", [0.94, 0.96, 0.974, 0.976, 0.99])
def test_the_trimmed_range_rejects_what_has_no_range_and_nothing_else(shared):
    rows = 10_000
    same = round(shared * rows)
    values = np.concatenate([np.zeros(same), np.linspace(1, 2, rows - same)])
    found = scaled_variance(values, "trimmed")
    assert (found == 0) if shared > 0.975 else (found >= 0.0125)


def test_values_beyond_the_reach_of_sums():
    huge = np.array([-1.7e308, 1.7e308, 1.7e308, 1e308])
    found = column_statistics(huge, range_mode="minmax")
    assert found.mean == pytest.approx(0.675e308)
    assert found.sd is not None and np.isfinite(found.sd)
    assert 0 < scaled_variance(huge, "minmax") <= 0.25
    tiny = column_statistics(np.array([0.0, 5e-324, 5e-324]), range_mode="minmax")
    assert tiny.distinct == 2 and tiny.scaled_variance == pytest.approx(2 / 9)


def test_a_constant_has_no_variance_at_all():
    for value in (0.1, -7e-300, 3.3e38):
        found = column_statistics(np.full(1_000, value), range_mode="trimmed")
        assert (found.distinct, found.mode_share, found.scaled_variance) == (1, 1.0, 0.0)
        assert found.sd == 0 and found.mean == value


def test_zeros_of_both_signs_are_one_value():
    assert column_statistics(np.array([0.0, -0.0, 1.0]), range_mode="minmax").distinct == 2
