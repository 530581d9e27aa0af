"""The descriptors track's figures: from tables to matplotlib figures, nothing written.

Call these inside `drawing.figure_style()`, which sets fonts and colours. What has many marks (the
map of |ρ|, the pairs) is a picture inside the figure, so that its size is bounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from scripts.report.descriptors_tables import Heatmap, PairColumns, SizeRow, StageRow, VifPath
from scripts.report.descriptors_view import Thresholds, stage_label
from scripts.report.drawing import (
    ACCENT,
    ACCENT_TINT,
    COMPACT,
    INK,
    LIMIT_COLOURS,
    MUTED,
    PLAIN,
    WIDTH,
    Margins,
    inches_from_top,
    note_figure,
    panels,
    shorten,
    text_inches,
)

_GRID = "#e3e7eb"
_WEAK = "#d55e00"
_PAIR = "#8a949e"
_UNDEFINED = "#d9d9d9"
_STEPS = 24  # of the map's colours: fewer make a smaller picture, more could not be told apart
_PICTURE_DPI = 200
_NAME_COLUMNS = 34
_MAP_INCHES = 6.6
_LEAST_LABEL = 0.16  # inches that a cluster must take to be named at the map


def funnel_figure(stages: Sequence[StageRow]) -> Figure:
    """Draw the descriptors left after each pass, and those that it removed."""
    rows = [row for row in stages if row.stage != "table"]
    if not rows:
        return note_figure("There was no descriptor.")
    labels = [stage_label(row.stage) for row in rows]
    left = 0.3 + max(map(text_inches, labels))
    figure, (axes,) = panels(
        [0.36 * len(rows)], 1, Margins(left=left, right=0.2, top=0.15, bottom=0.5)
    )
    most = max(row.left for row in rows)
    for place, row in enumerate(rows):
        # What the table holds besides descriptors is no loss.
        removed = 0 if row.stage == "descriptors" else row.removed
        axes.barh(place, row.left, color=ACCENT, height=0.66)
        axes.barh(place, removed, left=row.left, color=ACCENT_TINT, height=0.66)
        axes.text(
            row.left + removed + 0.008 * most,
            place,
            f"{row.left:,}" + (f"  (−{removed:,})" if removed else ""),
            va="center_baseline",
        )
    axes.set_xlim(0, most * 1.16)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), labels)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(PLAIN)
    axes.set_xlabel("descriptors: left (dark), removed by the pass (light)")
    axes.grid(axis="x", color=_GRID, linewidth=0.6)
    return figure


@dataclass(frozen=True)
class SizeBin:
    """Clusters whose size lies in [low, high]."""

    low: int
    high: int
    clusters: int

    @property
    def label(self) -> str:
        """The sizes as text."""
        return f"{self.low:,}" if self.low == self.high else f"{self.low:,}–{self.high:,}"


def size_bins(sizes: Sequence[SizeRow]) -> list[SizeBin]:
    """Return clusters by size in doubling bins: 1, 2, 3–4, 5–8, … up to the largest."""
    largest = max((row.size for row in sizes), default=0)
    bins, low, high = [], 1, 1
    while low <= largest:
        inside = sum(row.clusters for row in sizes if low <= row.size <= high)
        bins.append(SizeBin(low, min(high, largest), inside))
        low, high = high + 1, 2 * high
    return bins


def sizes_figure(sizes: Sequence[SizeRow]) -> Figure:
    """Draw the number of clusters over their size, both in powers."""
    bins = size_bins(sizes)
    if not bins:
        return note_figure("No descriptor survives.")
    figure, (axes,) = panels([2.3], 1, Margins(left=0.75, right=0.2, top=0.2, bottom=0.55))
    for place, one in enumerate(bins):
        # Half a cluster as the foot, so that a single one shows on the logarithmic axis.
        if one.clusters:
            axes.bar(place, one.clusters - 0.5, bottom=0.5, color=ACCENT, width=0.72)
        axes.text(place, max(one.clusters, 0.5) * 1.12, f"{one.clusters:,}", ha="center")
    axes.set_yscale("log")
    axes.set_ylim(0.5, max(2.0, 2.2 * max(one.clusters for one in bins)))
    axes.yaxis.set_major_formatter(PLAIN)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlim(-0.6, max(len(bins), 4) - 0.4)
    axes.set_xticks(range(len(bins)), [one.label for one in bins])
    axes.tick_params(axis="x", length=0)
    axes.set_xlabel("descriptors in the cluster, the survivor counted")
    axes.set_ylabel("clusters")
    axes.grid(axis="y", color=_GRID, linewidth=0.6)
    return figure


def heatmap_figure(heatmap: Heatmap) -> Figure:
    """Draw |ρ| of all pairs, clusters side by side and the largest framed and named."""
    count = len(heatmap.survivors)
    if not count:
        return note_figure("No descriptor passed the first pass.")
    left, top, bottom = 0.3 + text_inches("m" * _NAME_COLUMNS, 8), 0.2, 0.5
    height = top + _MAP_INCHES + bottom
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes(
        (left / WIDTH, bottom / height, _MAP_INCHES / WIDTH, _MAP_INCHES / height)
    )
    colours = matplotlib.colormaps["viridis"].resampled(_STEPS).with_extremes(bad=_UNDEFINED)
    shown = np.ma.masked_invalid(heatmap.values)
    axes.imshow(shown, cmap=colours, vmin=0, vmax=1, interpolation="none")
    _name_clusters(axes, heatmap.survivors)
    axes.set_xticks([])
    axes.set_xlabel(f"{count:,} descriptors in the same order; names: the clusters' survivors")
    axes.spines[:].set_visible(False)
    side = figure.add_axes(
        (
            (left + _MAP_INCHES + 0.25) / WIDTH,
            (bottom + 0.6 * _MAP_INCHES) / height,
            0.16 / WIDTH,
            0.4 * _MAP_INCHES / height,
        )
    )
    _colour_scale(side, colours)
    return figure


def _colour_scale(axes: Axes, colours: matplotlib.colors.Colormap) -> None:
    for step in range(_STEPS):
        box = matplotlib.patches.Rectangle((0, step / _STEPS), 1, 1 / _STEPS, color=colours(step))
        axes.add_patch(box)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.yaxis.set_major_formatter(PLAIN)
    axes.set_title("|ρ|", fontsize=9)


def _name_clusters(axes: Axes, survivors: Sequence[str]) -> None:
    spans, start = [], 0
    for survivor, members in groupby(survivors):
        size = len(list(members))
        spans.append((survivor, start, size))
        start += size
    cell = _MAP_INCHES / len(survivors)
    places, labels, last = [], [], -np.inf
    for survivor, begin, size in spans:
        if size > 1:
            frame = matplotlib.patches.Rectangle(
                (begin - 0.5, begin - 0.5), size, size, fill=False, edgecolor="white", linewidth=0.8
            )
            axes.add_patch(frame)
        middle = begin + (size - 1) / 2
        if (middle - last) * cell >= _LEAST_LABEL:
            places.append(middle)
            behind = f" ({size:,})" if size > 1 else ""
            labels.append(shorten(survivor, _NAME_COLUMNS - len(behind)) + behind)
            last = middle
    axes.set_yticks(places, labels, fontsize=8)


def vif_figure(path: VifPath, thresholds: Thresholds) -> Figure:
    """Draw the factor of each removed descriptor in order; below, its correlation with its heir."""
    steps = np.arange(1, path.factors.size + 1)
    if not steps.size:
        return note_figure(
            f"No variance inflation factor reached {thresholds.vif:g}; pass 3 removed nothing."
        )
    figure, (upper, lower) = panels(
        [2.4, 1.6], 1, Margins(left=0.75, right=0.2, top=0.35, bottom=0.55, between_rows=0.5)
    )
    upper.plot(steps, path.factors, color=ACCENT, linewidth=1.4, marker="o", markersize=2.2)
    upper.set_yscale("log")
    upper.set_ylim(bottom=thresholds.vif / 2)
    upper.axhline(thresholds.vif, color=LIMIT_COLOURS[0], linestyle=(0, (5, 2)), linewidth=1.2)
    upper.yaxis.set_major_formatter(COMPACT)
    upper.yaxis.set_minor_locator(NullLocator())
    upper.set_title(f"variance inflation factor of what was removed; dashed: {thresholds.vif:g}")
    weak = path.similarities < thresholds.heir
    for chosen, colour in ((~weak, ACCENT), (weak, _WEAK)):
        lower.plot(steps[chosen], path.similarities[chosen], "o", color=colour, markersize=2.6)
    lower.axhline(thresholds.heir, color=LIMIT_COLOURS[0], linestyle=(0, (5, 2)), linewidth=1.2)
    lower.set_ylim(0, 1.03)
    lower.set_title(f"|correlation| to its heir; orange: weak, below {thresholds.heir:g}")
    lower.set_xlabel("step of the elimination")
    for axes in (upper, lower):
        axes.set_xlim(0.5, steps.size + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=9, integer=True))
        axes.xaxis.set_major_formatter(PLAIN)
        axes.grid(color=_GRID, linewidth=0.6)
    lower.yaxis.set_major_formatter(PLAIN)
    return figure


def dependence_figure(pairs: PairColumns, thresholds: Thresholds) -> Figure:
    """Draw nHSIC and RDC of the pairs of pass 4 over |ρ|; edges stand out."""
    known = ~np.isnan(pairs.spearman)
    if not known.any():
        return note_figure("Pass 4 had no pair to measure.")
    figure, (left, right) = panels(
        [4.0], 2, Margins(left=0.6, right=0.2, top=0.6, bottom=0.55, between_columns=0.7)
    )
    figure.set_dpi(_PICTURE_DPI)
    for axes, name, values, level in (
        (left, "nHSIC", pairs.nhsic, thresholds.hsic),
        (right, "RDC", pairs.rdc, thresholds.rdc),
    ):
        _draw_pairs(axes, pairs.spearman, values, pairs.edge)
        if level is not None:
            axes.axhline(level, color=LIMIT_COLOURS[0], linestyle=(0, (5, 2)), linewidth=1.2)
        axes.axvline(thresholds.spearman, color=MUTED, linestyle=(0, (2, 2)), linewidth=1.2)
        axes.set_title(name if level is None else f"{name}; dashed: {level:g}")
        axes.set_ylabel(name)
        axes.set_xlabel("|ρ| of pass 2")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(FixedLocator([0, 0.2, 0.4, 0.6, 0.8, 1]))
            axis.set_major_formatter(PLAIN)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.grid(color=_GRID, linewidth=0.6)
    figure.legend(
        handles=[
            Line2D([], [], linestyle="", marker="o", markersize=4, color=_PAIR, label="pair"),
            Line2D(
                *([], []),
                linestyle="",
                marker="o",
                markersize=4,
                color=_WEAK,
                label="pair with an edge in pass 4",
            ),
            Line2D(
                *([], []),
                color=MUTED,
                linestyle=(0, (2, 2)),
                label=f"|ρ| = {thresholds.spearman:g}, the threshold of pass 2",
            ),
        ],
        loc="upper left",
        bbox_to_anchor=(0.01, inches_from_top(figure, 0.02)),
        ncols=3,
        labelcolor=INK,
    )
    return figure


def _draw_pairs(
    axes: Axes,
    spearman: NDArray[np.float64],
    values: NDArray[np.float64],
    edge: NDArray[np.bool_],
) -> None:
    known = ~(np.isnan(spearman) | np.isnan(values))
    for chosen, colour, size, alpha in ((~edge, _PAIR, 5, 0.4), (edge, _WEAK, 12, 1.0)):
        drawn = known & chosen
        axes.scatter(
            spearman[drawn],
            values[drawn],
            s=size,
            color=colour,
            alpha=alpha,
            linewidths=0,
            rasterized=True,
        )
