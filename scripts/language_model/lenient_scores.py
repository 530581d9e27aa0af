"""Lenient scores: the rule of the published figures, for comparison with them only.

One mask, whatever the answer's length; of the 50 most probable pieces those that are nouns are
kept, in order; an answer is hit by a piece that equals it, holds it or is part of it.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from scripts.common.wordpiece import WordPiece

if TYPE_CHECKING:
    from kiwipiepy import Kiwi

TOP_PIECES = 50
_NOUN = "NN"
DEFINITION = (
    f"lenient_k: one mask; of the {TOP_PIECES} most probable pieces those that Kiwi reads as nouns "
    "(every morpheme has a tag NN*) are kept; one of the first k of them equals the answer, is "
    "part of it or holds it."
)


class NounTest:
    """Tells which pieces of the vocabulary are nouns; each piece is analysed once.

    Args:
        wordpiece: the tokenizer.
        kiwi: the analyser.
    """

    def __init__(self, wordpiece: WordPiece, kiwi: "Kiwi") -> None:
        self._pieces = [piece.removeprefix(wordpiece.prefix) for piece in wordpiece.pieces]
        self._special = frozenset(wordpiece.special_ids.values())
        self._kiwi = kiwi
        self._known: dict[int, bool] = {}

    def nouns(self, ids: Sequence[int]) -> list[str]:
        """Return the surfaces of the pieces that are nouns, in the given order."""
        self._learn(ids)
        return [self._pieces[number] for number in ids if self._known[number]]

    def _learn(self, ids: Iterable[int]) -> None:
        new = sorted({number for number in ids if number not in self._known})
        analyses = self._kiwi.tokenize([self._pieces[number] for number in new])
        for number, tokens in zip(new, analyses, strict=True):
            tags = [token.tag for token in tokens]
            self._known[number] = (
                bool(tags)
                and all(tag.startswith(_NOUN) for tag in tags)
                and number not in self._special
            )


def lenient_hit(nouns: Sequence[str], answer: str, number: int) -> bool:
    """Tell whether one of the first `number` nouns equals the answer, holds it or is in it."""
    return any(noun in answer or answer in noun for noun in nouns[:number])
