"""What a memory says of itself: bytes, and how well its clusters hold together."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scripts.common.tsv import write_tsv
from scripts.retrieval.cohesion import Cohesion, cohesion
from scripts.retrieval.memory_store import Memory, prototype_bytes

COHESION_FILE = "cohesion.tsv"
COHESION_COLUMNS = ("documents", "clusters", *Cohesion._fields)


def write_cohesion(folder: Path, memory: Memory, pooled: NDArray[np.float32] | None) -> None:
    """Write cohesion.tsv: one line, or none for a memory without clusters.

    Args:
        folder: of the memory.
        memory: its documents with their clusters.
        pooled: (documents, d) unit vectors.
    """
    rows = []
    if memory.clusters is not None and pooled is not None:
        documents = memory.documents
        found = cohesion(
            pooled,
            documents["cluster"].to_numpy().astype(np.int64),
            documents["distance"].to_numpy().astype(np.float64),
            documents["domain"].to_pylist(),
        )
        rows.append((documents.num_rows, memory.clusters.states.clusters, *found))
    write_tsv(folder / COHESION_FILE, COHESION_COLUMNS, rows)


def describe_bytes(memory: Memory, session: int) -> dict[str, int]:
    """Return the bytes of what a memory holds.

    Args:
        memory: the memory after `session`.
        session: the present one.

    Returns:
        UTF-8 bytes of the texts carried from earlier sessions and of all, bytes of the prototypes,
        and `carried`, that is the carried texts and the prototypes: what the method's memory costs.
    """
    members = pa.concat_tables([memory.documents, memory.queries])
    earlier = members.filter(pc.less(members["session"], session))
    carried, prototypes = _text_bytes(earlier), prototype_bytes(memory.clusters)
    return {
        "carried_texts": carried,
        "texts": _text_bytes(members),
        "prototypes": prototypes,
        "carried": carried + prototypes,
    }


def _text_bytes(members: pa.Table) -> int:
    return int(pc.sum(pc.binary_length(members["text"])).as_py() or 0)
