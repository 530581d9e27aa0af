"""Which differences the forest plot and the tables show, under which headings."""

from collections.abc import Sequence

from scripts.report.language_model_figures import ForestBlock, ForestRow
from scripts.report.language_model_tables import HELDOUT, DifferenceRow, RunRow
from scripts.report.language_model_view import (
    COMPOSITE_STRICT,
    ENTITY_1,
    LAMBADA_1,
    LOSS,
    REAL_1,
    REAL_1_UNSEEN,
    Measure,
    baseline_name,
)

SINCE_START = "since the start"
LAST = "best and last"
SAME_EPOCH = "same epoch"
BESTS = "best of each"
CONTROL = "with and without entity supervision"
LENGTHS = "length"
ORIGIN = "fine-tuned from"
AGAINST_BASELINE = "against a baseline"
TITLES = {
    SINCE_START: "Best checkpoint minus the start model",
    CONTROL: "With entity supervision minus without it",
    AGAINST_BASELINE: "Best checkpoint minus baselines without a model",
    LENGTHS: "Longer inputs minus shorter ones, on the same items",
    ORIGIN: "Fine-tuned from combined pre-training minus fine-tuned from plain pre-training",
    LAST: "Best checkpoint minus the last one (over-fitting)",
    BESTS: "First in the ranking minus every other run, best checkpoints",
}
_MOST_ROWS = 16  # of one heading in the forest plot
# What each heading shows: the composite or, where the question is about entities, Real@1; and the
# held-out loss, which baselines do not have.
_MEASURES: dict[str, tuple[Measure, ...]] = {
    SINCE_START: (COMPOSITE_STRICT, REAL_1, REAL_1_UNSEEN, LOSS),
    CONTROL: (COMPOSITE_STRICT, REAL_1, REAL_1_UNSEEN, ENTITY_1, LOSS),
    AGAINST_BASELINE: (REAL_1, REAL_1_UNSEEN),
    LENGTHS: (COMPOSITE_STRICT, REAL_1, LAMBADA_1, LOSS),
    ORIGIN: (COMPOSITE_STRICT, REAL_1, REAL_1_UNSEEN, LOSS),
    LAST: (COMPOSITE_STRICT, LOSS),
    BESTS: (COMPOSITE_STRICT, LOSS),
}


def shown_differences(
    rows: Sequence[DifferenceRow], runs: Sequence[RunRow]
) -> dict[str, list[tuple[Measure, DifferenceRow]]]:
    """Return the test half's differences by heading, each with what it measures.

    Of the many pairs of best checkpoints those with the first of the ranking are shown, turned so
    that it comes first.
    """
    first = min(runs, key=lambda row: row.rank).run if runs else ""
    found: dict[str, list[tuple[Measure, DifferenceRow]]] = {}
    for kind, wanted in _MEASURES.items():
        of_kind = [row for row in rows if row.kind == kind and row.half == "test"]
        if kind == BESTS:
            of_kind = [
                turned
                for row in of_kind
                for turned in [row if _run(row.first) == first else _turned(row)]
                if _run(turned.first) == first
            ]
        pairs = list(dict.fromkeys((row.first, row.second) for row in of_kind))
        shown = [
            (measure, row)
            for pair in pairs
            for measure in wanted
            for row in of_kind
            if (row.first, row.second) == pair and measures(row, measure)
        ]
        if shown:
            found[kind] = shown
    return found


def forest_blocks(rows: Sequence[DifferenceRow], runs: Sequence[RunRow]) -> list[ForestBlock]:
    """Return what the forest plot draws.

    Losses have another unit and are left to the tables. Under a heading with many differences only
    the first measure is drawn, and of the baselines only the one that comes closest to each run;
    the tables hold all.
    """
    blocks = []
    for kind, shown in shown_differences(rows, runs).items():
        shares = [(measure, row) for measure, row in shown if row.set != HELDOUT]
        if shares:
            blocks.append(_forest_block(kind, shares))
    return blocks


def _forest_block(kind: str, shown: list[tuple[Measure, DifferenceRow]]) -> ForestBlock:
    title = TITLES[kind]
    if len(shown) > _MOST_ROWS:
        shown = [(measure, row) for measure, row in shown if measure == _MEASURES[kind][0]]
    if len(shown) > _MOST_ROWS and kind == AGAINST_BASELINE:
        closest: dict[str, tuple[Measure, DifferenceRow]] = {}
        for measure, row in shown:
            known = closest.get(row.first)
            if known is None or row.difference < known[1].difference:
                closest[row.first] = measure, row
        shown = list(closest.values())
        title = f"{title}, the closest of them"
    drawn = {measure for measure, _ in shown}
    if len(drawn) == 1:
        title = f"{title}: {shown[0][0][0]}"
    return ForestBlock(
        title,
        [
            ForestRow(
                difference_label(kind, row)
                if len(drawn) == 1
                else f"{difference_label(kind, row)}, {measure[0]}",
                row.difference,
                row.low,
                row.high,
            )
            for measure, row in shown
        ],
    )


def difference_label(kind: str, row: DifferenceRow) -> str:
    """Return which checkpoints are compared, as short as the heading allows."""
    if kind == SINCE_START:
        return row.first
    if kind == AGAINST_BASELINE:
        return f"{row.first} - {baseline_name(row.second)}"
    return f"{row.first} - {row.second}"


def measures(row: DifferenceRow, measure: Measure) -> bool:
    """Tell whether a difference is one of this measure."""
    _, set_name, metric, subset = measure
    return (row.set, row.metric, row.subset) == (set_name, metric, subset)


def _run(column: str) -> str:
    return column.rpartition("@")[0]


def _turned(row: DifferenceRow) -> DifferenceRow:
    values = vars(row) | {
        "first": row.second,
        "second": row.first,
        "difference": -row.difference,
        "low": None if row.high is None else -row.high,
        "high": None if row.low is None else -row.low,
    }
    return DifferenceRow(**values)
