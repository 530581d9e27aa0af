"""Antecedent and mention pairs of a document, and the window that holds both."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from scripts.common.analysis import PROPER_NOUN, without_spaces
from scripts.corpus.full_forms import full_forms

_SYLLABLE = re.compile("[가-힣]")


@dataclass(frozen=True)
class Mention:
    """A mention of an entity.

    Attributes:
        form: the proper noun without spaces.
        entity: the entity's name: the form, or the full form that it is short for.
        start, end: span of the surface in characters, end excluded.
        particle: tag of the particle that follows, "" where none does.
    """

    form: str
    entity: str
    start: int
    end: int
    particle: str


@dataclass(frozen=True)
class Pair:
    """A mention and its antecedent, the entity's first mention.

    Attributes:
        antecedent: the first mention.
        mention: a later one.
        ordinal: 2 for the second mention of the entity, and so on.
        distance: characters between the antecedent's end and the mention's start.
    """

    antecedent: Mention
    mention: Mention
    ordinal: int

    @property
    def distance(self) -> int:
        """Characters between the two mentions."""
        return self.mention.start - self.antecedent.end


def proper_nouns(
    forms: Sequence[str],
    tags: Sequence[str],
    starts: Sequence[int],
    ends: Sequence[int],
    particles: Sequence[str],
) -> Iterator[Mention]:
    """Yield the proper nouns among a document's noun mentions; the entity is the form unspaced."""
    for form, tag, start, end, particle in zip(forms, tags, starts, ends, particles, strict=True):
        if tag == PROPER_NOUN:
            unspaced = without_spaces(form)
            yield Mention(unspaced, unspaced, start, end, particle)


def repeated_entities(
    mentions: Sequence[Mention], *, min_syllables: int, merge_substrings: bool
) -> list[list[Mention]]:
    """Return the mentions of each entity that occurs twice or more, in text order.

    Args:
        mentions: proper nouns of one document.
        min_syllables: fewest Hangul syllables of a form; shorter ones are no entities.
        merge_substrings: count shortened forms as their full form's entity (see `full_forms`).
    """
    ordered = sorted(
        (m for m in mentions if len(_SYLLABLE.findall(m.form)) >= min_syllables),
        key=lambda mention: mention.start,
    )
    if merge_substrings:
        full = full_forms([mention.form for mention in ordered])
        ordered = [replace(m, entity=full.get(m.form, m.form)) for m in ordered]
    by_entity: dict[str, list[Mention]] = {}
    for mention in ordered:
        by_entity.setdefault(mention.entity, []).append(mention)
    return [found for found in by_entity.values() if len(found) > 1]


def pairs_of_entity(mentions: Sequence[Mention], *, max_mentions: int) -> list[Pair]:
    """Return the pairs of the first mention with each of the next, up to `max_mentions`."""
    return [
        Pair(mentions[0], mention, ordinal)
        for ordinal, mention in enumerate(mentions[1:max_mentions], start=2)
    ]


def window_around(first: int, behind: int, *, tokens: int, room: int) -> int | None:
    """Return where a window of `room` tokens starts that holds tokens [first, behind).

    The span stands in the middle of the window as far as the sequence's ends allow; a sequence
    that fits whole is taken whole.

    Args:
        first: first token that the window must hold.
        behind: index behind the last one.
        tokens: length of the sequence.
        room: tokens that the window holds.

    Returns:
        The index of the window's first token, or None where the span does not fit.
    """
    if behind - first > room:
        return None
    middle = first - (room - (behind - first)) // 2
    return max(0, min(middle, tokens - room))
