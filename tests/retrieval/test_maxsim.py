"""MaxSim and distances against loops over tokens."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.retrieval.hyperplanes import draw_hyperplanes
from scripts.retrieval.left_out import left_out_scores
from scripts.retrieval.maxsim import distances, prototype_scores, text_scores
from scripts.retrieval.prototypes import (
    Prototypes,
    build_prototypes,
    empty_prototypes,
    take_prototypes,
)
from scripts.retrieval.tables import NO_CLUSTER
from scripts.retrieval.token_vectors import Numbers, TokenVectors
from tests.retrieval.planted_texts import drawn_texts, planted_texts, texts_of

PLANES = draw_hyperplanes(1, 3, 5)


def cosine(one: Numbers, other: Numbers) -> float:
    norms = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / norms if norms else 0.0


def naive(tokens: Numbers, rows: Numbers) -> float:
    if len(rows) == 0:
        return -float(len(tokens))
    return sum(max(cosine(token, row) for row in rows) for token in tokens)


def naive_texts(texts: TokenVectors, others: TokenVectors) -> Numbers:
    one = [texts.text(place).astype(np.float64) for place in range(texts.texts)]
    other = [others.text(place).astype(np.float64) for place in range(others.texts)]
    return np.array([[naive(x, y) for y in other] for x in one]).reshape(len(one), len(other))


def naive_prototypes(texts: TokenVectors, prototypes: Prototypes) -> Numbers:
    one = [texts.text(place).astype(np.float64) for place in range(texts.texts)]
    rows = np.split(prototypes.sums, prototypes.offsets[1:-1])
    return np.array([[naive(x, own) for own in rows] for x in one]).reshape(len(one), len(rows))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    texts=st.integers(0, 8),
    others=st.integers(0, 8),
    block_bytes=st.sampled_from([1, 200, 3_000, 1 << 20]),
)
def test_scores_equal_a_double_loop_whatever_the_blocks(seed, texts, others, block_bytes):
    rng = np.random.default_rng(seed)
    one, other = drawn_texts(rng, texts), drawn_texts(rng, others)
    found = text_scores(one, other, block_bytes=block_bytes)
    np.testing.assert_allclose(found, naive_texts(one, other), atol=1e-5)
    clusters = rng.integers(-1, 3, others)
    prototypes = build_prototypes(PLANES, other, clusters, 4)
    found = prototype_scores(one, prototypes, block_bytes=block_bytes)
    np.testing.assert_allclose(found, naive_prototypes(one, prototypes), atol=1e-5)


def test_by_hand():
    one = texts_of([(1, 0), (0, 2)], [], [(-3, 0)], [(0, 0)])
    other = texts_of([(1, 1)], [(0, 5), (-1, 0)], [])
    half = np.sqrt(0.5)
    expected = [[2 * half, 1, -2], [0, 0, 0], [-half, 1, -1], [0, 0, -1]]
    np.testing.assert_allclose(text_scores(one, other), expected, atol=1e-6)
    np.testing.assert_allclose(
        distances(text_scores(one, other), one.lengths),
        [[1 - half, 0.5, 2], [np.nan] * 3, [1 + half, 0, 2], [1, 1, 2]],
        atol=1e-6,
    )


def test_the_number_of_threads_changes_no_bit():
    texts, labels = planted_texts(0, [20, 30], share=0.3)
    prototypes = build_prototypes(draw_hyperplanes(0, 6, 64), texts, labels, 2)
    one, two = (
        prototype_scores(texts, prototypes, threads=threads, block_bytes=50_000)
        for threads in (1, 2)
    )
    assert one.tobytes() == two.tobytes()


def test_a_text_scores_the_same_alone_and_in_company():
    texts, labels = planted_texts(0, [20, 30], share=0.3)
    prototypes = build_prototypes(draw_hyperplanes(0, 6, 64), texts, labels, 2)
    together = prototype_scores(texts, prototypes)
    for place in (0, 17, 49):
        alone = prototype_scores(texts.take([place]), prototypes)
        np.testing.assert_allclose(alone[0], together[place], atol=1e-4)


def test_copies_of_a_text_are_at_no_distance_below_zero():
    """Else a memory of copies would have a mean distance that the report refuses."""
    for seed in range(40):
        rng = np.random.default_rng(seed)
        texts = drawn_texts(rng, 1, longest=3).take([0] * 4)
        planes = draw_hyperplanes(0, 6, texts.dimension)
        together = np.zeros(4, np.int64)
        scores = left_out_scores(
            planes, texts, build_prototypes(planes, texts, together, 1), together
        )
        for found in (scores, text_scores(texts, texts)):
            measured = distances(found, texts.lengths)
            assert not (measured < 0).any()


def test_distance_does_not_follow_the_length_of_a_text_as_the_score_does():
    planes = draw_hyperplanes(0, 7, 64)
    texts, domains = planted_texts(3, [150, 150], share=0.4, lengths=(15, 250))
    prototypes = build_prototypes(planes, texts, domains, 2)
    own = left_out_scores(planes, texts, prototypes, domains)
    other = prototype_scores(texts, prototypes)[np.arange(300), 1 - domains]
    for scores in (own, other):
        assert abs(np.corrcoef(distances(scores, texts.lengths), texts.lengths)[0, 1]) < 0.3
        # What another distance, a constant less the score, does.
        assert np.corrcoef(256 - scores, texts.lengths)[0, 1] < -0.95


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), texts=st.integers(1, 10), weighted=st.booleans())
def test_left_out_scores_equal_those_of_prototypes_built_without_the_text(seed, texts, weighted):
    rng = np.random.default_rng(seed)
    tokens, labels = drawn_texts(rng, texts), rng.integers(-1, 3, texts)
    weights = rng.uniform(0.1, 1, texts) if weighted else None
    prototypes = build_prototypes(PLANES, tokens, labels, 3, weights)
    found = left_out_scores(PLANES, tokens, prototypes, labels, weights)
    for text in range(texts):
        others = np.where(np.arange(texts) == text, NO_CLUSTER, labels)
        rest = build_prototypes(PLANES, tokens, others, 3, weights)
        own = take_prototypes(rest, [max(0, labels[text])])
        absent = labels[text] == NO_CLUSTER or tokens.lengths[text] == 0 or len(own.buckets) == 0
        expected = np.nan if absent else naive_prototypes(tokens.take([text]), own)[0, 0]
        assert found[text] == pytest.approx(expected, abs=1e-4, nan_ok=True)


def test_against_no_cluster_there_are_no_scores():
    tokens = drawn_texts(np.random.default_rng(0), 3)
    assert prototype_scores(tokens, empty_prototypes(0, 5)).shape == (3, 0)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    places=st.lists(st.integers(0, 7), max_size=9),
    ordered=st.booleans(),
)
def test_chosen_texts_are_those_texts_and_copied_only_where_they_must_be(seed, places, ordered):
    tokens = drawn_texts(np.random.default_rng(seed), 8, longest=2)
    chosen = sorted(set(places)) if ordered else places
    taken = tokens.take(chosen)
    assert taken.texts == len(chosen)
    for new, place in enumerate(chosen):
        np.testing.assert_array_equal(taken.text(new), tokens.text(place))
    whole = tokens.take(np.flatnonzero(tokens.lengths > 0))
    assert whole.vectors.size == 0 or np.shares_memory(whole.vectors, tokens.vectors)
