"""Eviction keeps what is near, never above the memory, and no cluster that is too small."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.retrieval.eviction import ALL, FRACTION, NONE, Z2, evict, near_documents
from scripts.retrieval.quotas import share_out


@settings(max_examples=300, deadline=None)
@given(
    places=st.integers(0, 60),
    clusters=st.lists(st.tuples(st.floats(0, 50), st.integers(0, 30)), max_size=8),
)
def test_places_are_shared_by_weight_up_to_the_limits(places, clusters):
    weights = np.array([weight for weight, _ in clusters])
    limits = np.array([limit for _, limit in clusters], np.int64)
    given_places = share_out(places, weights, limits)
    assert given_places.sum() == min(places, limits.sum())
    assert np.all(given_places <= limits) and np.all(given_places >= 0)
    # Of two that have room left, the heavier one has no fewer.
    for one in np.flatnonzero(given_places < limits):
        for other in np.flatnonzero(given_places < limits):
            if weights[one] > weights[other]:
                assert given_places[one] >= given_places[other]


def test_places_by_hand():
    shared = share_out(10, np.array([6.0, 3.0, 1.0]), np.array([9, 9, 9]))
    assert shared.tolist() == [6, 3, 1]
    # The first is full with 2; 8 go to the others, 3 to 1.
    shared = share_out(10, np.array([6.0, 3.0, 1.0]), np.array([2, 9, 9]))
    assert shared.tolist() == [2, 6, 2]
    assert share_out(5, np.zeros(2), np.array([9, 9])).tolist() == [3, 2]


CLUSTERS = np.array([0, 0, 0, 0, 1, 1, -1])
DISTANCES = np.array([0.1, 0.2, 0.3, 0.9, 0.5, 0.6, np.nan])


@pytest.mark.parametrize(
    ("rule", "fraction", "expected"),
    [
        (Z2, 0.0, [1, 1, 1, 0, 1, 0, 0]),
        (ALL, 0.0, [1, 1, 1, 1, 1, 1, 0]),
        (NONE, 0.0, [0, 0, 0, 0, 0, 0, 0]),
        (FRACTION, 0.5, [1, 1, 0, 0, 1, 0, 0]),
    ],
)
def test_rules_by_hand(rule, fraction, expected):
    limits = np.array([0.35, 0.5])
    near = near_documents(CLUSTERS, DISTANCES, limits, rule=rule, fraction=fraction)
    assert near.tolist() == [bool(value) for value in expected]


def test_no_spread_evicts_nobody():
    """σ = 0: all documents lie at μ, but for single precision."""
    distances = np.full(9, 0.3, np.float32)
    near = near_documents(np.zeros(9, int), distances, np.array([0.3]), rule=Z2, fraction=0)
    assert near.all()


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_never_above_the_memory_and_no_small_cluster(data):
    clusters = np.array(data.draw(st.lists(st.integers(-1, 5), max_size=80)), np.int64)
    distances = np.array([((7 * i) % 11) / 10 for i in range(len(clusters))])
    weights = np.array(data.draw(st.lists(st.floats(0, 90), min_size=6, max_size=6)))
    memory_docs, required = data.draw(st.integers(0, 50)), data.draw(st.integers(1, 8))
    near = near_documents(clusters, distances, np.full(6, 0.7), rule=Z2, fraction=0)
    found = evict(clusters, distances, near, weights, memory_docs=memory_docs, required=required)
    assert found.kept.sum() <= memory_docs
    assert not np.any(found.kept & ~near)
    assert found.kept.sum() + sum(found.reasons.values()) == len(clusters)
    sizes = np.bincount(clusters[found.kept], minlength=6)
    if found.all_dropped:
        assert np.count_nonzero(sizes) <= 1
    else:
        assert all(size == 0 or size >= required for size in sizes)
    for cluster in range(6):
        inside = near & (clusters == cluster)
        if sizes[cluster]:
            # Those that stay are nearer than those that go.
            assert distances[inside & found.kept].max() <= min(
                distances[inside & ~found.kept], default=np.inf
            )


def test_places_follow_what_ever_came_not_what_is_here():
    """An old cluster of 20 left of 100 keeps its part beside a new one of 100."""
    clusters = np.repeat([0, 1], [20, 100])
    distances = np.linspace(0, 1, 120)
    near = np.ones(120, bool)
    found = evict(clusters, distances, near, np.array([100.0, 100.0]), memory_docs=30, required=7)
    assert np.bincount(clusters[found.kept]).tolist() == [15, 15]


def test_small_clusters_go_and_the_largest_stays_when_all_would():
    clusters = np.repeat([0, 1, 2], [9, 3, 8])
    distances = np.zeros(20)
    near = np.ones(20, bool)
    weights = np.array([9.0, 3.0, 8.0])
    found = evict(clusters, distances, near, weights, memory_docs=100, required=7)
    assert np.bincount(clusters[found.kept]).tolist() == [9, 0, 8]
    assert found.reasons["small_cluster"] == 3 and not found.all_dropped
    # Places for one cluster only: the smaller of the two that are large enough goes.
    found = evict(clusters, distances, near, weights, memory_docs=10, required=7)
    assert np.bincount(clusters[found.kept], minlength=3).tolist() == [9, 0, 0]
    found = evict(clusters, distances, near, weights, memory_docs=5, required=7)
    assert found.all_dropped
    assert np.bincount(clusters[found.kept], minlength=3).tolist() == [5, 0, 0]
