"""Figures of the trainings: loss curves, and what strategies differ by.

Call these inside `drawing.figure_style()`, which sets fonts and colours.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator

from scripts.report.classification_figures import GRID, PER_CENT
from scripts.report.classification_tables import LossPoint, StrategyRow
from scripts.report.classification_view import (
    JUDGED,
    METRICS,
    SURVIVING,
    model_label,
    models_of,
    scores_of,
    strategies_of,
)
from scripts.report.drawing import (
    COMPACT,
    INK,
    LEGEND_ROW,
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

# Okabe & Ito's colours, told apart by colour-blind readers; beyond them the dashes change.
_COLOURS = ("#33383d", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7a3e00")
_DASHES: tuple[Any, ...] = ((0, ()), (0, (5, 2)), (0, (2, 1.5)))
_BETTER, _WORSE = "#0072b2", "#d55e00"
_LN, _PRIOR = (0, (6, 2)), (0, (2, 2))
_ROW = 0.24
_FAR = 3.0  # times ln C, from where on losses are drawn on a logarithmic axis


def losses_figure(points: Sequence[LossPoint], models: dict[str, dict[str, Any]]) -> Figure:
    """Draw training and validation losses over the steps, a row of panels per model.

    A line is the mean of a strategy's seeds, the band reaches from their least to their most.

    Args:
        points: loss curves.
        models: by model: ln_classes and prior_only_loss.
    """
    drawn = [model for model in models if any(point.model == model for point in points)]
    if not drawn:
        return note_figure("No training step was recorded.")
    strategies = list(dict.fromkeys(point.strategy for point in points))
    legend = [
        Line2D([], [], color=colour, linestyle=dashes, label=shorten(name, 32))
        for name, (colour, dashes) in _styles(strategies).items()
    ] + [
        Line2D([], [], color=MUTED, linestyle=_LN, label="ln C: guessing blindly"),
        Line2D([], [], color=MUTED, linestyle=_PRIOR, label="answering the class frequencies"),
    ]
    widest = max(text_inches(str(handle.get_label())) for handle in legend) + 0.75
    columns = max(1, int((WIDTH - 0.2) / widest))
    figure, axes = panels(
        [2.4] * len(drawn),
        2,
        Margins(
            left=0.6,
            right=0.15,
            top=0.5 + LEGEND_ROW * -(-len(legend) // columns),
            bottom=0.5,
            between_columns=0.6,
            between_rows=0.8,
        ),
    )
    for row, model in enumerate(drawn):
        own = [point for point in points if point.model == model]
        for column, (name, title) in enumerate(
            (
                ("cross_entropy", "training batches, mean of the last steps"),
                ("validation_cross_entropy", "validation split"),
            )
        ):
            one = axes[2 * row + column]
            _draw_losses(one, own, name, strategies, models[model])
            one.set_title(f"{model_label(model)}: {title}")
            one.set_xlabel("optimizer steps")
            if column == 0:
                one.set_ylabel("cross-entropy (nats)")
    figure.legend(
        handles=legend,
        loc="upper left",
        bbox_to_anchor=(0.01, inches_from_top(figure, 0.02)),
        ncols=columns,
        labelspacing=0.35,
        columnspacing=1.6,
    )
    return figure


def _styles(strategies: Sequence[str]) -> dict[str, tuple[str, Any]]:
    return {
        name: (
            _COLOURS[place % len(_COLOURS)],
            _DASHES[place // len(_COLOURS) % len(_DASHES)],
        )
        for place, name in enumerate(strategies)
    }


def _draw_losses(
    axes: Axes,
    points: Sequence[LossPoint],
    name: str,
    strategies: Sequence[str],
    about: dict[str, Any],
) -> None:
    largest = 0.0
    for strategy, (colour, dashes) in _styles(strategies).items():
        steps, values = curve_of([one for one in points if one.strategy == strategy], name)
        if not len(steps):
            continue
        largest = max(largest, float(values.max()))
        axes.fill_between(
            steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0
        )
        mark = "o" if len(steps) < 30 else ""
        axes.plot(
            steps,
            values.mean(axis=0),
            color=colour,
            linestyle=dashes,
            linewidth=1.3,
            marker=mark,
            markersize=3,
        )
    axes.axhline(about["ln_classes"], color=MUTED, linestyle=_LN, linewidth=1.1, zorder=1)
    axes.axhline(about["prior_only_loss"], color=MUTED, linestyle=_PRIOR, linewidth=1.1, zorder=1)
    if largest > _FAR * about["ln_classes"]:
        axes.set_yscale("log")
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(COMPACT)
    axes.yaxis.set_major_formatter(PLAIN)
    axes.grid(color=GRID, linewidth=0.6)


def curve_of(points: Sequence[LossPoint], name: str) -> tuple[Any, Any]:
    """Return (steps,) that all seeds of a strategy have a loss at, and (seeds, steps) losses."""
    by_seed: dict[int, dict[int, float]] = {}
    for point in points:
        value = getattr(point, name)
        if value is not None:
            by_seed.setdefault(point.seed, {})[point.step] = value
    if not by_seed:
        return np.zeros(0, int), np.zeros((0, 0))
    steps = sorted(set.intersection(*(set(curve) for curve in by_seed.values())))
    values = [[curve[step] for step in steps] for _, curve in sorted(by_seed.items())]
    return np.array(steps, int), np.array(values, np.float64)


def differences_figure(rows: Sequence[StrategyRow]) -> Figure:
    """Draw each strategy's difference to the reference in macro F1: all, head, medium, tail.

    Surviving classes; a row of panels per model, one scale for the panels of a row.
    """
    compared = [row for row in rows if row.scope == SURVIVING and row.difference is not None]
    models = models_of(compared)
    if not models:
        return note_figure("There is one strategy only, so there is nothing to compare.")
    names = {model: strategies_of(compared, model) for model in models}
    label = max(text_inches(shorten(name, 30)) for listed in names.values() for name in listed)
    figure, axes = panels(
        [_ROW * len(names[model]) + 0.15 for model in models],
        len(JUDGED),
        Margins(
            left=0.35 + label,
            right=0.2,
            top=0.75,
            bottom=0.35,
            between_columns=0.3,
            between_rows=0.95,
        ),
    )
    for line, model in enumerate(models):
        found = scores_of(compared, model, SURVIVING)
        ends = [0.0] + [
            end
            for (_, metric), row in found.items()
            if metric in JUDGED
            for end in (row.difference, row.low, row.high)
            if end is not None
        ]
        margin = 0.06 * max(max(ends) - min(ends), 0.01)
        limits = min(ends) - margin, max(ends) + margin
        for column, metric in enumerate(JUDGED):
            one = axes[line * len(JUDGED) + column]
            listed = [found.get((name, metric)) for name in names[model]]
            _draw_differences(one, listed)
            one.set_xlim(limits)
            one.set_title(METRICS[metric] if column == 0 else f"{METRICS[metric]} classes")
            one.set_yticks(
                range(len(listed)),
                [shorten(name, 30) for name in names[model]] if column == 0 else [],
            )
        first = axes[line * len(JUDGED)]
        reference = next(iter(found.values())).reference
        box = first.get_position()
        figure.text(
            0.2 / WIDTH,
            box.y1 + 0.36 / figure.get_figheight(),
            f"{model_label(model)}: difference to {shorten(reference, 30)} in macro F1 (points)",
            color=INK,
            fontsize=10,
        )
    return figure


def _draw_differences(axes: Axes, rows: Sequence[StrategyRow | None]) -> None:
    axes.axvline(0, color=INK, linewidth=0.8, zorder=1)
    for place, row in enumerate(rows):
        if row is None or row.difference is None:
            continue
        colour = {"better": _BETTER, "worse": _WORSE}.get(row.verdict, MUTED)
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [place] * 2, color=colour, linewidth=1.6)
        axes.plot(
            [row.difference],
            [place],
            "o",
            markersize=5,
            markeredgecolor=colour,
            markerfacecolor="white" if row.verdict == "within" else colour,
        )
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(PER_CENT)
    axes.grid(axis="x", color=GRID, linewidth=0.6)
