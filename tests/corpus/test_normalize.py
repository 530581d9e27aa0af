"""The rules of normalization, one by one and over random texts."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.normalize import normalize

# Surrogates, controls, spaces, jamo and combining marks far more often than chance has them.
_ODD = [
    *(chr(code) for code in range(0x20)),
    *("\x7f", "\x85", "\xa0", "\xad", "\u034f", "\u061c", "\u1680", "\u180e", "\u2000", "\u200a"),
    *("\u200b", "\u200d", "\u200f", "\u2028", "\u2029", "\u202a", "\u202f", "\u205f", "\u2060"),
    *("\u3000", "\u3164", "\ufeff", "\uffa0", "\ufff9", "\ufffd", "\ud83d", "\udc00", "\udfff"),
    *("\u1100", "\u1161", "\u11a8", "\u115f", "\u1160", "\u0301", "\u0323", "e", "ㅋ", "ㄱ", "ㅏ"),
    *("가", "각", "\u212b", "\u0344", "\u037e", "\u2126", "\uf900", "a", " ", "\n", "😀"),
]
odd_texts = st.one_of(
    st.text(alphabet=st.sampled_from(_ODD), max_size=30),
    st.text(alphabet=st.characters(), max_size=30),
)


@pytest.mark.parametrize(
    ("raw", "text", "removed", "replaced"),
    [
        ("가\r\n나\r다\x0b라\x0c마\x85바\u2028사\u2029아", "가\n나\n다\n라\n마\n바\n사\n아", 0, 0),
        ("가\t나\u00a0다\u3000라\u2003마\u202f바", "가 나 다 라 마 바", 0, 0),
        ("삼\u200b성\u200d전\u2060자\ufeff", "삼성전자", 4, 0),
        ("\u202a왼쪽\u202c \u200e오른쪽\u200f", "왼쪽 오른쪽", 4, 0),
        ("한\u00ad국\x00은\x07행\x1b\x7f\x9f", "한국은행", 6, 0),
        ("\u3164채움\uffa0문자\u115f\u1160", "채움문자", 4, 0),
        ("가\ud83d나\udc00", "가\ufffd나\ufffd", 0, 2),
        ("한국", "한국", 0, 0),
        ("\u1112\u1161\u11ab\u1100\u116e\u11a8", "한국", 0, 0),
        ("ㅋㅋㅋ ㅠㅠ ㄱㅏ", "ㅋㅋㅋ ㅠㅠ ㄱㅏ", 0, 0),
        ("e\u0301", "é", 0, 0),
        (" \n가 나\n\u3000", "가 나", 0, 0),
        (" \u200b\n", "", 1, 0),
        ("", "", 0, 0),
        ("두\n\n문단", "두\n\n문단", 0, 0),
        ("😀👍🏽", "😀👍🏽", 0, 0),
        ("\ufffd", "\ufffd", 0, 0),
    ],
)
def test_rules(raw, text, removed, replaced):
    found = normalize(raw)
    assert (found.text, found.removed_characters, found.replaced_surrogates) == (
        text,
        removed,
        replaced,
    )


@settings(max_examples=400, deadline=None)
@given(odd_texts)
def test_invariants(raw):
    found = normalize(raw)
    text = found.text
    assert text.encode("utf-8").decode("utf-8") == text
    assert unicodedata.is_normalized("NFC", text)
    assert text == text.strip()
    again = normalize(text)
    assert (again.text, again.removed_characters, again.replaced_surrogates) == (text, 0, 0)
    # What can be left of white space and controls is the ordinary space and the line feed.
    assert {c for c in text if c.isspace() or unicodedata.category(c) in ("Cc", "Cs")} <= set(" \n")
    assert found.replaced_surrogates == sum("\ud800" <= c <= "\udfff" for c in raw)
    assert 0 <= found.removed_characters <= len(raw)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="가나다라 ab1.,", max_size=40), st.lists(st.integers(0, 40), max_size=5))
def test_each_removed_character_is_counted_and_leaves_no_trace(plain, places):
    raw = list(plain)
    for place in places:
        raw.insert(place, "\u200b")
    found = normalize("".join(raw))
    assert (found.text, found.removed_characters) == (plain.strip(), len(places))
