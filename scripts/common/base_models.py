"""Base models of several tracks: built anew from sizes, or loaded from hub or folder.

Random weights are keyed, so that equal arguments give equal ones, and the process' own stream of
random numbers stays untouched.
"""

import logging
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, PretrainedConfig

from scripts.common.errors import ConfigError, DownloadError, InputError
from scripts.common.hashing import keyed_hash

_logger = logging.getLogger(__name__)
_NEEDED_SIZES = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
)
# What the published DeBERTa-v2 base models set, where the library's own defaults are other ones.
_DEBERTA_V2 = {
    "relative_attention": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
    "position_buckets": 256,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "deberta-v2": _DEBERTA_V2,
    "bert": {"type_vocab_size": 1},
    "roberta": {"type_vocab_size": 1},
}
ARCHITECTURES = tuple(_DEFAULTS)
_BEHIND_PADDING = ("roberta", "xlm-roberta", "camembert")


def require_supported(architecture: str, name: str) -> None:
    """Check that an architecture is one of ARCHITECTURES.

    Raises:
        InputError: it is not; the message begins with `name`.
    """
    if architecture not in _DEFAULTS:
        raise InputError(
            f"{name}: architecture {architecture!r} is not supported; choose one of "
            f"{', '.join(ARCHITECTURES)}"
        )


def fresh_config(
    architecture: str,
    sizes: dict[str, Any],
    *,
    pieces: int,
    pad: int,
    length: int,
    key: str,
    **marks: Any,
) -> PretrainedConfig:
    """Return the config of a model that is to be built anew.

    Args:
        architecture: one of ARCHITECTURES.
        sizes: values of the architecture's config by the library's names.
        pieces: pieces of the tokenizer.
        pad: id of its padding.
        length: tokens of the longest row, used where `sizes` names no positions.
        key: config key of the architecture, for messages.
        marks: further values of the config that no architecture knows.

    Raises:
        ConfigError: a size is unknown, missing, or does not fit another one.
        InputError: the architecture is not supported.
    """
    require_supported(architecture, key)
    form = AutoConfig.for_model(architecture)
    known = set(form.to_dict()) | set(_DEFAULTS[architecture])
    unknown = sorted(set(sizes) - known)
    missing = [name for name in _NEEDED_SIZES if name not in sizes]
    if unknown or missing:
        raise ConfigError(
            f"model sizes of {architecture}: unknown {unknown}, missing {missing}; use the names "
            f"of transformers' {type(form).__name__}"
        )
    positions = {"max_position_embeddings": length}
    if "max_position_embeddings" in sizes:
        positions["max_position_embeddings"] = int(sizes["max_position_embeddings"])
    chosen = {**_DEFAULTS[architecture], **sizes, **positions, "pad_token_id": pad}
    if architecture == "roberta":  # its first rows belong to the padding
        chosen["max_position_embeddings"] += pad + 1
    if architecture == "deberta-v2" and chosen.get("max_relative_positions", -1) < 1:
        chosen["max_relative_positions"] = chosen["max_position_embeddings"]
    config = AutoConfig.for_model(architecture, vocab_size=pieces, **marks, **chosen)
    if config.hidden_size % config.num_attention_heads:
        raise ConfigError(
            f"hidden_size {config.hidden_size} is no multiple of num_attention_heads "
            f"{config.num_attention_heads}; change one of them"
        )
    return config


def first_position(config: PretrainedConfig) -> int:
    """Return the row of the position table that the first token uses.

    RoBERTa and its kin count from behind the padding id, the others from 0.
    """
    return int(config.pad_token_id) + 1 if config.model_type in _BEHIND_PADDING else 0


def longest_row(config: PretrainedConfig) -> int:
    """Return how many tokens a row may have, special tokens included."""
    return int(config.max_position_embeddings) - first_position(config)


@contextmanager
def keyed_weights(seed: int, purpose: str, *parts: str) -> Iterator[None]:
    """Draw the weights that are made inside the block from a stream of their own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(keyed_hash(seed, purpose, *parts))
        yield


@contextmanager
def published_files(name: str, revision: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield where the library finds a model, and turn its failures inside the block into one line.

    A token for gated models comes from the environment (HF_TOKEN) only. Code that a model brings
    is never run: neither its own classes, nor what weights in the older pickled form carry.

    Args:
        name: folder, or hub id.
        revision: commit of the hub model; None takes the newest one, with a warning.

    Yields:
        The first argument of `from_pretrained`, and its named ones.

    Raises:
        DownloadError: the model is missing, gated without a token, or incomplete.
        InputError: its weights are pickled together with something else.
    """
    folder = Path(name).expanduser()
    local = folder.is_dir()
    if not local and not revision:
        _logger.warning("model %s is not pinned: its newest commit is loaded; set a revision", name)
    place: dict[str, Any] = {
        "trust_remote_code": False,  # left open, the library asks on the terminal
        **({"local_files_only": True} if local else {"revision": revision or "main"}),
    }
    try:
        yield (str(folder) if local else name), place
    except pickle.UnpicklingError as error:
        raise InputError(
            f"model {name}: its weights are pickled and hold more than tensors, perhaps code; none "
            "of it was run: choose a model with safetensors"
        ) from error
    except (OSError, ValueError, SafetensorError) as error:
        raise DownloadError(
            f"model {name}: {_first_line(error)}; check its name, revision and files, and set "
            "HF_TOKEN for a gated model"
        ) from error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
