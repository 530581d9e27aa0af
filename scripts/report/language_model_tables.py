"""The language_model track's tables: their columns, and readers that check them."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.common.errors import IntegrityError
from scripts.common.json_objects import read_object
from scripts.common.tables import read_table
from scripts.report.tables import columns_of, read_distinct_rows, read_rows, refuse_repeats

BASELINE = "baseline:"
START = "0.0"
REAL, LAMBADA, GOLD = "real_coref", "lambada", "gold_coref"
COMPOSITE, HELDOUT = "composite", "heldout"
SUMMARY_KEYS = (
    "items",
    "documents",
    "sets",
    "chance",
    "evaluation_sets",
    "contamination",
    "definitions",
    "weights",
    "stopping",
    "resamples",
    "advice",
    "seed",
    "versions",
    "code",
    "data_sha256",
)


@dataclass(frozen=True)
class MetricRow:
    """One metric of one checkpoint, or of a baseline ("baseline:NAME", without epoch).

    Attributes:
        set: evaluation set, or "composite" or "heldout".
        half: "validation", "test" or "all".
        subset: "all", "seen", "unseen" or "particle:TAG".
        value, low, high: shares from 0 to 1, nats or perplexity; ends of the 95 % interval.
    """

    run: str
    epoch: str
    step: int
    set: str
    half: str
    subset: str
    metric: str
    items: int
    documents: int
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class RunRow:
    """What is said of one run; composites are shares, the columns as in the track's summary."""

    run: str
    group: str
    kind: str
    length: int
    init: str
    seed: int
    rank: int
    best_epoch: str
    best_step: int
    validation: float
    validation_low: float | None
    validation_high: float | None
    test: float
    test_low: float | None
    test_high: float | None
    test_lenient: float
    test_lenient_low: float | None
    test_lenient_high: float | None
    start: float | None
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    convergence_epoch: str
    overfitting: str
    peak_to_last: float | None
    peak_to_last_low: float | None
    peak_to_last_high: float | None
    stability: float | None
    stop_epoch: str | None
    stopped_after: str | None
    left_out: str | None  # epochs, separated by spaces
    steps: int
    tokens: int
    own_tokens_at_best: int
    tokens_at_best: int
    tokens_at_convergence: int


@dataclass(frozen=True)
class DifferenceRow:
    """One paired difference, first minus second, with its 95 % interval."""

    kind: str
    first: str
    second: str
    half: str
    set: str
    subset: str
    metric: str
    items: int
    documents: int
    difference: float
    low: float | None
    high: float | None
    within_noise: str


@dataclass(frozen=True)
class TargetRow:
    """A target (no upper end) or an expected range against what a best checkpoint reached."""

    kind: str
    run: str
    epoch: str
    metric: str
    rule: str
    target_low: float
    target_high: float | None
    value: float
    low: float | None
    high: float | None
    verdict: str


@dataclass(frozen=True)
class SeedRow:
    """Spread of a metric over the seeds of one row of the table of runs."""

    group: str
    seeds: int
    metric: str
    mean: float
    sd: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class LossRow:
    """Mean over a block of optimizer steps; `step` and `tokens` are those at its end."""

    run: str
    step: int
    epoch: float
    tokens: int
    loss: float
    gradient_norm: float
    learning_rate: float


RUN_COLUMNS = columns_of(RunRow)
DIFFERENCE_COLUMNS = columns_of(DifferenceRow)
TARGET_COLUMNS = columns_of(TargetRow)
SEED_COLUMNS = columns_of(SeedRow)
LOSS_COLUMNS = columns_of(LossRow)


# As the track writes it; a test holds it equal to the track's own schema.
METRICS_SCHEMA = pa.schema(
    [
        ("run", pa.string()),
        ("epoch", pa.string()),
        ("step", pa.int64()),
        ("set", pa.string()),
        ("half", pa.string()),
        ("subset", pa.string()),
        ("metric", pa.string()),
        ("items", pa.int64()),
        ("documents", pa.int64()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
    ]
)


def read_metrics(path: Path) -> list[MetricRow]:
    """Read the metrics of all checkpoints and baselines (Parquet).

    Raises:
        IntegrityError: the file is missing or has other columns, a value is no number, or a metric
            stands twice.
    """
    rows = [MetricRow(**row) for row in read_table(path, METRICS_SCHEMA).to_pylist()]
    for number, row in enumerate(rows, start=1):
        if row.value is None or not math.isfinite(row.value):
            raise IntegrityError(
                f"{path} row {number} ({row.run} {row.epoch} {row.set} {row.metric}) has the value "
                f"{row.value}; run the step that makes it again"
            )
    refuse_repeats(
        path, [(row.run, row.epoch, row.set, row.half, row.subset, row.metric) for row in rows]
    )
    return rows


def read_run_verdicts(path: Path) -> list[RunRow]:
    """Read what is said of each run.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a run stands twice.
    """
    differing = ("gain", "peak_to_last")
    signed = frozenset(f"{name}{end}" for name in differing for end in ("", "_low", "_high"))
    return read_distinct_rows(path, RunRow, lambda row: (row.run,), signed=signed)


def read_differences(path: Path) -> list[DifferenceRow]:
    """Read the paired differences.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong.
    """
    return read_rows(path, DifferenceRow, signed=frozenset({"difference", "low", "high"}))


def read_targets(path: Path) -> list[TargetRow]:
    """Read targets and expected ranges.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a target stands twice.
    """
    return read_distinct_rows(
        path, TargetRow, lambda row: (row.kind, row.run, row.metric, row.rule)
    )


def read_seeds(path: Path) -> list[SeedRow]:
    """Read the spread over seeds.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a metric stands twice.
    """
    return read_distinct_rows(path, SeedRow, lambda row: (row.group, row.metric))


def read_losses(path: Path) -> list[LossRow]:
    """Read the loss curves.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong.
    """
    return read_rows(path, LossRow)


def read_language_model_summary(path: Path) -> dict[str, Any]:
    """Read the track's summary; keys beyond `SUMMARY_KEYS` are allowed.

    Raises:
        IntegrityError: the file is missing, not a JSON object, or lacks a key.
    """
    return read_object(path, SUMMARY_KEYS)
