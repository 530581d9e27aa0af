"""Exact search in vector files, one after the other as one collection."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from scripts.retrieval.search import Block, Found, exact_search
from scripts.retrieval.vector_files import DOCUMENTS, QUERIES, read_vectors, vector_blocks


def search_vectors(
    collection: Sequence[Path], queries: Sequence[Path], *, depth: int, threads: int
) -> list[Found]:
    """Search all documents of some vector files with the queries of others, in one pass.

    Args:
        collection: files; places count their documents through.
        queries: files; each has a result of its own.
        depth: documents a query at most.
        threads: of the search.
    """
    asked = [read_vectors(path, QUERIES) for path in queries]
    found = exact_search(np.concatenate(asked), _blocks(collection), depth=depth, threads=threads)
    borders = np.cumsum([0, *map(len, asked)]).tolist()
    return [
        Found(found.places[start:stop], found.scores[start:stop])
        for start, stop in pairwise(borders)
    ]


def count_empty(vectors: Path, name: str) -> int:
    """Return the number of texts without words: their vectors are zero."""
    return sum(int((~block.any(axis=1)).sum()) for _, block in vector_blocks(vectors, name))


def _blocks(collection: Sequence[Path]) -> Iterator[Block]:
    first = 0
    for path in collection:
        rows = 0
        for start, block in vector_blocks(path, DOCUMENTS):
            places = np.arange(first + start, first + start + len(block), dtype=np.int64)
            rows += len(block)
            yield Block(places, block)
        first += rows
