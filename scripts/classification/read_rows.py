"""Reads labelled rows of any input format into one table.

In: CSV, TSV and Parquet files, or folders that `datasets` saved, in the order of their rows. Out:
rows.parquet, one row for each labelled row that is kept, and read_report.json, which accounts for
every row of the input: those without a label are dropped first, then exact duplicates by option,
then a random part is extracted. Rows that must stay on one side of a split share a group: a
connected component of equal texts, nearly equal texts (by option) and equal values of the group
column, among the rows that are kept.

Memory is bounded: texts stay on disk, about 100 bytes a row are compared in memory.
"""

import logging
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from scripts.classification.duplicates import DROP, OFF, Duplicates, find_duplicates
from scripts.classification.extraction import extract
from scripts.classification.input_files import input_parts
from scripts.classification.labelled_rows import Columns, RowReader
from scripts.classification.labels import NULL_LIKE
from scripts.classification.row_groups import components
from scripts.classification.row_store import RowColumns, RowStore
from scripts.classification.tables import ROWS
from scripts.classification.text_keys import first_places
from scripts.common.entry import entry
from scripts.common.errors import ConfigError, InputError
from scripts.common.files import DEFAULT_TMPDIR, manifest_entry, private_folder, write_json
from scripts.common.tables import table_writer

_logger = logging.getLogger(__name__)
_BATCH_BYTES = (1 << 20, 8 << 20)
_BATCHES_IN_MEMORY = 64
_SHOWN_CLASSES = 5


def run(
    inputs: list[Path],
    rows: Path,
    report: Path,
    *,
    label_column: str,
    text_columns: list[str],
    group_column: str | None = None,
    split_column: str | None = None,
    separator: str = " | ",
    duplicates: Literal["drop", "group", "off"] = "group",
    near_duplicates: bool = False,
    extract_ratio: float = 1.0,
    extract_seed: int = 42,
    stratify_extract: bool = True,
    mem_mb: int = 1000,
    threads: int = 1,
    tmpdir: Path = DEFAULT_TMPDIR,
) -> None:
    """Write the rows and the report on them.

    Args:
        inputs: .csv, .tsv (also .gz), .parquet or folders of `datasets`, in the order of their
            rows.
        rows: table of the rows to write.
        report: JSON to write.
        label_column: column of the labels.
        text_columns: one column that is the text, or several that are joined as column:value.
        group_column: rows with one value of it stay on one side of a split.
        split_column: the input's own split; without it, the splits of `datasets` folders are taken.
        separator: stands between joined columns.
        duplicates: what is done with rows of the same label and text.
        near_duplicates: whether texts that are equal up to form, case, spacing and punctuation
            share a group.
        extract_ratio: part of the rows to keep, above 0 and at most 1.
        extract_seed: decides which.
        stratify_extract: whether each class keeps this part, up to one row.
        mem_mb: memory of the job.
        threads: threads that decode Parquet.
        tmpdir: local folder for what is kept on disk in between.
    """
    if not 0 < extract_ratio <= 1:
        raise ConfigError(f"extract_ratio = {extract_ratio}; allowed: above 0 and at most 1")
    parts = input_parts(inputs)
    low, high = _BATCH_BYTES
    reader = RowReader(
        parts,
        Columns(label_column, tuple(text_columns), group_column, split_column, separator),
        batch_bytes=min(high, max(low, mem_mb * 1_000_000 // _BATCHES_IN_MEMORY)),
        threads=threads,
    )
    with private_folder(tmpdir) as folder:
        store = RowStore(
            folder / "rows.arrow",
            near=near_duplicates,
            grouped=group_column is not None,
            mem_mb=mem_mb,
        )
        columns = store.fill(reader.labelled())
        _require_labels(reader, inputs)
        found = find_duplicates(columns.texts.keys, columns.labels, columns.texts.known)
        remaining = ~found.repeats if duplicates == DROP else np.ones(store.size, np.bool_)
        kept, extraction = _extracted(
            columns,
            remaining,
            store.labels,
            ratio=extract_ratio,
            stratified=stratify_extract,
            seed=extract_seed,
        )
        places, near = _groups(columns.where(kept), duplicates)
        numbers = columns.rows[kept][places]
        with table_writer(rows, ROWS) as writer:
            for table in store.kept(kept, numbers):
                writer.write_table(table)
        facts = {
            "rows_read": reader.rows_read,
            "null_labels": reader.null_labels,
            "null_label_rows": reader.null_label_rows,
            "null_like_labels": _null_like(columns.labels, store.labels),
            "empty_texts": reader.empty_texts,
            "label_type": reader.label_type,
            "label_column": label_column,
            "text_columns": text_columns,
            "duplicates": found.report(duplicates),
            "near_duplicates": near,
            "groups": _group_sizes(places),
            "extraction": extraction,
            "rows": int(kept.sum()),
            "classes": int(np.unique(columns.labels[kept]).size),
            "files": [
                manifest_entry(part.path, rows=number)
                for part, number in zip(parts, reader.rows_of, strict=True)
            ],
        }
    write_json(report, facts)
    _warn(facts)


def _require_labels(reader: RowReader, inputs: list[Path]) -> None:
    named = f"{inputs[0]}" + (f" and {len(inputs) - 1} more" if len(inputs) > 1 else "")
    if not reader.rows_read:
        raise InputError(f"{named}: no row at all, only a header; check how the file was written")
    if reader.null_labels == reader.rows_read:
        raise InputError(
            f"{named}: all {reader.rows_read:,} labels in column '{reader.columns.label}' are "
            "null; name the column that holds them (label_column)"
        )


def _extracted(
    columns: RowColumns,
    remaining: npt.NDArray[np.bool_],
    names: list[str],
    *,
    ratio: float,
    stratified: bool,
    seed: int,
) -> tuple[npt.NDArray[np.bool_], dict[str, Any]]:
    """Return which of all rows are kept, and what the report says about it."""
    labels = columns.labels[remaining]
    chosen = extract(
        columns.rows[remaining], labels, names, ratio=ratio, stratified=stratified, seed=seed
    )
    if not chosen.any():
        raise InputError(
            f"extract_ratio = {ratio} keeps none of {labels.size:,} rows; raise it, or leave it at "
            "1"
        )
    before = np.bincount(labels, minlength=len(names))
    after = np.bincount(labels[chosen], minlength=len(names))
    lost = [
        [names[number], int(before[number])]
        for number in np.flatnonzero((before > 0) & (after < 1))
    ]
    kept = np.zeros(remaining.size, np.bool_)
    kept[np.flatnonzero(remaining)[chosen]] = True
    return kept, {
        "ratio": ratio,
        "seed": seed,
        "stratified": stratified,
        "kept": int(chosen.sum()),
        "removed": int(chosen.size - chosen.sum()),
        "lost_classes": sorted(lost),
    }


def _groups(columns: RowColumns, mode: str) -> tuple[npt.NDArray[np.int64], dict[str, Any]]:
    """Return the place of each kept row's group, and what near forms add to equal texts."""
    same: Duplicates = find_duplicates(columns.texts.keys, columns.labels, columns.texts.known)
    links = [same.links(mode)]
    near: dict[str, Any] = {"used": columns.nears is not None, "groups": 0, "rows": 0}
    if columns.nears is not None:
        link = first_places(columns.nears.keys, columns.nears.known)
        sizes = np.bincount(link, minlength=link.size)
        near |= {"groups": int((sizes > 1).sum()), "rows": int(sizes[sizes > 1].sum())}
        links.append(link)
    if columns.groups is not None:
        links.append(first_places(columns.groups.keys, columns.groups.known))
    return components(columns.rows.size, links), near


def _group_sizes(places: npt.NDArray[np.int64]) -> dict[str, int]:
    sizes = np.bincount(places)
    return {
        "number": int((sizes > 0).sum()),
        "of_several_rows": int((sizes > 1).sum()),
        "rows_in_them": int(sizes[sizes > 1].sum()),
        "largest": int(sizes.max()),
    }


def _null_like(labels: npt.NDArray[np.int32], names: list[str]) -> list[list[Any]]:
    counts = np.bincount(labels, minlength=len(names))
    return sorted(
        [name, int(counts[number])]
        for number, name in enumerate(names)
        if name.strip().lower() in NULL_LIKE
    )


def _warn(facts: dict[str, Any]) -> None:
    """Say what a reader of the log should not miss."""
    if facts["null_labels"]:
        _logger.warning("%d rows have no label and were dropped", facts["null_labels"])
    if facts["empty_texts"]:
        _logger.warning("%d rows have a label but no text", facts["empty_texts"])
    for label, number in facts["null_like_labels"]:
        _logger.warning("%d rows have the label %r: is it a missing one?", number, label)
    if "|" in facts["label_type"]:
        _logger.warning("labels are of several types, %s: taken as text", facts["label_type"])
    lost = facts["extraction"]["lost_classes"]
    if lost:
        _logger.warning(
            "extraction lost %d classes: %s%s",
            len(lost),
            ", ".join(f"{label} ({number})" for label, number in lost[:_SHOWN_CLASSES]),
            " …" if len(lost) > _SHOWN_CLASSES else "",
        )
    if facts["duplicates"]["mode"] == OFF and facts["duplicates"]["groups"]:
        _logger.warning(
            "%d rows equal another one and may stand on both sides of a split (duplicates: off)",
            facts["duplicates"]["rows"],
        )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
