"""Held-out loss and pseudo-perplexity against a token-by-token computation without batches."""

import math
from pathlib import Path

import pytest
import torch
from datasets import Dataset, DatasetDict

from scripts.common.errors import InputError, IntegrityError
from scripts.language_model.contexts import tokenize
from scripts.language_model.heldout_text import (
    Segment,
    held_out_segments,
    keyed_sample,
    masked_loss,
    masked_positions,
    pseudo_perplexity,
    sampled_sentences,
)
from tests.language_model.evaluation_builders import tiny_model, tiny_runner, tiny_wordpiece

TEXTS = [
    "삼성 은 갔다 . 서울 에서 말했다 . 나",
    "부산 대구 가나 는 있다 . 가 나 다 라 마 .",
    "전자 박물관 은 힣 갔다 . A .",
    "나",
    *(f"{word} 는 서울에서 말했다 , 신{word}은 갔다 ." for word in ("삼성", "대구", "가나")),
]


def segments() -> list[Segment]:
    special = tiny_wordpiece().special_ids
    return [
        Segment(
            f"d{number // 2}#{number % 2}",
            [special["cls"], *tokenize(text, tiny_wordpiece()).ids, special["sep"]],
        )
        for number, text in enumerate(TEXTS)
    ]


def surprise(ids: list[int], place: int, target: int) -> float:
    with torch.no_grad():
        logits = tiny_model()(input_ids=torch.tensor([ids])).logits[0, place].double()
    return -float(torch.log_softmax(logits, dim=0)[target])


@pytest.mark.parametrize("batch_tokens", [1, 2000])
def test_loss_equals_the_one_of_each_document_alone(batch_tokens: int) -> None:
    wordpiece = tiny_wordpiece()
    special = wordpiece.special_ids
    found = masked_loss(
        tiny_runner(batch_tokens=batch_tokens), wordpiece, segments(), rate=0.3, seed=2
    )
    by_document: dict[str, list[float]] = {}
    for segment in segments():
        places = masked_positions(segment, 0.3, special.values(), 2)
        ids = [special["mask"] if n in places else i for n, i in enumerate(segment.ids)]
        by_document.setdefault(segment.name[:2], []).extend(
            surprise(ids, place, segment.ids[place]) for place in places
        )
    expected = [one for values in by_document.values() for one in values]
    assert found.tokens == len(expected) and found.texts == len(TEXTS)
    assert found.value == pytest.approx(sum(expected) / len(expected), abs=1e-5)
    # Seven pieces of four documents: what belongs to a document is summed.
    assert list(found.documents) == sorted(by_document) == ["d0", "d1", "d2", "d3"]
    for document, values in by_document.items():
        assert found.documents[document].tokens == len(values)
        assert found.documents[document].total == pytest.approx(sum(values), abs=1e-4)


def test_masks_are_keyed_nested_and_never_special() -> None:
    special = tiny_wordpiece().special_ids.values()
    for segment in segments():
        few = masked_positions(segment, 0.2, special, 7)
        many = masked_positions(segment, 0.6, special, 7)
        assert few == masked_positions(segment, 0.2, special, 7)
        assert len(few) >= 1 and (set(few) <= set(many))
        assert not {segment.ids[place] for place in many} & set(special)
    long = Segment("long", [2, *[7] * 4000, 3])
    assert len(masked_positions(long, 0.15, special, 7)) == pytest.approx(600, abs=100)
    assert masked_positions(Segment("bare", [2, 3]), 0.5, special, 7) == []


def test_pseudo_perplexity_masks_one_token_at_a_time() -> None:
    wordpiece = tiny_wordpiece()
    special = wordpiece.special_ids
    chosen = sampled_sentences(segments(), wordpiece, count=4, seed=2)
    found = pseudo_perplexity(tiny_runner(), wordpiece, segments(), count=4, seed=2)
    expected = []
    for document, sentence in chosen:
        whole = [special["cls"], *sentence, special["sep"]]
        for place in range(1, len(whole) - 1):
            if whole[place] != special["unk"]:
                ids = [*whole[:place], special["mask"], *whole[place + 1 :]]
                expected.append((document, surprise(ids, place, whole[place])))
    assert len(chosen) == found.texts == 4 and found.tokens == len(expected)
    for document, one in found.documents.items():
        own = [value for name, value in expected if name == document]
        assert one.tokens == len(own)
        assert one.total == pytest.approx(sum(own), abs=1e-4)
    assert found.perplexity == pytest.approx(
        math.exp(sum(value for _, value in expected) / len(expected)), rel=1e-5
    )
    assert pseudo_perplexity(tiny_runner(), wordpiece, [], count=4, seed=2).perplexity is None


def test_sentences_end_with_a_mark_and_samples_keep_their_order() -> None:
    wordpiece = tiny_wordpiece()
    sentences = sampled_sentences(segments(), wordpiece, count=100, seed=2)
    assert all(wordpiece.pieces[sentence[-1]] == "." for _, sentence in sentences)
    assert all(5 <= len(sentence) <= 64 for _, sentence in sentences)
    assert sampled_sentences(segments()[::-1], wordpiece, count=3, seed=2) == sentences[:3]
    whole = keyed_sample(segments(), 10**6, 2)
    part = keyed_sample(segments()[::-1], 25, 2)
    assert whole[: len(part)] == part and len(whole) == len(TEXTS)
    assert sum(len(segment.ids) for segment in part) <= 25


def test_a_piece_belongs_to_the_document_before_its_number() -> None:
    assert [Segment(name, []).document for name in ("news:7#0", "web:a#b#12")] == [
        "news:7",
        "web:a#b",
    ]


def test_packed_rows_are_taken_apart(tmp_path: Path) -> None:
    rows = {
        "input_ids": [[2, 7, 8, 3, 2, 9, 3], [2, 5, 3]],
        "segment_lengths": [[4, 3], [3]],
        "doc_ids": [["a", "b"], ["a"]],
    }
    DatasetDict({"holdout": Dataset.from_dict(rows)}).save_to_disk(tmp_path / "mlm")
    assert held_out_segments(tmp_path / "mlm") == [
        Segment("a#0", [2, 7, 8, 3]),
        Segment("b#0", [2, 9, 3]),
        Segment("a#1", [2, 5, 3]),
    ]
    DatasetDict({"train": Dataset.from_dict(rows)}).save_to_disk(tmp_path / "train")
    other = DatasetDict({"holdout": Dataset.from_dict({"foreign": [1, 2]})})
    other.save_to_disk(tmp_path / "other")
    with pytest.raises(IntegrityError, match="other/holdout has other columns than expected"):
        held_out_segments(tmp_path / "other")
    with pytest.raises(InputError, match="has no hold-out rows"):
        held_out_segments(tmp_path / "train")
    with pytest.raises(InputError, match="holds no dataset"):
        held_out_segments(tmp_path / "nothing")


def test_the_files_of_a_split_follow_each_other_and_none_may_be_missing(tmp_path: Path) -> None:
    rows = {"input_ids": [[2, n, 3] for n in range(9)], "segment_lengths": [[3]] * 9}
    split = Dataset.from_dict(rows | {"doc_ids": [[f"d{n}"] for n in range(9)]})
    DatasetDict({"holdout": split}).save_to_disk(tmp_path / "mlm", num_shards={"holdout": 3})
    assert [one.ids[1] for one in held_out_segments(tmp_path / "mlm")] == list(range(9))
    second = sorted((tmp_path / "mlm/holdout").glob("*.arrow"))[1]
    second.write_bytes(second.read_bytes()[:100])
    with pytest.raises(IntegrityError, match=r"holdout is incomplete .* build it again"):
        held_out_segments(tmp_path / "mlm")
    second.unlink()
    with pytest.raises(IntegrityError, match="holdout is incomplete"):
        held_out_segments(tmp_path / "mlm")
