"""What the methods differ by from the reference, with the smallest difference to be detected.

Call these inside `drawing.figure_style()`, which sets fonts and colours.
"""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from scripts.report.drawing import (
    INK,
    MUTED,
    WIDTH,
    Margins,
    inches_from_top,
    note_figure,
    panels,
    shorten,
    text_inches,
)
from scripts.report.retrieval_tables import ComparisonRow
from scripts.report.retrieval_view import (
    BETTER,
    FIGURES,
    FORGETTING,
    MEASURES,
    WORSE,
    compared_in,
    search_name,
    searches_of,
)
from scripts.report.series import COLOURS, GRID, PER_CENT

_ROW = 0.24
_LABEL_COLUMNS = 24
_BETTER, _WORSE = COLOURS[0], COLOURS[1]
_DETECTABLE = "#dfe4e9"


def differences_figure(rows: Sequence[ComparisonRow], measure: str) -> Figure:
    """Draw each method's difference to the reference: a row of panels per search, one per figure.

    The grey bar reaches as far as the smallest detectable difference to both sides of 0. Methods
    with another memory or another number of steps than the reference have an asterisk.

    Args:
        rows: differences as of the last session, in all measures.
        measure: the one that is drawn.
    """
    searches = [search for search in searches_of(rows) if compared_in(rows, search, measure)]
    if not searches:
        return note_figure("There is one method only, so there is nothing to compare.")
    found = {search: compared_in(rows, search, measure) for search in searches}
    methods = {
        search: list(dict.fromkeys(method for method, _ in own)) for search, own in found.items()
    }
    figures = [
        name for name in FIGURES if any(key[1] == name for own in found.values() for key in own)
    ]
    labels = [_label(row) for own in found.values() for row in own.values()]
    figure, axes = panels(
        [_ROW * len(methods[search]) + 0.15 for search in searches],
        len(figures),
        Margins(
            left=0.3 + max(map(text_inches, labels)),
            right=0.2,
            top=1.0,
            bottom=0.5,
            between_columns=0.2,
            between_rows=0.95,
        ),
    )
    for line, search in enumerate(searches):
        own = found[search]
        limits = _limits(list(own.values()))
        for column, name in enumerate(figures):
            one = axes[line * len(figures) + column]
            if not any(figure_name == name for _, figure_name in own):
                one.remove()
                continue
            listed = [own.get((method, name)) for method in methods[search]]
            _draw_differences(one, listed)
            one.set_xlim(limits)
            one.set_title("forgetting (less is better)" if name == FORGETTING else FIGURES[name])
            first = next(row for row in own.values())
            names = [_label(_of_method(own, method)) for method in methods[search]]
            one.set_yticks(range(len(listed)), names if column == 0 else [])
            if line == len(searches) - 1 or name not in {
                key[1] for key in found[searches[line + 1]]
            }:
                one.set_xlabel("points")
        box = axes[line * len(figures)].get_position()
        figure.text(
            0.15 / WIDTH,
            box.y1 + 0.36 / figure.get_figheight(),
            f"Difference to {shorten(first.reference, 30)} in "
            f"{MEASURES.get(measure, measure)}, {search_name(*search)}",
            color=INK,
            fontsize=10,
        )
    _legend(figure, starred=any(label.endswith("*") for label in labels))
    return figure


def _of_method(own: Mapping[tuple[str, str], ComparisonRow], method: str) -> ComparisonRow:
    return next(row for (name, _), row in own.items() if name == method)


def _label(row: ComparisonRow) -> str:
    return shorten(row.method, _LABEL_COLUMNS) + (" *" if row.equal == "no" else "")


def _limits(rows: Sequence[ComparisonRow]) -> tuple[float, float]:
    ends = [0.0]
    for row in rows:
        ends += [end for end in (row.difference, row.low, row.high) if end is not None]
        if row.smallest_detectable is not None:
            ends += [-row.smallest_detectable, row.smallest_detectable]
    margin = 0.06 * max(max(ends) - min(ends), 0.01)
    return min(ends) - margin, max(ends) + margin


def _draw_differences(axes: Axes, rows: Sequence[ComparisonRow | None]) -> None:
    axes.axvline(0, color=INK, linewidth=0.8, zorder=2)
    for place, row in enumerate(rows):
        if row is None:
            continue
        if row.smallest_detectable is not None:
            axes.barh(
                place,
                2 * row.smallest_detectable,
                left=-row.smallest_detectable,
                height=0.62,
                color=_DETECTABLE,
                zorder=1,
            )
        colour = {BETTER: _BETTER, WORSE: _WORSE}.get(row.verdict, MUTED)
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [place] * 2, color=colour, linewidth=1.6, zorder=3)
        axes.plot(
            [row.difference],
            [place],
            "o",
            markersize=5,
            markeredgecolor=colour,
            markerfacecolor=colour if row.verdict in (BETTER, WORSE) else "white",
            zorder=4,
        )
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(PER_CENT)
    axes.grid(axis="x", color=GRID, linewidth=0.6)


def _legend(figure: Figure, *, starred: bool) -> None:
    marks = (
        (_BETTER, _BETTER, "better beyond the interval"),
        (_WORSE, _WORSE, "worse beyond it"),
        (MUTED, "white", "within it"),
    )
    handles: list[Line2D | Patch] = [
        *(
            Line2D([], [], color=edge, markerfacecolor=face, marker="o", markersize=5, label=name)
            for edge, face, name in marks
        ),
        Patch(facecolor=_DETECTABLE, label="smaller differences are mostly missed"),
    ]
    if starred:
        handles.append(Line2D([], [], linestyle="", label="* another memory or number of steps"))
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.01, inches_from_top(figure, 0.02)),
        ncols=len(handles),
        columnspacing=1.4,
    )
