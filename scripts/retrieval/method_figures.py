"""Entries of the matrix and figures of transfer of every method, as samples and as estimates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scripts.retrieval.paired_draws import LEVEL, Intervals, PairedDraws, Sample
from scripts.retrieval.score_book import ScoreBook
from scripts.retrieval.tables import MEASURES
from scripts.retrieval.transfer import (
    AVERAGE,
    FIGURES,
    LOWER_IS_BETTER,
    SHARES,
    entry_parts,
    figure_parts,
)

BETTER, WORSE, WITHIN = "better", "worse", "within"


@dataclass(frozen=True)
class Estimate:
    """One number with its interval.

    Attributes:
        seeds, queries: what it was measured on.
        value: the estimate.
        deviation: standard deviation over training seeds, None for one.
        error: standard error of the estimate; None, as the interval, where it cannot be drawn.
        low, high: ends of its 95 % interval.
    """

    seeds: int
    queries: int
    value: float
    deviation: float | None
    error: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Difference:
    """A method minus another one.

    Attributes:
        queries: test queries that both answered.
        value, error, low, high: as of an `Estimate`.
        detectable: smallest true difference that is found in four of five trials.
        verdict: of the first method: BETTER or WORSE beyond the interval, WITHIN it, "" without.
    """

    queries: int
    value: float
    error: float | None
    low: float | None
    high: float | None
    detectable: float | None
    verdict: str


def figure_sample(
    book: ScoreBook, streams: Sequence[str], figure: str, session: int
) -> Sample | None:
    """Return a method's sample of one of FIGURES, None where it is not known."""
    return _sample(streams, [figure_parts(book, one, figure, session) for one in streams])


def entry_sample(book: ScoreBook, streams: Sequence[str], model: int, test: int) -> Sample | None:
    """Return a method's sample of A[model, test], None where it is not known."""
    return _sample(streams, [entry_parts(book, one, model, test) for one in streams])


def known_figures(book: ScoreBook, streams: Sequence[str]) -> Iterator[tuple[str, int, Sample]]:
    """Yield (figure, session, sample) of all that is known of a method."""
    for figure in FIGURES:
        for session in range(book.sessions):
            sample = figure_sample(book, streams, figure, session)
            if sample is not None:
                yield figure, session, sample


def estimates(sample: Sample, figure: str, draws: PairedDraws) -> list[Estimate]:
    """Return an estimate of each measure of a figure; that of a share stays within 0 and 1."""
    found, by_seed = draws.intervals(sample), sample.by_seed
    if figure in SHARES:
        found = replace(found, low=found.low.clip(0, 1), high=found.high.clip(0, 1))
    spread = by_seed.std(axis=0, ddof=1) if len(by_seed) > 1 else None
    return [
        Estimate(
            seeds=len(sample.seeds),
            queries=sample.queries,
            value=float(found.values[column]),
            deviation=None if spread is None else float(spread[column]),
            **_ends(found, column),
        )
        for column in range(len(MEASURES))
    ]


def entry_estimates(sample: Sample, draws: PairedDraws) -> list[Estimate]:
    """Return an estimate of each measure of one entry of the matrix.

    Where all queries have 0 or all have 1, every draw is the same and tells nothing; the interval
    is then the exact binomial one (Clopper and Pearson 1934) with a query as a trial.
    """
    (values,) = sample.parts.values()
    bound = (1 - LEVEL) / 2
    found = []
    for column, one in enumerate(estimates(sample, AVERAGE, draws)):
        low, high = one.low, one.high
        if low is not None and (values[:, :, column] == 0).all():
            high = 1 - bound ** (1 / one.queries)
        elif low is not None and (values[:, :, column] == 1).all():
            low = bound ** (1 / one.queries)
        found.append(replace(one, low=low, high=high))
    return found


def differences(first: Sample, second: Sample, figure: str, draws: PairedDraws) -> list[Difference]:
    """Return the difference in each measure of a figure."""
    found = draws.difference(first, second)
    return [
        Difference(
            queries=first.queries,
            value=float(found.values[column]),
            detectable=_known(found.detectable[column]),
            verdict=_verdict(figure, found.low[column], found.high[column]),
            **_ends(found, column),
        )
        for column in range(len(MEASURES))
    ]


def _sample(streams: Sequence[str], parts: list[dict[int, np.ndarray] | None]) -> Sample | None:
    known = [part for part in parts if part is not None]
    if not known or len(known) < len(parts):
        return None
    seeds = tuple(stream.rpartition("/")[2] for stream in streams)
    return Sample(seeds, {test: np.stack([part[test] for part in known]) for test in known[0]})


def _verdict(figure: str, low: float, high: float) -> str:
    if np.isnan(low) or np.isnan(high):
        return ""
    if low <= 0 <= high:
        return WITHIN
    return BETTER if (low > 0) != (figure in LOWER_IS_BETTER) else WORSE


def _ends(found: Intervals, column: int) -> dict[str, float | None]:
    return {
        "error": _known(found.errors[column]),
        "low": _known(found.low[column]),
        "high": _known(found.high[column]),
    }


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
