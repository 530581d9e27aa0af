"""The descriptors track's bootstraps: how far the selection hangs on the items that were drawn."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.common.errors import IntegrityError
from scripts.common.json_objects import read_object
from scripts.report.descriptors_view import PASSES, stage_label
from scripts.report.number_formats import count, measure, share
from scripts.report.tables import read_distinct_rows

SUMMARY_KEYS = (
    *("bootstraps", "rows", "table_rows", "adjusted_rand_index_by_pass", "survivors_by_pass"),
    *("survived_again", "covered", "explained", "seed"),
)
# Steinley (2004), Psychological Methods 9(3): below 0.65 recovery is poor, from 0.9 on excellent.
POOR, EXCELLENT = 0.65, 0.9
# ASSUME a selection that leaves a fifth of another's variance unexplained is another selection.
LEAST_EXPLAINED = 0.8
LEAST_STABLE, MOST_STABLE = 25, 10  # rows of the tables
Table = tuple[list[str], list[list[str]]]  # headings, rows of texts


@dataclass(frozen=True)
class StabilityRow:
    """How often a descriptor survived, or had the same survivor, and what stood in instead."""

    descriptor: str
    survivor: str
    survived: float
    same_survivor: float
    instead: str


@dataclass(frozen=True)
class Span:
    """A quantity over the bootstraps."""

    mean: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Stability:
    """What the bootstraps came to.

    Attributes:
        bootstraps: number of repetitions; without any, all that follows but the rows is empty.
        rows: items drawn for each.
        table_rows: items of the table.
        seed: seed of the draws.
        agreements: adjusted Rand index of the clusters after passes 2 to 4.
        real: survivors of the run after passes 1 to 4.
        survivors: survivors of the bootstraps after passes 1 to 4.
        again: share of the run's survivors that survive.
        covered: share of them with a survivor at |ρ| of at least the key, strictest first.
        explained: share of their variance that the bootstraps' survivors explain together.
        descriptors: a row for each descriptor.
    """

    bootstraps: int
    rows: int
    table_rows: int
    seed: int
    agreements: Mapping[int, Span]
    real: Mapping[int, int]
    survivors: Mapping[int, Span]
    again: Span | None
    covered: Mapping[float, Span]
    explained: Span | None
    descriptors: Sequence[StabilityRow]

    @property
    def survivor_rows(self) -> list[StabilityRow]:
        """The survivors of the run."""
        return [row for row in self.descriptors if row.survivor == row.descriptor]


def read_stability(table: Path, summary: Path) -> Stability:
    """Read what the bootstraps came to.

    Args:
        table: how often each descriptor survived.
        summary: agreement of the bootstraps with the run.

    Raises:
        IntegrityError: a file, a column, a key or a value is missing or wrong, a descriptor stands
            twice, or there are rows without bootstraps.
    """
    rows = read_distinct_rows(table, StabilityRow, lambda row: (row.descriptor,))
    found = read_object(summary, SUMMARY_KEYS, step="assess_stability")
    number = found["bootstraps"]
    if rows and not number:
        raise IntegrityError(f"{table} has rows of 0 bootstraps; run assess_stability again")
    by_pass = found["survivors_by_pass"]
    return Stability(
        bootstraps=number,
        rows=found["rows"],
        table_rows=found["table_rows"],
        seed=found["seed"],
        agreements=_spans(found["adjusted_rand_index_by_pass"]) if number else {},
        real={place: by_pass[f"pass{place}"]["real"] for place in PASSES},
        survivors=_spans(by_pass) if number else {},
        again=_span(found["survived_again"]) if number else None,
        covered={
            float(level): _span(found["covered"][level])
            for level in sorted(found["covered"], key=float, reverse=True)
        }
        if number
        else {},
        explained=_span(found["explained"]) if number else None,
        descriptors=rows,
    )


def _spans(by_pass: Mapping[str, Any]) -> dict[int, Span]:
    return {int(name.removeprefix("pass")): _span(by_pass[name]) for name in sorted(by_pass)}


def _span(found: Mapping[str, Any]) -> Span:
    return Span(found["mean"], found["lowest"], found["highest"])


def pass_table(found: Stability) -> Table:
    """Return survivors and agreement of the clusters, pass by pass."""
    return (
        [
            "stage",
            "survivors of the run",
            "of a bootstrap: mean",
            "least to most",
            "adjusted Rand index of the clusters: mean",
            "least to most",
        ],
        [
            [
                stage_label(f"pass{place}"),
                count(found.real[place]),
                measure(span.mean),
                f"{span.lowest:,} to {span.highest:,}",
                *_index_cells(found.agreements.get(place)),
            ]
            for place, span in found.survivors.items()
        ],
    )


def _index_cells(span: Span | None) -> list[str]:
    if span is None:  # pass 1 makes no clusters
        return ["–", "–"]
    return [f"{span.mean:.3f}", f"{span.lowest:.3f} to {span.highest:.3f}"]


def covered_table(found: Stability) -> Table:
    """Return the shares of the run's survivors that a bootstrap's survivors stand for."""
    named = {f"one with |ρ| ≥ {level:g}": span for level, span in found.covered.items()}
    explained = {"its variance, explained by all together": found.explained}
    spans = {"itself": found.again, **named, **explained}
    return (
        ["what a survivor of the run finds in a bootstrap", "mean share", "least to most"],
        [
            [name, share(span.mean), f"{share(span.lowest)} to {share(span.highest)}"]
            for name, span in spans.items()
            if span is not None
        ],
    )


def survivor_tables(found: Stability) -> tuple[Table, Table]:
    """Return the least stable survivors, and the most stable of the others."""
    behind = Counter(row.survivor for row in found.descriptors)
    # Of equally stable ones those with the most behind them matter most.
    by_weight = sorted(
        found.survivor_rows, key=lambda row: (-behind[row.descriptor], row.descriptor)
    )
    least = sorted(by_weight, key=lambda row: row.survived)[:LEAST_STABLE]
    shown = {row.descriptor for row in least}
    others = [row for row in by_weight if row.descriptor not in shown]
    most = sorted(others, key=lambda row: -row.survived)[:MOST_STABLE]
    headings = ["survivor", "most often in its place", "survived in bootstraps", "cluster size"]

    def table(rows: Sequence[StabilityRow]) -> Table:
        return headings, [
            [
                row.descriptor,
                row.instead or "–",
                f"{round(row.survived * found.bootstraps):,} of {found.bootstraps:,}",
                count(behind[row.descriptor]),
            ]
            for row in rows
        ]

    return table(least), table(most)


def stability_values(found: Stability) -> dict[str, Any]:
    """Return what the template shows of the bootstraps."""
    least, most = survivor_tables(found)
    survivors = {row.descriptor for row in found.survivor_rows}
    alternatives = [
        row for row in found.descriptors if row.survivor and row.survivor != row.descriptor
    ]
    return {
        "found": found,
        "passes": pass_table(found),
        "covered": covered_table(found),
        "least": least,
        "most": most,
        "survivors": len(survivors),
        "alternatives": len(alternatives),
        "same_survivor": (
            sum(row.same_survivor for row in alternatives) / len(alternatives)
            if alternatives
            else None
        ),
        "poor": POOR,
        "excellent": EXCELLENT,
    }
