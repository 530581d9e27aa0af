"""Rows of the table of histograms: attributes of documents, distances and lengths of samples."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from scripts.common.corpus_tables import SCORES
from scripts.common.out_of_core import copy_columns

_BINS = {
    "characters": 100.0,
    "sentence_marks": 5.0,
    "hangul_ratio": 0.02,
    "symbol_ratio": 0.01,
    "nnp_ratio": 0.01,
}


def attribute_histograms(
    database: duckdb.DuckDBPyConnection, scores: Sequence[Path]
) -> list[tuple[Any, ...]]:
    """Return (quantity, source, low, high, documents) of each attribute and source.

    Args:
        database: counts batch by batch.
        scores: attributes of all shards; a shard's folder is named after its source.
    """
    counts: Counter[tuple[str, str, int]] = Counter()
    for path in scores:
        for batch in copy_columns(path, SCORES, list(_BINS)):
            database.register("batch", batch)
            for quantity, width in _BINS.items():
                found = database.execute(
                    f"SELECT floor({quantity} / {width} + 1e-9)::INTEGER, count(*) FROM batch "
                    f"WHERE {quantity} IS NOT NULL GROUP BY ALL"
                ).fetchall()
                for place, number in found:
                    counts[quantity, path.parent.name, place] += number
    return [
        (
            quantity,
            source,
            round(place * _BINS[quantity], 6),
            round((place + 1) * _BINS[quantity], 6),
            n,
        )
        for (quantity, source, place), n in sorted(counts.items())
    ]


def dataset_histograms(name: str, metadata: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return (quantity, dataset, low, high, count) of a dataset's distances and tokens."""
    return [
        (quantity, name, int(low), int(high), int(number))
        for quantity, key in (("distance", "distance_histogram"), ("tokens", "token_histogram"))
        for low, high, number in metadata.get(key, [])
        if number
    ]
