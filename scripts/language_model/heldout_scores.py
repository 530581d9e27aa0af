"""Held-out loss and pseudo-perplexity of several checkpoints side by side, with intervals.

Both are sums over tokens by numbers of tokens. All checkpoints score the same tokens, so they share
the resamples of documents, and their differences are paired.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scripts.common.errors import InputError, IntegrityError
from scripts.common.tables import read_table
from scripts.language_model.bootstrap import Draws, Numbers, bootstrap_ratios
from scripts.language_model.tables import HELDOUT_SCORES

HELDOUT = "heldout"
LOSS, PERPLEXITY = "loss", "pseudo_perplexity"
# Metric: columns of its sum and of its number of tokens.
_COLUMNS = {LOSS: ("loss_sum", "loss_tokens"), PERPLEXITY: ("sentence_sum", "sentence_tokens")}


@dataclass(frozen=True)
class HeldoutTable:
    """Sums of checkpoints over the same held-out documents.

    Attributes:
        names: of the checkpoints, e.g. "mlm@0.5".
        halves: (documents,)
        totals: by metric, (documents, checkpoints): sum of -log p over the tokens, in nats.
        tokens: by metric, (documents,): number of these tokens.
    """

    names: tuple[str, ...]
    halves: NDArray[np.str_]
    totals: Mapping[str, Numbers]
    tokens: Mapping[str, NDArray[np.int64]]


def read_heldout(paths: Sequence[Path], names: Sequence[str]) -> HeldoutTable:
    """Read the held-out sums (`HELDOUT_SCORES`) of checkpoints, in the order of `names`.

    Raises:
        InputError: there is no document.
        IntegrityError: a document stands twice, or the checkpoints were not scored on the same
            tokens.
    """
    tables = [read_table(path, HELDOUT_SCORES).sort_by("doc_id") for path in paths]
    if len(tables) != len(names):
        raise IntegrityError(f"{len(tables)} tables of held-out text for {len(names)} checkpoints")
    if not tables or tables[0].num_rows == 0:
        raise InputError(
            "no held-out text was scored; give the hold-out split a share (corpus.split)"
        )
    first = tables[0]
    if len(first["doc_id"].unique()) != first.num_rows:
        raise IntegrityError(f"{paths[0]} holds a document twice; delete it and run again")
    facts = ("doc_id", "half", *(tokens for _, tokens in _COLUMNS.values()))
    for path, table in zip(paths[1:], tables[1:], strict=True):
        if table.num_rows != first.num_rows or not all(
            table[column].equals(first[column]) for column in facts
        ):
            raise IntegrityError(
                f"{path} was scored on other held-out text than {paths[0]}; evaluate both again"
            )
    return HeldoutTable(
        names=tuple(names),
        halves=np.asarray(first["half"].to_pylist(), dtype=np.str_),
        totals={
            metric: np.stack([_floats(table, total) for table in tables], axis=1)
            for metric, (total, _) in _COLUMNS.items()
        },
        tokens={
            metric: np.asarray(first[tokens].to_numpy(), dtype=np.int64)
            for metric, (_, tokens) in _COLUMNS.items()
        },
    )


def heldout_draws(table: HeldoutTable, half: str, *, resamples: int, seed: int) -> dict[str, Draws]:
    """Return the loss (nats a token) and the pseudo-perplexity of each checkpoint, resampled.

    A perplexity that is too large a number is none (NaN), as in a checkpoint's own metrics.

    Args:
        table: sums of checkpoints.
        half: "validation", "test" or "all".
        resamples: resamples over documents.
        seed: seed of the resampling.
    """
    chosen = np.ones(table.halves.size, dtype=np.bool_) if half == "all" else table.halves == half
    draws = {
        metric: bootstrap_ratios(
            table.totals[metric][chosen],
            table.tokens[metric][chosen],
            resamples=resamples,
            seed=seed,
            purpose=f"{HELDOUT}/{metric}/{half}",
        )
        for metric in _COLUMNS
    }
    logs = draws[PERPLEXITY]
    draws[PERPLEXITY] = replace(logs, values=_exp(logs.values), resampled=_exp(logs.resampled))
    return draws


def _exp(logs: Numbers) -> Numbers:
    with np.errstate(over="ignore"):
        values = np.exp(logs)
    return np.where(np.isinf(values), np.nan, values)


def _floats(table: pa.Table, column: str) -> Numbers:
    return np.asarray(table[column].to_numpy(), dtype=np.float64)
