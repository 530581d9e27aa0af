"""The retrieval track's tables: their columns, and readers that check them.

Sessions and models go by number; model -1 is one that no session changes, or the encoder before
the first session.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.common.errors import IntegrityError
from scripts.common.json_objects import read_object, require_keys
from scripts.report.tables import column, read_distinct_rows

SUMMARY_KEYS = (
    *("documents", "sessions", "untested", "measure", "reference", "methods", "verdicts", "pairs"),
    *("searched", "bootstrap", "streams", "versions", "code", "data_sha256"),
)
METHOD_KEYS = ("settings", "seeds", "effort", "figures")
SESSION_KEYS = ("name", "data", "scored", "without_answer", "without_words")
_ENDS = frozenset({"value", "low", "high"})


@dataclass(frozen=True)
class MatrixRow:
    """A[model, test]: what a method's model after a session scores on a session's test queries."""

    method: str
    collection: str
    mode: str
    measure: str
    model: int
    test: int
    seeds: int
    queries: int
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class TransferRow:
    """A figure of a method as of a session: mean over seeds with interval."""

    method: str
    collection: str
    mode: str
    measure: str
    figure: str
    session: int
    seeds: int
    queries: int
    value: float
    sd: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ComparisonRow:
    """A method minus the reference in a figure, as of the last session."""

    method: str
    reference: str
    collection: str
    mode: str
    measure: str
    figure: str
    queries: int
    value: float
    reference_value: float
    difference: float
    low: float | None
    high: float | None
    smallest_detectable: float | None
    verdict: str
    equal: str


@dataclass(frozen=True)
class CohesionRow:
    """How well the clusters of a memory hold together; None where undefined."""

    method: str
    seed: int
    session: int
    documents: int
    clusters: int
    within: float | None
    silhouette: float | None
    davies_bouldin: float | None
    dunn: float | None
    wcss: float | None
    calinski_harabasz: float | None
    purity: float | None


@dataclass(frozen=True)
class MemoryRow:
    """What a stream's memory held after a session, and the pairs that were sampled from it.

    Attributes:
        limit: documents of earlier sessions that it may carry over at most.
        carried: documents that it carried over; `held` are those and the session's own.
        carried_bytes: texts carried over and prototypes.
        clusters: after the session; None where no method has any.
        false_negatives: answers among the `judged` ones of the sampled negatives.
    """

    method: str
    seed: int
    session: int
    limit: int = column("memory_docs")
    carried: int = column("documents.carried")
    held: int = column("documents.held")
    carried_bytes: int = column("bytes.carried")
    queries: int = column("queries.held")
    clusters: int | None = column("clusters.after", optional=True)
    opened: int | None = column("clusters.opened", optional=True)
    merged: int | None = column("clusters.merged", optional=True)
    dropped: int | None = column("clusters.dropped", optional=True)
    pairs: int = column("pairs.pairs")
    without_negatives: int | None = column("pairs.without_negatives", optional=True)
    fewer_negatives: int | None = column("pairs.with_fewer_negatives", optional=True)
    sampled: int = column("pairs.negatives.sampled")
    judged: int = column("pairs.negatives.judged")
    false_negatives: int = column("pairs.negatives.false")
    positives_judged: int = column("pairs.positives.judged")
    positives_right: int = column("pairs.positives.right")


@dataclass(frozen=True)
class ShareRow:
    """A domain's documents and queries in a session; an empty name stands for no domain."""

    session: int
    name: str
    domain: str
    documents: int
    train: int
    test: int
    document_share: float | None
    query_share: float | None
    test_share: float | None


def read_matrix(path: Path) -> list[MatrixRow]:
    """Read the matrix.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or an entry stands twice.
    """
    return read_distinct_rows(
        path,
        MatrixRow,
        lambda row: (
            *(row.method, row.collection, row.mode, row.measure),
            *(str(row.model), str(row.test)),
        ),
        signed=_ENDS | {"model"},
    )


def read_transfer(path: Path) -> list[TransferRow]:
    """Read average, forgetting and transfer as of every session.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a figure stands twice.
    """
    return read_distinct_rows(
        path,
        TransferRow,
        lambda row: (
            *(row.method, row.collection, row.mode, row.measure),
            *(row.figure, str(row.session)),
        ),
        signed=_ENDS,
    )


def read_comparison(path: Path) -> list[ComparisonRow]:
    """Read the differences to the reference.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or one stands twice.
    """
    return read_distinct_rows(
        path,
        ComparisonRow,
        lambda row: (row.method, row.collection, row.mode, row.measure, row.figure),
        signed=_ENDS | {"reference_value", "difference"},
    )


def read_cohesion(path: Path) -> list[CohesionRow]:
    """Read the cohesion of every memory that has clusters; none where no method has a memory.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or one stands twice.
    """
    if _holds_no_memory(path):
        return []
    return read_distinct_rows(
        path,
        CohesionRow,
        lambda row: (row.method, str(row.seed), str(row.session)),
        signed=frozenset({"silhouette"}),
    )


def read_memory(path: Path) -> list[MemoryRow]:
    """Read what every memory held; nothing where no method has one.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or one stands twice.
    """
    if _holds_no_memory(path):
        return []
    return read_distinct_rows(
        path, MemoryRow, lambda row: (row.method, str(row.seed), str(row.session))
    )


def _holds_no_memory(path: Path) -> bool:
    """Whether a table has no row, and so none of the columns that the memories' reports name."""
    return path.is_file() and path.read_bytes() == b"method\tseed\tsession\n"


def read_shares(path: Path) -> list[ShareRow]:
    """Read the shares of the domains by session.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or one stands twice.
    """
    return read_distinct_rows(path, ShareRow, lambda row: (str(row.session), row.domain))


def read_retrieval_summary(path: Path) -> dict[str, Any]:
    """Read the comparison's summary.

    Raises:
        IntegrityError: the file is missing, not a JSON object, lacks a key, or the reference is
            none of its methods.
    """
    summary = read_object(path, SUMMARY_KEYS)
    for method in summary["methods"].values():
        require_keys(path, method, METHOD_KEYS)
    for session in summary["sessions"]:
        require_keys(path, session, SESSION_KEYS)
    if summary["reference"] not in summary["methods"]:
        raise IntegrityError(
            f"{path} has no method {summary['reference']!r}, its own reference; run the step that "
            "makes it again"
        )
    return summary
