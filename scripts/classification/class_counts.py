"""Rows of each class, before and after the filter and in each split, and lengths of its texts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scripts.classification.imbalance import Counts
from scripts.classification.scoring import buckets_of
from scripts.classification.tables import SPLIT_NAMES, TRAIN

COUNT_COLUMNS = (
    "label",
    "label_id",
    "rows",
    "share",
    *SPLIT_NAMES,
    *(f"share_{name}" for name in SPLIT_NAMES),
    "kept",
    "reason",
    "bucket",
)
LENGTH_COLUMNS = (
    "label",
    "rows",
    "empty",
    "shortest",
    "mean",
    "median",
    "percentile_95",
    "longest",
)


@dataclass(frozen=True)
class ClassCounts:
    """Rows of each class.

    Attributes:
        before: rows by label, before the filter, largest first, equals by label.
        labels: the labels that survive, by id.
        after: (C,) rows of each id.
        by_split: (C, 3) rows of each id in train, validation, test.
        train_only: ids of rare classes that stay in train on purpose.
    """

    before: dict[str, int]
    labels: list[str]
    after: Counts
    by_split: Counts
    train_only: frozenset[int]

    @property
    def before_counts(self) -> Counts:
        """(classes,) rows of each class before the filter."""
        return np.array(list(self.before.values()), np.int64)

    def of_split(self, name: str) -> Counts:
        """(C,) rows of each id in one split."""
        return self.by_split[:, SPLIT_NAMES.index(name)]


def count_audited_classes(database: Any, labels: list[str]) -> ClassCounts:
    """Count the tables of `audited_rows`.

    Args:
        database: the database.
        labels: label of each id.
    """
    ids = {label: number for number, label in enumerate(labels)}
    before = database.sql(
        "SELECT label, count(*) FROM labelled GROUP BY label ORDER BY count(*) DESC, label"
    ).fetchall()
    after = np.zeros(len(labels), np.int64)
    train_only = set()
    for label, rows, alone in database.sql(
        "SELECT label, count(*), bool_or(train_only) FROM kept GROUP BY label"
    ).fetchall():
        after[ids[label]] = rows
        if alone:
            train_only.add(ids[label])
    by_split = np.zeros((len(labels), len(SPLIT_NAMES)), np.int64)
    for number, split, rows in database.sql(
        "SELECT label_id, split, count(*) FROM splits GROUP BY label_id, split"
    ).fetchall():
        by_split[number, SPLIT_NAMES.index(split)] = rows
    return ClassCounts(dict(before), labels, after, by_split, frozenset(train_only))


def count_rows_of_classes(
    counts: ClassCounts, touched: Sequence[Sequence[Any]], *, head_above: int, tail_below: int
) -> Iterable[tuple[Any, ...]]:
    """Yield a line of `COUNT_COLUMNS` for every class, largest first, merged ones included.

    Args:
        counts: the counts.
        touched: label, rows and reason of every class that the filter touched.
        head_above: training rows above which a class is head.
        tail_below: training rows below which a class is tail.
    """
    reasons = {label: reason for label, _, reason in touched}
    ids = {label: number for number, label in enumerate(counts.labels)}
    rows = dict(counts.before)
    for label, number in ids.items():
        # A label that rare classes were merged into is no label of the input.
        rows.setdefault(label, int(counts.after[number]))
    total, totals = sum(counts.before.values()), counts.by_split.sum(axis=0)
    buckets = buckets_of(counts.of_split(TRAIN), head_above=head_above, tail_below=tail_below)
    for label in sorted(rows, key=lambda name: (-rows[name], name)):
        reason = reasons.get(label, "")
        if label not in ids:
            in_splits = [None] * (2 * len(SPLIT_NAMES))
            share = _share(rows[label], total)
            yield (label, None, rows[label], share, *in_splits, "no", reason, None)
            continue
        here = counts.by_split[ids[label]]
        yield (
            label,
            ids[label],
            rows[label],
            _share(rows[label], total),
            *here.tolist(),
            *(_share(n, of) for n, of in zip(here.tolist(), totals.tolist(), strict=True)),
            "yes",
            reason,
            buckets[ids[label]],
        )


def _share(rows: int, of: int) -> str | None:
    return f"{rows / of:.6f}" if of else None


def lengths_of_texts(database: Any) -> list[tuple[Any, ...]]:
    """Return a line of `LENGTH_COLUMNS` for every class before the filter, largest first.

    Lengths are in characters; quantiles are interpolated.
    """
    found = database.sql(
        "SELECT label, count(*), count(*) FILTER (empty), min(characters), avg(characters), "
        "quantile_cont(characters, 0.5), quantile_cont(characters, 0.95), max(characters) "
        "FROM labelled GROUP BY label ORDER BY count(*) DESC, label"
    ).fetchall()
    return [(*line[:4], *(f"{value:.2f}" for value in line[4:7]), line[7]) for line in found]
