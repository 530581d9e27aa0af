"""Item scores of several checkpoints side by side: the same items, one column a checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scripts.common.errors import InputError, IntegrityError
from scripts.common.tables import read_table
from scripts.language_model.bootstrap import Numbers, document_numbers
from scripts.language_model.tables import ITEM_SCORES

HIT_METRICS = ("strict_1", "strict_5", "lenient_1", "lenient_5", "choice_1", "entity_1")
MEAN_METRICS = ("answer_log_probability",)
NO_PARTICLE = "none"
BASELINE = "baseline:"
_FACTS = ("set", "doc_id", "half", "unseen", "particle")


@dataclass(frozen=True)
class ScoreTable:
    """Scores of checkpoints on the same items.

    Attributes:
        names: of the columns, e.g. "mlm@0.5".
        item_ids, sets, halves, particles: (items,)
        unseen: (items,) whether no training sample holds the item's entity.
        documents: (items,) number of the item's document, the same over all sets.
        values: (items, columns) of each metric, and the number of "candidates"; NaN where an item
            has no value.
    """

    names: tuple[str, ...]
    item_ids: NDArray[np.str_]
    sets: NDArray[np.str_]
    halves: NDArray[np.str_]
    particles: NDArray[np.str_]
    unseen: NDArray[np.bool_]
    documents: NDArray[np.int64]
    values: dict[str, Numbers]

    @property
    def items(self) -> int:
        """Number of items."""
        return int(self.item_ids.size)

    def chosen(
        self, *, set: str | None = None, half: str = "all", subset: str = "all"
    ) -> "ScoreTable":
        """Return the items of a set (None: all), a half and a subset.

        Args:
            set: name of the set.
            half: "validation", "test" or "all".
            subset: "all", "seen", "unseen", "particle:TAG" or, where none follows,
                "particle:none".
        """
        kept = np.ones(self.items, dtype=np.bool_)
        if set is not None:
            kept &= self.sets == set
        if half != "all":
            kept &= self.halves == half
        if subset in ("seen", "unseen"):
            kept &= self.unseen == (subset == "unseen")
        elif subset.startswith("particle:"):
            particle = subset.removeprefix("particle:")
            kept &= self.particles == ("" if particle == NO_PARTICLE else particle)
        return self.taken(kept)

    def taken(self, kept: NDArray[np.bool_]) -> "ScoreTable":
        """Return the items where `kept` is true."""
        return ScoreTable(
            names=self.names,
            item_ids=self.item_ids[kept],
            sets=self.sets[kept],
            halves=self.halves[kept],
            particles=self.particles[kept],
            unseen=self.unseen[kept],
            documents=self.documents[kept],
            values={name: values[kept] for name, values in self.values.items()},
        )


def read_scores(paths: Sequence[Path], names: Sequence[str]) -> ScoreTable:
    """Read the item scores of checkpoints, in the order of `names`; items are sorted by id.

    Raises:
        InputError: there is no checkpoint or no item.
        IntegrityError: the checkpoints were not scored on the same items.
    """
    if not paths:
        raise InputError("no checkpoint was evaluated; give at least one run an epoch")
    tables = [(str(path), read_table(path, ITEM_SCORES)) for path in paths]
    return side_by_side(tables, names)


def with_baselines(table: ScoreTable, baselines: pa.Table) -> ScoreTable:
    """Return the table with a column `baseline:NAME` for each model-free baseline behind.

    A baseline need not answer every item; where it does not, it has no value.

    Raises:
        IntegrityError: a baseline answers an item that no checkpoint was scored on.
    """
    for name in sorted(set(baselines["baseline"].to_pylist())):
        rows = baselines.filter(pc.equal(baselines["baseline"], name)).sort_by("item_id")
        ids = _strings(rows, "item_id")
        places = np.searchsorted(table.item_ids, ids)
        foreign = (places >= table.items) | (table.item_ids[places % table.items] != ids)
        if foreign.any():
            raise IntegrityError(
                f"baseline {name} answers item {ids[foreign][0]}, which no checkpoint was scored "
                "on; score baselines and checkpoints again on the same sets"
            )
        values = {}
        for metric, known in table.values.items():
            column = np.full((table.items, 1), np.nan)
            column[places, 0] = _numbers(rows, metric)
            values[metric] = np.hstack([known, column])
        table = replace(table, names=(*table.names, f"{BASELINE}{name}"), values=values)
    return table


def side_by_side(tables: Sequence[tuple[str, pa.Table]], names: Sequence[str]) -> ScoreTable:
    """Put tables of `ITEM_SCORES` columns side by side; each comes with what to call it in errors.

    Raises:
        InputError: there is no item.
        IntegrityError: an item stands twice, or the tables do not hold the same items.
    """
    if len(tables) != len(names):
        raise IntegrityError(f"{len(tables)} tables of scores for {len(names)} checkpoints")
    ordered = [(title, table.sort_by("item_id")) for title, table in tables]
    title, first = ordered[0]
    if first.num_rows == 0:
        raise InputError(f"{title} holds no item; the evaluation sets are empty, so widen them")
    ids = _strings(first, "item_id")
    if np.unique(ids).size != ids.size:
        raise IntegrityError(f"{title} holds an item twice; delete it and run again")
    for other_title, other in ordered[1:]:
        same = other.num_rows == first.num_rows and all(
            other[column].equals(first[column]) for column in ("item_id", *_FACTS)
        )
        if not same:
            raise IntegrityError(
                f"{other_title} was scored on other items than {title}; evaluate both again on "
                "the same sets"
            )
    return ScoreTable(
        names=tuple(names),
        item_ids=ids,
        sets=_strings(first, "set"),
        halves=_strings(first, "half"),
        particles=_strings(first, "particle"),
        unseen=np.asarray(first["unseen"].to_pylist(), dtype=np.bool_),
        documents=document_numbers(first["doc_id"].to_pylist()),
        values={
            metric: np.stack([_numbers(table, metric) for _, table in ordered], axis=1)
            for metric in (*HIT_METRICS, *MEAN_METRICS, "candidates")
        },
    )


def _strings(table: pa.Table, column: str) -> NDArray[np.str_]:
    return np.asarray([value or "" for value in table[column].to_pylist()], dtype=np.str_)


def _numbers(table: pa.Table, column: str) -> Numbers:
    cast = table[column].cast(pa.int8()) if pa.types.is_boolean(table[column].type) else None
    values = (cast if cast is not None else table[column]).cast(pa.float64())
    return np.asarray(values.fill_null(float("nan")).to_numpy(), dtype=np.float64)
