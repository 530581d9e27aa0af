"""The folder of a stream's memory after a session.

members.parquet holds texts, clusters and distances of documents and queries; stats.tsv says what a
person wants to know of each cluster; prototypes.safetensors is the state of the clusters, with the
hyperplanes, and `ids` and `means`, the mean token vectors of the clusters, for whoever trains on
prototypes alone. A memory without clusters has no rows in the former and no clusters in the latter.
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scripts.common.arrays import read_arrays, write_arrays
from scripts.common.tables import read_table, write_table
from scripts.common.tsv import write_tsv
from scripts.retrieval.cluster_state import ClusterStates, no_clusters
from scripts.retrieval.prototypes import Prototypes, mean_vectors
from scripts.retrieval.tables import DOCUMENT, MEMBERS, QUERY

MEMBERS_FILE, STATS_FILE, PROTOTYPES_FILE = "members.parquet", "stats.tsv", "prototypes.safetensors"
STATS_COLUMNS = (
    *("cluster", "documents", "queries", "came", "n", "distance_sum", "square_sum"),
    *("mean", "deviation", "last_session"),
)
_STATE_ARRAYS = tuple(
    field.name for field in fields(ClusterStates) if field.name not in ("prototypes", "next_id")
)
_PROTOTYPE_ARRAYS = ("offsets", "buckets", "sums", "weights")


@dataclass(frozen=True)
class Clusters:
    """Clusters of a memory.

    Attributes:
        hyperplanes: (bits, d) float64, drawn once for the stream.
        states: the clusters with all that they hold.
        came: (k,) documents that ever came to each cluster, halved by age where weights decay.
        remembered: of the same clusters, what is left of evicted documents in a memory that keeps
            prototypes instead of documents; None in any other.
    """

    hyperplanes: NDArray[np.float64]
    states: ClusterStates
    came: NDArray[np.float64]
    remembered: ClusterStates | None = None


@dataclass(frozen=True)
class Memory:
    """What a stream holds.

    Attributes:
        documents: rows of MEMBERS.
        queries: rows of MEMBERS.
        clusters: None for a method without clusters.
    """

    documents: pa.Table
    queries: pa.Table
    clusters: Clusters | None


def empty_memory() -> Memory:
    """Return a memory that holds nothing."""
    return Memory(MEMBERS.empty_table(), MEMBERS.empty_table(), None)


def read_memory(folder: Path) -> Memory:
    """Read what `write_memory` wrote.

    Raises:
        IntegrityError: a file is missing or broken.
    """
    members = read_table(folder / MEMBERS_FILE, MEMBERS)
    return Memory(
        members.filter(pc.equal(members["kind"], DOCUMENT)),
        members.filter(pc.equal(members["kind"], QUERY)),
        _read_clusters(folder / PROTOTYPES_FILE),
    )


def write_memory(folder: Path, memory: Memory) -> None:
    """Write members, statistics and prototypes into a folder."""
    members = pa.concat_tables([memory.documents, memory.queries])
    write_table(folder / MEMBERS_FILE, members, MEMBERS)
    write_arrays(folder / PROTOTYPES_FILE, _arrays(memory.clusters))
    write_tsv(folder / STATS_FILE, STATS_COLUMNS, _stats(memory))


def prototype_bytes(clusters: Clusters | None) -> int:
    """Return the bytes of the prototypes, hyperplanes and statistics as they are stored."""
    return 0 if clusters is None else sum(array.nbytes for array in _arrays(clusters).values())


def _arrays(clusters: Clusters | None) -> dict[str, NDArray[Any]]:
    if clusters is None:
        return {"clustered": np.array([0], np.int64)}
    prototypes = clusters.states.prototypes
    stored = replace(prototypes, sums=prototypes.sums.astype(np.float32).astype(np.float64))
    arrays: dict[str, NDArray[Any]] = {
        "clustered": np.array([1], np.int64),
        "hyperplanes": clusters.hyperplanes,
        "came": clusters.came,
        "next_id": np.array([clusters.states.next_id], np.int64),
        "means": mean_vectors(stored).astype(np.float32),
        "remembers": np.array([int(clusters.remembered is not None)], np.int64),
        **_state_arrays("", clusters.states),
    }
    if clusters.remembered is not None:
        arrays |= _state_arrays("remembered.", clusters.remembered)
    return arrays


def _state_arrays(prefix: str, states: ClusterStates) -> dict[str, NDArray[Any]]:
    arrays = {prefix + name: getattr(states, name) for name in _STATE_ARRAYS}
    for name in _PROTOTYPE_ARRAYS:
        arrays[f"{prefix}prototypes.{name}"] = getattr(states.prototypes, name)
    # Half the bytes; the next session computes them anew from the documents.
    sums = f"{prefix}prototypes.sums"
    return arrays | {sums: arrays[sums].astype(np.float32)}


def _read_clusters(file: Path) -> Clusters | None:
    if not read_arrays(file, ["clustered"])["clustered"][0]:
        return None
    arrays = read_arrays(file, ["hyperplanes", "came", "next_id", "remembers"])
    next_id = int(arrays["next_id"][0])
    remembered = _read_states(file, "remembered.", next_id) if arrays["remembers"][0] else None
    return Clusters(
        arrays["hyperplanes"], _read_states(file, "", next_id), arrays["came"], remembered
    )


def _read_states(file: Path, prefix: str, next_id: int) -> ClusterStates:
    names = [prefix + name for name in _STATE_ARRAYS]
    of_prototypes = [f"{prefix}prototypes.{name}" for name in _PROTOTYPE_ARRAYS]
    arrays = read_arrays(file, [*names, *of_prototypes])
    offsets, buckets, sums, weights = (arrays[name] for name in of_prototypes)
    prototypes = Prototypes(offsets, buckets, sums.astype(np.float64), weights)
    given: dict[str, Any] = {name: arrays[prefix + name] for name in _STATE_ARRAYS}
    given |= {"prototypes": prototypes}
    return replace(no_clusters(prototypes.dimension, next_id), **given)


def _stats(memory: Memory) -> list[list[Any]]:
    if memory.clusters is None:
        return []
    states = memory.clusters.states
    queries = _count(memory.queries, states.ids)
    documents = _count(memory.documents, states.ids)
    columns = (
        *(states.ids, documents, queries, memory.clusters.came, states.weight),
        *(states.distance_sum, states.square_sum, states.mean, states.deviation),
        states.last_session,
    )
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [[None if value != value else value for value in row] for row in rows]


def _count(members: pa.Table, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    found = members["cluster"].to_numpy()
    return np.array([int((found == cluster).sum()) for cluster in ids], np.int64)
