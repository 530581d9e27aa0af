"""Run files: what other tools read from them is the ranking that was found."""

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scripts.common.errors import InputError
from scripts.retrieval.measures import score_queries
from scripts.retrieval.search import Found
from scripts.retrieval.trec_run import falling_scores, run_of, write_trec_run


@given(
    arrays(
        np.float64,
        st.tuples(st.integers(1, 3), st.integers(1, 30)),
        elements=st.one_of(st.sampled_from([0.0, -0.0, 1.0, 0.5]), st.floats(-2, 2)),
    )
)
def test_scores_fall_strictly_and_stay_what_they_were(scores):
    scores = -np.sort(-scores, axis=1)
    falling = falling_scores(scores)
    assert (np.diff(falling, axis=1) < 0).all()
    # As far as single precision goes, and one step for each tie above.
    steps = np.arange(1, scores.shape[1] + 1)
    assert (np.abs(falling - scores) <= steps * (1.2e-7 * np.abs(scores) + 1e-37)).all()


def test_scores_without_a_tie_are_only_rounded():
    scores = np.array([[0.9, 0.5, -0.25, -np.inf]])
    assert falling_scores(scores).tolist() == scores.astype(np.float32).tolist()


def written(tmp_path, found, qids, doc_ids):
    path = tmp_path / "runs" / "one.trec"
    write_trec_run(path, run_of(found, qids, doc_ids), tag="method-1-0")
    return path


def test_lines_have_six_fields_and_ranks_from_one(tmp_path):
    found = Found(
        np.array([[2, 0], [-1, -1], [1, -1]]), np.array([[0.5, 0.5], [-np.inf] * 2, [0.1, -np.inf]])
    )
    lines = written(tmp_path, found, ["q1", "q2", "q3"], ["a", "b", "c"]).read_text().splitlines()
    assert lines == [
        "q1 Q0 c 1 0.5 method-1-0",
        "q1 Q0 a 2 0.49999997 method-1-0",
        "q3 Q0 b 1 0.100000001 method-1-0",
    ]


def test_another_tool_reads_the_file_and_scores_it_alike_despite_ties(tmp_path):
    """trec_eval puts the later id first among equal scores; here no two are equal."""
    generator = np.random.default_rng(1)
    doc_ids, qids = [f"d{number}" for number in range(60)], [f"q{number}" for number in range(25)]
    places = np.stack([generator.permutation(60)[:40] for _ in qids])
    scores = -np.sort(-generator.integers(0, 4, places.shape) / 3.0, axis=1)
    path = written(tmp_path, Found(places, scores), qids, doc_ids)
    answers = {
        qid: {doc_ids[place]: int(grade) for place, grade in zip(chosen, (1, 2, 1), strict=True)}
        for qid, chosen in zip(qids, generator.integers(0, 60, (25, 3)), strict=True)
    }
    mine = score_queries(run_of(Found(places, scores), qids, doc_ids), answers)
    with path.open() as stream:
        read = pytrec_eval.parse_run(stream)
    measures = {"success.1,5,10", "recall.5,10,100", "ndcg_cut.10", "recip_rank"}
    theirs = pytrec_eval.RelevanceEvaluator(answers, measures).evaluate(read)
    for qid in qids:
        order = [doc_ids[place] for place in places[qids.index(qid)]]
        assert sorted(read[qid], key=lambda one: -read[qid][one]) == order
        for name, value in mine[qid].items():
            kind, cutoff = name.split("_")
            if kind == "mrr":
                rank = theirs[qid]["recip_rank"]
                assert value == pytest.approx(rank if rank >= 0.1 else 0.0)
            else:
                other = f"ndcg_cut_{cutoff}" if kind == "ndcg" else name
                assert value == pytest.approx(theirs[qid][other]), name


@pytest.mark.parametrize(("qid", "doc_id"), [("q 1", "d"), ("q", "d\t2"), ("q", "")])
def test_an_id_that_the_format_cannot_carry_is_named(tmp_path, qid, doc_id):
    found = Found(np.array([[0]]), np.array([[0.5]]))
    with pytest.raises(InputError, match="white space"):
        written(tmp_path, found, [qid], [doc_id])
    assert not list((tmp_path / "runs").iterdir())
