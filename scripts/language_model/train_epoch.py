"""Trains one segment of a run, from one checkpoint to the next.

In: the datasets of the run's kind, the model to start from, and the training state of the epoch
before (none for a run's first). Out: the model with its config, the training state (AdamW's
moments), and the table of steps. Method: masked language modelling with dynamic masking (Devlin et
al. 2019) on packed rows, entity-coreference rows whose k masks are labelled, or both by proportion;
AdamW with linear warm-up and decay over `schedule_epochs`.

A segment ends at step round(epoch × steps per epoch). Its result does not depend on where a run is
cut, nor on interruptions: saves inside a segment lie beside the outputs until it is done. Where the
profile gives it several devices, a process for each calls `run` again, as one of a team.
"""

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scripts.common.entry import entry
from scripts.common.errors import IntegrityError
from scripts.common.files import sha256_file
from scripts.common.tables import table_of_rows, write_table
from scripts.common.wordpiece import load_wordpiece
from scripts.language_model.batches import ENTITY, TEXT, BatchPlan, boundary_step, forward_passes
from scripts.language_model.tables import STEPS

_logger = logging.getLogger(__name__)


def run(
    mlm_dataset: Path | None,
    entity_dataset: Path | None,
    start: Path,
    start_config: Path,
    state_before: Path | None,
    tokenizer: Path,
    model: Path,
    model_config: Path,
    state: Path,
    steps: Path,
    *,
    run: str,
    epoch: str,
    previous_epoch: str,
    kind: str,
    length: int,
    schedule_epochs: str,
    lr: float,
    warmup_ratio: float,
    weight_decay: float,
    mask_min: float,
    mask_max: float,
    batch: int,
    grad_accumulation: int,
    precision: str,
    seed: int,
    max_grad_norm: float,
    entity_share: float | None,
    entity_supervision: bool,
    extra_masking: float,
    whole_word: bool,
    save_steps: int,
    gradient_checkpointing: bool,
    threads: int,
    mlm_manifest: Path | None = None,
    entity_manifest: Path | None = None,
    choice: Path | None = None,
    events: Path | None = None,
    gpu: int = 1,
    code_hash: str = "",
) -> None:
    """Train from `previous_epoch` to `epoch` and write the checkpoint.

    Args:
        mlm_dataset: folder of the MLM dataset, for kinds mlm and combined.
        entity_dataset: folder of the entity-coreference dataset, for entity_ft and combined.
        start: weights of the epoch before, of the base model, or of another run's checkpoint.
        start_config: their config.json.
        state_before: training state of the epoch before; None for the run's first.
        tokenizer: the tokenizer that the datasets were built with.
        model: where the weights go.
        model_config: where config.json goes.
        state: where the training state goes.
        steps: where the table of the segment's steps goes.
        run: name of the run.
        epoch: end of the segment, a decimal number.
        previous_epoch: its begin, "0.0" for the run's first.
        kind: "mlm", "entity_ft" or "combined".
        length: tokens of the longest row, special tokens included.
        schedule_epochs: epochs until the learning rate is 0.
        lr: largest learning rate.
        warmup_ratio: share of the schedule's steps until it is reached.
        weight_decay: AdamW's decay of all weights but biases and norms.
        mask_min: masking rate of plain text at no token.
        mask_max: masking rate of a full row.
        batch: rows of a forward pass.
        grad_accumulation: forward passes of a step.
        precision: "fp32" or "bf16".
        seed: seed of the run.
        max_grad_norm: gradients of a larger norm are scaled down to it.
        entity_share: share of entity rows in an epoch of a combined run, None for other kinds.
        entity_supervision: whether the masks of entity rows carry labels.
        extra_masking: share of an entity row's other tokens that are masked.
        whole_word: whether the pieces of a word are masked together.
        save_steps: steps between two saves inside the segment, 0 for none.
        gradient_checkpointing: whether to compute activations again in the backward pass, for less
            memory and more time.
        threads: threads of the CPU.
        mlm_manifest: manifest of the MLM dataset, whose hash the state names.
        entity_manifest: manifest of the entity-coreference dataset, likewise.
        choice: the choice of the other run's checkpoint that `start` is, where it is its best one;
            its content decides whether this segment is stale.
        events: folder of the TensorBoard events; None for none.
        gpu: devices that train together, a process for each; 0 and 1 stand for one process.
        code_hash: version of this step's code.

    Raises:
        ConfigError: settings do not fit each other or the devices, or memory does not suffice.
        InputError: a dataset was built for another tokenizer or length, the model is too short for
            the rows, or the loss is no finite number.
        IntegrityError: a file is broken, the state is that of another segment, or the devices end
            with different weights.
    """
    arguments = dict(locals())
    import torch

    from scripts.common.memory import keep_freed_memory
    from scripts.common.saves import save_key
    from scripts.language_model.checkpoints import load_checkpoint, save_checkpoint
    from scripts.language_model.masking import pieces_of
    from scripts.language_model.optimization import adamw, load_optimizer, save_optimizer
    from scripts.language_model.segment_saves import SegmentSaves
    from scripts.language_model.team import current_team
    from scripts.language_model.training import (
        ForwardPass,
        StepResult,
        TrainingSettings,
        accelerator_of,
        train_steps,
    )
    from scripts.language_model.training_checks import (
        dataset_hash,
        folders_of_kind,
        require_dataset,
        require_devices,
        require_model,
        require_settings,
        require_state,
        segment_steps,
    )
    from scripts.language_model.training_progress import TrainingProgress, event_writer
    from scripts.language_model.training_rows import Masking, TrainingRows

    require_settings(
        run, epoch, previous_epoch, schedule_epochs, lr, warmup_ratio, weight_decay, max_grad_norm
    )
    team = current_team()
    if gpu > 1 and team.size == 1:
        # This file, since Snakemake starts it as __main__, which another process does not find.
        from scripts.language_model import train_epoch
        from scripts.language_model.device_processes import run_in_processes

        require_devices(run, gpu, batch, grad_accumulation)
        run_in_processes(train_epoch.run, arguments, gpu)
        return
    torch.set_num_threads(max(1, threads // team.size))
    keep_freed_memory()
    folders = folders_of_kind(kind, mlm_dataset, entity_dataset, run)
    tokenizer_hash = sha256_file(tokenizer)
    for folder in folders.values():
        require_dataset(folder, tokenizer, tokenizer_hash, length)
    wordpiece = load_wordpiece(tokenizer)
    rows = TrainingRows(
        folders,
        pieces_of(wordpiece),
        Masking(
            seed=seed,
            run=run,
            length=length,
            low=mask_min,
            high=mask_max,
            whole_word=whole_word,
            entity_supervision=entity_supervision,
            extra_masking=extra_masking,
        ),
    )
    manifests = {TEXT: mlm_manifest, ENTITY: entity_manifest}
    data_hashes = {name: dataset_hash(folder, manifests[name]) for name, folder in folders.items()}
    plan = BatchPlan(
        rows.lengths,
        entity_share=entity_share,
        rows_per_step=batch * grad_accumulation,
        seed=seed,
        run=run,
    )
    first, last = segment_steps(run, epoch, previous_epoch, plan)
    total = boundary_step(schedule_epochs, plan.steps_per_epoch)
    settings = TrainingSettings(
        run=run,
        seed=seed,
        lr=lr,
        warmup_steps=round(warmup_ratio * total),
        total_steps=total,
        batch=batch,
        grad_accumulation=grad_accumulation,
        max_grad_norm=max_grad_norm,
        length=length,
    )
    identity = {"run": run, "step": first, "steps_per_epoch": plan.steps_per_epoch}
    require_state(state_before, identity, first)
    accelerator = accelerator_of(precision)
    network = load_checkpoint(start, start_config)
    require_model(network, wordpiece, start, length)
    if gradient_checkpointing:
        network.activation_checkpointing_enable({"use_reentrant": False})
    network.to(accelerator.device)
    optimizer = adamw(network, weight_decay)
    if state_before is not None:
        load_optimizer(state_before, network, optimizer)

    saves = SegmentSaves(
        model.parent / "saves",
        save_key(
            {
                "settings": asdict(settings),
                "masking": asdict(rows.masking),
                "kind": kind,
                "entity_share": str(entity_share),
                "weight_decay": weight_decay,
                "precision": precision,
                "gradient_checkpointing": gradient_checkpointing,
                "first": first,
                "datasets": data_hashes,
                "start": sha256_file(start),
                "state": sha256_file(state_before) if state_before is not None else None,
                "code": code_hash,
                "torch": torch.__version__,
                "device": accelerator.device.type,
                "threads": threads,
                "processes": team.size,
            }
        ),
    )
    results: list[StepResult] = []
    save = team.from_first(saves.newest() if team.leads else None)
    if save is not None:
        results = saves.load(save, network, optimizer)
        if len(results) > last - first:
            raise IntegrityError(f"{save} lies beyond step {last}; delete it and run again")
        _logger.info("going on after step %d, saved by an interrupted job", results[-1].step)
    done = first + len(results)
    progress = TrainingProgress(f"train_epoch {run} {epoch}", done=done - first, total=last - first)
    several = f"{team.size} processes on " if team.size > 1 else ""
    _logger.info(
        "run %s, epoch %s to %s: steps %d to %d of %d, %d an epoch; %s, %d threads, torch %s",
        *(run, previous_epoch, epoch, first + 1, last, total, plan.steps_per_epoch),
        *(f"{several}{accelerator.device.type} {precision}", threads, torch.__version__),
    )
    write_events, end_events = event_writer(events if team.leads else None, done + 1)

    def passes_of_step(step: int) -> list[ForwardPass]:
        passes = forward_passes(plan.rows_of_step(step), batch)
        return [ForwardPass(number, rows.masked(part)) for number, part in team.share(passes)]

    def after_step(result: StepResult) -> None:
        results.append(result)
        progress.step(result)
        write_events(result)
        if save_steps and len(results) % save_steps == 0 and result.step < last:
            # What is gone on from must be what all of them hold.
            team.require_equal_states(network, optimizer, f"run {run}, step {result.step}")
            if team.leads:
                saves.save(network, optimizer, results)

    try:
        train_steps(
            network,
            optimizer,
            accelerator,
            passes_of_step,
            settings,
            team=team,
            first=done,
            last=last,
            after_step=after_step,
        )
    finally:
        end_events()
    progress.finish()
    team.require_equal_states(network, optimizer, f"run {run}, step {last}")
    if not team.leads:
        return
    network.config.untrained = False
    save_checkpoint(network, model, model_config)
    save_optimizer(
        state,
        network,
        optimizer,
        {
            **identity,
            "step": last,
            "epoch": epoch,
            "seed": seed,
            "device": accelerator.device.type,
            "precision": precision,
            "threads": threads,
            "processes": team.size,
            "torch": torch.__version__,
            "code_version": code_hash,
            "datasets": data_hashes,
        },
    )
    write_table(steps, table_of_rows(_step_rows(results, plan.steps_per_epoch), STEPS), STEPS)
    saves.clear()


def _step_rows(results: list[Any], steps_per_epoch: int) -> list[dict[str, Any]]:
    return [{**asdict(result), "epoch": result.step / steps_per_epoch} for result in results]


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
