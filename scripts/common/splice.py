"""Masking a mention by splicing token ids: ids left of it, k masks, ids right of it.

Masking in the text and tokenizing again would change the words around the mask: after a literal
[MASK] the particle 는 becomes the word `는`, where the model would have to see the continuation
piece `##는`. Here only the words that a mention's edge cuts through are encoded again, each part
in the form (word-initial or continuation) that its place in the word gives it. WordPiece takes the
longest match from the left, so a word that is cut at a token boundary keeps its pieces.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from scripts.common.analysis import without_spaces
from scripts.common.wordpiece import WordPiece


@dataclass(frozen=True)
class TokenizedText:
    """A text and its tokens, without special tokens.

    Attributes:
        text: the text.
        ids: token ids, shape (n,).
        starts, ends: each token's span in characters, end excluded, shape (n,).
    """

    text: str
    ids: Sequence[int]
    starts: Sequence[int]
    ends: Sequence[int]


@dataclass(frozen=True)
class Splice:
    """How to mask one mention.

    The spliced sequence is ids[:left] + left_ids + k masks + right_ids + ids[right:], where k is
    the number of `label_ids`.

    Attributes:
        left: number of tokens kept on the left.
        right: index of the first token kept on the right.
        left_ids: rest of the first touched word, before the mention.
        label_ids: the mention's own pieces.
        right_ids: rest of the last touched word, after the mention, as continuation pieces.
        fused: whether a token of the text straddles an edge of the mention.
    """

    left: int
    right: int
    left_ids: tuple[int, ...]
    label_ids: tuple[int, ...]
    right_ids: tuple[int, ...]
    fused: bool

    @property
    def mask_start(self) -> int:
        """Index of the first mask in the spliced sequence."""
        return self.left + len(self.left_ids)

    @property
    def mask_end(self) -> int:
        """Index behind the last mask in the spliced sequence."""
        return self.mask_start + len(self.label_ids)

    def length(self, tokens: int) -> int:
        """Return the length of the spliced sequence of a text of `tokens` tokens."""
        return self.mask_end + len(self.right_ids) + tokens - self.right


def spliced_ids(ids: Sequence[int], splice: Splice, mask_id: int) -> list[int]:
    """Return the token ids with the mention masked."""
    masks = [mask_id] * len(splice.label_ids)
    return [
        *ids[: splice.left],
        *splice.left_ids,
        *masks,
        *splice.right_ids,
        *ids[splice.right :],
    ]


def splice_mention(
    tokens: TokenizedText, start: int, end: int, wordpiece: WordPiece
) -> Splice | str:
    """Find the splice that masks the characters [start, end).

    Returns:
        The splice, or the reason why there is none: "no_token" (no token covers the mention),
        "unknown_token" (a part of a touched word has no pieces), or "label_mismatch" (the label
        ids do not give the surface).
    """
    touched = tokens_in_span(tokens, start, end)
    if touched is None:
        return "no_token"
    first, last = touched
    fused = tokens.starts[first] < start or tokens.ends[last] > end
    while first > 0 and wordpiece.continues[tokens.ids[first]]:
        first -= 1
    while last + 1 < len(tokens.ids) and wordpiece.continues[tokens.ids[last + 1]]:
        last += 1
    parts = _encode_touched_words(tokens, first, last + 1, start, end, wordpiece)
    if parts is None:
        return "unknown_token"
    left_ids, label_ids, right_ids = parts
    surface = without_spaces(wordpiece.normalized(tokens.text[start:end]))
    if wordpiece.surface(label_ids) != surface:
        return "label_mismatch"
    return Splice(first, last + 1, tuple(left_ids), tuple(label_ids), tuple(right_ids), fused)


def tokens_in_span(tokens: TokenizedText, start: int, end: int) -> tuple[int, int] | None:
    """Return the first and the last token that overlap the characters [start, end)."""
    first = bisect_right(tokens.ends, start)
    last = bisect_left(tokens.starts, end) - 1
    return (first, last) if first <= last else None


def _encode_touched_words(
    tokens: TokenizedText, first: int, behind: int, start: int, end: int, wordpiece: WordPiece
) -> tuple[list[int], list[int], list[int]] | None:
    """Encode the words of tokens [first, behind), cut at the mention's edges.

    Returns:
        Ids before, in and behind the mention, or None where a part has no pieces.
    """
    before: list[int] = []
    inside: list[int] = []
    after: list[int] = []
    for word_first, word_behind in _words(tokens, first, behind, wordpiece):
        word_start, word_end = tokens.starts[word_first], tokens.ends[word_behind - 1]
        if len(wordpiece.normalized(tokens.text[word_start:word_end])) > wordpiece.longest_word:
            return None
        cuts = {cut for cut in (start, end) if word_start < cut < word_end}
        for low, high in pairwise(sorted({word_start, word_end, *cuts})):
            ids = wordpiece.encode_inside_word(tokens.text[low:high], continues=low > word_start)
            if ids is None:
                return None
            (before if high <= start else after if low >= end else inside).extend(ids)
    return before, inside, after


def _words(
    tokens: TokenizedText, first: int, behind: int, wordpiece: WordPiece
) -> list[tuple[int, int]]:
    """Return the token ranges of the words in [first, behind)."""
    starts = [
        index
        for index in range(first, behind)
        if index == first or not wordpiece.continues[tokens.ids[index]]
    ]
    return list(zip(starts, [*starts[1:], behind], strict=True))
