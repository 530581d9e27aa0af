"""The model that training starts from: built anew from sizes, or loaded from hub or folder."""

import logging
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForMaskedLM, PretrainedConfig, PreTrainedModel

from scripts.common.base_models import (
    fresh_config,
    keyed_weights,
    published_files,
    require_supported,
)
from scripts.common.errors import InputError
from scripts.common.wordpiece import WordPiece

_logger = logging.getLogger(__name__)


def fresh_model(
    architecture: str, sizes: dict[str, Any], wordpiece: WordPiece, *, length: int, seed: int
) -> PreTrainedModel:
    """Return a model with random weights, marked as `untrained` in its config.

    Equal arguments give equal weights. Where `sizes` names `max_position_embeddings` (positions,
    special tokens included), models for different lengths have the same weights as well.

    Args:
        architecture: one of scripts.common.base_models.ARCHITECTURES.
        sizes: values of the architecture's config by the library's names.
        wordpiece: the tokenizer; it gives the vocabulary's size and the special tokens.
        length: tokens of the longest row, used where `sizes` names no positions.
        seed: seed of the weights.

    Raises:
        ConfigError: a size is unknown, missing, or does not fit another one.
        InputError: the architecture is not supported.
    """
    config = fresh_config(
        architecture,
        sizes,
        pieces=len(wordpiece.pieces),
        pad=wordpiece.special_ids["pad"],
        length=length,
        key="language_model.base_model.architecture",
        untrained=True,
    )
    with keyed_weights(seed, "fresh model"):
        return AutoModelForMaskedLM.from_config(config).eval()


def pretrained_model(
    name: str, revision: str | None, wordpiece: WordPiece, *, seed: int
) -> PreTrainedModel:
    """Load a masked language model from a local folder, or from the hub at a pinned revision.

    Args:
        name: folder, or hub id.
        revision: commit of the hub model; None takes the newest one, with a warning.
        wordpiece: the tokenizer of the data.
        seed: seed of weights that the checkpoint lacks, such as a missing prediction head.

    Raises:
        DownloadError: the model is missing, gated without a token, or incomplete.
        InputError: the architecture is not supported, or the tokenizer is another model's.
    """
    with published_files(name, revision) as (source, place):
        config = AutoConfig.from_pretrained(source, **place)
        require_supported(config.model_type, name)
        with keyed_weights(seed, "missing weights"):
            model, notes = AutoModelForMaskedLM.from_pretrained(
                source, config=config, dtype=torch.float32, output_loading_info=True, **place
            )
    require_tokenizer_of(model.config, wordpiece, name)
    if notes["missing_keys"]:
        _logger.warning(
            "%s lacks %s: these weights start at random", name, sorted(notes["missing_keys"])
        )
    return model.eval()


def require_tokenizer_of(config: PretrainedConfig, wordpiece: WordPiece, name: str) -> None:
    """Check that a model's embeddings are those of the tokenizer's pieces.

    Raises:
        InputError: the sizes differ, or the padding token has another id.
    """
    pieces, pad = len(wordpiece.pieces), wordpiece.special_ids["pad"]
    if config.vocab_size != pieces or config.pad_token_id != pad:
        raise InputError(
            f"model {name} has {config.vocab_size} token embeddings and padding id "
            f"{config.pad_token_id}, the tokenizer of the data has {pieces} pieces and padding id "
            f"{pad}; build the datasets with the model's own tokenizer (corpus.tokenizer.model)"
        )
