"""Where each character of a normalized text stood in the raw one.

A source with gold annotations gives character offsets of its raw text; every step here works on the
normalized text. `normalize_with_map` returns what `normalize` returns, and a map that carries spans
both ways. Positions are code points, a span's end is excluded.

NFC may compose, split or reorder characters. It never looks across a character that is a starter
in decomposed form and no second part of any composition (Unicode Standard Annex 15, stable code
points), so the text is composed piece by piece between such characters. A piece that NFC leaves
alone keeps its characters one to one; the characters of one that it changes all stand for the
whole piece.
"""

import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from scripts.common.normalize import SUBSTITUTIONS, NormalizedText, normalize

# Jamo that follow another one in a syllable; their compositions stand in no table.
_VOWELS_AND_FINALS = (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))


@dataclass(frozen=True)
class OffsetMap:
    """Carries spans between a raw text and its normalized form.

    Attributes:
        starts, ends: the raw span of each character of the normalized text, shape (n,); neither
            ever falls. Raw characters outside all of these spans were removed.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def to_raw(self, start: int, end: int) -> tuple[int, int]:
        """Return the raw span that the normalized characters [start, end) stand for.

        Raises:
            ValueError: the span is empty or reaches beyond the text.
        """
        if not 0 <= start < end <= len(self.starts):
            raise ValueError(f"no span of {len(self.starts)} characters: [{start}, {end})")
        return int(self.starts[start]), int(self.ends[end - 1])

    def to_normalized(self, start: int, end: int) -> tuple[int, int] | None:
        """Return the smallest normalized span that holds all that is left of raw [start, end).

        None where nothing is left of it. A raw edge within characters that were composed moves
        outwards, to their edge.
        """
        first = int(np.searchsorted(self.ends, start, side="right"))
        behind = int(np.searchsorted(self.starts, end, side="left"))
        return (first, behind) if first < behind else None


def normalize_with_map(raw: str) -> tuple[NormalizedText, OffsetMap]:
    """Return `normalize(raw)` and the map between its characters and those of `raw`."""
    text, starts = raw, np.arange(len(raw))
    ends = starts + 1
    for pattern, replacement in SUBSTITUTIONS:
        stays = np.ones(len(text), dtype=bool)
        for match in pattern.finditer(text):
            stays[match.start() + len(replacement) : match.end()] = False
            if replacement:
                ends[match.start()] = ends[match.end() - 1]
        starts, ends = starts[stays], ends[stays]
        text = pattern.sub(replacement, text)
    text, starts, ends = _composed(text, starts, ends)
    first = len(text) - len(text.lstrip())
    behind = len(text.rstrip())
    return normalize(raw), OffsetMap(starts[first:behind], ends[first:behind])


def _composed(
    text: str, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[str, NDArray[np.int64], NDArray[np.int64]]:
    """Return the text in NFC and the spans of its characters."""
    if unicodedata.is_normalized("NFC", text):
        return text, starts, ends
    composed: list[str] = []
    new_starts: list[NDArray[np.int64]] = []
    new_ends: list[NDArray[np.int64]] = []
    for first, behind in _pieces(text):
        piece = unicodedata.normalize("NFC", text[first:behind])
        composed.append(piece)
        if piece == text[first:behind]:
            new_starts.append(starts[first:behind])
            new_ends.append(ends[first:behind])
        else:
            new_starts.append(np.full(len(piece), starts[first]))
            new_ends.append(np.full(len(piece), ends[behind - 1]))
    return "".join(composed), np.concatenate(new_starts), np.concatenate(new_ends)


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of a text that NFC composes independently of each other."""
    inner = (place for place in range(1, len(text)) if _begins_piece(text[place]))
    return pairwise([0, *inner, len(text)])


@lru_cache(maxsize=1 << 16)
def _begins_piece(character: str) -> bool:
    """Tell whether NFC treats what stands before a character apart from it."""
    first = unicodedata.normalize("NFD", character)[0]
    return unicodedata.combining(first) == 0 and first not in _second_parts()


@cache
def _second_parts() -> frozenset[str]:
    """Return all characters that a composition can join to what stands before them."""
    decompositions = (
        unicodedata.decomposition(chr(code)).split() for code in range(sys.maxunicode + 1)
    )
    seconds = {chr(int(parts[1], 16)) for parts in decompositions if _is_canonical_pair(parts)}
    return frozenset(seconds.union(map(chr, _VOWELS_AND_FINALS)))


def _is_canonical_pair(parts: list[str]) -> bool:
    return len(parts) == 2 and not parts[0].startswith("<")
