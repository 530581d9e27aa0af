"""Checkpoints of masked language models: weights as safetensors beside config.json."""

from pathlib import Path
from typing import TYPE_CHECKING

import safetensors.torch
import torch
from safetensors import SafetensorError

from scripts.common.errors import InputError, IntegrityError
from scripts.common.files import atomic_file, read_json, write_text

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def save_checkpoint(model: "PreTrainedModel", model_path: Path, config_path: Path) -> None:
    """Write a model's weights and config; equal weights and config give equal bytes.

    Of tensors that share memory (tied embeddings) only the first by name is written. No metadata
    is: the library keeps it in a hash table and writes it in any order.
    """
    tensors: dict[str, torch.Tensor] = {}
    written: set[tuple[int, torch.Size]] = set()
    for name, tensor in sorted(model.state_dict().items()):
        identity = (tensor.data_ptr(), tensor.shape)
        if tensor.numel() == 0 or identity not in written:
            written.add(identity)
            tensors[name] = tensor.detach().cpu().contiguous()
    model.config.architectures = [type(model).__name__]
    with atomic_file(model_path) as partial:
        partial.write_bytes(safetensors.torch.save(tensors))
    write_text(config_path, model.config.to_json_string(use_diff=False))


def load_checkpoint(model: Path, config: Path) -> "PreTrainedModel":
    """Return the model of a checkpoint in evaluation mode; random number streams stay untouched.

    Args:
        model: the weights, a safetensors file.
        config: its config.json.

    Raises:
        InputError: the config names no masked language model, or the weights belong to another one.
        IntegrityError: a file is missing or broken.
    """
    from transformers import AutoConfig, AutoModelForMaskedLM

    description = read_json(config)
    kind = description.pop("model_type", None)
    if not model.is_file():
        raise IntegrityError(f"{model} is missing; run the step that makes it again")
    try:
        settings = AutoConfig.for_model(kind, **description)
        with torch.random.fork_rng(devices=[]):
            loaded = AutoModelForMaskedLM.from_config(settings)
    except ValueError as error:
        raise InputError(
            f"{config}: model_type {kind!r} names no masked language model that transformers knows "
            f"({str(error).splitlines()[0][:120]}); choose a checkpoint of such a model"
        ) from None
    try:
        safetensors.torch.load_model(loaded, model, strict=True)
    except SafetensorError as error:
        raise IntegrityError(
            f"{model} is no complete safetensors file ({error}); delete it and run again"
        ) from None
    except RuntimeError as error:
        raise InputError(
            f"{model} holds the weights of another architecture than {config} describes "
            f"({_first_difference(str(error))}); give both files of one checkpoint, or delete "
            "them and run again"
        ) from None
    loaded.eval()
    return loaded


def _first_difference(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return (lines[1] if len(lines) > 1 else lines[0])[:200]
