"""Measures the tokenizer's fertility and derives from it the character ceiling of each length.

In: shards, splits, tokenizer. Out: JSON with tokens per character over a sample of the training
split, and for each length the number of characters that fill the window on average:
floor((length - special tokens) / fertility), never above the ceiling of the Kiwi analysis. With a
fixed ceiling (the published 2,500) the same file states that one.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.common.errors import InputError
from scripts.common.files import sha256_file, write_json
from scripts.corpus.documents import all_shard_files, training_texts
from scripts.corpus.wordpiece import load_wordpiece

SPECIAL_TOKENS_PER_WINDOW = 2  # [CLS] and [SEP]


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
    sample = characters = tokens = 0
    for text in training_texts(
        shards, splits, documents=fertility_documents, batch_documents=batch_documents
    ):
        sample += 1
        characters += len(text)
        tokens += len(wordpiece.tokenizer.encode(text, add_special_tokens=False).ids)
    if tokens == 0:
        raise InputError("no text in the training split to measure fertility on; add documents")
    write_json(
        fertility,
        {
            "sample_documents": sample,
            "sample_characters": characters,
            "sample_tokens": tokens,
            "tokens_per_character": tokens / characters,
            "tokenizer_sha256": sha256_file(tokenizer),
            "vocabulary": wordpiece.tokenizer.get_vocab_size(),
            "max_characters": {
                str(length): character_ceiling(
                    length, tokens / characters, max_characters, analysed_characters
                )
                for length in lengths
            },
        },
    )


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
