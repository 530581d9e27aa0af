"""Clusters descriptors that are rank-correlated, and keeps one of each cluster (pass 2).

In: Spearman's ρ of all pairs, the statistics of pass 1. Out: clusters, one removal event per
removed descriptor with its representative as heir, the three clustering methods side by side, the
restarts of Leiden, and the checkpoint. Edge: |ρ| ≥ the threshold. A member whose |ρ| to its
representative is below the minimum leaves and is clustered again.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.descriptors.cluster_pass import (
    Outputs,
    checked_minimum,
    cluster_pass,
    column_facts,
    description_of_matrix,
    magnitudes,
)
from scripts.descriptors.cluster_tables import ClusterSettings
from scripts.descriptors.matrices import read_matrices
from scripts.descriptors.measures import Measure, joint_similarity


def run(
    correlation: Path,
    statistics: Path,
    clusters: Path,
    events: Path,
    methods: Path,
    restarts_table: Path,
    checkpoint: Path,
    *,
    spearman_threshold: float,
    method: str,
    min_representative_similarity: float | None,
    resolution_ratio: float,
    restarts: int,
    force_keep: list[str],
    prefer: list[str],
    seed: int,
    code_hash: str,
) -> None:
    """Cluster by Spearman's ρ.

    Args:
        correlation: matrices of pass 2, with "spearman".
        statistics: statistics of pass 1.
        clusters: where the clusters go.
        events: where the removal events go.
        methods: TSV of the three methods side by side.
        restarts_table: TSV of Leiden's restarts.
        checkpoint: JSON with settings, counts and clusters.
        spearman_threshold: least |ρ| of an edge, in (0, 1].
        method: "leiden", "complete" or "components".
        min_representative_similarity: least |ρ| of a member to its representative; None for the
            threshold itself.
        resolution_ratio: Leiden's resolution as a share of the threshold, in (0, 1).
        restarts: most runs of Leiden.
        force_keep: names or patterns of descriptors that are never removed.
        prefer: names or patterns of descriptors that win as representatives, in this order.
        seed: seed of the run.
        code_hash: version of this step's code.
    """
    matrices = read_matrices(correlation)
    rho = magnitudes(matrices, "spearman", correlation)
    joint = joint_similarity([Measure("spearman", rho, spearman_threshold)])
    cluster_pass(
        matrices.names,
        joint,
        column_facts(statistics, matrices.names),
        ClusterSettings(
            pass_number=2,
            method=method,
            min_representative_similarity=checked_minimum(
                min_representative_similarity, joint.threshold
            ),
            resolution_ratio=resolution_ratio,
            restarts=restarts,
            seed=seed,
            force_keep=tuple(force_keep),
            prefer=tuple(prefer),
        ),
        Outputs(clusters, events, methods, restarts_table, checkpoint),
        further_settings={"spearman_threshold": spearman_threshold},
        matrix=description_of_matrix(matrices, correlation),
        code_hash=code_hash,
    )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
