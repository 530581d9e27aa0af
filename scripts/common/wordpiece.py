"""WordPiece tokenization with the pieces of a word's inside, as splicing needs them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from scripts.common.errors import InputError, IntegrityError
from scripts.common.files import read_json

SPECIAL_TOKENS = {
    "pad": "[PAD]",
    "unk": "[UNK]",
    "cls": "[CLS]",
    "sep": "[SEP]",
    "mask": "[MASK]",
}


@dataclass(frozen=True)
class WordPiece:
    """A WordPiece tokenizer and the ids of its special tokens.

    Attributes:
        tokenizer: the whole tokenizer (normalizer, pre-tokenizer, model).
        special_ids: ids by role: pad, unk, cls, sep, mask.
        prefix: mark of a continuation piece, "##" as a rule.
        longest_word: words of more characters become the unknown token.
    """

    tokenizer: Tokenizer
    special_ids: dict[str, int]
    prefix: str
    longest_word: int

    @cached_property
    def vocabulary(self) -> dict[str, int]:
        """Ids by piece."""
        return dict(self.tokenizer.get_vocab(with_added_tokens=True))

    @cached_property
    def pieces(self) -> list[str]:
        """Pieces by id; an id without a piece has the empty string."""
        pieces = [""] * (max(self.vocabulary.values()) + 1)
        for piece, number in self.vocabulary.items():
            pieces[number] = piece
        return pieces

    @cached_property
    def continues(self) -> np.ndarray:
        """Whether a piece continues a word, by id, shape (vocabulary,)."""
        special = set(self.special_ids.values())
        return np.array(
            [
                piece.startswith(self.prefix) and number not in special
                for number, piece in enumerate(self.pieces)
            ]
        )

    def normalized(self, text: str) -> str:
        """Return `text` as the tokenizer's normalizer leaves it."""
        normalizer = self.tokenizer.normalizer
        return str(normalizer.normalize_str(text)) if normalizer is not None else text

    def encode_inside_word(self, segment: str, *, continues: bool) -> list[int] | None:
        """Return the ids of a part of a word, longest match first.

        Args:
            segment: part of one word, not empty.
            continues: whether characters of the same word stand before it, so that its first
                piece too is a continuation piece.

        Returns:
            The ids, or None where some character has no piece.
        """
        letters = self.normalized(segment).strip()
        ids: list[int] = []
        start = 0
        while start < len(letters):
            mark = self.prefix if continues or start else ""
            for end in range(len(letters), start, -1):
                piece = self.vocabulary.get(mark + letters[start:end])
                if piece is not None:
                    ids.append(piece)
                    start = end
                    break
            else:
                return None
        return ids

    def surface(self, ids: list[int]) -> str:
        """Return the characters that pieces stand for, without spaces."""
        return "".join(self.pieces[number].removeprefix(self.prefix) for number in ids)


def load_wordpiece(path: Path) -> WordPiece:
    """Load a tokenizer from its `tokenizer.json`.

    Raises:
        InputError: the model is no WordPiece, or a special token is missing.
        IntegrityError: the file is missing, truncated or no tokenizer.
    """
    description = read_json(path)  # the library has no error of its own for a broken file
    if not isinstance(description, dict) or "model" not in description:
        raise IntegrityError(f"{path} describes no tokenizer; delete it and run again")
    return wordpiece_of(Tokenizer.from_file(str(path)), description, str(path))


def wordpiece_of(tokenizer: Tokenizer, description: dict[str, Any], name: str) -> WordPiece:
    """Check a tokenizer and return it with what splicing needs.

    Args:
        tokenizer: the tokenizer.
        description: its content as JSON.
        name: what to call it in an error.
    """
    model = description.get("model", {})
    if model.get("type", "WordPiece") != "WordPiece" or "continuing_subword_prefix" not in model:
        raise InputError(
            f"tokenizer {name} is a {model.get('type')} model; masked mentions are spliced with "
            "WordPiece continuation pieces: choose a WordPiece tokenizer (corpus.tokenizer.model)"
        )
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    missing = sorted(token for token in SPECIAL_TOKENS.values() if token not in vocabulary)
    if missing:
        raise InputError(
            f"tokenizer {name} has no {', '.join(missing)}; choose a tokenizer of a masked model"
        )
    tokenizer.no_truncation()
    tokenizer.no_padding()
    # A text that writes out [MASK] is text: only splicing puts masks into a sequence.
    tokenizer.encode_special_tokens = True
    return WordPiece(
        tokenizer,
        {role: vocabulary[token] for role, token in SPECIAL_TOKENS.items()},
        prefix=model["continuing_subword_prefix"],
        longest_word=int(model.get("max_input_chars_per_word", 100)),
    )
