"""The published lenient rule: one mask, the nouns among the top pieces, hits by substring."""

import pytest
import torch

from scripts.common.wordpiece import WordPiece
from scripts.language_model.candidates import place_of_item
from scripts.language_model.item_scores import ItemScorer
from scripts.language_model.lenient_scores import NounTest, lenient_hit
from tests.language_model.evaluation_builders import (
    item,
    tiny_model,
    tiny_noun_test,
    tiny_runner,
    tiny_wordpiece,
)


class CountingKiwi:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def tokenize(self, texts: list[str]) -> list[list[object]]:
        from scripts.language_model.analysed_texts import analyser

        self.asked += texts
        return list(analyser().tokenize(texts))


@pytest.mark.parametrize(
    ("nouns", "answer", "first", "fifth"),
    [
        (["서울", "부산"], "서울", True, True),
        (["부산", "서울시"], "서울", False, True),  # the piece holds the answer
        (["부산", "대구", "나", "가", "서"], "서울", False, True),  # the answer holds the piece
        (["부산", "대구", "나", "가", "다", "서울"], "서울", False, False),
        ([], "서울", False, False),
    ],
)
def test_hits(nouns: list[str], answer: str, first: bool, fifth: bool) -> None:
    assert lenient_hit(nouns, answer, 1) == first
    assert lenient_hit(nouns, answer, 5) == fifth


def ids_of(wordpiece: WordPiece, *pieces: str) -> list[int]:
    return [wordpiece.vocabulary[piece] for piece in pieces]


def test_each_piece_is_analysed_once_without_its_prefix() -> None:
    wordpiece, kiwi = tiny_wordpiece(), CountingKiwi()
    nouns = NounTest(wordpiece, kiwi)
    ids = ids_of(wordpiece, "서울", "말했다", "##전자", "[MASK]", ".", "서울")
    assert nouns.nouns(ids) == ["서울", "전자", "서울"]
    assert nouns.nouns(ids[::-1]) == ["서울", "전자", "서울"]
    assert sorted(kiwi.asked) == sorted(["서울", "말했다", "전자", "[MASK]", "."])


def test_scores_follow_the_rule_written_out() -> None:
    wordpiece = tiny_wordpiece()
    items = [
        item("삼성 은 서울 에서 말했다 . 부산 에 갔다 . 삼성", "삼성", number=0),
        item("서울 박물관 에 갔다 . 구박물관은 있다", "박물관", number=1),
        item("마가나 부산 삼성 . 부산에서 마가나를 말했다 .", "마가나", number=2),
    ]
    scorer = ItemScorer(
        tiny_runner(), wordpiece, tiny_noun_test(), max_masks=4, top_candidates=5, length=128
    )
    for row, found in zip(items, scorer.score(items), strict=True):
        place = place_of_item(row, wordpiece)
        ids = torch.tensor([place.ids(1, wordpiece.special_ids["mask"])])
        with torch.no_grad():
            logits = tiny_model()(input_ids=ids).logits[0, len(place.left)]
        order = logits.argsort(descending=True).tolist()[:50]
        kept = [
            wordpiece.pieces[number].removeprefix("##")
            for number in order
            if tiny_noun_test().nouns([number])
        ]
        for column, number in (("lenient_1", 1), ("lenient_5", 5)):
            assert found[column] == any(
                form in row["answer"] or row["answer"] in form for form in kept[:number]
            )
