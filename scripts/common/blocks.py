"""A short document as blocks, written as Markdown or as one HTML page that loads nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --muted: #59636e; --paper: #ffffff;
  --band: #f4f6f8; --line: #d5dae0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaed; --muted: #a7b0ba; --paper: #14171a; --band: #1e2328; --line: #39414a; }
}
body { margin: 0 auto; padding: 1.5rem 1.25rem 4rem; max-width: 69rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.6 system-ui, "Noto Sans KR", "Malgun Gothic",
  "Apple SD Gothic Neo", sans-serif; word-break: keep-all; overflow-wrap: break-word; }
h1, h2, h3 { line-height: 1.25; }
h2 { margin-top: 2.5rem; border-bottom: 2px solid var(--line); }
p, li { max-width: 48rem; }
.scroll { overflow-x: auto; margin: .75rem 0 1.25rem; }
table { border-collapse: collapse; font-size: .875rem; line-height: 1.4; }
caption { padding: .25rem 0; text-align: left; font-weight: 700; }
th, td { padding: .35rem .6rem; text-align: left; border-bottom: 1px solid var(--line); }
thead th { vertical-align: bottom; background: var(--band); }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
"""


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the title."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """A paragraph, Korean or English."""

    text: str
    korean: bool = False


@dataclass(frozen=True)
class Bullets:
    """A list of points."""

    points: Sequence[str]
    korean: bool = False


@dataclass(frozen=True)
class Code:
    """Lines to copy as they are."""

    text: str


@dataclass(frozen=True)
class Grid:
    """A table of texts.

    Attributes:
        caption: what it shows, with units.
        columns: headings.
        rows: one text per column.
        texts: columns whose cells are words, set to the left; all others are numbers.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: frozenset[int] = field(default_factory=lambda: frozenset({0}))


Block = Heading | Paragraph | Bullets | Code | Grid


def as_markdown(blocks: Sequence[Block]) -> str:
    """Return the blocks as Markdown; text from data stays text."""
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {markdown_text(text)}"
        case Paragraph(text):
            return markdown_text(text)
        case Bullets(points):
            return "\n".join(f"- {markdown_text(point)}" for point in points)
        case Code(text):
            fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
            return f"{fence}\n{text}\n{fence}"
        case Grid():
            marks = ["---" if i in block.texts else "---:" for i in range(len(block.columns))]
            lines = [block.columns, marks, *block.rows]
            table = "\n".join(
                f"| {' | '.join(cell if line is marks else markdown_text(cell) for cell in line)} |"
                for line in lines
            )
            return f"**{markdown_text(block.caption)}**\n\n{table}"


def markdown_text(text: str) -> str:
    """Escape what Markdown would read as markup, on one line."""
    return re.sub(r"([\\`*_\[\]<>|#&])", r"\\\1", " ".join(text.split()))


def as_html(title: str, blocks: Sequence[Block]) -> str:
    """Return the blocks as a page; text from data is escaped."""
    body = Markup("\n").join(_html(block) for block in blocks)
    return str(
        Markup(
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta http-equiv="Content-Security-Policy" '
            "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
            "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n{}\n</body>\n</html>\n"
        ).format(title, Markup(_STYLE), body)
    )


def _html(block: Block) -> Markup:
    match block:
        case Heading(text, level):
            return Markup("<h{0}>{1}</h{0}>").format(level, text)
        case Paragraph(text, korean):
            return Markup("<p{}>{}</p>").format(_language(korean), text)
        case Bullets(points, korean):
            items = Markup("").join(Markup("<li>{}</li>").format(point) for point in points)
            return Markup("<ul{}>{}</ul>").format(_language(korean), items)
        case Code(text):
            return Markup("<pre><code>{}</code></pre>").format(text)
        case Grid():
            head = Markup("").join(
                Markup('<th scope="col"{}>{}</th>').format(_side(block, place), column)
                for place, column in enumerate(block.columns)
            )
            body = Markup("\n").join(_html_row(block, row) for row in block.rows)
            return Markup(
                '<div class="scroll" tabindex="0"><table>\n<caption>{}</caption>\n'
                "<thead><tr>{}</tr></thead>\n<tbody>\n{}\n</tbody>\n</table></div>"
            ).format(block.caption, head, body)


def _html_row(block: Grid, row: Sequence[str]) -> Markup:
    cells = Markup("").join(
        Markup("<td{}>{}</td>").format(_side(block, place), escape(cell))
        for place, cell in enumerate(row)
    )
    return Markup("<tr>{}</tr>").format(cells)


def _side(block: Grid, place: int) -> Markup:
    return Markup("") if place in block.texts else Markup(' class="n"')


def _language(korean: bool) -> Markup:
    return Markup(' lang="ko"') if korean else Markup("")
