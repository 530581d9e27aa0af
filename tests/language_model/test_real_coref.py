"""Items of real_coref: from hold-out documents only, and the antecedent always in the context."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.errors import InputError
from scripts.common.files import read_json
from scripts.common.tables import read_table
from scripts.language_model import build_real_coref
from scripts.language_model.candidates import place_of_item
from scripts.language_model.contexts import context_around, context_before, tokenize
from scripts.language_model.evaluation_sets import choose, with_training_samples
from scripts.language_model.particles import final_consonant_fits, particle_characters
from scripts.language_model.tables import EVALUATION_ITEMS
from tests.language_model.corpus_tables import write_corpus
from tests.language_model.evaluation_builders import item, saved_tokenizer, tiny_wordpiece

LONG = " . ".join(["서울 은 있다", *["나 다 라 마"] * 5, "서울에서 말했다", *["가 나 다"] * 8])
DOCUMENTS = [
    ("d0", "holdout", "삼성 은 갔다 . 서울 에서 삼성 은 말했다 . 부산 에 삼성이 있다 . 부산"),
    ("d1", "train", "대구 는 갔다 . 나 다 라 마 대구는 있다"),
    ("d2", "holdout", LONG),
    ("d3", "holdout", "가나 는 갔다 . 나 다 라 마 신가나는 있다"),
    ("d4", "holdout", "가나 는 갔다 . 나 다 라 마 구가나는 있다"),
    ("d5", "holdout", "박물관 은 갔다 . 나 다 라 마 박물관은 있다"),
]


def build(folder: Path, **changes: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Build the set from `DOCUMENTS`; d4 is a near-duplicate of d3, d5 was not analysed."""
    folder.mkdir(exist_ok=True)
    corpus = write_corpus(
        folder, DOCUMENTS, groups={"d4": "d3"}, outside=["d5"], entities={"삼성": 7, "가": 3}
    )
    arguments: dict[str, Any] = {
        **corpus,
        "entities": [folder / "entities.parquet"],
        "tokenizer": saved_tokenizer(folder, tiny_wordpiece()),
        "evaluation_set": folder / "real_coref.parquet",
        "description": folder / "real_coref.json",
        "length": 40,
        "max_masks": 3,
        "max_items": 100,
        "items_per_document": 3,
        "min_syllables": 2,
        "max_mentions": 4,
        "min_distance": 8,
        "seed": 11,
        "code_hash": "c",
        "batch_documents": 2,
    }
    build_real_coref.run(**{**arguments, **changes})
    rows = read_table(folder / "real_coref.parquet", EVALUATION_ITEMS).to_pylist()
    return rows, read_json(folder / "real_coref.json")


def test_items_are_the_later_mentions_in_held_out_documents(tmp_path: Path) -> None:
    rows, description = build(tmp_path)
    assert [(row["item_id"], row["entity"], row["particle"]) for row in rows] == [
        ("real_coref:d0:16", "삼성", ""),
        ("real_coref:d0:32", "삼성", "JKS"),
        ("real_coref:d2:60", "서울", "JKB"),
        ("real_coref:d3:19", "가나", "JX"),
    ]
    assert [row["particle_text"] for row in rows] == ["", "이", "에서", "는"]
    assert [row["unseen"] for row in rows] == [False, False, True, True]
    assert [row["training_samples"] for row in rows] == [7, 7, 0, 0]
    # 부산 is a common noun here; 서울 of d0 is named once.
    assert description["left_out"] == {"document_near_duplicate": 1, "document_outside": 1}
    assert description["items"] == 4 and description["unseen_items"] == 2


def test_spans_nouns_and_room_are_those_of_the_context(tmp_path: Path) -> None:
    rows, _ = build(tmp_path)
    texts = {doc_id: text for doc_id, _, text in DOCUMENTS}
    for row in rows:
        text = row["text"]
        assert text in texts[row["doc_id"]]
        assert text[row["mention_start"] : row["mention_end"]] == row["answer"]
        assert text[row["antecedent_start"] : row["antecedent_end"]] == row["answer"]
        assert row["distance"] == row["mention_start"] - row["antecedent_end"] >= 8
        nouns = list(zip(row["noun_form"], row["noun_start"], row["noun_end"], strict=True))
        assert all(text[start:end] == form for form, start, end in nouns)
        assert (row["answer"], row["mention_start"], row["mention_end"]) not in nouns
        place = place_of_item(row, tiny_wordpiece())
        assert place.tokens(max(3, len(place.answer_ids))) <= 40
    (cut,) = (row for row in rows if row["doc_id"] == "d2")
    assert len(cut["text"]) < len(LONG)


def test_limits_and_batches(tmp_path: Path) -> None:
    whole, _ = build(tmp_path / "whole")
    again, _ = build(tmp_path / "again", batch_documents=50)
    assert whole == again
    one_each, description = build(tmp_path / "one", items_per_document=1)
    assert Counter(row["doc_id"] for row in one_each) == {"d0": 1, "d2": 1, "d3": 1}
    assert description["left_out"]["beyond_items_per_document"] == 1
    two, description = build(tmp_path / "two", max_items=2)
    assert len(two) == 2 and description["left_out"]["beyond_items"] == 2
    second, _ = build(tmp_path / "second", max_mentions=2)
    assert [row["item_id"] for row in second] == [
        *("real_coref:d0:16", "real_coref:d2:60", "real_coref:d3:19")
    ]
    far, description = build(tmp_path / "far", min_distance=20)
    assert {row["doc_id"] for row in far} == {"d0", "d2"}
    assert description["left_out"]["distance_below"] == 2
    with pytest.raises(InputError, match=r"real_coref: no item is left .*distance_below 4"):
        build(tmp_path / "none", min_distance=1000)


def test_training_samples_are_those_of_the_length_that_has_most(tmp_path: Path) -> None:
    """A model trains on the dataset of one length, so samples of two lengths do not add up."""
    tables = []
    for name, entities in (("short", {"삼성": 7, "대구": 0}), ("long", {"삼성": 5, "서울": 2})):
        write_corpus(tmp_path / name, DOCUMENTS, entities=entities)
        tables.append(tmp_path / name / "entities.parquet")
    names = ("삼성", "서울", "대구", "부산")
    items = [item(f"{name} . {name}", name) for name in names]
    found = with_training_samples(items, tables)
    assert [(row["training_samples"], row["unseen"]) for row in found] == [
        *((7, False), (2, False), (0, True), (0, True))
    ]


_WORDS = st.sampled_from(["서울", "나", "다라", "갔다", "박물관", ".", "A", "힣"])


@given(
    before=st.lists(_WORDS, max_size=12),
    between=st.lists(_WORDS, max_size=12),
    after=st.lists(_WORDS, max_size=12),
    length=st.integers(6, 40),
    max_masks=st.integers(1, 5),
)
def test_a_context_tokenizes_as_in_its_document_and_leaves_room(
    before: list[str], between: list[str], after: list[str], length: int, max_masks: int
) -> None:
    wordpiece = tiny_wordpiece()
    words = [*before, "가나", *between, "신가나에서", *after]
    text = " ".join(words)
    antecedent = len(" ".join([*before, ""]))
    mention = len(" ".join([*before, "가나", *between, ""])) + 1
    tokens = tokenize(text, wordpiece)
    found = context_around(
        tokens,
        (antecedent, antecedent + 2),
        (mention, mention + 2),
        wordpiece,
        length=length,
        max_masks=max_masks,
    )
    needed = (
        len(tokenize(" ".join(["가나", *between, "신"]), wordpiece).ids) + max(2, max_masks) + 1
    )
    if isinstance(found, str):
        assert found == "out_of_window"
        assert needed + 2 > length
        return
    assert found.start <= antecedent and mention + 2 <= found.end
    alone = tokenize(text[found.start : found.end], wordpiece)
    inside = [
        number
        for number, start in zip(tokens.ids, tokens.starts, strict=True)
        if found.start <= start < found.end
    ]
    assert list(alone.ids) == inside
    row = item(text[found.start : found.end], "가나")
    assert row["mention_start"] == mention - found.start or "가나" in after
    row["mention_start"], row["mention_end"] = mention - found.start, mention + 2 - found.start
    place = place_of_item(row, wordpiece)
    assert place.tokens(max(2, max_masks)) <= length
    before_it = context_before(
        tokens, (mention, mention + 2), len(text), wordpiece, length=length, max_masks=max_masks
    )
    if not isinstance(before_it, str):
        assert before_it.end == len(text) and before_it.start <= mention - 1


def test_the_choice_of_an_item_depends_on_no_other() -> None:
    items = [item("삼성 . 삼성", "삼성", doc_id=f"d{n}", number=n) for n in range(40)]
    few, left_out = choose(items, count=10, per_document=3, seed=4)
    more, _ = choose(items[::-1], count=20, per_document=3, seed=4)
    names = [row["item_id"] for row in few]
    assert left_out["beyond_items"] == 30
    assert set(names) < {row["item_id"] for row in more}
    fewer, _ = choose(
        [row for row in items if row["item_id"] != names[0]], count=9, per_document=3, seed=4
    )
    assert {row["item_id"] for row in fewer} == set(names[1:])


@pytest.mark.parametrize(
    ("noun", "fitting", "misfit"),
    [
        (
            "삼성",
            ["이", "은", "을", "과", "으로", "이나", "이라고"],
            ["가", "는", "를", "와", "로"],
        ),
        ("서울", ["이", "은", "을", "과", "로", "로부터"], ["가", "는", "으로", "으로서", "나"]),
        ("대구", ["가", "는", "를", "와", "로", "나", "야"], ["이", "은", "을", "과", "으로"]),
        ("NHK", ["이", "가", "으로", "로"], []),
        ("삼성", ["에서", "의", "도", ""], []),
    ],
)
def test_final_consonants(noun: str, fitting: list[str], misfit: list[str]) -> None:
    assert all(final_consonant_fits(noun, particle) for particle in fitting)
    assert not any(final_consonant_fits(noun, particle) for particle in misfit)


def test_particle_characters_are_the_longest_form_of_their_tag() -> None:
    assert particle_characters("JKB", "으로부터 온") == "으로부터"
    assert particle_characters("JKB", "에서는") == "에서"
    assert particle_characters("JX", "은행") == "은"
    assert particle_characters("JKB", "엔 없다") == ""
    assert particle_characters("", "은") == ""
