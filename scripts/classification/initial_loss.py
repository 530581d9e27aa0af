"""Is the loss before the first step what an untrained classifier of C classes costs, ln C?

An untrained head knows nothing: its probabilities are near 1 / C whatever the class frequencies
are, so imbalance cannot raise the initial loss. A loss far from ln C is a fault of the head, of its
scale or of the loss, and no remedy against imbalance will mend it.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FAULT = "wrong_initial_loss"
TOLERANCE = 0.1  # share of ln C
STANDARD_ERRORS = 3.0
_MOST_ROWS = 2048
_MOST_OUTPUTS = 1e6  # of a head that one may have meant


@dataclass(frozen=True)
class InitialLoss:
    """The initial loss and what is to be thought of it.

    Attributes:
        cross_entropy: mean unweighted cross-entropy before the first step, in nats.
        ln_classes: ln C.
        ok: whether the two agree.
        verdict: one sentence; where they do not agree it starts with the fault's name and ends with
            a remedy.
    """

    cross_entropy: float
    ln_classes: float
    ok: bool
    verdict: str

    def as_json(self) -> dict[str, Any]:
        """Return what metrics.json says; a loss that is not finite is null there."""
        finite = math.isfinite(self.cross_entropy)
        return {
            "cross_entropy": self.cross_entropy if finite else None,
            "ln_classes": self.ln_classes,
            "ok": self.ok,
            "verdict": self.verdict,
        }


def rows_to_check(rows: int) -> NDArray[np.int64]:
    """Return the training rows whose loss is looked at: up to 2,048, evenly spaced.

    Args:
        rows: number of training rows, at least one.
    """
    return np.unique(np.linspace(0, rows - 1, _MOST_ROWS).astype(np.int64))


def check_initial_loss(row_losses: NDArray[Any], classes: int) -> InitialLoss:
    """Compare an untrained model's loss with ln C.

    It is right within 0.1 ln C and three standard errors of the mean over rows.

    Args:
        row_losses: (rows,) unweighted cross-entropies of training rows before the first step, at
            least one.
        classes: number of classes, C ≥ 2.
    """
    losses = np.asarray(row_losses, np.float64)
    mean, expected = float(losses.mean()), math.log(classes)
    if not math.isfinite(mean):
        return InitialLoss(
            mean,
            expected,
            False,
            f"{FAULT}: the loss before the first step is {mean} and not a number; look for logits "
            "or inputs that are infinite, or compute the loss in float32",
        )
    error = float(losses.std(ddof=1) / math.sqrt(len(losses))) if len(losses) > 1 else 0.0
    allowed = TOLERANCE * expected + STANDARD_ERRORS * error
    seen = f"the loss before the first step is {mean:.3f}, ln {classes} = {expected:.3f}"
    if abs(mean - expected) <= allowed:
        return InitialLoss(mean, expected, True, f"{seen}: as of an untrained head")
    return InitialLoss(
        mean,
        expected,
        False,
        f"{FAULT}: {seen}, allowed ± {allowed:.3f}; {_remedy(mean, expected)}",
    )


def _remedy(mean: float, expected: float) -> str:
    outputs = math.exp(min(mean, 50.0))
    equal = f" ({outputs:,.0f} equal outputs would cost this)" if outputs < _MOST_OUTPUTS else ""
    if mean > expected:
        return (
            "the head's scale is too wide (initialise it with a standard deviation near 0.02, or "
            "at 0), the loss is a sum or multiplied, or the head has more outputs than classes"
            f"{equal}"
        )
    return (
        "the head is not untrained (loaded from a checkpoint), the labels stand in the inputs, or "
        f"the head has fewer outputs than classes{equal}"
    )
