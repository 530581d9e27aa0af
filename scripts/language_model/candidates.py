"""Candidates for a masked mention, each as the pieces that its place in the text demands.

They are single pieces of the vocabulary that can stand at the place, and the nouns of the item's
context. No candidate, and no number of masks, comes from the answer.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scripts.common.analysis import without_spaces
from scripts.common.errors import InputError
from scripts.common.splice import splice_mention
from scripts.common.wordpiece import WordPiece
from scripts.language_model.contexts import syllables, tokenize

Candidates = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Place:
    """The place of a masked mention in a sequence of token ids.

    Attributes:
        left: ids before the mask, [CLS] first.
        right: ids behind the mask, [SEP] last.
        answer: the surface that is right, as the tokenizer normalizes it, without spaces.
        answer_ids: its pieces.
        continues: whether the mention's first piece continues a word.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    answer: str
    answer_ids: tuple[int, ...]
    continues: bool

    def ids(self, masks: int, mask_id: int) -> list[int]:
        """Return the sequence with this number of masks."""
        return [*self.left, *[mask_id] * masks, *self.right]

    def tokens(self, masks: int) -> int:
        """Return the length of that sequence."""
        return len(self.left) + masks + len(self.right)


def place_of_item(item: Mapping[str, Any], wordpiece: WordPiece) -> Place:
    """Return where an item's mention is masked.

    Raises:
        InputError: the mention cannot be masked with this tokenizer.
    """
    text = tokenize(item["text"], wordpiece)
    splice = splice_mention(text, item["mention_start"], item["mention_end"], wordpiece)
    if isinstance(splice, str):
        raise InputError(
            f"item {item['item_id']} cannot be masked with this tokenizer ({splice}); build the "
            "evaluation sets with the tokenizer of the models"
        )
    special = wordpiece.special_ids
    return Place(
        left=(special["cls"], *text.ids[: splice.left], *splice.left_ids),
        right=(*splice.right_ids, *text.ids[splice.right :], special["sep"]),
        answer=surface_of(item["answer"], wordpiece),
        answer_ids=splice.label_ids,
        continues=bool(wordpiece.continues[splice.label_ids[0]]),
    )


def surface_of(text: str, wordpiece: WordPiece) -> str:
    """Return a form as candidates are compared: normalized as the tokenizer does, no spaces."""
    return without_spaces(wordpiece.normalized(text))


def pieces_in_place(form: str, wordpiece: WordPiece, *, continues: bool) -> tuple[int, ...] | None:
    """Return the pieces of a form at a place, None where it has none there.

    Args:
        form: a noun, perhaps of several words.
        wordpiece: the tokenizer.
        continues: whether characters of the same word stand before it.
    """
    splitter = wordpiece.tokenizer.pre_tokenizer
    letters = wordpiece.normalized(form)
    words = [word for word, _ in splitter.pre_tokenize_str(letters)] if splitter else [letters]
    ids: list[int] = []
    for number, word in enumerate(words):
        if len(word) > wordpiece.longest_word:
            return None
        pieces = wordpiece.encode_inside_word(word, continues=continues and number == 0)
        if pieces is None:
            return None
        ids += pieces
    return tuple(ids) or None


def candidates_of_forms(
    forms: Iterable[str],
    place: Place,
    wordpiece: WordPiece,
    max_masks: int,
    dropped: Counter[str],
) -> Candidates:
    """Return the pieces of forms by surface.

    Args:
        forms: nouns of the context, or a set's own candidates.
        place: where they would stand.
        wordpiece: the tokenizer.
        max_masks: most pieces of a candidate.
        dropped: candidates left out by reason ("no_hangul", "no_pieces", "too_many_pieces"),
            added to in place.
    """
    found: Candidates = {}
    for form in sorted(set(forms)):
        surface = surface_of(form, wordpiece)
        if surface in found:
            continue
        if not has_hangul(surface):
            dropped["no_hangul"] += 1
            continue
        pieces = pieces_in_place(form, wordpiece, continues=place.continues)
        if pieces is None:
            dropped["no_pieces"] += 1
        elif len(pieces) > max_masks:
            dropped["too_many_pieces"] += 1
        else:
            found[surface] = pieces
    return found


def has_hangul(surface: str) -> bool:
    """Tell whether a surface holds a Hangul syllable, also if it is decomposed into jamo."""
    return syllables(unicodedata.normalize("NFC", surface)) > 0


@dataclass(frozen=True)
class SinglePieces:
    """The pieces that can fill a place alone.

    Attributes:
        surfaces: each piece without its prefix, by id.
        initial: whether a piece begins a word and holds a Hangul syllable, shape (vocabulary,).
        continuing: the same for pieces that continue a word, shape (vocabulary,).
    """

    surfaces: list[str]
    initial: npt.NDArray[np.bool_]
    continuing: npt.NDArray[np.bool_]

    def allowed(self, *, continues: bool) -> npt.NDArray[np.bool_]:
        """Return which pieces can stand at a place, shape (vocabulary,)."""
        return self.continuing if continues else self.initial


def single_pieces(wordpiece: WordPiece) -> SinglePieces:
    """Sort the vocabulary by where a piece can stand."""
    surfaces = [piece.removeprefix(wordpiece.prefix) for piece in wordpiece.pieces]
    hangul = np.array([has_hangul(surface) for surface in surfaces])
    special = np.zeros(len(surfaces), dtype=bool)
    special[list(wordpiece.special_ids.values())] = True
    usable = hangul & ~special
    return SinglePieces(surfaces, usable & ~wordpiece.continues, usable & wordpiece.continues)
