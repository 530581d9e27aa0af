"""Ends a run that starts from an epoch which another run never reached.

In: item scores of the other run's checkpoints, up to the one after which it was stopped. Out: no
file, but one line that says what to change. Its own job, so that the jobs beside it end in peace.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.common.errors import ConfigError, IntegrityError
from scripts.language_model.early_stopping import stop_after, validation_composite
from scripts.language_model.select_checkpoint import earliest_best


def run(
    scores: list[Path],
    refusal: Path,
    *,
    run: str,
    init: str,
    epochs: list[str],
    weights: dict[str, float],
    patience: int,
) -> None:
    """Say why a run has no start.

    Args:
        scores: item scores of the other run's checkpoints, in the order of `epochs`.
        refusal: what the run's jobs wait for; never written.
        run: name of the run that has no start.
        init: where it is to start, "run@epoch".
        epochs: epochs of those checkpoints, ascending, the last one being where the run stopped.
        weights: weights of the composite's parts.
        patience: checkpoints in a row without a better composite that stop a run.

    Raises:
        ConfigError: the start was not reached.
        IntegrityError: by these scores the other run goes on.
    """
    parent = init.partition("@")[0]
    values = [validation_composite(path, weights) for path in scores]
    if stop_after(values, patience) != len(epochs) - 1:
        raise IntegrityError(
            f"{refusal}: by its scores run {parent} does not end at epoch {epochs[-1]}; they "
            "changed meanwhile, run again"
        )
    best = earliest_best(values)
    raise ConfigError(
        f"run {run}, init = {init}: {parent} was stopped after epoch {epochs[-1]}, since by "
        f"language_model.patience = {patience} no checkpoint after epoch {epochs[best]} was better "
        f"(composite {values[best]:.4f} on the validation half); start from {parent}@best or "
        f"another of {', '.join(epochs)}, raise patience, or set it to null"
    )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
