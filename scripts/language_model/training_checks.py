"""What a training segment checks before its first step: settings, datasets, model, state."""

import logging
import math
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from scripts.common.base_models import longest_row
from scripts.common.errors import ConfigError, InputError, IntegrityError
from scripts.common.files import folder_sha256, read_json
from scripts.common.wordpiece import WordPiece
from scripts.language_model.base_model import require_tokenizer_of
from scripts.language_model.batches import ENTITY, TEXT, BatchPlan, boundary_step
from scripts.language_model.optimization import read_about
from scripts.language_model.training_rows import dataset_metadata

_logger = logging.getLogger(__name__)
_KINDS = {"mlm": (TEXT,), "entity_ft": (ENTITY,), "combined": (TEXT, ENTITY)}


def require_settings(
    run: str,
    epoch: str,
    previous_epoch: str,
    schedule_epochs: str,
    lr: float,
    warmup_ratio: float,
    weight_decay: float,
    max_grad_norm: float,
) -> None:
    """Check the numbers of a run that need no file.

    Raises:
        ConfigError: one is outside its range, or the epoch lies beyond the schedule.
    """
    ends = {
        "epoch": epoch,
        "previous_epoch": previous_epoch,
        "schedule_epochs": str(schedule_epochs),
    }
    for name, end in ends.items():
        if not re.fullmatch(r"\d+(\.\d+)?", end, re.ASCII):
            raise ConfigError(f"run {run}: {name} {end!r} is no decimal number; write it as in 1.5")
    if Decimal(epoch) > Decimal(str(schedule_epochs)):
        raise ConfigError(
            f"run {run}: epoch {epoch} lies beyond schedule_epochs {schedule_epochs}, where the "
            "learning rate is 0; raise schedule_epochs, which trains the run anew"
        )
    if not Decimal(previous_epoch) < Decimal(epoch):
        raise ConfigError(f"run {run}: epoch {epoch} does not come after {previous_epoch}")
    values = {"lr": lr, "max_grad_norm": max_grad_norm}
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise ConfigError(f"run {run}: {name} {value} is no positive number; correct it")
    if not 0 <= warmup_ratio <= 1 or not weight_decay >= 0:
        raise ConfigError(
            f"run {run}: warmup_ratio {warmup_ratio} lies in 0..1, weight_decay {weight_decay} is "
            "0 or more; correct them"
        )


def require_devices(run: str, devices: int, batch: int, grad_accumulation: int) -> None:
    """Check that each of several devices is there and has a forward pass in every full step.

    Without any CUDA device the processes share the CPU, as a process alone trains there.

    Raises:
        ConfigError: a device would have nothing to do, or there are fewer than asked for.
    """
    if grad_accumulation < devices:
        rows = batch * grad_accumulation
        remedy = (
            f"set batch {rows // devices} and grad_accumulation {devices} (the same rows a step)"
            if rows % devices == 0
            else "lower batch and raise grad_accumulation"
        )
        raise ConfigError(
            f"run {run}: {devices} devices, but grad_accumulation {grad_accumulation} is the "
            f"number of forward passes of a step, so {devices - grad_accumulation} of them would "
            f"have nothing to do; {remedy}, or set `gpu` of train_epoch to {grad_accumulation}"
        )
    visible = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if 0 < visible < devices:
        raise ConfigError(
            f"run {run}: {devices} devices are asked for, but torch sees {visible}; lower `gpu` of "
            "train_epoch, or look at CUDA_VISIBLE_DEVICES"
        )
    if not visible:
        _logger.warning("no CUDA device is visible: %d processes train on the CPU", devices)
    if grad_accumulation % devices:
        _logger.warning(
            "grad_accumulation %d is no multiple of %d devices: some wait in each step",
            *(grad_accumulation, devices),
        )


def require_dataset(folder: Path, tokenizer: Path, tokenizer_hash: str, length: int) -> None:
    """Check that a dataset was built with the tokenizer and for the length.

    Raises:
        InputError: it was not.
    """
    metadata = dataset_metadata(folder)
    if metadata["tokenizer_sha256"] != tokenizer_hash:
        raise InputError(
            f"dataset {folder} was built for another tokenizer (SHA-256 "
            f"{metadata['tokenizer_sha256'][:12]}…) than {tokenizer} ({tokenizer_hash[:12]}…); "
            "build it again"
        )
    if metadata["seq_len"] != length:
        raise InputError(
            f"dataset {folder} was built for rows of {metadata['seq_len']} tokens, the run has "
            f"length {length}; choose the dataset of that length"
        )


def require_model(network: PreTrainedModel, wordpiece: WordPiece, start: Path, length: int) -> None:
    """Check that a model takes the run's rows.

    Raises:
        InputError: its vocabulary is another one, or its rows are shorter than `length`.
    """
    require_tokenizer_of(network.config, wordpiece, str(start))
    longest = longest_row(network.config)
    if longest < length:
        raise InputError(
            f"{start} takes rows of {longest} tokens, the run has length {length}; start from a "
            "model of that length or longer"
        )


def segment_steps(run: str, epoch: str, previous_epoch: str, plan: BatchPlan) -> tuple[int, int]:
    """Return the first step of a segment, from 0, and the one behind its last.

    Raises:
        ConfigError: the segment has no step.
    """
    first = boundary_step(previous_epoch, plan.steps_per_epoch)
    last = boundary_step(epoch, plan.steps_per_epoch)
    if first >= last:
        raise ConfigError(
            f"run {run}: no step between epoch {previous_epoch} and {epoch}, since "
            f"{plan.rows_per_epoch} rows give {plan.steps_per_epoch} steps an epoch; lower batch "
            "or grad_accumulation, or raise eval_every"
        )
    return first, last


def require_state(state_before: Path | None, identity: dict[str, Any], first: int) -> None:
    """Check that a training state is that of the segment before.

    Raises:
        IntegrityError: it is missing, or another run's or step's.
    """
    if state_before is None:
        if first:
            raise IntegrityError(
                f"run {identity['run']}: no training state for step {first}; give state_before"
            )
        return
    about = read_about(state_before)
    found = {name: about.get(name) for name in identity}
    if found != identity:
        raise IntegrityError(
            f"{state_before} is the state of {found}, needed is {identity}; delete the run's "
            "epochs and train it again"
        )


def folders_of_kind(
    kind: str, mlm_dataset: Path | None, entity_dataset: Path | None, run: str
) -> dict[str, Path]:
    """Return the dataset folders that a kind of run reads, by the kind of their rows.

    Raises:
        ConfigError: the kind is unknown, or a dataset of it is not given.
    """
    if kind not in _KINDS:
        raise ConfigError(f"run {run}: kind {kind!r}; choose one of {', '.join(_KINDS)}")
    given = {TEXT: mlm_dataset, ENTITY: entity_dataset}
    folders = {name: folder for name in _KINDS[kind] if (folder := given[name]) is not None}
    missing = [name for name in _KINDS[kind] if name not in folders]
    if missing:
        raise ConfigError(f"run {run}: kind {kind} needs the dataset {', '.join(missing)}")
    return folders


def dataset_hash(folder: Path, manifest: Path | None) -> str:
    """Return the manifest's hash over a dataset's files, or one over what the folder says."""
    if manifest is not None:
        return str(read_json(manifest)["sha256"])
    # The card names the tokenizer, the sources and the code; the state the first file's content.
    return folder_sha256(folder, [folder / "README.md", folder / "train" / "state.json"])
