"""Trains a transformer classifier under one strategy and scores it.

In: the base model, the tokenized splits, the label map. Out: the model (`from_pretrained` loads it;
its config names the labels), metrics, scores by class, the predictions for the test split, and the
losses along the training. The head is drawn by the training seed; before the first step the loss on
training rows is compared with ln C. The epoch is chosen on the validation split; the test split is
read once, at the end. A killed job goes on from a save beside the outputs, to the same bytes.
Methods: `strategy_trainer.py`, `losses.py`, `class_weights.py`, `resampling.py`, `scoring.py`
beside this file.
"""

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scripts.common.entry import entry

_logger = logging.getLogger(__name__)
_PACKAGES = ("torch", "transformers", "accelerate", "tokenizers", "numpy", "imbalanced-learn")


def run(
    encoder: Path,
    tokens: Path,
    label_map: Path,
    model: Path,
    metrics: Path,
    per_class: Path,
    predictions: Path,
    losses: Path,
    *,
    strategy: str,
    seed: int,
    settings: dict[str, Any],
    head_above: int,
    tail_below: int,
    epochs: int,
    batch: int,
    learning_rate: float,
    warmup_ratio: float,
    weight_decay: float,
    save_steps: int,
    threads: int,
    gpu: int = 1,
    code_hash: str = "",
) -> None:
    """Train and score.

    Args:
        encoder: folder of the base model.
        tokens: folder of the tokenized splits.
        label_map: JSON of the labels in order of class ids.
        model: folder to write.
        metrics: JSON to write.
        per_class: TSV to write, a line for each class.
        predictions: table PREDICTIONS to write, for the test split.
        losses: table LOSSES to write.
        strategy: name of the strategy.
        seed: training seed: weights of the head, order of rows, draws, resampling, dropout.
        settings: the strategy's settings.
        head_above: a class with more training rows is a head class.
        tail_below: a class with fewer training rows is a tail class.
        epochs: passes over the training rows.
        batch: rows of a step.
        learning_rate: largest one, after the warm-up; from there it falls linearly to 0.
        warmup_ratio: share of the steps until it is reached.
        weight_decay: AdamW's decay of all weights but biases and norms.
        save_steps: steps between two saves, 0 for none.
        threads: threads of the CPU.
        gpu: devices: 0 trains on the CPU, 1 on the GPU where there is one.
        code_hash: version of this step's code.

    Raises:
        ConfigError: settings do not fit each other, or memory does not suffice.
        InputError: a split has no rows, a label id is none of the label map's, or the loss is no
            finite number.
        IntegrityError: a file is missing or broken.
    """
    import torch

    from scripts.classification.class_weights import count_classes
    from scripts.classification.encoder_model import (
        KIND,
        EncoderModel,
        answer_rows,
        with_fresh_head,
    )
    from scripts.classification.encoder_saves import StepNotes, TrainingSaves
    from scripts.classification.label_map import LabelMap
    from scripts.classification.losses import ClassificationLoss
    from scripts.classification.prepare_transformer import MANIFEST
    from scripts.classification.resampling import plan_rows
    from scripts.classification.run_outputs import Outcome, write_outcome
    from scripts.classification.strategy import Strategy
    from scripts.classification.strategy_trainer import Schedule, StrategyTrainer
    from scripts.classification.tables import TEST, TRAIN, VALIDATION
    from scripts.classification.token_rows import read_token_rows
    from scripts.common.encoder_tokenizer import EncoderTokenizer
    from scripts.common.files import atomic_folder, folder_sha256, read_json, sha256_file
    from scripts.common.memory import keep_freed_memory
    from scripts.common.progress import Progress
    from scripts.common.quiet_library import quieten_library
    from scripts.common.repeatable_kernels import choose_repeatable_kernels
    from scripts.common.saves import save_key

    schedule = Schedule(epochs, batch, learning_rate, warmup_ratio, weight_decay, seed)
    _require_schedule(schedule, gpu)
    on_gpu = gpu > 0 and torch.cuda.is_available()
    torch.set_num_threads(threads)
    keep_freed_memory()
    quieten_library()
    if on_gpu:
        choose_repeatable_kernels()
    chosen = Strategy.of(strategy, settings)
    labels = list(LabelMap.read(label_map).labels)
    tokenizer = EncoderTokenizer.read(encoder)
    manifest = read_json(tokens / MANIFEST)
    train, validation = (
        read_token_rows(tokens / f"{split}.parquet", tokenizer.pad) for split in (TRAIN, VALIDATION)
    )
    counts = count_classes(train.labels, len(labels))
    plan = plan_rows(train.labels, len(labels), chosen, seed=seed)
    saves = TrainingSaves(
        metrics.parent / "saves",
        save_key(
            {
                "strategy": asdict(chosen),
                "schedule": asdict(schedule),
                "tokens": sha256_file(tokens / MANIFEST),
                "encoder": folder_sha256(encoder, [p for p in encoder.iterdir() if p.is_file()]),
                "labels": labels,
                "code": code_hash,
                "torch": torch.__version__,
                "device": "cuda" if on_gpu else "cpu",
                "threads": threads,
            }
        ),
    )
    save = saves.start()
    trainer = StrategyTrainer(
        with_fresh_head(encoder, labels, seed=seed),
        schedule.arguments(plan, saves.workplace, on_gpu=on_gpu),
        train=train,
        validation=validation,
        plan=plan,
        loss=ClassificationLoss.of(chosen, counts),
        schedule=schedule,
    )
    total = epochs * trainer.steps_per_epoch
    initial = _check_start(trainer, train, note=save is None)
    (_logger.info if initial.ok else _logger.warning)("%s", initial.verdict)
    checkpoint = None if save is None else saves.put(save, trainer)
    done = 0 if save is None else int(trainer.curve.table()["step"][-1].as_py())
    if done:
        _logger.info("going on after step %d, saved by an interrupted job", done)
    progress = Progress(
        f"train_transformer {strategy} seed {seed}", total=total, unit="steps", taken_over=done
    )
    trainer.add_callback(StepNotes(trainer, saves, save_steps, lambda: progress.advance(1)))
    _logger.info(
        "%d steps, %d an epoch, on %s with %d threads, torch %s",
        *(total, trainer.steps_per_epoch, trainer.args.device.type, threads, torch.__version__),
    )
    _train(trainer, checkpoint, tokenizer.length)
    progress.finish()

    trainer.classifier.load_state_dict(trainer.best.weights)
    test = read_token_rows(tokens / f"{TEST}.parquet", tokenizer.pad)
    answers = answer_rows(trainer.classifier, test, batch)
    validated = answer_rows(trainer.classifier, validation, batch)
    write_outcome(
        Outcome(
            model=KIND,
            strategy=strategy,
            seed=seed,
            labels=labels,
            train_counts=counts,
            validation_labels=validation.labels,
            validation_predicted=validated.label_ids,
            test_rows=test.rows,
            test_labels=test.labels,
            test_predicted=answers.label_ids,
            test_probabilities=answers.probabilities,
            initial=initial,
            losses=trainer.curve.table(),
            best_epoch=trainer.best.epoch,
            steps=total,
            facts={
                "settings": {
                    **settings,
                    "epochs": epochs,
                    "batch": batch,
                    "learning_rate": learning_rate,
                    "warmup_ratio": warmup_ratio,
                    "weight_decay": weight_decay,
                    "length": tokenizer.length,
                },
                "device": trainer.args.device.type,
                "threads": threads,
                "rows_per_epoch": len(plan.rows),
                "data_sha256": manifest["data_sha256"],
                "code": code_hash,
            },
        ),
        packages=_PACKAGES,
        head_above=head_above,
        tail_below=tail_below,
        metrics=metrics,
        per_class=per_class,
        predictions=predictions,
        losses=losses,
    )
    with atomic_folder(model) as folder:
        EncoderModel(trainer.classifier, tokenizer).write(folder)
    saves.clear()


def _check_start(trainer: Any, train: Any, *, note: bool) -> Any:
    """Compare the untrained model's loss with ln C, on up to 2,048 training rows, evenly spaced.

    Args:
        trainer: the trainer, before its first step.
        train: the training split.
        note: whether to write step 0 of the curve; a save that is gone on from has it.
    """
    import torch

    from scripts.classification.encoder_model import compute_logits
    from scripts.classification.initial_loss import check_initial_loss, rows_to_check
    from scripts.classification.losses import row_losses

    rows = rows_to_check(len(train))
    logits = compute_logits(trainer.classifier, train, rows, trainer.schedule.batch)
    labels = torch.from_numpy(train.labels[rows])
    if note:
        losses = trainer.loss(logits, labels)
        trainer.curve.add(
            0,
            epoch=0.0,
            cross_entropy=float(losses.cross_entropy),
            objective=float(losses.objective),
        )
        trainer.evaluate()
    return check_initial_loss(
        row_losses(logits, labels).numpy(), trainer.classifier.config.num_labels
    )


def _train(trainer: Any, checkpoint: Path | None, length: int) -> None:
    import torch
    from accelerate.utils.memory import should_reduce_batch_size

    from scripts.common.errors import ConfigError

    try:
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    except RuntimeError as error:  # torch.OutOfMemoryError is one
        if not (isinstance(error, torch.OutOfMemoryError) or should_reduce_batch_size(error)):
            raise
        raise ConfigError(
            f"out of memory with batch {trainer.schedule.batch} of up to {length} tokens; lower "
            "classification.transformer.batch or max_tokens"
        ) from None


def _require_schedule(schedule: Any, gpu: int) -> None:
    from scripts.common.errors import ConfigError

    for name, holds, allowed in (
        ("epochs", schedule.epochs >= 1, "1 or more"),
        ("batch", schedule.batch >= 1, "1 or more"),
        ("learning_rate", schedule.learning_rate > 0, "above 0"),
        ("warmup_ratio", 0 <= schedule.warmup_ratio <= 1, "0 to 1"),
        ("weight_decay", schedule.weight_decay >= 0, "0 or more"),
    ):
        if not holds:
            raise ConfigError(
                f"classification.transformer.{name} is {getattr(schedule, name)}; "
                f"allowed: {allowed}"
            )
    if gpu > 1:
        raise ConfigError(
            f"train_transformer is given {gpu} devices and trains on one; set its `gpu` to 1 in "
            "the profile"
        )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
