"""Leiden, complete linkage and components side by side on one similarity matrix."""

from dataclasses import astuple, dataclass, fields

import numpy as np

from scripts.descriptors.clusters import Cluster, Columns
from scripts.descriptors.communities import Communities
from scripts.descriptors.similarity_graph import Indices, Numbers, groups_of

# What a method found, and what became of it once far members had left.
Clustering = tuple[Communities, list[Cluster]]


@dataclass(frozen=True)
class MethodRow:
    """One row of the comparison.

    Attributes:
        method: "leiden", "complete" or "components".
        chosen: "yes" for the method that the config names.
        clusters: number of clusters as the method gives them, singletons included.
        largest_cluster: members of the largest of these.
        smallest_inner_similarity: over all pairs that share a cluster; None without such a pair.
        undefined_inner_pairs: pairs that share a cluster and have no defined similarity.
        members_below_threshold: members whose similarity to their representative is below the
            threshold of an edge, or undefined.
        quality: of the constant Potts model.
        survivors: clusters after far members have left.
        largest_after_split: members of the largest of these.
    """

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


COLUMNS = tuple(field.name for field in fields(MethodRow))


def compare_methods(
    columns: Columns, found: dict[str, Clustering], *, threshold: float, chosen: str
) -> list[tuple[object, ...]]:
    """Return a row for each method, in the order given."""
    rows = []
    for method, (partition, clusters) in found.items():
        lowest, undefined = inner_similarity(columns.similarity, partition.labels)
        row = MethodRow(
            method=method,
            chosen="yes" if method == chosen else "no",
            clusters=int(partition.labels.max(initial=-1)) + 1,
            largest_cluster=int(np.bincount(partition.labels).max(initial=0)),
            smallest_inner_similarity=lowest,
            undefined_inner_pairs=undefined,
            members_below_threshold=members_below(columns, partition.labels, threshold),
            quality=partition.quality,
            survivors=len(clusters),
            largest_after_split=max((cluster.size for cluster in clusters), default=0),
        )
        rows.append(astuple(row))
    return rows


def inner_similarity(similarity: Numbers, labels: Indices) -> tuple[float | None, int]:
    """Return the least similarity of pairs that share a cluster, and how many are undefined."""
    together = np.triu(labels[:, None] == labels[None, :], k=1)
    values = similarity[together]
    known = values[~np.isnan(values)]
    return (float(known.min()) if known.size else None), int(values.size - known.size)


def members_below(columns: Columns, labels: Indices, minimum: float) -> int:
    """Count members that are nearer than `minimum` to no representative of their cluster."""
    below = 0
    for group in groups_of(labels):
        for share in columns.shares(group):
            head = columns.representative_of(share)
            others = share[share != head]
            below += int(np.count_nonzero(~(columns.similarity[head, others] >= minimum)))
    return below
