"""Trains a WordPiece tokenizer on the training split.

In: the shards of all sources and the splits. Out: `tokenizer.json` (loads with `tokenizers`) and
`tokenizer_config.json`, with which `transformers.AutoTokenizer` loads the folder. Case, accents
and Hangul syllables are kept as they are. The same texts give the same file in every process.
"""

from collections.abc import Iterator
from pathlib import Path

from scripts.common.entry import entry
from scripts.common.errors import InputError
from scripts.common.files import write_json, write_text
from scripts.common.wordpiece import load_wordpiece
from scripts.common.wordpiece_training import (
    frequent_characters,
    most_characters,
    train,
    transformers_config,
)
from scripts.corpus.documents import all_shard_files, training_texts


def run(
    documents: list[Path],
    manifests: list[Path],
    splits: Path,
    tokenizer: Path,
    tokenizer_config: Path,
    *,
    vocabulary: int,
    training_documents: int,
    batch_documents: int,
) -> None:
    """Train the tokenizer.

    Args:
        documents: folder of each source's shards, in source order.
        manifests: manifest of each source's shards, in the same order.
        splits: the split of every document.
        tokenizer: where `tokenizer.json` goes.
        tokenizer_config: where `tokenizer_config.json` goes.
        vocabulary: number of pieces at most.
        training_documents: number of documents at most, evenly over the sources.
        batch_documents: documents read at a time.
    """
    shards = all_shard_files(documents, manifests)

    def texts() -> Iterator[str]:
        return training_texts(
            shards, splits, documents=training_documents, batch_documents=batch_documents
        )

    alphabet = frequent_characters(texts(), most_characters(vocabulary))
    if not alphabet:
        raise InputError("no text in the training split to train a tokenizer on; add documents")
    trained = train(texts(), vocabulary, alphabet)
    write_text(tokenizer, trained.to_str(pretty=True))
    load_wordpiece(tokenizer)
    write_json(tokenizer_config, transformers_config())


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
