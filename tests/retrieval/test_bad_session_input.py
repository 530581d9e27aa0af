"""What cannot be used as an input is said in one line: file, line, value, remedy."""

import gzip
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripts.common.errors import ConfigError, InputError
from scripts.retrieval.input_rows import text_rows
from tests.retrieval.session_builders import Input, build, document, query


def refusal(inputs, folder, error=InputError, **more):
    with pytest.raises(error) as caught:
        build(inputs, folder, **more)
    message = str(caught.value)
    assert "\n" not in message
    assert not folder.exists() or not list(folder.iterdir())
    return message


@pytest.fixture
def inputs(tmp_path):
    return Input(tmp_path / "input").write([document("d1")], [query("q1")], [("q1", "d1", 1)])


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("corpus.jsonl", '{"doc_id": "d2", "text": "글"', r"corpus.jsonl:3 is not valid JSON .*"),
        ("corpus.jsonl", "[" * 99999, r":3 is no object that can be read \(maximum recursion"),
        (
            "corpus.jsonl",
            '{"n": ' + "9" * 5000 + "}",
            r":3 is no object that can be read \(Exceeds",
        ),
        ("corpus.jsonl", '["d2", "글"]', r"corpus.jsonl:3 holds .*, no JSON object"),
        ("corpus.jsonl", '{"id": "d2", "text": "글"}', r":3 has no field 'doc_id', only id, text"),
        ("corpus.jsonl", '{"doc_id": "d2"}', r":3 has no field 'text', only doc_id; add it"),
        ("corpus.jsonl", '{"doc_id": 2, "text": "글"}', r":3: doc_id is 2; write it as text"),
        ("corpus.jsonl", '{"doc_id": "d2", "text": null}', r":3: text is null; write it as text"),
        ("corpus.jsonl", '{"doc_id": "d 2", "text": ""}', r":3: doc_id is \"d 2\"; an id needs .*"),
        ("corpus.jsonl", '{"doc_id": "", "text": ""}', r":3: doc_id is \"\"; an id needs .*"),
        (
            "corpus.jsonl",
            '{"doc_id": "d2", "text": "", "domain": ["a"]}',
            r":3: domain is \[\"a\"\]; write a name as text, or leave it out",
        ),
        (
            "corpus.jsonl",
            '{"doc_id": "d2", "text": "", "session": true}',
            r":3: session is true; write a name as text",
        ),
        ("queries.jsonl", '{"doc_id": "d2", "text": "글"}', r"queries.jsonl:3 has no field 'qid'"),
        ("qrels.tsv", "q1\td1", r"qrels.tsv:4 has 2 cells; write three, separated by tabs"),
        ("qrels.tsv", "q1\td1\tyes", r"qrels.tsv:4: score is \"yes\"; write a whole number"),
        ("qrels.tsv", "q1\td1\t9999999999", r"qrels.tsv:4: score is \"9999999999\""),
    ],
)
def test_bad_line_is_named(tmp_path, inputs, name, line, said):
    """Blank lines count in line numbers, and are no rows."""
    path = inputs.path(name)
    path.write_text(path.read_text() + "\n" + line + "\n")
    message = refusal(inputs, tmp_path / "0")
    assert str(path) in message and re.search(said, message), message


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl"])
def test_first_ten_repeated_ids_are_listed(tmp_path, inputs, name):
    kind = document if name.startswith("corpus") else query
    lines = [str(kind(f"x{n}")).replace("'", '"') for n in [*range(30), 5, *range(15)]]
    inputs.put(name, lines)
    inputs.put("qrels.tsv", ["query-id\tcorpus-id\tscore"])
    message = refusal(inputs, tmp_path / "0")
    path = inputs.path(name)
    assert "16 rows have a " in message
    assert f"x5 at {path}:31 (first at {path}:6), x0 at {path}:32 (first at {path}:1)" in message
    assert message.count("first at") == 10 and "…" in message


def test_id_that_two_files_hold_is_repeated(tmp_path, inputs):
    other = Input(tmp_path / "other").write([document("d1")], [], [])
    message = refusal([inputs, other], tmp_path / "0")
    assert f"d1 at {other.path('corpus.jsonl')}:1" in message
    assert f"first at {inputs.path('corpus.jsonl')}:1" in message


def test_first_ten_unknown_ids_are_listed(tmp_path, inputs):
    rows = [f"q1\tx{number}\t1" for number in range(12)]
    path = inputs.put("qrels.tsv", ["query-id\tcorpus-id\tscore", *rows, "q9\td1\t1"])
    message = refusal(inputs, tmp_path / "0")
    assert message.startswith(f"13 judgements name unknown ids: document x0 at {path}:2, ")
    assert message.count("document x") == 10 and "q9" not in message and "…" in message
    path.write_text("query-id\tcorpus-id\tscore\nq9\td1\t1\n")
    assert f"query q9 at {path}:2; correct" in refusal(inputs, tmp_path / "0")


def test_judgement_that_stands_twice_is_refused(tmp_path, inputs):
    path = inputs.put("qrels.tsv", ["query-id\tcorpus-id\tscore", "q1\td1\t1", "q1\td1\t0"])
    assert f"q1 d1 at {path}:3; keep one" in refusal(inputs, tmp_path / "0")


def test_header_of_judgements_is_needed(tmp_path, inputs):
    for lines in ([], ["q1\td1\t1"], ["query-id corpus-id score"]):
        inputs.put("qrels.tsv", lines)
        assert "its header must be query-id corpus-id score" in refusal(inputs, tmp_path / "0")


def test_two_sessions_with_one_document_are_refused(tmp_path, inputs):
    first = build(inputs, tmp_path / "0")
    message = refusal(inputs, tmp_path / "1", t=1, name="S1", before=[first])
    assert f"d1 at {inputs.path('corpus.jsonl')}:1 (session 0)" in message


def test_two_sessions_with_one_query_are_refused(tmp_path, inputs):
    first = build(inputs, tmp_path / "0")
    other = Input(tmp_path / "other").write([document("d2")], [query("q1", "다른 물음")], [])
    message = refusal(other, tmp_path / "1", t=1, name="S1", before=[first])
    assert f"1 queries stand in an earlier session too: q1 at {other.path('queries.jsonl')}:1" in (
        message
    )


def test_empty_corpus_is_refused_in_the_first_session_alone(tmp_path, inputs):
    empty = Input(tmp_path / "empty").write([], [], [])
    assert "holds no document" in refusal(empty, tmp_path / "0")
    first = build(inputs, tmp_path / "0")
    second = build(empty, tmp_path / "1", t=1, name="S1", before=[first])
    assert not second.documents and second.facts["documents"] == 0


@pytest.mark.parametrize(
    ("documents", "queries", "place"),
    [
        ([document("d1", session="S0"), document("d2")], [], "corpus.jsonl:2"),
        ([document("d1", session="S0")], [query("q1")], "queries.jsonl:1"),
        ([document("d1")], [query("q1", session="S0")], "corpus.jsonl:1"),
    ],
)
def test_rows_without_session_beside_rows_with_one_are_refused(tmp_path, documents, queries, place):
    inputs = Input(tmp_path / "input").write(documents, queries, [])
    message = refusal(inputs, tmp_path / "0")
    assert f"{inputs.folder}/{place} has no session, but other rows have" in message


def test_missing_folder_damaged_and_foreign_files(tmp_path, inputs):
    path = inputs.path("corpus.jsonl")
    path.write_bytes("글".encode("utf-16"))
    assert f"{path}:1 is not UTF-8" in refusal(inputs, tmp_path / "0")
    path.unlink()
    assert f"{path} is missing" in refusal(inputs, tmp_path / "0")
    path.mkdir()
    assert f"{path} is a folder" in refusal(inputs, tmp_path / "0")
    cut = Input(tmp_path / "cut", ".gz").write([document("d1", "글" * 999)], [], [])
    whole = cut.path("corpus.jsonl").read_bytes()
    for damaged in (whole[:-9], b"no gzip at all", gzip.compress(b"{}")[:-1]):
        cut.path("corpus.jsonl").write_bytes(damaged)
        assert "corpus.jsonl.gz is damaged" in refusal(cut, tmp_path / "0")


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_share_of_tests_is_from_0_to_1(tmp_path, inputs, share):
    message = refusal(inputs, tmp_path / "0", ConfigError, test_share=share)
    assert message == f"test_share = {share}; allowed: 0 to 1"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
FIELDS = st.dictionaries(st.sampled_from(["qid", "text", "domain", "session", "other"]), VALUES)
LINES = st.binary(max_size=20) | FIELDS.map(lambda row: json.dumps(row).encode())


@given(LINES)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_line_is_a_row_or_one_line_of_complaint(tmp_path, line):
    path = tmp_path / "queries.jsonl"
    path.write_bytes(line)
    complaint, rows = "", []
    try:
        rows = list(text_rows([path], "qid"))
    except InputError as error:
        complaint = str(error)
    assert "\n" not in complaint
    assert complaint.startswith(f"{path}:") or len(rows) == bool(line.strip())


def plan(*rows):
    return [dict(zip(("session", "domain", "share"), row, strict=True)) for row in rows]


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        (plan(("S0", "과일", 1.2)), "session S0, domain 과일: share = 1.2; allowed: 0 to 1"),
        (plan(("S0", "과일", 0.1), ("S0", "과일", 0.2)), "session S0, domain 과일 stands twice"),
        (plan(("A", "과일", 0.7), ("S0", "과일", 0.4)), "add up to 1.1; allowed: at most 1"),
        (plan(("S0", "과일들", 0.7)), "domain 과일들, which no document .* mean 과일.* 과일, 채소"),
    ],
)
def test_plan_that_cannot_be_met_is_refused(tmp_path, shares, said):
    rows = [document("d1", domain="과일"), document("d2", domain="채소")]
    inputs = Input(tmp_path / "input").write(rows, [], [])
    assert re.search(said, refusal(inputs, tmp_path / "0", ConfigError, shares=shares))


def test_plan_needs_domains(tmp_path):
    """A document without one takes that of the queries that it answers; others cannot be drawn."""
    rows = [document("d1"), document("d2", domain="과일"), document("d3")]
    asked = [query("q1", domain="과일")]
    inputs = Input(tmp_path / "input").write(rows, asked, [("q1", "d1", 1)])
    message = refusal(inputs, tmp_path / "0", shares=plan(("S0", "과일", 1)))
    assert "1 rows have no domain, nor has any row linked to them" in message
    assert f"d3 at {inputs.path('corpus.jsonl')}:3" in message
