"""The model that training starts from: built anew from sizes, or loaded from hub or folder."""

import logging
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForMaskedLM, PretrainedConfig, PreTrainedModel

from scripts.common.errors import ConfigError, DownloadError, InputError
from scripts.common.hashing import keyed_hash
from scripts.common.wordpiece import WordPiece

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


def fresh_model(
    architecture: str, sizes: dict[str, Any], wordpiece: WordPiece, *, length: int, seed: int
) -> PreTrainedModel:
    """Return a model with random weights, marked as `untrained` in its config.

    Equal arguments give equal weights. Where `sizes` names `max_position_embeddings` (positions,
    special tokens included), models for different lengths have the same weights as well.

    Args:
        architecture: one of ARCHITECTURES.
        sizes: values of the architecture's config by the library's names.
        wordpiece: the tokenizer; it gives the vocabulary's size and the special tokens.
        length: tokens of the longest row, used where `sizes` names no positions.
        seed: seed of the weights.

    Raises:
        ConfigError: a size is unknown, missing, or does not fit another one.
        InputError: the architecture is not supported.
    """
    _require_supported(architecture, "language_model.base_model.architecture")
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
    special = {"pad_token_id": wordpiece.special_ids["pad"]}
    chosen = {**_DEFAULTS[architecture], **sizes, **positions, **special}
    if architecture == "roberta":  # its first rows belong to the padding
        chosen["max_position_embeddings"] += wordpiece.special_ids["pad"] + 1
    if architecture == "deberta-v2" and chosen.get("max_relative_positions", -1) < 1:
        chosen["max_relative_positions"] = chosen["max_position_embeddings"]
    config = AutoConfig.for_model(
        architecture, vocab_size=len(wordpiece.pieces), untrained=True, **chosen
    )
    if config.hidden_size % config.num_attention_heads:
        raise ConfigError(
            f"hidden_size {config.hidden_size} is no multiple of num_attention_heads "
            f"{config.num_attention_heads}; change one of them"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(keyed_hash(seed, "fresh model"))
        return AutoModelForMaskedLM.from_config(config).eval()


def pretrained_model(
    name: str, revision: str | None, wordpiece: WordPiece, *, seed: int
) -> PreTrainedModel:
    """Load a masked language model from a local folder, or from the hub at a pinned revision.

    A token for gated models comes from the environment (HF_TOKEN) only. Weights in the older
    pickled form are read without running code that they carry.

    Args:
        name: folder, or hub id.
        revision: commit of the hub model; None takes the newest one, with a warning.
        wordpiece: the tokenizer of the data.
        seed: seed of weights that the checkpoint lacks, such as a missing prediction head.

    Raises:
        DownloadError: the model is missing, gated without a token, or incomplete.
        InputError: the architecture is not supported, or the tokenizer is another model's.
    """
    folder = Path(name).expanduser()
    local = folder.is_dir()
    if not local and not revision:
        _logger.warning("model %s is not pinned: its newest commit is loaded; set a revision", name)
    place: dict[str, Any] = (
        {"local_files_only": True} if local else {"revision": revision or "main"}
    )
    source = str(folder) if local else name
    try:
        config = AutoConfig.from_pretrained(source, **place)
        _require_supported(config.model_type, name)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(keyed_hash(seed, "missing weights"))
            model, notes = AutoModelForMaskedLM.from_pretrained(
                source, config=config, dtype=torch.float32, output_loading_info=True, **place
            )
    except (OSError, ValueError) as error:
        raise DownloadError(
            f"model {name}: {_first_line(error)}; check its name, revision and files, and set "
            "HF_TOKEN for a gated model"
        ) from error
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


def _require_supported(architecture: str, name: str) -> None:
    if architecture not in _DEFAULTS:
        raise InputError(
            f"{name}: architecture {architecture!r} is not supported; choose one of "
            f"{', '.join(ARCHITECTURES)}"
        )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
