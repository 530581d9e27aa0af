"""The corpus track's tables that the report reads: their columns, and readers that check them."""

import dataclasses
from pathlib import Path

from scripts.common.errors import IntegrityError
from scripts.report.tables import columns_of, read_distinct_rows, read_rows, refuse_repeats

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


FUNNEL_COLUMNS = columns_of(FunnelRow)
HISTOGRAM_COLUMNS = columns_of(HistogramRow)
THRESHOLD_COLUMNS = columns_of(ThresholdRow)
ENTITY_COLUMNS = columns_of(EntityRow)
DATASET_COLUMNS = columns_of(DatasetRow)
FILTER_COST_COLUMNS = columns_of(FilterCostRow)
SAMPLE_COLUMNS = columns_of(SampleRow)
PRONOUN_COLUMNS = columns_of(PronounRow)
CEILING_COLUMNS = columns_of(CeilingRow)


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
