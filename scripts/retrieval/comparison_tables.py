"""Rows of the tables of a comparison of methods; sessions go by number, the base model is -1."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from scripts.retrieval.method_figures import (
    Difference,
    Estimate,
    differences,
    entry_estimates,
    entry_sample,
    estimates,
    figure_sample,
    known_figures,
)
from scripts.retrieval.paired_draws import PairedDraws
from scripts.retrieval.score_book import ScoreBook, streams_by_method
from scripts.retrieval.score_rows import BASE
from scripts.retrieval.tables import MEASURES
from scripts.retrieval.transfer import FIGURES

_ESTIMATE = ("seeds", "queries", "value", "sd", "standard_error", "low", "high")
METRICS_COLUMNS = (
    *("method", "seed", "collection", "mode", "model", "test", "queries"),
    *MEASURES,
)
MATRIX_COLUMNS = ("method", "collection", "mode", "measure", "model", "test", *_ESTIMATE)
TRANSFER_COLUMNS = ("method", "collection", "mode", "measure", "figure", "session", *_ESTIMATE)
COMPARISON_COLUMNS = (
    *("method", "reference", "collection", "mode", "measure", "figure"),
    *("seeds", "reference_seeds", "queries", "value", "reference_value", "difference"),
    *("standard_error", "low", "high", "smallest_detectable", "verdict"),
    *("memory_limit", "reference_memory_limit", "memory_documents", "reference_memory_documents"),
    *("steps", "reference_steps", "equal"),
)
Row = tuple[Any, ...]


def metric_rows(books: Sequence[ScoreBook]) -> Iterator[Row]:
    """Yield rows of `METRICS_COLUMNS`: means over queries, by stream, model and test session."""
    for book in books:
        for stream, cells in book.cells.items():
            method, _, seed = stream.rpartition("/")
            for (model, test), values in sorted(cells.items()):
                means = values.mean(axis=0) if len(values) else [None] * len(MEASURES)
                yield (
                    *(method, seed, book.collection, book.mode, model, test, len(values)),
                    *map(written, means),
                )


def matrix_rows(
    books: Sequence[ScoreBook], methods: Mapping[str, Any], draws: PairedDraws
) -> Iterator[Row]:
    """Yield rows of `MATRIX_COLUMNS`: every known entry of A, means over seeds.

    A method that no session changes has its rows for every session, and as the base for -1.
    """
    for book in books:
        for method, streams in streams_by_method(book, methods).items():
            for model in range(BASE, book.sessions):
                for test in book.tested:
                    sample = entry_sample(book, streams, model, test)
                    if sample is None:
                        continue
                    for measure, one in zip(MEASURES, entry_estimates(sample, draws), strict=True):
                        yield (
                            *(method, book.collection, book.mode, measure, model, test),
                            *_estimate(one),
                        )


def transfer_rows(
    books: Sequence[ScoreBook], methods: Mapping[str, Any], draws: PairedDraws
) -> Iterator[Row]:
    """Yield rows of `TRANSFER_COLUMNS`: `transfer.FIGURES` as of every session."""
    for book in books:
        for method, streams in streams_by_method(book, methods).items():
            for figure, session, sample in known_figures(book, streams):
                for measure, one in zip(MEASURES, estimates(sample, figure, draws), strict=True):
                    yield (
                        *(method, book.collection, book.mode, measure, figure, session),
                        *_estimate(one),
                    )


def compared(
    books: Sequence[ScoreBook],
    methods: Mapping[str, Any],
    effort: Mapping[str, Mapping[str, Any]],
    reference: str,
    draws: PairedDraws,
) -> list[dict[str, Any]]:
    """Return rows of `COMPARISON_COLUMNS` by name: every method against `reference`, at the end."""
    found = []
    for book in books:
        by_method = streams_by_method(book, methods)
        if reference not in by_method:
            continue
        for figure in FIGURES:
            second = figure_sample(book, by_method[reference], figure, book.sessions - 1)
            for method, streams in by_method.items():
                first = figure_sample(book, streams, figure, book.sessions - 1)
                if method == reference or first is None or second is None:
                    continue
                values = first.by_seed.mean(axis=0), second.by_seed.mean(axis=0)
                for column, one in enumerate(differences(first, second, figure, draws)):
                    found.append(
                        {
                            "method": method,
                            "reference": reference,
                            "collection": book.collection,
                            "mode": book.mode,
                            "measure": MEASURES[column],
                            "figure": figure,
                            "seeds": len(first.seeds),
                            "reference_seeds": len(second.seeds),
                            "value": float(values[0][column]),
                            "reference_value": float(values[1][column]),
                            **difference_cells(one),
                            **compared_effort(effort, method, reference),
                        }
                    )
    return found


def compared_pairs(
    book: ScoreBook, methods: Mapping[str, Any], figure: str, measure: str, draws: PairedDraws
) -> list[dict[str, Any]]:
    """Return the difference of every two methods in one figure and measure, at the end."""
    samples = {
        method: figure_sample(book, streams, figure, book.sessions - 1)
        for method, streams in streams_by_method(book, methods).items()
    }
    column = MEASURES.index(measure)
    return [
        {
            "method": one,
            "reference": other,
            **difference_cells(differences(first, second, figure, draws)[column]),
        }
        for (one, first), (other, second) in combinations(samples.items(), 2)
        if first is not None and second is not None
    ]


def difference_cells(one: Difference) -> dict[str, Any]:
    """Return a difference by the names of `COMPARISON_COLUMNS`."""
    return {
        "queries": one.queries,
        "difference": one.value,
        "standard_error": one.error,
        "low": one.low,
        "high": one.high,
        "smallest_detectable": one.detectable,
        "verdict": one.verdict,
    }


def compared_effort(
    effort: Mapping[str, Mapping[str, Any]], method: str, reference: str
) -> dict[str, Any]:
    """Return what two methods may hold, held and trained, by the names of `COMPARISON_COLUMNS`.

    `equal` says whether limit and steps are the same; a memory that keeps all has no limit.
    """
    one, other = effort[method], effort[reference]
    names = ("memory_limit", "memory_documents", "steps")
    same = one["memory_limit"] is not None and all(
        one[name] == other[name] for name in ("memory_limit", "steps")
    )
    return {
        **{name: one[name] for name in names},
        **{f"reference_{name}": other[name] for name in names},
        "equal": "yes" if same else "no",
    }


def comparison_row(found: Mapping[str, Any]) -> Row:
    """Return a row of `COMPARISON_COLUMNS`."""
    return tuple(
        written(value) if isinstance(value, float) else value
        for value in (found[name] for name in COMPARISON_COLUMNS)
    )


def written(value: float | None) -> str | None:
    """Return a number as tables show it."""
    return None if value is None or not np.isfinite(value) else f"{value:.6f}"


def _estimate(one: Estimate) -> Row:
    numbers = (one.value, one.deviation, one.error, one.low, one.high)
    return (one.seeds, one.queries, *map(written, numbers))
