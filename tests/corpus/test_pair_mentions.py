"""Candidate samples of hand-made documents: distances, ordinals, particles and reasons."""

import re
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.splice import TokenizedText
from scripts.corpus.build_entity_coref import row_of_candidate
from scripts.corpus.pair_mentions import PairLimits, candidates_of_document
from scripts.corpus.tokenize_shard import tokenize_documents
from tests.corpus.builders import hand_wordpiece

WORDPIECE = hand_wordpiece(
    [
        *("삼성", "##삼성", "##전자", "##전자는", "##는", "##가", "서울", "국립", "박물관"),
        *("##박물관", "말", "##말", "##이", "김", "."),
    ]
)
LIMITS = PairLimits(
    length=200, min_syllables=2, max_mentions=4, min_distance=10, max_distance=100, seed=1
)
DOCUMENT = {"analysed_key": 77, "doc_id": "news:1", "split": "train"}
FILLER = "말 " * 6  # 12 characters, 6 tokens


def tokenized(text):
    row = tokenize_documents([(0, text)], WORDPIECE).to_pylist()[0]
    return TokenizedText(text, row["token_ids"], row["token_starts"], row["token_ends"])


def mentions_of(text, nouns) -> dict[str, list[Any]]:
    """Every occurrence of the given surfaces; a noun is (form, tag) by surface."""
    columns: dict[str, list[Any]] = {
        f"mention_{name}": [] for name in ("form", "tag", "start", "end", "particle")
    }
    for found in re.finditer("|".join(map(re.escape, nouns)), text):
        form, tag = nouns[found[0]]
        following = text[found.end() : found.end() + 1]
        columns["mention_form"].append(form)
        columns["mention_tag"].append(tag)
        columns["mention_start"].append(found.start())
        columns["mention_end"].append(found.end())
        columns["mention_particle"].append({"는": "JX", "가": "JKS"}.get(following, ""))
    return columns


NOUNS = {"삼성전자": ("삼성전자", "NNP"), "서울": ("서울", "NNP"), "말": ("말", "NNG")}


def candidates(text, nouns=NOUNS, **limits):
    counts: Counter[tuple[str, str]] = Counter()
    samples, outcome = candidates_of_document(
        DOCUMENT,
        tokenized(text),
        mentions_of(text, nouns),
        replace(LIMITS, **limits),
        WORDPIECE,
        counts,
    )
    return samples, outcome, dict(counts)


def row_of(sample, text):
    """The dataset's row of a sample, its ids as pieces."""
    row = row_of_candidate({**sample, "source": "news"}, list(tokenized(text).ids), WORDPIECE)
    return row, [WORDPIECE.pieces[number] for number in row["input_ids"]]


def test_one_sample_by_hand():
    text = f"삼성전자가 {FILLER}삼성전자는 서울"
    samples, outcome, counts = candidates(text)
    assert (
        outcome == "candidate"
        and counts[("candidate", "pairs")] == counts[("candidate", "fused")] == 1
    )
    (sample,) = samples
    expected = {
        "key": 77,
        "doc_id": "news:1",
        "split": "train",
        "entity": "삼성전자",
        "surface": "삼성전자",
        "particle": "JX",
        "ordinal": 2,
        "distance": 14,  # 가, a space and the filler
        "antecedent_start": 0,
        "antecedent_end": 4,
        "mention_start": 18,
        "mention_end": 22,
        "antecedent_token_start": 0,
        "antecedent_token_end": 2,
        "fused": True,  # ##전자는 is one piece
        "bound": False,
        "window_start": 0,
    }
    assert {name: sample[name] for name in expected} == expected
    row, pieces = row_of(sample, text)
    assert pieces == (
        [
            "[CLS]",
            "삼성",
            "##전자",
            "##가",
            *["말"] * 6,
            "[MASK]",
            "[MASK]",
            "##는",
            "서울",
            "[SEP]",
        ]
    )
    assert [WORDPIECE.pieces[n] for n in row["label_ids"]] == ["삼성", "##전자"]
    assert pieces[row["antecedent_token_start"] : row["antecedent_token_end"]] == ["삼성", "##전자"]
    assert row["mask_token_start"] == 10


def test_mentions_two_to_four_each_give_a_sample_with_the_first_as_antecedent():
    text = FILLER.join(["서울 "] * 6)
    samples, _, counts = candidates(text)
    assert [sample["ordinal"] for sample in samples] == [2, 3, 4]
    assert {sample["antecedent_start"] for sample in samples} == {0}
    assert [sample["distance"] for sample in samples] == [13, 28, 43]
    assert [sample["mention_start"] for sample in samples] == [15, 30, 45]
    assert (counts["candidate", "pairs"], counts["candidate", "fused"]) == (3, 0)
    assert len({sample["rank"] for sample in samples}) == 3


@pytest.mark.parametrize(
    ("gap", "outcome"),
    [(9, "distance_below"), (10, "candidate"), (100, "candidate"), (101, "distance_above")],
)
def test_distance_limits_include_their_ends(gap, outcome):
    text = f"서울 {'말' * (gap - 2)} 서울"
    samples, state, counts = candidates(text)
    assert counts[outcome, "pairs"] == 1
    assert state == ("candidate" if samples else "no_sample")
    assert all(sample["distance"] == gap for sample in samples)


def test_entity_is_the_form_without_spaces():
    text = f"국립 박물관 {FILLER}국립박물관 {FILLER}국립 박물관"
    nouns = {"국립 박물관": ("국립 박물관", "NNP"), "국립박물관": ("국립박물관", "NNP")}
    samples, _, _ = candidates(text, nouns)
    assert [(s["entity"], s["surface"]) for s in samples] == [
        ("국립박물관", "국립박물관"),
        ("국립박물관", "국립 박물관"),
    ]
    assert row_of(samples[1], text)[1][-3:] == ["[MASK]", "[MASK]", "[SEP]"]


@pytest.mark.parametrize(
    ("text", "nouns"),
    [
        (f"서울 {FILLER}삼성전자", NOUNS),  # each once
        (f"말 {FILLER}말", {"말": ("말", "NNG")}),  # no proper noun
        (f"김 {FILLER}김", {"김": ("김", "NNP")}),  # one syllable
        (f"SK텔 {FILLER}SK텔", {"SK텔": ("SK텔", "NNP")}),  # one Hangul syllable
        ("", {"x": ("x", "NNP")}),
    ],
)
def test_documents_without_a_repeated_entity(text, nouns):
    assert candidates(text, nouns) == ([], "no_repeated_entity", {})


@pytest.mark.parametrize(
    ("text", "reason", "limits"),
    [
        (f"서울 {FILLER}서울뷁", "unknown_token", {}),
        (f"서울뷁 {FILLER}서울", "antecedent_unknown", {}),
        ("삼성삼성", "shared_word", {"min_distance": 0}),
        (f"서울 {FILLER}서울", "out_of_window", {"length": 9}),
    ],
)
def test_reasons_against_a_pair(text, reason, limits):
    nouns = {"서울": ("서울", "NNP"), "삼성": ("삼성", "NNP")}
    assert candidates(text, nouns, **limits) == ([], "no_sample", {(reason, "pairs"): 1})


def test_pair_that_just_fits_into_the_window():
    text = f"말 말 서울 {FILLER}서울 말 말"
    (sample,), _, _ = candidates(text, length=10)  # 8 tokens and two special ones
    row, pieces = row_of(sample, text)
    assert pieces == ["[CLS]", "서울", *["말"] * 6, "[MASK]", "[SEP]"]
    assert (row["antecedent_token_start"], row["mask_token_start"], row["bound"]) == (1, 8, True)


def test_samples_stand_in_text_order():
    text = f"서울 삼성전자 {FILLER}삼성전자 서울 {FILLER}서울"
    samples, _, _ = candidates(text)
    starts = [sample["mention_start"] for sample in samples]
    assert len(samples) == 3 and starts == sorted(starts)


def test_rank_follows_document_entity_mention_and_seed_only():
    text = f"서울 {FILLER}서울"
    ((first,), _, _), ((moved,), _, _) = candidates(text), candidates(f"말 {text}")
    ((other,), _, _) = candidates(text, seed=2)
    assert first["rank"] == moved["rank"] != other["rank"]


@settings(max_examples=150, deadline=None)
@given(
    words=st.lists(
        st.sampled_from(["삼성전자는", "삼성전자가", "서울", "말", "말말", "뷁", "국립", "."]),
        max_size=60,
    ),
    length=st.integers(5, 70),
)
def test_every_row_holds_antecedent_and_masks(words, length):
    text = " ".join(words)
    samples, outcome, counts = candidates(text, length=length)
    assert sum(n for (_, column), n in counts.items() if column == "pairs") == sum(
        min(3, max(0, text.count(name) - 1)) for name in ("삼성전자", "서울")
    )
    assert (outcome == "candidate") == bool(samples)
    for sample in samples:
        row, pieces = row_of(sample, text)
        assert len(pieces) <= length
        assert (pieces[0], pieces[-1]) == ("[CLS]", "[SEP]")
        label = "".join(WORDPIECE.pieces[n].removeprefix("##") for n in row["label_ids"])
        assert label == sample["surface"] == sample["entity"]
        first, behind = row["mask_token_start"], row["mask_token_start"] + len(row["label_ids"])
        assert [n for n, piece in enumerate(pieces) if piece == "[MASK]"] == [*range(first, behind)]
        antecedent = pieces[row["antecedent_token_start"] : row["antecedent_token_end"]]
        assert "".join(p.removeprefix("##") for p in antecedent).startswith(sample["entity"])
        assert row["antecedent_token_end"] <= first
        # With the label in place of the masks the row is a part of the text.
        filled = pieces[1:first] + [WORDPIECE.pieces[n] for n in row["label_ids"]]
        filled += pieces[behind:-1]
        letters = "".join(p.removeprefix("##") for p in filled if p != "[UNK]")
        assert letters in "".join(words).replace("뷁", "")
        assert row["bound"] == (len(letters) < len("".join(words).replace("뷁", ""))) or (
            "뷁" in words
        )
