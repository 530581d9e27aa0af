"""Prototypes are sums by bucket under hyperplanes that stay the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.retrieval.hyperplanes import bucket_ids, draw_hyperplanes
from scripts.retrieval.prototypes import (
    Prototypes,
    add_prototypes,
    build_prototypes,
    mean_vectors,
    scale_prototypes,
    take_prototypes,
)
from scripts.retrieval.tables import NO_CLUSTER
from scripts.retrieval.token_vectors import Indices, Numbers, TokenVectors
from tests.retrieval.planted_texts import drawn_texts

PLANES = draw_hyperplanes(1, 3, 5)


def as_table(prototypes: Prototypes) -> dict[tuple[int, int], tuple[Numbers, float]]:
    rows = zip(prototypes.cluster_of_row.tolist(), prototypes.buckets.tolist(), strict=True)
    values = zip(prototypes.sums, prototypes.weights.tolist(), strict=True)
    return dict(zip(rows, values, strict=True))


def assert_same(one: Prototypes, other: Prototypes) -> None:
    assert one.clusters == other.clusters
    assert one.offsets.tolist() == other.offsets.tolist()
    assert one.buckets.tolist() == other.buckets.tolist()
    np.testing.assert_allclose(one.sums, other.sums, atol=1e-9)
    np.testing.assert_allclose(one.weights, other.weights, atol=1e-9)


def naive(tokens: TokenVectors, labels: Indices) -> dict[tuple[int, int], tuple[Numbers, float]]:
    table: dict[tuple[int, int], tuple[Numbers, float]] = {}
    for text, label in enumerate(labels.tolist()):
        for vector in tokens.text(text).astype(np.float64):
            bucket = sum(2**bit for bit, plane in enumerate(PLANES) if plane @ vector > 0)
            total, count = table.get((label, bucket), (np.zeros(5), 0.0))
            table[label, bucket] = total + vector, count + 1
    return {key: table[key] for key in sorted(table) if key[0] != NO_CLUSTER}


def test_hyperplanes_stay_the_same_for_a_seed_and_differ_between_seeds():
    # Written down once: a memory of an earlier version must still fit.
    written = [[-1.555983, -0.610371, -0.906953], [-0.038096, -0.059809, 0.277354]]
    assert draw_hyperplanes(7, 2, 3).round(6).tolist() == written
    np.testing.assert_array_equal(draw_hyperplanes(1, 7, 5)[:3], PLANES)
    assert not np.isclose(draw_hyperplanes(2, 3, 5), PLANES).any()
    for bits in (0, 25):
        with pytest.raises(ValueError, match="between 1 and 24"):
            draw_hyperplanes(1, bits, 5)


def test_one_side_is_shared_as_often_as_the_angle_says():
    planes = np.concatenate([draw_hyperplanes(seed, 24, 2) for seed in range(100)])
    for angle in (0.3, 1.0, 2.5):
        sides = np.array([[1, 0], [np.cos(angle), np.sin(angle)]]) @ planes.T > 0
        assert (sides[0] == sides[1]).mean() == pytest.approx(1 - angle / np.pi, abs=0.03)


def test_buckets_do_not_depend_on_what_else_is_hashed_or_on_length():
    vectors = np.random.default_rng(0).standard_normal((20_000, 5)).astype(np.float32)
    together = bucket_ids(PLANES, vectors)
    assert together[[3, 9_000]].tolist() == bucket_ids(PLANES, vectors[[3, 9_000]]).tolist()
    assert (bucket_ids(PLANES, 7 * vectors) == together).all()
    assert set(together) == set(range(8))


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), texts=st.integers(0, 12))
def test_prototypes_equal_sums_taken_token_by_token(seed, texts):
    rng = np.random.default_rng(seed)
    tokens, labels = drawn_texts(rng, texts), rng.integers(-1, 3, texts)
    found, expected = as_table(build_prototypes(PLANES, tokens, labels, 4)), naive(tokens, labels)
    assert list(found) == list(expected)
    for key, (total, count) in expected.items():
        np.testing.assert_allclose(found[key][0], total, atol=1e-9)
        assert found[key][1] == count


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6), texts=st.integers(1, 20))
def test_prototypes_are_additive(seed, texts):
    rng = np.random.default_rng(seed)
    tokens, labels = drawn_texts(rng, texts), rng.integers(0, 3, texts)
    first = rng.random(texts) < 0.5
    whole = build_prototypes(PLANES, tokens, labels, 3)
    of_first, of_second = (
        build_prototypes(PLANES, tokens, np.where(part, labels, NO_CLUSTER), 3)
        for part in (first, ~first)
    )
    assert_same(add_prototypes(of_first, of_second), whole)
    assert_same(
        take_prototypes(whole, [2, 0]),
        build_prototypes(PLANES, tokens, np.array([1, NO_CLUSTER, 0])[labels], 2),
    )
    assert_same(
        scale_prototypes(whole, np.array([0.5, 1, 2])),
        build_prototypes(PLANES, tokens, labels, 3, np.array([0.5, 1, 2])[labels]),
    )


def test_many_texts_are_summed_in_blocks():
    rng = np.random.default_rng(5)
    tokens = drawn_texts(rng, 9_000, longest=6)
    labels = rng.integers(-1, 2, 9_000)
    means = mean_vectors(build_prototypes(PLANES, tokens, labels, 3))
    token_labels = np.repeat(labels, tokens.lengths)
    for cluster in range(2):
        own = tokens.vectors[token_labels == cluster].astype(np.float64)
        np.testing.assert_allclose(means[cluster], own.mean(axis=0), atol=1e-12)
    assert not means[2].any()
