"""Pairs of descriptors for the report's figures: a map of |ρ|, and what pass 4 measured."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scripts.common.errors import IntegrityError
from scripts.descriptors.lineage import Origin
from scripts.descriptors.matrices import Matrices
from scripts.descriptors.measures import JointSimilarity
from scripts.descriptors.tables import HEATMAP, PAIRS

MOST_MAPPED = 400  # descriptors of the map: beyond, a cell is smaller than a pixel
MOST_PAIRS = 50_000


@dataclass(frozen=True)
class Membership:
    """Where a survivor of pass 1 stands: in its cluster of pass 2, and after all passes."""

    name: str
    survivor: str
    representative: str
    similarity: float


def memberships(
    clusters: Sequence[Mapping[str, object]], origins: Sequence[Origin]
) -> list[Membership]:
    """Return the members of the clusters of pass 2, ordered for the map.

    The largest cluster after all passes comes first; within it the largest of pass 2, its
    representative first and then the most similar ones. Ties by name.

    Args:
        clusters: rows of CLUSTERS, of pass 2.
        origins: what became of every column.

    Raises:
        IntegrityError: a member stands behind no survivor.
    """
    survivors = {origin.name: origin.survivor for origin in origins}
    found = []
    for row in clusters:
        survivor = survivors.get(str(row["name"]))
        if survivor is None:
            raise IntegrityError(
                f"the clusters of pass 2 hold {row['name']}, behind which no survivor stands; run "
                "cluster_correlated and trace_clusters again"
            )
        similarity = row["similarity"]
        found.append(
            Membership(
                str(row["name"]),
                survivor,
                str(row["representative"]),
                similarity if isinstance(similarity, float) else 0.0,
            )
        )
    final, inner = Counter(m.survivor for m in found), Counter(m.representative for m in found)
    return sorted(
        found,
        key=lambda m: (
            *(-final[m.survivor], m.survivor),
            *(-inner[m.representative], m.representative),
            *(m.name != m.representative, -m.similarity, m.name),
        ),
    )


def heatmap_table(
    ordered: Sequence[Membership], correlation: Matrices, *, most: int = MOST_MAPPED
) -> pa.Table:
    """Return |ρ| among the first `most` descriptors, as a table of HEATMAP.

    Raises:
        IntegrityError: one of them was not measured.
    """
    shown = ordered[:most]
    places = _places(correlation, [member.name for member in shown], "pass 2")
    values = np.abs(correlation.arrays["spearman"][np.ix_(places, places)]).astype(np.float32)
    rows = pa.array(values.ravel(), mask=np.isnan(values.ravel()))
    offsets = pa.array(np.arange(len(shown) + 1) * len(shown), pa.int32())
    return pa.Table.from_arrays(
        [
            pa.array([member.name for member in shown], pa.string()),
            pa.array([member.survivor for member in shown], pa.string()),
            pa.array([member.representative for member in shown], pa.string()),
            pa.ListArray.from_arrays(offsets, rows),
        ],
        schema=HEATMAP,
    )


@dataclass(frozen=True)
class Pairs:
    """Pairs of pass 4.

    Attributes:
        table: those that are shown, as a table of PAIRS.
        total: pairs with a measure.
        undefined: pairs without any.
        edges: pairs of which a measure reaches its threshold.
    """

    table: pa.Table
    total: int
    undefined: int
    edges: int


def pairs_of(
    dependence: Matrices,
    correlation: Matrices,
    joint: JointSimilarity,
    fusion: NDArray[np.float64],
    *,
    most: int = MOST_PAIRS,
) -> Pairs:
    """Return the pairs with the largest nHSIC or RDC, in this order; ties by the names' order.

    Args:
        dependence: matrices "hsic" and "rdc" of pass 4.
        correlation: matrix "spearman" of pass 2.
        joint: the similarity that pass 4 clusters by.
        fusion: (p, p) fused score.
        most: pairs to keep.

    Raises:
        IntegrityError: a matrix or a descriptor is missing.
    """
    names = dependence.names
    first, second = np.triu_indices(len(names), k=1)
    nhsic, rdc = (dependence.arrays[name][first, second] for name in ("hsic", "rdc"))
    larger = np.fmax(nhsic, rdc)
    known = np.flatnonzero(~np.isnan(larger))
    # Stable: equal pairs stay in the order of their names.
    chosen = known[np.argsort(-larger[known], kind="stable")[:most]]
    places = _places(correlation, names, "pass 2")
    rho = np.abs(correlation.arrays["spearman"][places[first[chosen]], places[second[chosen]]])
    edge = joint.similarity[first, second] >= joint.threshold
    labels = np.array(names, dtype=object)
    table = pa.Table.from_arrays(
        [
            pa.array(labels[first[chosen]], pa.string()),
            pa.array(labels[second[chosen]], pa.string()),
            *(
                pa.array(column, pa.float64(), mask=np.isnan(column))
                for column in (
                    rho,
                    nhsic[chosen],
                    rdc[chosen],
                    fusion[first[chosen], second[chosen]],
                )
            ),
            pa.array(edge[chosen], pa.bool_()),
        ],
        schema=PAIRS,
    )
    return Pairs(table, known.size, larger.size - known.size, int(np.count_nonzero(edge)))


def _places(matrices: Matrices, names: Sequence[str], of: str) -> NDArray[np.intp]:
    place = {name: number for number, name in enumerate(matrices.names)}
    lacking = next((name for name in names if name not in place), None)
    if lacking is not None:
        raise IntegrityError(f"the matrix of {of} lacks {lacking}; delete it and run again")
    return np.array([place[name] for name in names], dtype=np.intp)
