"""Faults of the class sizes, and of the split that was made."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from scripts.classification.class_counts import ClassCounts
from scripts.classification.fault import ERROR, WARNING, Fault, percent, plural, shown
from scripts.classification.tables import SPLIT_NAMES, TRAIN

RARE_CLASS = "rare_class"
EXTREME_RATIO = "extreme_ratio"
MISSING_FROM_SPLIT = "missing_from_split"
NOT_STRATIFIED = "not_stratified"
# ASSUME that a hundred rows of the largest class to one of the smallest are what a plain loss
# copes with; long-tailed benchmarks begin there (CIFAR-100-LT, Cui et al. 2019).
EXTREME = 100.0
_FULL, _NONE = "full", "none"


def rare_class(counts: ClassCounts, filter_report: Mapping[str, Any]) -> Fault | None:
    """Name classes below the threshold of the filter, and what became of them."""
    threshold = int(filter_report["threshold"])
    rare = {label: n for label, n in counts.before.items() if n < threshold}
    if not rare:
        return None
    rows, total = sum(rare.values()), sum(counts.before.values())
    removed = filter_report["removed"]
    return Fault(
        RARE_CLASS,
        WARNING,
        rows,
        len(rare),
        shown([f"{label} ({n})" for label, n in rare.items()]),
        f"{plural(len(rare), 'class has', 'classes have')} fewer than {threshold} rows, together "
        f"{plural(rows, 'row')} of {total:,} ({percent(rows, total)}). With the policy "
        f"{filter_report['rare_policy']} the filter removed "
        f"{plural(int(removed['classes']), 'class', 'classes')} and "
        f"{plural(int(removed['rows']), 'row')} ({percent(float(removed['share']), 1)}).",
        "Scores hold for the classes that are left: read those that count removed classes with 0 "
        "beside them. Lower min_samples_per_class, or collect rows of the classes that matter.",
    )


def extreme_ratio(
    counts: ClassCounts, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Fault | None:
    """Name a largest class that is more than a hundred times the smallest one.

    Args:
        counts: rows of each class.
        before: figures of imbalance before the filter.
        after: the same after it.
    """
    if not before["classes"] or before["ratio"] <= EXTREME:
        return None
    label, largest = next(iter(counts.before.items()))
    left = f" (after the filter {after['ratio']:,.0f} : 1)" if after["classes"] else ""
    return Fault(
        EXTREME_RATIO,
        WARNING,
        largest,
        1,
        [f"{label} ({largest})"],
        f"The largest class, '{label}', has {largest:,} rows, the smallest {before['smallest']:,}: "
        f"{before['ratio']:,.0f} : 1{left}. The {before['top_k']} largest of {before['classes']:,} "
        f"classes hold {100 * before['top_k_share']:.2f} % of the rows. Always answering '{label}' "
        f"is right in {100 * before['majority_baseline']:.2f} %, and answering the class "
        f"frequencies costs {before['prior_only_loss']:.2f} nats, where guessing blindly costs "
        f"ln {before['classes']:,} = {before['ln_classes']:.2f}.",
        "Judge by macro F1 and by head, medium and tail, not by accuracy; compare class weights, a "
        "weighted sampler and focal loss on one split. An initial loss far above "
        f"{before['ln_classes']:.2f} does not come from imbalance: look at head, scale and "
        "optimizer first.",
    )


def missing_from_split(counts: ClassCounts) -> Fault | None:
    """Name classes that a split lacks, those left out of it on purpose aside."""
    owed = counts.after > 0
    owed[list(counts.train_only)] = False
    lacking = owed[:, None] & (counts.by_split == 0)
    if not lacking.any():
        return None
    told = [
        f"{name} lacks {plural(int(number), 'class', 'classes')}"
        for name, number in zip(SPLIT_NAMES, lacking.sum(axis=0), strict=True)
        if number
    ]
    unlearnt = int(lacking[:, SPLIT_NAMES.index(TRAIN)].sum())
    missing = np.flatnonzero(lacking.any(axis=1))
    return Fault(
        MISSING_FROM_SPLIT,
        ERROR if unlearnt else WARNING,
        int(counts.after[missing].sum()),
        int(missing.size),
        shown([f"{counts.labels[number]} ({counts.after[number]})" for number in missing]),
        f"{', '.join(told)}. "
        + (
            "Rows of a class without training rows are always predicted wrongly."
            if unlearnt
            else "Its F1 there is not defined, so the macro F1 of that split speaks for fewer "
            "classes."
        ),
        "A class needs three groups of rows to be in all three splits: raise "
        "min_samples_per_class, collect more rows, or link fewer of them (duplicates, "
        "group_column).",
    )


def not_stratified(coverage: Mapping[str, Any]) -> Fault | None:
    """Name a split that is not fully stratified, with the reason that the split gave."""
    kind = str(coverage["stratified"])
    if kind == _FULL:
        return None
    return Fault(
        NOT_STRATIFIED,
        ERROR if kind == _NONE else WARNING,
        None,
        None,
        (),
        f"The split is stratified in {'no class' if kind == _NONE else 'part only'} "
        f"({coverage['reason']}). Shares of classes differ between train and test by more than "
        "chance, so scores depend on the split.",
        "See split_coverage.json for the classes; raise min_samples_per_class, or link fewer rows "
        "into groups.",
    )
