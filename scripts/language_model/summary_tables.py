"""The track's tables as a person and the report read them: columns, and rows from results."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from scripts.language_model.bootstrap import Estimate
from scripts.language_model.checkpoint_metrics import Compared, Results
from scripts.language_model.composite import PARTS, RULES
from scripts.language_model.run_facts import Checkpoint
from scripts.language_model.run_verdicts import (
    STRICT,
    RunVerdict,
    TargetVerdict,
    Training,
    held_against,
)
from scripts.language_model.score_table import BASELINE

RUN_SUMMARY_COLUMNS = (
    "run",
    "group",
    "kind",
    "length",
    "init",
    "seed",
    "rank",
    "best_epoch",
    "best_step",
    "validation",
    "validation_low",
    "validation_high",
    "test",
    "test_low",
    "test_high",
    "test_lenient",
    "test_lenient_low",
    "test_lenient_high",
    "start",
    "gain",
    "gain_low",
    "gain_high",
    "convergence_epoch",
    "overfitting",
    "peak_to_last",
    "peak_to_last_low",
    "peak_to_last_high",
    "stability",
    "stop_epoch",
    "stopped_after",
    "left_out",
    "steps",
    "tokens",
    "own_tokens_at_best",
    "tokens_at_best",
    "tokens_at_convergence",
)
DIFFERENCE_COLUMNS = (
    "kind",
    "first",
    "second",
    "half",
    "set",
    "subset",
    "metric",
    "items",
    "documents",
    "difference",
    "low",
    "high",
    "within_noise",
)
TARGET_COLUMNS = (
    "kind",
    "run",
    "epoch",
    "metric",
    "rule",
    "target_low",
    "target_high",
    "value",
    "low",
    "high",
    "verdict",
)
SEED_COLUMNS = ("group", "seeds", "metric", "mean", "sd", "lowest", "highest")
LOSS_COLUMNS = ("run", "step", "epoch", "tokens", "loss", "gradient_norm", "learning_rate")


def metric_rows(results: Results, training: Training) -> Iterator[dict[str, Any]]:
    """Yield the rows of METRICS; a baseline is a run "baseline:NAME" without epoch."""
    for one in results.measured:
        run, epoch = column_parts(one.column)
        yield {
            "run": run,
            "epoch": epoch,
            "step": training.step(run, epoch) if epoch else 0,
            "set": one.set,
            "half": one.half,
            "subset": one.subset,
            "metric": one.metric,
            "items": one.estimate.items,
            "documents": one.estimate.documents,
            "value": one.estimate.value,
            "low": one.estimate.low,
            "high": one.estimate.high,
        }


def column_parts(column: str) -> tuple[str, str]:
    """Split "run@epoch"; a baseline has no epoch."""
    if column.startswith(BASELINE):
        return column, ""
    run, _, epoch = column.rpartition("@")
    return run, epoch


def run_row(one: RunVerdict) -> list[Any]:
    """Return a row of the runs' summary."""
    values = {
        **vars(one),
        **_spread("validation", one.validation),
        **_spread("test", one.test),
        **_spread("test_lenient", one.test_lenient),
        **_spread("gain", one.gain),
        **_spread("peak_to_last", one.peak_to_last),
        "start": None if one.start is None else _number(one.start.value),
        "stability": _number(one.stability),
        "left_out": " ".join(one.left_out) or None,
    }
    return [values[column] for column in RUN_SUMMARY_COLUMNS]


def difference_row(one: Compared) -> list[Any]:
    """Return a row of the differences."""
    pair, found = one.pair, one.estimate
    return [
        pair.kind,
        pair.first,
        pair.second,
        pair.half,
        one.set,
        one.subset,
        one.metric,
        found.items,
        found.documents,
        _number(found.value),
        _number(found.low),
        _number(found.high),
        "yes" if found.within_noise else "no",
    ]


def target_verdicts(
    found: Sequence[RunVerdict],
    results: Results,
    targets: Mapping[str, float],
    expected: Mapping[str, Mapping[str, Sequence[float]]],
) -> Iterator[tuple[str, TargetVerdict]]:
    """Yield ("target" or "expected", what a run's best checkpoint reached of it), test half.

    Args:
        found: the runs.
        results: metrics.
        targets: lowest value by part of the composite.
        expected: range [low, high] by kind of run and part of the composite.
    """
    for one in found:
        wanted: list[tuple[str, str, float, float | None]] = [
            ("target", metric, low, None) for metric, low in targets.items()
        ]
        wanted += [
            ("expected", metric, ends[0], ends[1])
            for metric, ends in expected.get(one.kind, {}).items()
        ]
        for kind, metric, low, high in wanted:
            part = PARTS[metric]
            for rule in RULES:
                reached = results.value(
                    Checkpoint(one.run, one.best_epoch).name,
                    f"{rule}_{part.cutoff}",
                    set=part.set,
                    half="test",
                )
                if reached is not None:
                    yield (
                        kind,
                        TargetVerdict(
                            one.run,
                            one.best_epoch,
                            metric,
                            rule,
                            low,
                            high,
                            reached,
                            held_against(reached, low, high),
                        ),
                    )


def target_row(kind: str, one: TargetVerdict) -> list[Any]:
    """Return a row of the targets."""
    return [
        kind,
        one.run,
        one.epoch,
        one.metric,
        one.rule,
        one.low,
        one.high,
        _number(one.reached.value),
        _number(one.reached.low),
        _number(one.reached.high),
        one.verdict,
    ]


def seed_rows(found: Sequence[RunVerdict], results: Results) -> Iterator[list[Any]]:
    """Yield the spread over seeds of each row of the table of runs that has several."""
    for group in dict.fromkeys(one.group for one in found):
        members = [one for one in found if one.group == group]
        if len(members) < 2:
            continue
        for metric, values in _seed_values(members, results).items():
            if len(values) == len(members):
                yield [
                    group,
                    len(values),
                    metric,
                    _number(fmean(values)),
                    _number(stdev(values)),
                    _number(min(values)),
                    _number(max(values)),
                ]


def _seed_values(members: Sequence[RunVerdict], results: Results) -> dict[str, list[float]]:
    """Return the test half's values of each seed's best checkpoint, by metric."""
    values = {STRICT: [one.test.value for one in members]}
    for name, part in PARTS.items():
        reached = [
            results.value(
                Checkpoint(one.run, one.best_epoch).name,
                f"strict_{part.cutoff}",
                set=part.set,
                half="test",
            )
            for one in members
        ]
        values[f"{name}_strict"] = [found.value for found in reached if found is not None]
    return values


def written_metric(row: Mapping[str, Any]) -> list[Any]:
    """Return a row of METRICS for TSV."""
    return [_number(value) if isinstance(value, float) else value for value in row.values()]


def _spread(name: str, estimate: Estimate | None) -> dict[str, str | None]:
    return {
        name: None if estimate is None else _number(estimate.value),
        f"{name}_low": None if estimate is None else _number(estimate.low),
        f"{name}_high": None if estimate is None else _number(estimate.high),
    }


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.6f}"
