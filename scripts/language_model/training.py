"""The training loop of one segment: steps [first, last) of a run.

Accelerate gives device, precision and clipping. Everything random is keyed by the step, and the
learning rate is a function of it, so model and optimizer are all that a segment hands on: cut
anywhere and gone on with, training gives the same bits as in one go, on the same device with the
same number of threads.

On several devices each takes its share of a step's forward passes (scripts/language_model/team.py).
Gradients, loss and counts are summed before anything is made of them, so the step is that of one
process, up to the order of the sum.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils.memory import should_reduce_batch_size
from transformers import PreTrainedModel

from scripts.common.errors import ConfigError, InputError
from scripts.common.hashing import keyed_hash
from scripts.language_model.collate import MaskedRow, collate
from scripts.language_model.document_attention import DocumentMaskedLM
from scripts.language_model.optimization import learning_rate
from scripts.language_model.team import Team

PRECISIONS = {"fp32": "no", "bf16": "bf16"}
_FIRST_LOSS_TOLERANCE = 0.1  # share of ln V


@dataclass(frozen=True)
class TrainingSettings:
    """How a run is trained.

    Attributes:
        run: the run's name.
        seed: what dropout is keyed by, besides run and step.
        lr: largest learning rate.
        warmup_steps, total_steps: steps of the warm-up, and of the whole schedule.
        batch: rows of a forward pass.
        grad_accumulation: forward passes of a step.
        max_grad_norm: gradients of a larger norm are scaled down to it.
        length: tokens of the longest row, for messages.
    """

    run: str
    seed: int
    lr: float
    warmup_steps: int
    total_steps: int
    batch: int
    grad_accumulation: int
    max_grad_norm: float
    length: int


@dataclass(frozen=True)
class ForwardPass:
    """A forward pass of a step.

    Attributes:
        number: its number in the step, from 0, whichever process takes it; dropout is keyed by it.
        rows: its rows, masked.
    """

    number: int
    rows: Sequence[MaskedRow]


@dataclass(frozen=True)
class StepResult:
    """What a step reports.

    Attributes:
        step: number of the step, from 1.
        loss: nats per labelled token, mean over the step.
        gradient_norm: norm of the gradient before clipping.
        learning_rate: rate of the step.
        tokens: input tokens, padding left out.
        labelled: tokens with a label.
    """

    step: int
    loss: float
    gradient_norm: float
    learning_rate: float
    tokens: int
    labelled: int


def accelerator_of(precision: str) -> Accelerator:
    """Return an accelerator for the precision, on the GPU where there is one.

    Raises:
        ConfigError: the precision is unknown, or the GPU does not have it.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"precision {precision!r}; choose one of {', '.join(PRECISIONS)}")
    on_gpu = torch.cuda.is_available()
    if precision == "bf16" and on_gpu and not torch.cuda.is_bf16_supported():
        raise ConfigError("precision bf16: this GPU does not compute in it; choose fp32")
    return Accelerator(mixed_precision=PRECISIONS[precision], cpu=not on_gpu)


def train_steps(
    model: PreTrainedModel,
    optimizer: torch.optim.Optimizer,
    accelerator: Accelerator,
    passes_of_step: Callable[[int], Sequence[ForwardPass]],
    settings: TrainingSettings,
    *,
    team: Team,
    first: int,
    last: int,
    after_step: Callable[[StepResult], None],
) -> None:
    """Train steps [first, last), counted from 0; `model` and `optimizer` are changed in place.

    The loss of a step is the mean over all labelled tokens of its rows, so that it does not depend
    on how they are cut into forward passes.

    Args:
        model: the model, on the accelerator's device.
        optimizer: its optimizer, with the moments of the steps before.
        accelerator: device and precision.
        passes_of_step: this process' share of the forward passes of a step.
        settings: how the run is trained.
        team: the processes that train together.
        first: first step.
        last: step behind the last.
        after_step: called after each step.

    Raises:
        ConfigError: memory does not suffice.
        InputError: a step has no label, or its loss or gradient is no finite number, or the first
            loss of an untrained model is not that of guessing.
    """
    # `evaluation_mode` only leaves out the wrapper for several devices, which would average.
    wrapped = accelerator.prepare_model(DocumentMaskedLM(model), evaluation_mode=True)
    prepared = accelerator.prepare_optimizer(optimizer)
    wrapped.train()
    untrained = bool(getattr(model.config, "untrained", False)) and first == 0
    for step in range(first, last):
        passes = passes_of_step(step)
        rate = learning_rate(
            step,
            peak=settings.lr,
            warmup_steps=settings.warmup_steps,
            total_steps=settings.total_steps,
        )
        for group in optimizer.param_groups:
            group["lr"] = rate
        try:
            result = _train_step(wrapped, prepared, accelerator, passes, settings, team, step, rate)
        except RuntimeError as error:  # torch.OutOfMemoryError is one
            if not (isinstance(error, torch.OutOfMemoryError) or should_reduce_batch_size(error)):
                raise
            raise ConfigError(out_of_memory_message(settings, _rows_of(passes))) from None
        if untrained and step == 0:
            require_guessing_loss(result.loss, model.config.vocab_size)
        after_step(result)
    model.eval()


def _train_step(
    model: Any,
    optimizer: Any,
    accelerator: Accelerator,
    passes: Sequence[ForwardPass],
    settings: TrainingSettings,
    team: Team,
    step: int,
    rate: float,
) -> StepResult:
    """Take one step, together with the other processes of the team."""
    own = _rows_of(passes)
    rows, tokens, labelled = team.total(
        [len(own), sum(row.tokens for row in own), sum(row.labelled for row in own)]
    )
    if labelled == 0:
        raise InputError(
            f"run {settings.run}, step {step + 1}: none of its {rows} rows has a label; raise "
            "mask_min or extra_masking, or turn entity_supervision on"
        )
    loss = torch.zeros((), device=accelerator.device)
    for part in passes:
        if not any(row.labelled for row in part.rows):
            continue
        batch = collate(part.rows, model.model.config.pad_token_id).to(accelerator.device)
        torch.manual_seed(
            keyed_hash(settings.seed, "dropout", settings.run, str(step), str(part.number))
        )
        part_loss = model(batch.input_ids, batch.segments, batch.labels) / labelled
        accelerator.backward(part_loss)
        loss += part_loss.detach()
    loss = team.sum_gradients(list(model.parameters()), loss)
    norm = accelerator.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
    total, size = float(loss), float(norm)
    if not (math.isfinite(total) and math.isfinite(size)):
        raise InputError(
            f"run {settings.run}, step {step + 1}: loss {total}, gradient norm {size} at learning "
            f"rate {rate:.3g}; lower lr or raise warmup_ratio, and look at the start model"
        )
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return StepResult(
        step=step + 1,
        loss=total,
        gradient_norm=size,
        learning_rate=rate,
        tokens=tokens,
        labelled=labelled,
    )


def _rows_of(passes: Sequence[ForwardPass]) -> list[MaskedRow]:
    return [row for part in passes for row in part.rows]


def require_guessing_loss(loss: float, vocabulary: int) -> None:
    """Check the first loss of an untrained model: guessing evenly costs ln V nats a token.

    Raises:
        InputError: it is off by more than a tenth.
    """
    expected = math.log(vocabulary)
    if abs(loss - expected) > _FIRST_LOSS_TOLERANCE * expected:
        raise InputError(
            f"the first loss of the untrained model is {loss:.3f} nats, guessing among "
            f"{vocabulary} pieces costs {expected:.3f}; lower "
            "language_model.base_model.initializer_range"
        )


def out_of_memory_message(settings: TrainingSettings, rows: Sequence[MaskedRow]) -> str:
    """Return what to tell when a step did not fit into memory."""
    longest = max(row.tokens for row in rows)
    return (
        f"run {settings.run}: out of memory with batch {settings.batch} of up to {longest} tokens; "
        f"lower batch (and raise grad_accumulation {settings.grad_accumulation} by as much), turn "
        f"gradient_checkpointing on, or lower length {settings.length}"
    )
