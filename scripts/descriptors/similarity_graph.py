"""Graphs of similar descriptors: edges at a threshold, components, and the quality of a labelling.

Vertices are numbered in order of the descriptors' names, so that nothing depends on the order in
which a table holds its columns.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class SimilarityGraph:
    """An undirected weighted graph without loops.

    Attributes:
        vertices: number of vertices.
        first, second: (edges,) ends of each edge, first < second, in lexicographic order.
        weights: (edges,) similarity of the ends.
    """

    vertices: int
    first: Indices
    second: Indices
    weights: Numbers


def similarity_graph(similarity: Numbers, threshold: float) -> SimilarityGraph:
    """Return the graph with an edge wherever the similarity reaches the threshold.

    Args:
        similarity: (p, p), symmetric, in [0, 1]; NaN where undefined, which is never an edge.
        threshold: least similarity of an edge, itself included.
    """
    first, second = np.nonzero(np.triu(similarity >= threshold, k=1))
    return SimilarityGraph(similarity.shape[0], first, second, similarity[first, second])


def subgraph(graph: SimilarityGraph, vertices: Indices) -> SimilarityGraph:
    """Return the graph among `vertices` (ascending), which are numbered anew from 0."""
    place = np.full(graph.vertices, -1, dtype=np.int64)
    place[vertices] = np.arange(vertices.size)
    kept = (place[graph.first] >= 0) & (place[graph.second] >= 0)
    return SimilarityGraph(
        vertices.size,
        place[graph.first[kept]],
        place[graph.second[kept]],
        graph.weights[kept],
    )


def component_labels(graph: SimilarityGraph) -> Indices:
    """Return the canonical label of each vertex' connected component, (vertices,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if graph.vertices == 0:
        return np.zeros(0, dtype=np.int64)
    ones = np.ones(graph.first.size, dtype=np.int8)
    adjacency = coo_array((ones, (graph.first, graph.second)), shape=(graph.vertices,) * 2)
    _, labels = connected_components(adjacency, directed=False)
    return canonical_labels(labels)


def canonical_labels(labels: NDArray[np.integer]) -> Indices:
    """Number labels from 0 in order of their first appearance: one form for each partition."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    number = np.empty(first.size, dtype=np.int64)
    number[np.argsort(first)] = np.arange(first.size)
    return number[inverse]


def groups_of(labels: Indices) -> list[Indices]:
    """Return the vertices of each label 0, 1, …, ascending."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(labels))[:-1]) if labels.size else []


def cpm_quality(graph: SimilarityGraph, labels: Indices, resolution: float) -> float:
    """Return the quality of the constant Potts model, Σ_c (w_c - γ n_c (n_c - 1) / 2).

    w_c is the weight of the edges within community c and n_c its number of vertices, so a pair
    gains where its similarity exceeds the resolution γ, and a pair without an edge costs γ (Traag,
    Van Dooren & Nesterov 2011, equation 4). Singletons have 0.
    """
    sizes = np.bincount(labels).astype(np.float64)
    inside = graph.weights[labels[graph.first] == labels[graph.second]]
    return float(inside.sum() - resolution * (sizes * (sizes - 1) / 2).sum())
