"""Faults of the input as it came: its labels, its texts, its own splits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scripts.classification.confident_labels import RULE
from scripts.classification.fault import ERROR, NOTE, WARNING, Fault, percent, plural, shown
from scripts.classification.row_faults import (
    CONFLICTING_DUPLICATE,
    CROSS_SPLIT_DUPLICATE,
    EMPTY_TEXT,
    LABEL_NOISE,
    NULL_LABEL,
    SINGLETON,
    TEST_ONLY_CLASS,
    RowFault,
)

STRING_LABELS = "string_labels"
LOST_BY_EXTRACTION = "lost_by_extraction"
_REMEDY_OF_NULL = (
    "Rows without a label are left out of everything that follows. Find out whether one class "
    "lacks its label more often than others: then the class frequencies are off as well."
)
_REMEDY_OF_NULL_LIKE = (
    "If such a label means that there is none, leave its cells empty in the input; its rows are "
    "then left out."
)


def string_labels(report: Mapping[str, Any], classes: int) -> Fault | None:
    """Name labels that are texts."""
    if "string" not in str(report["label_type"]).split("|"):
        return None
    return Fault(
        STRING_LABELS,
        NOTE,
        None,
        classes,
        (),
        f"The labels are texts (column type {report['label_type']}), {classes:,} different ones. "
        "A loss needs class numbers, and splitters that stratify a class column refuse a text "
        "column; a program that catches this error and goes on has split at random.",
        "Nothing is to be done here: classes are numbered (label_map.json) before the split, and "
        "the split is stratified on the numbers. In other code use the numbers, and let an error "
        "of the splitter end the run.",
    )


def null_label(report: Mapping[str, Any]) -> Fault | None:
    """Name rows without a label, and labels that read like a missing value."""
    missing, read = int(report["null_labels"]), int(report["rows_read"])
    alike = report.get("null_like_labels") or []
    if not missing and not alike:
        return None
    what = f"{plural(missing, 'row')} of {read:,} ({percent(missing, read)}) have no label."
    if alike:
        told = ", ".join(f"'{label}' ({n:,})" for label, n in alike)
        what += f" Labels that read like a missing value are kept as classes: {told}."
    return Fault(
        NULL_LABEL,
        WARNING,
        missing,
        len(alike),
        shown([f"row {row}" for row in report["null_label_rows"]]),
        what,
        _REMEDY_OF_NULL if missing else _REMEDY_OF_NULL_LIKE,
    )


def lost_by_extraction(report: Mapping[str, Any]) -> Fault | None:
    """Name classes of which a subsample kept nothing."""
    lost = report["extraction"]["lost_classes"]
    if not lost:
        return None
    rows = sum(int(n) for _, n in lost)
    ratio = report["extraction"]["ratio"]
    return Fault(
        LOST_BY_EXTRACTION,
        WARNING,
        rows,
        len(lost),
        shown([f"{label} ({n})" for label, n in sorted(lost, key=lambda pair: -int(pair[1]))]),
        f"The subsample of {ratio:g} of the rows kept no row of "
        f"{plural(len(lost), 'class', 'classes')} ({plural(rows, 'row')}): their share rounds to "
        "nothing. No model can predict them, and no score of the subsample counts them.",
        "Raise extract_ratio (1 takes every row), or say beside each score how many classes it "
        "leaves out.",
    )


@dataclass(frozen=True)
class AuditedSet:
    """What the rows with a fault are a part of.

    Attributes:
        rows: labelled rows.
        train: the input's own training split, None where it has no splits.
        agreement: share of rows whose label models that had not seen them predict.
    """

    rows: int
    train: str | None
    agreement: float


def describe_row_faults(found: Mapping[str, RowFault], of: AuditedSet) -> list[Fault]:
    """Word the faults of single rows."""
    words = {
        SINGLETON: _singleton,
        EMPTY_TEXT: _empty_text,
        CONFLICTING_DUPLICATE: _conflicting,
        LABEL_NOISE: _label_noise,
        TEST_ONLY_CLASS: _test_only,
        CROSS_SPLIT_DUPLICATE: _cross_split,
    }
    faults = []
    for name, word in words.items():
        if name in found:
            fault = found[name]
            severity, what, remedy = word(fault, of)
            faults.append(
                Fault(name, severity, fault.rows, fault.classes, fault.examples, what, remedy)
            )
    return faults


def _singleton(found: RowFault, of: AuditedSet) -> tuple[str, str, str]:
    return (
        WARNING,
        f"{plural(found.classes, 'class has', 'classes have')} a single row. It can stand in one "
        "split only: either no model learns the class, or no score measures it.",
        "Raise min_samples_per_class above 1 (rare_policy says whether such classes are dropped, "
        "merged or kept for training), or collect more rows of them.",
    )


def _empty_text(found: RowFault, of: AuditedSet) -> tuple[str, str, str]:
    return (
        WARNING,
        f"{plural(found.rows, 'labelled row')} ({percent(found.rows, of.rows)}) of "
        f"{plural(found.classes, 'class', 'classes')} have no text. A model can only answer them "
        "with the most frequent class.",
        "They stay, since such rows will come when the model is used. If they will not, leave them "
        "out of the input.",
    )


def _conflicting(found: RowFault, of: AuditedSet) -> tuple[str, str, str]:
    return (
        WARNING,
        f"{plural(found.rows, 'row')} ({percent(found.rows, of.rows)}) share their exact text "
        "with a row of another label. Either a label is wrong, or the text lacks what tells the "
        "classes apart; no model can be right on all of them.",
        "Look at the examples: correct the labels, or add a column that decides (text_columns). "
        "Such rows stay on one side of the split, whatever duplicates is.",
    )


def _label_noise(found: RowFault, of: AuditedSet) -> tuple[str, str, str]:
    return (
        WARNING,
        f"{plural(found.rows, 'row')} ({percent(found.rows, of.rows)}) in "
        f"{plural(found.classes, 'class', 'classes')} carry a label that is probably wrong, going "
        f"by models that had not seen them and agree with {percent(of.agreement, 1)} of all "
        f"labels; the lower this share, the more of the suspects are right. {RULE} Rows of the "
        "last kind are named as conflicting duplicates and not counted here.",
        "Look at them, the surest first (suspects.parquet, label_noise.parquet): correct, or leave "
        "out of training. Do not drop them from the test split unseen: that makes scores look "
        "better than they are.",
    )


def _test_only(found: RowFault, of: AuditedSet) -> tuple[str, str, str]:
    return (
        ERROR,
        f"In the input's own split {plural(found.classes, 'class has', 'classes have')} no row in "
        f"'{of.train}', while its other splits hold {plural(found.rows, 'row')} of them. Every "
        "prediction for these rows is wrong, whatever the model.",
        "Do not use that split; the one made here puts every class of three groups or more into "
        "all three splits.",
    )


def _cross_split(found: RowFault, of: AuditedSet) -> tuple[str, str, str]:
    return (
        ERROR,
        f"{plural(found.rows, 'row')} ({percent(found.rows, of.rows)}) have a text that the "
        f"input's own split holds both in '{of.train}' and outside it. A model has seen the "
        "answer, so scores on that split are too high.",
        "Do not use that split; the one made here keeps equal texts on one side where duplicates "
        "is group or drop.",
    )
