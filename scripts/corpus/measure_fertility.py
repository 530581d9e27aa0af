"""Measures the tokenizer's fertility and derives from it the character ceiling of each length.

In: shards, splits, tokenizer. Out: JSON with tokens per character over a sample of the training
split (all tokens by all characters, with its interval, and the distribution over documents), and
for each length the number of characters that fill the window on average:
floor((length - special tokens) / fertility), never above the ceiling of the Kiwi analysis. With a
fixed ceiling (the published 2,500) the same file states that one.
"""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from scripts.common.entry import entry
from scripts.common.errors import InputError
from scripts.common.files import sha256_file, write_json
from scripts.common.wordpiece import load_wordpiece
from scripts.corpus.documents import all_shard_files, training_texts

SPECIAL_TOKENS_PER_WINDOW = 2  # [CLS] and [SEP]
_NORMAL_975 = 1.959964  # of the standard normal distribution, for intervals of 95 %
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BIN = 0.02  # tokens per character


def run(
    documents: list[Path],
    manifests: list[Path],
    splits: Path,
    tokenizer: Path,
    fertility: Path,
    *,
    lengths: list[int],
    max_characters: int | str,
    analysed_characters: int,
    fertility_documents: int,
    batch_documents: int,
) -> None:
    """Write fertility and character ceilings.

    Args:
        documents: folder of each source's shards, in source order.
        manifests: manifest of each source's shards, in the same order.
        splits: the split of every document.
        tokenizer: the tokenizer.
        fertility: where the JSON goes.
        lengths: lengths in tokens, special tokens included.
        max_characters: "measured", or a ceiling for all lengths.
        analysed_characters: most characters of a document that Kiwi analyses.
        fertility_documents: number of documents of the sample at most.
        batch_documents: documents read at a time.
    """
    shards = all_shard_files(documents, manifests)
    wordpiece = load_wordpiece(tokenizer)
    characters: list[int] = []
    tokens: list[int] = []
    for text in training_texts(
        shards, splits, documents=fertility_documents, batch_documents=batch_documents
    ):
        characters.append(len(text))
        tokens.append(len(wordpiece.tokenizer.encode(text, add_special_tokens=False).ids))
    if sum(tokens) == 0:
        raise InputError("no text in the training split to measure fertility on; add documents")
    mean = sum(tokens) / sum(characters)
    ceilings = {
        name: {
            str(length): character_ceiling(length, mean, limit, analysed_characters)
            for length in lengths
        }
        for name, limit in (("max_characters", max_characters), ("measured_ceilings", "measured"))
    }
    write_json(
        fertility,
        {
            "sample_documents": len(characters),
            "sample_characters": sum(characters),
            "sample_tokens": sum(tokens),
            "tokens_per_character": mean,
            "tokens_per_character_interval": ratio_interval(tokens, characters),
            "documents": distribution_of_ratios(tokens, characters),
            "tokenizer_sha256": sha256_file(tokenizer),
            "vocabulary": wordpiece.tokenizer.get_vocab_size(),
            **ceilings,
        },
    )


def ratio_interval(tokens: list[int], characters: list[int]) -> list[float]:
    """Return the 95 % interval of all tokens by all characters, documents being the sample.

    Method: the linearized variance of a ratio of two sums (Cochran, Sampling Techniques, chapter
    6). It has no width where there is one document.
    """
    mean = sum(tokens) / sum(characters)
    n = len(tokens)
    residuals = math.fsum((t - mean * c) ** 2 for t, c in zip(tokens, characters, strict=True))
    error = math.sqrt(residuals * n / max(1, n - 1)) / sum(characters)
    return [mean - _NORMAL_975 * error, mean + _NORMAL_975 * error]


def distribution_of_ratios(tokens: list[int], characters: list[int]) -> dict[str, Any]:
    """Return quantiles and bins [low, high, documents] of each document's tokens by characters."""
    ratios = [t / c for t, c in zip(tokens, characters, strict=True) if c]
    bins = Counter(math.floor(ratio / _BIN + 1e-9) for ratio in ratios)
    return {
        "quantiles": dict(
            zip(map(str, _QUANTILES), np.quantile(ratios, _QUANTILES).tolist(), strict=True)
        ),
        "histogram": [
            [round(place * _BIN, 6), round((place + 1) * _BIN, 6), number]
            for place, number in sorted(bins.items())
        ],
    }


def character_ceiling(
    length: int, tokens_per_character: float, max_characters: int | str, analysed_characters: int
) -> int:
    """Return the most characters of a document for a window of `length` tokens."""
    if isinstance(max_characters, int):
        return max_characters
    measured = int((length - SPECIAL_TOKENS_PER_WINDOW) / tokens_per_character)
    return min(measured, analysed_characters)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
