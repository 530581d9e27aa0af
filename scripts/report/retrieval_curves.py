"""The retrieval track's methods over the sessions: scores, memory, clusters, cohesion.

Call these inside `drawing.figure_style()`, which sets fonts and colours.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import TypeVar

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from scripts.report.drawing import COMPACT, INK, MUTED, Margins, note_figure, panels
from scripts.report.retrieval_panels import label_sessions
from scripts.report.retrieval_tables import CohesionRow, MemoryRow, TransferRow
from scripts.report.retrieval_view import AVERAGE, FORGETTING, MEASURES
from scripts.report.series import (
    GRID,
    PER_CENT,
    SeriesStyle,
    legend_inches,
    place_legend,
    series_handles,
    series_styles,
)

_LIMIT_DASHES = (0, (5, 2))
MOST_INTERVALS = 5
_SPREAD = 0.24  # of the distance of two sessions, over which the methods' intervals are drawn
COHESION = {
    "within": "distance to the own prototype (lower: tighter)",
    "silhouette": "silhouette (higher: better)",
    "davies_bouldin": "Davies-Bouldin (lower: better)",
    "dunn": "Dunn (higher: better)",
    "calinski_harabasz": "Calinski-Harabasz (higher: better)",
    "wcss": "squares within clusters (lower: tighter)",
    "purity": "purity against domains (higher: better)",
}
Row = TypeVar("Row", CohesionRow, MemoryRow)


def progress_figure(
    transfer: Sequence[TransferRow], methods: Sequence[str], sessions: Sequence[str], measure: str
) -> Figure:
    """Draw the average over the sessions so far, and forgetting, after each session.

    Intervals are drawn for a few methods only; for many they would hide the curves.

    Args:
        transfer: figures in one measure on sessions' own collections.
        methods: all methods in order, which gives each its style.
        sessions: names by number.
        measure: what the figures are of.
    """
    if not transfer:
        return note_figure("No model was evaluated.")
    styles = series_styles(methods)
    legend = series_handles(styles)
    figure, axes = panels(
        [2.6],
        2,
        Margins(
            left=0.6,
            right=0.15,
            top=0.5 + legend_inches(legend),
            bottom=0.55,
            between_columns=0.7,
        ),
    )
    name = MEASURES.get(measure, measure)
    for one, figure_name, title, label in (
        (axes[0], AVERAGE, "Average over the sessions so far", f"{name} (%)"),
        (axes[1], FORGETTING, "Forgetting: best earlier score minus the present one", "points"),
    ):
        for place, method in enumerate(methods):
            own = [row for row in transfer if (row.method, row.figure) == (method, figure_name)]
            shift = _SPREAD * (place / max(1, len(methods) - 1) - 0.5)
            if len(methods) <= MOST_INTERVALS:
                _draw_intervals(one, own, styles[method].colour, shift)
            _draw_curve(one, own, styles[method], shift)
        one.set_title(title)
        one.set_ylabel(label)
        one.yaxis.set_major_formatter(PER_CENT)
        _session_axis(one, sessions)
    axes[1].axhline(0, color=INK, linewidth=0.8, zorder=1)
    place_legend(figure, legend)
    return figure


def _draw_intervals(axes: Axes, rows: Sequence[TransferRow], colour: str, shift: float) -> None:
    for row in rows:
        if row.low is not None and row.high is not None:
            axes.plot([row.session + shift] * 2, [row.low, row.high], color=colour, linewidth=0.9)


def _draw_curve(axes: Axes, rows: Sequence[TransferRow], style: SeriesStyle, shift: float) -> None:
    axes.plot(
        [row.session + shift for row in rows],
        [row.value for row in rows],
        color=style.colour,
        linestyle=style.dashes,
        linewidth=1.4,
        marker=style.marker,
        markersize=4.5,
    )


def memory_figure(
    rows: Sequence[MemoryRow],
    limits: Mapping[str, int | None],
    methods: Sequence[str],
    sessions: Sequence[str],
) -> Figure:
    """Draw documents and bytes that each memory carried over, and its clusters, by session.

    Args:
        rows: of all streams; a line is the mean over seeds, a band reaches from least to most.
        limits: documents that each method may carry over; None where it keeps all.
        methods: all methods in order, which gives each its style.
        sessions: names by number.
    """
    if not rows:
        return note_figure("No method has a memory.")
    styles = {method: style for method, style in series_styles(methods).items() if method in limits}
    bounds = sorted({limit for limit in limits.values() if limit})
    legend = series_handles(styles)
    if bounds:
        legend.append(
            Line2D([], [], color=MUTED, linestyle=_LIMIT_DASHES, label="most that may be carried")
        )
    figure, axes = panels(
        [2.3],
        3,
        Margins(
            left=0.6,
            right=0.15,
            top=0.5 + legend_inches(legend),
            bottom=0.55,
            between_columns=0.65,
        ),
    )
    for one, title, label, value in (
        (axes[0], "Documents carried over", "documents", lambda row: row.carried),
        (axes[1], "Texts carried over and prototypes", "bytes", lambda row: row.carried_bytes),
        (axes[2], "Clusters after the session", "clusters", lambda row: row.clusters),
    ):
        _draw_means(one, rows, styles, value)
        one.set_title(title)
        one.set_ylabel(label)
        one.set_ylim(bottom=-0.03 * one.get_ylim()[1])  # whole marks at 0
        one.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        one.yaxis.set_major_formatter(COMPACT)
        _session_axis(one, sessions)
    for bound in bounds:
        axes[0].axhline(bound, color=MUTED, linestyle=_LIMIT_DASHES, linewidth=1.1, zorder=1)
        axes[0].set_ylim(top=max(axes[0].get_ylim()[1], 1.08 * bound))
    place_legend(figure, legend)
    return figure


def cohesion_figure(
    rows: Sequence[CohesionRow], methods: Sequence[str], sessions: Sequence[str]
) -> Figure:
    """Draw each measure of cohesion by session, a panel per measure that is defined somewhere."""
    shown = [name for name in COHESION if any(getattr(row, name) is not None for row in rows)]
    if not shown:
        return note_figure("No memory has clusters.")
    clustered = {row.method for row in rows}
    styles = {
        method: style for method, style in series_styles(methods).items() if method in clustered
    }
    legend = series_handles(styles)
    columns = 3
    figure, axes = panels(
        [1.6] * -(-len(shown) // columns),
        columns,
        Margins(
            left=0.55,
            right=0.15,
            top=0.5 + legend_inches(legend),
            bottom=0.5,
            between_columns=0.65,
            between_rows=0.65,
        ),
    )
    for place, one in enumerate(axes):
        if place >= len(shown):
            one.remove()
            continue
        name = shown[place]
        _draw_means(one, rows, styles, attrgetter(name))
        one.set_title(COHESION[name])
        one.yaxis.set_major_locator(MaxNLocator(nbins=5))
        one.yaxis.set_major_formatter(COMPACT)
        _session_axis(one, sessions)
        if place + columns < len(shown):
            one.set_xlabel("")
    place_legend(figure, legend)
    return figure


def by_session(
    rows: Sequence[Row], method: str, value: Callable[[Row], float | None]
) -> dict[int, list[float]]:
    """Return a value of all of a method's seeds by session; sessions without one are left out."""
    found: dict[int, list[float]] = {}
    for row in rows:
        known = value(row)
        if row.method == method and known is not None:
            found.setdefault(row.session, []).append(float(known))
    return dict(sorted(found.items()))


def _draw_means(
    axes: Axes,
    rows: Sequence[Row],
    styles: Mapping[str, SeriesStyle],
    value: Callable[[Row], float | None],
) -> None:
    for number, (method, style) in enumerate(styles.items()):
        found = by_session(rows, method, value)
        if not found:
            continue
        shift = _SPREAD / 2 * (number / max(1, len(styles) - 1) - 0.5)
        places = [session + shift for session in found]
        axes.fill_between(
            places,
            [min(values) for values in found.values()],
            [max(values) for values in found.values()],
            color=style.colour,
            alpha=0.15,
            linewidth=0,
        )
        axes.plot(
            places,
            [sum(values) / len(values) for values in found.values()],
            color=style.colour,
            linestyle=style.dashes,
            linewidth=1.4,
            marker=style.marker,
            markersize=4.5,
        )


def _session_axis(axes: Axes, sessions: Sequence[str]) -> None:
    label_sessions(axes, sessions)
    axes.set_xlim(-0.3, len(sessions) - 0.7)
    axes.set_xlabel("after session")
    axes.grid(axis="y", color=GRID, linewidth=0.6)
