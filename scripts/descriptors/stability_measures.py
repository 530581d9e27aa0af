"""What repetitions of the selection have in common with the real run.

Two questions, since pass 3 may drop either of two near-equivalent descriptors: whether the same
descriptors survive and stand for the same others (adjusted Rand index, Hubert & Arabie 1985), and
whether what survived the real run has at least a close relative among the repetition's survivors.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from scripts.descriptors.agreement import adjusted_rand_index
from scripts.descriptors.events import PASSES
from scripts.descriptors.pass_lineages import Lineage, LineageByPass, survivors_in
from scripts.descriptors.similarity_graph import Numbers

COLUMNS = ("descriptor", "survivor", "survived", "same_survivor", "instead")
_LAST = PASSES[-1]
_CLUSTERED = PASSES[1:]


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
    levels: Sequence[float],
) -> dict[str, Any]:
    """Return agreement and numbers of survivors, pass by pass and in the end.

    Each entry has mean, lowest and highest over the repetitions (None without any), and the values
    by bootstrap. Clusters are compared over the descriptors that pass 1 kept both times.

    Args:
        real: after each pass, what stands for each descriptor in the real run.
        found: the same in each repetition.
        nearest: for each repetition the largest |ρ| of each real survivor with its survivors.
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
