"""Training pairs are read back as they were written, and a wrong line is named."""

import json

import pytest

from scripts.common.errors import IntegrityError
from scripts.retrieval.pairs import Pair, read_pairs, write_pairs

PAIRS = [
    Pair("질문 1", "query", "문서 2", "label", ("문서 3", "문서 4"), 5, 0.5, (0.25, -0.125)),
    Pair("q2", "query", None, "self", ("d1",), None, 1.0, (0.0,)),
    Pair("d7", "document", None, "prototype", cluster=3),
    Pair("q3", "query", "d1", "random"),
]
LINE = {
    "query": "q",
    "query_kind": "query",
    "positive": "d1",
    "positive_kind": "label",
    "negatives": ["d2", "d3"],
    "cluster": 1,
    "scores": {"positive": 0.5, "negatives": [0.1, 0.2]},
}


def test_round_trip(tmp_path):
    write_pairs(tmp_path / "pairs.jsonl", PAIRS)
    assert list(read_pairs(tmp_path / "pairs.jsonl")) == PAIRS
    first = json.loads((tmp_path / "pairs.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert first["query"] == "질문 1"
    assert first["scores"] == {"positive": 0.5, "negatives": [0.25, -0.125]}


@pytest.mark.parametrize(
    "change",
    [
        {"query": 3},
        {"query_kind": "text"},
        {"positive": None},
        {"positive_kind": "self"},
        {"positive_kind": "best"},
        {"negatives": ["d2", "d2"], "scores": {"positive": None, "negatives": []}},
        {"negatives": ["d1", "d3"]},
        {"negatives": ["d2"]},
        {"negatives": [2, 3]},
        {"scores": {}},
        {"scores": None},
        {"positive": None, "positive_kind": "prototype", "cluster": None},
    ],
)
def test_a_line_that_is_no_pair_is_named(tmp_path, change):
    file = tmp_path / "pairs.jsonl"
    file.write_text(json.dumps(LINE) + "\n" + json.dumps({**LINE, **change}) + "\n")
    pairs = read_pairs(file)
    assert next(pairs).positive == "d1"
    with pytest.raises(IntegrityError, match=r"pairs\.jsonl:2 is no training pair"):
        next(pairs)


def test_a_cut_file_and_a_missing_one(tmp_path):
    file = tmp_path / "pairs.jsonl"
    file.write_text(json.dumps(LINE)[:40])
    with pytest.raises(IntegrityError, match="run again"):
        list(read_pairs(file))
    with pytest.raises(IntegrityError, match="is missing"):
        list(read_pairs(tmp_path / "none.jsonl"))
