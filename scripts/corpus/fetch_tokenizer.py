"""Fetches the tokenizer of a hub model or a local folder.

Out: `tokenizer.json` and `tokenizer_config.json`. A token for gated models comes from the
environment (HF_TOKEN) only. The tokenizer has to be a WordPiece with the five special tokens of a
masked model.
"""

import tempfile
from pathlib import Path

from scripts.common.entry import entry
from scripts.common.errors import DownloadError, InputError
from scripts.common.files import write_json, write_text
from scripts.common.wordpiece import load_wordpiece
from scripts.common.wordpiece_training import transformers_config


def run(
    tokenizer: Path, tokenizer_config: Path, *, model: str, revision: str | None = None
) -> None:
    """Fetch and check a tokenizer.

    Args:
        tokenizer: where `tokenizer.json` goes.
        tokenizer_config: where `tokenizer_config.json` goes.
        model: hub id, or a local folder with `tokenizer.json` or `vocab.txt`.
        revision: commit of the hub model.
    """
    from transformers import AutoTokenizer

    name = str(Path(model).expanduser())
    try:
        loaded = AutoTokenizer.from_pretrained(
            name, revision=revision or "main", use_fast=True, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DownloadError(
            f"tokenizer {model}: {reason}; check corpus.tokenizer.model and the network, and set "
            "HF_TOKEN for a gated model"
        ) from error
    if not loaded.is_fast:
        raise InputError(f"tokenizer {model} has no fast form; choose another one")
    with tempfile.TemporaryDirectory() as folder:
        text = loaded.backend_tokenizer.to_str(pretty=True)
        write_text(Path(folder) / "tokenizer.json", text)
        load_wordpiece(Path(folder) / "tokenizer.json")
        write_text(tokenizer, text)
    write_json(tokenizer_config, transformers_config())


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
