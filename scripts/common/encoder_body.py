"""The body of an encoder, a classifier without its head: built anew, or a published model's."""

import logging
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from scripts.common.base_models import fresh_config, keyed_weights, longest_row, published_files
from scripts.common.encoder_tokenizer import EncoderTokenizer
from scripts.common.errors import ConfigError, InputError, IntegrityError
from scripts.common.files import read_json

_logger = logging.getLogger(__name__)


def fresh_body(
    architecture: str, sizes: dict[str, Any], tokenizer: EncoderTokenizer, *, seed: int, key: str
) -> PreTrainedModel:
    """Return an encoder with random weights; equal arguments give equal weights.

    Args:
        architecture: one of scripts.common.base_models.ARCHITECTURES.
        sizes: values of the architecture's config by the library's names.
        tokenizer: it gives the number of pieces, the padding and the length.
        seed: seed of the weights.
        key: config key of the architecture, for messages.

    Raises:
        ConfigError: a size is unknown, missing, or does not fit another one.
        InputError: the architecture is not supported.
    """
    config = fresh_config(
        architecture,
        sizes,
        pieces=tokenizer.tokenizer.get_vocab_size(),
        pad=tokenizer.pad,
        length=tokenizer.length,
        key=key,
    )
    with keyed_weights(seed, "fresh encoder"):
        return _body(AutoModelForSequenceClassification.from_config(config))


def published_body(
    name: str, revision: str | None, tokenizer: EncoderTokenizer, *, seed: int
) -> PreTrainedModel:
    """Load an encoder from a local folder, or from the hub at a pinned revision.

    Args:
        name: folder, or hub id.
        revision: commit of the hub model; None takes the newest one, with a warning.
        tokenizer: its tokenizer.
        seed: seed of weights that the checkpoint lacks, such as a missing pooler.

    Raises:
        DownloadError: the model is missing, gated without a token, incomplete, or of an
            architecture without a classifier of sequences.
        InputError: the tokenizer is another model's.
    """
    with (
        published_files(name, revision) as (source, place),
        keyed_weights(seed, "missing weights"),
    ):
        model, notes = AutoModelForSequenceClassification.from_pretrained(
            source, dtype=torch.float32, output_loading_info=True, **place
        )
    body = _body(model)
    pieces = tokenizer.tokenizer.get_vocab_size()
    if pieces > body.config.vocab_size:
        raise InputError(
            f"model {name} has {body.config.vocab_size} token embeddings, its tokenizer {pieces} "
            "pieces; choose a model with its own tokenizer"
        )
    prefix = f"{model.base_model_prefix}."
    missing = sorted(key for key in notes["missing_keys"] if key.startswith(prefix))
    if missing:
        _logger.warning("%s lacks %s: these weights start at random", name, missing)
    return body


def read_body(folder: Path) -> PreTrainedModel:
    """Load an encoder from a folder that a step wrote, with the weights that stand there alone.

    `AutoModel` would add a pooler with random weights to an architecture whose classifier has none.

    Raises:
        IntegrityError: a file is missing or broken.
    """
    read_json(folder / "config.json")
    try:
        with keyed_weights(0, "head that is taken off"):
            model = AutoModelForSequenceClassification.from_pretrained(
                str(folder),
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
            )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise IntegrityError(
            f"{folder} holds no complete model ({str(error).splitlines()[0]}); make it again"
        ) from error
    return _body(model)


def require_length(body: PreTrainedModel, length: int, key: str) -> None:
    """Check that an encoder takes rows of `length` tokens, special tokens included.

    Args:
        body: the encoder.
        length: tokens of the longest row.
        key: config key that decides on it, for messages.

    Raises:
        ConfigError: it does not.
    """
    if getattr(body.config, "max_position_embeddings", None) is None:
        return
    longest = longest_row(body.config)
    if longest < length:
        raise ConfigError(
            f"{key} makes rows of {length} tokens, the base model takes {longest}; lower it"
        )


def _body(model: Any) -> PreTrainedModel:
    """Return a classifier's encoder; the head is made anew for each training."""
    body: PreTrainedModel = model.base_model
    return body.eval()
