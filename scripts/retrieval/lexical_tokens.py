"""What BM25 counts: words, character bigrams of words, or Korean morphemes."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from scripts.common.analysis import tokenize_each
from scripts.common.errors import ConfigError

WORDS, BIGRAMS, MORPHEMES = KINDS = ("words", "bigrams", "morphemes")
_WORD = re.compile(r"\w+")
# Particles, endings, derivational suffixes, the copula and signs bind words and name nothing.
_LEFT_OUT = ("J", "E", "XS", "VCP", "SF", "SP", "SS", "SE", "SO", "SW", "SB", "Z", "W", "U")
_TEXTS_AT_A_TIME = 1_000


class LexicalTokenizer:
    """Cuts texts into tokens; case is folded.

    WORDS: runs of letters and digits. BIGRAMS: overlapping pairs of characters within a word, a
    word of one character as it is; they meet Korean nouns behind any particle (Lee and Ahn 1996,
    SIGIR). MORPHEMES: Kiwi's, without particles, endings and signs.
    """

    def __init__(self, kind: str, *, threads: int) -> None:
        """Load the analyser where `kind` needs it.

        Raises:
            ConfigError: `kind` is none of KINDS.
        """
        if kind not in KINDS:
            raise ConfigError(f"BM25's tokens are {kind!r}; allowed: {', '.join(KINDS)}")
        self.kind = kind
        self._kiwi: Any = None
        if kind == MORPHEMES:
            from kiwipiepy import Kiwi

            self._kiwi = Kiwi(num_workers=threads)

    def tokens(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """Yield the tokens of each text in order."""
        if self.kind != MORPHEMES:
            cut = words if self.kind == WORDS else bigrams
            yield from map(cut, texts)
            return
        waiting: list[str] = []
        for text in texts:
            waiting.append(text)
            if len(waiting) == _TEXTS_AT_A_TIME:
                yield from self._morphemes(waiting)
                waiting = []
        yield from self._morphemes(waiting)

    def _morphemes(self, texts: Sequence[str]) -> Iterator[list[str]]:
        for text, found in zip(texts, tokenize_each(self._kiwi, texts), strict=True):
            # A text that the analyser fails on still has its words.
            yield (
                words(text)
                if found is None
                else [
                    token.form.casefold() for token in found if not token.tag.startswith(_LEFT_OUT)
                ]
            )


def words(text: str) -> list[str]:
    """Return the runs of letters, digits and underscores, case folded."""
    return _WORD.findall(text.casefold())


def bigrams(text: str) -> list[str]:
    """Return the pairs of neighbouring characters of each word; a lone character as it is."""
    return [
        word[place : place + 2] for word in words(text) for place in range(max(1, len(word) - 1))
    ]
