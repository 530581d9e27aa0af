"""The descriptors track's tables: their columns, and readers that check them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scripts.common.errors import IntegrityError
from scripts.common.json_objects import read_object
from scripts.common.tables import read_table
from scripts.report.tables import columns_of, read_distinct_rows

SUMMARY_KEYS = (
    *("items", "molecules", "columns", "descriptors", "left", "removed", "fates"),
    *("survivors", "alternatives", "rejects", "with_alternatives", "standalone"),
    *("weak_heirs", "weak_alternatives", "cluster_sizes", "method", "clusterings", "leiden"),
    *("correlation", "nearest_survivors", "heatmap", "vif", "pairs", "null", "settings"),
    *("seed", "versions", "code", "code_of_passes", "data_sha256"),
)


@dataclass(frozen=True)
class StageRow:
    """Columns that are left after a stage: "table", "descriptors", "pass1" to "pass4"."""

    stage: str
    left: int
    removed: int


@dataclass(frozen=True)
class ReasonRow:
    """Rejects of pass 1 with one reason, the limit, and a few of their names."""

    reason: str
    descriptors: int
    threshold: float | None
    examples: str


@dataclass(frozen=True)
class SizeRow:
    """Clusters of one size, the survivor counted."""

    size: int
    clusters: int


@dataclass(frozen=True)
class SurvivorRow:
    """A survivor, what stands behind it by pass, and its nearest alternatives."""

    survivor: str
    cluster_size: int
    pass2: int
    pass3: int
    pass4: int
    nearest: str
    least_similarity: float | None
    weak: str


@dataclass(frozen=True)
class MemberRow:
    """An alternative of one of the largest clusters; `measure` says what its similarity is."""

    survivor: str
    member: str
    pass_number: int
    similarity: float | None
    measure: str
    weak: str


@dataclass(frozen=True)
class WeakRow:
    """A removal whose heir is a poor stand-in."""

    removed: str
    pass_number: int
    statistic: str
    value: float | None
    heir: str
    similarity: float | None
    survivor: str
    similarity_to_survivor: float | None
    measure: str


@dataclass(frozen=True)
class ClusteringRow:
    """One method of clustering in pass 2 or 4, before and after far members left."""

    pass_number: int
    method: str
    chosen: str
    clusters: int
    largest_cluster: int
    smallest_inner_similarity: float | None
    undefined_inner_pairs: int
    members_below_threshold: int
    quality: float
    survivors: int
    largest_after_split: int


@dataclass(frozen=True)
class SensitivityRow:
    """What pass 3 comes to with another matrix or eigenvalue floor."""

    matrix: str
    eigenvalue_floor: float
    chosen: str
    survivors: int
    removed: int
    weak_heirs: int
    jaccard_to_chosen: float
    smallest_eigenvalue: float
    raised_eigenvalues: int


STAGE_COLUMNS = columns_of(StageRow)
REASON_COLUMNS = columns_of(ReasonRow)
SIZE_COLUMNS = columns_of(SizeRow)
SURVIVOR_COLUMNS = columns_of(SurvivorRow)
MEMBER_COLUMNS = columns_of(MemberRow)
WEAK_COLUMNS = columns_of(WeakRow)
CLUSTERING_COLUMNS = columns_of(ClusteringRow)
SENSITIVITY_COLUMNS = columns_of(SensitivityRow)

# As the track writes them; a test holds them equal to the track's own schemas.
HEATMAP_SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("survivor", pa.string()),
        ("representative", pa.string()),
        ("values", pa.list_(pa.float32())),
    ]
)
PAIRS_SCHEMA = pa.schema(
    [
        ("first", pa.string()),
        ("second", pa.string()),
        ("spearman", pa.float64()),
        ("nhsic", pa.float64()),
        ("rdc", pa.float64()),
        ("fusion", pa.float64()),
        ("edge", pa.bool_()),
    ]
)
PATH_SCHEMA = pa.schema(
    [
        ("step", pa.int32()),
        ("removed", pa.string()),
        ("vif", pa.float64()),
        ("heir", pa.string()),
        ("similarity", pa.float64()),
        ("remaining", pa.int32()),
    ]
)


@dataclass(frozen=True)
class Heatmap:
    """|ρ| among descriptors, members of a cluster side by side.

    Attributes:
        survivors: (p,) the survivor behind which each stands.
        values: (p, p) |ρ|, NaN where undefined.
    """

    survivors: list[str]
    values: NDArray[np.float32]


@dataclass(frozen=True)
class PairColumns:
    """Pairs of pass 4, the most dependent first; NaN where undefined.

    Attributes:
        spearman, nhsic, rdc: (n,) in [0, 1].
        edge: (n,) whether a measure reaches its threshold.
    """

    spearman: NDArray[np.float64]
    nhsic: NDArray[np.float64]
    rdc: NDArray[np.float64]
    edge: NDArray[np.bool_]


@dataclass(frozen=True)
class VifPath:
    """Steps of pass 3 in order.

    Attributes:
        factors: (n,) variance inflation factor of what was removed.
        similarities: (n,) absolute correlation with its heir.
    """

    factors: NDArray[np.float64]
    similarities: NDArray[np.float64]


def read_stages(path: Path) -> list[StageRow]:
    """Read the columns left after each stage.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a stage stands twice.
    """
    return read_distinct_rows(path, StageRow, lambda row: (row.stage,))


def read_reasons(path: Path) -> list[ReasonRow]:
    """Read the rejects of pass 1 by reason.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a reason stands twice.
    """
    return read_distinct_rows(path, ReasonRow, lambda row: (row.reason,))


def read_sizes(path: Path) -> list[SizeRow]:
    """Read the clusters by size.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a size stands twice.
    """
    return read_distinct_rows(path, SizeRow, lambda row: (str(row.size),))


def read_survivors(path: Path) -> list[SurvivorRow]:
    """Read the survivors, largest clusters first.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or one stands twice.
    """
    return read_distinct_rows(path, SurvivorRow, lambda row: (row.survivor,))


def read_members(path: Path) -> list[MemberRow]:
    """Read the alternatives of the largest clusters.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or one stands twice.
    """
    return read_distinct_rows(path, MemberRow, lambda row: (row.member,))


def read_weak(path: Path) -> list[WeakRow]:
    """Read the removals with a poor heir, the poorest first.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or one stands twice.
    """
    return read_distinct_rows(path, WeakRow, lambda row: (row.removed,))


def read_clusterings(path: Path) -> list[ClusteringRow]:
    """Read the comparison of the methods of clustering.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or one stands twice.
    """
    return read_distinct_rows(
        path,
        ClusteringRow,
        lambda row: (str(row.pass_number), row.method),
        signed=frozenset({"quality"}),
    )


def read_sensitivity(path: Path) -> list[SensitivityRow]:
    """Read what pass 3 comes to with other settings.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or one stands twice.
    """
    return read_distinct_rows(
        path,
        SensitivityRow,
        lambda row: (row.matrix, f"{row.eigenvalue_floor:g}"),
        signed=frozenset({"smallest_eigenvalue"}),
    )


def read_heatmap(path: Path) -> Heatmap:
    """Read the map of |ρ|.

    Raises:
        IntegrityError: the file is missing or has other columns, or a row has another length.
    """
    table = read_table(path, HEATMAP_SCHEMA)
    rows = table["values"].to_pylist()
    if any(len(row) != len(rows) for row in rows):
        raise IntegrityError(f"{path} is no square map; delete it and run again")
    values = np.array(rows, dtype=np.float32).reshape(len(rows), len(rows))
    return Heatmap(table["survivor"].to_pylist(), values)


def read_pairs(path: Path) -> PairColumns:
    """Read the pairs of pass 4.

    Raises:
        IntegrityError: the file is missing or has other columns.
    """
    table = read_table(path, PAIRS_SCHEMA, ["spearman", "nhsic", "rdc", "edge"])
    numbers = {name: _floats(table, name) for name in ("spearman", "nhsic", "rdc")}
    return PairColumns(**numbers, edge=np.array(table["edge"].to_pylist(), dtype=bool))


def read_path(path: Path) -> VifPath:
    """Read the steps of pass 3.

    Raises:
        IntegrityError: the file is missing or has other columns.
    """
    table = read_table(path, PATH_SCHEMA, ["vif", "similarity"])
    return VifPath(_floats(table, "vif"), _floats(table, "similarity"))


def _floats(table: pa.Table, name: str) -> NDArray[np.float64]:
    return np.array(table[name].to_pylist(), dtype=np.float64)


def read_descriptors_summary(path: Path) -> dict[str, Any]:
    """Read the track's summary; keys beyond `SUMMARY_KEYS` are allowed.

    Raises:
        IntegrityError: the file is missing, not a JSON object, or lacks a key.
    """
    return read_object(path, SUMMARY_KEYS)
