"""Runs of train_epoch on tiny data, for the tests and for processes that tests kill."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from scripts.language_model import train_epoch
from scripts.language_model.checkpoints import save_checkpoint
from tests.language_model.tiny_models import (
    tiny_model,
    write_entity_dataset,
    write_text_dataset,
    write_tokenizer,
)

LENGTH = 32
SETTINGS: dict[str, Any] = {
    "run": "tiny",
    "kind": "combined",
    "length": LENGTH,
    "schedule_epochs": "2.0",
    "lr": 0.01,
    "warmup_ratio": 0.2,
    "weight_decay": 0.05,
    "mask_min": 0.1,
    "mask_max": 0.3,
    "batch": 2,
    "grad_accumulation": 2,
    "precision": "fp32",
    "seed": 42,
    "max_grad_norm": 0.5,
    "entity_share": "0.25",
    "entity_supervision": True,
    "extra_masking": 0.15,
    "whole_word": True,
    "save_steps": 0,
    "gradient_checkpointing": False,
    "threads": 1,
}


@dataclass(frozen=True)
class Bench:
    """Data and a start model in a folder.

    Attributes:
        folder: where they lie.
        options: settings that differ from SETTINGS.
    """

    folder: Path
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def tokenizer(self) -> Path:
        return self.folder / "tokenizer.json"

    @property
    def start(self) -> Path:
        return self.folder / "base"

    def train(self, name: str, epoch: str, previous: str = "0.0", **options: Any) -> Path:
        """Train one segment of the run in folder `name`; its output folder."""
        out = self.folder / name / f"epoch-{epoch}"
        begins = previous == "0.0"
        before = self.start if begins else self.folder / name / f"epoch-{previous}"
        files = {
            "mlm_dataset": self.folder / "mlm",
            "entity_dataset": self.folder / "entity",
            "start": before / "model.safetensors",
            "start_config": before / "config.json",
            "state_before": None if begins else before / "state.safetensors",
            "tokenizer": self.tokenizer,
            "model": out / "model.safetensors",
            "model_config": out / "config.json",
            "state": out / "state.safetensors",
            "steps": out / "steps.parquet",
        }
        given = {**files, "epoch": epoch, "previous_epoch": previous, **SETTINGS}
        train_epoch.run(**{**given, **self.options, **options})
        return out


def make_bench(
    folder: Path, architecture: str = "deberta-v2", *, text_rows: int = 24, **model: Any
) -> Bench:
    """Datasets of some dozen rows and a model with dropout."""
    tokenizer = write_tokenizer(folder / "tokenizer.json")
    write_text_dataset(folder / "mlm", tokenizer, count=text_rows, length=LENGTH)
    write_entity_dataset(folder / "entity", tokenizer, count=10, length=LENGTH)
    options = {"pad_token_id": 0, "initializer_range": 0.02, **model}
    if architecture == "roberta":
        options["max_position_embeddings"] = LENGTH + 1
    start = tiny_model(architecture, positions=LENGTH, **options)
    save_checkpoint(start, folder / "base/model.safetensors", folder / "base/config.json")
    return Bench(folder)


def steps_of(*folders: Path) -> list[dict[str, Any]]:
    """The rows of the tables of steps, one segment after the other."""
    return [
        row for folder in folders for row in pq.read_table(folder / "steps.parquet").to_pylist()
    ]


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of a checkpoint's files."""
    names = ("model.safetensors", "config.json", "state.safetensors")
    return {name: (folder / name).read_bytes() for name in names}
