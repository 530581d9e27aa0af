"""How uneven the classes of a set are, from the number of rows of each class.

A class without rows counts as absent: it changes no figure. Entropies and losses are in nats.
The effective number of classes is the exponential of the entropy (Jost 2006, "Entropy and
diversity", first-order diversity): C equal classes have C, one class alone has 1. Gini's
coefficient is that of the class sizes: 0 where all are equal, near 1 where one class has all rows.

What a classifier that knows nothing but the frequencies attains is computed from the set itself,
or from the training set's counts where it is judged on another one: `majority_baseline` is the
accuracy of always answering the largest class, `prior_only_loss` the cross-entropy of answering
the frequencies.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


def present(counts: Counts) -> Counts:
    """Return the counts of the classes that have rows."""
    return counts[counts > 0]


def ratio(counts: Counts) -> float:
    """Return the largest class over the smallest class that has rows, at least 1."""
    sizes = present(counts)
    return float(sizes.max() / sizes.min())


def entropy(counts: Counts) -> float:
    """Return the entropy of the class frequencies in nats, 0 to ln of the number of classes."""
    shares = present(counts) / counts.sum()
    # Rounding can leave -0.0 or a negative number of the size of 1e-17.
    return max(0.0, float(-(shares * np.log(shares)).sum()))


def gini(counts: Counts) -> float:
    """Return Gini's coefficient of the class sizes, 0 to 1 - 1 / classes."""
    sizes = np.sort(present(counts))
    ranks = 2 * np.arange(1, sizes.size + 1) - sizes.size - 1
    return float((ranks * sizes).sum() / (sizes.size * sizes.sum()))


def top_share(counts: Counts, top_k: int) -> float:
    """Return the share of rows in the `top_k` largest classes, 0 to 1."""
    return float(np.sort(counts)[::-1][:top_k].sum() / counts.sum())


def majority_baseline(counts: Counts, training: Counts | None = None) -> float:
    """Return the accuracy of always answering the largest class of `training` (or of the set)."""
    reference = counts if training is None else training
    return float(counts[int(np.argmax(reference))] / counts.sum())


def prior_only_loss(counts: Counts, training: Counts | None = None) -> float | None:
    """Return the cross-entropy, in nats a row, of answering the frequencies of `training`.

    Without `training` these are the set's own, and the loss is its entropy. It is None where a
    class of the set has no training row: the loss is then infinite.
    """
    if training is None:
        return entropy(counts)
    here = counts > 0
    if not training[here].all():
        return None
    shares = counts[here] / counts.sum()
    return float(-(shares * np.log(training[here] / training.sum())).sum())


def describe_imbalance(
    counts: Counts, *, top_k: int, training: Counts | None = None
) -> dict[str, Any]:
    """Return every figure of a set.

    Args:
        counts: (C,) rows of each class, absent ones 0.
        top_k: how many of the largest classes `top_k_share` sums up.
        training: (C,) rows of the same classes in the training set, where the set is another one.

    Returns:
        The figures by name; all but `rows`, `classes`, `singletons` and `top_k` are None where
        there are no rows, and so is the normalized entropy of a single class.
    """
    counts = np.asarray(counts, np.int64)
    classes = int((counts > 0).sum())
    figures: dict[str, Any] = {
        "rows": int(counts.sum()),
        "classes": classes,
        "singletons": int((counts == 1).sum()),
        "top_k": top_k,
    }
    if not classes:
        return figures | dict.fromkeys(_FIGURES)
    return figures | {
        "largest": int(counts.max()),
        "smallest": int(present(counts).min()),
        "ratio": ratio(counts),
        "entropy": entropy(counts),
        "normalized_entropy": entropy(counts) / math.log(classes) if classes > 1 else None,
        "effective_number": math.exp(entropy(counts)),
        "gini": gini(counts),
        "top_k_share": top_share(counts, top_k),
        "majority_baseline": majority_baseline(counts, training),
        "prior_only_loss": prior_only_loss(counts, training),
        "ln_classes": math.log(classes),
    }


_FIGURES = (
    "largest",
    "smallest",
    "ratio",
    "entropy",
    "normalized_entropy",
    "effective_number",
    "gini",
    "top_k_share",
    "majority_baseline",
    "prior_only_loss",
    "ln_classes",
)
