"""Cohesion indices against scikit-learn, loops and hand calculation."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

from scripts.retrieval.cohesion import Cohesion, cohesion
from scripts.retrieval.tables import NO_CLUSTER


def of(points: Sequence[tuple[float, float]], labels: list[int], domains: str = "") -> Cohesion:
    names = [None if name == "?" else name for name in domains or "?" * len(labels)]
    unknown = np.full(len(labels), np.nan)
    vectors = np.array(points, dtype=np.float32).reshape(-1, 2)
    return cohesion(vectors, np.array(labels, dtype=np.int64), unknown, names)


@pytest.mark.parametrize("n", [12, 700, 1100])
def test_indices_equal_those_of_scikit_learn(n: int):
    rng = np.random.default_rng(n)
    labels = rng.integers(0, 5, n)
    vectors = (rng.standard_normal((5, 8))[labels] + rng.standard_normal((n, 8))).astype(np.float32)
    # Numbers of clusters have gaps, and a text without cluster counts nowhere.
    given_labels = np.append(labels * 3, NO_CLUSTER)
    measured = np.append(rng.random(n), 50.0)
    found = cohesion(
        np.append(vectors, [[99] * 8], axis=0), given_labels, measured, [None] * (n + 1)
    )
    points = vectors.astype(np.float64)
    assert found.silhouette == pytest.approx(silhouette_score(points, labels))
    assert found.davies_bouldin == pytest.approx(davies_bouldin_score(points, labels))
    assert found.calinski_harabasz == pytest.approx(calinski_harabasz_score(points, labels))
    away, same = cdist(points, points), labels[:, None] == labels
    assert found.dunn == pytest.approx(away[~same].min() / away[same].max())
    centres = np.stack([points[labels == c].mean(axis=0) for c in range(5)])
    assert found.wcss == pytest.approx(np.square(points - centres[labels]).sum())
    assert found.within == pytest.approx(measured[:-1].mean())
    assert found.purity is None


def test_by_hand():
    # Two pairs, 2 apart within and 10 between: centres (0, 1) and (10, 1).
    found = of([(0, 0), (0, 2), (10, 0), (10, 2)], [0, 0, 1, 1], "aabb")
    b = (10 + np.sqrt(104)) / 2
    assert found.silhouette == pytest.approx((b - 2) / b)
    assert found.davies_bouldin == pytest.approx((1 + 1) / 10)
    assert found.dunn == pytest.approx(10 / 2)
    assert found.wcss == pytest.approx(4)
    assert found.calinski_harabasz == pytest.approx((100 / 1) / (4 / 2))
    assert found.purity == 1.0


def test_purity_counts_texts_whose_domain_is_known():
    square = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)]
    assert of(square, [0, 0, 0, 1, 1], "aab?b").purity == pytest.approx(3 / 4)
    assert of(square, [0, 0, 0, 1, NO_CLUSTER], "aabbc").purity == pytest.approx(3 / 4)


def test_what_is_undefined_has_no_number():
    nothing = of([], [])
    assert set(nothing) == {None}
    assert set(of([(1, 2)], [NO_CLUSTER], "a")) == {None}
    one = of([(0, 0), (0, 2)], [0, 0])
    assert (one.silhouette, one.davies_bouldin, one.dunn, one.calinski_harabasz) == (None,) * 4
    assert one.wcss == pytest.approx(2)
    alone = of([(0, 0), (0, 2)], [0, 1])
    assert (alone.silhouette, alone.dunn, alone.calinski_harabasz) == (None, None, None)
    assert alone.davies_bouldin == 0 and alone.wcss == 0
    equal = of([(0, 0), (0, 0), (3, 0), (3, 0)], [0, 0, 1, 1])
    assert (equal.dunn, equal.calinski_harabasz, equal.silhouette) == (None, None, 1.0)
    same_centre = of([(0, 0), (0, 2), (1, 1), (-1, 1)], [0, 0, 1, 1])
    assert same_centre.davies_bouldin is None and same_centre.calinski_harabasz == 0


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(0, 12))
def test_indices_stay_in_their_ranges(seed, n):
    rng = np.random.default_rng(seed)
    points = [tuple(row) for row in rng.integers(0, 3, (n, 2)).tolist()]
    domains = "".join(rng.choice(list("ab?"), n))
    found = of(points, rng.integers(-1, 3, n).tolist(), domains)
    assert found.silhouette is None or -1 <= found.silhouette <= 1
    assert found.purity is None or 0 < found.purity <= 1
    for value in (found.wcss, found.dunn, found.davies_bouldin, found.calinski_harabasz):
        assert value is None or (value >= 0 and np.isfinite(value))
