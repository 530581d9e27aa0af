"""The descriptors track's threshold sweep: how many survive each pass for other thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.common.errors import IntegrityError
from scripts.report.descriptors_view import CHOSEN, PASSES
from scripts.report.number_formats import count
from scripts.report.tables import columns_of, read_rows

MEASURES = {
    "scaled_variance": "scaled variance",
    "spearman": "|ρ|",
    "vif": "variance inflation factor",
    "rdc": "RDC",
    "nhsic": "nHSIC",
    "fusion": "fused score",
}


@dataclass(frozen=True)
class SweepRow:
    """Survivors of a pass for one threshold, as `measure=value`, several with spaces between."""

    pass_number: int
    thresholds: str
    survivors: int
    removed: int
    configured: str

    @property
    def values(self) -> list[tuple[str, str]]:
        """The thresholds as (measure in words, value)."""
        pairs = [one.partition("=") for one in self.thresholds.split()]
        return [(MEASURES.get(measure, measure), value) for measure, _, value in pairs]

    @property
    def is_configured(self) -> bool:
        """Whether the run had this threshold."""
        return self.configured == "yes"


SWEEP_COLUMNS = columns_of(SweepRow)


def read_sweep(path: Path) -> list[SweepRow]:
    """Read the sweep; of rows with the same thresholds (bounded at 1) one is kept.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong.
    """
    kept: dict[tuple[int, str], SweepRow] = {}
    for row in read_rows(path, SweepRow):
        key = (row.pass_number, row.thresholds)
        if row.pass_number not in PASSES or not all(value for _, value in row.values):
            raise IntegrityError(
                f"{path}: pass {row.pass_number}, '{row.thresholds}' is no threshold of a pass; "
                "run sweep_thresholds again"
            )
        if key not in kept or row.is_configured:
            kept[key] = row
    return list(kept.values())


def sweep_table(rows: Sequence[SweepRow]) -> tuple[list[str], list[list[str]]]:
    """Return the sweep, an asterisk behind the configured thresholds."""
    return ["pass and threshold", "survivors", "removed by the pass"], [
        [
            f"{row.pass_number}: "
            + ", ".join(f"{measure} {value}" for measure, value in row.values)
            + (CHOSEN if row.is_configured else ""),
            count(row.survivors),
            count(row.removed),
        ]
        for row in rows
    ]
