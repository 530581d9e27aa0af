"""Which rows a training step takes: a function of the step alone, so a state needs no position.

In pass p over a dataset its rows come in a keyed permutation, grouped by length so that little is
padding. A run of both kinds interleaves the two streams by their exact proportion: after any number
of rows, the share of entity rows is off by less than one row.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from scripts.common.errors import ConfigError
from scripts.common.hashing import keyed_hash

TEXT, ENTITY = "mlm", "entity_coref"
_GROUPED_STEPS = 8  # steps among whose rows those of similar length are put together


class RowReference(NamedTuple):
    """A row of a dataset, in one pass over it."""

    kind: str
    pass_number: int
    row: int


class BatchPlan:
    """The rows of all steps of a run.

    An epoch is one pass over the text rows, or over the entity rows of a run that has only these.

    Args:
        lengths: tokens of each row, by kind (TEXT, ENTITY, or both).
        entity_share: share of entity rows in an epoch of both kinds, as a decimal number.
        rows_per_step: rows of one optimizer step.
        seed, run: what the permutations are keyed by.

    Raises:
        ConfigError: the share is not between 0 and 1, or leaves a kind without a row.
    """

    def __init__(
        self,
        lengths: Mapping[str, np.ndarray],
        *,
        entity_share: float | None,
        rows_per_step: int,
        seed: int,
        run: str,
    ) -> None:
        if rows_per_step < 1:
            raise ConfigError(f"run {run}: batch and grad_accumulation must be 1 or more")
        self.lengths, self.rows_per_step = dict(lengths), rows_per_step
        self.seed, self.run = seed, run
        self.rows_of_kind = {kind: len(rows) for kind, rows in lengths.items()}
        if len(self.rows_of_kind) == 2:
            self.rows_of_kind[ENTITY] = _entity_rows(self.rows_of_kind[TEXT], entity_share, run)
        self.rows_per_epoch = sum(self.rows_of_kind.values())
        self.steps_per_epoch = -(-self.rows_per_epoch // rows_per_step)
        self._order = lru_cache(maxsize=2 * len(self.lengths))(self._order_of_pass)

    def rows_of_step(self, step: int) -> list[RowReference]:
        """Return the rows of a step (from 0), shorter rows first."""
        epoch, slot = divmod(step, self.steps_per_epoch)
        first = slot * self.rows_per_step
        behind = min(self.rows_per_epoch, first + self.rows_per_step)
        entities = self.rows_of_kind.get(ENTITY, 0)
        rows = []
        for place in range(first, behind):
            before = place * entities // self.rows_per_epoch
            is_entity = (place + 1) * entities // self.rows_per_epoch > before
            kind, number = (ENTITY, before) if is_entity else (TEXT, place - before)
            rows.append(self._reference(kind, epoch * self.rows_of_kind[kind] + number))
        return sorted(rows, key=lambda row: int(self.lengths[row.kind][row.row]))

    def _reference(self, kind: str, drawn: int) -> RowReference:
        """Return the row that stands at place `drawn` of the endless stream of a kind."""
        pass_number, place = divmod(drawn, len(self.lengths[kind]))
        return RowReference(kind, pass_number, int(self._order(kind, pass_number)[place]))

    def _order_of_pass(self, kind: str, pass_number: int) -> np.ndarray:
        key = keyed_hash(self.seed, "order of rows", self.run, kind, str(pass_number))
        generator = np.random.Generator(np.random.Philox(key=key))
        return grouped_permutation(self.lengths[kind], self.rows_per_step, generator)


def forward_passes(rows: Sequence[RowReference], batch: int) -> list[Sequence[RowReference]]:
    """Cut a step's rows into its forward passes of `batch` rows each, the last one maybe fewer."""
    return [rows[start : start + batch] for start in range(0, len(rows), batch)]


def boundary_step(epoch: str, steps_per_epoch: int) -> int:
    """Return the number of steps done at the end of `epoch`, a decimal number as in runs.tsv."""
    return round(Decimal(epoch) * steps_per_epoch)


def grouped_permutation(
    lengths: np.ndarray, rows_per_step: int, generator: np.random.Generator
) -> np.ndarray:
    """Return a random order of rows in which the rows of a step have similar lengths.

    The rows are shuffled and cut into groups of some steps; a group is sorted by length, cut into
    steps, and these are shuffled. So every row stays near its place in the shuffled order.

    Args:
        lengths: tokens of each row, shape (n,).
        rows_per_step: rows of a step.
        generator: source of randomness.

    Returns:
        A permutation of 0 … n − 1.
    """
    shuffled = generator.permutation(len(lengths))
    ordered = []
    size = rows_per_step * _GROUPED_STEPS
    for start in range(0, len(shuffled), size):
        group = shuffled[start : start + size]
        group = group[np.argsort(lengths[group], kind="stable")]
        steps = [group[at : at + rows_per_step] for at in range(0, len(group), rows_per_step)]
        ordered += [steps[number] for number in generator.permutation(len(steps))]
    return np.concatenate(ordered)


def _entity_rows(text_rows: int, entity_share: float | None, run: str) -> int:
    if entity_share is None or not 0 < float(entity_share) < 1:
        raise ConfigError(
            f"run {run}: entity_share {entity_share} is not between 0 and 1; take kind mlm or "
            "entity_ft for rows of one kind"
        )
    share = Fraction(str(entity_share))
    rows = round(text_rows * share / (1 - share))
    if rows == 0:
        raise ConfigError(
            f"run {run}: entity_share {entity_share} of {text_rows} text rows is less than one "
            "entity row; raise it"
        )
    return rows
