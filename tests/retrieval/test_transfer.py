"""The matrix's figures against hand calculation, with a frozen stream and an empty session."""

import numpy as np
import pytest

from scripts.retrieval.score_book import ScoreBook
from scripts.retrieval.tables import MEASURES
from scripts.retrieval.transfer import FIGURES, entry_parts, figure_parts

# A[t, j] of the stream "m/1"; two queries of session j score A[t, j] ± 0.1.
MATRIX = {
    **{(0, 0): 0.5, (1, 0): 0.7, (2, 0): 0.4},
    **{(0, 1): 0.2, (1, 1): 0.6, (2, 1): 0.5},
    **{(1, 2): 0.3, (2, 2): 0.8},
}
BASE = {0: 0.1, 1: 0.15, 2: 0.2}


def cell(value, queries=2):
    swing = np.resize([0.1, -0.1], queries) if queries % 2 == 0 else np.zeros(queries)
    return np.tile((value + swing)[:, None], (1, len(MEASURES)))


def book(matrix=MATRIX, base=BASE, sessions=3, queries=(2, 2, 2)):
    return ScoreBook(
        "own",
        "full",
        sessions,
        {test: [f"q{number}" for number in range(n)] for test, n in enumerate(queries)},
        {
            "m/1": {place: cell(value, queries[place[1]]) for place, value in matrix.items()},
            "frozen/0": {(-1, j): cell(value, queries[j]) for j, value in base.items()},
            "bm25/0": {(-1, j): cell(0.9, queries[j]) for j in range(sessions)},
        },
        {"bm25/0"},
    )


def parts_of(scores, name, session, stream="m/1"):
    parts = figure_parts(scores, stream, name, session)
    assert parts is not None
    return parts


def figure(scores, name, session, stream="m/1"):
    parts = figure_parts(scores, stream, name, session)
    return None if parts is None else sum(part.mean(axis=0)[0] for part in parts.values())


@pytest.mark.parametrize(
    ("name", "by_session"),
    [
        ("average", [0.5, (0.7 + 0.6) / 2, (0.4 + 0.5 + 0.8) / 3]),
        ("forgetting", [None, 0.5 - 0.7, ((0.7 - 0.4) + (0.6 - 0.5)) / 2]),
        ("backward", [None, 0.7 - 0.5, ((0.4 - 0.5) + (0.5 - 0.6)) / 2]),
        ("forward", [None, 0.2 - 0.15, ((0.2 - 0.15) + (0.3 - 0.2)) / 2]),
        ("prequential", [None, 0.2, (0.2 + 0.3) / 2]),
    ],
)
def test_figures_as_of_every_session_by_hand(name, by_session):
    for session, expected in enumerate(by_session):
        found = figure(book(), name, session)
        assert found == (None if expected is None else pytest.approx(expected)), session


def test_a_frozen_stream_neither_forgets_nor_transfers():
    scores = book()
    assert figure(scores, "average", 2, "frozen/0") == pytest.approx(sum(BASE.values()) / 3)
    for name in ("forgetting", "backward", "forward"):
        assert figure(scores, name, 2, "frozen/0") == 0.0
    assert figure(scores, "prequential", 2, "bm25/0") == pytest.approx(0.9)
    entry = entry_parts(scores, "bm25/0", 1, 0)
    assert entry is not None and entry[0].mean() == pytest.approx(0.9)


def test_a_stream_without_an_encoder_has_no_forward_transfer():
    assert figure(book(), "forward", 2, "bm25/0") is None
    assert figure(book(), "forward", 2, "frozen/0") == 0.0


def test_without_the_base_encoder_there_is_no_forward_transfer():
    assert figure(book(base={}), "forward", 2) is None
    assert figure(book(base={}), "prequential", 2) is not None


def test_a_session_without_queries_is_no_part_of_a_mean():
    scores = book(queries=(2, 0, 2))
    assert figure(scores, "average", 2) == pytest.approx((0.4 + 0.8) / 2)
    assert figure(scores, "forgetting", 2) == pytest.approx(0.7 - 0.4)
    assert figure(scores, "backward", 1) == pytest.approx(0.7 - 0.5)
    assert figure(scores, "prequential", 2) == pytest.approx(0.3)
    assert figure(scores, "prequential", 1) is None
    assert entry_parts(scores, "m/1", 2, 1) is None


def test_an_unknown_entry_leaves_the_figures_that_need_it_unknown():
    scores = book({place: value for place, value in MATRIX.items() if place != (1, 0)})
    assert figure(scores, "forgetting", 2) is None
    assert figure(scores, "backward", 2) is not None


def test_one_session_has_an_average_alone():
    scores = book({(0, 0): 0.5}, {0: 0.1}, sessions=1, queries=(2,))
    assert {name: figure(scores, name, 0) is not None for name in FIGURES} == {
        name: name == "average" for name in FIGURES
    }


def test_forgetting_takes_the_best_model_measure_by_measure():
    scores = book()
    of_stream = scores.cells["m/1"]
    of_stream[0, 0] = of_stream[0, 0].copy()
    of_stream[0, 0][:, 3] = 1.0
    parts = parts_of(scores, "forgetting", 2)
    found = np.sum([part.mean(axis=0) for part in parts.values()], axis=0)
    assert found[3] == pytest.approx(((1.0 - 0.4) + 0.1) / 2)
    assert found[0] == pytest.approx((0.3 + 0.1) / 2)
