"""What repetitions of the selection have in common with the real run.

Two questions, since pass 3 may drop any one of several descriptors that explain each other: whether
the same descriptors survive and stand for the same others (adjusted Rand index, Hubert & Arabie
1985); and what of the real survivors a repetition's survivors still say, a near one alone (share
with a large |ρ|) or all together (adjusted R², Ezekiel 1930).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from scripts.descriptors.agreement import adjusted_rand_index
from scripts.descriptors.events import PASSES
from scripts.descriptors.pass_lineages import Lineage, LineageByPass, survivors_in
from scripts.descriptors.similarity_graph import Numbers

COLUMNS = ("descriptor", "survivor", "survived", "same_survivor", "instead")
_LAST = PASSES[-1]
_CLUSTERED = PASSES[1:]
_FLOOR = 1e-4  # of eigenvalues: where values are missing, correlations may be indefinite


def stability_rows(real: Lineage, found: Sequence[Lineage]) -> list[tuple[object, ...]]:
    """Return a row of `COLUMNS` for each descriptor, in name order; none without repetitions.

    A reject's survivor is empty; being a reject again counts as the same. `instead` is the other
    survivor that stood for the descriptor most often, by name where several did; empty where none.

    Args:
        real: the survivor that stands for each descriptor in the real run.
        found: the same in each repetition.
    """
    if not found:
        return []
    return [
        (
            name,
            real[name],
            f"{sum(lineage[name] == name for lineage in found) / len(found):.4f}",
            f"{sum(lineage[name] == real[name] for lineage in found) / len(found):.4f}",
            _instead(real[name], [lineage[name] for lineage in found]),
        )
        for name in sorted(real)
    ]


def _instead(real: str | None, found: Sequence[str | None]) -> str | None:
    others = Counter(name for name in found if name is not None and name != real)
    return min(others, key=lambda name: (-others[name], name), default=None)


def summary_of(
    real: LineageByPass,
    found: Sequence[LineageByPass],
    nearest: Sequence[Numbers],
    explained: Sequence[Numbers],
    levels: Sequence[float],
) -> dict[str, Any]:
    """Return agreement and numbers of survivors, pass by pass and in the end.

    Each entry has mean, lowest and highest over the repetitions (None without any), and the values
    by bootstrap. Clusters are compared over the descriptors that pass 1 kept both times.

    Args:
        real: after each pass, what stands for each descriptor in the real run.
        found: the same in each repetition.
        nearest: for each repetition the largest |ρ| of each real survivor with its survivors.
        explained: for each repetition the share of variance of each real survivor that its
            survivors explain together.
        levels: |ρ| from which a survivor counts as covered.
    """
    agreements = {
        f"pass{number}": _entry([agreement_of(real[number], one[number]) for one in found])
        for number in _CLUSTERED
    }
    survivors = {
        f"pass{number}": {
            "real": len(survivors_in(real[number])),
            **_entry([len(survivors_in(one[number])) for one in found]),
        }
        for number in PASSES
    }
    return {
        "bootstraps": len(found),
        "adjusted_rand_index": agreements[f"pass{_LAST}"],
        "adjusted_rand_index_by_pass": agreements,
        "survivors": survivors[f"pass{_LAST}"],
        "survivors_by_pass": survivors,
        "survived_again": _entry([_share_again(real[_LAST], one[_LAST]) for one in found]),
        "covered": {
            f"{level:g}": _entry([share_reaching(values, level) for values in nearest])
            for level in levels
        },
        "explained": _entry(
            [float(np.mean(shares)) if shares.size else 1.0 for shares in explained]
        ),
    }


def _share_again(real: Lineage, other: Lineage) -> float:
    survivors = survivors_in(real)
    again = sum(other[name] == name for name in survivors)
    return again / len(survivors) if survivors else 1.0


def _entry(values: Sequence[float]) -> dict[str, Any]:
    return {
        "mean": float(np.mean(values)) if values else None,
        "lowest": min(values, default=None),
        "highest": max(values, default=None),
        "by_bootstrap": list(values),
    }


def nearest_of(
    real: Sequence[str], other: Sequence[str], places: Mapping[str, int], similarity: Numbers
) -> Numbers:
    """Return for each survivor its largest similarity to the survivors of a repetition.

    One that survived again is 1; one whose pairs are all undefined is 0.

    Args:
        real: (s,) survivors of the real run.
        other: survivors of the repetition; those without a place were not measured.
        places: row of each measured descriptor.
        similarity: (p, p) in [0, 1]; NaN where undefined.
    """
    columns = [places[name] for name in other if name in places]
    if not columns:
        return np.zeros(len(real))
    pairs = similarity[np.ix_([places[name] for name in real], columns)]
    nearest = np.nan_to_num(pairs, nan=0.0).max(axis=1)
    again = set(other)
    return np.where([name in again for name in real], 1.0, nearest)


def explained_by(
    real: Sequence[str],
    other: Sequence[str],
    places: Mapping[str, int],
    correlation: Numbers,
    rows: int,
) -> Numbers:
    """Return for each survivor the share of its variance that a repetition's survivors explain.

    R² of the linear regression of ranks on theirs, adjusted for their number; in [0, 1]. One that
    survived again is 1; with no more rows than regressors nothing is explained.

    Args:
        real: (s,) survivors of the real run.
        other: survivors of the repetition; those without a place were not measured.
        places: row of each measured descriptor.
        correlation: (p, p) in [-1, 1]; NaN where undefined, which counts as 0.
        rows: items that were measured.
    """
    columns = [places[name] for name in other if name in places]
    again = set(other)
    shares = np.zeros(len(real))
    left = rows - len(columns) - 1
    if columns and left > 0:
        # One thread: the last bits depend on it.
        with threadpool_limits(1, user_api="blas"):
            defined = np.nan_to_num(correlation[columns], nan=0.0)
            values, vectors = np.linalg.eigh(defined[:, columns])
            along = vectors.T @ defined[:, [places[name] for name in real]]
        fitted = (along**2 / np.maximum(values, _FLOOR)[:, None]).sum(axis=0)
        shares = np.clip(1 - (1 - np.minimum(fitted, 1)) * (rows - 1) / left, 0, 1)
    return np.where([name in again for name in real], 1.0, shares)


def share_reaching(values: Numbers, level: float) -> float:
    """Return the share of values that reach a level; 1 where there is none to miss it."""
    return float(np.mean(values >= level)) if values.size else 1.0


def agreement_of(one: Lineage, other: Lineage) -> float:
    """Return the adjusted Rand index of two lineages' clusters."""
    names = sorted(name for name in one if one[name] is not None and other[name] is not None)
    return adjusted_rand_index(*(_labels([lineage[n] for n in names]) for lineage in (one, other)))


def _labels(survivors: Sequence[str | None]) -> npt.NDArray[np.int64]:
    numbers: dict[str | None, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in survivors], dtype=np.int64)
