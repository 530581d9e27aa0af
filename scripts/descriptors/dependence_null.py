"""What nHSIC and RDC are between columns that have nothing to do with each other.

Columns are paired with columns whose rows were permuted (their missing values go along), so that
everything but the dependence stays as it is in the table: number of rows, ties, missing values.
The largest canonical correlation of independent columns grows as rows get fewer, so the smallest
overlap that is measured at all has a null of its own: that many valid values are drawn from each
column, without replacement and independently.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scripts.common.files import private_folder
from scripts.common.hashing import keyed_hash
from scripts.descriptors.dependence import Dependence
from scripts.descriptors.ranks import mid_ranks, normal_scores
from scripts.descriptors.score_store import (
    HeldScores,
    Scores,
    ScoreStore,
    spilled,
)

Measured = Callable[[ScoreStore], Dependence]
Summary = dict[str, dict[str, float | int] | int]


def permutation_null(
    store: ScoreStore,
    names: Sequence[str],
    measured: Measured,
    *,
    pairs: int,
    seed: int,
    folder: Path,
) -> Summary:
    """Summarize the measures of columns with permuted columns.

    Args:
        store: normal scores.
        names: of its columns.
        measured: measures all pairs of a store's columns.
        pairs: number of pairs; the next larger square is taken.
        seed: seed of the run.
        folder: local disk for the permuted columns.
    """
    side = _side(pairs)
    left, right = _choices(names, side, seed)

    def columns() -> Iterator[Scores]:
        for column in left:
            yield store.read_columns([column]).T
        for place, column in enumerate(right):
            generator = _generator(seed, "null permutation", names[column], place)
            yield store.read_columns([column]).T[generator.permutation(store.rows)]

    with (
        private_folder(folder) as own,
        spilled(own, store.rows, 2 * side, columns()) as permuted,
    ):
        return _summary(measured(permuted), side)


def smallest_overlap_null(
    store: ScoreStore,
    names: Sequence[str],
    measured: Measured,
    *,
    overlap: int,
    pairs: int,
    seed: int,
) -> Summary:
    """Summarize the measures of columns of which `overlap` valid values each were drawn.

    Columns with fewer valid values are left out of the choice of pairs. The other arguments are
    those of `permutation_null`.
    """
    side = _side(pairs)
    enough = np.flatnonzero(store.valid >= overlap).tolist()
    if not enough:
        return {"pairs": 0}
    left, right = _choices([names[column] for column in enough], side, seed)
    drawn = np.empty((overlap, 2 * side))
    for place, choice in enumerate([*left, *right]):
        column = enough[choice]
        scores = store.read_columns([column])[0]
        generator = _generator(seed, "null draw", names[column], place)
        values = generator.choice(scores[~np.isnan(scores)], overlap, replace=False)
        drawn[:, place] = normal_scores(mid_ranks(values))
    return _summary(measured(HeldScores(drawn)), side)


def _side(pairs: int) -> int:
    return math.isqrt(pairs - 1) + 1


def _choices(names: Sequence[str], side: int, seed: int) -> tuple[list[int], list[int]]:
    """Return places of `side` columns for the left, and of as many for the right.

    Both go through all columns in a keyed order, the right ones on from where the left ones end,
    so that few pairs are a column with its own permutation.
    """
    order = sorted(range(len(names)), key=lambda place: keyed_hash(seed, "null", names[place]))
    turns = [order[turn % len(order)] for turn in range(2 * side)]
    return turns[:side], turns[side:]


def _generator(seed: int, purpose: str, name: str, place: int) -> np.random.Generator:
    key = keyed_hash(seed, purpose, name, str(place))
    return np.random.Generator(np.random.Philox(key=key))


def _summary(found: Dependence, side: int) -> Summary:
    """Summarize the pairs of the first `side` columns with the others."""
    block = slice(None, side), slice(side, None)
    summary: Summary = {"pairs": side * side, "overlap": _overlap(found.overlap[block])}
    for name, values in found.values.items():
        known = values[block][~np.isnan(values[block])]
        summary[name] = {"measured": int(known.size)}
        if known.size:
            summary[name] = {
                "measured": int(known.size),
                "mean": float(known.mean()),
                "quantile_95": float(np.quantile(known, 0.95)),
                "maximum": float(known.max()),
            }
    return summary


def _overlap(overlap: NDArray[np.int32]) -> dict[str, float | int]:
    return {
        "minimum": int(overlap.min()),
        "median": float(np.median(overlap)),
        "maximum": int(overlap.max()),
    }
