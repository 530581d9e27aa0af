"""Chooses a run's best checkpoint and copies it.

In: item scores, metrics, models, configs and training steps of the run's checkpoints, the start
model left out. Out: best.json, and the chosen model and config as copies (a link would share the
checkpoint's modification time). The choice is the largest strict composite on the *validation*
half, so that the test half stays unused; of equal values the earliest is taken. What is copied
must be what was evaluated: the metrics hold the digests.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.common.entry import entry
from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.files import atomic_file, read_json, sha256_file, write_json
from scripts.common.tables import read_table
from scripts.language_model.bootstrap import Estimate
from scripts.language_model.composite import checked_weights, composite_draws
from scripts.language_model.score_table import ScoreTable, read_scores
from scripts.language_model.tables import STEPS

RULE = "largest composite_strict on the validation half, the earliest of equal ones"


def run(
    scores: list[Path],
    metrics: list[Path],
    models: list[Path],
    configs: list[Path],
    steps: list[Path],
    best: Path,
    model: Path,
    config: Path,
    *,
    run: str,
    epochs: list[str],
    weights: dict[str, float],
    seed: int,
    resamples: int = 2000,
) -> None:
    """Choose the best checkpoint of a run.

    Args:
        scores: item scores of each checkpoint, in the order of `epochs`.
        metrics: metrics.json of each checkpoint, in the same order.
        models: model of each checkpoint, in the same order.
        configs: model config of each checkpoint, in the same order.
        steps: table of training steps of each checkpoint's segment, in the same order.
        best: JSON to write: the choice, its value and interval.
        model: where the chosen model is copied.
        config: where its config is copied.
        run: name of the run.
        epochs: epochs of the checkpoints, ascending, without the start ("0.0").
        weights: weights of the composite's parts.
        seed: seed of the resampling.
        resamples: number of resamples.

    Raises:
        ConfigError: the lists differ in length or are empty.
        IntegrityError: the chosen checkpoint is not the one that was evaluated.
    """
    counts = {len(scores), len(metrics), len(models), len(configs), len(steps), len(epochs)}
    if counts == {0} or len(counts) != 1:
        raise ConfigError(
            f"run {run}: {len(scores)} score tables, {len(metrics)} metrics, {len(models)} models, "
            f"{len(configs)} configs, {len(steps)} step tables for {len(epochs)} epochs; give one "
            "of each per epoch"
        )
    table = read_scores(scores, [f"{run}@{epoch}" for epoch in epochs])
    choice = choose(table, weights=weights, resamples=resamples, seed=seed)
    taken = choice.column
    evaluated = read_json(metrics[taken])
    for path, name in ((models[taken], "model_sha256"), (configs[taken], "config_sha256")):
        if evaluated.get(name) != sha256_file(path):
            raise IntegrityError(
                f"{path} is not the file that was evaluated: {metrics[taken]} has another {name}; "
                "delete the one of the two that was damaged, and run again"
            )
    write_json(
        best,
        {
            "run": run,
            "epoch": epochs[taken],
            "step": last_step(steps[: taken + 1]),
            "metric": "composite_strict",
            "half": "validation",
            "value": choice.best.value,
            "low": choice.best.low,
            "high": choice.best.high,
            "items": choice.best.items,
            "documents": choice.best.documents,
            "rule": RULE,
            "weights": checked_weights(weights),
            "seed": seed,
            "resamples": resamples,
            "validation": dict(zip(epochs, choice.values, strict=True)),
            "model_sha256": evaluated["model_sha256"],
        },
    )
    for source, target in ((models[taken], model), (configs[taken], config)):
        with atomic_file(target) as partial:
            shutil.copyfile(source, partial)


@dataclass(frozen=True)
class Choice:
    """The checkpoint that was chosen.

    Attributes:
        column: its place among the checkpoints.
        best: its validation composite.
        values: the validation composite of every checkpoint.
    """

    column: int
    best: Estimate
    values: list[float]


def choose(table: ScoreTable, *, weights: Mapping[str, float], resamples: int, seed: int) -> Choice:
    """Choose among the checkpoints of a score table, by `RULE`.

    Raises:
        InputError: a set that the composite needs has no item in the validation half.
    """
    draws = composite_draws(
        table, rule="strict", half="validation", weights=weights, resamples=resamples, seed=seed
    )
    column = earliest_best(draws.values.tolist())
    return Choice(column, draws.estimate(column), draws.values.tolist())


def earliest_best(values: Sequence[float]) -> int:
    """Return the place of the largest value; of those equal up to rounding, the first."""
    highest = np.max(values)
    return int(np.flatnonzero(np.asarray(values) >= highest - 1e-12)[0])


def last_step(steps: Sequence[Path]) -> int:
    """Return the last optimizer step of a run's segments, 0 where none was taken."""
    numbers = [read_table(path, STEPS, ["step"])["step"].to_pylist() for path in steps]
    return max((max(segment) for segment in numbers if segment), default=0)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
