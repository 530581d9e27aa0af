"""Prepares the encoder that trainings start from, and tokenizes the splits once for all of them.

In: the serialized splits, and the description of the base model: the name of a hub model or folder,
or an architecture with sizes, whose weights start at random and whose WordPiece tokenizer is
trained on the training split. Out: a folder with weights, config and tokenizer, which
`from_pretrained` loads, and a folder with a table of token ids for each split, beside a manifest.
Texts beyond `length` tokens are cut off, and counted. Memory is bounded by a batch of rows.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.common.entry import entry
from scripts.common.errors import ConfigError

_logger = logging.getLogger(__name__)
_BATCH = 2_000  # texts tokenized at a time
_SHORTEST = 8
MANIFEST = "manifest.json"


def run(
    parquet: Path,
    encoder: Path,
    tokens: Path,
    *,
    pretrained: str | None,
    revision: str | None,
    architecture: str,
    sizes: dict[str, Any],
    vocabulary: int,
    length: int,
    seed: int,
) -> None:
    """Write the encoder and the tokenized splits.

    Args:
        parquet: folder of the serialized splits.
        encoder: folder to write: weights, config, tokenizer.
        tokens: folder to write: a table TOKENS for each split, and manifest.json.
        pretrained: hub id or folder of the base model; None for random weights.
        revision: commit of the hub model.
        architecture: architecture of a model with random weights.
        sizes: its sizes, by the names of transformers' config.
        vocabulary: pieces of its tokenizer at most.
        length: tokens of the longest row, special tokens included.
        seed: seed of random weights.

    Raises:
        ConfigError: the length is too short, or beyond what the base model takes.
        InputError: the training split has no text, or model and tokenizer do not fit.
        DownloadError: the base model cannot be loaded.
    """
    from scripts.classification.tables import TRAIN
    from scripts.common.encoder_body import fresh_body, published_body, require_length
    from scripts.common.encoder_tokenizer import published_tokenizer, trained_tokenizer
    from scripts.common.files import atomic_folder
    from scripts.common.quiet_library import quieten_library

    if length < _SHORTEST:
        raise ConfigError(
            f"classification.transformer.max_tokens {length}: a row needs at least {_SHORTEST} "
            "tokens; raise it"
        )
    quieten_library()
    if pretrained:
        tokenizer = published_tokenizer(pretrained, revision, length)
        body = published_body(pretrained, revision, tokenizer, seed=seed)
    else:
        train = parquet / f"{TRAIN}.parquet"
        tokenizer = trained_tokenizer(lambda: _texts(train), vocabulary, length)
        body = fresh_body(
            architecture,
            sizes,
            tokenizer,
            seed=seed,
            key="classification.transformer.architecture",
        )
    require_length(body, length, "classification.transformer.max_tokens")
    with atomic_folder(encoder) as folder:
        body.save_pretrained(folder)
        tokenizer.write(folder)
    _logger.info(
        "%s: %s parameters, %d pieces, length %d",
        pretrained or f"{architecture} with random weights",
        f"{body.num_parameters():,}",
        tokenizer.tokenizer.get_vocab_size(),
        length,
    )
    _tokenize(parquet, tokens, tokenizer)


def _tokenize(parquet: Path, tokens: Path, tokenizer: Any) -> None:
    """Write the token ids of all splits, and what they were made of."""
    from scripts.classification.examples import examples_sha256
    from scripts.classification.tables import EXAMPLES, SPLIT_NAMES
    from scripts.common.files import atomic_folder, write_json
    from scripts.common.progress import Progress
    from scripts.common.tables import count_rows

    paths = {split: parquet / f"{split}.parquet" for split in SPLIT_NAMES}
    total = sum(count_rows(path, EXAMPLES) for path in paths.values())
    progress = Progress("prepare_transformer", total=total, unit="texts", batch_size=_BATCH)
    with atomic_folder(tokens) as folder:
        splits = {
            split: _tokenize_split(path, folder / path.name, tokenizer, progress)
            for split, path in paths.items()
        }
        write_json(
            folder / MANIFEST,
            {
                "splits": splits,
                "length": tokenizer.length,
                "data_sha256": examples_sha256(parquet),
            },
        )
    progress.finish()
    for split, facts in splits.items():
        if facts["truncated"]:
            _logger.warning(
                "%s: %d of %d texts are longer than %d tokens and were cut off; raise max_tokens "
                "to keep them whole",
                *(split, facts["truncated"], facts["rows"], tokenizer.length),
            )


def _tokenize_split(source: Path, target: Path, tokenizer: Any, progress: Any) -> dict[str, Any]:
    import pyarrow as pa

    from scripts.classification.tables import EXAMPLES, TOKENS
    from scripts.common.files import manifest_entry
    from scripts.common.tables import iterate_batches, table_writer

    rows = pieces = truncated = longest = 0
    with table_writer(target, TOKENS) as writer:
        for batch in iterate_batches(source, EXAMPLES, rows=_BATCH):
            ids, cut = tokenizer.encode(batch["text"].to_pylist())
            writer.write_table(
                pa.table(
                    [batch["row"], batch["label"], pa.array(ids, pa.list_(pa.int32()))],
                    schema=TOKENS,
                )
            )
            lengths = [len(row) for row in ids]
            rows, pieces, truncated = rows + len(ids), pieces + sum(lengths), truncated + cut
            longest = max([longest, *lengths])
            progress.advance(len(ids), batch_ended=True)
    return {
        **manifest_entry(target, rows=rows, name=target.name),
        "tokens": pieces,
        "longest": longest,
        "truncated": truncated,
    }


def _texts(path: Path) -> Iterator[str]:
    """Yield the texts of a split, a batch of rows in memory at a time."""
    from scripts.classification.tables import EXAMPLES
    from scripts.common.tables import iterate_batches

    for batch in iterate_batches(path, EXAMPLES, rows=_BATCH, columns=["text"]):
        yield from batch["text"].to_pylist()


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
