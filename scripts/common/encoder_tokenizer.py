"""The tokenizer of an encoder: trained on given texts, or a published model's own."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from scripts.common.base_models import published_files
from scripts.common.errors import InputError, IntegrityError
from scripts.common.files import read_json, write_json, write_text
from scripts.common.json_objects import read_object
from scripts.common.wordpiece_training import (
    frequent_characters,
    most_characters,
    train,
    transformers_config,
)

TOKENIZER, TOKENIZER_CONFIG = "tokenizer.json", "tokenizer_config.json"


@dataclass(frozen=True)
class EncoderTokenizer:
    """Turns texts into token ids, special tokens included, cut off at a length.

    Attributes:
        tokenizer: normalizer, pre-tokenizer, model and special tokens.
        special_tokens: its special tokens by the library's names, `pad_token` among them.
        length: tokens of the longest row.
    """

    tokenizer: Tokenizer
    special_tokens: dict[str, str]
    length: int
    pad: int = field(init=False)

    def __post_init__(self) -> None:
        pad = self.tokenizer.token_to_id(self.special_tokens.get("pad_token", ""))
        if pad is None:
            raise InputError(
                "the tokenizer has no padding token, which rows of unlike length need; choose a "
                "base model whose tokenizer has one"
            )
        object.__setattr__(self, "pad", pad)
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(self.length)
        # A text that writes out [MASK] is text.
        self.tokenizer.encode_special_tokens = True

    def encode(self, texts: Sequence[str]) -> tuple[list[list[int]], int]:
        """Return the ids of each text, and how many texts were cut off."""
        encodings = self.tokenizer.encode_batch(list(texts))
        return [row.ids for row in encodings], sum(bool(row.overflowing) for row in encodings)

    def content(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text without special tokens, however long it is."""
        with self._whole():
            encodings = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [row.ids for row in encodings]

    def frame(self) -> tuple[list[int], list[int]]:
        """Return the ids of the special tokens before and behind a text."""
        with self._whole():
            row = self.tokenizer.encode("a")
        content = [place for place, special in enumerate(row.special_tokens_mask) if not special]
        return row.ids[: content[0]], row.ids[content[-1] + 1 :]

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Cut nothing off inside the block."""
        self.tokenizer.no_truncation()
        try:
            yield
        finally:
            self.tokenizer.enable_truncation(self.length)

    def write(self, folder: Path) -> None:
        """Write the two files with which `transformers.AutoTokenizer` loads the folder."""
        with self._whole():
            text = self.tokenizer.to_str(pretty=True)
        write_text(folder / TOKENIZER, text)
        write_json(
            folder / TOKENIZER_CONFIG,
            {
                **transformers_config(),
                **self.special_tokens,
                "model_max_length": self.length,
                "model_input_names": ["input_ids", "attention_mask"],
            },
        )

    @classmethod
    def read(cls, folder: Path) -> "EncoderTokenizer":
        """Read what `write` wrote.

        Raises:
            IntegrityError: a file is missing or broken.
        """
        config = read_json(folder / TOKENIZER_CONFIG)
        # The library has no error of its own for a broken or another file.
        read_object(folder / TOKENIZER, ("added_tokens", "model"))
        length = config.get("model_max_length")
        if not isinstance(length, int):
            raise IntegrityError(
                f"{folder / TOKENIZER_CONFIG} states no model_max_length; prepare the encoder again"
            )
        special = {name: token for name, token in config.items() if name.endswith("_token")}
        return cls(Tokenizer.from_file(str(folder / TOKENIZER)), special, length)


def trained_tokenizer(
    texts: Callable[[], Iterable[str]], vocabulary: int, length: int
) -> EncoderTokenizer:
    """Return a WordPiece tokenizer trained on texts.

    Args:
        texts: returns the texts, each time it is called.
        vocabulary: number of pieces at most.
        length: tokens of the longest row.

    Raises:
        InputError: all texts are empty.
    """
    alphabet = frequent_characters(texts(), most_characters(vocabulary))
    if not alphabet:
        raise InputError(
            "there is no text but empty ones to train a tokenizer on; look at the input, or name a "
            "base model"
        )
    special = {
        name: str(token) for name, token in transformers_config().items() if "_token" in name
    }
    return EncoderTokenizer(train(texts(), vocabulary, alphabet), special, length)


def published_tokenizer(name: str, revision: str | None, length: int) -> EncoderTokenizer:
    """Return the tokenizer of a local folder or a hub model.

    Raises:
        DownloadError: it is missing, or gated without a token.
        InputError: it has no fast form, or no padding token.
    """
    from transformers import AutoTokenizer

    with published_files(name, revision) as (source, place):
        loaded: Any = AutoTokenizer.from_pretrained(source, use_fast=True, **place)
    if not loaded.is_fast:
        raise InputError(f"tokenizer of {name} has no fast form; choose another model")
    special = {
        role: str(token)
        for role, token in loaded.special_tokens_map.items()
        if role.endswith("_token")
    }
    return EncoderTokenizer(loaded.backend_tokenizer, special, length)
