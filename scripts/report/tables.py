"""The tables that the report reads: their columns, and readers that check them."""

import csv
import dataclasses
import math
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from scripts.common.errors import IntegrityError
from scripts.common.files import read_json

KEPT = "kept"
DOCUMENT_QUANTITIES = (
    "characters",
    "sentence_marks",
    "hangul_ratio",
    "symbol_ratio",
    "nnp_ratio",
)
DISTANCE = "distance"
TOKENS = "tokens"
SUMMARY_KEYS = ("documents", "seed", "versions", "code", "data_sha256")


@dataclasses.dataclass(frozen=True)
class FunnelRow:
    """Documents of one source that met one fate in the selection of one dataset."""

    dataset: str
    source: str
    outcome: str
    documents: int


@dataclasses.dataclass(frozen=True)
class HistogramRow:
    """One bin, low <= value < high, of one quantity in one group (a source or a dataset)."""

    quantity: str
    group: str
    low: float
    high: float
    count: int


@dataclasses.dataclass(frozen=True)
class ThresholdRow:
    """The limits that a dataset sets on a quantity; None where there is no limit."""

    dataset: str
    quantity: str
    low: float | None
    high: float | None


@dataclasses.dataclass(frozen=True)
class EntityRow:
    """One of the most frequent entities of a dataset, in training samples."""

    dataset: str
    rank: int
    entity: str
    samples_before_cap: int
    samples_after_cap: int


@dataclasses.dataclass(frozen=True)
class DatasetRow:
    """One split of a dataset; None where a column does not apply."""

    dataset: str
    split: str
    rows: int | None
    documents: int | None
    entities: int | None
    tokens: int | None
    mean_tokens: float | None
    bound_share: float | None
    fused_with_particle_share: float | None
    packing_efficiency: float | None
    path: str | None


Row = TypeVar("Row", FunnelRow, HistogramRow, ThresholdRow, EntityRow, DatasetRow)


def columns_of(row_type: type[Any]) -> tuple[str, ...]:
    """Return the columns of a table in order."""
    return tuple(field.name for field in dataclasses.fields(row_type))


FUNNEL_COLUMNS = columns_of(FunnelRow)
HISTOGRAM_COLUMNS = columns_of(HistogramRow)
THRESHOLD_COLUMNS = columns_of(ThresholdRow)
ENTITY_COLUMNS = columns_of(EntityRow)
DATASET_COLUMNS = columns_of(DatasetRow)


def _read_rows(path: Path, row_type: type[Row]) -> list[Row]:
    """Read a tab-separated table (UTF-8, header) and check its columns and values."""
    # ASSUME cells with a tab, a quote or a line end are quoted, as the csv module does.
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            lines = list(csv.reader(stream, delimiter="\t"))
    except FileNotFoundError:
        raise IntegrityError(f"{path} is missing; run the step that makes it again") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise IntegrityError(
            f"{path} is not a UTF-8 table ({error}); delete it and run again"
        ) from error
    header = lines[0] if lines else []
    for column in columns_of(row_type):
        if column not in header:
            raise IntegrityError(
                f"{path} has no column '{column}'; run the step that makes it again"
            )
    return [
        _parse_row(path, number, dict(zip(header, cells, strict=False)), row_type)
        for number, cells in enumerate(lines[1:], start=2)
        if _has_every_cell(path, number, cells, header)
    ]


def _has_every_cell(path: Path, number: int, cells: list[str], header: list[str]) -> bool:
    if len(cells) != len(header):
        raise IntegrityError(
            f"{path} row {number} has {len(cells)} cells in place of {len(header)}; "
            "delete it and run again"
        )
    return True


def _parse_row(path: Path, number: int, cells: dict[str, str], row_type: type[Row]) -> Row:
    hints = typing.get_type_hints(row_type)
    values: dict[str, Any] = {}
    for column, hint in hints.items():
        try:
            values[column] = _parse_cell(cells[column], hint)
        except ValueError as error:
            raise IntegrityError(
                f"{path} row {number} column '{column}': {error}; run the step that makes it again"
            ) from error
    return row_type(**values)


def _parse_cell(text: str, hint: Any) -> Any:
    """Convert a cell; counts and measures are finite and not negative.

    Raises:
        ValueError: the cell does not fit its column.
    """
    if isinstance(hint, types.UnionType):
        if text == "":
            return None
        (hint,) = (option for option in typing.get_args(hint) if option is not type(None))
    if hint is str:
        return text
    value = hint(text)
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"'{text}' is not a finite number of at least 0")
    return value


def _refuse_repeats(path: Path, keys: list[tuple[str, ...]]) -> None:
    seen: set[tuple[str, ...]] = set()
    for key in keys:
        if key in seen:
            raise IntegrityError(
                f"{path} holds {' / '.join(key)} twice; run the step that makes it again"
            )
        seen.add(key)


def read_funnel(path: Path) -> list[FunnelRow]:
    """Read the fates of all documents, in the table's order.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a fate stands twice.
    """
    rows = _read_rows(path, FunnelRow)
    _refuse_repeats(path, [(row.dataset, row.source, row.outcome) for row in rows])
    return rows


def read_histograms(path: Path) -> list[HistogramRow]:
    """Read the bins of all distributions.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a bin has no width.
    """
    rows = _read_rows(path, HistogramRow)
    for number, row in enumerate(rows, start=2):
        if row.low >= row.high:
            raise IntegrityError(
                f"{path} row {number} column 'high': {row.high:g} is not above low {row.low:g}; "
                "run the step that makes it again"
            )
    _refuse_repeats(path, [(row.quantity, row.group, f"{row.low:g}") for row in rows])
    return rows


def read_thresholds(path: Path) -> list[ThresholdRow]:
    """Read the limits of selection.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a limit stands twice.
    """
    rows = _read_rows(path, ThresholdRow)
    _refuse_repeats(path, [(row.dataset, row.quantity) for row in rows])
    return rows


def read_entities(path: Path) -> list[EntityRow]:
    """Read the most frequent entities, by rank within each dataset.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a rank stands twice.
    """
    rows = _read_rows(path, EntityRow)
    _refuse_repeats(path, [(row.dataset, str(row.rank)) for row in rows])
    return rows


def read_datasets(path: Path) -> list[DatasetRow]:
    """Read the sizes of the datasets' splits.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a split stands twice.
    """
    rows = _read_rows(path, DatasetRow)
    _refuse_repeats(path, [(row.dataset, row.split) for row in rows])
    return rows


def read_summary(path: Path) -> dict[str, Any]:
    """Read the run's summary; keys beyond `SUMMARY_KEYS` are allowed.

    Raises:
        IntegrityError: the file is missing, not a JSON object, or lacks a key.
    """
    summary = read_json(path)
    if not isinstance(summary, dict):
        raise IntegrityError(f"{path} is not a JSON object; run the step that makes it again")
    for key in SUMMARY_KEYS:
        if key not in summary:
            raise IntegrityError(f"{path} has no key '{key}'; run the step that makes it again")
    return summary
