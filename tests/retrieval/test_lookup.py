"""Own-bucket lookup against a loop over tokens and clusters, and through the memory's steps."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.errors import ConfigError
from scripts.common.files import read_json
from scripts.retrieval.assignment import AssignmentRules, assign_documents
from scripts.retrieval.cluster_state import ClusterStates, measure_clusters
from scripts.retrieval.encoders import load_encoder
from scripts.retrieval.hyperplanes import bucket_ids, draw_hyperplanes
from scripts.retrieval.left_out import left_out_scores
from scripts.retrieval.lookup import ALL, OWN_BUCKET, nearest_rows, scores_of
from scripts.retrieval.maxsim import distances
from scripts.retrieval.memory_store import read_memory
from scripts.retrieval.nearest import nearest_clusters
from scripts.retrieval.opening import Acceptance
from scripts.retrieval.prototypes import (
    Prototypes,
    build_prototypes,
    empty_prototypes,
    take_prototypes,
)
from scripts.retrieval.tables import NO_CLUSTER
from scripts.retrieval.token_vectors import Indices, Numbers, TokenVectors
from scripts.retrieval.warm_up import PrototypeCentres
from tests.retrieval.memory_builders import Loop, topical
from tests.retrieval.planted_texts import drawn_texts, planted_texts, texts_of

PLANES = draw_hyperplanes(1, 4, 5)
WIDE = draw_hyperplanes(0, 3, 64)
RULES = AssignmentRules(Acceptance(10, 3.0, True, OWN_BUCKET), batch=None, merge_distance=0.97)


def met(code: int, held: list[int]) -> int:
    """The bucket that a token with this code meets."""
    return min(held, key=lambda other: ((code ^ other).bit_count(), other))


def naive(planes: Numbers, tokens: TokenVectors, prototypes: Prototypes) -> Numbers:
    scores = np.zeros((tokens.texts, prototypes.clusters))
    for cluster in range(prototypes.clusters):
        own = slice(prototypes.offsets[cluster], prototypes.offsets[cluster + 1])
        sums = dict(zip(prototypes.buckets[own].tolist(), prototypes.sums[own], strict=True))
        for text in range(tokens.texts):
            for token in tokens.text(text).astype(float):
                code = sum(1 << bit for bit, plane in enumerate(planes) if plane @ token > 0)
                if not sums:
                    scores[text, cluster] -= 1
                    continue
                row = sums[met(code, list(sums))]
                lengths = np.linalg.norm(row) * np.linalg.norm(token)
                scores[text, cluster] += row @ token / lengths if lengths else 0
    return scores


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    texts=st.integers(0, 8),
    others=st.integers(0, 8),
    bits=st.integers(1, 6),
    block=st.sampled_from([1, 7, 1000]),
    cells=st.sampled_from([1, 40, 1 << 21]),
)
def test_scores_equal_a_loop_over_tokens_and_clusters(seed, texts, others, bits, block, cells):
    rng = np.random.default_rng(seed)
    planes = draw_hyperplanes(seed, bits, 5)
    one, other = drawn_texts(rng, texts), drawn_texts(rng, others)
    prototypes = build_prototypes(planes, other, rng.integers(-1, 3, others), 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scripts.retrieval.lookup._BLOCK_TOKENS", block)
        patch.setattr("scripts.retrieval.lookup._TABLE_CELLS", cells)
        found = scores_of(planes, one, OWN_BUCKET)(prototypes)
    np.testing.assert_allclose(found, naive(planes, one, prototypes), atol=1e-5)
    # What is compared with one row is never nearer than what is compared with all of them.
    assert (found <= scores_of(planes, one, ALL)(prototypes) + 1e-5).all()


@settings(max_examples=60, deadline=None)
@given(
    bits=st.integers(1, 7),
    held=st.lists(st.sets(st.integers(0, 127)), max_size=5),
    seed=st.integers(0, 99),
)
def test_the_nearest_bucket_differs_in_the_fewest_bits_and_is_the_lowest_of_them(bits, held, seed):
    own = [sorted({bucket % (1 << bits) for bucket in buckets}) for buckets in held]
    buckets = np.array([bucket for listed in own for bucket in listed], np.int64)
    offsets = np.cumsum([0, *map(len, own)])
    prototypes = Prototypes(offsets, buckets, np.ones((len(buckets), 2)), np.ones(len(buckets)))
    asked = np.unique(np.random.default_rng(seed).integers(0, 1 << bits, 9))
    found = nearest_rows(prototypes, bits, asked)
    for place, code in enumerate(asked.tolist()):
        for cluster, listed in enumerate(own):
            row = found[place, cluster]
            assert row == (
                offsets[cluster] + listed.index(met(code, listed)) if listed else NO_CLUSTER
            )


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), texts=st.integers(1, 10), weighted=st.booleans())
def test_left_out_scores_equal_those_of_prototypes_built_without_the_text(seed, texts, weighted):
    rng = np.random.default_rng(seed)
    tokens, labels = drawn_texts(rng, texts), rng.integers(-1, 3, texts)
    weights = rng.uniform(0.1, 1, texts) if weighted else None
    prototypes = build_prototypes(PLANES, tokens, labels, 3, weights)
    found = left_out_scores(PLANES, tokens, prototypes, labels, weights, OWN_BUCKET)
    for text in range(texts):
        others = np.where(np.arange(texts) == text, NO_CLUSTER, labels)
        rest = build_prototypes(PLANES, tokens, others, 3, weights)
        own = take_prototypes(rest, [max(0, labels[text])])
        absent = labels[text] == NO_CLUSTER or tokens.lengths[text] == 0 or len(own.buckets) == 0
        expected = np.nan if absent else naive(PLANES, tokens.take([text]), own)[0, 0]
        assert found[text] == pytest.approx(expected, abs=1e-4, nan_ok=True)


def test_by_hand():
    planes = np.array([[1.0, 0.0], [0.0, 1.0]])  # bit 0 right of the y axis, bit 1 above the x axis
    held = texts_of([(1, 1), (3, 1)], [(-1, -1)], [])
    prototypes = build_prototypes(planes, held, np.arange(3), 3)
    tokens = texts_of([(1, 0.5), (0.5, -1)])
    # The first meets (4, 2) in its bucket, the second the same one, one bit away.
    own = 1 + (2 - 2) / 5
    # Both meet (-1, -1), two bits and one bit away.
    other = -1.5 / np.sqrt(1.25 * 2) + 0.5 / np.sqrt(1.25 * 2)
    found = scores_of(planes, tokens, OWN_BUCKET)(prototypes)
    np.testing.assert_allclose(found, [[own, other, -2]], atol=1e-6)
    assert scores_of(planes, tokens, OWN_BUCKET)(empty_prototypes(0, 2)).shape == (1, 0)


def measured(
    tokens: TokenVectors, labels: Indices, threads: int = 1
) -> tuple[ClusterStates, Numbers]:
    clusters = int(labels.max()) + 1
    return measure_clusters(
        WIDE,
        tokens,
        labels,
        np.zeros(tokens.texts, np.int64),
        ids=np.arange(clusters),
        next_id=clusters,
        lookup=OWN_BUCKET,
        threads=threads,
    )


def planted(seed: int) -> tuple[TokenVectors, Indices, Indices, Indices]:
    """Texts, their domains, the places of those that are known and of new ones."""
    tokens, domains = planted_texts(seed, [60] * 4, share=0.6)
    places = np.arange(240)
    return tokens, domains, places[places % 60 < 40], places[places % 60 >= 40]


def test_all_distances_of_a_state_are_of_one_kind():
    tokens, domains, known, new = planted(0)
    states, own = measured(tokens.take(known), domains[known])
    sample = tokens.take(known)
    left_out = left_out_scores(WIDE, sample, states.prototypes, domains[known], lookup=OWN_BUCKET)
    np.testing.assert_allclose(own, distances(left_out, sample.lengths))
    to_all = distances(naive(WIDE, sample, states.prototypes), sample.lengths)
    for place in range(4):
        foreign = to_all[domains[known] != place, place]
        assert states.background[place] == pytest.approx(foreign.mean(), abs=1e-5)
    texts = tokens.take(new)
    expected = distances(naive(WIDE, texts, states.prototypes), texts.lengths)
    nearest = nearest_clusters(WIDE, states, texts, 4, size_correction=True, lookup=OWN_BUCKET)
    order = np.argsort(expected - states.background, axis=1)
    assert (nearest.places == order).mean() > 0.99
    np.testing.assert_allclose(
        nearest.distances, np.take_along_axis(expected, nearest.places, axis=1), atol=1e-5
    )
    centre, within = PrototypeCentres(WIDE, sample, OWN_BUCKET).measure(np.arange(40))
    np.testing.assert_allclose(centre, to_all[:, 0], atol=1e-5)
    np.testing.assert_allclose(within, own[:40], atol=1e-5)


def test_documents_are_measured_to_prototypes_that_stand_still_and_add_up():
    tokens, domains, known, new = planted(1)
    states, _ = measured(tokens.take(known), domains[known])
    texts = tokens.take(new)
    before = states.prototypes.sums.copy()
    found = assign_documents(WIDE, states, texts, 1, RULES)
    assert (found.clusters == domains[new]).mean() > 0.9
    assert states.prototypes.sums.tobytes() == before.tobytes()
    of_known = found.clusters < 4
    expected = distances(naive(WIDE, texts, states.prototypes), texts.lengths)
    np.testing.assert_allclose(
        found.distances[of_known],
        expected[of_known, found.clusters[of_known]],
        atol=1e-5,
    )
    labels = np.concatenate([domains[known], np.where(of_known, found.clusters, NO_CLUSTER)])
    whole = build_prototypes(WIDE, tokens.take(np.concatenate([known, new])), labels, 4)
    theirs = take_prototypes(found.states.prototypes, np.arange(4))
    assert theirs.buckets.tolist() == whole.buckets.tolist()
    np.testing.assert_allclose(theirs.sums, whole.sums, atol=1e-9)


def test_threads_and_company_change_nothing(monkeypatch):
    monkeypatch.setattr("scripts.retrieval.lookup._BLOCK_TOKENS", 500)
    tokens, domains, known, new = planted(2)
    one, two = (measured(tokens.take(known), domains[known], threads)[0] for threads in (1, 2))
    assert one.foreign_sum.tobytes() == two.foreign_sum.tobytes()
    first, second = (
        assign_documents(WIDE, one, tokens.take(new), 1, replace(RULES, batch=16), threads)
        for threads in (1, 2)
    )
    assert first.distances.tobytes() == second.distances.tobytes()
    assert first.states.prototypes.sums.tobytes() == second.states.prototypes.sums.tobytes()
    together = scores_of(WIDE, tokens, OWN_BUCKET)(one.prototypes)
    for place in (0, 100, 239):
        alone = scores_of(WIDE, tokens.take([place]), OWN_BUCKET)(one.prototypes)
        np.testing.assert_allclose(alone[0], together[place], atol=1e-4)


def test_a_memory_goes_through_sessions_by_own_buckets(tmp_path):
    loop = Loop(tmp_path, lookup=OWN_BUCKET, bits=3)
    loop.add(topical(0))
    folder = loop.add(topical(1, ("school", "sea")))
    memory = read_memory(folder)
    assert memory.clusters is not None
    states, planes = memory.clusters.states, memory.clusters.hyperplanes
    assert states.clusters >= 2
    encoder = load_encoder(loop.encoder, threads=1)
    model = encoder.token_vectors(memory.documents["text"].to_pylist())
    places = np.searchsorted(states.ids, memory.documents["cluster"].to_numpy())
    prototypes = build_prototypes(planes, model, places, states.clusters)
    scores = left_out_scores(planes, model, prototypes, places, lookup=OWN_BUCKET)
    np.testing.assert_allclose(
        memory.documents["distance"].to_numpy(zero_copy_only=False),
        distances(scores, model.lengths),
        atol=1e-5,
    )
    to_all = left_out_scores(planes, model, prototypes, places)
    assert (scores < to_all - 1e-3).any(), "the settings make a difference here"
    assert read_json(folder / "report.json")["settings"]["clusters"]["lookup"] == OWN_BUCKET
    assert len(loop.pairs(1).read_text().splitlines()) > 0


def test_a_lookup_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"clusters\.lookup is 'some'; allowed: all, own_bucket"):
        Loop(tmp_path, lookup="some").add(topical(0))


def test_codes_of_buckets_are_what_lookup_takes_them_for():
    tokens = drawn_texts(np.random.default_rng(0), 20)
    codes = [
        sum(1 << bit for bit, plane in enumerate(PLANES) if plane @ token > 0)
        for token in tokens.vectors.astype(float)
    ]
    assert bucket_ids(PLANES, tokens.vectors).tolist() == codes
