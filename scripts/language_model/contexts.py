"""The part of a document that an evaluation item shows: it fits the shortest length of all models.

A context begins and ends between words, so that tokenizing it alone gives the tokens that it has in
the document. It has room for the larger of the mention's own masks and the largest number of masks
that a candidate may need.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from scripts.common.splice import Splice, TokenizedText, splice_mention, tokens_in_span
from scripts.common.wordpiece import WordPiece

SPECIAL_TOKENS = 2  # [CLS] and [SEP]
_SYLLABLE = re.compile("[가-힣]")


@dataclass(frozen=True)
class Context:
    """A span of a document, in characters, end excluded."""

    start: int
    end: int


def syllables(text: str) -> int:
    """Return the number of Hangul syllables of a text."""
    return len(_SYLLABLE.findall(text))


def tokenize(text: str, wordpiece: WordPiece) -> TokenizedText:
    """Return a text with its tokens, without special tokens."""
    return tokenize_all([text], wordpiece)[0]


def tokenize_all(texts: Sequence[str], wordpiece: WordPiece) -> list[TokenizedText]:
    """Return texts with their tokens, without special tokens."""
    encodings = wordpiece.tokenizer.encode_batch(list(texts), add_special_tokens=False)
    return [
        TokenizedText(
            text,
            encoding.ids,
            [start for start, _ in encoding.offsets],
            [end for _, end in encoding.offsets],
        )
        for text, encoding in zip(texts, encodings, strict=True)
    ]


def context_around(
    text: TokenizedText,
    antecedent: tuple[int, int] | None,
    mention: tuple[int, int],
    wordpiece: WordPiece,
    *,
    length: int,
    max_masks: int,
) -> Context | str:
    """Return the context of a mention, its antecedent inside, or why there is none.

    What is left of the room beyond antecedent and mention is shared evenly between both sides, as
    far as the document's ends allow.

    Args:
        text: the whole document.
        antecedent: characters of the antecedent, before the mention; None where there is none.
        mention: characters of the mention.
        wordpiece: the tokenizer.
        length: tokens that a model of the shortest length takes, special tokens included.
        max_masks: most masks of a candidate.

    Returns:
        The context; or a reason of `splice_mention`, "shared_word" (antecedent and mention are in
        one word), "antecedent_unknown" (nothing can be copied from it), or "out_of_window".
    """
    splice = splice_mention(text, *mention, wordpiece)
    if isinstance(splice, str):
        return splice
    first = splice.left
    if antecedent is not None:
        touched = tokens_in_span(text, *antecedent)
        if touched is None:
            return "no_token"
        if touched[1] >= splice.left:
            return "shared_word"
        if wordpiece.special_ids["unk"] in text.ids[touched[0] : touched[1] + 1]:
            return "antecedent_unknown"
        first = _word_start(touched[0], text, wordpiece)
    return _widest(text, first, splice, wordpiece, length=length, max_masks=max_masks)


def context_before(
    text: TokenizedText,
    mention: tuple[int, int],
    end: int,
    wordpiece: WordPiece,
    *,
    length: int,
    max_masks: int,
) -> Context | str:
    """Return the longest context of a mention that ends at character `end` of the document.

    Returns:
        The context, a reason of `splice_mention`, or "out_of_window".
    """
    splice = splice_mention(text, *mention, wordpiece)
    if isinstance(splice, str):
        return splice
    behind = max(splice.right, sum(start < end for start in text.starts))
    room = _room(splice, length, max_masks)
    first = behind - (room - _growth(splice))
    if first > splice.left:
        return "out_of_window"
    first = _next_word(max(0, first), text, wordpiece)
    return Context(text.starts[first], max(end, text.ends[behind - 1]))


def _widest(
    text: TokenizedText,
    first: int,
    splice: Splice,
    wordpiece: WordPiece,
    *,
    length: int,
    max_masks: int,
) -> Context | str:
    """Return the context that holds the tokens from `first` to the splice's last word."""
    tokens = len(text.ids)
    room = _room(splice, length, max_masks) - _growth(splice)
    spare = room - (splice.right - first)
    if spare < 0:
        return "out_of_window"
    low = max(0, min(first - spare // 2, tokens - room))
    high = min(tokens, low + room)
    low = _next_word(low, text, wordpiece)
    while high < tokens and wordpiece.continues[text.ids[high]]:
        high -= 1
    return Context(text.starts[low], text.ends[high - 1])


def _room(splice: Splice, length: int, max_masks: int) -> int:
    """Tokens of the spliced context; more masks than the mention has pieces take their part."""
    return length - SPECIAL_TOKENS - max(0, max_masks - len(splice.label_ids))


def _growth(splice: Splice) -> int:
    """Tokens that splicing adds: the parts of the touched words against the words themselves."""
    parts = len(splice.left_ids) + len(splice.label_ids) + len(splice.right_ids)
    return parts - (splice.right - splice.left)


def _word_start(token: int, text: TokenizedText, wordpiece: WordPiece) -> int:
    while token > 0 and wordpiece.continues[text.ids[token]]:
        token -= 1
    return token


def _next_word(token: int, text: TokenizedText, wordpiece: WordPiece) -> int:
    while token > 0 and wordpiece.continues[text.ids[token]]:
        token += 1
    return token
