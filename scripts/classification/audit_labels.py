"""Audits the labels: how uneven the classes are, and every fault that the data show.

In: the rows as read, as filtered and as split, what is thought of each label, and the reports of
those steps. Out: the figures of imbalance before and after the filter and for each split; rows of
each class; lengths of its texts; the faults with figures and remedies, errors first; the rows that
have one. Everything is found in the data and those reports. Method: `imbalance`, `row_faults`,
`input_faults`, `split_faults`.
"""

import logging
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.classification.audited_rows import given_training_split, load_rows, share_of_agreement
from scripts.classification.class_counts import (
    COUNT_COLUMNS,
    LENGTH_COLUMNS,
    ClassCounts,
    count_audited_classes,
    count_rows_of_classes,
    lengths_of_texts,
)
from scripts.classification.fault import ERROR, FAULT_COLUMNS, Fault, in_order
from scripts.classification.imbalance import describe_imbalance
from scripts.classification.input_faults import (
    AuditedSet,
    describe_row_faults,
    lost_by_extraction,
    null_label,
    string_labels,
)
from scripts.classification.row_faults import find_row_faults
from scripts.classification.split_faults import (
    extreme_ratio,
    missing_from_split,
    not_stratified,
    rare_class,
)
from scripts.classification.tables import SPLIT_NAMES, SUSPECTS, TRAIN
from scripts.common.entry import entry
from scripts.common.errors import ConfigError
from scripts.common.files import DEFAULT_TMPDIR, read_json, write_json
from scripts.common.out_of_core import connect
from scripts.common.tables import table_writer
from scripts.common.tsv import write_tsv

_logger = logging.getLogger(__name__)
_ROWS_AT_A_TIME = 50_000


def run(
    rows: Path,
    kept: Path,
    splits: Path,
    label_noise: Path,
    read_report: Path,
    filter_report: Path,
    label_map: Path,
    coverage: Path,
    imbalance: Path,
    class_counts: Path,
    text_lengths: Path,
    faults: Path,
    suspects: Path,
    *,
    top_k: int = 5,
    head_above: int = 100,
    tail_below: int = 20,
    mem_mb: int = 1000,
    threads: int = 1,
    tmpdir: Path = DEFAULT_TMPDIR,
) -> None:
    """Write the audit.

    Args:
        rows: labelled rows.
        kept: rows whose class survived the filter.
        splits: split of each of them.
        label_noise: what is thought of each of their labels.
        read_report: report of the reading.
        filter_report: report of the filter.
        label_map: registry of the labels.
        coverage: what the split covers.
        imbalance: JSON to write: figures before, after and for each split.
        class_counts: TSV to write: rows of each class.
        text_lengths: TSV to write: lengths of the texts of each class.
        faults: TSV to write: the faults.
        suspects: table to write: rows that have one.
        top_k: how many of the largest classes `top_k_share` sums up.
        head_above: training rows above which a class is head.
        tail_below: training rows below which a class is tail.
        mem_mb: memory of the job, which bounds the database.
        threads: threads of the database.
        tmpdir: local folder for what does not fit into memory.
    """
    if top_k < 1:
        raise ConfigError(f"top_k is {top_k}; give the number of largest classes, 1 or more")
    read, filtered = read_json(read_report), read_json(filter_report)
    labels: list[str] = read_json(label_map)["labels"]
    with connect(tmpdir, mem_mb=mem_mb, threads=threads) as database:
        load_rows(database, rows, kept, splits, label_noise)
        counts = count_audited_classes(database, labels)
        train = given_training_split(database)
        found = find_row_faults(database, labels, read["null_label_rows"], train)
        agreement = share_of_agreement(database)
        write_tsv(text_lengths, LENGTH_COLUMNS, lengths_of_texts(database))
        _write_suspects(database, suspects)
    figures = describe_sets(counts, top_k)
    whole = AuditedSet(sum(counts.before.values()), train, agreement)
    named = [
        string_labels(read, len(counts.before)),
        null_label(read),
        lost_by_extraction(read),
        *describe_row_faults(found, whole),
        rare_class(counts, filtered),
        extreme_ratio(counts, figures["before"], figures["after"]),
        missing_from_split(counts),
        not_stratified(read_json(coverage)),
    ]
    ordered = in_order([fault for fault in named if fault is not None])
    _tell(ordered)
    write_json(imbalance, figures)
    write_tsv(
        class_counts,
        COUNT_COLUMNS,
        count_rows_of_classes(
            counts, filtered["removed_classes"], head_above=head_above, tail_below=tail_below
        ),
    )
    write_tsv(faults, FAULT_COLUMNS, (fault.line() for fault in ordered))


def describe_sets(counts: ClassCounts, top_k: int) -> dict[str, Any]:
    """Return the figures of imbalance before and after the filter and for each split.

    Validation and test are judged by the frequencies of train.
    """
    training = counts.of_split(TRAIN)
    return {
        "before": describe_imbalance(counts.before_counts, top_k=top_k),
        "after": describe_imbalance(counts.after, top_k=top_k),
        **{
            name: describe_imbalance(
                counts.of_split(name), top_k=top_k, training=None if name == TRAIN else training
            )
            for name in SPLIT_NAMES
        },
    }


def _write_suspects(database: Any, path: Path) -> None:
    reader = database.sql("SELECT row, fault FROM suspects ORDER BY fault, row").to_arrow_reader(
        _ROWS_AT_A_TIME
    )
    with table_writer(path, SUSPECTS) as writer:
        for batch in reader:
            writer.write_table(pa.Table.from_batches([batch]))


def _tell(faults: list[Fault]) -> None:
    for fault in faults:
        level = logging.WARNING if fault.severity == ERROR else logging.INFO
        _logger.log(level, "%s (%s): %s", fault.name, fault.severity, fault.what)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
