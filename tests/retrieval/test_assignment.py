"""Assignment to frozen prototypes: opening, size, commits and merging."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.retrieval.assignment import Assignment, AssignmentRules, assign_documents
from scripts.retrieval.cluster_merging import groups_to_merge
from scripts.retrieval.cluster_state import ClusterStates, measure_clusters, no_clusters
from scripts.retrieval.hyperplanes import draw_hyperplanes
from scripts.retrieval.maxsim import distances, prototype_scores
from scripts.retrieval.nearest import nearest_clusters
from scripts.retrieval.opening import Acceptance, decide
from scripts.retrieval.prototypes import build_prototypes
from scripts.retrieval.tables import NO_CLUSTER
from scripts.retrieval.token_vectors import Indices, Numbers, TokenVectors
from tests.retrieval.planted_texts import drawn_texts, planted_texts

PLANES = draw_hyperplanes(0, 7, 64)
# The value that separates new domains from strays below.
Z1 = 3.0
RULES = AssignmentRules(Acceptance(10, Z1, True), batch=None, merge_distance=0.97)


def measured(tokens: TokenVectors, labels: Indices, planes: Numbers = PLANES) -> ClusterStates:
    clusters = int(labels.max()) + 1
    sessions = np.zeros(tokens.texts, dtype=np.int64)
    ids = np.arange(clusters)
    return measure_clusters(planes, tokens, labels, sessions, ids=ids, next_id=clusters)[0]


def split(domains: Indices, sizes: list[int], seed: int | None = None) -> tuple[Indices, Indices]:
    """Return the first texts of each domain, and the rest, shuffled if a seed is given."""
    places = [np.flatnonzero(domains == domain) for domain in range(len(sizes))]
    known = np.concatenate([own[:size] for own, size in zip(places, sizes, strict=True)])
    new = np.concatenate([own[size:] for own, size in zip(places, sizes, strict=True)])
    return known, new if seed is None else np.random.default_rng(seed).permutation(new)


def one_after_another(
    planes: Numbers, states: ClusterStates, tokens: TokenVectors, acceptance: Acceptance
) -> list[int]:
    """Decide as the rule reads, one document at a time."""
    prototypes = [
        states.prototypes.sums[low:high]
        for low, high in zip(
            states.prototypes.offsets[:-1], states.prototypes.offsets[1:], strict=True
        )
    ]
    sizes, backgrounds = states.documents.tolist(), states.background.tolist()
    limits = (states.mean + acceptance.z1 * states.deviation).tolist()
    limits = [b if np.isnan(limit) else limit for limit, b in zip(limits, backgrounds, strict=True)]

    def away(text: int, rows: Numbers) -> float:
        vectors = tokens.text(text).astype(np.float64)
        product = vectors @ rows.T
        product /= np.linalg.norm(vectors, axis=1)[:, None] * np.linalg.norm(rows, axis=1)
        return float(1 - product.max(axis=1).mean())

    def offsets() -> Numbers:
        return np.array(backgrounds) * acceptance.size_correction

    rows = [[away(text, own) for own in prototypes] for text in range(tokens.texts)]
    familiar = []
    for text, row in enumerate(rows):
        place = int(np.argmin(row - offsets())) if row else -1
        if row and row[place] <= limits[place]:
            familiar.append(text)
    labels: list[int] = []
    for text in range(tokens.texts):
        row = [away(text, own) for own in prototypes]
        place = int(np.argmin(row - offsets())) if row else -1
        if row and (sizes[place] <= acceptance.cluster_min_size or row[place] <= limits[place]):
            labels.append(place)
            sizes[place] += 1
            continue
        alone = build_prototypes(planes, tokens.take([text]), np.zeros(1, np.int64), 1).sums
        foreign = [
            away(other, alone)
            for other in range(tokens.texts)
            if other != text and (other in familiar or not familiar)
        ]
        labels.append(len(sizes))
        prototypes.append(alone)
        sizes.append(1)
        backgrounds.append(float(np.mean(foreign)) if foreign else 0.0)
        limits.append(backgrounds[-1])
    return labels


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    known=st.integers(0, 3),
    z1=st.sampled_from([-1.0, 0.0, 1.0, 3.0]),
    min_size=st.integers(0, 4),
    size_correction=st.booleans(),
    single=st.booleans(),
)
def test_decisions_equal_those_taken_one_after_another(
    seed, known, z1, min_size, size_correction, single
):
    rng = np.random.default_rng(seed)
    planes = draw_hyperplanes(seed, 2, 4)
    old, new = (drawn_texts(rng, 14, dimension=4) for _ in range(2))
    old, new = (tokens.take(np.flatnonzero(tokens.lengths > 0)) for tokens in (old, new))
    states = no_clusters(4)
    if known:
        # A cluster of one document has no statistics.
        drawn = rng.integers(0, max(1, known - single), old.texts)
        labels = np.append(np.arange(known), drawn)[: old.texts]
        states = measured(old, labels, planes)
    acceptance = Acceptance(min_size, z1, size_correction)
    found = decide(planes, states, new, acceptance)
    assert found.labels.tolist() == one_after_another(planes, states, new, acceptance)
    assert found.opened == len(set(found.labels[found.labels >= states.clusters]))
    assert found.measured.shape == (new.texts, states.clusters + found.opened)


@cache
def new_domain(seed: int) -> tuple[ClusterStates, TokenVectors, Indices]:
    """Return six clusters of 40, and 20 more of each of their domains among 30 of a new one."""
    tokens, domains = planted_texts(seed, [60] * 6 + [30], share=0.4, lengths=(15, 90))
    known, new = split(domains, [40] * 6 + [0], seed)
    return measured(tokens.take(known), domains[known]), tokens.take(new), domains[new]


@pytest.mark.parametrize("batch", [None, 64])
def test_a_new_domain_opens_a_cluster_and_known_ones_do_not(batch: int | None):
    for seed in range(3):
        states, texts, domains = new_domain(seed)
        found = assign_documents(PLANES, states, texts, 1, replace(RULES, batch=batch))
        is_new = domains == 6
        ids, counts = np.unique(found.clusters[is_new], return_counts=True)
        own = ids[np.argmax(counts)]
        assert own >= 6 and counts.max() >= 28
        assert (found.clusters[~is_new] == domains[~is_new]).mean() >= 0.95
        assert 1 <= found.opened - found.merged <= 4
        assert found.states.clusters == 6 + found.opened - found.merged
        place = int(np.flatnonzero(found.states.ids == own)[0])
        assert found.states.last_session[place] == 1
        assert found.states.documents[place] == (found.clusters == own).sum()


def test_a_loose_limit_opens_none_and_a_tight_one_many():
    states, texts, _ = new_domain(0)
    opened = [
        decide(PLANES, states, texts, Acceptance(10, z1, True)).opened for z1 in (1.5, Z1, 8.0)
    ]
    assert opened[0] > opened[1] > opened[2] == 0


def test_a_cluster_of_160_documents_does_not_draw_those_of_one_of_2():
    wrong, of_large = [], []
    for seed in range(6):
        tokens, domains = planted_texts(seed, [220, 62], share=0.3)
        known, new = split(domains, [160, 2])
        planes = draw_hyperplanes(seed, 8, 64)
        states = measured(tokens.take(known), domains[known], planes)
        places = [
            nearest_clusters(
                planes, states, tokens.take(new), 1, size_correction=correction
            ).places[:, 0]
            for correction in (False, True)
        ]
        small = domains[new] == 1
        wrong.append([(found[small] == 0).mean() for found in places])
        of_large.append([(found[~small] == 1).mean() for found in places])
    plain, corrected = np.mean(wrong, axis=0)
    assert plain > 0.15
    assert corrected < 0.08
    assert np.mean(of_large, axis=0)[1] < 0.03


def test_order_matters_only_for_opening():
    tokens, domains = planted_texts(5, [90] * 4, share=0.3)
    known, new = split(domains, [60] * 4)
    states = measured(tokens.take(known), domains[known])
    generous = replace(RULES, acceptance=Acceptance(10, 50.0, True))
    texts = tokens.take(new)
    found = assign_documents(PLANES, states, texts, 1, generous)
    order = np.random.default_rng(0).permutation(len(new))
    shuffled = assign_documents(PLANES, states, texts.take(order), 1, generous)
    assert shuffled.clusters.tolist() == found.clusters[order].tolist()
    np.testing.assert_allclose(shuffled.distances, found.distances[order], atol=1e-6)
    # What they are measured to is what was there before any of them came.
    expected = distances(prototype_scores(texts, states.prototypes), texts.lengths)
    np.testing.assert_allclose(
        found.distances, expected[np.arange(len(new)), found.clusters], atol=1e-6
    )
    np.testing.assert_allclose(
        found.states.prototypes.sums,
        measured(
            tokens.take(np.concatenate([known, new])),
            np.concatenate([domains[known], found.clusters]),
        ).prototypes.sums,
        atol=1e-9,
    )


def test_batches_see_what_earlier_ones_brought():
    tokens, domains = planted_texts(6, [60] * 3, share=0.3)
    known, new = split(domains, [2] * 3)
    states = measured(tokens.take(known), domains[known])
    rules = replace(RULES, batch=50)
    whole = assign_documents(PLANES, states, tokens.take(new), 1, rules)
    state, clusters = states, []
    for start in range(0, len(new), 50):
        part = assign_documents(PLANES, state, tokens.take(new[start : start + 50]), 1, RULES)
        state = part.states
        clusters += part.clusters.tolist()
    assert whole.opened == 0
    assert whole.clusters.tolist() == clusters
    np.testing.assert_allclose(whole.states.distance_sum, state.distance_sum)
    once = assign_documents(PLANES, states, tokens.take(new), 1, RULES)
    # Prototypes of two documents take in more, and later documents are nearer to them.
    assert whole.distances[-50:].mean() < once.distances[-50:].mean()


def test_close_new_clusters_become_one():
    tokens, domains = planted_texts(8, [24, 24, 24], share=0.5)
    # Each half of the first two domains is a cluster of its own.
    labels = domains * 2 + np.tile(np.arange(2), 36)
    labels[domains == 2] = 4
    states = measured(tokens, labels)

    def groups(merge_distance: float) -> list[int]:
        return groups_to_merge(
            PLANES, states, states.background, tokens, labels, merge_distance
        ).tolist()

    assert groups(0.95) == [0, 0, 1, 1, 2]
    assert groups(0.0) == [0, 1, 2, 3, 4]
    assert groups(2.0) == [0] * 5
    assert groups_to_merge(PLANES, no_clusters(64), np.zeros(0), tokens, labels, 0.9).tolist() == []


def assert_whole(found: Assignment, texts: int) -> None:
    assert sum(found.states.documents) == texts
    assert set(found.clusters) - {NO_CLUSTER} <= set(found.states.ids)


def test_texts_without_tokens_belong_nowhere():
    tokens, domains = planted_texts(9, [20, 20], share=0.5)
    states = measured(tokens, domains)
    news, _ = planted_texts(9, [3, 3], share=0.5)
    gaps = TokenVectors(news.vectors, np.repeat(news.offsets, 2))
    found = assign_documents(PLANES, states, gaps, 1, RULES)
    assert (found.clusters[gaps.lengths == 0] == NO_CLUSTER).all()
    assert np.isnan(found.distances[gaps.lengths == 0]).all()
    assert_whole(found, 40 + 6)
    none = assign_documents(PLANES, states, gaps.take([0, 0]), 1, RULES)
    assert none.clusters.tolist() == [NO_CLUSTER] * 2 and none.opened == 0
    nothing = assign_documents(PLANES, states, gaps.take([]), 1, RULES)
    assert nothing.clusters.shape == (0,) and nothing.states.documents.tolist() == [20, 20]


def test_without_clusters_documents_open_their_own():
    tokens, _ = planted_texts(10, [30, 30], share=0.6)
    found = assign_documents(PLANES, no_clusters(64, next_id=5), tokens, 2, RULES)
    assert found.states.ids[0] == 5 and found.states.next_id == 5 + found.opened
    assert_whole(found, 60)
    one = assign_documents(PLANES, no_clusters(64), tokens.take([0]), 2, RULES)
    assert one.clusters.tolist() == [0] and np.isnan(one.distances).all()


def test_one_cluster_and_fewer_than_asked_for():
    tokens, domains = planted_texts(11, [30, 25], share=0.5)
    alone = measured(tokens.take(np.arange(30)), domains[:30])
    found = nearest_clusters(PLANES, alone, tokens, 3, size_correction=True)
    assert found.places.tolist() == [[0, NO_CLUSTER, NO_CLUSTER]] * 55
    assert np.isnan(found.distances[:, 1:]).all() and (found.distances[:, 0] < 1).all()
    both = nearest_clusters(PLANES, measured(tokens, domains), tokens, 2, size_correction=False)
    assert (both.distances[:, 0] <= both.distances[:, 1]).all()
    assert (np.sort(both.places, axis=1) == [0, 1]).all()
    none = nearest_clusters(PLANES, no_clusters(64), tokens, 2, size_correction=True)
    assert (none.places == NO_CLUSTER).all() and np.isnan(none.distances).all()
    # A single cluster without foreign documents still takes in its like.
    assert_whole(assign_documents(PLANES, alone, tokens.take(np.arange(9)), 1, RULES), 39)


def test_a_cluster_without_deviation_takes_in_its_equals():
    tokens, _ = planted_texts(12, [1, 20], share=0.5)
    equal = tokens.take([0] * 15)
    labels = np.zeros(15, dtype=np.int64)
    states = measured(equal, labels)
    assert states.deviation[0] == pytest.approx(0, abs=1e-6)
    found = assign_documents(PLANES, states, tokens, 1, RULES)
    assert found.clusters[0] == 0
    assert (found.clusters[1:] > 0).all()
