"""A clustering pass: from one similarity of all pairs to clusters, events and their tables."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.files import sha256_file, write_json
from scripts.common.progress import Progress
from scripts.common.tables import read_table, table_of_rows, write_table
from scripts.common.tsv import write_tsv
from scripts.descriptors.cluster_tables import (
    RESTART_COLUMNS,
    ClusterSettings,
    checkpoint,
    cluster_rows,
    event_rows,
    restart_rows,
)
from scripts.descriptors.clusters import Columns, split_far_members
from scripts.descriptors.communities import METHODS, check_clustering, communities
from scripts.descriptors.matrices import Matrices
from scripts.descriptors.measures import JointSimilarity
from scripts.descriptors.method_comparison import COLUMNS, Clustering, compare_methods
from scripts.descriptors.representatives import ColumnFacts, preference_among
from scripts.descriptors.similarity_graph import Indices, Numbers
from scripts.descriptors.tables import CLUSTERS, EVENTS, STATISTICS

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outputs:
    """Files of a clustering pass."""

    clusters: Path
    events: Path
    methods: Path
    restarts: Path
    checkpoint: Path


def magnitudes(matrices: Matrices, name: str, path: Path) -> Numbers:
    """Return the absolute values of a matrix, at most 1.

    Raises:
        IntegrityError: there is no such matrix, or it is not symmetric.
    """
    remedy = "delete it and run again"
    if name not in matrices.arrays:
        raise IntegrityError(f"{path} has no matrix '{name}'; {remedy}")
    values: NDArray[Any] = matrices.arrays[name]
    if not np.array_equal(values, values.T, equal_nan=True):
        raise IntegrityError(f"{path}: '{name}' is not symmetric; {remedy}")
    return np.minimum(np.abs(values.astype(np.float64)), 1.0)


def explained_shares(matrices: Matrices, path: Path) -> Numbers:
    """Return the shares of variance that columns explain of one another, (p, p) in [0, 1].

    Raises:
        IntegrityError: there is no such matrix.
    """
    if "explained" not in matrices.arrays:
        raise IntegrityError(f"{path} has no matrix 'explained'; delete it and run again")
    return matrices.arrays["explained"].astype(np.float64)


def column_facts(statistics: Path, names: Sequence[str]) -> dict[str, ColumnFacts]:
    """Read what pass 1 says about `names`.

    Raises:
        IntegrityError: a name has no row.
    """
    table = read_table(statistics, STATISTICS, ["name", "missing_ratio", "scaled_variance"])
    facts = {
        row["name"]: ColumnFacts(
            row["missing_ratio"],
            float("nan") if row["scaled_variance"] is None else row["scaled_variance"],
        )
        for row in table.to_pylist()
    }
    lacking = next((name for name in names if name not in facts), None)
    if lacking is not None:
        raise IntegrityError(
            f"{statistics} lacks the descriptor '{lacking}'; delete it and run again"
        )
    return {name: facts[name] for name in names}


def checked_minimum(minimum: float | None, threshold: float) -> float:
    """Return the least similarity to a representative, which is the threshold if not given.

    Raises:
        ConfigError: it is not in [0, 1].
    """
    if minimum is None:
        return threshold
    if not 0 <= minimum <= 1:
        raise ConfigError(
            f"min_representative_similarity {minimum} is not in [0, 1]; give such a number, or "
            "none for the threshold itself"
        )
    return minimum


def cluster_pass(
    names: list[str],
    joint: JointSimilarity,
    statistics: Mapping[str, ColumnFacts],
    settings: ClusterSettings,
    outputs: Outputs,
    *,
    further_settings: dict[str, Any],
    matrix: dict[str, Any],
    code_hash: str,
) -> None:
    """Cluster by all methods and write what the chosen one gives.

    Args:
        names: (p,) descriptors, sorted.
        joint: their similarity.
        statistics: facts of every descriptor.
        settings: settings that both passes share.
        outputs: files to write.
        further_settings: the pass' own settings, for the checkpoint.
        matrix: what the matrices' file says of itself, and its SHA-256.
        code_hash: version of the step's code.
    """
    check_clustering(joint.threshold, settings.method, settings.resolution_ratio, settings.restarts)
    preference = preference_among(names, force_keep=settings.force_keep, prefer=settings.prefer)
    columns = Columns(names, joint.similarity, statistics, preference, joint.explained)
    label = f"pass {settings.pass_number}: clustering"
    progress = Progress(label, total=len(METHODS), unit="methods", every_seconds=0.0)
    found: dict[str, Clustering] = {}
    for method in METHODS:
        started = time.monotonic()
        found[method] = clustering_of(columns, joint.threshold, method, settings)
        partition, clusters = found[method]
        _logger.info(
            "%s: %d clusters, %d survivors, %.2f s",
            method,
            int(partition.labels.max(initial=-1)) + 1,
            len(clusters),
            time.monotonic() - started,
        )
        progress.advance(1)
    clusters = found[settings.method][1]
    leiden = found["leiden"][0]
    # Where another method decides, Leiden is only compared with it.
    if settings.method == "leiden" and not leiden.settled:
        _logger.warning(
            "Leiden's best quality did not come back often enough in %d restarts; raise `restarts`",
            len(leiden.restarts),
        )
    write_table(outputs.clusters, table_of_rows(cluster_rows(clusters), CLUSTERS), CLUSTERS)
    events = event_rows(clusters, names, joint, settings.pass_number)
    write_table(outputs.events, table_of_rows(events, EVENTS), EVENTS)
    comparison = compare_methods(columns, found, threshold=joint.threshold, chosen=settings.method)
    write_tsv(outputs.methods, COLUMNS, comparison)
    write_tsv(outputs.restarts, RESTART_COLUMNS, restart_rows(leiden.restarts))
    write_json(
        outputs.checkpoint,
        checkpoint(
            clusters,
            columns=columns,
            joint=joint,
            leiden=leiden,
            settings=settings,
            further_settings=further_settings,
            matrix=matrix,
            code_hash=code_hash,
        ),
    )
    progress.finish()


def clustering_of(
    columns: Columns, threshold: float, method: str, settings: ClusterSettings
) -> Clustering:
    """Return what a method finds, and what becomes of it once far members have left."""

    def partition_of(similarity: Numbers, names: list[str]) -> Indices:
        return communities(
            similarity,
            names,
            threshold,
            method,
            resolution_ratio=settings.resolution_ratio,
            restarts=settings.restarts,
            seed=settings.seed,
        ).labels

    partition = communities(
        columns.similarity,
        columns.names,
        threshold,
        method,
        resolution_ratio=settings.resolution_ratio,
        restarts=settings.restarts,
        seed=settings.seed,
    )
    minimum = settings.min_representative_similarity
    return partition, split_far_members(columns, partition.labels, minimum, partition_of)


def description_of_matrix(matrices: Matrices, path: Path) -> dict[str, Any]:
    """Return what a matrices' file says of itself, and its SHA-256.

    Raises:
        IntegrityError: it does not say how many rows it was made from.
    """
    if "rows" not in matrices.facts:
        raise IntegrityError(f"{path} does not state its rows; delete it and run again")
    return {**matrices.facts, "sha256": sha256_file(path)}
