"""Raising the length that a model takes, without changing what it computes up to its old length.

DeBERTa-v2 without absolute positions has nothing to extend: distances fall into log buckets whose
edges follow from `max_relative_positions`. Left at -1, that follows `max_position_embeddings`, so
raising the latter would remap the buckets of all distances beyond half the bucket count. It is
therefore set to the base model's maximum; longer distances share the outermost bucket.

Absolute positions (BERT, RoBERTa, DeBERTa-v2 with position-biased input) get further rows, copies
of the learned ones from the start, as in Beltagy et al. 2020 (Longformer), section 5.
"""

import copy

import torch
from transformers import AutoModelForMaskedLM, PreTrainedModel

from scripts.common.base_models import first_position, longest_row
from scripts.common.errors import ConfigError, InputError

_POSITION_TABLES = {
    "bert": "bert.embeddings.position_embeddings.weight",
    "roberta": "roberta.embeddings.position_embeddings.weight",
    "deberta-v2": "deberta.embeddings.position_embeddings.weight",
}


def lengthened(model: PreTrainedModel, length: int) -> PreTrainedModel:
    """Return a model that takes rows of `length` tokens.

    Up to the old length its logits are the given model's. A model that takes as many tokens
    already is returned as it is.

    Args:
        model: a masked language model.
        length: tokens of the longest row, special tokens included.

    Raises:
        ConfigError: the length is no positive number.
        InputError: the architecture's length cannot be raised.
    """
    if length < 1:
        raise ConfigError(f"length {length}: a model takes rows of one token or more")
    config = model.config
    if config.model_type not in _POSITION_TABLES:
        raise InputError(
            f"the length of {config.model_type} models cannot be raised to {length}; choose one "
            f"of {', '.join(_POSITION_TABLES)}, or a length of at most "
            f"{getattr(config, 'max_position_embeddings', 'its own')} tokens"
        )
    if longest_row(config) >= length:
        return model
    raised = copy.deepcopy(config)
    raised.max_position_embeddings = length + first_position(config)
    if config.model_type == "deberta-v2" and config.max_relative_positions < 1:
        raised.max_relative_positions = config.max_position_embeddings
    weights = dict(model.state_dict())
    table = _POSITION_TABLES[config.model_type]
    if table in weights:
        weights[table] = _extended(
            weights[table], raised.max_position_embeddings, first_position(config)
        )
    with torch.random.fork_rng(devices=[]):
        longer = AutoModelForMaskedLM.from_config(raised, dtype=model.dtype)
    longer.load_state_dict(weights, strict=True)
    return longer.train(model.training)


def _extended(table: torch.Tensor, rows: int, first: int) -> torch.Tensor:
    """Return a position table of `rows` rows: the old one, its learned rows repeated behind it.

    Args:
        table: the old one, shape (old rows, width).
        rows: number of rows.
        first: first learned row; those before it belong to the padding.
    """
    learned = table[first:]
    repeats = -(-(rows - first) // len(learned))
    return torch.cat([table[:first], learned.repeat(repeats, 1)])[:rows].clone()
