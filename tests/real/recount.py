"""A second, plain implementation of what the corpus track decides; nothing comes from `scripts`."""

import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from kiwipiepy import Kiwi

REMOVED = {
    *range(0x00, 0x0A),
    *range(0x0E, 0x20),
    *range(0x7F, 0x85),
    *range(0x86, 0xA0),
    *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x180E, 0x3164, 0xFEFF, 0xFFA0),
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    *range(0xFFF9, 0xFFFC),
    *range(0xE0000, 0xE0080),
}
LINE_ENDS = "\r\x0b\x0c\x85\u2028\u2029"


def plain_text(raw: str) -> str:
    """Normalize a text one character at a time."""
    out = []
    for character in raw.replace("\r\n", "\n"):
        code = ord(character)
        if character in LINE_ENDS:
            out.append("\n")
        elif character == "\t" or unicodedata.category(character) == "Zs":
            out.append(" ")
        elif code not in REMOVED or character == "\n":
            out.append("\ufffd" if 0xD800 <= code < 0xE000 else character)
    return unicodedata.normalize("NFC", "".join(out)).strip()


@dataclass
class Document:
    """One document and everything that the recount finds out about it."""

    source: str
    doc_id: str
    text: str
    tokens: int = 0
    nnp: int = 0
    pronouns: int = 0
    mentions: list[tuple[str, str, int, int]] = field(default_factory=list)

    @property
    def hangul(self) -> float:
        return sum("가" <= c <= "힣" for c in self.text) / max(1, len(self.text))

    @property
    def symbols(self) -> float:
        odd = sum(not c.isalnum() and not c.isspace() for c in self.text)
        return odd / max(1, len(self.text))

    @property
    def marks(self) -> int:
        return sum(self.text.count(mark) for mark in ".?!")


def cheap_reason(document: Document, limits: dict[str, Any]) -> str | None:
    """Return the first cheap reason against a document."""
    length = len(document.text)
    if length == 0:
        return "empty"
    if length < limits["min_characters"]:
        return "too_short"
    if limits["max_characters"] is not None and length > limits["max_characters"]:
        return "too_long"
    if document.marks < limits["min_sentence_marks"]:
        return "few_sentences"
    if document.hangul < limits["min_hangul_ratio"]:
        return "little_hangul"
    if document.symbols > limits["max_symbol_ratio"]:
        return "many_symbols"
    return None


def unspaced(text: str) -> str:
    return "".join(text.split())


def analyse(documents: list[Document], kiwi: Kiwi) -> None:
    """Ask Kiwi about each document, one by one."""
    for document in documents:
        tokens = kiwi.tokenize(document.text)
        document.tokens = len(tokens)
        document.nnp = sum(token.tag == "NNP" for token in tokens)
        document.pronouns = sum(token.tag == "NP" for token in tokens)
        for token in tokens:
            span = document.text[token.start : token.end]
            if token.tag[0] == "N" and unspaced(span) == unspaced(token.form):
                document.mentions.append((token.form, token.tag, token.start, token.end))


def failed_checks(
    document: Document, limits: dict[str, Any], *, nnp: tuple[float, float] | None
) -> set[str]:
    """Return every check that a document fails, Kiwi's only where Kiwi was asked about it."""
    length = len(document.text)
    ratio = document.nnp / document.tokens if nnp and document.tokens else None
    failing = {
        "too_short": length == 0 or length < limits["min_characters"],
        "too_long": limits["max_characters"] is not None and length > limits["max_characters"],
        "few_sentences": document.marks < limits["min_sentence_marks"],
        "little_hangul": document.hangul < limits["min_hangul_ratio"],
        "many_symbols": document.symbols > limits["max_symbol_ratio"],
        "few_proper_nouns": nnp is not None and ratio is not None and ratio < nnp[0],
        "many_proper_nouns": nnp is not None and ratio is not None and ratio > nnp[1],
    }
    return {check for check, fails in failing.items() if fails}


def fates(
    documents: list[Document], limits: dict[str, Any], *, nnp: tuple[float, float] | None
) -> dict[str, str]:
    """Return reason or "kept" by doc_id; `documents` come in order of (priority, id)."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    for document in documents:
        reason = cheap_reason(document, limits)
        if reason is None and nnp is not None:
            ratio = document.nnp / document.tokens if document.tokens else 0.0
            if ratio < nnp[0]:
                reason = "few_proper_nouns"
            elif ratio > nnp[1]:
                reason = "many_proper_nouns"
        if reason is None and document.text in seen:
            reason = "exact_duplicate"
        if reason is None:
            seen.add(document.text)
        found[document.doc_id] = reason or "kept"
    return found


def pairs(document: Document) -> tuple[dict[tuple[str, int], int], Counter[str], bool]:
    """Return the usable pairs, the unusable ones by reason, and whether an entity is repeated.

    A usable pair is (entity, start of the mention) with the distance to its antecedent.
    """
    by_entity = defaultdict(list)
    for form, tag, start, end in sorted(document.mentions, key=lambda mention: mention[2]):
        if tag == "NNP" and sum("가" <= c <= "힣" for c in form) >= 2:
            by_entity[unspaced(form)].append((start, end))
    usable: dict[tuple[str, int], int] = {}
    unusable: Counter[str] = Counter()
    repeated = False
    for entity, spans in by_entity.items():
        repeated |= len(spans) > 1
        for start, _ in spans[1:4]:
            distance = start - spans[0][1]
            if distance < 10:
                unusable["distance_below"] += 1
            elif distance > 2000:
                unusable["distance_above"] += 1
            else:
                usable[entity, start] = distance
    return usable, unusable, repeated


def shingle_hashes(text: str, size: int = 5) -> set[str]:
    letters = unspaced(text)
    if len(letters) <= size:
        return {letters} if letters else set()
    return {letters[i : i + size] for i in range(len(letters) - size + 1)}


def near_duplicate_pairs(documents: list[Document], jaccard: float = 0.8) -> list[tuple[str, str]]:
    """Compare every pair whose sizes allow the similarity."""
    sets = sorted(
        ((shingle_hashes(d.text), d.doc_id) for d in documents), key=lambda item: len(item[0])
    )
    found = []
    for i, (first, first_id) in enumerate(sets):
        for second, second_id in sets[i + 1 :]:
            if len(first) < jaccard * len(second):
                break
            common = len(first & second)
            union = len(first) + len(second) - common
            if union and common / union >= jaccard:
                found.append((first_id, second_id))
    return found
