"""Rows of the tables that a comparison of strategies writes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from scripts.classification.finished_runs import FinishedRun, JudgedRows
from scripts.classification.scopes import METRICS
from scripts.classification.strategy_differences import StrategyScore
from scripts.classification.training_losses import smoothed_losses

STRATEGY_COLUMNS = (
    *("model", "strategy", "scope", "metric", "seeds", "mean", "sd"),
    *("reference", "difference", "low", "high", "verdict"),
)
CLASS_COLUMNS = (
    *("model", "strategy", "label", "label_id", "bucket", "train_rows", "support", "seeds"),
    *("precision", "recall", "f1", "f1_sd"),
)
LOSS_COLUMNS = (
    *("model", "strategy", "seed", "step", "epoch", "cross_entropy"),
    "validation_cross_entropy",
)
SEED_COLUMNS = (
    *("model", "strategy", "seed", *METRICS, "validation_macro_f1", "initial_loss", "ln_classes"),
    *("initial_ok", "prior_only_loss", "loss_at_200", "steps_to_prior_only", "best_epoch", "steps"),
)
_POINTS = 120  # of a loss curve
Runs = Mapping[str, Mapping[str, Sequence[FinishedRun]]]


def strategy_row(score: StrategyScore) -> tuple[Any, ...]:
    """Return a row of `STRATEGY_COLUMNS`."""
    return (
        score.model,
        score.strategy,
        score.scope,
        score.metric,
        score.seeds,
        _written(score.mean),
        _written(score.sd),
        score.reference,
        _written(score.difference),
        _written(score.low),
        _written(score.high),
        score.verdict,
    )


def class_rows(
    found: Runs, split: JudgedRows, labels: Sequence[str], buckets: Sequence[str]
) -> Iterator[tuple[Any, ...]]:
    """Yield rows of `CLASS_COLUMNS`: means over seeds, classes in order of their ids."""
    support = split.support
    for model, strategy, same in _strategies(found):
        precision, recall, f1 = (
            np.stack([getattr(run.scores, name) for run in same])
            for name in ("precision", "recall", "f1")
        )
        for number, label in enumerate(labels):
            yield (
                model,
                strategy,
                label,
                number,
                buckets[number],
                int(split.train_rows[number]),
                int(support[number]),
                len(same),
                *(_written(float(values[:, number].mean())) for values in (precision, recall, f1)),
                _written(float(f1[:, number].std(ddof=1))) if len(same) > 1 else None,
            )


def loss_rows(found: Runs) -> Iterator[tuple[Any, ...]]:
    """Yield rows of `LOSS_COLUMNS`: at most some 120 steps of each run, and its evaluations.

    The loss is the mean over the last steps (`training_losses.WINDOW`); that of step 0 is the one
    before the first.
    """
    for model, strategy, same in _strategies(found):
        for run in same:
            steps, means = smoothed_losses(run.losses)
            chosen = np.unique(np.linspace(0, max(len(steps) - 1, 0), _POINTS).astype(np.int64))
            curve = dict(
                zip(steps[chosen].tolist(), means[chosen].tolist(), strict=True)
                if len(steps)
                else ()
            )
            for line in run.losses.to_pylist():
                step, validation = line["step"], line["validation_cross_entropy"]
                loss = line["cross_entropy"] if step == 0 else curve.get(step)
                if loss is not None or validation is not None:
                    yield (
                        model,
                        strategy,
                        run.seed,
                        step,
                        _written(line["epoch"]),
                        _written(loss),
                        _written(validation),
                    )


def seed_rows(found: Runs) -> Iterator[tuple[Any, ...]]:
    """Yield rows of `SEED_COLUMNS`, a run each."""
    for model, strategy, same in _strategies(found):
        for run in same:
            facts, initial = run.facts, run.facts["initial"]
            yield (
                model,
                strategy,
                run.seed,
                *(_written(facts["test"][name]) for name in METRICS),
                _written(facts["validation"]["macro_f1_supported"]),
                _written(initial["cross_entropy"]),
                _written(initial["ln_classes"]),
                "yes" if initial["ok"] else "no",
                _written(facts["prior_only_loss"]),
                _written(facts["loss_at_200"]),
                facts["steps_to"]["steps"],
                _written(facts["best_epoch"]),
                facts["steps"],
            )


def _strategies(found: Runs) -> Iterator[tuple[str, str, Sequence[FinishedRun]]]:
    for model, of_model in found.items():
        for strategy, same in of_model.items():
            yield model, strategy, same


def _written(value: float | None) -> str | None:
    return None if value is None or not np.isfinite(value) else f"{value:.6f}"
