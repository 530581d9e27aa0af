"""Pictures of a graph as one SVG file: boxes with text that can be searched, edges, headings."""

from collections.abc import Callable, Sequence
from html import escape

from scripts.common.graph_layout import Layout, Point, Size, turned
from scripts.common.graph_parts import Box, Picture

Engine = Callable[[Sequence[Size], Sequence[tuple[int, int]]], Layout]

_HEADING, _LINE = 12.0, 10.5  # letters, in pixels
# ASSUME no sans serif is wider than DejaVu Sans, whose widest names take 0.63 em a letter.
_EM = 0.63
_HEADING_ROW, _LINE_ROW = 16.0, 13.5
_PAD_X, _PAD_Y = 9.0, 6.0
_MARGIN = 16.0
_TITLE = 30.0
_GREY = ("#4b5563", "#f3f4f6")
# Strong and faint colour of each part, readable on white (WCAG contrast above 4.5).
_COLOURS = (
    ("#0b4fa8", "#e4edf9"),
    ("#1a6b34", "#e2f3e6"),
    ("#6a3d9a", "#efe7f7"),
    ("#8a4b00", "#f9ecdc"),
    ("#ad1457", "#fbe4ee"),
    ("#37474f", "#e8eef1"),
)
_STYLE = """
text { font-family: "DejaVu Sans", Verdana, Arial, sans-serif; fill: #1f2328; }
.edge { fill: none; stroke: #8b949e; stroke-width: 1.4; marker-end: url(#tip); }
.edge:hover { stroke: #1f2328; stroke-width: 3; }
"""


def drawn(pictures: Sequence[Picture], engine: Engine, *, across: bool, most_width: float) -> str:
    """Return the pictures one after another, side by side while they fit, as SVG.

    Args:
        pictures: at least one.
        engine: places boxes and edges from top to bottom.
        across: whether edges go from left to right instead.
        most_width: of a row of pictures, or that of the widest one.
    """
    parts = list(dict.fromkeys(box.part for picture in pictures for box in picture.boxes))
    parts.sort(key=[picture.part for picture in pictures].index)
    colours = {
        part: _COLOURS[place % len(_COLOURS)] if part else _GREY for place, part in enumerate(parts)
    }
    bodies = [_picture(picture, engine, colours, across=across) for picture in pictures]
    sizes = [size for _, size in bodies]
    shelves = _shelves(sizes, max([most_width, *(width for width, _ in sizes)]))
    width = max(x + size[0] for (x, _), (_, size) in zip(shelves, bodies, strict=True))
    height = max(y + size[1] for (_, y), (_, size) in zip(shelves, bodies, strict=True))
    groups = [
        f'<g transform="translate({x:.1f} {y:.1f})">\n{body}</g>\n'
        for (x, y), (body, _) in zip(shelves, bodies, strict=True)
    ]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}">\n<style>{_STYLE}</style>\n'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" '
        'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
        '<path d="M0 0.8 L8 4 L0 7.2 z" fill="#57606a"/></marker></defs>\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{"".join(groups)}</svg>\n'
    )


def box_size(box: Box) -> Size:
    """Return the width and height that a box's text needs."""
    wide = max(
        [len(box.heading) * _HEADING * _EM, *(len(line) * _LINE * _EM for line in box.lines)]
    )
    tall = (_HEADING_ROW if box.heading else 0.0) + _LINE_ROW * len(box.lines)
    return wide + 2 * _PAD_X, tall + 2 * _PAD_Y


def _shelves(sizes: Sequence[Size], most_width: float) -> list[Point]:
    """Return the upper left corner of each picture."""
    corners = []
    x, y, tallest = 0.0, 0.0, 0.0
    for width, height in sizes:
        if x and x + width > most_width:
            x, y, tallest = 0.0, y + tallest, 0.0
        corners.append((x, y))
        x, tallest = x + width, max(tallest, height)
    return corners


def _picture(
    picture: Picture, engine: Engine, colours: dict[str, tuple[str, str]], *, across: bool
) -> tuple[str, Size]:
    sizes = [box_size(box) for box in picture.boxes]
    if across:
        layout = turned(engine([(tall, wide) for wide, tall in sizes], picture.edges))
    else:
        layout = engine(sizes, picture.edges)
    title = _TITLE if picture.part else 0.0
    left, top = _MARGIN, _MARGIN + title
    strong, _ = colours[picture.part]
    named = [box.heading or box.lines[0] for box in picture.boxes]
    lines = [
        f'<path class="edge" d="{_path(route, left, top)}">'
        f"<title>{escape(named[source])} → {escape(named[target])}</title></path>\n"
        for (source, target), route in zip(picture.edges, layout.routes, strict=True)
    ]
    boxes = [
        _box(box, (x + left, y + top), size, colours[box.part])
        for box, (x, y), size in zip(picture.boxes, layout.centres, sizes, strict=True)
    ]
    head = ""
    wide = layout.size[0]
    if picture.part:
        wide = max(wide, len(picture.part) * 16 * _EM)
        head = (
            f'<text x="{left:.1f}" y="{_MARGIN + 14:.1f}" font-size="16" font-weight="bold" '
            f'style="fill: {strong}">{escape(picture.part)}</text>\n'
        )
    size = (wide + 2 * _MARGIN, layout.size[1] + title + 2 * _MARGIN)
    return head + "".join(lines) + "".join(boxes), size


def _box(box: Box, centre: Point, size: Size, colour: tuple[str, str]) -> str:
    strong, faint = colour
    x, y = centre[0] - size[0] / 2, centre[1] - size[1] / 2
    dashes = ' stroke-dasharray="2 3"' if box.foreign else ' stroke-dasharray="7 4"' * box.done
    fill = "#ffffff" if box.foreign else faint
    found = [
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{size[0]:.1f}" height="{size[1]:.1f}" rx="6" '
        f'fill="{fill}" stroke="{strong}" stroke-width="{1 if box.foreign else 1.6}"{dashes}/>'
    ]
    baseline = y + _PAD_Y
    if box.heading:
        found.append(_text(box.heading, centre[0], baseline + 12, _HEADING, "#1f2328"))
        baseline += _HEADING_ROW
    for number, line in enumerate(box.lines):
        ink = strong if box.foreign or line.startswith("→ ") else "#4b5563"
        found.append(_text(line, centre[0], baseline + _LINE_ROW * number + 10.5, _LINE, ink))
    return "\n".join(found) + "\n"


def _text(text: str, x: float, y: float, size: float, ink: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" text-anchor="middle" '
        f'style="fill: {ink}">{escape(text)}</text>'
    )


def _path(route: Sequence[Point], left: float, top: float) -> str:
    (x, y), *rest = [(x + left, y + top) for x, y in route]
    curves = [
        " ".join(f"{a:.1f} {b:.1f}" for a, b in rest[at : at + 3]) for at in range(0, len(rest), 3)
    ]
    return f"M{x:.1f} {y:.1f} C{' '.join(curves)}"
