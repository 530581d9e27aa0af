"""Spans carried between raw and normalized text, by planted pieces and over hostile texts."""

import sys
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.normalize import normalize
from scripts.common.offset_map import normalize_with_map
from tests.corpus.test_normalize import odd_texts

# What a piece of a raw text becomes whatever stands beside it. Each begins with a character that
# no composition joins to what stands before it, unless it is removed.
PIECES = {
    "가": "가",
    "각": "각",
    "\u1112\u1161\u11ab": "한",
    "\u1112\u200b\u1161\u11ab": "한",  # a zero-width space between jamo
    "가\u11a8": "각",
    "\u1100": "\u1100",
    "e\u0301": "é",
    "a\u0307\u0323": "ạ\u0307",
    "\u212b": "Å",
    "\u0958": "\u0915\u093c",  # one character becomes two
    "x\u0302": "x\u0302",
    "ㅋ": "ㅋ",
    "😀": "😀",
    "\r\n": "\n",
    "\u2028": "\n",
    "\u3000": " ",
    "\t": " ",
    "\ud83d": "\ufffd",
    "\u200b": "",
    "\ufeff": "",
    "\x00": "",
    "\u115f": "",
}
pieces = st.lists(st.sampled_from(list(PIECES)), max_size=25)


@settings(max_examples=300, deadline=None)
@given(pieces)
def test_each_planted_piece_is_found_on_both_sides(found):
    text, offsets = normalize_with_map("".join(found))
    joined = "".join(PIECES[piece] for piece in found)
    assert text.text == joined.strip()
    cut = len(joined) - len(joined.lstrip())
    raw_at, at = 0, -cut
    for piece in found:
        raw_behind, behind = raw_at + len(piece), at + len(PIECES[piece])
        inside = at >= 0 and behind <= len(text.text)
        if not PIECES[piece]:
            assert offsets.to_normalized(raw_at, raw_behind) is None
        elif inside:
            assert offsets.to_raw(at, behind) == (raw_at, raw_behind)
            assert offsets.to_normalized(raw_at, raw_behind) == (at, behind)
            assert text.text[at:behind] == PIECES[piece]
        raw_at, at = raw_behind, behind


marks = st.text(
    alphabet=st.sampled_from(
        "a각\u1100\u1161\u11a8\u0301\u0323\u0327\u0344\u0f73\u09c7\u09be\u09d7\u0915\u093c"
        "\u1025\u102e\u30ab\u3099\u200b \r\n"
    ),
    max_size=60,
)


@settings(max_examples=500, deadline=None)
@given(st.one_of(odd_texts, marks))
def test_text_is_the_normalized_one_and_spans_hold_together(raw):
    found, offsets = normalize_with_map(raw)
    assert found == normalize(raw)
    spans = list(zip(offsets.starts.tolist(), offsets.ends.tolist(), strict=True))
    assert len(spans) == len(found.text)
    assert all(0 <= start < end <= len(raw) for start, end in spans)
    # Neighbours stand for the same raw characters, or for such as follow one another.
    for one, other in pairwise(spans):
        assert one == other or one[1] <= other[0]
    for place, (start, end) in enumerate(spans):
        around = offsets.to_normalized(start, end)
        assert around is not None and around[0] <= place < around[1]
        assert all(spans[n] == (start, end) for n in range(*around))
        # What the raw characters of a piece become alone is the piece.
        assert normalize(raw[start:end]).text == found.text[slice(*around)].strip()
    covered = {n for start, end in spans for n in range(start, end)}
    left = "".join(c for n, c in enumerate(raw) if n not in covered)
    assert normalize(left).text == ""


@settings(max_examples=300, deadline=None)
@given(odd_texts, st.text(alphabet="가나다 라마", min_size=1, max_size=6), odd_texts)
def test_unchanged_characters_map_to_the_same_substring(before, name, behind):
    # A letter that nothing joins fences the name off from what stands beside it.
    raw = f"{before}글{name}글{behind.lstrip(''.join(map(chr, range(0x0300, 0x11FF))))}"
    found, offsets = normalize_with_map(raw)
    start = len(before) + 1
    span = offsets.to_normalized(start, start + len(name))
    assert span is not None
    assert found.text[slice(*span)] == name
    assert offsets.to_raw(*span) == (start, start + len(name))


def test_every_character_that_unicode_decomposes():
    everything = map(chr, range(sys.maxunicode + 1))
    odd = [c for c in everything if unicodedata.normalize("NFD", c) != c]
    assert len(odd) > 12_000  # 11,172 syllables and about 2,000 others
    parts = [f"가{character}\u0301e{character}\u1161\u11a8" for character in odd]
    raw = "".join(parts)
    found, offsets = normalize_with_map(raw)
    assert found == normalize(raw)
    assert len(offsets.starts) == len(found.text)
    start = 0
    for part in parts:
        span = offsets.to_normalized(start, start + len(part))
        assert span is not None
        assert found.text[slice(*span)] == normalize(part).text
        start += len(part)


@pytest.mark.parametrize("span", [(0, 0), (1, 1), (2, 1), (-1, 1), (0, 3)])
def test_a_span_outside_the_text_is_refused(span):
    _, offsets = normalize_with_map("한국")
    with pytest.raises(ValueError, match="no span of 2 characters"):
        offsets.to_raw(*span)


@pytest.mark.parametrize(
    ("raw", "span", "expected"),
    [
        ("\u200b\u200b한국", (0, 2), None),
        ("\u200b한\u200b국", (0, 3), (0, 1)),
        (" 한국 ", (0, 1), None),  # white space at the end was cut off
        ("한국", (0, 0), None),
        ("\u1112\u1161\u11ab국", (1, 2), (0, 1)),  # an edge within a syllable moves outwards
        ("", (0, 0), None),
    ],
)
def test_what_is_left_of_a_raw_span(raw, span, expected):
    assert normalize_with_map(raw)[1].to_normalized(*span) == expected
