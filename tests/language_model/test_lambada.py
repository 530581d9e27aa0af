"""Items of lambada: the last repeated noun of a last sentence, or the answer at a row's blank."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.errors import DownloadError, InputError
from scripts.common.files import read_json
from scripts.common.tables import read_table
from scripts.language_model import build_lambada
from scripts.language_model.build_lambada import sentences
from scripts.language_model.hub_rows import hub_rows
from scripts.language_model.local_rows import local_rows
from scripts.language_model.tables import EVALUATION_ITEMS
from tests.language_model.corpus_tables import write_corpus
from tests.language_model.evaluation_builders import saved_tokenizer, tiny_wordpiece

DOCUMENTS = [
    ("d0", "holdout", "삼성 은 서울에 갔다. 부산 은 나. 서울에서 삼성이 말했다. 나 다"),
    ("d1", "train", "대구 는 갔다. 대구는 있다."),
    ("d2", "holdout", "대구 는 갔다. 부산 은 있다. 가나 는 나."),
    ("d3", "holdout", "서울 은 있다\n가나 전자 는 갔다. 전자를 서울에서. 가 나."),
]


def build(folder: Path, **changes: Any) -> list[dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    arguments: dict[str, Any] = {
        **write_corpus(folder, DOCUMENTS, entities={"삼성": 2}),
        "entities": [folder / "entities.parquet"],
        "tokenizer": saved_tokenizer(folder, tiny_wordpiece()),
        "blanks": None,
        "evaluation_set": folder / "lambada.parquet",
        "description": folder / "lambada.json",
        "hub": None,
        "revision": None,
        "split": "test",
        "length": 40,
        "max_masks": 4,
        "max_items": 100,
        "min_syllables": 2,
        "max_choices": 3,
        "min_characters": 5,
        "seed": 3,
        "code_hash": "c",
        "batch_documents": 2,
    }
    build_lambada.run(**{**arguments, **changes})
    return read_table(folder / "lambada.parquet", EVALUATION_ITEMS).to_pylist()


def test_the_last_repeated_noun_is_masked_and_the_text_ends_there(tmp_path: Path) -> None:
    rows = build(tmp_path)
    assert [(row["doc_id"], row["answer"], row["text"][row["mention_end"] :]) for row in rows] == [
        ("d0", "삼성", "이 말했다."),
        ("d3", "서울", "에서."),
    ]
    assert [row["text"][:5] for row in rows] == ["삼성 은 ", "서울 은 "]
    assert [row["choices"] for row in rows] == [["부산", "삼성", "서울"], ["가나", "서울", "전자"]]
    assert [row["training_samples"] for row in rows] == [2, 0]
    assert [row["particle"] for row in rows] == ["JKS", "JKB"]
    assert read_json(tmp_path / "lambada.json")["left_out"] == {"no_repeated_noun": 1}


def test_limits_are_kept(tmp_path: Path) -> None:
    (row,) = build(tmp_path / "few", max_choices=2, max_items=1)
    assert len(row["choices"]) == 2 and row["answer"] in row["choices"]
    with pytest.raises(InputError, match=r"lambada: no item is left .*short_context 2"):
        build(tmp_path / "long", min_characters=100)
    with pytest.raises(InputError, match="out_of_window"):
        build(tmp_path / "short", length=12)


@given(st.lists(st.sampled_from(["가 나", ". ", "?” ", "\n", "다.", "! ", "3.5 "]), max_size=12))
def test_sentences_end_with_marks_and_follow_each_other(parts: list[str]) -> None:
    text = "".join(parts)
    behind = 0
    for start, end in sentences(text):
        sentence = text[start:end]
        assert behind <= start < end
        assert sentence.rstrip("”")[-1] in ".?!" and "\n" not in sentence
        assert sentence == sentence.strip() and text[:start].strip()
        behind = end


ROWS = [
    {
        "text": "서울은 있다 . 부산 에 _에서 갔다 .",
        "answer": "서울",
        "candidates": ["부산", "대구"],
    },
    {"text": "가나 는 신____는 갔다 .", "answer": "삼성", "candidates": "가나"},
    {"text": "가나 는 갔다 .", "answer": "삼성", "candidates": []},
    {"text": "_ 는 _ 에", "answer": "삼성", "candidates": []},
    {"text": "가나 는 _", "answer": "", "candidates": []},
    {"text": "가나 는 힣_", "answer": "삼성", "candidates": None},
    {"text": None, "answer": "삼성", "candidates": []},
    {"text": "가나 는 _ .", "answer": ["삼성"], "candidates": []},
    {"text": "가나 는 _ .", "answer": "삼성", "candidates": 5},
    {"text": "가나 는 _ .", "answer": "삼성", "candidates": ["서울", None]},
]


def test_blanks_are_masked_where_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "ko.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    first, second = build(tmp_path, blanks=path)
    assert first["text"] == "서울은 있다 . 부산 에 서울에서 갔다 ."
    assert (first["mention_start"], first["antecedent_start"]) == (14, 0)
    assert first["choices"] == ["대구", "부산", "서울"]
    assert (first["particle"], first["particle_text"]) == ("JKB", "에서")
    assert second["text"] == "가나 는 신삼성는 갔다 ."
    assert second["mention_start"] == 6 and second["antecedent_start"] is None
    assert second["choices"] == ["가나", "삼성"]
    description = read_json(tmp_path / "lambada.json")
    assert description["rows"] == 10
    assert Counter(description["left_out"]) == {
        "no_blank": 1,
        "several_blanks": 1,
        "no_answer": 1,
        "unknown_token": 1,
        "wrong_type": 4,
    }


def test_missing_fields_and_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "ko.jsonl"
    path.write_text('{"question": "가 _"}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"no field 'text', only \['question'\]"):
        build(tmp_path, blanks=path)
    with pytest.raises(InputError, match="is missing"):
        build(tmp_path, blanks=tmp_path / "none.jsonl")


def test_damaged_files_end_in_one_line(tmp_path: Path) -> None:
    table = pa.table({"text": [f"{n} _ 가나" * 9 for n in range(2000)], "answer": ["서울"] * 2000})
    pq.write_table(table, tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    flipped = bytes(byte ^ 0x5A for byte in whole)
    rows = b"".join(b'{"text": "%d"}\n' % n for n in range(3000))
    packed = gzip.compress(rows)
    damaged = {
        "page.parquet": whole[:200] + flipped[200:400] + whole[400:],
        "footer.parquet": whole[:-60] + flipped[-60:-10] + whole[-10:],
        "cut.parquet": whole[:500],
        "number.jsonl": b'{"text": ' + b"1" * 5000 + b"}\n",
        "deep.jsonl": b"[" * 100_000 + b"\n",
        "block.jsonl.gz": packed[:10] + b"\xff" * 40 + packed[50:],
    }
    for name, content in damaged.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError, match=name):
            list(local_rows(path))


def test_a_hub_set_that_cannot_be_had_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def gated(name: str, **_: object) -> None:
        raise datasets.exceptions.DatasetNotFoundError(f"Dataset '{name}' is a gated dataset")

    monkeypatch.setattr(datasets, "load_dataset", gated)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(DownloadError, match=r"owner/set is missing or gated, .*no token.*HF_TOKEN"):
        hub_rows("owner/set", None, "test")

    def unreachable(name: str, **_: object) -> None:
        raise ConnectionError("Couldn't reach the Hub")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(DownloadError, match=r"owner/set .*cannot be read from the hub"):
        hub_rows("owner/set", "abc", "test")
