"""Scores the audit against the faults that were planted in generated rows.

In: the rows that the audit suspects, the rows that were planted. Out: a TSV with a line for every
fault of either: how many rows were planted and found, how many are both, precision (hits / found)
and recall (hits / planted), empty where there is no denominator.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.classification.tables import PLANTED, SUSPECTS
from scripts.common.entry import entry
from scripts.common.tables import read_table
from scripts.common.tsv import write_tsv

COLUMNS = ("fault", "planted", "found", "hits", "precision", "recall")


def run(suspects: Path, planted: Path, score: Path) -> None:
    """Write the score.

    Args:
        suspects: rows that the audit names.
        planted: rows in which a fault was planted.
        score: TSV to write.
    """
    found = rows_by_fault(read_table(suspects, SUSPECTS))
    true = rows_by_fault(read_table(planted, PLANTED))
    write_tsv(score, COLUMNS, score_faults(found, true))


def rows_by_fault(table: pa.Table) -> dict[str, set[int]]:
    """Return the rows of each fault."""
    rows: defaultdict[str, set[int]] = defaultdict(set)
    for row, fault in zip(table["row"].to_pylist(), table["fault"].to_pylist(), strict=True):
        rows[fault].add(row)
    return dict(rows)


def score_faults(
    found: dict[str, set[int]], planted: dict[str, set[int]]
) -> Iterator[tuple[Any, ...]]:
    """Yield a line of `COLUMNS` for each fault, by name."""
    for fault in sorted(found.keys() | planted.keys()):
        named, true = found.get(fault, set()), planted.get(fault, set())
        hits = len(named & true)
        yield (
            fault,
            len(true),
            len(named),
            hits,
            f"{hits / len(named):.4f}" if named else None,
            f"{hits / len(true):.4f}" if true else None,
        )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
