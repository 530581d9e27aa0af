"""Prepares the model that runs of one length start from.

In: the tokenizer of the data, and the description of the model: an architecture with sizes, whose
weights start at random, or the name of a hub model or folder. Out: weights as safetensors and
config.json of a masked language model that takes rows of `length` tokens. A pretrained model keeps
its logits up to its own length (scripts/language_model/lengthen.py).
"""

import logging
from pathlib import Path
from typing import Any

from scripts.common.entry import entry
from scripts.common.errors import ConfigError
from scripts.common.wordpiece import load_wordpiece

_logger = logging.getLogger(__name__)


def run(
    tokenizer: Path,
    model: Path,
    model_config: Path,
    *,
    length: int,
    pretrained: str | None,
    revision: str | None,
    architecture: str,
    sizes: dict[str, Any],
    seed: int,
) -> None:
    """Write the base model of one length.

    Args:
        tokenizer: the tokenizer of the datasets.
        model: where the weights go.
        model_config: where config.json goes.
        length: tokens of the longest row, special tokens included.
        pretrained: hub id or folder of the model to start from; None for random weights.
        revision: commit of the hub model.
        architecture: architecture of a model with random weights.
        sizes: its sizes, by the names of transformers' config.
        seed: seed of the run.
    """
    from scripts.common.base_models import longest_row
    from scripts.language_model.base_model import fresh_model, pretrained_model
    from scripts.language_model.checkpoints import save_checkpoint
    from scripts.language_model.lengthen import lengthened

    if length < 8:
        raise ConfigError(f"length {length}: a row needs at least 8 tokens; raise the run's length")
    wordpiece = load_wordpiece(tokenizer)
    if pretrained:
        base = pretrained_model(pretrained, revision, wordpiece, seed=seed)
    else:
        base = fresh_model(architecture, sizes, wordpiece, length=length, seed=seed)
    own_length = longest_row(base.config)
    base = lengthened(base, length)
    save_checkpoint(base, model, model_config)
    _logger.info(
        "%s: %s parameters, %d pieces, length %d (its own: %d)",
        pretrained or f"{architecture} with random weights",
        f"{base.num_parameters():,}",
        base.config.vocab_size,
        length,
        own_length,
    )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
