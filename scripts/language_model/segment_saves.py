"""Saves inside a segment: weights, AdamW's moments and the results of its steps."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import safetensors.torch
import torch

from scripts.common.files import read_json, write_json
from scripts.common.saves import KeyedSaves
from scripts.language_model.optimization import load_optimizer, save_optimizer
from scripts.language_model.training import StepResult


class SegmentSaves(KeyedSaves):
    """The saves of one segment."""

    def save(
        self,
        model: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        results: Sequence[StepResult],
    ) -> None:
        """Save the state after the last of `results`, and remove the saves before it."""
        step = results[-1].step
        with self.writing(step) as partial:
            weights = {
                name: weight.detach().cpu().contiguous()
                for name, weight in model.named_parameters()
            }
            safetensors.torch.save_file(weights, partial / "weights.safetensors")
            save_optimizer(partial / "optimizer.safetensors", model, optimizer, {"step": step})
            write_json(partial / "results.json", [asdict(result) for result in results])

    def load(
        self, save: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer
    ) -> list[StepResult]:
        """Put a save into model and optimizer; return the results of the steps up to it."""
        weights = safetensors.torch.load_file(save / "weights.safetensors")
        with torch.no_grad():
            for name, weight in model.named_parameters():
                weight.copy_(weights[name])
        load_optimizer(save / "optimizer.safetensors", model, optimizer)
        return [StepResult(**result) for result in read_json(save / "results.json")]
