"""Which labels are probably wrong: confident learning from out-of-fold predictions.

Northcutt, Jiang and Chuang (2021, "Confident learning", section 3) count a row as confidently of
class j if p(j | row) reaches t_j, the mean of p(j | row) over the rows labelled j. A row labelled i
is a candidate here if its likeliest class j is not i, reaches t_j, and i stays below t_i. The
likeliest class of all, not the likeliest of those that reach their thresholds: with many rare
classes almost every row reaches some tiny threshold.

Where classes are alike, many candidates are merely ambiguous: the model prefers one sibling and the
label is the other. So a suspect must also be explained better by a mistake than by its text. The
labels are taken as a mixture: with probability 1 - e the label follows the model, with e it is any
label by frequency q. The scale of the model's exponent (temperature, Guo et al. 2017) and e are
those under which the observed labels are likeliest; the row's label is wrong with probability
e q_i / ((1 - e) p_i + e q_i), which has to be above one half.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scripts.classification.out_of_fold import SCALES, Ids, OutOfFold

RULE = (
    "A label is suspect if, out of fold, another class is the likeliest and reaches its threshold "
    "(the mean probability of a class over its own rows), the label itself stays below its "
    "threshold (Northcutt et al. 2021), and a random label explains it better than the text does; "
    "or if the same text carries another label elsewhere."
)
# A class with fewer rows in the other folds is not known well enough to overrule a label.
LEAST_SEEN = 5
_FIRST_GUESS = 0.02
_STEPS = 200
_LEAST = 1e-30  # below what single precision can tell from 0
_Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judgement:
    """What is thought of each label.

    Attributes:
        scale: the exponent that was chosen.
        noise_share: e, the share of labels that do not follow the texts.
        own: (rows,) probability of the label.
        best: (rows,) probability of the likeliest class.
        best_id: (rows,) that class.
        judged: (rows,) whether the row could be judged.
        suspect: (rows,) whether the label is probably wrong.
    """

    scale: float
    noise_share: float
    own: _Numbers
    best: _Numbers
    best_id: npt.NDArray[np.int32]
    judged: npt.NDArray[np.bool_]
    suspect: npt.NDArray[np.bool_]


def judge_labels(
    found: OutOfFold, labels: Ids, has_text: npt.NDArray[np.bool_], classes: int
) -> Judgement:
    """Apply the rule.

    Args:
        found: out-of-fold predictions.
        labels: (rows,) label ids.
        has_text: (rows,) whether the row has a text to judge by.
        classes: number of classes.
    """
    judged = has_text & (found.seen >= LEAST_SEEN)
    frequency = np.bincount(labels, minlength=classes) / labels.size
    by_chance = frequency[labels[judged]]
    fits = [_fit_noise(own[judged].astype(np.float64), by_chance) for own in found.own]
    number = max(range(len(fits)), key=lambda place: fits[place][1])
    share = fits[number][0]
    own, best = found.own[number].astype(np.float64), found.best[number].astype(np.float64)
    best_id = found.best_id[number]
    thresholds = _thresholds(own, labels, judged, classes)
    wrong = _wrong(own, frequency[labels], share)
    suspect = (
        judged
        & (best_id != labels)
        & (best >= thresholds[best_id])
        & (own < thresholds[labels])
        & (wrong > 0.5)
    )
    return Judgement(float(SCALES[number]), share, own, best, best_id, judged, suspect)


def _thresholds(
    own: _Numbers, labels: Ids, judged: npt.NDArray[np.bool_], classes: int
) -> _Numbers:
    """Return the mean probability of each class over its own rows; infinite where it has none."""
    rows = np.bincount(labels[judged], minlength=classes)
    sums = np.bincount(labels[judged], own[judged], classes)
    return np.where(rows > 0, sums / np.maximum(rows, 1), np.inf)


def _fit_noise(own: _Numbers, by_chance: _Numbers) -> tuple[float, float]:
    """Return the share of noise by expectation maximization, and the mean log-likelihood."""
    if not own.size:
        return 0.0, 0.0
    share = _FIRST_GUESS
    for _ in range(_STEPS):
        share = float(_wrong(own, by_chance, share).mean())
    mixed = (1 - share) * own + share * by_chance
    return share, float(np.log(np.maximum(mixed, _LEAST)).mean())


def _wrong(own: _Numbers, by_chance: _Numbers, share: float) -> _Numbers:
    """Return the probability that each label does not follow the text."""
    noise = share * by_chance
    return noise / np.maximum((1 - share) * own + noise, _LEAST)
