"""Saves inside a segment, so that a killed job loses only the steps since the last one.

They stand in a folder beside the outputs that Snakemake does not know of, named by a hash of all
that the segment depends on: a save of other settings or inputs is never gone on from.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from scripts.common.files import atomic_folder, read_json, write_json
from scripts.language_model.optimization import load_optimizer, save_optimizer
from scripts.language_model.training import StepResult

_STEP_FOLDER = re.compile(r"step-(\d+)")


def segment_key(description: dict[str, Any]) -> str:
    """Return a short hash of all that a segment's result depends on, given as JSON values."""
    text = json.dumps(description, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@dataclass(frozen=True)
class SegmentSaves:
    """The saves of one segment.

    Attributes:
        folder: where all saves beside this output stand.
        key: the segment's hash.
    """

    folder: Path
    key: str

    def newest(self) -> Path | None:
        """Return the newest complete save, after removing those of other keys."""
        if not self.folder.is_dir():
            return None
        for other in self.folder.iterdir():
            if other.name != self.key:
                shutil.rmtree(other, ignore_errors=True)
        return max(self._saves(), default=None, key=_step_of)

    def save(
        self,
        model: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        results: Sequence[StepResult],
    ) -> None:
        """Save the state after the last of `results`, and remove the saves before it."""
        older = self._saves()
        step = results[-1].step
        with atomic_folder(self.folder / self.key / f"step-{step:09d}") as partial:
            weights = {
                name: weight.detach().cpu().contiguous()
                for name, weight in model.named_parameters()
            }
            safetensors.torch.save_file(weights, partial / "weights.safetensors")
            save_optimizer(partial / "optimizer.safetensors", model, optimizer, {"step": step})
            write_json(partial / "results.json", [asdict(result) for result in results])
        for save in older:
            shutil.rmtree(save, ignore_errors=True)

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

    def clear(self) -> None:
        """Remove all saves: the segment's outputs are written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _saves(self) -> list[Path]:
        folder = self.folder / self.key
        if not folder.is_dir():
            return []
        return [path for path in folder.iterdir() if _STEP_FOLDER.fullmatch(path.name)]


def _step_of(save: Path) -> int:
    return int(save.name.removeprefix("step-"))
