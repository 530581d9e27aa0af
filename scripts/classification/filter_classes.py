"""Removes or merges classes that are too rare, and registers the labels that remain.

In: the labelled rows. Out: rows whose class survives, with their label ids, in the order they came;
the registry (sorted labels are the ids 0..C-1); a report that counts rows and classes before and
after, and lists every class that was touched with the reason. The threshold keeps n_c >= m.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scripts.classification.label_map import LabelMap
from scripts.classification.tables import KEPT, ROWS
from scripts.common.entry import entry
from scripts.common.errors import ConfigError, InputError
from scripts.common.files import write_json
from scripts.common.progress import Progress
from scripts.common.tables import count_rows, iterate_batches, table_writer

DROP, MERGE_OTHER, KEEP_TRAIN_ONLY = RARE_POLICIES = ("drop", "merge_other", "keep_train_only")
OTHER = "OTHER"
# Why a class was touched.
BELOW_THRESHOLD = "below_threshold"  # its rows are gone
MERGED = "merged_other"  # its rows carry the label OTHER
MERGED_BELOW_THRESHOLD = "merged_below_threshold"  # so few that even OTHER is too rare: gone
TRAIN_ONLY = "train_only"  # its rows stay, in train alone
_ROWS_AT_A_TIME = 20_000
_LARGEST_TOLD = 3


def run(
    rows: Path,
    kept: Path,
    report: Path,
    label_map: Path,
    *,
    min_samples_per_class: int = 10,
    rare_policy: str = DROP,
    max_classes: int = 280,
) -> None:
    """Write the rows that survive, the registry and the report.

    Args:
        rows: labelled rows.
        kept: where the rows that survive go.
        report: JSON to write: what was there, what went, what is left.
        label_map: JSON to write: the registry.
        min_samples_per_class: rows that a class must have to be common; 0 keeps every class.
        rare_policy: what becomes of rarer classes: "drop", "merge_other" (into the label OTHER,
            dropped if that is still too rare) or "keep_train_only" (no other split may hold them).
        max_classes: classes that may remain.
    """
    _check(min_samples_per_class, rare_policy, max_classes)
    before = count_labels(rows)
    outcome = apply_policy(before, min_samples_per_class, rare_policy)
    _check_outcome(rows, before, outcome, min_samples_per_class, max_classes)
    registry = LabelMap.of(list(outcome.counts), outcome.merged)
    progress = Progress("filter_classes", total=count_rows(rows, ROWS), unit="rows")
    with table_writer(kept, KEPT) as writer:
        for batch in iterate_batches(rows, ROWS, rows=_ROWS_AT_A_TIME):
            surviving = surviving_rows(batch, registry, outcome)
            writer.write_table(surviving)
            progress.advance(batch.num_rows, surviving.num_rows)
    progress.finish()
    registry.write(label_map)
    write_json(report, describe_filter(before, outcome, min_samples_per_class, rare_policy))


@dataclass(frozen=True)
class Outcome:
    """What a policy makes of the classes.

    Attributes:
        counts: rows of each surviving label, OTHER included.
        merged: rare labels that became OTHER.
        train_only: surviving labels that only train may hold.
        touched: label, rows and reason of every rare class, most rows first.
    """

    counts: dict[str, int]
    merged: dict[str, str] = field(default_factory=dict)
    train_only: frozenset[str] = frozenset()
    touched: tuple[tuple[str, int, str], ...] = ()


def count_labels(rows: Path) -> dict[str, int]:
    """Return the rows of each label.

    Raises:
        InputError: a row has no label.
    """
    counts: Counter[str] = Counter()
    for batch in iterate_batches(rows, ROWS, rows=_ROWS_AT_A_TIME, columns=["label"]):
        for found in pc.value_counts(batch["label"]).to_pylist():
            counts[found["values"]] += found["counts"]
    nameless = counts.pop(None, 0)  # type: ignore[call-overload]
    if nameless:
        raise InputError(f"{rows}: {nameless} rows have no label; run the step that reads again")
    return dict(counts)


def apply_policy(counts: Mapping[str, int], threshold: int, policy: str) -> Outcome:
    """Return what becomes of classes with `counts` rows.

    Raises:
        InputError: classes are to be merged into OTHER, and a class has this name already.
    """
    rare = sorted(
        ((label, n) for label, n in counts.items() if n < threshold),
        key=lambda pair: (-pair[1], pair[0]),
    )
    common = {label: n for label, n in counts.items() if n >= threshold}
    if not rare:
        return Outcome(common)
    if policy == KEEP_TRAIN_ONLY:
        names = frozenset(label for label, _ in rare)
        return Outcome(dict(counts), train_only=names, touched=_touched(rare, TRAIN_ONLY))
    if policy == DROP:
        return Outcome(common, touched=_touched(rare, BELOW_THRESHOLD))
    if OTHER in counts:
        raise InputError(
            f"a class is named {OTHER} already ({counts[OTHER]} rows), so that rare classes cannot "
            "be merged under this name; rename it, or take another rare_policy"
        )
    together = sum(n for _, n in rare)
    if together < threshold:
        return Outcome(common, touched=_touched(rare, MERGED_BELOW_THRESHOLD))
    return Outcome(
        {**common, OTHER: together},
        merged={label: OTHER for label, _ in rare},
        touched=_touched(rare, MERGED),
    )


def _touched(rare: list[tuple[str, int]], reason: str) -> tuple[tuple[str, int, str], ...]:
    return tuple((label, n, reason) for label, n in rare)


def surviving_rows(batch: pa.RecordBatch, registry: LabelMap, outcome: Outcome) -> pa.Table:
    """Return the rows of `ROWS` whose class survives, in their order, as rows of `KEPT`."""
    names = pa.array(registry.labels, pa.string())
    labels = batch["label"]
    if outcome.merged:
        is_merged = pc.is_in(labels, value_set=pa.array(list(outcome.merged), pa.string()))
        labels = pc.if_else(is_merged, OTHER, labels)
    ids = pc.index_in(labels, value_set=names)
    in_train = np.array([label in outcome.train_only for label in registry.labels], bool)
    survives = pc.is_valid(ids)
    ids = ids.filter(survives)
    return pa.table(
        {
            "row": batch["row"].filter(survives),
            "label": labels.filter(survives),
            "label_id": ids,
            "text": batch["text"].filter(survives),
            "group": batch["group"].filter(survives),
            "train_only": pa.array(in_train[ids.to_numpy()]),
        },
        schema=KEPT,
    )


def describe_filter(
    before: Mapping[str, int], outcome: Outcome, threshold: int, policy: str
) -> dict[str, Any]:
    """Return the content of filter_report.json; ratio is the largest class over the smallest."""
    rows, rows_left = sum(before.values()), sum(outcome.counts.values())
    gone = [label for label in before if label not in outcome.counts]
    return {
        "rare_policy": policy,
        "threshold": threshold,
        "before": _extent(before),
        "after": _extent(outcome.counts),
        "removed": {
            "rows": rows - rows_left,
            "classes": len(gone),
            "share": (rows - rows_left) / rows,
        },
        "removed_classes": [list(found) for found in outcome.touched],
        "train_only_rows": sum(outcome.counts[label] for label in outcome.train_only),
    }


def _extent(counts: Mapping[str, int]) -> dict[str, Any]:
    largest, smallest = max(counts.values()), min(counts.values())
    return {
        "rows": sum(counts.values()),
        "classes": len(counts),
        "largest": largest,
        "smallest": smallest,
        "ratio": largest / smallest,
    }


def _check(threshold: int, policy: str, max_classes: int) -> None:
    if threshold < 0:
        raise ConfigError(
            f"min_samples_per_class is {threshold}; give 0 (every class stays) or more rows"
        )
    if policy not in RARE_POLICIES:
        raise ConfigError(f"rare_policy is {policy!r}; give one of {', '.join(RARE_POLICIES)}")
    if max_classes < 2:
        raise ConfigError(f"max_classes is {max_classes}; a classifier needs two classes or more")


def _check_outcome(
    rows: Path, before: Mapping[str, int], outcome: Outcome, threshold: int, max_classes: int
) -> None:
    """Refuse what cannot be learnt from: fewer than two classes to be evaluated, or too many."""
    if not before:
        raise InputError(f"{rows} has no labelled row; look at the label column of the input")
    classes, tested = len(outcome.counts), len(outcome.counts) - len(outcome.train_only)
    if tested < 2:
        most = sorted(before.items(), key=lambda pair: (-pair[1], pair[0]))[:_LARGEST_TOLD]
        told = ", ".join(f"{label!r} {n}" for label, n in most)
        raise InputError(
            f"{rows}: of {len(before)} classes {tested} remain with min_samples_per_class "
            f"{threshold}, and two are needed (rows of the largest: {told}); lower the threshold, "
            "or give more classes"
        )
    if classes > max_classes:
        raise ConfigError(
            f"{classes} classes remain with min_samples_per_class {threshold}, more than "
            f"max_classes {max_classes}; raise one of the two, or look whether the label column "
            "is the right one"
        )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
