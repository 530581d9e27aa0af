"""Candidates take the pieces that a splice of the same form at the same place would take."""

from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scripts.common.errors import InputError
from scripts.common.splice import splice_mention
from scripts.language_model.candidates import (
    candidates_of_forms,
    pieces_in_place,
    place_of_item,
    single_pieces,
)
from scripts.language_model.contexts import tokenize
from tests.corpus.builders import cased_wordpiece, uncased_wordpiece
from tests.language_model.evaluation_builders import item, tiny_wordpiece

_FORMS = st.lists(
    st.sampled_from(["서울", "박물관", "삼성", "가", "시", "국립", " ", "·", "K", "대학교"]),
    min_size=1,
    max_size=4,
).map("".join)


@pytest.mark.parametrize("kind", ["cased", "uncased"])
@given(
    form=_FORMS,
    before=st.sampled_from(["", "신", "구 ", "구, "]),
    behind=st.sampled_from(["은", "", " 는"]),
)
@example(form="서울 시", before="신", behind="은")  # the second word begins anew
def test_pieces_equal_those_of_a_splice(kind: str, form: str, before: str, behind: str) -> None:
    wordpiece = cased_wordpiece() if kind == "cased" else uncased_wordpiece()
    form = form.strip()
    text = f"{before}{form}{behind}"
    if not form:
        return
    splice = splice_mention(tokenize(text, wordpiece), len(before), len(before + form), wordpiece)
    if isinstance(splice, str):
        return
    continues = bool(wordpiece.continues[splice.label_ids[0]])
    assert pieces_in_place(form, wordpiece, continues=continues) == splice.label_ids


def test_particles_stay_continuation_pieces_and_the_place_says_so() -> None:
    wordpiece = tiny_wordpiece()
    place = place_of_item(item("삼성 은 갔다 . 신삼성에서 말했다", "삼성"), wordpiece)
    names = wordpiece.pieces
    assert place.continues
    assert names[place.left[-1]] == "신"
    assert names[place.right[0]] == "##에서"
    assert [names[number] for number in place.answer_ids] == ["##삼성"]
    assert [names[number] for number in place.ids(2, wordpiece.special_ids["mask"])][-5:] == [
        "[MASK]",
        "[MASK]",
        "##에서",
        "말했다",
        "[SEP]",
    ]


def test_what_is_left_out_is_counted() -> None:
    wordpiece = tiny_wordpiece()
    place = place_of_item(item("삼성 은 갔다 . 삼성 에", "삼성"), wordpiece)
    dropped: Counter[str] = Counter()
    found = candidates_of_forms(
        ["삼성", "삼 성", "A", "가나", "가나다", "힣힣", "삼성"], place, wordpiece, 2, dropped
    )
    names = {form: [wordpiece.pieces[n] for n in ids] for form, ids in found.items()}
    assert names == {"삼성": ["삼성"], "가나": ["가", "##나"]}
    # "삼 성" has no pieces of its own; its surface is that of 삼성 and would replace it otherwise.
    assert dropped == {"no_hangul": 1, "too_many_pieces": 1, "no_pieces": 2}


def test_single_pieces_are_sorted_by_place() -> None:
    wordpiece = tiny_wordpiece()
    singles = single_pieces(wordpiece)
    for number, piece in enumerate(wordpiece.pieces):
        hangul = any("가" <= letter <= "힣" for letter in piece)
        assert singles.initial[number] == (hangul and not piece.startswith("##"))
        assert singles.continuing[number] == (hangul and piece.startswith("##"))


def test_an_item_of_another_tokenizer_is_named() -> None:
    made = {**item("삼성 은 갔다 . 삼성 에", "삼성"), "text": "삼성 은 갔다 . 힣힣 에"}
    with pytest.raises(InputError, match=r"real_coref:d:0 cannot be masked .*unknown_token"):
        place_of_item(made, tiny_wordpiece())
