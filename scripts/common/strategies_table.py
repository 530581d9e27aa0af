"""The table of strategies against imbalance: one checked row each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.common.config import Schema
from scripts.common.config_table import read_rows

_FORMULAS = ("balanced", "sqrt", "power", "effective_number")
# Columns that mean something only beside a value of another one.
_NEEDED = {
    "alpha": ("class_weights", ("power",)),
    "beta": ("class_weights", ("effective_number",)),
    **dict.fromkeys(("clip_low", "clip_high"), ("class_weights", _FORMULAS)),
    "target_ratio": ("resampling", ("over", "under", "smote", "sampler")),
    "max_repeat": ("resampling", ("over", "smote", "sampler")),
    "gamma": ("loss", ("focal",)),
    "focal_alpha": ("loss", ("focal",)),
}


def read_strategies(path: Path, schema: Schema) -> dict[str, dict[str, Any]]:
    """Read the table of strategies.

    Args:
        path: the table.
        schema: schema of the configuration.

    Returns:
        One mapping per strategy, by its name, in the table's order, defaults filled in.

    Raises:
        ConfigError: as `read_rows` does, or the columns of a row contradict each other.
    """
    part = schema["$defs"]["strategy"]
    return read_rows(path, part, key="strategy", complaints_of=_complaints)


def _complaints(row: dict[str, Any], prefix: str) -> Iterator[str]:
    for column, (other, values) in _NEEDED.items():
        if column in row and row.get(other) not in values:
            yield (
                f"{prefix}{column} = {row[column]} has no meaning; allowed: only with {other} = "
                f"{' or '.join(values)}"
            )
    if row.get("resampling") == "smote" and row.get("models") != ["tfidf"]:
        yield (
            f"{prefix}resampling = smote interpolates numbers, and a transformer reads texts; "
            "allowed: over, under or sampler, or models = tfidf"
        )
    weighted = row.get("class_weights", "none") != "none"
    resampled = row.get("resampling", "none") != "none"
    if weighted and resampled and row.get("both_allowed") != "yes":
        yield (
            f"{prefix}resampling = {row['resampling']} corrects what class_weights = "
            f"{row['class_weights']} corrects already; allowed: one of both, or both_allowed = yes"
        )
    if row.get("focal_alpha") == "class_weights" and not weighted:
        yield f"{prefix}focal_alpha = class_weights needs class_weights; name a kind of them"
    if row.get("loss") == "focal" and weighted and row.get("focal_alpha", "none") == "none":
        yield (
            f"{prefix}focal_alpha = none leaves class_weights = {row['class_weights']} without "
            "effect on focal loss; allowed: focal_alpha = class_weights, or no class_weights"
        )
    if row.get("clip_low", 0.05) > row.get("clip_high", 20):
        yield f"{prefix}clip_low is above clip_high; allowed: at most that"
