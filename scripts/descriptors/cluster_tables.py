"""Tables and checkpoint of a clustering pass, from its clusters."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from scripts.descriptors.clusters import Cluster, Columns
from scripts.descriptors.communities import Communities
from scripts.descriptors.leiden import Restart
from scripts.descriptors.measures import JointSimilarity
from scripts.descriptors.similarity_graph import Numbers

# What decides the clusters besides the code; a rule's code version names the same.
PACKAGES = ("igraph", "leidenalg", "numpy", "scipy")

RESTART_COLUMNS = ("restart", "seed", "quality", "clusters", "ari_to_best")


@dataclass(frozen=True)
class ClusterSettings:
    """Settings that the two clustering passes share.

    Attributes:
        pass_number: 2 or 4.
        method: "leiden", "complete" or "components".
        min_representative_similarity: least similarity of a member to its representative.
        resolution_ratio: Leiden's resolution as a share of the threshold.
        restarts: most runs of Leiden.
        seed: seed of the run.
        force_keep, prefer: names or patterns as the config gives them.
    """

    pass_number: int
    method: str
    min_representative_similarity: float
    resolution_ratio: float
    restarts: int
    seed: int
    force_keep: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()


def cluster_rows(clusters: Sequence[Cluster]) -> list[dict[str, Any]]:
    """Return rows of CLUSTERS: each cluster's representative, then its alternatives."""
    return [
        {
            "cluster": number,
            "name": name,
            "representative": cluster.representative,
            "similarity": similarity,
        }
        for number, cluster in enumerate(clusters)
        for name, similarity in ((cluster.representative, 1.0), *cluster.alternatives)
    ]


def event_rows(
    clusters: Sequence[Cluster], names: Sequence[str], joint: JointSimilarity, pass_number: int
) -> list[dict[str, Any]]:
    """Return rows of EVENTS, by removed descriptor: its representative is the heir.

    An event is weak where descriptor and heir have no edge, which a minimum below the threshold
    allows, or where the heir says too little of the descriptor, as x² does of x.
    """
    place = {name: number for number, name in enumerate(names)}
    rows = []
    for cluster in clusters:
        for name, similarity in cluster.alternatives:
            evidence = joint.evidence(place[name], place[cluster.representative])
            rows.append(
                {
                    "removed": name,
                    "heir": cluster.representative,
                    "pass": pass_number,
                    "statistic": evidence.statistic,
                    "value": evidence.value,
                    "threshold": evidence.threshold,
                    "similarity": similarity,
                    "weak": joint.weak(place[name], place[cluster.representative]),
                    "reason": None,
                }
            )
    return sorted(rows, key=lambda row: str(row["removed"]))


def restart_rows(restarts: Sequence[Restart]) -> list[tuple[object, ...]]:
    """Return the runs of Leiden, numbered from 1."""
    return [
        (number, run.seed, run.quality, run.clusters, run.ari_to_best)
        for number, run in enumerate(restarts, start=1)
    ]


def checkpoint(
    clusters: Sequence[Cluster],
    *,
    columns: Columns,
    joint: JointSimilarity,
    leiden: Communities,
    settings: ClusterSettings,
    further_settings: dict[str, Any],
    matrix: dict[str, Any],
    code_hash: str,
) -> dict[str, Any]:
    """Return the pass' checkpoint: settings, counts, clusters, and what they were made from.

    Args:
        clusters: the clusters.
        columns: the descriptors of the pass.
        joint: their similarity.
        leiden: what Leiden found, whichever method is chosen.
        settings: settings that both passes share.
        further_settings: the pass' own, by their config keys.
        matrix: what the matrices' file says of itself, and its SHA-256.
        code_hash: version of the step's code.
    """
    shared = asdict(settings)
    del shared["pass_number"], shared["seed"]
    return {
        "pass": settings.pass_number,
        "rows": int(matrix["rows"]),
        "seed": settings.seed,
        "settings": {**shared, **further_settings, "threshold": joint.threshold},
        "counts": _counts(clusters, columns, joint),
        "leiden": {
            "quality": leiden.quality,
            "restarts": len(leiden.restarts),
            "settled": leiden.settled,
        },
        "clusters": {
            cluster.representative: [
                {"name": name, "similarity": similarity}
                for name, similarity in cluster.alternatives
            ]
            for cluster in clusters
        },
        "lowest_similarities": {
            cluster.representative: cluster.lowest_similarity
            for cluster in clusters
            if cluster.alternatives
        },
        "matrix": matrix,
        "package_versions": {name: version(name) for name in PACKAGES},
        "code_version": code_hash,
    }


def _counts(
    clusters: Sequence[Cluster], columns: Columns, joint: JointSimilarity
) -> dict[str, int | float | None]:
    pairs: Numbers = joint.similarity[np.triu_indices(len(columns.names), k=1)]
    lowest = [
        cluster.lowest_similarity for cluster in clusters if cluster.lowest_similarity is not None
    ]
    return {
        "descriptors": len(columns.names),
        "survivors": len(clusters),
        "removed": sum(cluster.size - 1 for cluster in clusters),
        "clusters_with_alternatives": len(lowest),
        "largest_cluster": max((cluster.size for cluster in clusters), default=0),
        "lowest_similarity_to_representative": min(lowest, default=None),
        "edges": int(np.count_nonzero(pairs >= joint.threshold)),
        "undefined_pairs": int(np.count_nonzero(np.isnan(pairs))),
        "force_kept": len(columns.preference.kept),
    }
