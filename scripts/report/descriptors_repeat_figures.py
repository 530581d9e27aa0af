"""Figures of what repeating the passes showed: other thresholds, and other draws of the items.

Call these inside `drawing.figure_style()`, which sets fonts and colours.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, MaxNLocator

from scripts.report.descriptors_stability import Span, Stability
from scripts.report.descriptors_sweep import SweepRow
from scripts.report.descriptors_view import PASSES, stage_label
from scripts.report.drawing import (
    ACCENT,
    ACCENT_TINT,
    INK,
    LIMIT_COLOURS,
    PLAIN,
    Margins,
    inches_from_top,
    note_figure,
    panels,
    text_inches,
)

_GRID = "#e3e7eb"
_COVERED = LIMIT_COLOURS[3]
_EXPLAINED = LIMIT_COLOURS[1]
_ALL_SHARES = 20  # bootstraps up to which each possible share has a bar of its own
_ROW_INCHES = 0.36


def sweep_figure(rows: Sequence[SweepRow]) -> Figure:
    """Draw the survivors of each pass for several thresholds, a panel a pass."""
    if not rows:
        return note_figure("No threshold was tried.")
    figure, axes = panels(
        [1.5, 1.5],
        2,
        Margins(
            *(0.65, 0.2, 0.65, 0.75),
            between_columns=0.75,
            between_rows=1.05,
        ),
    )
    for number, panel in zip(PASSES, axes, strict=True):
        _draw_thresholds(panel, number, [row for row in rows if row.pass_number == number])
    figure.legend(
        handles=[
            Patch(color=ACCENT, label="as configured"),
            Patch(color=ACCENT_TINT, label="another threshold"),
        ],
        loc="upper left",
        bbox_to_anchor=(0.01, inches_from_top(figure, 0.02)),
        ncols=2,
        labelcolor=INK,
    )
    return figure


def _draw_thresholds(axes: Axes, number: int, rows: Sequence[SweepRow]) -> None:
    axes.set_title(stage_label(f"pass{number}"))
    axes.set_ylabel("survivors")
    most = max((row.survivors for row in rows), default=0)
    for place, row in enumerate(rows):
        colour = ACCENT if row.is_configured else ACCENT_TINT
        axes.bar(place, row.survivors, color=colour, width=0.72)
        axes.text(place, row.survivors + 0.03 * max(most, 1), f"{row.survivors:,}", ha="center")
    # Measures of a pass stand below each other, in the order of the axis' name.
    axes.set_xticks(range(len(rows)), ["\n".join(value for _, value in row.values) for row in rows])
    axes.tick_params(axis="x", length=0)
    for label, row in zip(axes.get_xticklabels(), rows, strict=True):
        label.set_fontweight("bold" if row.is_configured else "normal")
        label.set_linespacing(1.4)
    names = [measure for measure, _ in rows[0].values] if rows else []
    axes.set_xlabel("threshold: " + ", below it ".join(names))
    axes.set_xlim(-0.6, max(len(rows), 4) - 0.4)
    axes.set_ylim(0, max(most, 1) * 1.18)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.yaxis.set_major_formatter(PLAIN)
    axes.grid(axis="y", color=_GRID, linewidth=0.6)


def stability_figure(found: Stability) -> Figure:
    """Draw how often survivors survive; beside it agreement by pass, and covered shares."""
    if found.again is None or found.explained is None:
        return note_figure("No bootstrap was made; stability was not assessed.")
    rows = [
        *(
            (f"after pass {number}: clusters agree", span, ACCENT)
            for number, span in found.agreements.items()
        ),
        ("survivors that survive again", found.again, _COVERED),
        *(
            (f"or have one with |ρ| ≥ {level:g}", span, _COVERED)
            for level, span in found.covered.items()
        ),
        ("their variance explained", found.explained, _EXPLAINED),
    ]
    labels = 0.25 + max(text_inches(label) for label, _, _ in rows)
    height = max(2.4, _ROW_INCHES * len(rows))
    figure, (left, right) = panels(
        [height],
        2,
        Margins(left=0.65, right=0.3, top=0.4, bottom=0.6, between_columns=labels + 0.2),
    )
    _draw_shares(left, found)
    _draw_spans(right, rows)
    return figure


def share_bars(found: Stability) -> list[tuple[float, float, int]]:
    """Return bars (place, width, survivors) over the share of bootstraps survived.

    Few bootstraps allow few shares, and each has a bar; else there are bins of 0.05.
    """
    number = found.bootstraps
    # Whole numbers: a share of 0.95 may lie to either side of a bin's edge.
    times = np.rint([row.survived * number for row in found.survivor_rows]).astype(np.int64)
    if number <= _ALL_SHARES:
        width = min(0.8 / number, 0.1)
        by_times = np.bincount(times, minlength=number + 1)
        return [(at / number, width, int(survivors)) for at, survivors in enumerate(by_times)]
    bins = np.minimum(times * _ALL_SHARES // number, _ALL_SHARES - 1)
    by_bin = np.bincount(bins, minlength=_ALL_SHARES)
    width = 1 / _ALL_SHARES
    return [
        ((at + 0.5) * width, 0.9 * width, int(survivors)) for at, survivors in enumerate(by_bin)
    ]


def _draw_shares(axes: Axes, found: Stability) -> None:
    bars = share_bars(found)
    most = max(survivors for _, _, survivors in bars)
    for place, width, survivors in bars:
        axes.bar(place, survivors, width=width, color=ACCENT)
        if survivors:
            axes.text(place, survivors + 0.02 * most, f"{survivors:,}", ha="center", fontsize=8)
    axes.set_title(f"Survivors of the run, n = {len(found.survivor_rows):,}")
    axes.set_xlabel(f"share of bootstraps in which it survived, n = {found.bootstraps:,}")
    axes.set_ylabel("survivors")
    axes.set_xlim(-0.07, 1.07)
    axes.set_ylim(0, max(most, 1) * 1.15)
    axes.xaxis.set_major_locator(FixedLocator([0, 0.2, 0.4, 0.6, 0.8, 1]))
    axes.xaxis.set_major_formatter(PLAIN)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.yaxis.set_major_formatter(PLAIN)
    axes.grid(axis="y", color=_GRID, linewidth=0.6)


def _draw_spans(axes: Axes, rows: Sequence[tuple[str, Span, str]]) -> None:
    least = min(span.lowest for _, span, _ in rows)
    for place, (_, span, colour) in enumerate(rows):
        axes.plot(
            [span.lowest, span.highest],
            [place, place],
            color=colour,
            linewidth=5,
            alpha=0.35,
            solid_capstyle="round",
        )
        axes.plot(span.mean, place, "o", color=colour, markersize=6)
        axes.text(1.05, place, f"{span.mean:.3f}", va="center_baseline", color=INK)
    axes.set_title("Agreement with the run: mean, least to most")
    axes.set_xlabel("Rand index (blue), survivors (green), variance (brown)")
    axes.set_xlim(min(0.0, least) - 0.03, 1.18)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [label for label, _, _ in rows])
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(FixedLocator([0, 0.2, 0.4, 0.6, 0.8, 1]))
    axes.xaxis.set_major_formatter(PLAIN)
    axes.grid(axis="x", color=_GRID, linewidth=0.6)
