"""Samples never hold what they must not, whatever the memory looks like."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.retrieval.sampling import (
    AT_RANDOM,
    FAR_IN_NEAR,
    FROM_CLUSTERS,
    FROM_LABELS,
    NEXT_CLUSTER,
    Asked,
    Pool,
    Positive,
    Rules,
    near_clusters,
    sample_negatives,
    sample_positive,
)
from scripts.retrieval.setting_values import NEGATIVE_FORMS, SAMPLE_SOURCES


def pool_of(labels: np.ndarray, usable: np.ndarray, clusters: int) -> Pool:
    places = np.flatnonzero(usable)
    return Pool(places, [places[labels[places] == cluster] for cluster in range(clusters)])


def asked(known=(), true=(), itself=None, ranking=()) -> Asked:
    return Asked(np.array(known, int), np.array(true, int), itself, np.array(ranking, int))


def rules(**given) -> Rules:
    defaults = {
        "positives": FROM_CLUSTERS,
        "negatives": FROM_CLUSTERS,
        "form": NEXT_CLUSTER,
        "wanted": 3,
        "margin": 0.1,
        "nearest": 3,
    }
    return Rules(**{**defaults, **given})


def draw(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_nothing_forbidden_is_ever_sampled(data):
    documents = data.draw(st.integers(1, 30))
    clusters = data.draw(st.integers(1, 5))
    random = draw(data.draw(st.integers(0, 10_000)))
    labels = random.integers(0, clusters, documents)
    usable = random.random(documents) < 0.8
    scores = np.round(random.random(documents), 1)
    some = st.lists(st.integers(0, documents - 1), max_size=4, unique=True)
    true = data.draw(some)
    known = [place for place in true[:2] if usable[place]]
    itself = data.draw(st.none() | st.integers(0, documents - 1)) if not true else None
    item = asked(known, true, itself, random.permutation(clusters))
    how = rules(
        positives=data.draw(st.sampled_from(SAMPLE_SOURCES)),
        negatives=data.draw(st.sampled_from(SAMPLE_SOURCES)),
        form=data.draw(st.sampled_from(NEGATIVE_FORMS)),
        wanted=data.draw(st.integers(0, 7)),
        margin=data.draw(st.sampled_from([None, 0.0, 0.2])),
        nearest=data.draw(st.integers(1, 4)),
    )
    pool = pool_of(labels, usable, clusters)
    positive = sample_positive(item, pool, how, lambda places: scores[places], draw())
    if positive is None:
        assert how.positives == FROM_LABELS and not known
        return
    assert positive.place is None or usable[positive.place]
    assert positive.place is None or positive.place != itself
    negatives, negative_scores = sample_negatives(
        item, positive, pool, how, lambda places: scores[places], draw()
    )
    found = negatives.tolist()
    assert len(found) == len(set(found)) <= how.wanted
    assert not {positive.place, itself, *known}.intersection(found)
    assert usable[negatives].all()
    assert negative_scores.tolist() == scores[negatives].tolist()
    if how.margin is not None:
        assert positive.score is not None
        assert all(score < positive.score - how.margin for score in negative_scores)
    if how.negatives == FROM_LABELS:
        assert not set(true).intersection(found)


SCORES = np.array([0.9, 0.7, 0.65, 0.3, 0.6, 0.2, 0.5, 0.1])
LABELS = np.array([0, 0, 1, 1, 2, 2, 3, 3])
POOL = pool_of(LABELS, np.ones(8, bool), 4)


def scored(places: np.ndarray) -> np.ndarray:
    return SCORES[places]


def test_the_positive_is_the_best_document_of_the_nearest_clusters():
    item = asked(ranking=[1, 0, 3, 2])
    positive = sample_positive(item, POOL, rules(nearest=2), scored, draw())
    assert positive == Positive(0, "cluster", 0.9)
    positive = sample_positive(item, POOL, rules(nearest=1), scored, draw())
    assert positive == Positive(2, "cluster", 0.65)
    item = asked(ranking=[2, 3, 0, 1])
    positive = sample_positive(item, POOL, rules(nearest=2), scored, draw())
    assert positive == Positive(4, "cluster", 0.6)


def test_a_known_answer_comes_before_the_best_document():
    item = asked(known=[5], ranking=[0, 1, 2, 3])
    assert sample_positive(item, POOL, rules(), scored, draw()) == Positive(5, "label", 0.2)
    item = asked(ranking=[0, 1, 2, 3])
    assert sample_positive(item, POOL, rules(positives=FROM_LABELS), scored, draw()) is None


def test_next_cluster_gives_the_best_of_the_clusters_behind():
    item = asked(ranking=[0, 1, 2, 3])
    how = rules(nearest=1, margin=0.1)
    negatives, _ = sample_negatives(item, Positive(0, "cluster", 0.9), POOL, how, scored, draw())
    assert negatives.tolist() == [2, 3, 4]
    how = rules(nearest=1, margin=0.31)
    negatives, _ = sample_negatives(item, Positive(0, "cluster", 0.9), POOL, how, scored, draw())
    assert negatives.tolist() == [3, 5, 6], "0.65 and 0.6 lie within the margin"


def test_far_in_near_gives_the_farthest_of_the_nearest_clusters():
    item = asked(ranking=[0, 1, 2, 3])
    how = rules(form=FAR_IN_NEAR)
    negatives, _ = sample_negatives(item, Positive(0, "cluster", 0.9), POOL, how, scored, draw())
    assert negatives.tolist() == [3, 2, 1], "of clusters 0 and 1 alone"


def test_too_few_negatives_are_fewer_not_repeated():
    item = asked(ranking=[0, 1, 2, 3])
    how = rules(wanted=9, nearest=2)
    negatives, _ = sample_negatives(item, Positive(0, "cluster", 0.9), POOL, how, scored, draw())
    assert negatives.tolist() == [4, 5, 6, 7]


def test_one_cluster_leaves_the_negatives_to_the_batch():
    pool = pool_of(np.zeros(4, int), np.ones(4, bool), 1)
    item = asked(ranking=[0])
    positive = sample_positive(item, pool, rules(), scored, draw())
    assert positive == Positive(0, "cluster", 0.9)
    assert len(sample_negatives(item, positive, pool, rules(), scored, draw())[0]) == 0
    negatives, _ = sample_negatives(item, positive, pool, rules(form=FAR_IN_NEAR), scored, draw())
    assert negatives.tolist() == [3, 2, 1]


@pytest.mark.parametrize(("clusters", "near"), [(1, 1), (2, 1), (3, 1), (5, 2), (6, 3), (8, 3)])
def test_with_few_clusters_half_are_left_for_negatives(clusters, near):
    pool = pool_of(np.arange(8), np.ones(8, bool), 8)
    item = asked(ranking=range(clusters))
    assert near_clusters(item, pool, 3) == (list(range(near)), list(range(near, clusters)))


def test_empty_clusters_are_passed_over():
    usable = LABELS != 1
    item = asked(ranking=[1, 0, 2, 3])
    assert near_clusters(item, pool_of(LABELS, usable, 4), 1) == ([0], [2, 3])


def test_no_document_gives_the_item_itself():
    nothing = pool_of(LABELS, np.zeros(8, bool), 4)
    for source in (FROM_CLUSTERS, AT_RANDOM):
        positive = sample_positive(
            asked(ranking=[0, 1, 2, 3]), nothing, rules(positives=source), scored, draw()
        )
        assert positive == Positive(None, "self", 1.0)


def test_random_negatives_are_uniform_over_the_memory():
    how = rules(negatives=AT_RANDOM, margin=None, wanted=2)
    times = np.zeros(8, int)
    for seed in range(2000):
        places, scores = sample_negatives(
            asked(), Positive(0, "label", None), POOL, how, None, draw(seed)
        )
        assert np.isnan(scores).all()
        times[places] += 1
    assert times[0] == 0
    # 4,000 places over seven documents: mean 571, deviation 20.
    assert abs(times[1:] - 4000 / 7).max() < 4.5 * 20.2
