"""The language_model track's figures: from tables to matplotlib figures, nothing written.

Call these inside `drawing.figure_style()`, which sets fonts and colours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from scripts.report.drawing import (
    COMPACT,
    INK,
    MUTED,
    PLAIN,
    Margins,
    note_figure,
    panels,
    shorten,
    text_inches,
)
from scripts.report.language_model_tables import LossRow, RunRow
from scripts.report.language_model_view import (
    COMPOSITE_LENIENT,
    COMPOSITE_STRICT,
    ENTITY_1,
    GOLD_1,
    LAMBADA_1,
    LOSS,
    REAL_1,
    REAL_1_LENIENT,
    REAL_1_UNSEEN,
    REAL_5,
    Measure,
    MetricBook,
    baseline_name,
    points,
)
from scripts.report.series import (
    COLOURS,
    PER_CENT,
    CostedScore,
    SeriesStyle,
    legend_inches,
    place_legend,
    score_figure,
    series_handles,
    series_styles,
)

COMPOSITE_LABEL = "strict composite, test half (%)"
_BASELINE_DASHES: tuple[tuple[int, tuple[int, ...]], ...] = ((0, (1, 1)), (0, (3, 2)), (0, (6, 2)))
CURVES = (
    COMPOSITE_STRICT,
    REAL_1,
    REAL_5,
    COMPOSITE_LENIENT,
    REAL_1_LENIENT,
    LAMBADA_1,
    REAL_1_UNSEEN,
    ENTITY_1,
    GOLD_1,
    LOSS,
)


def curves_figure(book: MetricBook, runs: Sequence[RunRow]) -> Figure:
    """Draw each metric over the epochs: a line per run, its 95 % band, baselines across.

    A ring marks the checkpoint that the validation half chose; curves are over all items.
    """
    if not runs:
        return note_figure("No run was evaluated.")
    styles = series_styles([row.run for row in runs])
    measures = [one for one in CURVES if any(book.curve(row.run, one) for row in runs)]
    columns = 3
    rows = -(-len(measures) // columns)
    legend = series_handles(styles)
    legend += _baseline_handles(book)
    figure, axes = panels(
        [2.1] * rows,
        columns,
        Margins(
            left=0.55,
            right=0.15,
            top=0.5 + legend_inches(legend),
            bottom=0.5,
            between_columns=0.6,
            between_rows=0.75,
        ),
    )
    for one, measure in zip(axes, measures, strict=False):
        _draw_curves(one, book, runs, styles, measure)
    for unused in axes[len(measures) :]:
        unused.remove()
    place_legend(figure, legend)
    return figure


def _draw_curves(
    axes: Axes,
    book: MetricBook,
    runs: Sequence[RunRow],
    styles: dict[str, SeriesStyle],
    measure: Measure,
) -> None:
    for row in runs:
        curve, style = book.curve(row.run, measure), styles[row.run]
        epochs = [epoch for epoch, _ in curve]
        banded = [(e, m.low, m.high) for e, m in curve if m.low is not None and m.high is not None]
        if banded:
            places, lows, highs = zip(*banded, strict=True)
            axes.fill_between(places, lows, highs, color=style.colour, alpha=0.12, linewidth=0)
        axes.plot(
            epochs,
            [metric.value for _, metric in curve],
            color=style.colour,
            linestyle=style.dashes,
            marker=style.marker,
            markersize=3.5,
            linewidth=1.5,
        )
        best = [metric.value for epoch, metric in curve if epoch == float(row.best_epoch)]
        axes.plot(
            [float(row.best_epoch)] * len(best),
            best,
            "o",
            markersize=9,
            markerfacecolor="none",
            markeredgecolor=style.colour,
            markeredgewidth=1.3,
        )
    for place, baseline in enumerate(book.baselines):
        level = book.get(baseline, "", measure)
        if level is not None:
            dashes = _BASELINE_DASHES[place % len(_BASELINE_DASHES)]
            axes.axhline(level.value, color=MUTED, linestyle=dashes, linewidth=1.2, zorder=1)
    title, set_name = measure[0], measure[1]
    axes.set_title(title if set_name == "heldout" else f"{title} (%)")
    if set_name != "heldout":
        axes.yaxis.set_major_formatter(PER_CENT)
        axes.set_ylim(bottom=max(0.0, axes.get_ylim()[0]), top=min(1.02, axes.get_ylim()[1]))
    documents = {metric.documents for row in runs for _, metric in book.curve(row.run, measure)}
    counted = f"; {max(documents):,} documents" if set_name == "heldout" and documents else ""
    axes.set_xlabel(f"epoch of the run{counted}")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.xaxis.set_major_formatter(PLAIN)
    axes.grid(color="#e3e7eb", linewidth=0.6)


def _baseline_handles(book: MetricBook) -> list[Line2D | Patch]:
    return [
        Line2D(
            [],
            [],
            color=MUTED,
            linestyle=_BASELINE_DASHES[place % len(_BASELINE_DASHES)],
            label=f"no model: {shorten(baseline_name(name), 34)}",
        )
        for place, name in enumerate(book.baselines)
    ]


def cost_figure(runs: Sequence[RunRow]) -> Figure:
    """Draw the test score of each run's best checkpoint over the tokens that it took."""
    if not runs:
        return note_figure("No run was evaluated.")
    return score_figure(
        [
            CostedScore(row.run, row.tokens_at_best, row.test, row.test_low, row.test_high)
            for row in runs
        ],
        [row.run for row in runs],
        cost="input tokens up to the best checkpoint, those of its parent runs included",
        score=COMPOSITE_LABEL,
    )


def losses_figure(rows: Sequence[LossRow], runs: Sequence[RunRow]) -> Figure:
    """Draw training loss and gradient norm over each run's tokens."""
    drawn = [run for run in runs if any(row.run == run.run for row in rows)]
    if not drawn:
        return note_figure("No training step was recorded.")
    styles = series_styles([row.run for row in runs])
    legend = series_handles(styles)
    top = 0.5 + legend_inches(legend)
    figure, (left, right) = panels(
        [2.8], 2, Margins(left=0.6, right=0.15, top=top, bottom=0.55, between_columns=0.75)
    )
    for run in drawn:
        curve = [row for row in rows if row.run == run.run]
        style = styles[run.run]
        tokens = [row.tokens for row in curve]
        for axes, values in (
            (left, [row.loss for row in curve]),
            (right, [row.gradient_norm for row in curve]),
        ):
            axes.plot(tokens, values, color=style.colour, linestyle=style.dashes, linewidth=1.2)
    left.set_title("training loss (nats per labelled token)")
    right.set_title("gradient norm before clipping")
    for axes in (left, right):
        axes.set_xlabel("input tokens of the run")
        axes.set_xlim(left=0)
        axes.xaxis.set_major_formatter(COMPACT)
        axes.yaxis.set_major_formatter(PLAIN)
        axes.grid(color="#e3e7eb", linewidth=0.6)
    place_legend(figure, legend)
    return figure


@dataclass(frozen=True)
class ForestRow:
    """One difference: what it compares, and the interval in shares."""

    label: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ForestBlock:
    """Differences of one kind, under a heading."""

    title: str
    rows: Sequence[ForestRow]


_FOREST_ROW = 0.24
_LABEL_COLUMNS = 66


def forest_figure(blocks: Sequence[ForestBlock]) -> Figure:
    """Draw differences with their intervals, a panel per block, one scale for all."""
    blocks = [block for block in blocks if block.rows]
    if not blocks:
        return note_figure("There is nothing to compare.")
    rows = [row for block in blocks for row in block.rows]
    left = 0.25 + max(text_inches(shorten(row.label, _LABEL_COLUMNS)) for row in rows)
    figure, axes = panels(
        [_FOREST_ROW * len(block.rows) + 0.1 for block in blocks],
        1,
        Margins(left=left, right=1.75, top=0.45, bottom=0.5, between_rows=0.62),
    )
    ends = [end for row in rows for end in (row.value, row.low, row.high, 0.0) if end is not None]
    margin = 0.06 * max(max(ends) - min(ends), 0.01)
    for one, block in zip(axes, blocks, strict=True):
        _draw_forest(one, block)
        one.set_xlim(min(ends) - margin, max(ends) + margin)
    axes[-1].set_xlabel("difference (points), 95 % interval; hollow: the interval holds 0")
    return figure


def _draw_forest(axes: Axes, block: ForestBlock) -> None:
    axes.axvline(0, color=INK, linewidth=0.8, zorder=1)
    for place, row in enumerate(block.rows):
        known = row.low is not None and row.high is not None
        noise = not known or (row.low or 0.0) <= 0 <= (row.high or 0.0)
        colour = MUTED if noise else COLOURS[0] if row.value > 0 else COLOURS[1]
        if known:
            axes.plot([row.low or 0.0, row.high or 0.0], [place] * 2, color=colour, linewidth=1.6)
        axes.plot(
            [row.value],
            [place],
            "o",
            markersize=5.5,
            markeredgecolor=colour,
            markerfacecolor="white" if noise else colour,
        )
        axes.text(
            1.012,
            place,
            points(row.value, row.low, row.high),
            va="center_baseline",
            fontsize=8.5,
            color=MUTED if noise else INK,
            transform=axes.get_yaxis_transform(),
            clip_on=False,
        )
    axes.set_title(block.title)
    axes.set_ylim(len(block.rows) - 0.4, -0.6)
    axes.set_yticks(
        range(len(block.rows)), [shorten(row.label, _LABEL_COLUMNS) for row in block.rows]
    )
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(PER_CENT)
    axes.grid(axis="x", color="#e3e7eb", linewidth=0.6)
