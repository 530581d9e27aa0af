"""What training took and how the loss fell, from the step tables of all segments."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.common.errors import IntegrityError
from scripts.common.tables import read_table
from scripts.language_model.run_facts import RunBook
from scripts.language_model.run_verdicts import Training
from scripts.language_model.tables import STEPS

POINTS_PER_RUN = 200
Columns = dict[str, NDArray[Any]]


def read_training(book: RunBook, steps: Mapping[str, Path]) -> tuple[Training, dict[str, Columns]]:
    """Return steps and tokens up to each checkpoint, and the steps of each run in order.

    Args:
        book: the runs.
        steps: step table of each segment, by the checkpoint that ends it ("run@epoch").

    Raises:
        IntegrityError: a segment's table is missing, or its steps do not follow the one before.
    """
    last_steps: dict[str, int] = {}
    tokens: dict[str, int] = {}
    runs: dict[str, Columns] = {}
    for run in book.runs:
        parts: list[Columns] = []
        done_steps = done_tokens = 0
        for epoch in book.trained(run):
            name = f"{run}@{epoch}"
            if name not in steps:
                raise IntegrityError(f"there is no table of steps for {name}; train it again")
            table = read_table(steps[name], STEPS)
            part = {column: table[column].to_numpy() for column in STEPS.names}
            numbers = part["step"]
            if not np.array_equal(numbers, done_steps + 1 + np.arange(numbers.size)):
                raise IntegrityError(
                    f"{steps[name]} does not go on from step {done_steps}; delete the run's "
                    "checkpoints from there on and train again"
                )
            done_steps += numbers.size
            done_tokens += int(part["tokens"].sum())
            last_steps[name], tokens[name] = done_steps, done_tokens
            parts.append(part)
        runs[run] = {
            column: np.concatenate([part[column] for part in parts]) for column in STEPS.names
        }
    return Training(last_steps, tokens), runs


def loss_points(run: str, columns: Columns, *, points: int = POINTS_PER_RUN) -> list[list[Any]]:
    """Return at most so many points of a run's loss curve, each the mean over a block of steps.

    The loss of a block is weighted by labelled tokens, so it is what the block as one batch gives.
    """
    size = columns["step"].size
    edges = np.unique(np.linspace(0, size, min(points, size) + 1).round().astype(np.int64))
    cumulative = np.cumsum(columns["tokens"])
    rows = []
    for start, end in pairwise(edges.tolist()):
        block = slice(start, end)
        labelled = columns["labelled"][block]
        weights = labelled if labelled.sum() else np.ones_like(labelled)
        rows.append(
            [
                run,
                int(columns["step"][end - 1]),
                f"{columns['epoch'][end - 1]:.6f}",
                int(cumulative[end - 1]),
                f"{np.average(columns['loss'][block], weights=weights):.6f}",
                f"{columns['gradient_norm'][block].mean():.6f}",
                f"{columns['learning_rate'][block].mean():.9g}",
            ]
        )
    return rows


def segments_by_name(names: Sequence[str], paths: Sequence[Path]) -> dict[str, Path]:
    """Return the files by checkpoint.

    Raises:
        IntegrityError: there are more or fewer files than checkpoints.
    """
    if len(names) != len(paths):
        raise IntegrityError(f"{len(paths)} files for {len(names)} checkpoints; give one for each")
    return dict(zip(names, paths, strict=True))
