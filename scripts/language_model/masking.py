"""Dynamic masking of rows: how many tokens, which ones, and what stands in their place.

The rate follows the row's true length, so that padding never counts: short rows, which give little
context, lose a smaller share. Of the chosen tokens 80 % become the mask, 10 % another piece, and
10 % stay (Devlin et al. 2019, section 3.1). Random numbers are keyed by what they are for, so a row
is masked alike whatever batch it stands in, and anew in each pass.
"""

from dataclasses import dataclass

import numpy as np

from scripts.common.wordpiece import WordPiece

IGNORED = -100  # label of a token that the loss leaves out
_MASK_SHARE = 0.8
_OTHER_PIECE_SHARE = 0.1


@dataclass(frozen=True)
class Pieces:
    """What masking has to know of a vocabulary.

    Attributes:
        mask: id of the mask.
        special: whether an id is a special token, shape (vocabulary,).
        continues: whether an id continues a word, shape (vocabulary,).
        ordinary: ids that are no special tokens, shape (ordinary,).
    """

    mask: int
    special: np.ndarray
    continues: np.ndarray
    ordinary: np.ndarray


def pieces_of(wordpiece: WordPiece) -> Pieces:
    """Return what masking has to know of a tokenizer's vocabulary.

    The unknown token is special here: it is neither a target nor a replacement.
    """
    special = np.zeros(len(wordpiece.pieces), dtype=bool)
    special[list(wordpiece.special_ids.values())] = True
    named = np.array([piece != "" for piece in wordpiece.pieces])
    return Pieces(
        mask=wordpiece.special_ids["mask"],
        special=special,
        continues=wordpiece.continues,
        ordinary=np.flatnonzero(named & ~special),
    )


def masking_rate(tokens: int, length: int, low: float, high: float) -> float:
    """Return the share of a row's tokens to mask: `low` at no token, `high` at a full row.

    Args:
        tokens: the row's true length, padding left out.
        length: tokens of the longest row.
        low: rate in [0, 1] that an empty row would have.
        high: rate in [0, 1] of a row of `length` tokens.
    """
    return low + (high - low) * min(1.0, tokens / length)


def choose_tokens(
    ids: np.ndarray,
    maskable: np.ndarray,
    rate: float,
    pieces: Pieces,
    generator: np.random.Generator,
    *,
    whole_word: bool,
) -> np.ndarray:
    """Choose the tokens to predict.

    Single tokens: exactly round(rate × maskable tokens) of them, and one at least. Whole words:
    words in random order, until as many tokens are reached; the last word may exceed the number.

    Args:
        ids: token ids, shape (n,).
        maskable: which tokens may be chosen, shape (n,).
        rate: share of the maskable tokens; 0 chooses none.
        pieces: the vocabulary.
        generator: source of randomness.
        whole_word: whether the pieces of a word are chosen together.

    Returns:
        Positions in ascending order.
    """
    positions = np.flatnonzero(maskable)
    if rate <= 0 or not len(positions):
        return positions[:0]
    wanted = max(1, round(rate * len(positions)))
    if not whole_word:
        return np.sort(generator.permutation(positions)[:wanted])
    # A piece belongs to the word of the maskable token before it, if it continues that very word.
    follows = np.diff(positions, prepend=-2) == 1
    word = np.cumsum(~(pieces.continues[ids[positions]] & follows)) - 1
    order = generator.permutation(word[-1] + 1)
    sizes = np.bincount(word)[order]
    chosen = order[: int(np.searchsorted(np.cumsum(sizes), wanted)) + 1]
    return positions[np.isin(word, chosen)]


def mask_tokens(
    ids: np.ndarray, chosen: np.ndarray, pieces: Pieces, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Replace chosen tokens.

    Args:
        ids: token ids, shape (n,).
        chosen: positions to predict.
        pieces: the vocabulary.
        generator: source of randomness.

    Returns:
        Input ids and labels, each of shape (n,); labels are IGNORED elsewhere.
    """
    masked, labels = ids.copy(), np.full_like(ids, IGNORED)
    labels[chosen] = ids[chosen]
    draw = generator.random(len(chosen))
    other = generator.choice(pieces.ordinary, len(chosen))
    becomes_mask = draw < _MASK_SHARE
    becomes_other = ~becomes_mask & (draw < _MASK_SHARE + _OTHER_PIECE_SHARE)
    masked[chosen[becomes_mask]] = pieces.mask
    masked[chosen[becomes_other]] = other[becomes_other]
    return masked, labels


def masked_text_row(
    ids: np.ndarray,
    rate: float,
    pieces: Pieces,
    generator: np.random.Generator,
    *,
    whole_word: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Return input ids and labels of a row of plain text; special tokens are never chosen."""
    maskable = ~pieces.special[ids]
    chosen = choose_tokens(ids, maskable, rate, pieces, generator, whole_word=whole_word)
    return mask_tokens(ids, chosen, pieces, generator)
