"""Series in figures, be they runs or methods: styles, legends, and scores set over costs.

Call these inside `drawing.figure_style()`, which sets fonts and colours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullLocator

from scripts.report.drawing import (
    COMPACT,
    LEGEND_ROW,
    WIDTH,
    Margins,
    inches_from_top,
    panels,
    shorten,
    text_inches,
)

GRID = "#e3e7eb"
PER_CENT = FuncFormatter(lambda value, _position: f"{100 * value:.4g}")
# Okabe & Ito's colours, told apart by colour-blind readers; beyond them the dashes change.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#7a3e00", "#33383d")
DASHES: tuple[tuple[int, tuple[int, ...]], ...] = (
    (0, ()),
    (0, (5, 2)),
    (0, (2, 1.5)),  # type: ignore[assignment]
    (0, (7, 2, 2, 2)),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


@dataclass(frozen=True)
class SeriesStyle:
    """How a run or a method is drawn, the same in every figure."""

    colour: str
    dashes: tuple[int, tuple[int, ...]]
    marker: str


def series_styles(names: Sequence[str]) -> dict[str, SeriesStyle]:
    """Return a style for each series, in the table's order."""
    return {
        name: SeriesStyle(
            COLOURS[place % len(COLOURS)],
            DASHES[place // len(COLOURS) % len(DASHES)],
            MARKERS[place % len(MARKERS)],
        )
        for place, name in enumerate(names)
    }


def series_handles(styles: dict[str, SeriesStyle]) -> list[Line2D | Patch]:
    """Return what a legend shows of each series."""
    return [
        Line2D(
            [],
            [],
            color=style.colour,
            linestyle=style.dashes,
            marker=style.marker,
            markersize=4,
            label=shorten(name, 32),
        )
        for name, style in styles.items()
    ]


def _legend_columns(handles: Sequence[Line2D | Patch]) -> int:
    widest = max(text_inches(str(handle.get_label())) for handle in handles) + 0.75
    return max(1, int((WIDTH - 0.2) / widest))


def legend_inches(handles: Sequence[Line2D | Patch]) -> float:
    """Return the height that a legend above all panels takes."""
    return LEGEND_ROW * -(-len(handles) // _legend_columns(handles)) if handles else 0.0


def place_legend(figure: Figure, handles: Sequence[Line2D | Patch]) -> None:
    """Put a legend above all panels, in as many columns as fit."""
    if handles:
        figure.legend(
            handles=list(handles),
            loc="upper left",
            bbox_to_anchor=(0.01, inches_from_top(figure, 0.02)),
            ncols=_legend_columns(handles),
            labelspacing=0.35,
            columnspacing=1.6,
            handlelength=2.8,  # long enough to tell dashes apart beside a mark
        )


@dataclass(frozen=True)
class CostedScore:
    """What a run or a method costs, and its score with its interval."""

    name: str
    cost: float
    score: float
    low: float | None
    high: float | None


def score_figure(
    scored: Sequence[CostedScore], names: Sequence[str], *, cost: str, score: str
) -> Figure:
    """Draw scores over costs, a mark per series with its interval.

    Args:
        scored: what to draw, at least one.
        names: all series, in the table's order, which gives each its colour.
        cost: what the horizontal axis counts.
        score: what the vertical axis shows, in per cent.
    """
    styles = series_styles(names)
    legend = series_handles(styles)
    top = 0.5 + legend_inches(legend)
    figure, (axes,) = panels([3.2], 1, Margins(left=0.7, right=0.3, top=top, bottom=0.55))
    spent = [one.cost for one in scored]
    log = min(spent) > 0 and max(spent) / min(spent) > 20
    for one, place in zip(scored, _side_by_side(spent, log=log), strict=True):
        style = styles[one.name]
        if one.low is not None and one.high is not None:
            axes.plot([place] * 2, [one.low, one.high], color=style.colour)
        axes.plot([place], [one.score], style.marker, color=style.colour, markersize=7)
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.set_xlim(0, max(spent) * 1.08 or 1)
    axes.xaxis.set_major_formatter(COMPACT)
    axes.yaxis.set_major_formatter(PER_CENT)
    axes.set_xlabel(cost)
    axes.set_ylabel(score)
    axes.grid(color=GRID, linewidth=0.6)
    place_legend(figure, legend)
    return figure


def _side_by_side(values: Sequence[float], *, log: bool) -> list[float]:
    """Return places for values on an axis, equal ones moved apart by 0.7 % of it."""
    places: list[float] = []
    for number, value in enumerate(values):
        before = values[:number].count(value)
        step = value * 0.03 if log else max(values) * 0.007
        places.append(value + before * step)
    return places
