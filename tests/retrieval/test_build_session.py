"""A session from given names or from files of its own, its tables and its account."""

import os
import subprocess
import sys

import pytest

from scripts.retrieval.summarize_sessions import run as summarize
from tests.retrieval.session_builders import Input, build, document, query
from tests.workflow.harness import ROOT

DOCUMENTS = [
    document("d1", "사과", session="S0", domain="과일"),
    document("d2", "배", session="S0", domain="과일", source="장터"),
    document("d3", "  ", session="S1", domain="채소"),
    document("d4", "무", session="S1", domain="채소"),
    document("d5", "파", session="S1", domain="채소"),
]
QUERIES = [
    query("q1", session="S0", domain="과일"),
    query("q2", session="S1", domain="채소"),
    query("q3", "?!", session="S1", domain="채소"),
    query("q4", session="S1", domain="과일", answer=True),
    query("q5", session="S0", domain="과일"),
]
QRELS = [
    *[("q1", "d1", 1), ("q2", "d4", 2), ("q2", "d1", 1), ("q2", "d5", 0), ("q4", "d2", 1)],
    ("q5", "d4", 1),
]


@pytest.fixture
def given(tmp_path):
    inputs = Input(tmp_path / "input").write(DOCUMENTS, QUERIES, QRELS)
    first = build(inputs, tmp_path / "0")
    return first, build(inputs, tmp_path / "1", t=1, name="S1", before=[first])


def test_given_sessions_take_their_rows_in_order_of_the_input(given):
    first, second = given
    assert first.doc_ids == ["d1", "d2"] and second.doc_ids == ["d3", "d4", "d5"]
    assert first.qids() == ["q1", "q5"] and second.qids() == ["q2", "q3", "q4"]
    assert first.documents[1] == {"doc_id": "d2", "text": "배", "domain": "과일"}


def test_answers_of_earlier_sessions_stay_and_of_later_ones_go(given):
    first, second = given
    assert [tuple(row.values()) for row in first.qrels] == [("q1", "d1", 1, 0)]
    assert first.facts["later_judgements"] == 1 and first.facts["without_answer"] == 1
    assert [tuple(row.values()) for row in second.qrels] == [
        ("q2", "d4", 2, 1),
        ("q2", "d1", 1, 0),
        ("q2", "d5", 0, 1),
        ("q4", "d2", 1, 0),
    ]
    assert second.facts["answers"] == 3 and second.facts["answers_in_earlier_sessions"] == 2
    assert second.facts["answer_density"] == 1.0
    assert second.facts["without_answer"] == 1  # q3
    assert second.facts["without_words"] == 1 and second.facts["empty_texts"] == 1


def test_account_names_the_files(given, tmp_path):
    corpus, queries, qrels = given[1].facts["files"]
    assert corpus["path"] == str(tmp_path / "input" / "corpus.jsonl") and corpus["rows"] == 5
    assert queries["rows"] == 5 and qrels["rows"] == 6
    assert corpus["bytes"] == (tmp_path / "input" / "corpus.jsonl").stat().st_size


def test_files_without_sessions_are_one_session_each(tmp_path):
    """And the second session's judgements may name documents of the first."""
    files = [
        Input(tmp_path / "a").write([document("d1")], [query("q1")], [("q1", "d1", 1)]),
        Input(tmp_path / "b").write([document("d2")], [query("q2")], [("q2", "d1", 1)]),
    ]
    first = build(files[0], tmp_path / "0")
    second = build(files[1], tmp_path / "1", t=1, name="S1", before=[first])
    assert second.doc_ids == ["d2"]
    assert second.qrels == [{"qid": "q2", "doc_id": "d1", "score": 1, "session": 0}]
    assert second.facts["shares"] == {"": {"documents": 1, "queries": 1, "test": 0}}


def test_several_and_compressed_files_are_as_one(tmp_path):
    whole = Input(tmp_path / "whole").write(DOCUMENTS, QUERIES, QRELS)
    parts = [
        Input(tmp_path / "a", ".gz").write(DOCUMENTS[:2], QUERIES[:4], QRELS[:1]),
        Input(tmp_path / "b", ".gz").write(DOCUMENTS[2:], QUERIES[4:], QRELS[1:]),
    ]
    one = build(whole, tmp_path / "0", name="S1")
    other = build(parts, tmp_path / "1", name="S1")
    assert one.bytes()[:2] == other.bytes()[:2]
    assert one.qrels == other.qrels
    for session in (one, other):
        del session.facts["files"]
    assert one.facts == other.facts


def test_texts_are_normalized(tmp_path):
    """Decomposed syllables, control characters and half a surrogate pair, as files may hold."""
    rows = [document("d1", "\u1112\u1161\u11ab글\x00\u200b \ud83d"), document("d2", " \u200b ")]
    inputs = Input(tmp_path / "input").write(rows, [], [])
    session = build(inputs, tmp_path / "0")
    assert [row["text"] for row in session.documents] == ["한글 \ufffd", ""]
    assert session.facts["empty_texts"] == 1


def test_session_without_rows_is_empty_and_said(tmp_path, caplog):
    inputs = Input(tmp_path / "input").write(DOCUMENTS, QUERIES, QRELS)
    session = build(inputs, tmp_path / "0", name="S7")
    assert not session.documents and not session.queries and not session.qrels
    assert session.facts["queries"] == {"train": 0, "test": 0}
    assert session.facts["answer_density"] is None and session.facts["shares"] == {}
    assert "session S7 has 0 documents and 0 queries; the input's sessions: S0, S1" in caplog.text


def test_whole_numbers_name_sessions_too(tmp_path):
    rows = [document("d1", session=2023), document("d2", session=2024)]
    inputs = Input(tmp_path / "input").write(rows, [], [])
    assert build(inputs, tmp_path / "0", name="2024").doc_ids == ["d2"]


def test_document_that_answers_both_splits_is_a_leak(tmp_path):
    """Ten queries, three of them for tests, with one answer in common and one each."""
    queries = [query(f"q{number}") for number in range(10)]
    documents = [document(f"d{number}") for number in range(11)]
    qrels = [(f"q{number}", f"d{number}", 1) for number in range(10)]
    inputs = Input(tmp_path / "a").write(documents, queries, qrels)
    assert build(inputs, tmp_path / "0").facts["leaks"] == 0
    shared = [*qrels, *((f"q{number}", "d10", 1) for number in range(10))]
    inputs = Input(tmp_path / "b").write(documents, queries, shared)
    assert build(inputs, tmp_path / "1").facts["leaks"] == 1
    # A judgement that it is no answer leaks nothing.
    judged = [*qrels, *((f"q{number}", "d10", 0) for number in range(10))]
    inputs = Input(tmp_path / "c").write(documents, queries, judged)
    assert build(inputs, tmp_path / "2").facts["leaks"] == 0


def test_equal_texts_are_never_in_both_splits(tmp_path):
    """Nor where a text comes again in another session, in another form or case."""
    queries = [query(f"q{number}", session="S0") for number in range(20)]
    queries[4]["text"], queries[9]["text"] = "Seoul 날씨는?", "seoul  날씨는"
    later = [query(f"r{number}", f"물음 q{number}", session="S1") for number in range(4)]
    inputs = Input(tmp_path / "input").write([document("d", session="S0")], [*queries, *later], [])
    first = build(inputs, tmp_path / "0", test_share=0.5)
    assert len(first.qids("test")) == 10
    assert not {"q0", "q1", "q2", "q3", "q4", "q9"} & set(first.qids("test"))
    assert first.facts["moved_to_train"] > 0 and first.facts["test_short"] == 0
    everything = build(inputs, tmp_path / "1", test_share=1)
    assert len(everything.qids("test")) == 14
    assert everything.facts["moved_to_train"] == everything.facts["test_short"] == 6


def test_texts_of_earlier_sessions_are_no_tests_again(tmp_path):
    """In files of their own: what the first session trained on, or asked, is seen."""
    files = [
        Input(tmp_path / str(t)).write(
            [document(f"d{t}")], [query(f"q{t}-{number}", f"물음 {number}") for number in asked], []
        )
        for t, asked in enumerate([range(6), range(3, 9)])
    ]
    first = build(files[0], tmp_path / "first", test_share=0.5)
    second = build(files[1], tmp_path / "second", t=1, name="S1", before=[first], test_share=0.5)
    assert set(second.qids("test")) == {"q1-6", "q1-7", "q1-8"}
    asked = {row["text"] for row in first.queries if row["split"] == "test"}
    again = asked & {f"물음 {number}" for number in range(3, 9)}
    assert second.facts["tested_before"] == len(again)


def test_order_of_rows_moves_no_query_to_another_split(tmp_path):
    one = Input(tmp_path / "a").write(DOCUMENTS, QUERIES * 1, QRELS)
    other = Input(tmp_path / "b").write(DOCUMENTS[::-1], QUERIES[::-1], QRELS[::-1])
    built = [build(part, tmp_path / part.folder.name / "0", name="S1") for part in (one, other)]
    assert set(built[0].qids("test")) == set(built[1].qids("test"))
    assert built[0].doc_ids == built[1].doc_ids[::-1]


def test_another_process_and_hash_seed_give_the_same_bytes(tmp_path):
    inputs = Input(tmp_path / "input").write(DOCUMENTS, QUERIES, QRELS)
    shares = [{"session": "S0", "domain": name, "share": 0.5} for name in ("과일", "채소")]
    here = build(inputs, tmp_path / "here", shares=shares)
    code = (
        "import sys, json; from pathlib import Path;"
        "from tests.retrieval.session_builders import Input, build;"
        "build(Input(Path(sys.argv[1])), Path(sys.argv[2]), shares=json.loads(sys.argv[3]))"
    )
    for seed in ("0", "4711"):
        there = tmp_path / f"there{seed}"
        command = [sys.executable, "-c", code, str(inputs.folder), str(there)]
        subprocess.run(
            [
                *command,
                '[{"session":"S0","domain":"과일","share":0.5},'
                '{"session":"S0","domain":"채소","share":0.5}]',
            ],
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        assert [path.read_bytes() for path in sorted(there.iterdir())] == here.bytes()


def test_summary_joins_the_sessions(given, tmp_path):
    manifest, shares = tmp_path / "manifest.json", tmp_path / "shares.tsv"
    summarize([session.folder / "session.json" for session in given], manifest, shares)
    assert '"name": "S1"' in manifest.read_text()
    header, *rows = [line.split("\t") for line in shares.read_text().splitlines()]
    assert header == [
        *("session", "name", "domain", "documents", "train", "test"),
        *("document_share", "query_share", "test_share"),
    ]
    assert [row[:4] for row in rows] == [
        ["0", "S0", "과일", "2"],
        ["1", "S1", "과일", "0"],
        ["1", "S1", "채소", "3"],
    ]
    assert [row[7] for row in rows] == ["1.0", "0.333333", "0.666667"]
    assert rows[1][6] == "0.0"
