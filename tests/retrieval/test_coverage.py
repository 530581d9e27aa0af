"""Greedy coverage takes at each step what adds most, and reaches its proved part of the best."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.retrieval.coverage import greedy_coverage
from scripts.retrieval.training_queries import choose_by_clusters


def covered(similarities: np.ndarray, chosen) -> float:
    if not len(chosen):
        return 0.0
    return float(np.maximum(similarities[list(chosen)], 0).max(axis=0).sum())


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10_000), queries=st.integers(1, 7), chosen=st.integers(0, 7))
def test_greedy_step_by_step(seed, queries, chosen):
    similarities = np.random.default_rng(seed).normal(size=(queries, 5))
    order = greedy_coverage(similarities, chosen).tolist()
    assert len(order) == len(set(order)) == min(chosen, queries)
    for step, query in enumerate(order):
        before = order[:step]
        others = [other for other in range(queries) if other not in before]
        best = max(covered(similarities, [*before, other]) for other in others)
        assert covered(similarities, [*before, query]) == pytest.approx(best)
    if order:
        best = max(covered(similarities, some) for some in combinations(range(queries), len(order)))
        assert covered(similarities, order) >= (1 - 1 / np.e) * best - 1e-9


def test_a_second_topic_comes_before_a_second_query_of_the_first():
    similarities = np.array([[0.9, 0.9, 0.0], [0.8, 0.9, 0.0], [0.0, 0.0, 0.3]])
    assert greedy_coverage(similarities, 3).tolist() == [0, 2, 1]


def test_quotas_follow_the_clusters_documents():
    labels = np.repeat([0, 1, -1], [10, 10, 5])
    document_labels = np.repeat([0, 1], [30, 10])
    vectors = np.random.default_rng(0).normal(size=(65, 4)).astype(np.float32)
    chosen = choose_by_clusters(
        np.arange(1, 25),
        labels,
        document_labels,
        vectors[:25],
        vectors[25:],
        8,
        clusters=2,
        seed=0,
        session=0,
    )
    assert np.bincount(labels[chosen]).tolist() == [6, 2]
    assert chosen.tolist() == sorted(set(chosen.tolist())) and 0 not in chosen
