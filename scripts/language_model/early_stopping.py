"""Early stopping: when a run's checkpoints get no better on the validation half any more.

The rules ask for it while they plan, so that later segments are left out; the report asks for it to
advise. The test half has no say.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.common.errors import ConfigError

_ROUNDING = 1e-12  # between sums of equal hits


def validation_composite(scores: Path, weights: Mapping[str, float]) -> float:
    """Return the strict composite of one checkpoint on the validation half.

    Args:
        scores: item scores of the checkpoint.
        weights: weights of the composite's parts.

    Raises:
        InputError: a set that the composite needs has no item in the validation half.
        IntegrityError: the file is broken.
    """
    from scripts.language_model.composite import composite_draws
    from scripts.language_model.score_table import read_scores

    table = read_scores([scores], [str(scores)])
    draws = composite_draws(
        table, rule="strict", half="validation", weights=weights, resamples=0, seed=0
    )
    return float(draws.values[0])


def stop_after(values: Sequence[float], patience: int | None) -> int | None:
    """Return the place of the checkpoint after which early stopping ends a run.

    Args:
        values: validation composite of each checkpoint, in order of epochs.
        patience: how many checkpoints in a row may pass without a new best; None never stops.

    Returns:
        None where training goes on.

    Raises:
        ConfigError: `patience` is below 1.
    """
    if patience is None:
        return None
    if patience < 1:
        raise ConfigError(f"patience is {patience}; give a whole number of at least 1, or none")
    best, since = float("-inf"), 0
    for place, value in enumerate(values):
        if value > best + _ROUNDING:
            best, since = value, 0
        else:
            since += 1
        if since >= patience:
            return place
    return None
