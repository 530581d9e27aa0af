"""The table of training runs: one checked row each, expanded to one run per seed."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from scripts.common.config import Schema
from scripts.common.config_table import read_rows
from scripts.common.errors import ConfigError
from scripts.common.run_epochs import BASE, BEST, canonical_epoch, epochs_of, parent_of
from scripts.common.run_settings import settings_without_meaning

_EPOCHS = ("epochs", "eval_every", "schedule_epochs")
_SWITCHES = ("whole_word", "entity_supervision")


def read_runs(path: Path, schema: Schema, lengths: list[int]) -> dict[str, dict[str, Any]]:
    """Read the table of runs.

    Args:
        path: the table.
        schema: schema of the configuration.
        lengths: lengths of the datasets.

    Returns:
        One mapping per run, by its name, in the table's order. A row with several seeds gives a
        run for each, named `{run}_s{seed}`; `group` is the row's own name, and `seed` one number.
        Epochs are canonical strings, yes and no booleans, and `init` names a run of this mapping.

    Raises:
        ConfigError: as `read_rows` does, or runs do not fit together.
    """
    rows = read_rows(path, schema["$defs"]["run"], key="run", complaints_of=_row_complaints)
    complaints = [
        f"{path.name}, run {name}, column {complaint}"
        for name, row in rows.items()
        for complaint in _table_complaints(name, row, rows, lengths)
    ]
    if complaints:
        raise ConfigError("\n".join(complaints))
    runs = [_run_of(row, seed, rows) for row in rows.values() for seed in row["seed"]]
    return {run["run"]: run for run in runs}


def _run_of(row: dict[str, Any], seed: int, rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    parent = parent_of(row)
    init = BASE if parent is None else f"{_seeded(rows[parent[0]], seed)}@{parent[1]}"
    return {
        **row,
        "run": _seeded(row, seed),
        "group": row["run"],
        "seed": seed,
        "init": init,
        **{name: canonical_epoch(row[name]) for name in _EPOCHS},
        **{name: row[name] == "yes" for name in _SWITCHES},
    }


def _seeded(row: dict[str, Any], seed: int) -> str:
    return f"{row['run']}_s{seed}" if len(row["seed"]) > 1 else str(row["run"])


def _row_complaints(row: dict[str, Any], prefix: str) -> Iterator[str]:
    if row.get("kind") == "combined" and "entity_share" not in row:
        yield f"{prefix}entity_share is empty; a run of kind combined needs one"
    for name, kinds in settings_without_meaning(row.get("kind", "")).items():
        if "kind" in row and name in row:
            yield (
                f"{prefix}{name} = {row[name]} has no meaning; allowed: "
                f"only for kind {' and '.join(kinds)}"
            )


def _table_complaints(
    name: str, row: dict[str, Any], rows: dict[str, dict[str, Any]], lengths: list[int]
) -> Iterator[str]:
    if row["length"] not in lengths:
        listed = ", ".join(map(str, lengths))
        yield f"length = {row['length']} has no dataset; allowed: corpus.lengths, {listed}"
    if row["mask_min"] > row["mask_max"]:
        yield f"mask_min = {row['mask_min']} is above mask_max = {row['mask_max']}"
    every, last = Decimal(row["eval_every"]), Decimal(row["epochs"])
    if every == 0 or last == 0 or last % every:
        yield f"epochs = {row['epochs']} is no multiple of eval_every = {row['eval_every']} above 0"
    for seed in row["seed"]:
        if _seeded(row, seed) != name and _seeded(row, seed) in rows:
            yield (
                f"seed = {row['seed']} names a run {_seeded(row, seed)}, which another row is "
                "called; rename one of them"
            )
    if last > Decimal(row["schedule_epochs"]):
        yield (
            f"epochs = {row['epochs']} is above schedule_epochs = {row['schedule_epochs']}, where "
            f"the learning rate reaches 0; allowed: at most {row['schedule_epochs']}"
        )
    yield from _init_complaints(name, row, rows)


def _init_complaints(
    name: str, row: dict[str, Any], rows: dict[str, dict[str, Any]]
) -> Iterator[str]:
    parent = parent_of(row)
    if parent is None:
        return
    if parent[0] not in rows:
        yield f"init = {row['init']} names no run of this table; allowed: base, {', '.join(rows)}"
        return
    other = rows[parent[0]]
    if parent[1] != BEST and parent[1] not in epochs_of(other):
        allowed = ", ".join([BEST, *epochs_of(other)])
        yield f"init = {row['init']} is no checkpoint of {parent[0]}; allowed: {allowed}"
    if row["length"] > other["length"]:
        yield (
            f"length = {row['length']} is above that of {parent[0]}, {other['length']}, whose "
            "model takes no longer rows; allowed: at most that"
        )
    if len(other["seed"]) > 1 and set(row["seed"]) - set(other["seed"]):
        yield f"seed = {row['seed']} is not among those of {parent[0]}, {other['seed']}"
    if name in _ancestors(name, rows):
        yield f"init = {row['init']} makes the run start from itself"


def _ancestors(name: str, rows: dict[str, dict[str, Any]]) -> list[str]:
    """Return the runs that a run starts from, up to the first that stands there already."""
    found: list[str] = []
    while (parent := parent_of(rows[name])) and parent[0] in rows and parent[0] not in found:
        name = parent[0]
        found.append(name)
    return found
