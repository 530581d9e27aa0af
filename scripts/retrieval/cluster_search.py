"""Search in the clusters nearest to a query instead of the whole collection.

The clusters are those of a stream's memory. Their prototypes are made anew from the memory's
documents with the model that is evaluated, since stored ones are of the model before. Each document
of the collection goes to its nearest prototype, and a query searches the documents of its own
nearest ones, exactly. A text without words belongs nowhere.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.common.files import private_folder, read_json
from scripts.retrieval.encoded_texts import encode_texts
from scripts.retrieval.encoders import Encoder
from scripts.retrieval.memory_clusters import measure
from scripts.retrieval.memory_store import Clusters, read_memory
from scripts.retrieval.nearest import nearest_clusters
from scripts.retrieval.search import Block, Found, exact_search
from scripts.retrieval.tables import NO_CLUSTER
from scripts.retrieval.token_vectors import Indices, Vectors
from scripts.retrieval.vector_files import DOCUMENTS, QUERIES, mapped_vectors, read_vectors

_TEXTS_AT_A_TIME = 256  # whose token vectors are held


@dataclass(frozen=True)
class ClusterSearch:
    """What was found, and at what price.

    Attributes:
        found: places and scores.
        clusters: number of clusters.
        searched: share of the collection's documents that a query was compared with, on average;
            None without queries or documents.
    """

    found: Found
    clusters: int
    searched: float | None


def search_clusters(
    memory: Path,
    encoder: Encoder,
    documents: Iterable[Sequence[str]],
    queries: Sequence[str],
    vectors: Path,
    *,
    session: int,
    nearest: int,
    depth: int,
    threads: int,
    tmpdir: Path,
) -> ClusterSearch | None:
    """Search the nearest clusters.

    Args:
        memory: folder of the memory.
        encoder: the model.
        documents: the collection's texts in batches, in order.
        queries: the queries' texts.
        vectors: file of the text vectors of both.
        session: of the memory.
        nearest: clusters that a query searches.
        depth: documents a query at most.
        threads: no result depends on them.
        tmpdir: folder on a local disk.

    Returns:
        None for a memory without clusters.
    """
    with private_folder(tmpdir) as folder:
        clusters, settings = _clusters(memory, encoder, session, threads, folder / "members.f32")
    if clusters is None:
        return None
    states = clusters.states

    def placed(texts: Sequence[str], count: int) -> Indices:
        if not states.clusters:
            return np.full((len(texts), count), NO_CLUSTER, np.int64)
        places = [np.zeros((0, count), np.int64)]
        for start in range(0, len(texts), _TEXTS_AT_A_TIME):
            tokens = encoder.token_vectors(texts[start : start + _TEXTS_AT_A_TIME])
            found = nearest_clusters(
                clusters.hyperplanes,
                states,
                tokens,
                count,
                size_correction=settings["size_correction"],
                lookup=settings["lookup"],
                threads=threads,
            )
            places.append(found.places)
        return np.concatenate(places)

    own = [np.zeros((0, 1), np.int64), *(placed(texts, 1) for texts in documents)]
    homes = np.concatenate(own)[:, 0]
    asked = placed(queries, nearest)
    found = exact_search(
        read_vectors(vectors, QUERIES),
        _blocks(mapped_vectors(vectors, DOCUMENTS), homes, asked),
        depth=depth,
        threads=threads,
    )
    sizes = np.bincount(homes[homes != NO_CLUSTER], minlength=states.clusters)
    compared = np.append(sizes, 0)[asked].sum(axis=1)  # NO_CLUSTER takes the 0
    known = len(asked) > 0 and len(homes) > 0
    return ClusterSearch(
        found, states.clusters, float(compared.mean() / len(homes)) if known else None
    )


def _clusters(
    memory: Path, encoder: Encoder, session: int, threads: int, file: Path
) -> tuple[Clusters | None, dict[str, Any]]:
    """Return the clusters as the encoder sees them, and their settings."""
    held = read_memory(memory)
    if held.clusters is None:
        return None, {}
    settings = read_json(memory / "report.json")["settings"]["clusters"]
    encoded = encode_texts(encoder, held.documents["text"].to_pylist(), file, "encode members")
    measured = measure(
        held.clusters,
        encoded.tokens,
        held.documents["cluster"].to_numpy().astype(np.int64),
        held.documents["session"].to_numpy().astype(np.int64),
        session=session,
        half_life=settings["half_life"],
        lookup=settings["lookup"],
        threads=threads,
    )
    return measured.clusters, settings


def _blocks(vectors: Vectors, homes: Indices, asked: Indices) -> Iterator[Block]:
    for cluster in np.unique(homes[homes != NO_CLUSTER]):
        places = np.flatnonzero(homes == cluster)
        yield Block(places, vectors[places], np.flatnonzero((asked == cluster).any(axis=1)))
