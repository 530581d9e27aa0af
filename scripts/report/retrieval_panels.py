"""What the retrieval track's figures are drawn with: cells with values, grids of panels, ticks.

Call these inside `drawing.figure_style()`, which sets fonts and colours.
"""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.patches import Rectangle

from scripts.report.drawing import (
    ACCENT,
    INK,
    panel_height,
    panel_width,
    shorten,
    text_inches,
)

COLUMNS = 3  # of panels
CELL = 0.27  # inches of a row of cells
TITLE_COLUMNS = 34
TINTS = LinearSegmentedColormap.from_list("tints", ["#f4f8fc", "#a9c6ea", ACCENT, "#06305f"])
_ORDERED = LinearSegmentedColormap.from_list(
    "ordered", ["#33296b", "#0b6fa8", "#2a9d6f", "#c9a400", "#d9480f"]
)
_DARK = 0.53  # of the tints, from where on white text reads better
_NAME_COLUMNS = 12
_SMALLEST = 5.0  # points


def filled(names: Sequence[str], columns: int = COLUMNS) -> list[str | None]:
    """Return the names with None after them, so that whole rows of panels are filled."""
    return [*names, *[None] * (-len(names) % columns)]


def is_last(grid: Sequence[str | None], place: int, columns: int = COLUMNS) -> bool:
    """Tell whether no panel stands below this one."""
    return place + columns >= len(grid) or grid[place + columns] is None


def ordered_colours(number: int) -> list[str]:
    """Return colours from early to late."""
    return [to_hex(_ORDERED(place / max(1, number - 1))) for place in range(number)]


def label_sessions(axes: Axes, sessions: Sequence[str]) -> None:
    """Name the sessions below a panel; where names would touch, only each second, third, …"""
    names = [shorten(name, _NAME_COLUMNS) for name in sessions]
    wide = panel_width(axes) / max(1, len(names))
    step = 1
    while step < len(names) and max(map(text_inches, names)) + 0.05 > wide * step:
        step += 1
    axes.set_xticks(
        range(len(names)), [name if not place % step else "" for place, name in enumerate(names)]
    )


def session_inches(sessions: Sequence[str]) -> float:
    """Return the width of the widest name of a session, as it is drawn."""
    return max((text_inches(shorten(name, _NAME_COLUMNS)) for name in sessions), default=0.0)


def draw_cells(
    axes: Axes,
    values: Mapping[tuple[int, int], float],
    rows: int,
    columns: int,
    highest: float,
) -> None:
    """Draw shares as tinted cells with the value in per cent, as exact as the cells are wide.

    Args:
        axes: the panel.
        values: shares by (row, column); others stay empty.
        rows: of the panel.
        columns: likewise.
        highest: the share that has the darkest tint.
    """
    wide = panel_width(axes) / columns
    size = min(8.5, 0.62 * 72 * panel_height(axes) / rows)
    decimals = 1 if text_inches("100.0", size) < wide else 0
    while text_inches(f"{100:.{decimals}f}", size) > wide and size > _SMALLEST:
        size -= 0.5
    for (row, column), value in values.items():
        level = max(0.0, value) / highest if highest > 0 else 0.0
        axes.add_patch(
            Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=TINTS(level), edgecolor="white")
        )
        axes.text(
            column,
            row,
            f"{100 * value + 0.0:.{decimals}f}",
            ha="center",
            va="center_baseline",
            fontsize=size,
            color="white" if level > _DARK else INK,
        )
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
