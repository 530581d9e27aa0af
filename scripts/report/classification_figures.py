"""The classification track's figures: from tables to matplotlib figures, nothing written.

Call these inside `drawing.figure_style()`, which sets fonts and colours.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from scripts.report.classification_tables import ClassCountRow, ClassScoreRow, LengthRow
from scripts.report.classification_view import model_label
from scripts.report.drawing import (
    ACCENT,
    COMPACT,
    MUTED,
    PLAIN,
    Margins,
    inches_from_top,
    note_figure,
    panels,
    shorten,
)

GRID = "#e3e7eb"
PER_CENT = FuncFormatter(lambda value, _position: f"{100 * value:.4g}")
_BEFORE = "#8a949e"
_POINT = "#a9c6ea"
_COLUMNS = 3  # of panels
_MERGED, _OTHER = "merged_other", "OTHER"


def zipf_figure(counts: Sequence[ClassCountRow], threshold: int) -> Figure:
    """Draw class sizes by rank before and after the filter, and the share of the largest classes.

    Args:
        counts: rows of each class.
        threshold: rows that a class must have to be kept.
    """
    before, after = sizes_before(counts), sizes_after(counts)
    figure, (left, right) = panels(
        [2.9], 2, Margins(left=0.75, right=0.2, top=0.6, bottom=0.55, between_columns=0.9)
    )
    for sizes, colour, width, name in (
        (before, _BEFORE, 4.0, "before the filter"),
        (after, ACCENT, 1.6, "after it"),
    ):
        if not len(sizes):
            continue
        ranks = np.arange(1, len(sizes) + 1)
        label = f"{name}: {len(sizes):,} classes, {sizes[0] / sizes[-1]:,.0f} : 1"
        marks: dict[str, Any] = {"color": colour, "linewidth": width, "solid_capstyle": "butt"}
        left.plot(ranks, sizes, label=label, marker=".", markersize=width + 1.5, **marks)
        share = np.cumsum(sizes) / sizes.sum()
        right.plot([0, *ranks], [0.0, *share], label=name, **marks)
    if threshold > 1:
        left.axhline(threshold, color=MUTED, linewidth=0.9, linestyle=(0, (5, 2)))
        left.text(
            1.0,
            threshold * 1.08,
            f"fewest rows of a kept class: {threshold:,}",
            color=MUTED,
            fontsize=8.5,
            va="bottom",
        )
    _log_axis(left, "x", len(before))
    _log_axis(left, "y", int(before[0]))
    left.set_title("Rows of each class, largest first")
    left.set_xlabel("rank of the class (logarithmic)")
    left.set_ylabel("rows (logarithmic)")
    right.set_title("Share of the rows in the largest classes (%)")
    right.set_xlabel("number of largest classes")
    right.set_xlim(left=0)
    right.set_ylim(0, 1.02)
    right.xaxis.set_major_formatter(COMPACT)
    right.yaxis.set_major_formatter(PER_CENT)
    left.legend(loc="upper right", bbox_to_anchor=(1.0, 1.02))
    right.legend(loc="lower right")
    for axes in (left, right):
        axes.grid(color=GRID, linewidth=0.6)
    return figure


def sizes_before(counts: Sequence[ClassCountRow]) -> np.ndarray:
    """Return the sizes of the input's classes, largest first; the class OTHER is none of them."""
    merged = any(row.reason == _MERGED for row in counts)
    own = [row.rows for row in counts if not (merged and row.label == _OTHER)]
    return np.array(sorted(own, reverse=True), np.int64)


def sizes_after(counts: Sequence[ClassCountRow]) -> np.ndarray:
    """Return the sizes of the kept classes, largest first."""
    return np.array(sorted((row.rows for row in counts if row.kept == "yes"), reverse=True), int)


def lengths_figure(lengths: Sequence[LengthRow]) -> Figure:
    """Draw the lengths of each class's texts over its rows."""
    figure, (axes,) = panels([2.3], 1, Margins(left=0.75, right=0.2, top=0.5, bottom=0.55))
    rows = [row.rows for row in lengths]
    axes.vlines(
        rows,
        [row.shortest for row in lengths],
        [row.percentile_95 for row in lengths],
        color=_POINT,
        linewidth=0.9,
    )
    axes.plot(rows, [row.median for row in lengths], "o", color=ACCENT, markersize=3)
    _log_axis(axes, "x", max(rows))
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(COMPACT)
    axes.set_title(
        "Length of a class's texts: median; line from the shortest to the 95th percentile"
    )
    axes.set_xlabel("rows of the class (logarithmic)")
    axes.set_ylabel("characters")
    axes.grid(color=GRID, linewidth=0.6)
    return figure


def f1_figure(rows: Sequence[ClassScoreRow], references: dict[str, str]) -> Figure:
    """Draw each class's F1 over its training rows, a panel per model and strategy.

    Means of classes whose sizes lie between two powers of two are joined by a line, those of the
    reference by a grey one. Classes without a test row are left out.

    Args:
        rows: scores by model, strategy and class.
        references: the strategy without repair, by model.
    """
    shown = [row for row in rows if row.support]
    if not shown:
        return note_figure("No class has a test row.")
    of_panel: dict[tuple[str, str], list[ClassScoreRow]] = {}
    for row in shown:
        of_panel.setdefault((row.model, row.strategy), []).append(row)
    models = list(dict.fromkeys(row.model for row in shown))
    grid: list[tuple[str, str] | None] = []
    for model in models:
        own = [pair for pair in of_panel if pair[0] == model]
        grid += [*own, *[None] * (-len(own) % _COLUMNS)]
    figure, axes = panels(
        [1.7] * (len(grid) // _COLUMNS),
        _COLUMNS,
        Margins(
            left=0.6, right=0.15, top=0.65, bottom=0.5, between_columns=0.35, between_rows=0.62
        ),
    )
    largest = max(row.train_rows for row in shown)
    smallest = max(1, min(row.train_rows for row in shown))
    for place, (one, pair) in enumerate(zip(axes, grid, strict=True)):
        if pair is None:
            one.remove()
            continue
        reference = of_panel.get((pair[0], references[pair[0]]), [])
        _draw_f1(one, of_panel[pair], reference if pair[1] != references[pair[0]] else [])
        one.set_title(shorten(f"{model_label(pair[0])}: {pair[1]}", 46))
        _log_axis(one, "x", largest, smallest)
        one.set_ylim(-0.04, 1.04)
        one.yaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
        one.yaxis.set_major_formatter(PER_CENT)
        one.grid(color=GRID, linewidth=0.6)
        if place % _COLUMNS == 0:
            one.set_ylabel("F1 (%)")
        if place + _COLUMNS >= len(grid) or grid[place + _COLUMNS] is None:
            one.set_xlabel("training rows of the class (logarithmic)")
    without = " / ".join(dict.fromkeys(references[model] for model in models))
    figure.legend(
        handles=[
            Line2D([], [], color=_POINT, marker="o", markersize=4, linestyle="", label="a class"),
            Line2D(
                [], [], color=ACCENT, marker="o", markersize=4, label="mean of classes of like size"
            ),
            Line2D(
                [],
                [],
                color=_BEFORE,
                linestyle=(0, (4, 2)),
                label=f"the same under {shorten(without, 30)}",
            ),
        ],
        loc="upper left",
        bbox_to_anchor=(0.03, inches_from_top(figure, 0.02)),
        ncols=3,
    )
    return figure


def size_means(rows: Sequence[ClassScoreRow]) -> tuple[list[float], list[float]]:
    """Return the mean F1 of classes between two powers of two, and their mean size (geometric)."""
    sizes = np.array([max(row.train_rows, 1) for row in rows], np.float64)
    values = np.array([row.f1 for row in rows])
    bins = np.floor(np.log2(sizes)).astype(int)
    places = [float(np.exp(np.log(sizes[bins == one]).mean())) for one in np.unique(bins)]
    return places, [float(values[bins == one].mean()) for one in np.unique(bins)]


def _draw_f1(axes: Axes, rows: Sequence[ClassScoreRow], reference: Sequence[ClassScoreRow]) -> None:
    axes.plot(
        [max(row.train_rows, 1) for row in rows],
        [row.f1 for row in rows],
        "o",
        color=_POINT,
        markersize=2.6,
        markeredgewidth=0,
    )
    if reference:
        axes.plot(*size_means(reference), color=_BEFORE, linestyle=(0, (4, 2)), linewidth=1.4)
    axes.plot(*size_means(rows), "o-", color=ACCENT, markersize=3.5, linewidth=1.5)


def _log_axis(axes: Axes, which: str, largest: int, smallest: int = 1) -> None:
    """Give an axis of counts ticks of 1, 10, 100, … and room at both ends."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    (axes.set_xlim if which == "x" else axes.set_ylim)(0.85 * smallest, max(largest, 2) * 1.25)
    powers = [10**power for power in range(len(str(largest)))]
    axis.set_major_locator(FixedLocator([power for power in powers if power >= 0.85 * smallest]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(PLAIN)
