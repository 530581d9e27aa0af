"""Strict decoding against an exhaustive slow version: every candidate by its own forward pass."""

import copy
import math
from functools import cache

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.analysis import without_spaces
from scripts.common.splice import splice_mention, spliced_ids
from scripts.common.wordpiece import WordPiece
from scripts.language_model.candidates import place_of_item
from scripts.language_model.contexts import tokenize
from scripts.language_model.evaluation_sets import Item
from scripts.language_model.item_scores import ItemScorer
from scripts.language_model.strict_scores import rank_answer
from tests.language_model.evaluation_builders import (
    item,
    tiny_model,
    tiny_noun_test,
    tiny_runner,
    tiny_wordpiece,
)

ITEMS = [
    item(text, answer, number=number, choices=choices)
    for number, (text, answer, choices) in enumerate(
        [
            ("삼성 은 서울 에서 말했다 . 부산 에 갔다 . 삼성", "삼성", ()),
            ("서울 박물관 에 갔다 . 구박물관은 있다", "박물관", ()),
            ("대구 가나 는 서울에서 말했다 , 신가나는 갔다 .", "가나", ("가나", "다라", "서울")),
            ("마가나 부산 삼성 . 부산에서 마가나를 말했다 .", "마가나", ("부산", "마가나")),
            ("삼성전자 서울 삼성 전자 . 구 전자를 갔다", "전자", ()),
        ]
    )
]


def slow_scores(
    row: Item, wordpiece: WordPiece, kind: str, *, max_masks: int, top: int
) -> dict[str, float]:
    """Write each candidate into the text, mask it there, and run the whole model for it alone."""
    text, start = row["text"], row["mention_start"]
    before = text[start - 1 : start]
    in_word = bool(before.strip()) and before not in ".,"
    singles = set()
    for piece in wordpiece.pieces:
        surface = piece.removeprefix("##")
        if piece.startswith("##") == in_word and any("가" <= c <= "힣" for c in surface):
            singles.add(surface)
    own = {
        without_spaces(text[a:b]) for a, b in zip(row["noun_start"], row["noun_end"], strict=True)
    }
    scored = {form: slow_score(form, row, kind) for form in singles | own}
    best = sorted(
        (form for form in singles if scored[form] is not None),
        key=lambda form: -(scored[form] or (0, 0))[1],
    )[:top]
    return {
        form: found[1]
        for form in {*best, *own}
        if (found := scored[form]) is not None and found[0] <= max_masks
    }


def slow_score(form: str, row: Item, kind: str) -> tuple[int, float] | None:
    """Number of pieces and mean log-probability of a form in the item's place."""
    return _slow_score(form, ITEMS.index(row), kind)


@cache
def _slow_score(form: str, number: int, kind: str) -> tuple[int, float] | None:
    row, wordpiece = ITEMS[number], tiny_wordpiece()
    text = row["text"][: row["mention_start"]] + form + row["text"][row["mention_end"] :]
    tokens = tokenize(text, wordpiece)
    start = row["mention_start"]
    splice = splice_mention(tokens, start, start + len(form), wordpiece)
    if isinstance(splice, str):
        return None
    special = wordpiece.special_ids
    ids = [special["cls"], *spliced_ids(tokens.ids, splice, special["mask"]), special["sep"]]
    with torch.no_grad():
        logits = tiny_model(kind)(input_ids=torch.tensor([ids])).logits[0].double().tolist()
    total = 0.0
    for number, piece in enumerate(splice.label_ids):
        row_of_logits = logits[1 + splice.mask_start + number]
        peak = max(row_of_logits)
        total += row_of_logits[piece] - peak
        total -= math.log(sum(math.exp(value - peak) for value in row_of_logits))
    return len(splice.label_ids), total / len(splice.label_ids)


def scorer_of(kind: str, *, max_masks: int, top: int, batch_tokens: int = 512) -> ItemScorer:
    wordpiece = tiny_wordpiece()
    return ItemScorer(
        tiny_runner(tiny_model(kind), batch_tokens),
        wordpiece,
        tiny_noun_test(),
        max_masks=max_masks,
        top_candidates=top,
        length=128,
    )


@pytest.mark.parametrize("kind", ["deberta-v2", "bert", "roberta"])
@pytest.mark.parametrize(("max_masks", "top"), [(4, 60), (4, 5), (2, 1)])
def test_ranks_equal_the_exhaustive_ones(kind: str, max_masks: int, top: int) -> None:
    wordpiece = tiny_wordpiece()
    for row, found in zip(
        ITEMS, scorer_of(kind, max_masks=max_masks, top=top).score(ITEMS), strict=True
    ):
        slow = slow_scores(row, wordpiece, kind, max_masks=max_masks, top=top)
        order = sorted(slow, key=lambda form: (-slow[form], form))
        assert found["candidates"] == len(slow)
        assert found["best"] == order[0]
        assert found["rank"] == (order.index(row["answer"]) + 1 if row["answer"] in slow else None)
        assert found["strict_1"] == (row["answer"] in order[:1])
        assert found["strict_5"] == (row["answer"] in order[:5])
        own = slow_score(row["answer"], row, kind)
        assert own is not None
        assert found["answer_log_probability"] == pytest.approx(own[1], abs=1e-5)
        if row["choices"]:
            best = max(row["choices"], key=lambda form: slow_of_choice(form, row, kind))
            assert found["choice_1"] == (best == row["answer"])
        else:
            assert found["choice_1"] is None


@pytest.mark.parametrize("kind", ["deberta-v2", "bert"])
def test_all_pieces_of_the_answer_must_be_the_likeliest(kind: str) -> None:
    """Against the library's logits; and where one piece is the likeliest everywhere."""
    wordpiece = tiny_wordpiece()
    mask = wordpiece.special_ids["mask"]

    def expected(model: torch.nn.Module, row: Item) -> bool:
        place = place_of_item(row, wordpiece)
        k = len(place.answer_ids)
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([place.ids(k, mask)])).logits[0]
        likeliest = logits.argmax(dim=1)[len(place.left) : len(place.left) + k]
        return tuple(likeliest.tolist()) == place.answer_ids

    found = set()
    for piece in ("##박", "삼성", "##가"):
        model = copy.deepcopy(tiny_model(kind))
        with torch.no_grad():
            model.get_output_embeddings().bias[wordpiece.vocabulary[piece]] += 100
        scorer = ItemScorer(
            tiny_runner(model),
            wordpiece,
            tiny_noun_test(),
            max_masks=4,
            top_candidates=5,
            length=64,
        )
        for row, scored in zip(ITEMS, scorer.score(ITEMS), strict=True):
            assert scored["entity_1"] == expected(model, row)
            pieces = place_of_item(row, wordpiece).answer_ids
            found.add((scored["entity_1"], pieces[0] == wordpiece.vocabulary[piece], len(pieces)))
    # Right with one piece; wrong although the first of three pieces is the likeliest.
    assert (True, True, 1) in found and (False, True, 3) in found


def slow_of_choice(form: str, row: Item, kind: str) -> float:
    found = slow_score(form, row, kind)
    assert found is not None
    return found[1]


def test_the_number_of_masks_does_not_depend_on_the_answer() -> None:
    """With another answer in the same place, every other candidate keeps its score and order."""
    text = "서울 박물관 가나 에 갔다 . 박물관은 있다"
    first = item(text, "박물관")
    other = {**first, "answer": "가나", "entity": "가나"}
    # The masked span stays; only what counts as right differs.
    other["text"] = text
    rows = list(scorer_of("deberta-v2", max_masks=4, top=60).score([first, other]))
    assert rows[0]["best"] == rows[1]["best"]
    assert rows[0]["candidates"] == rows[1]["candidates"]
    assert rows[0]["rank"] != rows[1]["rank"]


@given(st.dictionaries(st.text("가나다", min_size=1), st.integers(-5, 0), min_size=1))
def test_rank_is_the_place_in_sorted_order(scores: dict[str, int]) -> None:
    order = sorted(scores, key=lambda form: (-scores[form], form))
    for place, form in enumerate(order, start=1):
        ranking = rank_answer({name: float(value) for name, value in scores.items()}, form)
        assert (ranking.rank, ranking.best) == (place, order[0])
        assert [ranking.within(k) for k in (1, 5)] == [place <= 1, place <= 5]


def test_an_answer_that_is_no_candidate_is_never_right() -> None:
    assert not rank_answer({"가": -1.0}, "나").within(5)
    assert rank_answer({}, "나").best is None
