"""The library's Trainer with a strategy's loss, its order of rows, and repeatable steps.

The loss is computed once, from the logits; the model is given no labels and computes none. Rows of
an epoch, dropout and learning rate are functions of (seed, step), so that weights, moments and the
curve of losses are all that a save must hold: stopped anywhere and gone on with, training gives the
same bits, on the same device with the same number of threads.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Sampler
from transformers import PreTrainedModel, Trainer, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from scripts.classification.encoder_model import answer_rows
from scripts.classification.losses import ClassificationLoss, Losses
from scripts.classification.resampling import Plan
from scripts.classification.scoring import macro_f1, score_classes
from scripts.classification.token_rows import TokenRows
from scripts.classification.training_losses import LossCurve
from scripts.common.errors import InputError
from scripts.common.hashing import keyed_hash

_MAX_GRAD_NORM = 1.0


@dataclass(frozen=True)
class Schedule:
    """How long and how fast.

    Attributes:
        epochs: passes over the plan's rows.
        batch: rows of a step.
        learning_rate: largest one, after the warm-up; from there it falls linearly to 0.
        warmup_ratio: share of the steps until it is reached.
        weight_decay: AdamW's decay of all weights but biases and norms.
        seed: training seed, which keys order of rows and dropout.
    """

    epochs: int
    batch: int
    learning_rate: float
    warmup_ratio: float
    weight_decay: float
    seed: int

    def steps_per_epoch(self, plan: Plan) -> int:
        """Return the steps of an epoch."""
        return -(-len(plan.rows) // self.batch)

    def arguments(self, plan: Plan, folder: Path, *, on_gpu: bool) -> TrainingArguments:
        """Return them as the library takes them; what to do when is the callbacks' decision.

        Args:
            plan: rows of an epoch.
            folder: where the library writes its checkpoints.
            on_gpu: whether to train on the GPU.
        """
        arguments = TrainingArguments(
            output_dir=str(folder),
            num_train_epochs=self.epochs,
            per_device_train_batch_size=self.batch,
            learning_rate=self.learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=round(self.warmup_ratio * self.epochs * self.steps_per_epoch(plan)),
            weight_decay=self.weight_decay,
            max_grad_norm=_MAX_GRAD_NORM,
            optim="adamw_torch",
            eval_strategy="no",
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_pin_memory=on_gpu,
            use_cpu=not on_gpu,
        )
        if on_gpu:
            # Of several visible devices one: the library would cut each batch into parts.
            _ = arguments.device
            arguments._n_gpu = 1
        return arguments


@dataclass(frozen=True)
class Best:
    """The earliest epoch with the best macro F1 on the validation split.

    Attributes:
        epoch: from 1; 0 before the first evaluation.
        macro_f1: of the supported classes, in [0, 1].
        weights: the model's weights after it, on the CPU.
    """

    epoch: int
    macro_f1: float
    weights: dict[str, torch.Tensor]


class EpochSampler(Sampler[int]):
    """Positions of the training split in the order in which an epoch uses them.

    Args:
        plan: rows of an epoch.
        seed: training seed.
        epoch: returns the epoch that is about to begin or to be gone on with, from 1.
    """

    def __init__(self, plan: Plan, seed: int, epoch: Callable[[], int]) -> None:
        self.plan, self.seed, self.epoch = plan, seed, epoch

    def __iter__(self) -> Iterator[int]:
        yield from self.plan.epoch(self.epoch(), seed=self.seed).tolist()

    def __len__(self) -> int:
        return len(self.plan.rows)


class StrategyTrainer(Trainer):
    """Trains a classifier under a strategy.

    Args:
        model: the classifier.
        arguments: from `Schedule.arguments`.
        train: the training split.
        validation: the split that chooses the epoch.
        plan: rows of an epoch.
        loss: what is minimized.
        schedule: length, batch, learning rate, seed.

    Attributes:
        classifier: the model that is trained.
        curve: losses by step.
        best: the best epoch so far.
        latest: losses of the batch that the last step used.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        arguments: TrainingArguments,
        *,
        train: TokenRows,
        validation: TokenRows,
        plan: Plan,
        loss: ClassificationLoss,
        schedule: Schedule,
    ) -> None:
        positions: Any = range(len(train))  # the library asks for [position] and a length
        super().__init__(model, arguments, data_collator=train.batch, train_dataset=positions)
        self.remove_callback(PrinterCallback)
        self.classifier = model
        self.validation, self.plan, self.schedule = validation, plan, schedule
        self.loss, self.curve = loss, LossCurve()
        self.best = Best(0, -1.0, {})
        self.latest: Losses | None = None

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch."""
        return self.schedule.steps_per_epoch(self.plan)

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Return the strategy's loss of a batch, and note the unweighted one beside it."""
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        self.latest = self.loss(outputs.logits, labels)
        return (self.latest.objective, outputs) if return_outputs else self.latest.objective

    def training_step(
        self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """Compute a step's gradients, its dropout keyed by the step.

        Raises:
            InputError: the loss is no finite number.
        """
        step = self.state.global_step + 1
        torch.manual_seed(keyed_hash(self.schedule.seed, "dropout", str(step)))
        loss = super().training_step(model, inputs, num_items_in_batch)
        if not math.isfinite(float(loss)):
            raise InputError(
                f"step {step}: the loss is {float(loss)}; lower learning_rate "
                f"{self.schedule.learning_rate:g} or raise warmup_ratio, and look at the base model"
            )
        return loss

    def evaluate(
        self,
        eval_dataset: Any = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> dict[str, float]:
        """Score the validation split, note it in the curve, and keep the epoch if it is the best.

        Before the first step it notes the untrained model's scores alone.
        """
        step = self.state.global_step
        answers = answer_rows(self.classifier, self.validation, self.schedule.batch)
        scores = score_classes(self.validation.labels, answers.label_ids, len(self.plan.before))
        score, cross_entropy = macro_f1(scores), float(np.mean(answers.row_losses))
        self.curve.evaluate(step, cross_entropy=cross_entropy, macro_f1=score)
        if step and score > self.best.macro_f1:
            weights = {
                name: tensor.detach().to("cpu", copy=True)
                for name, tensor in self.classifier.state_dict().items()
            }
            self.best = Best(step // self.steps_per_epoch, score, weights)
        metrics = {
            f"{metric_key_prefix}_macro_f1": score,
            f"{metric_key_prefix}_cross_entropy": cross_entropy,
        }
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return EpochSampler(
            self.plan,
            self.schedule.seed,
            lambda: self.state.global_step // self.steps_per_epoch + 1,
        )
