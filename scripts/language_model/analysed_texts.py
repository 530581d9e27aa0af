"""Noun mentions of texts that the corpus did not analyse."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from scripts.common.analysis import analyse_tokens, tokenize_each
from scripts.language_model.evaluation_sets import Noun, nouns_of_columns

if TYPE_CHECKING:
    from kiwipiepy import Kiwi


@cache
def analyser() -> "Kiwi":
    """Return the analyser; loading it takes seconds, so a process has one."""
    from kiwipiepy import Kiwi

    return Kiwi(num_workers=1)


def nouns_of_texts(texts: Sequence[str]) -> Iterator[list[Noun] | None]:
    """Yield the noun mentions of each text, None where the analyser fails on it."""
    if not texts:
        return
    for text, tokens in zip(texts, tokenize_each(analyser(), texts), strict=True):
        yield (
            None if tokens is None else nouns_of_columns(analyse_tokens(text, tokens).as_columns())
        )
