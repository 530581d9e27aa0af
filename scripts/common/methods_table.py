"""The table of retrieval methods: one checked row each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.common.config import Schema
from scripts.common.config_table import read_rows

TRAINED_KINDS = ("continue", "restart")
# Columns of training, without meaning where nothing is trained.
_TRAINING = ("memory", "positives", "negatives", "labels", "label_share")


def read_methods(path: Path, schema: Schema) -> dict[str, dict[str, Any]]:
    """Read the table of methods.

    Args:
        path: the table.
        schema: schema of the configuration.

    Returns:
        One mapping per method, by its name, in the table's order, defaults filled in.

    Raises:
        ConfigError: as `read_rows` does, or the columns of a row contradict each other.
    """
    return read_rows(path, schema["$defs"]["method"], key="method", complaints_of=_complaints)


def _complaints(row: dict[str, Any], prefix: str) -> Iterator[str]:
    if row.get("kind") not in TRAINED_KINDS:
        for column in _TRAINING:
            if column in row:
                yield (
                    f"{prefix}{column} = {row[column]} has no meaning; allowed: only with kind = "
                    f"{' or '.join(TRAINED_KINDS)}"
                )
        return
    if "label_share" in row and row.get("labels") != "share":
        yield (
            f"{prefix}label_share = {row['label_share']} has no meaning; allowed: only with "
            "labels = share"
        )
    if row.get("positives") == "labels" and row.get("labels", "none") == "none":
        yield (
            f"{prefix}positives = labels finds no known answer with labels = none; allowed: "
            "labels = all, first_session or share"
        )
