"""The page: one HTML file of sections, with its fonts inside, for any number of tracks."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from scripts.report.fonts import EmbeddedFont, embed_fonts
from scripts.report.number_formats import count, measure, share
from scripts.report.tables import COUNTED

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Section:
    """One track's part of the page.

    Attributes:
        name: the anchor, unique on the page, e.g. "corpus".
        title: the heading.
        template: a file in `templates/`, which sees this object as `section`.
        glance: sentences for the paragraph at the top.
        glance_korean: the same in Korean.
        values: what the template shows.
    """

    name: str
    title: str
    template: str
    glance: list[str]
    glance_korean: list[str]
    values: dict[str, Any]


@dataclass(frozen=True)
class Provenance:
    """Where the numbers come from: the head of the page, and every other scalar.

    Attributes:
        head: (name, value) pairs under the title.
        rest: (key, value, is a number) rows of the table at the end.
    """

    head: list[tuple[str, str]]
    rest: list[tuple[str, str, bool]]


def render_page(sections: Sequence[Section], provenance: Provenance) -> str:
    """Return the page as HTML; all that comes from data is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"count": count, "share": share, "measure": measure}
    template = environment.get_template("page.html.j2")

    def render(fonts: list[EmbeddedFont]) -> str:
        return template.render(sections=sections, provenance=provenance, fonts=fonts)

    # The first rendering tells which characters the fonts must hold.
    return render(embed_fonts(sorted(set(render([])))))


def provenance_of(summary: dict[str, Any]) -> Provenance:
    """Split a run's summary into the head of the page and the table of all other scalars."""
    counted = next(key for key in COUNTED if key in summary)
    head = [
        (f"{counted} (n)", count(summary[counted])),
        ("seed", str(summary["seed"])),
        ("code", str(summary["code"])),
        ("data", f"sha256 {summary['data_sha256']}"),
    ]
    in_head = {counted, "seed", "code", "data_sha256"}
    rest = [
        row
        for key in sorted(summary.keys() - in_head - {"sources"})
        for row in _scalars(key, summary[key])
    ]
    return Provenance(head, rest)


def _scalars(key: str, value: Any) -> list[tuple[str, str, bool]]:
    if isinstance(value, dict):
        return [row for name in sorted(value) for row in _scalars(f"{key} · {name}", value[name])]
    if isinstance(value, list):
        return [(key, ", ".join(_scalar(item) for item in value), False)]
    return [(key, _scalar(value), isinstance(value, int | float) and not isinstance(value, bool))]


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return count(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
