"""A random part of the rows, in each class or overall, that no order of reading can change."""

import numpy as np
import numpy.typing as npt

from scripts.common.keyed_generator import keyed_generator


def extract(
    rows: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int32],
    names: list[str],
    *,
    ratio: float,
    stratified: bool,
    seed: int,
) -> npt.NDArray[np.bool_]:
    """Choose a part of the rows.

    Args:
        rows: (n,) ascending row numbers of the input.
        labels: (n,) number of each row's label.
        names: the labels by number.
        ratio: part to keep, above 0 and at most 1.
        stratified: whether every class keeps this part of its rows, up to one row; the classes
            with the largest remainders are rounded up, so that `ratio` of all rows, rounded, stay.
        seed: decides which rows, by their numbers, and which of equal remainders come first.

    Returns:
        (n,) whether a row is kept.
    """
    wanted = round(ratio * rows.size)
    if wanted == rows.size:
        return np.ones(rows.size, np.bool_)
    last = int(rows[-1]) + 1 if rows.size else 0
    ranks = keyed_generator(seed, "extracted rows").random(last)[rows]
    kept = np.zeros(rows.size, np.bool_)
    if not stratified:
        kept[np.lexsort((rows, ranks))[:wanted]] = True
        return kept
    counts = np.bincount(labels, minlength=len(names))
    quotas = _quotas(counts, names, ratio, wanted, seed)
    order = np.lexsort((rows, ranks, labels))
    begins = np.cumsum(counts) - counts
    place_in_class = np.arange(rows.size) - np.repeat(begins, counts)
    kept[order] = place_in_class < np.repeat(quotas, counts)
    return kept


def _quotas(
    counts: npt.NDArray[np.int64], names: list[str], ratio: float, wanted: int, seed: int
) -> npt.NDArray[np.int64]:
    """Return how many rows each class keeps; they sum up to `wanted`."""
    exact = np.round(counts * ratio, 9)  # 0.29 * 100 is 29, not 28.999999999999996
    quotas = np.floor(exact).astype(np.int64)
    remainders = exact - quotas
    # Equal remainders, as of all singletons, are in random order of their labels.
    by_name = sorted(range(len(names)), key=names.__getitem__)
    ties = np.empty(len(names))
    ties[by_name] = keyed_generator(seed, "remainders of classes").random(len(names))
    order = np.lexsort((ties, -remainders))
    quotas[order[: wanted - int(quotas.sum())]] += 1
    return quotas
