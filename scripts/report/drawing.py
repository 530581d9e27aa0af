"""What all figures share: style, layout in inches, number formats, deterministic SVG files."""

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from scripts.common.files import atomic_file
from scripts.report.fonts import FAMILY, register_fonts

WIDTH = 11.0  # inches: 1056 CSS pixels, the width of the page's text, so 9 pt shows as 12 px
LEGEND_ROW = 0.21  # inches that one line of a legend takes
INK = "#1f2328"
MUTED = "#59636e"
ACCENT = "#0b4fa8"
ACCENT_TINT = "#a9c6ea"
LIMIT_COLOURS = ("#c0392b", "#8a4b00", "#6a3d9a", "#00695c", "#ad1457", "#37474f")
LIMIT_DASHES: tuple[tuple[int, tuple[int, ...]], ...] = (
    (0, (5, 2)),
    (0, (2, 2)),
    (0, (7, 2, 2, 2)),
    (0, (9, 3)),
    (0, (3, 1, 1, 1)),
    (0, (1, 1)),
)
_STYLE = {
    "font.family": [FAMILY, "DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": "#b6bec7",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "text.parse_math": False,  # a '$' in the data is a character, not a formula
    "legend.frameon": False,
    "hatch.linewidth": 0.7,
    "svg.fonttype": "path",
    "svg.hashsalt": "dure",
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw and save figures inside this block: fonts, colours, and stable identifiers."""
    register_fonts()
    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type]
        yield


def save_svg(figure: Figure, path: Path) -> None:
    """Write a figure as SVG, text as outlines; the same figure gives the same bytes."""
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with atomic_file(path) as partial:
        figure.savefig(partial, format="svg", metadata=nothing, transparent=True)


@dataclass(frozen=True)
class Margins:
    """White space around and between panels, in inches."""

    left: float
    right: float
    top: float
    bottom: float
    between_columns: float = 0.0
    between_rows: float = 0.0


def panels(heights: Sequence[float], columns: int, margins: Margins) -> tuple[Figure, list[Axes]]:
    """Return a figure of `WIDTH` and its panels, row by row.

    Args:
        heights: inner height of each row of panels, in inches.
        columns: panels in a row, all of the same width.
        margins: the white space.
    """
    m = margins
    height = m.top + sum(heights) + m.between_rows * (len(heights) - 1) + m.bottom
    width = (WIDTH - m.left - m.right - m.between_columns * (columns - 1)) / columns
    figure = Figure(figsize=(WIDTH, height))
    axes = []
    y = height - m.top
    for row_height in heights:
        y -= row_height
        for column in range(columns):
            x = m.left + column * (width + m.between_columns)
            box = (x / WIDTH, y / height, width / WIDTH, row_height / height)
            axes.append(figure.add_axes(box))
        y -= m.between_rows
    return figure, axes


def panel_width(axes: Axes) -> float:
    """Return the inner width of a panel in inches."""
    return axes.get_position().width * WIDTH


def panel_height(axes: Axes) -> float:
    """Return the inner height of a panel in inches."""
    figure = axes.get_figure(root=True)
    assert figure is not None, "a panel belongs to a figure"
    return axes.get_position().height * figure.get_figheight()


def inches_from_top(figure: Figure, inches: float) -> float:
    """Return the figure coordinate (0 to 1) that lies this far below the upper edge."""
    return 1 - inches / figure.get_figheight()


def note_figure(text: str) -> Figure:
    """Return a low figure that says why there is nothing to draw."""
    figure = Figure(figsize=(WIDTH, 0.6))
    figure.text(0.02, 0.5, text, va="center", color=MUTED)
    return figure


def text_columns(text: str) -> int:
    """Return the width of a text in columns; a Hangul syllable takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def text_inches(text: str, points: float = 9) -> float:
    """Return a slightly generous estimate of a text's width in inches."""
    return text_columns(text) * points * 0.6 / 72


def shorten(text: str, columns: int) -> str:
    """Return a text on one line, of at most so many columns, cut with an ellipsis."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    if text_columns(clean) <= columns:
        return clean
    kept = clean
    while text_columns(kept) > columns - 1:
        kept = kept[:-1]
    return f"{kept}…"


def plain_number(value: float, _position: int | None = None) -> str:
    """Format a tick or a limit: 12,500 or 0.05, without trailing zeros."""
    return f"{value:,.6f}".rstrip("0").rstrip(".")


def compact_number(value: float, _position: int | None = None) -> str:
    """Format a count for a tick: 950, 12k, 3.5M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{unit}"
    return f"{value:.4g}"


PLAIN = FuncFormatter(plain_number)
COMPACT = FuncFormatter(compact_number)


def lanes(spans: Sequence[tuple[float, float]], gap: float) -> list[int]:
    """Return for each span (start, end), in order of start, the first lane where it fits."""
    ends: list[float] = []
    chosen = []
    for start, end in spans:
        lane = next((i for i, last in enumerate(ends) if start >= last + gap), len(ends))
        if lane == len(ends):
            ends.append(end)
        else:
            ends[lane] = end
        chosen.append(lane)
    return chosen
