"""The classification track's tables: their columns, and readers that check them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.common.json_objects import read_object
from scripts.report.tables import columns_of, read_distinct_rows

SUMMARY_KEYS = (
    *("items", "classes", "rows", "filter", "draws", "runs", "models", "initial", "verdicts"),
    *("strategies", "seed", "versions", "code", "data_sha256"),
)
UNFILTERED_KEYS = (
    *("seed", "classes", "rows", "initial", "prior_only_loss", "loss_at_200", "steps_to", "steps"),
)
SETS = ("before", "after", "train", "validation", "test")
COVERAGE_KEYS = ("stratified", "reason", "splits", "groups", "cross_split_duplicates")


@dataclass(frozen=True)
class FaultRow:
    """A fault that the audit found."""

    fault: str
    severity: str
    rows: int | None
    classes: int | None
    examples: str
    what: str
    remedy: str


@dataclass(frozen=True)
class ClassCountRow:
    """Rows of a class before the filter; in the splits where it survived."""

    label: str
    rows: int
    train: int | None
    kept: str
    reason: str


@dataclass(frozen=True)
class LengthRow:
    """Lengths of the texts of a class, in characters."""

    label: str
    rows: int
    shortest: int
    median: float
    percentile_95: float
    longest: int


@dataclass(frozen=True)
class AuditScoreRow:
    """Rows of a planted fault that the audit found."""

    fault: str
    planted: int
    found: int
    hits: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class StrategyRow:
    """One metric of a strategy: mean and spread over seeds, difference to the reference."""

    model: str
    strategy: str
    scope: str
    metric: str
    seeds: int
    mean: float | None
    sd: float | None
    reference: str
    difference: float | None
    low: float | None
    high: float | None
    verdict: str


@dataclass(frozen=True)
class ClassScoreRow:
    """Scores of a class under a strategy, means over seeds."""

    model: str
    strategy: str
    label: str
    bucket: str
    train_rows: int
    support: int
    f1: float


@dataclass(frozen=True)
class LossPoint:
    """Losses of a training after a step."""

    model: str
    strategy: str
    seed: int
    step: int
    cross_entropy: float | None
    validation_cross_entropy: float | None


@dataclass(frozen=True)
class SeedRow:
    """A training on its own."""

    model: str
    strategy: str
    seed: int
    macro_f1_supported: float | None
    validation_macro_f1: float | None
    initial_loss: float | None
    ln_classes: float
    initial_ok: str
    loss_at_200: float | None
    steps_to_prior_only: int | None
    best_epoch: float
    steps: int


FAULT_COLUMNS = columns_of(FaultRow)
COUNT_COLUMNS = columns_of(ClassCountRow)
LENGTH_COLUMNS = columns_of(LengthRow)
STRATEGY_COLUMNS = columns_of(StrategyRow)
CLASS_COLUMNS = columns_of(ClassScoreRow)
LOSS_COLUMNS = columns_of(LossPoint)
SEED_COLUMNS = columns_of(SeedRow)


def read_faults(path: Path) -> list[FaultRow]:
    """Read the faults, errors first.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a fault stands twice.
    """
    return read_distinct_rows(path, FaultRow, lambda row: (row.fault,))


def read_class_counts(path: Path) -> list[ClassCountRow]:
    """Read the rows of each class, largest first.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a class stands twice.
    """
    return read_distinct_rows(path, ClassCountRow, lambda row: (row.label,))


def read_lengths(path: Path) -> list[LengthRow]:
    """Read the lengths of the texts of each class.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a class stands twice.
    """
    return read_distinct_rows(path, LengthRow, lambda row: (row.label,))


def read_audit_score(path: Path) -> list[AuditScoreRow]:
    """Read how many of the planted faults were found.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a fault stands twice.
    """
    return read_distinct_rows(path, AuditScoreRow, lambda row: (row.fault,))


def read_strategies(path: Path) -> list[StrategyRow]:
    """Read the scores of the strategies.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a score stands twice.
    """
    return read_distinct_rows(
        path,
        StrategyRow,
        lambda row: (row.model, row.strategy, row.scope, row.metric),
        signed=frozenset({"difference", "low", "high"}),
    )


def read_class_scores(path: Path) -> list[ClassScoreRow]:
    """Read the scores of each class.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a score stands twice.
    """
    return read_distinct_rows(path, ClassScoreRow, lambda row: (row.model, row.strategy, row.label))


def read_losses(path: Path) -> list[LossPoint]:
    """Read the loss curves.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a step stands twice.
    """
    return read_distinct_rows(
        path, LossPoint, lambda row: (row.model, row.strategy, str(row.seed), str(row.step))
    )


def read_seeds(path: Path) -> list[SeedRow]:
    """Read the trainings.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or one stands twice.
    """
    return read_distinct_rows(path, SeedRow, lambda row: (row.model, row.strategy, str(row.seed)))


def read_classification_summary(path: Path) -> dict[str, Any]:
    """Read the comparison's summary.

    Raises:
        IntegrityError: the file is missing, not a JSON object, or lacks a key.
    """
    return read_object(path, SUMMARY_KEYS)


def read_unfiltered(path: Path) -> dict[str, Any]:
    """Read the losses of the training with the rare classes too.

    Raises:
        IntegrityError: the file is missing, not a JSON object, or lacks a key.
    """
    return read_object(path, UNFILTERED_KEYS)


def read_imbalance(path: Path) -> dict[str, Any]:
    """Read the figures of imbalance, before and after the filter and by split.

    Raises:
        IntegrityError: the file is missing, not a JSON object, or lacks a key.
    """
    return read_object(path, SETS)


def read_coverage(path: Path) -> dict[str, Any]:
    """Read what the split covers.

    Raises:
        IntegrityError: the file is missing, not a JSON object, or lacks a key.
    """
    return read_object(path, COVERAGE_KEYS)
