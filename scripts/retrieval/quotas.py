"""How a number of places is shared out among clusters."""

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def share_out(places: int, weights: NDArray[np.float64], limits: Counts) -> Counts:
    """Return the places of each cluster: in proportion to its weight, never more than its limit.

    What a limit leaves over goes to the others in the same proportion; parts of a place go by
    largest remainder, the earlier cluster first where remainders are equal.

    Args:
        places: how many there are; all of them are given unless the limits add up to fewer.
        weights: (clusters,) from 0; where all that have room weigh nothing, they share equally.
        limits: (clusters,) the most that each can use, from 0.

    Returns:
        (clusters,) places of each.
    """
    given = np.zeros(len(limits), np.int64)
    left = min(places, int(limits.sum()))
    while left:
        room = limits - given
        parts = left * _proportions(np.where(room > 0, weights, 0.0), room > 0)
        full = (room > 0) & (parts >= room)
        if full.any():
            given[full] = limits[full]
            left = min(places, int(limits.sum())) - int(given.sum())
            continue
        whole = np.floor(parts).astype(np.int64)
        rest = left - int(whole.sum())
        order = np.argsort(-(parts - whole), kind="stable")
        whole[order[:rest]] += 1
        return given + whole
    return given


def _proportions(weights: NDArray[np.float64], has_room: NDArray[np.bool_]) -> NDArray[np.float64]:
    total = float(weights.sum())
    return weights / total if total > 0 else has_room / max(int(has_room.sum()), 1)
