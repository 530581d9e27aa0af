"""AdamW, its learning rate as a function of the step, and its state as a file."""

import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from scripts.common.errors import IntegrityError
from scripts.common.files import atomic_file

_ABOUT = "about"
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def learning_rate(step: int, *, peak: float, warmup_steps: int, total_steps: int) -> float:
    """Return the rate of a step (from 0): linear up to `peak`, then linear down.

    The first step has peak / warmup_steps, the one after the warm-up the peak, and a step number
    `total_steps`, which no run reaches, would have 0.

    Args:
        step: number of steps done before.
        peak: largest rate.
        warmup_steps: steps until the peak.
        total_steps: steps of the whole schedule.
    """
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    return peak * max(0, total_steps - step) / max(1, total_steps - warmup_steps)


def adamw(model: nn.Module, weight_decay: float) -> torch.optim.AdamW:
    """Return AdamW (Loshchilov and Hutter 2019), fused into one kernel for the model's device.

    Biases and layer norms do not decay, as Devlin et al. 2019 trained.
    """
    named = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    decaying = [weight for _, weight in named if weight.ndim > 1]
    others = [weight for _, weight in named if weight.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": decaying, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.999), eps=1e-8, fused=True)


def save_optimizer(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, about: dict[str, Any]
) -> None:
    """Write AdamW's moments by parameter name as safetensors; equal states give equal bytes.

    Args:
        path: the file.
        model: the model whose parameters it optimizes.
        optimizer: the optimizer.
        about: what else to know of the state, as JSON values.
    """
    tensors = {
        f"{moment}.{name}": optimizer.state[weight][moment].detach().cpu().contiguous()
        for name, weight in model.named_parameters()
        if weight in optimizer.state
        for moment in _MOMENTS
    }
    # One entry: the library writes several in any order.
    metadata = {_ABOUT: json.dumps(about, sort_keys=True, ensure_ascii=False)}
    with atomic_file(path) as partial:
        partial.write_bytes(safetensors.torch.save(tensors, metadata))


def read_about(path: Path) -> dict[str, Any]:
    """Return what a state file says of itself.

    Raises:
        IntegrityError: it is missing or broken.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about: dict[str, Any] = json.loads((file.metadata() or {})[_ABOUT])
    except FileNotFoundError:
        raise IntegrityError(f"{path} is missing; train the epoch before it again") from None
    except (SafetensorError, OSError, KeyError, json.JSONDecodeError) as error:
        raise IntegrityError(
            f"{path} is no complete training state ({error}); delete it and run again"
        ) from None
    return about


def load_optimizer(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put saved moments into an optimizer of the model.

    Raises:
        IntegrityError: the file is broken, or belongs to a model with other parameters.
    """
    read_about(path)
    tensors = safetensors.torch.load_file(path)
    numbers = _numbers(optimizer)
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, weight in model.named_parameters():
        moments = {moment: tensors.pop(f"{moment}.{name}", None) for moment in _MOMENTS}
        if all(moment is None for moment in moments.values()):
            continue  # a parameter that no loss has reached yet
        kept = {moment: value for moment, value in moments.items() if value is not None}
        if len(kept) < len(_MOMENTS) or kept["exp_avg"].shape != weight.shape:
            raise IntegrityError(_foreign(path, name))
        state[numbers[id(weight)]] = kept
    if tensors:
        raise IntegrityError(_foreign(path, min(tensors)))
    optimizer.load_state_dict(
        {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
    )


def _numbers(optimizer: torch.optim.Optimizer) -> dict[int, int]:
    """Return the number that the optimizer's state gives each parameter."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    return {id(weight): number for number, weight in enumerate(weights)}


def _foreign(path: Path, name: str) -> str:
    return (
        f"{path} is the training state of another architecture (at {name}); delete the run's "
        "epochs and train it again"
    )
