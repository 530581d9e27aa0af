"""The losses along a training as a table, and what is read off it.

A batch's loss is noisy, so readings use the mean over the last `WINDOW` steps.
"""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scripts.classification.tables import LOSSES
from scripts.common.tables import table_of_rows

WINDOW = 20
STATED_STEP = 200


class LossCurve:
    """Collects the rows of a table of losses, by step."""

    def __init__(self) -> None:
        self._rows: dict[int, dict[str, Any]] = {}

    def add(self, step: int, *, epoch: float, cross_entropy: float, objective: float) -> None:
        """Add the losses of the batch that `step` used (of the untrained model at step 0)."""
        if step in self._rows:
            raise ValueError(f"step {step} stands twice")
        self._rows[step] = {
            "step": step,
            "epoch": epoch,
            "cross_entropy": cross_entropy,
            "objective": objective,
        }

    def evaluate(self, step: int, *, cross_entropy: float, macro_f1: float) -> None:
        """Note an evaluation on the validation split after `step`, which must have been added."""
        self._rows[step]["validation_cross_entropy"] = cross_entropy
        self._rows[step]["validation_macro_f1"] = macro_f1

    def table(self) -> pa.Table:
        """Return the rows in order of steps, with the schema `LOSSES`."""
        return table_of_rows([self._rows[step] for step in sorted(self._rows)], LOSSES)


def smoothed_losses(losses: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return steps and the mean unweighted cross-entropy of each one's last `WINDOW` steps.

    Step 0 has no batch of its own and is left out; so are steps with fewer before them.
    """
    steps = losses["step"].to_numpy()
    values = losses["cross_entropy"].to_numpy()[steps > 0].astype(np.float64)
    steps = steps[steps > 0]
    if len(values) < WINDOW:
        return steps[:0], values[:0]
    means = np.lib.stride_tricks.sliding_window_view(values, WINDOW).mean(axis=1)
    return steps[WINDOW - 1 :], means


def loss_at_step(losses: pa.Table, step: int = STATED_STEP) -> float | None:
    """Return the smoothed loss at a step, None where training did not come so far."""
    steps, means = smoothed_losses(losses)
    found = np.flatnonzero(steps == step)
    return float(means[found[0]]) if len(found) else None


def steps_to_loss(losses: pa.Table, loss: float) -> int | None:
    """Return the first step whose smoothed loss is at most `loss`, None where there is none."""
    steps, means = smoothed_losses(losses)
    found = np.flatnonzero(means <= loss)
    return int(steps[found[0]]) if len(found) else None
