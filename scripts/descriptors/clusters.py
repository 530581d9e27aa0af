"""Clusters with their representatives, in which every member is near enough to its own.

A partition says which descriptors belong together, not that one of them can stand for all. So each
cluster gets its representative, members that are too far from it leave, and those that left are
clustered again among themselves, until all hold.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from scripts.descriptors.representatives import (
    ColumnFacts,
    Preference,
    choose_representative,
    shares_of_kept,
)
from scripts.descriptors.similarity_graph import Indices, Numbers, groups_of

Recluster = Callable[[Numbers, list[str]], Indices]


@dataclass(frozen=True)
class Cluster:
    """A descriptor and those that it stands for.

    Attributes:
        representative: the descriptor that survives.
        alternatives: the other members with their similarity to it, the most similar first, then
            by name.
    """

    representative: str
    alternatives: tuple[tuple[str, float], ...]

    @property
    def size(self) -> int:
        """Number of members, the representative included."""
        return 1 + len(self.alternatives)

    @property
    def lowest_similarity(self) -> float | None:
        """Least similarity to the representative, None for a cluster of one."""
        return self.alternatives[-1][1] if self.alternatives else None


@dataclass(frozen=True)
class Columns:
    """The descriptors of a pass and what decides among them.

    Attributes:
        names: (p,) sorted.
        similarity: (p, p), symmetric, in [0, 1]; NaN where undefined.
        statistics: facts of every descriptor.
        preference: what must be kept and what is preferred.
        explained: (p, p) share of the row's column that the other explains; where given, it decides
            in place of the similarity which member says most of the others.
    """

    names: list[str]
    similarity: Numbers
    statistics: Mapping[str, ColumnFacts]
    preference: Preference
    explained: Numbers | None = None

    def representative_of(self, vertices: Indices) -> int:
        """Return the number of the member that stands for `vertices`."""
        says = self.similarity if self.explained is None else self.explained.T
        chosen = choose_representative(
            [self.names[vertex] for vertex in vertices],
            says[np.ix_(vertices, vertices)],
            self.statistics,
            self.preference,
        )
        return next(int(vertex) for vertex in vertices if self.names[vertex] == chosen)

    def shares(self, vertices: Indices) -> list[Indices]:
        """Return `vertices` in parts that hold at most one kept descriptor each."""
        return shares_of_kept(vertices, self.names, self.similarity, self.preference.kept)


def split_far_members(
    columns: Columns, labels: Indices, minimum: float, recluster: Recluster
) -> list[Cluster]:
    """Return clusters whose members all have at least the minimum similarity to their own.

    A cluster that lost members chooses its representative again, so that this one is the best of
    the members that are left. An undefined similarity is below every minimum.

    Args:
        columns: the descriptors.
        labels: (p,) the partition, from 0.
        minimum: least similarity of a member to its representative, in [0, 1].
        recluster: gives the partition of those that left from their similarity and names.

    Returns:
        Clusters that hold every descriptor once, the largest first, then by representative.
    """
    clusters: list[Cluster] = []
    groups = groups_of(labels)
    while groups:
        left: list[Indices] = []
        for group in groups:
            for share in columns.shares(group):
                cluster, far = _settle(columns, share, minimum)
                clusters.append(cluster)
                left.append(far)
        # Each cluster keeps its representative, so fewer are left each time.
        apart = np.sort(np.concatenate(left))
        if apart.size == 0:
            break
        again = recluster(
            columns.similarity[np.ix_(apart, apart)], [columns.names[vertex] for vertex in apart]
        )
        groups = [apart[group] for group in groups_of(again)]
    return sorted(clusters, key=lambda cluster: (-cluster.size, cluster.representative))


def _settle(columns: Columns, vertices: Indices, minimum: float) -> tuple[Cluster, Indices]:
    """Return the cluster that is left of `vertices`, and those that had to leave it."""
    left: list[Indices] = []
    while True:
        head = columns.representative_of(vertices)
        to_head = columns.similarity[head, vertices]
        near = (to_head >= minimum) | (vertices == head)
        if near.all():
            break
        left.append(vertices[~near])
        vertices = vertices[near]
    alternatives = [
        (columns.names[vertex], float(columns.similarity[head, vertex]))
        for vertex in vertices
        if vertex != head
    ]
    alternatives.sort(key=lambda member: (-member[1], member[0]))
    none = np.zeros(0, dtype=np.int64)
    return Cluster(columns.names[head], tuple(alternatives)), np.concatenate([none, *left])
