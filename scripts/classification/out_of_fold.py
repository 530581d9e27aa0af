"""Predictions for rows by models that have seen neither them nor their group.

The model is multinomial naive Bayes over TF-IDF weights (Rennie et al. 2003, "Tackling the poor
assumptions of naive Bayes text classifiers", without its complement), smoothed towards the n-grams
of all classes together: linear in the logarithm, one
pass over the rows to fit, so a million rows and hundreds of classes are a matter of minutes. Its
probabilities are too extreme, since n-grams of a text depend on each other; so predictions are
kept for several scales of the exponent, among which the calibration chooses.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from scripts.classification.ngram_store import NgramStore
from scripts.common.hashing import keyed_hash

Ids = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float32]

# Exponents of the likelihood, 1 being naive Bayes as it stands; they span what dependent n-grams
# of short and long texts ask for.
SCALES = 2.0 ** (np.arange(-8, 3) / 2)
# Each class is given this weight of n-grams as all classes together have them (about a text's
# worth): a small class then differs from the others by what its rows show, not by what they lack.
_SHARED_WEIGHT = 10.0
_UNSEEN_WEIGHT = 0.001  # of an n-gram that no training row has
_PSEUDO_ROWS = 0.5


@dataclass(frozen=True)
class OutOfFold:
    """Predictions of each row at each scale.

    Attributes:
        own: (scales, rows) probability of the row's own label.
        best: (scales, rows) probability of the likeliest class.
        best_id: (scales, rows) that class; of equals the first.
        seen: (rows,) rows of the same label that the model was fitted to.
    """

    own: Probabilities
    best: Probabilities
    best_id: npt.NDArray[np.int32]
    seen: Ids


def folds_of(labels: Ids, groups: Ids, *, folds: int, seed: int) -> Ids:
    """Deal groups to folds, the groups of each class evenly.

    Args:
        labels: (rows,) label ids.
        groups: (rows,) group numbers; a group counts to the class of its first row.
        folds: number of folds.
        seed: decides which group goes where.

    Returns:
        (rows,) fold numbers; no group is divided.
    """
    _, first, member = np.unique(groups, return_index=True, return_inverse=True)
    draw = np.random.Generator(np.random.Philox(key=keyed_hash(seed, "folds of label noise")))
    order = np.lexsort((draw.permutation(first.size), labels[first]))
    dealt = np.empty(first.size, np.int64)
    dealt[order] = np.arange(first.size) % folds
    return dealt[member]


def predict_out_of_fold(
    store: NgramStore,
    labels: Ids,
    fold: Ids,
    *,
    classes: int,
    threads: int,
    advance: Callable[[int], None],
) -> OutOfFold:
    """Fit a model to all folds but one and predict that one, for each fold.

    Args:
        store: weights of the rows.
        labels: (rows,) label ids.
        fold: (rows,) fold numbers.
        classes: number of classes, C.
        threads: models that are in memory at a time; each has `store.columns` · C numbers.
        advance: is told how many rows have been predicted.
    """
    shape = (SCALES.size, labels.size)
    found = OutOfFold(
        own=np.empty(shape, np.float32),
        best=np.empty(shape, np.float32),
        best_id=np.empty(shape, np.int32),
        seen=np.empty(labels.size, np.int64),
    )

    def predict(number: int) -> int:
        held_out = fold == number
        model = _fit(store, labels, ~held_out, classes)
        sizes = np.bincount(labels[~held_out], minlength=classes)
        prior = (sizes + _PSEUDO_ROWS) / (sizes + _PSEUDO_ROWS).sum()
        found.seen[held_out] = sizes[labels[held_out]]
        for rows, block in store.blocks():
            chosen = np.flatnonzero(held_out[rows])
            if chosen.size:
                _predict(found, block[chosen] @ model, np.log(prior), rows.start + chosen, labels)
        return int(held_out.sum())

    with ThreadPoolExecutor(threads) as pool:
        for predicted in pool.map(predict, range(int(fold.max()) + 1)):
            advance(predicted)
    return found


def _fit(
    store: NgramStore, labels: Ids, training: npt.NDArray[np.bool_], classes: int
) -> Probabilities:
    """Return ln p(n-gram | class) as columns × C."""
    weights = np.zeros((store.columns, classes), np.float32)
    for rows, block in store.blocks():
        chosen = np.flatnonzero(training[rows])
        members = csr_matrix(
            (np.ones(chosen.size, np.float32), labels[rows][chosen], np.arange(chosen.size + 1)),
            shape=(chosen.size, classes),
        )
        sums = (block[chosen].T @ members).tocoo()
        weights[sums.row, sums.col] += sums.data
    weights += shared_weights(weights.sum(axis=1, dtype=np.float64)).astype(np.float32)[:, None]
    totals = weights.sum(axis=0, dtype=np.float64).astype(np.float32)
    np.log(weights, out=weights)
    weights -= np.log(totals)
    return weights


def shared_weights(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return what every class is given of each n-gram, from the training rows' sums (columns,)."""
    seen = sums + _UNSEEN_WEIGHT
    return _SHARED_WEIGHT * seen / seen.sum()


def _predict(
    found: OutOfFold,
    likelihoods: Probabilities,
    prior: npt.NDArray[np.float64],
    rows: Ids,
    labels: Ids,
) -> None:
    """Write down what each scale makes of the log-likelihoods (rows × C)."""
    places = np.arange(rows.size)
    for number, scale in enumerate(SCALES):
        scores = likelihoods * np.float32(scale) + prior.astype(np.float32)
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        best = scores.argmax(axis=1)
        found.own[number, rows] = scores[places, labels[rows]]
        found.best[number, rows] = scores[places, best]
        found.best_id[number, rows] = best
