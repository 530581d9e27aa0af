"""Several measures on one scale: an edge exactly where one of them reaches its threshold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.errors import ConfigError
from scripts.descriptors.measures import (
    Measure,
    checked_weights,
    fused_score,
    joint_similarity,
)
from scripts.descriptors.similarity_graph import Numbers

NAN = float("nan")


def pair(value: float) -> Numbers:
    return np.array([[1.0, value], [value, 1.0]])


def joint_of(rdc: float, nhsic: float) -> tuple[float, str, float]:
    joint = joint_similarity([Measure("rdc", pair(rdc), 0.9), Measure("nhsic", pair(nhsic), 0.7)])
    assert joint.threshold == 0.9
    evidence = joint.evidence(0, 1)
    return float(joint.similarity[0, 1]), evidence.statistic, evidence.value


def test_the_milder_measure_moves_to_the_scale_of_the_stricter():
    assert joint_of(0.93, 0.2) == (0.93, "rdc", 0.93)
    assert joint_of(0.5, 0.7) == (0.9, "nhsic", 0.7)
    # Half way from 0.7 to 1 is half way from 0.9 to 1; half of 0.7 is half of 0.9.
    assert joint_of(0.5, 0.85)[0] == pytest.approx(0.95)
    assert joint_of(0.5, 0.85)[1:] == ("nhsic", 0.85)
    assert joint_of(0.1, 0.35)[0] == pytest.approx(0.45)
    assert joint_of(0.0, 1.0) == (1.0, "nhsic", 1.0)
    # Of equal ones the first.
    assert joint_of(1.0, 1.0) == (1.0, "rdc", 1.0)


def test_one_measure_is_enough_and_none_is_undefined():
    assert joint_of(NAN, 0.85)[1:] == ("nhsic", 0.85)
    assert joint_of(0.95, NAN) == (0.95, "rdc", 0.95)
    assert np.isnan(joint_of(NAN, NAN)[0])
    undefined = joint_similarity([Measure("spearman", np.full((2, 2), NAN), 0.95)])
    assert undefined.similarity.diagonal().tolist() == [1.0, 1.0]


unit = st.floats(0, 1)
thresholds = st.floats(0.01, 1)


@settings(max_examples=200, deadline=None)
@given(values=st.tuples(unit, unit), own=st.tuples(thresholds, thresholds), ulps=st.integers(0, 2))
def test_an_edge_exactly_where_a_measure_reaches_its_own_threshold(values, own, ulps):
    near = np.nextafter(own[1], 0.0) if ulps == 1 else own[1] if ulps == 2 else values[1]
    measures = [Measure("rdc", pair(values[0]), own[0]), Measure("nhsic", pair(near), own[1])]
    joint = joint_similarity(measures)
    reached = values[0] >= own[0] or near >= own[1]
    assert (joint.similarity[0, 1] >= joint.threshold) == reached
    assert 0 <= joint.similarity[0, 1] <= 1
    evidence = joint.evidence(0, 1)
    if reached:
        assert evidence.value >= evidence.threshold


def test_the_fused_score_by_hand():
    score = fused_score(pair(0.4), pair(1.0), checked_weights(0.25, 0.75))
    assert score[0, 1] == pytest.approx(0.85)
    # x against x²: nHSIC 0.398 and RDC 1.00 are 0.699, below 0.7.
    assert fused_score(pair(0.398), pair(1.0), (0.5, 0.5))[0, 1] < 0.7
    assert np.isnan(fused_score(pair(NAN), pair(1.0), (0.5, 0.5))[0, 1])


@pytest.mark.parametrize("weights", [(0.5, 0.6), (-0.5, 1.5)])
def test_weights_that_are_no_shares(weights):
    with pytest.raises(ConfigError, match="add up to 1"):
        checked_weights(*weights)


@pytest.mark.parametrize("threshold", [0.0, 1.5, NAN])
def test_threshold_out_of_range(threshold):
    with pytest.raises(ConfigError, match="of rdc is not in"):
        joint_similarity([Measure("rdc", pair(0.5), threshold)])
