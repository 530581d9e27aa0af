"""Measures against hand-made judgements and a second implementation."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.retrieval.measures import score_queries
from scripts.retrieval.tables import MEASURES


def ranked(*doc_ids):
    return {doc_id: float(100 - place) for place, doc_id in enumerate(doc_ids)}


def test_one_answer_at_rank_three():
    scores = score_queries({"q": ranked("a", "b", "x", "c")}, {"q": {"x": 1}})["q"]
    assert set(scores) == set(MEASURES)
    assert (scores["success_1"], scores["success_5"], scores["recall_5"]) == (0.0, 1.0, 1.0)
    assert scores["mrr_10"] == pytest.approx(1 / 3)
    assert scores["ndcg_10"] == pytest.approx(1 / math.log2(4))


def test_several_answers_are_all_counted_in_recall_and_by_grade_in_ndcg():
    run = {"q": ranked("x", "a", "y", "b", "c", "d", "z")}
    scores = score_queries(run, {"q": {"x": 1, "y": 2, "z": 1, "missed": 1}})["q"]
    assert scores["success_1"] == 1.0
    assert scores["recall_5"] == pytest.approx(2 / 4)
    assert scores["recall_10"] == scores["recall_100"] == pytest.approx(3 / 4)
    assert scores["mrr_10"] == 1.0
    gained = 1 / math.log2(2) + 2 / math.log2(4) + 1 / math.log2(8)
    ideal = 2 / math.log2(2) + 1 / math.log2(3) + 1 / math.log2(4) + 1 / math.log2(5)
    assert scores["ndcg_10"] == pytest.approx(gained / ideal)


def test_an_answer_below_rank_ten_counts_in_recall_at_100_alone():
    run = {"q": ranked(*(f"d{place}" for place in range(10)), "x")}
    scores = score_queries(run, {"q": {"x": 1}})["q"]
    assert {name for name, value in scores.items() if value} == {"recall_100"}


def test_a_query_that_found_nothing_scores_zero_and_is_not_left_out():
    scores = score_queries({"q": ranked("x")}, {"q": {"x": 1}, "silent": {"y": 1}})
    assert scores["silent"] == dict.fromkeys(MEASURES, 0.0)
    assert scores["q"]["success_1"] == 1.0
    assert score_queries({}, {"silent": {"y": 1}})["silent"]["ndcg_10"] == 0.0


def test_a_query_without_answer_is_left_out():
    assert list(score_queries({"q": ranked("x"), "r": ranked("x")}, {"q": {}, "r": {"x": 1}})) == [
        "r"
    ]
    assert score_queries({"q": ranked("x")}, {"q": {}}) == {}


def by_hand(order, answers):
    """The measures in plain Python."""
    hits = [doc_id in answers for doc_id in order]
    first = hits.index(True) if True in hits else None
    found = {f"success_{k}": float(any(hits[:k])) for k in (1, 5, 10)}
    found |= {f"recall_{k}": sum(hits[:k]) / len(answers) for k in (5, 10, 100)}
    found["mrr_10"] = 0.0 if first is None or first >= 10 else 1 / (first + 1)
    gains = [answers.get(doc_id, 0) for doc_id in order[:10]]
    ideal = sorted(answers.values(), reverse=True)[:10]
    dcg, best = (
        sum(gain / math.log2(place + 2) for place, gain in enumerate(values))
        for values in (gains, ideal)
    )
    found["ndcg_10"] = dcg / best
    return found


@given(
    st.permutations([f"d{number}" for number in range(15)]),
    st.dictionaries(
        st.sampled_from([f"d{number}" for number in range(20)]), st.integers(1, 3), min_size=1
    ),
)
def test_any_ranking_scores_as_a_plain_implementation_says(order, answers):
    scores = score_queries({"q": ranked(*order)}, {"q": answers})["q"]
    for name, value in by_hand(order, answers).items():
        assert scores[name] == pytest.approx(value), name
