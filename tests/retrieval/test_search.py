"""Exact search against brute force, with ties, blocks and texts without words."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scripts.retrieval.search import NOTHING, Block, exact_search


def whole(vectors):
    return [Block(np.arange(len(vectors)), vectors)]


def brute(queries, vectors, depth):
    """Places by score in double precision, then by place; zero vectors are not there."""
    found = np.full((len(queries), depth), NOTHING)
    for row, query in enumerate(queries.astype(np.float64)):
        if query.any():
            scored = [
                (-float((query * vector).sum()), place)
                for place, vector in enumerate(vectors.astype(np.float64))
                if vector.any()
            ]
            places = [place for _, place in sorted(scored)[:depth]]
            found[row, : len(places)] = places
    return found


# Whole numbers give many exact ties, zero rows among them.
numbers = st.integers(-2, 2).map(float)


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float32, st.tuples(st.integers(1, 5), st.just(3)), elements=numbers),
    arrays(np.float32, st.tuples(st.integers(1, 60), st.just(3)), elements=numbers),
    st.integers(1, 12),
    st.lists(st.integers(0, 60), max_size=4),
)
def test_equals_brute_force_with_ties_however_the_collection_is_cut(queries, vectors, depth, cuts):
    borders = sorted({0, len(vectors), *(cut for cut in cuts if cut < len(vectors))})
    blocks = [
        Block(np.arange(start, stop), vectors[start:stop]) for start, stop in pairwise(borders)
    ]
    found = exact_search(queries, blocks[::-1], depth=depth, threads=1)
    assert np.array_equal(found.places, brute(queries, vectors, depth))


def test_copies_of_a_document_keep_their_order_beyond_the_depth():
    generator = np.random.default_rng(3)
    one = generator.standard_normal(48).astype(np.float32)
    others = generator.standard_normal((900, 48)).astype(np.float32)
    vectors = np.concatenate([others[:450] / 100, np.tile(one, (200, 1)), others[450:] / 100])
    queries = (one + generator.standard_normal((40, 48)) / 10).astype(np.float32)
    found = exact_search(queries, whole(vectors), depth=7, threads=1)
    assert np.array_equal(found.places, np.tile(np.arange(450, 457), (40, 1)))


def test_scores_that_single_precision_cannot_part_are_ranked():
    """Differences of 1e-8 at a size of 1, where single precision ends at 6e-8."""
    steps = np.array([3, 1, 4, 0, 2])
    vectors = np.stack([np.ones(5), steps * 1e-8], axis=1).astype(np.float32)
    found = exact_search(np.ones((1, 2), np.float32), whole(vectors), depth=5, threads=1)
    assert found.places.tolist() == [[2, 0, 4, 1, 3]]


def test_threads_and_company_change_nothing():
    generator = np.random.default_rng(5)
    vectors = generator.standard_normal((3000, 33)).astype(np.float32)
    queries = generator.standard_normal((70, 33)).astype(np.float32)
    together = exact_search(queries, whole(vectors), depth=100, threads=1)
    two = exact_search(queries, whole(vectors), depth=100, threads=2)
    alone = [exact_search(query[None], whole(vectors), depth=100, threads=1) for query in queries]
    assert np.array_equal(together.scores, two.scores)
    assert np.array_equal(together.places, two.places)
    assert np.array_equal(together.places, np.concatenate([one.places for one in alone]))
    assert np.array_equal(together.scores, np.concatenate([one.scores for one in alone]))


def test_texts_without_words_find_nothing_and_are_not_found():
    vectors = np.array([[-1, 0], [0, 0], [0, -1]], np.float32)
    queries = np.array([[0, 0], [1, 0.5]], np.float32)
    found = exact_search(queries, whole(vectors), depth=3, threads=1)
    assert found.places.tolist() == [[NOTHING] * 3, [2, 0, NOTHING]]
    assert np.isneginf(found.scores[0]).all()
    assert found.scores[1, 1] == pytest.approx(-1)


def test_only_the_named_queries_search_a_block():
    vectors = np.eye(3, dtype=np.float32)
    blocks = [
        Block(np.array([4, 2]), vectors[:2], np.array([0])),
        Block(np.array([7]), vectors[2:], np.array([0, 1])),
    ]
    found = exact_search(np.array([[1, 2, 3]] * 2, np.float32), blocks, depth=3, threads=1)
    assert found.places.tolist() == [[7, 2, 4], [7, NOTHING, NOTHING]]


def test_an_empty_collection_finds_nothing():
    found = exact_search(np.ones((2, 3), np.float32), [], depth=4, threads=1)
    assert (found.places == NOTHING).all()
    empty = whole(np.zeros((0, 3), np.float32))
    assert (exact_search(np.ones((2, 3), np.float32), empty, depth=4, threads=1).places == -1).all()
