"""Gold clusters become items whose offsets survive normalization, each mention with its reason."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from scripts.common.analysis import without_spaces
from scripts.common.errors import InputError
from scripts.common.files import read_json
from scripts.common.normalize import normalize
from scripts.common.tables import read_table
from scripts.common.wordpiece_training import frequent_characters, train
from scripts.language_model import build_gold_coref
from scripts.language_model.tables import EVALUATION_ITEMS
from tests.corpus.builders import checked
from tests.language_model.corpus_tables import write_corpus
from tests.language_model.evaluation_builders import saved_tokenizer, tiny_wordpiece
from tests.workflow.harness import ROOT

RAW = "삼성 은 서울 에\r\n갔다 .\u200b 그 신삼성은 삼성이 나 . 서울에서 서울은 가나 . 가나"


def mention(surface: str, number: int) -> list[str]:
    """The `number`-th occurrence of a surface in `RAW`, as KoCoNovel writes it."""
    start = -1
    for _ in range(number):
        start = RAW.index(surface, start + 1)
    return [str(start), str(start + len(surface)), surface, "A"]


CLUSTERS = [
    [mention("삼성", 3), mention("그", 1), mention("삼성", 1), mention("삼성", 2)],
    [mention("서울", 1), mention("서울", 3), mention("서울", 2)],
    [mention("가나", 2), mention("가나", 1)],
    [["0", "2", "부산", "B"], ["0", "2", "대구"], mention("서울", 3), mention("서울", 1)],
]


def build(folder: Path, rows: list[dict[str, Any]], **changes: Any) -> list[dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    write_corpus(folder, [("d", "train", "가")], entities={"서울": 4})
    path = folder / "gold.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    arguments: dict[str, Any] = {
        "gold": path,
        "entities": [folder / "entities.parquet"],
        "tokenizer": saved_tokenizer(folder, tiny_wordpiece()),
        "evaluation_set": folder / "gold_coref.parquet",
        "description": folder / "gold_coref.json",
        "name": "novels",
        "text_field": "text",
        "passage_field": "id",
        "document_field": "novel",
        "clusters_field": "clusters",
        "length": 64,
        "max_masks": 4,
        "max_items": None,
        "items_per_document": 100,
        "min_syllables": 2,
        "min_distance": 4,
        "seed": 3,
        "code_hash": "c",
    }
    build_gold_coref.run(**{**arguments, **changes})
    return read_table(folder / "gold_coref.parquet", EVALUATION_ITEMS).to_pylist()


ROW = {"id": "p1", "novel": "n1", "text": RAW, "clusters": CLUSTERS}


def test_every_mention_is_an_item_or_has_a_reason(tmp_path: Path) -> None:
    rows = build(tmp_path, [ROW])
    text = normalize(RAW).text
    assert len(text) < len(RAW)
    assert all(row["text"] == text and row["doc_id"] == "novels:n1" for row in rows)
    spans = sorted((row["mention_start"], row["answer"]) for row in rows)
    places = [index for index in range(len(text)) if text.startswith(("삼성", "서울"), index)]
    # First mentions of a form are no items; 가나 lies too near to itself.
    assert spans == [(p, text[p : p + 2]) for p in places[2:]]
    first = {"삼성": text.index("삼성"), "서울": text.index("서울")}
    assert all(row["antecedent_start"] == first[row["answer"]] for row in rows)
    assert {row["answer"]: row["training_samples"] for row in rows} == {"삼성": 0, "서울": 4}
    description = read_json(tmp_path / "gold_coref.json")
    assert description["left_out"] == {
        "first_of_its_form": 5,
        "distance_below": 1,
        "masked_in_another_cluster": 1,
        "offsets_do_not_give_surface": 2,
    }
    assert description["mentions"] == sum(map(len, CLUSTERS)) == 13
    assert description["items"] + sum(description["left_out"].values()) == 13


def test_gold_mentions_count_among_the_nouns(tmp_path: Path) -> None:
    phrase = ["0", "5", RAW[:5], "A"]
    (row,) = (
        row
        for row in build(tmp_path, [{**ROW, "clusters": [*CLUSTERS, [phrase]]}])
        if row["answer"] == "서울" and row["particle"] == "JX"
    )
    assert RAW[:5] in row["noun_form"]
    assert (row["mention_start"], row["mention_end"]) not in zip(
        row["noun_start"], row["noun_end"], strict=True
    )


def test_a_document_gives_so_many_items_whatever_its_passages(tmp_path: Path) -> None:
    passages = [
        {**ROW, "id": f"p{number}", "novel": novel} for number, novel in enumerate("aaaaab")
    ]
    everything = build(tmp_path / "all", passages)
    per_passage = len(everything) // 6
    assert len(everything) == 6 * per_passage and per_passage > 1
    limit = per_passage + 1
    rows = build(tmp_path / "limited", passages, items_per_document=limit)
    # Novel a has five passages and is cut, novel b has one and is whole.
    assert Counter(row["doc_id"] for row in rows) == {
        "novels:a": limit,
        "novels:b": per_passage,
    }
    assert len({row["item_id"].split(":")[2] for row in rows if row["doc_id"] == "novels:a"}) > 1
    left_out = read_json(tmp_path / "limited" / "gold_coref.json")["left_out"]
    assert left_out["beyond_items_per_document"] == 5 * per_passage - limit
    assert "beyond_items" not in left_out
    known = {row["item_id"] for row in everything}
    assert {row["item_id"] for row in rows} < known
    fewer = build(tmp_path / "fewer", passages, items_per_document=limit, max_items=3)
    assert len(fewer) == 3 and {row["item_id"] for row in fewer} < {row["item_id"] for row in rows}


def test_bad_files_end_in_one_line(tmp_path: Path) -> None:
    for row, message in (
        ({**ROW, "clusters": [[["a", "b", "삼성"]]]}, r"passage 'p1' is not \[start, end, surface"),
        ({**ROW, "clusters": [[["1"]]]}, "is not .start, end, surface"),
        ({name: value for name, value in ROW.items() if name != "novel"}, "no field 'novel'"),
        ({**ROW, "clusters": []}, r"no item is left \(no mention was found\)"),
        ({**ROW, "clusters": None}, r"'clusters' of passage 'p1' is no list of lists of mentions"),
        ({**ROW, "clusters": [5]}, r"'clusters' of passage 'p1' is no list of lists of mentions"),
        ({**ROW, "text": None}, "'text' of passage 'p1' is None, not text"),
        ({**ROW, "novel": None}, "'novel' of a passage is None, neither text nor a whole number"),
        ({**ROW, "id": "p\ud800"}, "'id' of a passage, .*surrogate"),
    ):
        with pytest.raises(InputError, match=message):
            build(tmp_path, [row])
    # Their items would have one name; passages may well be numbered anew in each novel.
    with pytest.raises(InputError, match="passage 'p1' stands twice; name a field"):
        build(tmp_path, [ROW, {**ROW, "novel": "n2"}])
    with pytest.raises(InputError, match="is missing"):
        build(tmp_path, [ROW], gold=tmp_path / "nonesuch.jsonl")
    (tmp_path / "broken.jsonl").write_text('{"text": ', encoding="utf-8")
    with pytest.raises(InputError, match="no JSON"):
        build(tmp_path, [ROW], gold=tmp_path / "broken.jsonl")
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b'{"text": 1}\n' * 99)[:-9])
    with pytest.raises(InputError, match="cannot be read"):
        build(tmp_path, [ROW], gold=tmp_path / "cut.jsonl.gz")


@pytest.mark.real
def test_koconovel_gives_a_set(tmp_path: Path) -> None:
    """Every tenth passage of the gold set, recounted without the step's own code."""
    path = ROOT.parent / "shared" / "data" / "coref" / "koconovel.jsonl.gz"
    if not path.is_file():
        pytest.skip("the gold coreference set is not beside this checkout")
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        passages = [json.loads(line) for line in lines][::10]
    texts = [normalize(row["text"]).text for row in passages]
    tokenizer = checked(train(texts, 3000, frequent_characters(texts, 2000)))
    (tmp_path / "own").mkdir()
    rows = build(
        tmp_path,
        passages,
        tokenizer=saved_tokenizer(tmp_path / "own", tokenizer),
        passage_field="doc_id",
        clusters_field="omniscent_separate",
        length=1536,
        min_distance=8,
    )
    description = read_json(tmp_path / "gold_coref.json")
    clusters = [cluster for row in passages for cluster in row["omniscent_separate"]]
    assert description["mentions"] == sum(map(len, clusters))
    firsts = sum(len({without_spaces(surface) for *_, surface, _ in found}) for found in clusters)
    assert description["left_out"]["first_of_its_form"] == firsts
    assert description["items"] + sum(description["left_out"].values()) == sum(map(len, clusters))
    for row in rows:
        antecedent = row["text"][row["antecedent_start"] : row["antecedent_end"]]
        assert without_spaces(antecedent) == without_spaces(row["answer"])
        assert row["distance"] >= 8
    passages_of = Counter(row["doc_id"] for row in rows)
    assert len(passages_of) > 30
