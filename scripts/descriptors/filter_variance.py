"""Pass 1: measures every descriptor and rejects those that carry no information.

In: the table. Out: exact statistics of every descriptor with its fate, the rejects as events, and a
checkpoint with settings and counts. A descriptor passes if enough of its values are there
(`max_missing_ratio`, `min_effective_n`), if they differ (`min_distinct`, `max_mode_share`), and if
their variance is large enough on the range that `range_mode` names. A reject carries the first of
these that it fails, with its figure. Columns are read in blocks that fit into `memory_mb`.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scripts.common.entry import entry
from scripts.common.errors import ConfigError, InputError
from scripts.common.files import write_json
from scripts.common.progress import Progress
from scripts.common.tables import table_of_rows, write_table
from scripts.descriptors.column_statistics import ColumnStatistics, column_statistics
from scripts.descriptors.columns import (
    ColumnBlocks,
    DescriptorTable,
    columns_per_block,
    required_values,
)
from scripts.descriptors.memory_log import MemoryLog
from scripts.descriptors.roles import FORCE_DROP, kept_names
from scripts.descriptors.tables import EVENTS, STATISTICS
from scripts.descriptors.variance_criteria import FEWEST_ROWS, Criteria, Failure

_logger = logging.getLogger(__name__)
_PACKAGES = ("numpy", "pyarrow")
_WORKING_BYTES = 40  # a row of a column that is measured: sorted values, shares, clipped shares
_SHOWN = 5


def run(
    table: Path,
    converted: Path,
    statistics: Path,
    events: Path,
    checkpoint: Path,
    *,
    max_missing_ratio: float,
    min_effective_n: int,
    variance_threshold: float,
    range_mode: str,
    max_mode_share: float,
    min_distinct: int,
    force_keep: list[str],
    memory_mb: float,
    code_hash: str,
    threads: int,
    memory: Path | None = None,
) -> None:
    """Measure and filter the descriptors.

    Args:
        table: manifest of the table.
        converted: folder of its converted parts.
        statistics: table of statistics to write, one row per descriptor.
        events: table of rejects to write.
        checkpoint: JSON to write: settings and counts.
        max_missing_ratio: largest share of missing values, in [0, 1].
        min_effective_n: fewest valid values; in a small table at most half of its rows.
        variance_threshold: least variance on the scaled range, in [0, 0.25].
        range_mode: "trimmed" (the middle 95 %) or "minmax".
        max_mode_share: largest share of the most frequent value among the valid ones.
        min_distinct: fewest different values.
        force_keep: names or patterns of descriptors that pass whatever their statistics.
        memory_mb: memory for blocks of columns.
        code_hash: version of this step's code.
        threads: columns that are measured at a time.
        memory: table of memory and time by block to write, where it is wanted.
    """
    source = DescriptorTable(table, converted)
    if source.rows < FEWEST_ROWS:
        raise InputError(
            f"the table has {source.rows} rows; a selection of descriptors needs at least "
            f"{FEWEST_ROWS}"
        )
    required = required_values(min_effective_n, source.rows)
    if required < min_effective_n:
        _logger.warning(
            "min_effective_n is %d, too much for a table of %d rows; taken as %d",
            min_effective_n,
            source.rows,
            required,
        )
    criteria = Criteria(
        max_missing_ratio, required, min_distinct, max_mode_share, variance_threshold, range_mode
    )
    criteria.refuse_impossible(source.rows)
    kept = _kept_by_force(source, force_keep)
    notes = MemoryLog()
    measured = measure(source, range_mode, memory_mb=memory_mb, threads=threads, memory=notes)
    failures = {
        name: None if name in kept else next(criteria.failures(found), None)
        for name, found in measured.items()
    }
    dropped = source.names_of(FORCE_DROP)
    rows = [_statistics_row(name, found, failures[name]) for name, found in measured.items()]
    rows += [{"name": n, "survives": False, "reason": FORCE_DROP} for n in dropped]
    rejects = [_event(name, failure) for name, failure in failures.items() if failure is not None]
    rejects += [{"removed": n, "pass": 1, "weak": False, "reason": FORCE_DROP} for n in dropped]
    reasons = Counter(str(row["reason"]) for row in rejects)
    _logger.info(
        "%d descriptors, %d pass; rejected: %s", len(rows), len(rows) - len(rejects), dict(reasons)
    )
    if len(rejects) == len(rows):
        raise InputError(_nothing_left(reasons, failures))
    rows.sort(key=lambda row: row["name"])
    rejects.sort(key=lambda row: row["removed"])
    write_table(statistics, table_of_rows(rows, STATISTICS), STATISTICS)
    write_table(events, table_of_rows(rejects, EVENTS), EVENTS)
    if memory is not None:
        notes.write(memory)
    write_json(
        checkpoint,
        {
            "pass": 1,
            "rows": source.rows,
            "settings": {
                **asdict(criteria),
                "min_effective_n": min_effective_n,
                "force_keep": force_keep,
            },
            "descriptors": len(rows),
            "survivors": len(rows) - len(rejects),
            "rejects": len(rejects),
            "rejects_by_reason": dict(reasons),
            "kept_by_force": sorted(
                name for name in kept if any(criteria.failures(measured[name]))
            ),
            "seed": None,  # nothing is drawn
            "package_versions": {package: version(package) for package in _PACKAGES},
            "code_version": code_hash,
            "table_sha256": source.sha256,
        },
    )


def measure(
    source: ColumnBlocks,
    range_mode: str,
    *,
    memory_mb: float,
    threads: int,
    memory: MemoryLog | None = None,
) -> dict[str, ColumnStatistics]:
    """Return the statistics of every descriptor, in name order, reading blocks of columns."""
    width = columns_per_block(
        source.rows,
        memory_mb=memory_mb,
        bytes_per_value=source.dtype(source.names).itemsize,
        working_bytes=_WORKING_BYTES * threads,
    )
    blocks = -(-len(source.names) // width)
    progress = Progress(
        "filter_variance", total=len(source.names), unit="descriptors", batches=blocks
    )
    memory, measured = memory or MemoryLog(), dict[str, ColumnStatistics]()
    with ThreadPoolExecutor(threads) as pool:
        for names, values in source.blocks(source.names, width):
            columns: Iterator[Any] = (values[:, place] for place in range(len(names)))
            found = pool.map(lambda c: column_statistics(c, range_mode=range_mode), columns)
            measured.update(zip(names, found, strict=True))
            del values, columns  # before the next block is read
            memory.note("filter_variance")
            progress.advance(len(names), batch_ended=True)
    progress.finish()
    return measured


def _kept_by_force(source: DescriptorTable, force_keep: Sequence[str]) -> set[str]:
    """Return the descriptors that the names and patterns mean."""
    dropped = source.names_of(FORCE_DROP)
    names = [*source.names, *dropped]
    for pattern in force_keep:
        if both := sorted(kept_names([pattern], names) & set(dropped)):
            raise ConfigError(f"force_keep: {pattern} means {both[0]}, which force_drop removes")
    return kept_names(force_keep, names)


def _statistics_row(name: str, found: ColumnStatistics, failure: Failure | None) -> dict[str, Any]:
    return {
        "name": name,
        **asdict(found),
        "survives": failure is None,
        "reason": None if failure is None else failure.statistic,
    }


def _event(name: str, failure: Failure) -> dict[str, Any]:
    return {
        "removed": name,
        "pass": 1,
        "statistic": failure.statistic,
        "value": failure.value,
        "threshold": failure.threshold,
        "weak": False,
        "reason": failure.statistic,
    }


def _nothing_left(reasons: Counter[str], failures: dict[str, Failure | None]) -> str:
    counts = ", ".join(f"{count} by {reason}" for reason, count in sorted(reasons.items()))
    examples = ", ".join(
        f"{name} ({failure.statistic} {failure.value}, limit {failure.threshold:g})"
        for name, failure in list(failures.items())[:_SHOWN]
        if failure is not None
    )
    return f"no descriptor is left after pass 1 ({counts}); loosen its limits: {examples}"


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
