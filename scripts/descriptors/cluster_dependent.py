"""Clusters descriptors that depend on one another in any form, and keeps one of each (pass 4).

In: nHSIC and RDC of all pairs, the statistics of pass 1. Out: clusters, one removal event per
removed descriptor with its representative as heir, the three clustering methods side by side, the
restarts of Leiden, and the checkpoint. Edge: nHSIC reaches its own threshold, or RDC its own where
one column also explains enough of the other, or by option their weighted sum reaches one threshold.
An event is weak where the heir explains too little of what is removed. How the measures become one
similarity stands in `scripts/descriptors/measures.py`; an event states the measure that made its
edge, with the value and threshold of that measure, and the similarity on the joint scale.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.common.errors import ConfigError
from scripts.descriptors.cluster_pass import (
    Outputs,
    checked_minimum,
    cluster_pass,
    column_facts,
    description_of_matrix,
    explained_shares,
    magnitudes,
)
from scripts.descriptors.cluster_tables import ClusterSettings
from scripts.descriptors.matrices import read_matrices
from scripts.descriptors.measures import (
    JointSimilarity,
    checked_weights,
    dependence_similarity,
)


def run(
    dependence: Path,
    statistics: Path,
    clusters: Path,
    events: Path,
    methods: Path,
    restarts_table: Path,
    checkpoint: Path,
    *,
    hsic_threshold: float,
    rdc_threshold: float,
    min_explained: float,
    hsic_weight: float,
    rdc_weight: float,
    nonlinear_threshold: float | None,
    method: str,
    min_representative_similarity: float | None,
    resolution_ratio: float,
    restarts: int,
    force_keep: list[str],
    prefer: list[str],
    seed: int,
    code_hash: str,
) -> None:
    """Cluster by nHSIC and RDC.

    Args:
        dependence: matrices of pass 4, with "hsic" (nHSIC), "rdc" and "explained".
        statistics: statistics of pass 1.
        clusters: where the clusters go.
        events: where the removal events go.
        methods: TSV of the three methods side by side.
        restarts_table: TSV of Leiden's restarts.
        checkpoint: JSON with settings, counts and clusters.
        hsic_threshold: least nHSIC of an edge, in (0, 1].
        rdc_threshold: least RDC of an edge, in (0, 1].
        min_explained: least share of the variance of one column's scores that the other must
            explain for an edge by RDC, in [0, 1].
        hsic_weight: weight of nHSIC in the fused score.
        rdc_weight: weight of RDC in it; the weights add up to 1.
        nonlinear_threshold: least fused score of an edge, in (0, 1], instead of the measures' own
            thresholds; None for these.
        method: "leiden", "complete" or "components".
        min_representative_similarity: least similarity of a member to its representative, on the
            joint scale and not below its threshold; None for the threshold itself.
        resolution_ratio: Leiden's resolution as a share of the threshold, in (0, 1).
        restarts: most runs of Leiden.
        force_keep: names or patterns of descriptors that are never removed.
        prefer: names or patterns of descriptors that win as representatives, in this order.
        seed: seed of the run.
        code_hash: version of this step's code.
    """
    matrices = read_matrices(dependence)
    nhsic = magnitudes(matrices, "hsic", dependence)
    rdc = magnitudes(matrices, "rdc", dependence)
    joint = dependence_similarity(
        nhsic,
        rdc,
        explained_shares(matrices, dependence),
        hsic_threshold=hsic_threshold,
        rdc_threshold=rdc_threshold,
        min_explained=min_explained,
        weights=checked_weights(hsic_weight, rdc_weight),
        fusion_threshold=nonlinear_threshold,
    )
    cluster_pass(
        matrices.names,
        joint,
        column_facts(statistics, matrices.names),
        ClusterSettings(
            pass_number=4,
            method=method,
            min_representative_similarity=linked_minimum(min_representative_similarity, joint),
            resolution_ratio=resolution_ratio,
            restarts=restarts,
            seed=seed,
            force_keep=tuple(force_keep),
            prefer=tuple(prefer),
        ),
        Outputs(clusters, events, methods, restarts_table, checkpoint),
        further_settings={
            "hsic_threshold": hsic_threshold,
            "rdc_threshold": rdc_threshold,
            "min_explained": min_explained,
            "hsic_weight": hsic_weight,
            "rdc_weight": rdc_weight,
            "nonlinear_threshold": nonlinear_threshold,
        },
        matrix=description_of_matrix(matrices, dependence),
        code_hash=code_hash,
    )


def linked_minimum(minimum: float | None, joint: JointSimilarity) -> float:
    """Return the least similarity to a representative: here a member always has an edge to it.

    A chain of |ρ| still says something about its ends, one of two measures does not.
    """
    checked = checked_minimum(minimum, joint.threshold)
    if checked < joint.threshold:
        raise ConfigError(
            f"min_representative_similarity {checked} of the nonlinear pass is below its threshold "
            f"{joint.threshold}; raise it, or give none for the threshold itself"
        )
    return checked


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
