"""Exact search in vector files, one after the other as one collection."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from scripts.retrieval.search import Block, Found, exact_search
from scripts.retrieval.vector_files import DOCUMENTS, QUERIES, read_vectors, vector_blocks


def search_vectors(collection: Sequence[Path], queries: Path, *, depth: int, threads: int) -> Found:
    """Search all documents of some vector files with the queries of one.

    Args:
        collection: files; places count their documents through.
        queries: file of the queries.
        depth: documents a query at most.
        threads: of the search.
    """
    return exact_search(
        read_vectors(queries, QUERIES), _blocks(collection), depth=depth, threads=threads
    )


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
