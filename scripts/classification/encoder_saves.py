"""Saves inside a training of a classifier, and what is done after each step and epoch."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
from transformers import TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from scripts.classification.strategy_trainer import Best, StrategyTrainer
from scripts.classification.tables import LOSSES
from scripts.common.files import read_json, write_json
from scripts.common.saves import KeyedSaves
from scripts.common.tables import read_table, write_table

_CHECKPOINT, _CURVE = "trainer", "losses.parquet"
_BEST, _BEST_WEIGHTS = "best.json", "best.safetensors"


class TrainingSaves(KeyedSaves):
    """The saves of one training: the library's checkpoint, the losses so far, the best epoch."""

    @property
    def workplace(self) -> Path:
        """Where the library writes its checkpoints; one counts only when it is taken from there."""
        return self.folder / self.key / "workplace"

    def take(self, trainer: StrategyTrainer) -> None:
        """Turn the library's newest checkpoint into a save, and remove the save before it."""
        step = trainer.state.global_step
        checkpoint = self.workplace / f"{PREFIX_CHECKPOINT_DIR}-{step}"
        with self.writing(step) as partial:
            best = trainer.best
            write_json(partial / _BEST, {"epoch": best.epoch, "macro_f1": best.macro_f1})
            safetensors.torch.save_file(best.weights, partial / _BEST_WEIGHTS)
            write_table(partial / _CURVE, trainer.curve.table(), LOSSES)
            os.replace(checkpoint, partial / _CHECKPOINT)

    def put(self, save: Path, trainer: StrategyTrainer) -> Path:
        """Give a trainer the losses and the best epoch of a save.

        Returns:
            The library's checkpoint, to go on from.
        """
        for row in read_table(save / _CURVE, LOSSES).to_pylist():
            trainer.curve.add(
                row["step"],
                epoch=row["epoch"],
                cross_entropy=row["cross_entropy"],
                objective=row["objective"],
            )
            if row["validation_macro_f1"] is not None:
                trainer.curve.evaluate(
                    row["step"],
                    cross_entropy=row["validation_cross_entropy"],
                    macro_f1=row["validation_macro_f1"],
                )
        weights = safetensors.torch.load_file(save / _BEST_WEIGHTS)
        trainer.best = Best(**read_json(save / _BEST), weights=weights)
        return save / _CHECKPOINT

    def start(self) -> Path | None:
        """Return the newest save, after removing what a killed job left half done."""
        newest = self.newest()
        shutil.rmtree(self.workplace, ignore_errors=True)
        return newest


class StepNotes(TrainerCallback):
    """Notes each step's losses, and says when to evaluate and when to save.

    A save at the end of an epoch comes after its evaluation, which a resumed training would leave
    out otherwise.

    Args:
        trainer: the trainer.
        saves: where saves go.
        save_steps: steps between two saves, 0 for none.
        after_step: called after each step.
    """

    def __init__(
        self,
        trainer: StrategyTrainer,
        saves: TrainingSaves,
        save_steps: int,
        after_step: Callable[[], None],
    ) -> None:
        self.trainer, self.saves = trainer, saves
        self.save_steps, self.after_step = save_steps, after_step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Note the losses; save where it is time, and the epoch goes on."""
        losses = self.trainer.latest
        assert losses is not None
        self.trainer.curve.add(
            state.global_step,
            epoch=state.epoch,
            cross_entropy=float(losses.cross_entropy),
            objective=float(losses.objective.detach()),
        )
        self.after_step()
        if state.global_step % self.trainer.steps_per_epoch:
            control.should_save = self._is_due(state)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Evaluate; then save where it is time and the training goes on."""
        control.should_evaluate = True
        control.should_save = self._is_due(state) and state.global_step < state.max_steps

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Take over the checkpoint that the library has written."""
        self.saves.take(self.trainer)

    def _is_due(self, state: Any) -> bool:
        return self.save_steps > 0 and state.global_step % self.save_steps == 0
