"""Korean news-like articles for the `demo` source, with planted trouble.

Goes in: a count and a seed. Comes out: a stream of articles. Article `i` depends on the seed
and on `i` only, so a longer run begins with the articles of a shorter one, and memory is constant.

Method: an article draws a cast (a person with a title, an organisation, a place and a subject)
that recurs in all its paragraphs, and a smaller cast for each paragraph, and fills hand-written
sentences with them (`demo_vocabulary`). A quarter of the articles is planted: each carries one
fault or one mark, named in `DemoArticle.planted`, in fixed shares of every hundred
(`PLANTED_SHARES`). `control_characters` and `lone_surrogate` ask for a repair, `pronoun` for
rejection only where a pronoun limit is set; each of the others is the reason for a rejection, and
no check that stands before its own finds fault with it.
"""

import json
import random
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from scripts.corpus.demo_vocabulary import (
    ACRONYMS,
    CITIES,
    COMPANIES,
    ENGLISH_SENTENCES,
    ESSAY_SENTENCES,
    FRESH_POOLS,
    NAME_LISTS,
    NAMES_ONCE,
    PEOPLE,
    PLAIN_SENTENCES,
    PRONOUN_SENTENCES,
    SIDE_SENTENCES,
    TOPICS,
    UNIVERSITIES,
    Topic,
    Word,
)

# Articles of each kind in every hundred; the rest is ordinary (planted == "").
PLANTED_SHARES = {
    "empty": 2,  # no text at all; only white space
    "too_short": 2,  # fewer than 800 characters
    "too_long": 1,  # more than 6,000 characters
    "few_sentences": 2,  # full length, at most two of . ? !
    "little_hangul": 2,  # mostly English and figures
    "many_symbols": 1,  # ornaments after every word
    "few_proper_nouns": 2,  # a general essay
    "many_proper_nouns": 1,  # lists of names
    "no_repeated_entity": 2,  # every name stands once
    "exact_duplicate": 3,  # verbatim; decomposed (NFD); zero-width characters and CRLF
    "near_duplicate": 2,  # an earlier article with one sentence in other words
    "pronoun": 2,  # rich in pronouns, otherwise ordinary
    "control_characters": 2,  # control and zero-width characters inside words
    "lone_surrogate": 1,  # half of a UTF-16 pair: a high one, a low one, in turn by seed
}
PERIOD = 100
# Coprime with PERIOD: spreads the kinds over each hundred and keeps their shares.
STRIDE = 37
_PLANTED = tuple((kind, rank) for kind, share in PLANTED_SHARES.items() for rank in range(share))
_ORDINARY_SHARE = PERIOD - len(_PLANTED)

ZERO_WIDTH = "\u200b\ufeff\u2060"
CONTROLS = "\x00\x07\x08\x1b\x7f"
ORNAMENTS = "★◆●■♥※"
LONE_SURROGATES = "\ud83d\udc00"

# Characters of an ordinary article: lowest, highest and most frequent target. A text ends with
# the first sentence that reaches its target, up to 80 characters later.
_LENGTH = (860, 2260, 1050)
# Sentences of the main cast in an article: about five mentions of each of its four names.
_MAIN_SENTENCES = 14
_PLAIN_SHARE = 0.16
_SENTENCE_LENGTH = 33  # mean, in characters, with the space

# Every slot of a list of names is drawn anew.
NAME_POOLS: Mapping[str, Sequence[Word]] = {
    **FRESH_POOLS,
    "person": PEOPLE,
    "place": CITIES,
    "org": COMPANIES,
}

Paragraphs = list[list[str]]


@dataclass(frozen=True)
class DemoArticle:
    """One generated article.

    Attributes:
        id: unique in its stream, in the order of generation.
        text: may be empty, and may hold control characters and lone surrogates.
        planted: "" for an ordinary article, otherwise a key of `PLANTED_SHARES`.
    """

    id: str
    text: str
    planted: str


class _Slots(dict[str, Word]):
    """The cast of a sentence; a slot outside the cast is drawn from its pool at each use."""

    def __init__(
        self, rng: random.Random, pools: Mapping[str, Sequence[Word]], cast: Mapping[str, Word]
    ) -> None:
        super().__init__(cast)
        self._rng = rng
        self._pools = pools

    def __missing__(self, slot: str) -> Word:
        return self._rng.choice(self._pools[slot])


class _Deck:
    """Deals the items in random order, each once before any comes again."""

    def __init__(self, rng: random.Random, items: Sequence[str]) -> None:
        self._rng = rng
        self._items = items
        self._left: list[str] = []

    def deal(self) -> str:
        if not self._left:
            self._left = self._rng.sample(self._items, len(self._items))
        return self._left.pop()


def demo_articles(count: int, seed: int) -> Iterator[DemoArticle]:
    """Generate `count` articles, one at a time.

    Args:
        count: number of articles, 0 or more.
        seed: any integer; the same seed gives the same articles on every machine.
    """
    return (_article(seed, index) for index in range(count))


def json_line(article: DemoArticle) -> str:
    r"""One line of JSON in ASCII, newline included; a lone surrogate is written as \udXXX."""
    fields = {"id": article.id, "text": article.text, "planted": article.planted}
    return json.dumps(fields, ensure_ascii=True) + "\n"


def planted_kind(index: int) -> tuple[str, int]:
    """Kind of article `index`, and its rank (from 0) among that kind's places in a hundred."""
    place = index * STRIDE % PERIOD
    return ("", place) if place < _ORDINARY_SHARE else _PLANTED[place - _ORDINARY_SHARE]


def _article(seed: int, index: int) -> DemoArticle:
    kind, rank = planted_kind(index)
    return DemoArticle(f"demo-{index:08d}", _text(seed, index, kind, rank), kind)


def _text(seed: int, index: int, kind: str, rank: int) -> str:
    if kind == "exact_duplicate":
        return _exact_duplicate(seed, index, rank)
    if kind == "near_duplicate":
        return _near_duplicate(seed, index)
    rng = _generator(seed, index)
    match kind:
        case "":
            return _join(_news(rng))
        case "empty":
            return " \n\t\u3000\r\n " * rank
        case "too_short":
            return _join(_news(rng, rng.randint(300, 640)))
        case "too_long":
            return _join(_news(rng, rng.randint(6100, 8000)))
        case "few_sentences":
            return _without_marks(_news(rng))
        case "little_hangul":
            return _mostly_english(rng)
        case "many_symbols":
            return _decorated(rng, _join(_news(rng, rng.randint(860, 1300))))
        case "few_proper_nouns":
            return _filled(rng, ESSAY_SENTENCES, _Slots(rng, FRESH_POOLS, {}))
        case "many_proper_nouns":
            return _filled(rng, NAME_LISTS, _Slots(rng, NAME_POOLS, {}))
        case "no_repeated_entity":
            return _names_once(rng)
        case "pronoun":
            return _join(_news(rng, pronouns=True))
        case "control_characters":
            text = _join(_news(rng))
            return _inside_words(rng, text, CONTROLS + ZERO_WIDTH, rng.randint(8, 20))
        case "lone_surrogate":
            return _inside_words(rng, _join(_news(rng)), rng.choice(LONE_SURROGATES), 1)
    raise ValueError(f"no generator for planted kind {kind!r}")


def _generator(seed: int, index: int) -> random.Random:
    # A string seed is hashed by SHA-512: the same on every machine and in every process.
    return random.Random(f"{seed}:{index}")


def _join(paragraphs: Paragraphs) -> str:
    return "\n".join(" ".join(sentences) for sentences in paragraphs)


def _target_length(rng: random.Random) -> int:
    return int(rng.triangular(*_LENGTH))


def _news(rng: random.Random, target: int | None = None, pronouns: bool = False) -> Paragraphs:
    """Paragraphs of sentences, `target` characters or up to 80 more; 2–4 in ordinary length."""
    target = target or _target_length(rng)
    topic = rng.choice(TOPICS)
    pools = {**FRESH_POOLS, "item": topic.items}
    paragraph_count = max(2, round(target / rng.randint(520, 700)))
    people = rng.sample(PEOPLE, paragraph_count + 1)
    main = {
        "person": people[0],
        "title": rng.choice(topic.titles),
        "org": rng.choice(topic.organisations),
        "place": rng.choice(CITIES),
        "subject": rng.choice(topic.subjects),
    }
    main_deck, side_deck = _Deck(rng, topic.sentences), _Deck(rng, SIDE_SENTENCES)
    plain_deck = _Deck(rng, PRONOUN_SENTENCES if pronouns else PLAIN_SENTENCES)
    main_share = min(0.5, _MAIN_SENTENCES * _SENTENCE_LENGTH / target)
    length = 0
    paragraphs: Paragraphs = []
    for number, guest in enumerate(people[1:], start=1):
        slots = _Slots(rng, pools, {**main, **_side_cast(rng, guest, topic, main)})
        sentences = [_opening(main_deck.deal(), slots)]
        length += len(sentences[0]) + 1
        while length * paragraph_count < target * number:
            chance = rng.random()
            plain = len(sentences) % 4 == 1 if pronouns else chance > 1 - _PLAIN_SHARE
            cast_deck = main_deck if chance < main_share else side_deck
            deck = plain_deck if plain else cast_deck
            sentences.append(deck.deal().format_map(slots))
            length += len(sentences[-1]) + 1
        paragraphs.append(sentences)
    return paragraphs


def _side_cast(
    rng: random.Random, guest: Word, topic: Topic, main: Mapping[str, Word]
) -> dict[str, Word]:
    """A paragraph's own cast; none of it belongs to the article's main cast."""
    return {
        "guest": guest,
        "guest_title": rng.choice(topic.titles),
        "partner": _other(rng, FRESH_POOLS["other_org"], main["org"]),
        "town": _other(rng, CITIES, main["place"]),
    }


def _other(rng: random.Random, pool: Sequence[Word], taken: Word) -> Word:
    word = rng.choice(pool)
    while word == taken:
        word = rng.choice(pool)
    return word


def _opening(sentence: str, slots: _Slots) -> str:
    """The first sentence of a paragraph, where an organisation is named with its acronym."""
    organisation = slots["org"]
    if organisation in ACRONYMS:
        slots["org"] = Word(f"{organisation}({ACRONYMS[organisation]})")
    text = sentence.format_map(slots)
    slots["org"] = organisation
    return text


def _filled(rng: random.Random, sentences: Sequence[str], slots: _Slots) -> str:
    """Sentences up to an ordinary length, in paragraphs of eight."""
    target = _target_length(rng)
    deck = _Deck(rng, sentences)
    filled: list[str] = []
    while sum(map(len, filled)) + len(filled) <= target:
        filled.append(deck.deal().format_map(slots))
    return _join([filled[start : start + 8] for start in range(0, len(filled), 8)])


def _without_marks(paragraphs: Paragraphs) -> str:
    """One sentence a line, as in a list of headlines, and one full stop at the very end."""
    lines = [sentence for sentences in paragraphs for sentence in sentences]
    return "\n".join(lines).translate(dict.fromkeys(map(ord, ".?!"))) + "."


def _mostly_english(rng: random.Random) -> str:
    """An English report with single Korean sentences, rich in names: less than 40 % Hangul."""
    slots = _Slots(rng, NAME_POOLS, {})
    names, english = _Deck(rng, NAME_LISTS), _Deck(rng, ENGLISH_SENTENCES)
    decks = [_Deck(rng, NAMES_ONCE), english, names, english, english]
    target = _target_length(rng)
    paragraphs: Paragraphs = []
    while sum(len(sentence) + 1 for part in paragraphs for sentence in part) < target:
        paragraphs.append([deck.deal().format_map(slots) for deck in decks])
    return _join(paragraphs)


def _decorated(rng: random.Random, text: str) -> str:
    """Two ornaments after each word: more than 30 % symbols, still more than 40 % Hangul."""
    ornament = rng.choice(ORNAMENTS) * 2
    return "\n".join(
        " ".join(word + ornament for word in line.split()) for line in text.splitlines()
    )


def _names_once(rng: random.Random) -> str:
    """News in which no name stands twice."""
    names = {
        "person": iter(rng.sample(PEOPLE, len(PEOPLE))),
        "place": iter(rng.sample(CITIES, len(CITIES))),
        "org": iter(rng.sample(COMPANIES + UNIVERSITIES, len(COMPANIES + UNIVERSITIES))),
    }
    return _filled(rng, NAMES_ONCE, _NamesOnce(rng, names))


class _NamesOnce(_Slots):
    def __init__(self, rng: random.Random, names: Mapping[str, Iterator[Word]]) -> None:
        super().__init__(rng, FRESH_POOLS, {})
        self._names = names

    def __missing__(self, slot: str) -> Word:
        return next(self._names[slot]) if slot in self._names else super().__missing__(slot)


def _inside_words(rng: random.Random, text: str, characters: str, count: int) -> str:
    """Insert `count` of the characters, each between two letters, no two at one place."""
    inner = [i for i in range(1, len(text)) if text[i - 1].isalnum() and text[i].isalnum()]
    pieces, start = [], 0
    for place in sorted(rng.sample(inner, count)):
        pieces += [text[start:place], rng.choice(characters)]
        start = place
    return "".join([*pieces, text[start:]])


def _earlier_ordinary(rng: random.Random, index: int) -> int:
    """Index of an ordinary article before `index`; there is one, since article 0 is ordinary."""
    earlier = rng.randrange(index)
    while planted_kind(earlier)[0]:
        earlier = rng.randrange(index)
    return earlier


def _exact_duplicate(seed: int, index: int, variant: int) -> str:
    """An earlier ordinary text, equal to it as it stands (0) or once normalised (1, 2)."""
    rng = _generator(seed, index)
    original = _join(_news(_generator(seed, _earlier_ordinary(rng, index))))
    if variant == 1:
        return unicodedata.normalize("NFD", original)
    if variant == 2:
        return _inside_words(rng, original, ZERO_WIDTH, 12).replace("\n", "\r\n")
    return original


def _near_duplicate(seed: int, index: int) -> str:
    """An earlier ordinary text with one sentence, of median length or less, in other words."""
    rng = _generator(seed, index)
    paragraphs = _news(_generator(seed, _earlier_ordinary(rng, index)))
    places = [(p, s) for p, sentences in enumerate(paragraphs) for s in range(len(sentences))]
    places.sort(key=lambda place: len(paragraphs[place[0]][place[1]]))
    paragraph, sentence = rng.choice(places[: len(places) // 2])
    replacement = rng.choice(PLAIN_SENTENCES).format_map(_Slots(rng, FRESH_POOLS, {}))
    paragraphs[paragraph][sentence] = replacement
    return _join(paragraphs)
