"""Rows of each class, shaped as labels of bookkeeping are: a few large classes, a long tail."""

import numpy as np
import numpy.typing as npt

from scripts.common.errors import ConfigError

# Chosen so that 6,000 rows in 210 classes span more than 1000 : 1 and leave about 80 classes with
# ten rows or more.
_EXPONENT = 1.1
_LEAST_SHARED = 2


def zipf_counts(rows: int, classes: int, singletons: int) -> npt.NDArray[np.int64]:
    """Share `rows` out to `classes`, the n-th getting about n**-1.1 of them.

    Args:
        rows: rows in all.
        classes: number of classes, singletons included.
        singletons: classes of one row, the last ones; every other class has two or more.

    Returns:
        Rows of each class, descending; their sum is `rows`.

    Raises:
        ConfigError: there are too few rows.
    """
    shared = classes - singletons
    least = _LEAST_SHARED * shared + singletons
    if shared < 1 or rows < least:
        raise ConfigError(
            f"{rows} rows do not suffice for {classes} classes, {singletons} of one row; "
            f"allowed: {least} rows or more"
        )
    shares = np.arange(1, shared + 1, dtype=np.float64) ** -_EXPONENT
    # What is left after each class has its least is shared out; the largest remainders round up.
    exact = shares / shares.sum() * (rows - least)
    counts = np.floor(exact).astype(np.int64)
    missing = rows - least - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:missing]] += 1
    counts = np.sort(counts)[::-1] + _LEAST_SHARED
    return np.concatenate([counts, np.ones(singletons, np.int64)])
