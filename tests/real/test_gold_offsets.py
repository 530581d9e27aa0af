"""Gold mentions of real coreference annotations, carried over normalization and back."""

import gzip
import json
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.common.normalize import normalize
from scripts.common.offset_map import normalize_with_map
from tests.workflow.harness import ROOT

pytestmark = pytest.mark.real

OPTIONS = ("omniscent_separate", "omniscent_overlapped", "reader_separate", "reader_overlapped")
Mention = tuple[int, int, str]


@pytest.fixture(scope="module")
def passages() -> list[tuple[str, list[Mention]]]:
    """Text and gold mentions (start, end, surface) of each passage, in all annotation options."""
    path = ROOT.parent / "shared" / "data" / "coref" / "koconovel.jsonl.gz"
    if not path.is_file():
        pytest.skip("the gold coreference set is not beside this checkout")
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        return [(row["text"], list(gold_mentions(row))) for row in map(json.loads, lines)]


def gold_mentions(row: dict[str, Any]) -> Iterator[Mention]:
    for option in OPTIONS:
        for cluster in row[option]:
            for start, end, surface, _ in cluster:
                yield int(start), int(end), surface


def inner(surface: str) -> str:
    """Normalize a surface as a part of a text: white space at its ends stays."""
    return normalize(f"[{surface}]").text[1:-1]


def damaged(text: str) -> tuple[str, list[int]]:
    """Write a text as other systems would; return it with the new place of each old one.

    Syllables are decomposed, line ends become CRLF, and zero-width spaces and ideographic spaces
    are strewn in.
    """
    out: list[str] = ["\ufeff \u3000"]
    places = []
    length = len(out[0])
    for number, character in enumerate(text):
        places.append(length)
        part = unicodedata.normalize("NFD", character)
        if character == " ":
            part = "\u3000"
        elif character == "\n" and text[number - 1 : number] != "\r":
            part = "\r\n"
        if number % 7 == 0 and character != "\r":
            part += "\u200b"
        out.append(part)
        length += len(part)
    return "".join(out), [*places, length]


def test_every_gold_mention_keeps_its_surface(passages: list[tuple[str, list[Mention]]]) -> None:
    checked = 0
    for raw, mentions in passages:
        found, offsets = normalize_with_map(raw)
        assert found == normalize(raw)
        for start, end, surface in mentions:
            assert raw[start:end] == surface
            span = offsets.to_normalized(start, end)
            assert span is not None
            assert found.text[slice(*span)] == inner(surface)
            assert offsets.to_raw(*span) == (start, end)
            checked += 1
    assert checked == 2 * 17_627 + 2 * 18_782


def test_gold_mentions_survive_another_systems_spelling(
    passages: list[tuple[str, list[Mention]]],
) -> None:
    for text, mentions in passages:
        raw, places = damaged(text)
        found, offsets = normalize_with_map(raw)
        assert found.text == normalize(text).text
        for start, end, surface in mentions:
            span = offsets.to_normalized(places[start], places[end])
            assert span is not None
            assert found.text[slice(*span)] == inner(surface)
            low, high = offsets.to_raw(*span)
            assert low == places[start]
            assert places[end - 1] < high <= places[end]
