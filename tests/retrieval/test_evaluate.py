"""Evaluating entries: hand-written vectors, answers elsewhere, texts without words, bad files."""

from typing import Any

import numpy as np
import pytest
import pytrec_eval
from safetensors.numpy import load_file

from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.files import read_json
from scripts.common.tables import read_table
from scripts.retrieval import encoders, evaluate_accumulated, evaluate_bm25, evaluate_session
from scripts.retrieval.score_rows import Scored, read_scored
from scripts.retrieval.tables import QUERY_SCORES
from scripts.retrieval.vector_files import (
    Rows,
    mapped_vectors,
    read_metadata,
    read_vectors,
    vector_blocks,
    write_vectors,
)
from tests.retrieval.search_builders import WrittenEncoder, write_session

VECTORS = {
    "north": [1, 0, 0],
    "south": [0.8, 0.6, 0],
    "east": [0, 1, 0],
    "west": [0, 0, 1],
    "to the north": [0.9, 0.1, 0],
    "to the east": [0.5, 0.8, 0],
    "to the west": [0, 0.3, 0.9],
}
BY_WORDS: dict[str, Any] = {"method": "words", "seed": 3, "tokens": "words"}
LATER = {**VECTORS, "north": [0, 0, 1], "west": [1, 0, 0]}


@pytest.fixture
def use(monkeypatch):
    """Let the evaluation load an encoder with these vectors."""

    def set_vectors(vectors):
        encoder = WrittenEncoder(vectors, 3)
        monkeypatch.setattr(encoders, "load_encoder", lambda folder, **_: encoder)

    return set_vectors


@pytest.fixture
def sessions(tmp_path):
    first = write_session(
        tmp_path / "0",
        {"n": "north", "blank": "…", "e": "east"},
        {
            "qn": "to the north",
            "qe": "to the east",
            "dumb": "?!",
            "open": "to the west",
            "trained": "to the north",
        },
        [("qn", "n"), ("qe", "e", 2), ("qe", "n", 0), ("dumb", "e"), ("trained", "n")],
        train=["trained"],
    )
    second = write_session(
        tmp_path / "1",
        {"s": "south", "w": "west"},
        {"qw": "to the west", "back": "to the north"},
        [("qw", "w"), ("back", "n")],
    )
    return first, second


def evaluate(folder, session, *, model=0, test=0, modes=("full",), stored=(), depth=100, **more):
    written = {
        "runs": folder / f"{model}-{test}.trec",
        "scores": folder / f"{model}-{test}.parquet",
        "vectors": folder / f"{model}-{test}.safetensors",
        "facts": folder / f"{model}-{test}.json",
    }
    arguments: dict[str, Any] = {
        **session,
        **written,
        "session": model,
        "test": test,
        "modes": list(modes),
        "depth": depth,
        "method": "cluster",
        "seed": 7,
        **more,
    }
    evaluate_session.run(folder, stored=list(stored), memory=[], **arguments)
    return written


def tables_of(sessions) -> dict[str, Any]:
    names = ("documents", "queries", "qrels")
    return {name: [session[name] for session in sessions] for name in names}


def scores_of(path, measure="success_1"):
    rows = read_table(path, QUERY_SCORES).to_pylist()
    return {(row["mode"], row["qid"]): row[measure] for row in rows}


def test_scores_are_of_the_test_queries_that_have_an_answer(tmp_path, sessions, use):
    use(VECTORS)
    written = evaluate(tmp_path, sessions[0])
    rows = read_table(written["scores"], QUERY_SCORES).to_pylist()
    assert [(row["qid"], row["answers"], row["success_1"]) for row in rows] == [
        ("qn", 1, 1.0),
        ("qe", 1, 1.0),
        ("dumb", 1, 0.0),  # a query without words is missing in the run and scores nothing
    ]
    facts = read_json(written["facts"])
    assert (
        facts
        | {
            "queries": 4,
            "scored": 3,
            "without_answer": 1,
            "without_words": 1,
            "documents": 3,
            "empty_documents": 1,
        }
        == facts
    )
    assert read_scored(written["scores"]) == Scored("cluster", 7, 0, 0, "own")


def test_the_run_file_holds_every_query_that_found_something(tmp_path, sessions, use):
    use(VECTORS)
    written = evaluate(tmp_path, sessions[0])
    with written["runs"].open() as stream:
        read = pytrec_eval.parse_run(stream)
    assert {qid: list(hits) for qid, hits in read.items()} == {
        "qn": ["n", "e"],
        "qe": ["e", "n"],
        "open": ["e", "n"],
    }
    assert all(line.endswith("cluster-7-0") for line in written["runs"].read_text().splitlines())


def test_an_answer_of_another_session_is_found_in_the_accumulated_collection_alone(
    tmp_path, sessions, use
):
    use(VECTORS)
    files = [
        evaluate(tmp_path, session, test=test, model=1) for test, session in enumerate(sessions)
    ]
    assert ("full", "back") not in scores_of(files[1]["scores"])
    assert read_json(files[1]["facts"])["without_answer"] == 1
    scores = tmp_path / "accumulated.parquet"
    evaluate_accumulated.run(
        [one["vectors"] for one in files], **tables_of(sessions), scores=scores
    )
    rows = {row["qid"]: row for row in read_table(scores, QUERY_SCORES).to_pylist()}
    # Of north, east, south, west: south comes between east and north for a query to the east.
    assert list(rows) == ["qn", "qe", "dumb", "qw", "back"]
    assert [rows[qid]["test"] for qid in rows] == [0, 0, 0, 1, 1]
    assert rows["back"]["success_1"] == 1.0 and rows["qw"]["success_1"] == 1.0
    vectors = np.array([VECTORS[name] for name in ("north", "east", "south", "west")])
    rank = 1 + (vectors @ VECTORS["to the east"]).argsort()[::-1].tolist().index(1)
    assert rows["qe"]["mrr_10"] == pytest.approx(1 / rank) and rank == 2
    assert read_scored(scores) == Scored("cluster", 7, 1, 1, "accumulated")


def test_stored_vectors_are_searched_as_they_were_with_the_new_models_queries(
    tmp_path, sessions, use
):
    use(VECTORS)
    first = evaluate(tmp_path, sessions[0], modes=["full", "stored"])
    assert {mode for mode, _ in scores_of(first["scores"])} == {"full"}
    use(LATER)
    later = evaluate(
        tmp_path, sessions[0], model=1, modes=["stored", "full"], stored=[first["vectors"]]
    )
    scores = scores_of(later["scores"])
    assert scores["full", "qn"] == 0.0 and scores["stored", "qn"] == 1.0
    assert read_json(later["facts"])["modes"] == ["full", "stored"]
    assert read_vectors(later["vectors"], "documents")[0].tolist() == [0, 0, 1]


def test_stored_vectors_of_other_documents_are_refused(tmp_path, sessions, use):
    use(VECTORS)
    other = evaluate(tmp_path, sessions[1], test=1)
    with pytest.raises(IntegrityError, match="other documents than session 0"):
        evaluate(tmp_path, sessions[0], model=1, modes=["stored"], stored=[other["vectors"]])


def test_an_empty_session_is_evaluated_to_no_scores(tmp_path, sessions, use):
    use(VECTORS)
    empty = write_session(tmp_path / "empty", {}, {}, [])
    written = evaluate(tmp_path, empty, test=2)
    assert read_table(written["scores"], QUERY_SCORES).num_rows == 0
    assert written["runs"].read_text() == ""
    assert read_vectors(written["vectors"], "documents").shape == (0, 3)
    unasked = write_session(tmp_path / "unasked", {"n": "north"}, {}, [])
    assert read_json(evaluate(tmp_path, unasked, test=2)["facts"])["documents"] == 1


def test_the_same_inputs_give_the_same_bytes_on_any_number_of_threads(tmp_path, sessions, use):
    use(VECTORS)
    first = {name: path.read_bytes() for name, path in evaluate(tmp_path, sessions[0]).items()}
    again = evaluate(tmp_path, sessions[0], threads=2)
    assert {name: path.read_bytes() for name, path in again.items()} == first


def test_unknown_modes_and_shallow_runs_are_refused(tmp_path, sessions, use):
    use(VECTORS)
    with pytest.raises(ConfigError, match="unknown modes"):
        evaluate(tmp_path, sessions[0], modes=["full", "half"])
    with pytest.raises(ConfigError, match="give 100 or more"):
        evaluate(tmp_path, sessions[0], depth=99)


def test_vectors_out_of_order_or_of_two_models_are_refused(tmp_path, sessions, use):
    use(VECTORS)
    files = [
        evaluate(tmp_path, session, test=test, model=1) for test, session in enumerate(sessions)
    ]
    older = evaluate(tmp_path, sessions[1], test=1, model=0)
    tables = tables_of(sessions)
    scores = tmp_path / "accumulated.parquet"
    for chosen in (
        [files[1]["vectors"], files[0]["vectors"]],
        [files[0]["vectors"], older["vectors"]],
    ):
        with pytest.raises(IntegrityError, match="not one model's"):
            evaluate_accumulated.run(chosen, **tables, scores=scores)
    with pytest.raises(IntegrityError, match="equal in number"):
        evaluate_accumulated.run([files[0]["vectors"]], **tables, scores=scores)


def test_vector_files_are_read_by_any_reader_of_the_format_and_in_parts(tmp_path):
    generator = np.random.default_rng(1)
    parts = {"documents": generator.random((11, 3)), "queries": generator.random((2, 3))}
    arrays = {name: part.astype(np.float32) for name, part in parts.items()}
    path = tmp_path / "one.safetensors"
    rows = {name: Rows(len(one), np.array_split(one, 3)) for name, one in arrays.items()}
    write_vectors(path, rows, dimension=3, metadata={"key": "값"})
    read = load_file(path)
    for name, array in arrays.items():
        assert np.array_equal(read[name], array)
        assert np.array_equal(mapped_vectors(path, name), array)
        blocks = list(vector_blocks(path, name, rows=4))
        assert [start for start, _ in blocks] == list(range(0, len(array), 4))
        assert np.array_equal(np.concatenate([block for _, block in blocks]), array)
    assert read_metadata(path) == {"key": "값"}
    with pytest.raises(ValueError, match="11 rows, not 12"):
        write_vectors(
            path, {"documents": Rows(12, [arrays["documents"]])}, dimension=3, metadata={}
        )
    assert np.array_equal(read_vectors(path, "queries"), arrays["queries"])  # left as it was


def test_a_truncated_vector_file_is_told_in_one_line(tmp_path, sessions, use):
    use(VECTORS)
    path = evaluate(tmp_path, sessions[0])["vectors"]
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(IntegrityError, match="no complete vector file"):
        read_vectors(path, "documents")


def test_bm25_searches_its_own_and_the_accumulated_collection(tmp_path, sessions):
    names = ("runs", "scores", "accumulated", "facts")
    written: dict[str, Any] = {name: tmp_path / name for name in names}
    tables = tables_of(sessions)
    evaluate_bm25.run(**tables, **written, **BY_WORDS, test=1)
    runs, own, accumulated, facts = written.values()
    assert scores_of(own) == {("full", "qw"): 1.0}
    assert scores_of(accumulated) == {
        ("full", "qn"): 1.0,
        ("full", "qe"): 1.0,
        ("full", "dumb"): 0.0,
        ("full", "qw"): 1.0,
        ("full", "back"): 1.0,
    }
    assert runs.read_text().split()[:4] == ["qw", "Q0", "w", "1"]
    assert read_json(facts)["without_answer"] == 1 and read_json(facts)["tokens"] == "words"
    assert read_scored(own) == Scored("words", 3, -1, 1, "own", lexical=True)
    with pytest.raises(IntegrityError, match="sessions 0 to 2"):
        evaluate_bm25.run(**tables, **written, **BY_WORDS, test=2)
