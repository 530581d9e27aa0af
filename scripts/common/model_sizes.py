"""Sizes of a fresh transformer: from the names in the config to those of transformers' config."""

from collections.abc import Mapping
from typing import Any

_NAMES = {
    "hidden_size": ("hidden_size",),
    "layers": ("num_hidden_layers",),
    "heads": ("num_attention_heads",),
    "intermediate_size": ("intermediate_size",),
    "dropout": ("hidden_dropout_prob", "attention_probs_dropout_prob"),
    "activation": ("hidden_act",),
    "initializer_range": ("initializer_range",),
    "max_positions": ("max_position_embeddings",),
}


def model_sizes(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sizes among a section's settings, by transformers' names."""
    return {name: given[key] for key, names in _NAMES.items() if key in given for name in names}
