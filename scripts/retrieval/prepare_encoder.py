"""Prepares the base encoder, from which every stream of sessions starts.

In: the documents of session 0, and the description of the encoder: hashed n-grams with a table of
vectors, or a transformer, which is a hub model or folder, or is built anew with a WordPiece
tokenizer trained on the documents. Out: a folder that `scripts.retrieval.encoders.load_encoder`
loads. Memory is bounded by a batch of documents.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.common.entry import entry
from scripts.common.errors import ConfigError

_logger = logging.getLogger(__name__)
_BATCH = 1_000  # documents in memory at a time
_DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob")


def run(
    documents: Path,
    encoder: Path,
    *,
    kind: str,
    pretrained: str | None,
    revision: str | None,
    architecture: str,
    sizes: dict[str, Any],
    vocabulary: int,
    dimension: int,
    buckets: int,
    ngram_min: int,
    ngram_max: int,
    dropout: float,
    window: int,
    overlap: int,
    pooling: str,
    seed: int,
    threads: int,
) -> None:
    """Write the encoder.

    Args:
        documents: table DOCUMENTS of session 0.
        encoder: folder to write.
        kind: "hashed" or "transformer".
        pretrained: hub id or folder of a transformer; None for random weights.
        revision: commit of the hub model.
        architecture: architecture of a transformer with random weights.
        sizes: its sizes, by the names of transformers' config.
        vocabulary: pieces of its tokenizer at most.
        dimension: numbers of a hashed encoder's vector.
        buckets: rows of its table.
        ngram_min: characters of its shortest n-gram, a word's borders included.
        ngram_max: characters of its longest n-gram.
        dropout: share of a text's n-grams (hashed), or of activations (transformer with random
            weights), that training leaves out.
        window: content tokens of a transformer's window.
        overlap: of them those that a window shares with the one before.
        pooling: "mean"; or for transformers "cls", or "pooler" where the model has one.
        seed: seed of random weights.
        threads: threads of the CPU.

    Raises:
        ConfigError: values do not fit each other.
        InputError: model and tokenizer do not fit, or a tokenizer is to be trained on no text.
        DownloadError: the hub model cannot be loaded.
    """
    from scripts.common.files import atomic_folder
    from scripts.retrieval.encoder_folder import HASHED, KINDS, TRANSFORMER

    if kind == HASHED:
        prepared = _hashed(
            documents,
            dimension=dimension,
            buckets=buckets,
            ngram_min=ngram_min,
            ngram_max=ngram_max,
            dropout=dropout,
            pooling=pooling,
            seed=seed,
            threads=threads,
        )
    elif kind == TRANSFORMER:
        prepared = _transformer(
            documents,
            pretrained=pretrained,
            revision=revision,
            architecture=architecture,
            sizes=sizes,
            vocabulary=vocabulary,
            dropout=dropout,
            window=window,
            overlap=overlap,
            pooling=pooling,
            seed=seed,
            threads=threads,
        )
    else:
        raise ConfigError(f"retrieval.encoder.kind is {kind!r}; allowed: {', '.join(KINDS)}")
    with atomic_folder(encoder) as folder:
        prepared.write(folder)
    _logger.info("%s encoder of %d dimensions", kind, prepared.dimension)


def _hashed(documents: Path, *, pooling: str, seed: int, threads: int, **sizes: Any) -> Any:
    from scripts.common.progress import Progress
    from scripts.common.tables import count_rows
    from scripts.retrieval.hashed_encoder import (
        BucketFrequencies,
        HashedSettings,
        fresh_hashed_encoder,
    )
    from scripts.retrieval.pooling import MEAN
    from scripts.retrieval.tables import DOCUMENTS

    settings = HashedSettings(**sizes)
    if pooling != MEAN:
        raise ConfigError(
            f"retrieval.encoder.pooling is {pooling!r}; a hashed encoder has {MEAN!r} only"
        )
    frequencies = BucketFrequencies(settings)
    total = count_rows(documents, DOCUMENTS)
    progress = Progress("prepare_encoder", total=total, batch_size=_BATCH)
    for texts in _texts(documents):
        frequencies.add(texts)
        progress.advance(len(texts), batch_ended=True)
    progress.finish()
    return fresh_hashed_encoder(settings, frequencies.weights(), seed=seed, threads=threads)


def _transformer(
    documents: Path,
    *,
    pretrained: str | None,
    revision: str | None,
    architecture: str,
    sizes: dict[str, Any],
    vocabulary: int,
    dropout: float,
    window: int,
    overlap: int,
    pooling: str,
    seed: int,
    threads: int,
) -> Any:
    from dataclasses import replace

    import torch

    from scripts.common.encoder_body import fresh_body, published_body, require_length
    from scripts.common.encoder_tokenizer import published_tokenizer, trained_tokenizer
    from scripts.common.quiet_library import quieten_library
    from scripts.retrieval.transformer_encoder import TransformerEncoder
    from scripts.retrieval.windows import require_windows

    require_windows(window, overlap)
    torch.set_num_threads(threads)
    quieten_library()
    if pretrained:
        tokenizer = published_tokenizer(pretrained, revision, window)
    else:
        tokenizer = trained_tokenizer(
            lambda: (text for texts in _texts(documents) for text in texts), vocabulary, window
        )
    length = window + sum(map(len, tokenizer.frame()))
    tokenizer = replace(tokenizer, length=length)
    if pretrained:
        body = published_body(pretrained, revision, tokenizer, seed=seed)
    else:
        body = fresh_body(
            architecture,
            dict.fromkeys(_DROPOUTS, dropout) | sizes,
            tokenizer,
            seed=seed,
            key="retrieval.encoder.architecture",
        )
    require_length(body, length, "retrieval.encoder.window")
    return TransformerEncoder(body, tokenizer, window, overlap, pooling)


def _texts(documents: Path) -> Iterator[list[str]]:
    """Yield the texts, a batch in memory at a time."""
    from scripts.common.tables import iterate_batches
    from scripts.retrieval.tables import DOCUMENTS

    for batch in iterate_batches(documents, DOCUMENTS, rows=_BATCH, columns=["text"]):
        yield batch["text"].to_pylist()


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
