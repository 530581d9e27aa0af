"""The tables that the report reads: their columns, and readers that check them."""

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from scripts.common.errors import IntegrityError
from scripts.common.files import read_json
from scripts.common.tsv import read_tsv

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
_ITS_STEP = "the step that makes it"
SUMMARY_KEYS = ("seed", "versions", "code", "data_sha256")
COUNTED = ("documents", "items")  # of which a summary states at least one


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


@dataclasses.dataclass(frozen=True)
class FilterCostRow:
    """What one check costs a dataset among the documents of one source.

    Attributes:
        limit: the dataset's threshold, None where it has none.
        documents: documents whose attribute was measured.
        failing: those that fail the check.
        first: those that fail it and pass all checks before it.
        alone: documents that fail this check and no other.
        unknown: documents that fail no other cheap check and were not analysed.
    """

    dataset: str
    source: str
    check: str
    limit: float | None
    documents: int
    failing: int
    first: int
    alone: int
    unknown: int


@dataclasses.dataclass(frozen=True)
class SampleRow:
    """Samples of a dataset, all splits, whose document comes from one source."""

    dataset: str
    source: str
    samples: int


@dataclasses.dataclass(frozen=True)
class PronounRow:
    """Documents of one source with so many pronouns that pass every other check."""

    dataset: str
    source: str
    pronouns: int
    documents: int


@dataclasses.dataclass(frozen=True)
class CeilingRow:
    """The character ceiling of a length, and how it follows from tokens per character.

    Attributes:
        sample_documents: documents on which tokens per character were measured.
        tokens_per_character_low, tokens_per_character_high: 95 % interval of the mean.
        ceiling: characters of a document at most, as in force.
        measured_ceiling: characters that fill the length on average.
        documents: documents that pass all checks with the ceiling in force.
        bound_share: training rows whose document the length cut, None without rows.
        published_tokens: tokens of a document of `published_ceiling` characters on average.
        published_documents: documents that would pass with the published ceiling.
    """

    dataset: str
    length: int
    sample_documents: int
    tokens_per_character: float
    tokens_per_character_low: float
    tokens_per_character_high: float
    ceiling: int
    measured_ceiling: int
    documents: int
    bound_share: float | None
    published_ceiling: int
    published_tokens: float
    published_documents: int


Row = TypeVar("Row")


def column(name: str, *, optional: bool = False) -> Any:
    """Return a field of a row whose column has another name, or which a table may lack.

    Args:
        name: of the column.
        optional: whether a table without the column has None in every row.
    """
    return dataclasses.field(metadata={"column": name, "optional": optional})


def _fields(row_type: type[Any]) -> dict[str, tuple[str, bool]]:
    """Return (column, whether a table may lack it) by field."""
    return {
        field.name: (
            field.metadata.get("column", field.name),
            field.metadata.get("optional", False),
        )
        for field in dataclasses.fields(row_type)
    }


def columns_of(row_type: type[Any]) -> tuple[str, ...]:
    """Return the columns of a table in order."""
    return tuple(name for name, _ in _fields(row_type).values())


FUNNEL_COLUMNS = columns_of(FunnelRow)
HISTOGRAM_COLUMNS = columns_of(HistogramRow)
THRESHOLD_COLUMNS = columns_of(ThresholdRow)
ENTITY_COLUMNS = columns_of(EntityRow)
DATASET_COLUMNS = columns_of(DatasetRow)
FILTER_COST_COLUMNS = columns_of(FilterCostRow)
SAMPLE_COLUMNS = columns_of(SampleRow)
PRONOUN_COLUMNS = columns_of(PronounRow)
CEILING_COLUMNS = columns_of(CeilingRow)


def read_rows(
    path: Path, row_type: type[Row], *, signed: frozenset[str] = frozenset()
) -> list[Row]:
    """Read a tab-separated table (UTF-8, header) and check its columns and values.

    Args:
        path: the table.
        row_type: a dataclass whose fields are the columns, under their names or as `column` says.
        signed: columns whose numbers may be negative.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong.
    """
    # ASSUME cells with a tab, a quote or a line end are quoted, as the csv module does.
    header, rows = read_tsv(path)
    for name, optional in _fields(row_type).values():
        if name not in header and not optional:
            raise IntegrityError(f"{path} has no column '{name}'; run the step that makes it again")
    return [
        _parse_row(path, number, dict(zip(header, cells, strict=True)), row_type, signed)
        for number, cells in enumerate(rows, start=2)
    ]


def _parse_row(
    path: Path,
    number: int,
    cells: dict[str, str],
    row_type: type[Row],
    signed: frozenset[str],
) -> Row:
    hints = typing.get_type_hints(row_type)
    values: dict[str, Any] = {}
    for field, (name, _) in _fields(row_type).items():
        try:
            values[field] = _parse_cell(cells.get(name, ""), hints[field], signed=name in signed)
        except ValueError as error:
            raise IntegrityError(
                f"{path} row {number} column '{name}': {error}; run the step that makes it again"
            ) from error
    make: Callable[..., Row] = row_type
    return make(**values)


def _parse_cell(text: str, hint: Any, *, signed: bool) -> Any:
    """Convert a cell; counts and measures are finite and, unless `signed`, not negative.

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
    if not math.isfinite(value) or (value < 0 and not signed):
        wanted = "a finite number" if signed else "a finite number of at least 0"
        raise ValueError(f"'{text}' is not {wanted}")
    return value


def read_distinct_rows(
    path: Path,
    row_type: type[Row],
    key: Callable[[Row], tuple[str, ...]],
    *,
    signed: frozenset[str] = frozenset(),
) -> list[Row]:
    """Read a table as `read_rows` does, in which no key may stand twice.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a key stands twice.
    """
    rows = read_rows(path, row_type, signed=signed)
    refuse_repeats(path, [key(row) for row in rows])
    return rows


def refuse_repeats(path: Path, keys: list[tuple[str, ...]]) -> None:
    """Refuse a table in which a key stands twice.

    Raises:
        IntegrityError: names the file and the key.
    """
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
    return read_distinct_rows(path, FunnelRow, lambda row: (row.dataset, row.source, row.outcome))


def read_histograms(path: Path) -> list[HistogramRow]:
    """Read the bins of all distributions.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a bin has no width.
    """
    rows = read_rows(path, HistogramRow)
    for number, row in enumerate(rows, start=2):
        if row.low >= row.high:
            raise IntegrityError(
                f"{path} row {number} column 'high': {row.high:g} is not above low {row.low:g}; "
                "run the step that makes it again"
            )
    refuse_repeats(path, [(row.quantity, row.group, f"{row.low:g}") for row in rows])
    return rows


def read_thresholds(path: Path) -> list[ThresholdRow]:
    """Read the limits of selection.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a limit stands twice.
    """
    return read_distinct_rows(path, ThresholdRow, lambda row: (row.dataset, row.quantity))


def read_entities(path: Path) -> list[EntityRow]:
    """Read the most frequent entities, by rank within each dataset.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a rank stands twice.
    """
    return read_distinct_rows(path, EntityRow, lambda row: (row.dataset, str(row.rank)))


def read_datasets(path: Path) -> list[DatasetRow]:
    """Read the sizes of the datasets' splits.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a split stands twice.
    """
    return read_distinct_rows(path, DatasetRow, lambda row: (row.dataset, row.split))


def read_filter_costs(path: Path) -> list[FilterCostRow]:
    """Read what each check costs.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a check stands twice.
    """
    return read_distinct_rows(path, FilterCostRow, lambda row: (row.dataset, row.source, row.check))


def read_samples(path: Path) -> list[SampleRow]:
    """Read the samples of each source.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a source stands twice.
    """
    return read_distinct_rows(path, SampleRow, lambda row: (row.dataset, row.source))


def read_pronouns(path: Path) -> list[PronounRow]:
    """Read the documents by number of pronouns.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a number stands twice.
    """
    return read_distinct_rows(
        path, PronounRow, lambda row: (row.dataset, row.source, str(row.pronouns))
    )


def read_ceilings(path: Path) -> list[CeilingRow]:
    """Read the character ceilings.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a set stands twice.
    """
    return read_distinct_rows(path, CeilingRow, lambda row: (row.dataset,))


def read_summary(path: Path) -> dict[str, Any]:
    """Read the run's summary; keys beyond those that all tracks state are allowed.

    Raises:
        IntegrityError: the file is missing, not a JSON object, or lacks a key.
    """
    summary = read_object(path, ())
    counted = [] if summary.keys() & set(COUNTED) else [COUNTED[0]]
    require_keys(path, summary, [*counted, *SUMMARY_KEYS])
    return summary


def read_object(path: Path, keys: Sequence[str], *, step: str = _ITS_STEP) -> dict[str, Any]:
    """Read a JSON object that has these keys, and maybe others.

    Args:
        path: the file.
        keys: keys that it must have.
        step: the step that makes it, for the message.

    Raises:
        IntegrityError: the file is missing, not a JSON object, or lacks a key.
    """
    found = read_json(path)
    if not isinstance(found, dict):
        raise IntegrityError(f"{path} is not a JSON object; run {step} again")
    require_keys(path, found, keys, step=step)
    return found


def require_keys(
    path: Path, found: Mapping[str, Any], keys: Sequence[str], *, step: str = _ITS_STEP
) -> None:
    """Refuse an object that lacks a key.

    Raises:
        IntegrityError: names the file and the first key that is lacking.
    """
    for key in keys:
        if key not in found:
            raise IntegrityError(f"{path} has no key '{key}'; run {step} again")
