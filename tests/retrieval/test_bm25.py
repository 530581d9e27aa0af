"""BM25 against a hand calculation, and what its tokens are."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.errors import ConfigError
from scripts.retrieval.bm25 import K1, B, Bm25
from scripts.retrieval.lexical_tokens import LexicalTokenizer, bigrams, words


def by_hand(documents, query):
    """Scores of the documents, the formula written out."""
    full = [document for document in documents if document]
    mean = sum(map(len, full)) / len(full)
    scores = []
    for document in documents:
        score = 0.0
        for token in query:
            df = sum(token in other for other in full)
            idf = math.log(1 + (len(full) - df + 0.5) / (df + 0.5))
            tf = document.count(token)
            score += idf * tf / (tf + K1 * (1 - B + B * len(document) / mean))
        scores.append(score)
    return scores


def test_a_small_case_by_hand():
    documents = [["rain", "today"], [], ["rain"], ["sun", "rain", "rain"], ["today"]]
    found = Bm25(documents).search([["rain"], ["today", "rain"]], depth=4)
    # 3 of 4 documents hold "rain", on average 7/4 words long.
    idf = math.log(1 + 1.5 / 3.5)
    assert found.places[0].tolist() == [2, 3, 0, -1]
    assert found.scores[0, 0] == pytest.approx(idf / (1 + 1.5 * (0.25 + 0.75 * 4 / 7)), rel=1e-6)
    assert found.scores[0, 1] == pytest.approx(
        idf * 2 / (2 + 1.5 * (0.25 + 0.75 * 12 / 7)), rel=1e-6
    )
    assert found.places[1, 0] == 0


tokens = st.lists(st.sampled_from("abcdef"), max_size=8)


@given(st.lists(tokens, min_size=1, max_size=12).filter(any), tokens, st.integers(1, 6))
def test_any_collection_is_ranked_as_the_formula_says_and_ties_by_order(documents, query, depth):
    found = Bm25(documents).search([query], depth=depth)
    scores = by_hand(documents, query)
    expected = sorted((score for score in scores if score > 0), reverse=True)[:depth]
    hits = found.places[0] >= 0
    assert found.scores[0][hits] == pytest.approx(expected, rel=1e-5)
    assert [scores[place] for place in found.places[0][hits]] == pytest.approx(expected, rel=1e-5)
    same = np.flatnonzero(np.diff(found.scores[0][hits]) == 0)
    assert all(found.places[0][place] < found.places[0][place + 1] for place in same)


def test_equal_documents_come_in_their_order_beyond_the_depth():
    found = Bm25([["b"], *[["a", "b"]] * 300]).search([["a"]], depth=5)
    assert found.places[0].tolist() == [1, 2, 3, 4, 5]


def test_queries_and_collections_without_words_find_nothing():
    index = Bm25([["a"], []])
    assert index.empty == 1
    assert (index.search([[], ["unknown"]], depth=3).places == -1).all()
    assert (Bm25([]).search([["a"]], depth=3).places == -1).all()
    assert (Bm25([[], []]).search([["a"]], depth=3).places == -1).all()


def test_words_and_bigrams():
    assert words("서울의 AI, 2024년!") == ["서울의", "ai", "2024년"]
    assert bigrams("서울의 A 길") == ["서울", "울의", "a", "길"]
    assert bigrams("…!") == []


def test_morphemes_leave_particles_endings_and_signs_out():
    cut = LexicalTokenizer("morphemes", threads=1)
    found = list(cut.tokens(["아이들이 학교에서 책을 읽었다. GPU 3대!", "", "학교가"]))
    assert {"학교", "책", "읽", "gpu", "3"} <= set(found[0])
    assert not {"이", "에서", "을", "었", "다", ".", "!"} & set(found[0])
    assert found[1] == [] and found[2] == ["학교"]


def test_another_kind_of_token_is_refused():
    with pytest.raises(ConfigError, match="allowed: words, bigrams, morphemes"):
        LexicalTokenizer("syllables", threads=1)
