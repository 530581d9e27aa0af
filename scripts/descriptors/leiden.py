"""Leiden communities (Traag, Waltman & van Eck 2019) of the constant Potts model, with restarts.

Two descriptors without a path between them never share a best community, so each connected
component is solved by itself: the best of every component together is at least as good as any
single run. A component in which all pairs have an edge is one community, as every pair gains. The
others are solved again from derived seeds until their best quality has come back often enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import igraph
import leidenalg
import numpy as np

from scripts.common.hashing import keyed_hash
from scripts.descriptors.agreement import adjusted_rand_index
from scripts.descriptors.similarity_graph import (
    Indices,
    SimilarityGraph,
    canonical_labels,
    component_labels,
    cpm_quality,
    groups_of,
    subgraph,
)

_ROUNDING = 1e-12  # relative; what orders of summation leave between equal qualities
_SEED_BITS_TOO_MANY = 33  # leidenalg takes a C integer


@dataclass(frozen=True)
class Restart:
    """One run of Leiden over the whole graph.

    Attributes:
        seed: the run's own seed.
        quality: quality of its partition.
        clusters: number of communities, singletons included.
        ari_to_best: adjusted Rand index to the partition that was kept.
    """

    seed: int
    quality: float
    clusters: int
    ari_to_best: float


@dataclass(frozen=True)
class BestPartition:
    """The partition that was kept.

    Attributes:
        labels: (vertices,) canonical labels.
        restarts: the runs that it was chosen from.
        settled: whether every component's best quality came back `patience` times.
    """

    labels: Indices
    restarts: list[Restart]
    settled: bool


@dataclass
class _Component:
    """A component whose communities depend on the seed."""

    vertices: Indices
    graph: SimilarityGraph
    name: str
    found: list[tuple[float, Indices]] = field(default_factory=list)

    def __post_init__(self) -> None:
        edges = np.column_stack([self.graph.first, self.graph.second]).tolist()
        self.network = igraph.Graph(n=self.graph.vertices, edges=edges)
        self.rounding = _ROUNDING * (1.0 + float(self.graph.weights.sum()))

    def run(self, resolution: float, restart_seed: int) -> None:
        partition = leidenalg.find_partition(
            self.network,
            leidenalg.CPMVertexPartition,
            weights=self.graph.weights.tolist(),
            resolution_parameter=resolution,
            n_iterations=-1,  # until nothing improves
            seed=keyed_hash(restart_seed, "leiden component", self.name) >> _SEED_BITS_TOO_MANY,
        )
        labels = canonical_labels(np.asarray(partition.membership))
        self.found.append((cpm_quality(self.graph, labels, resolution), labels))

    def is_settled(self, patience: int) -> bool:
        return len(_ties_for_best(self.found, self.rounding)) > patience

    def best(self) -> Indices:
        return best_labelling(self.found, self.rounding)


def best_labelling(found: Sequence[tuple[float, Indices]], rounding: float) -> Indices:
    """Return the labelling of the highest quality, in whatever order they were found.

    Args:
        found: quality and canonical labels of each.
        rounding: difference up to which qualities are equal; of equal ones the lexicographically
            first labelling is taken.
    """
    return min(_ties_for_best(found, rounding), key=lambda labels: labels.tolist())


def _ties_for_best(found: Sequence[tuple[float, Indices]], rounding: float) -> list[Indices]:
    highest = max(quality for quality, _ in found)
    return [labels for quality, labels in found if quality >= highest - rounding]


def best_partition(
    graph: SimilarityGraph,
    names: Sequence[str],
    *,
    resolution: float,
    restarts: int,
    patience: int,
    seed: int,
) -> BestPartition:
    """Return the best of many runs.

    Args:
        graph: the graph; every weight exceeds the resolution.
        names: names of the vertices, sorted.
        resolution: γ of the constant Potts model.
        restarts: most runs.
        patience: how often each component's best quality must come back to end earlier.
        seed: seed that all others are derived from.
    """
    components = [
        _Component(vertices, inner, names[vertices[0]])
        for vertices, inner in _inner_graphs(graph)
        if inner.first.size < inner.vertices * (inner.vertices - 1) // 2
    ]
    seeds: list[int] = []
    for number in range(restarts):
        restart_seed = keyed_hash(seed, "leiden restart", str(number))
        seeds.append(restart_seed)
        for component in components:
            component.run(resolution, restart_seed)
        if all(component.is_settled(patience) for component in components):
            break
    whole = component_labels(graph)
    best = _joined(whole, components, [component.best() for component in components])
    runs = [
        _joined(whole, components, [component.found[number][1] for component in components])
        for number in range(len(seeds))
    ]
    return BestPartition(
        best,
        [
            Restart(
                seed=restart_seed,
                quality=cpm_quality(graph, labels, resolution),
                clusters=int(labels.max(initial=-1)) + 1,
                ari_to_best=adjusted_rand_index(best, labels),
            )
            for restart_seed, labels in zip(seeds, runs, strict=True)
        ],
        all(component.is_settled(patience) for component in components),
    )


def _inner_graphs(graph: SimilarityGraph) -> list[tuple[Indices, SimilarityGraph]]:
    """Return the vertices and the graph of each component of at least two vertices."""
    groups = [group for group in groups_of(component_labels(graph)) if group.size > 1]
    return [(group, subgraph(graph, group)) for group in groups]


def _joined(whole: Indices, components: list[_Component], parts: list[Indices]) -> Indices:
    """Return one canonical labelling from the components' own; the rest keeps its component."""
    labels = whole.copy()
    for component, part in zip(components, parts, strict=True):
        labels[component.vertices] = labels.max() + 1 + part
    return canonical_labels(labels)
