"""Statistics of clusters: computed afresh, kept running, faded, merged and dropped."""

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scripts.retrieval.cluster_state import (
    ClusterStates,
    age_weights,
    append_clusters,
    decay_clusters,
    measure_clusters,
    no_clusters,
    observe_documents,
    take_clusters,
)
from scripts.retrieval.hyperplanes import draw_hyperplanes
from scripts.retrieval.maxsim import distances, prototype_scores
from scripts.retrieval.prototypes import build_prototypes
from scripts.retrieval.tables import NO_CLUSTER
from scripts.retrieval.token_vectors import Indices, TokenVectors
from tests.retrieval.planted_texts import drawn_texts, planted_texts, texts_of

PLANES = draw_hyperplanes(1, 3, 5)


def assert_same(one: ClusterStates, other: ClusterStates) -> None:
    for field in dataclasses.fields(ClusterStates):
        if field.name != "prototypes":
            np.testing.assert_allclose(getattr(one, field.name), getattr(other, field.name))
    assert one.prototypes.buckets.tolist() == other.prototypes.buckets.tolist()
    assert one.prototypes.offsets.tolist() == other.prototypes.offsets.tolist()
    np.testing.assert_allclose(one.prototypes.sums, other.prototypes.sums, atol=1e-9)


def measured(tokens: TokenVectors, labels: Indices, clusters: int) -> ClusterStates:
    sessions = np.zeros(tokens.texts, dtype=np.int64)
    ids = np.arange(clusters)
    return measure_clusters(PLANES, tokens, labels, sessions, ids=ids, next_id=clusters)[0]


def clustered(seed: int, texts: int, clusters: int) -> tuple[TokenVectors, Indices]:
    rng = np.random.default_rng(seed)
    tokens = drawn_texts(rng, texts)
    labels = np.where(tokens.lengths > 0, rng.integers(-1, clusters, texts), NO_CLUSTER)
    return tokens, labels


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), texts=st.integers(1, 25))
def test_statistics_are_those_of_distances_to_the_cluster_s_other_documents(seed, texts):
    tokens, labels = clustered(seed, texts, 3)
    sessions = np.random.default_rng(seed).integers(0, 4, texts)
    states, own = measure_clusters(
        PLANES, tokens, labels, sessions, ids=np.array([2, 5, 9]), next_id=11
    )
    to_all = prototype_scores(tokens, build_prototypes(PLANES, tokens, labels, 3))
    for place in range(3):
        members = np.flatnonzero(labels == place)
        values = []
        for member in members.tolist():
            rest = np.where(np.arange(texts) == member, NO_CLUSTER, labels)
            without = build_prototypes(PLANES, tokens, rest, 3)
            score = prototype_scores(tokens.take([member]), without)
            if len(members) > 1:
                values.append(1 - score[0, place] / tokens.lengths[member])
        np.testing.assert_allclose(
            own[members], values if len(members) > 1 else np.full(len(members), np.nan), atol=1e-5
        )
        assert states.documents[place] == len(members)
        assert states.weight[place] == len(values)
        if values:
            assert states.mean[place] == pytest.approx(np.mean(values), abs=1e-5)
            assert states.deviation[place] == pytest.approx(np.std(values), abs=1e-4)
        else:
            assert np.isnan(states.mean[place]) and np.isnan(states.deviation[place])
        foreign = np.flatnonzero((labels != place) & (labels != NO_CLUSTER))
        if len(members) and len(foreign):
            away = 1 - to_all[foreign, place] / tokens.lengths[foreign]
            assert states.foreign_sum[place] == pytest.approx(away.sum(), abs=1e-4)
            assert states.foreign_weight[place] == len(foreign)
        assert states.last_session[place] == (sessions[members].max() if len(members) else -1)


def test_equal_documents_have_no_deviation():
    tokens = texts_of(*[[(1, 0), (1, 2)]] * 7)
    labels = np.zeros(7, dtype=np.int64)
    planes = draw_hyperplanes(0, 2, 2)
    states, own = measure_clusters(planes, tokens, labels, labels, ids=np.array([0]), next_id=1)
    assert states.deviation.tolist() == pytest.approx([0.0], abs=1e-6)
    assert (own == own[0]).all()
    # Rounding may take S2/n below μ²; the root of that is not taken.
    below = dataclasses.replace(states, square_sum=states.distance_sum**2 / states.weight - 1e-12)
    assert below.deviation.tolist() == [0.0]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), texts=st.integers(2, 20))
def test_running_statistics_equal_those_of_all_distances_at_once(seed, texts):
    tokens, labels = clustered(seed, texts, 2)
    start = measured(tokens, labels, 2)
    assume((np.diff(start.prototypes.offsets) > 0).all())
    news, new_labels = clustered(seed + 1, texts, 2)
    away = distances(prototype_scores(news, start.prototypes), news.lengths)
    once = observe_documents(
        start, build_prototypes(PLANES, news, new_labels, 2), new_labels, away, 3
    )
    twice = start
    for half in (slice(0, texts // 2), slice(texts // 2, texts)):
        part = news.take(np.arange(texts)[half])
        added = build_prototypes(PLANES, part, new_labels[half], 2)
        twice = observe_documents(twice, added, new_labels[half], away[half], 3)
    assert_same(once, twice)
    for place in range(2):
        own = away[new_labels == place, place]
        assert once.documents[place] - start.documents[place] == len(own)
        assert once.distance_sum[place] - start.distance_sum[place] == pytest.approx(own.sum())


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), passed=st.integers(0, 5), half_life=st.floats(0.3, 9))
def test_what_fades_equals_what_is_computed_from_faded_documents(seed, passed, half_life):
    tokens, labels = clustered(seed, 15, 2)
    sessions = np.full(15, 4, dtype=np.int64)
    ids = np.arange(2)
    now, _ = measure_clusters(PLANES, tokens, labels, sessions, ids=ids, next_id=2)
    later, _ = measure_clusters(
        PLANES,
        tokens,
        labels,
        sessions,
        ids=ids,
        next_id=2,
        weights=age_weights(sessions, 4 + passed, half_life),
    )
    assert_same(decay_clusters(now, passed, half_life), later)
    np.testing.assert_allclose(later.mean, now.mean)
    assert age_weights(sessions, 9, None) is None


def test_old_documents_count_less():
    weights = age_weights(np.array([4, 2, 0]), 4, 2.0)
    assert weights is not None and weights.tolist() == [1, 0.5, 0.25]


def test_dropped_and_appended_clusters_keep_what_they_hold():
    tokens, labels = clustered(3, 40, 4)
    states = measured(tokens, labels, 4)
    first, last = take_clusters(states, [0, 1]), take_clusters(states, [2, 3])
    assert last.ids.tolist() == [2, 3] and last.next_id == 4
    assert_same(append_clusters(first, last), states)
    assert_same(append_clusters(no_clusters(5), states), states)


def test_foreign_documents_are_nearer_to_large_clusters():
    planes = draw_hyperplanes(0, 7, 64)
    tokens, domains = planted_texts(0, [160, 20, 2, 100], share=0.3)
    sessions = np.zeros(len(domains), dtype=np.int64)
    states, _ = measure_clusters(planes, tokens, domains, sessions, ids=np.arange(4), next_id=4)
    background = states.background
    assert background[2] > background[[0, 1, 3]].max()
    # A document is no part of what it is compared with, so that small clusters do not seem tight.
    assert states.mean[2] > states.mean[[0, 1, 3]].max()
