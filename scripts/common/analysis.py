"""Attributes of documents: cheap character counts, and one Kiwi analysis where it can matter."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kiwipiepy import Kiwi, Token

_logger = logging.getLogger(__name__)
_SENTENCE_MARK = re.compile(r"[.?!]")
_HANGUL_SYLLABLE = re.compile(r"[가-힣]")
_SYMBOL = re.compile(r"[^\w\s]|_")  # neither alphanumeric (\w without _) nor space

PROPER_NOUN, PRONOUN, NOUN_PREFIX, PARTICLE_PREFIX = "NNP", "NP", "N", "J"


@dataclass(frozen=True)
class CharacterCounts:
    """Attributes that need no analysis.

    Attributes:
        characters: code points.
        sentence_marks: number of `.`, `?` and `!`.
        hangul_ratio: share of Hangul syllables among all characters, 0 for an empty text.
        symbol_ratio: share of characters that are neither alphanumeric nor space.
    """

    characters: int
    sentence_marks: int
    hangul_ratio: float
    symbol_ratio: float


def count_characters(text: str) -> CharacterCounts:
    """Count what the cheap checks need."""
    length = max(1, len(text))
    return CharacterCounts(
        characters=len(text),
        sentence_marks=len(_SENTENCE_MARK.findall(text)),
        hangul_ratio=len(_HANGUL_SYLLABLE.findall(text)) / length,
        symbol_ratio=len(_SYMBOL.findall(text)) / length,
    )


@dataclass(frozen=True)
class Floor:
    """Limits within which a document can still pass and is therefore analysed (ends included)."""

    min_characters: int
    max_characters: int
    min_sentence_marks: int
    min_hangul_ratio: float
    max_symbol_ratio: float

    def admits(self, counts: CharacterCounts) -> bool:
        """Tell whether a document with these counts is analysed."""
        return (
            self.min_characters <= counts.characters <= self.max_characters
            and counts.sentence_marks >= self.min_sentence_marks
            and counts.hangul_ratio >= self.min_hangul_ratio
            and counts.symbol_ratio <= self.max_symbol_ratio
        )


@dataclass
class NounAnalysis:
    """What one Kiwi analysis says about a document.

    Attributes:
        kiwi_tokens: number of tokens (morphemes).
        nnp: number of proper nouns (tag NNP).
        nnp_ratio: nnp / kiwi_tokens, 0 where there is no token.
        pronouns: number of pronouns (tag NP).
        unspanned_nouns: nouns whose text span differs from the form by more than spaces; they are
            no mentions.
        mention_form, mention_tag: form and tag of each noun mention, in text order.
        mention_start, mention_end: its span in characters, end excluded.
        mention_particle: tag of the particle that follows at once, "" where none does.
    """

    kiwi_tokens: int
    nnp: int
    nnp_ratio: float
    pronouns: int
    unspanned_nouns: int
    mention_form: list[str]
    mention_tag: list[str]
    mention_start: list[int]
    mention_end: list[int]
    mention_particle: list[str]

    def as_columns(self) -> dict[str, Any]:
        """Return the attributes by column name; the lists are not copied."""
        return dict(vars(self))


def analyse_tokens(text: str, tokens: Sequence["Token"]) -> NounAnalysis:
    """Collect the noun mentions and counts from Kiwi's tokens of `text`."""
    result = NounAnalysis(len(tokens), 0, 0.0, 0, 0, [], [], [], [], [])
    for position, token in enumerate(tokens):
        tag = token.tag
        if not tag.startswith(NOUN_PREFIX):
            continue
        result.nnp += tag == PROPER_NOUN
        result.pronouns += tag == PRONOUN
        form, start = token.form, token.start
        end = start + token.len
        surface = text[start:end]
        if surface != form and without_spaces(surface) != without_spaces(form):
            result.unspanned_nouns += 1
            continue
        following = tokens[position + 1] if position + 1 < len(tokens) else None
        has_particle = (
            following is not None
            and following.start == end
            and following.tag.startswith(PARTICLE_PREFIX)
        )
        result.mention_form.append(form)
        result.mention_tag.append(tag)
        result.mention_start.append(start)
        result.mention_end.append(end)
        result.mention_particle.append(following.tag if following and has_particle else "")
    result.nnp_ratio = result.nnp / result.kiwi_tokens if result.kiwi_tokens else 0.0
    return result


def without_spaces(text: str) -> str:
    """Return `text` without any white space."""
    return "".join(text.split())


def tokenize_each(kiwi: "Kiwi", texts: Sequence[str]) -> Iterator[Sequence["Token"] | None]:
    """Yield Kiwi's tokens of each text, or None where the analyser fails on that text alone.

    The whole sequence goes to Kiwi at once, which spreads it over its threads; after a failure the
    remaining texts are analysed one by one, so that only the failing one is lost.
    """
    done = 0
    try:
        # Kiwi reads ahead: it may fail here, before the first result.
        for tokens in kiwi.tokenize(iter(texts)):
            yield tokens
            done += 1
    except (RuntimeError, ValueError, OSError) as error:
        _logger.warning("the analyser failed within a batch (%s); going on text by text", error)
        for text in texts[done:]:
            yield _tokenize_alone(kiwi, text)


def _tokenize_alone(kiwi: "Kiwi", text: str) -> Sequence["Token"] | None:
    try:
        tokens: Sequence[Token] = kiwi.tokenize(text)
    except (RuntimeError, ValueError, OSError) as error:
        _logger.warning("the analyser failed on a text of %d characters: %s", len(text), error)
        return None
    return tokens
