"""Saves inside a long step, so that a killed job loses only what it did since the last one.

They stand in a folder beside the outputs that Snakemake does not know of, named by a hash of all
that the step's result depends on: a save of other settings or inputs is never gone on from.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.common.files import atomic_folder

_STEP_FOLDER = re.compile(r"step-(\d+)")


def save_key(description: dict[str, Any]) -> str:
    """Return a short hash of all that a step's result depends on, given as JSON values."""
    text = json.dumps(description, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@dataclass(frozen=True)
class KeyedSaves:
    """The saves of one job.

    Attributes:
        folder: where all saves beside its output stand.
        key: the hash of what its result depends on.
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

    @contextmanager
    def writing(self, step: int) -> Iterator[Path]:
        """Yield an empty folder, which becomes the save of `step`; older ones go after that."""
        older = self._saves()
        with atomic_folder(self.folder / self.key / f"step-{step:09d}") as partial:
            yield partial
        for save in older:
            shutil.rmtree(save, ignore_errors=True)

    def clear(self) -> None:
        """Remove all saves: the outputs are written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _saves(self) -> list[Path]:
        folder = self.folder / self.key
        if not folder.is_dir():
            return []
        return [path for path in folder.iterdir() if _STEP_FOLDER.fullmatch(path.name)]


def _step_of(save: Path) -> int:
    return int(save.name.removeprefix("step-"))
