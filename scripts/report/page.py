"""The page: one HTML file of sections, with its fonts inside, for any number of tracks."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from scripts.report.fonts import EmbeddedFont, embed_fonts
from scripts.report.number_formats import count, measure, rate, share
from scripts.report.tables import COUNTED

_TEMPLATES = Path(__file__).parent / "templates"
_SHORT_HASH = 12
LEAD = 4  # sentences of a track that the page opens with; the others unfold


@dataclass(frozen=True)
class Section:
    """One track's part of the page.

    Attributes:
        name: the anchor, unique on the page, e.g. "corpus".
        title: the heading.
        title_korean: the same in Korean.
        template: a file in `templates/`, which sees this object as `section`.
        glance: sentences for the top of the page, the most telling ones first.
        glance_korean: the same in Korean.
        values: what the template shows.
        basis: the track's summary: what it counted, seed, versions, hashes of code and data.
    """

    name: str
    title: str
    title_korean: str
    template: str
    glance: list[str]
    glance_korean: list[str]
    values: dict[str, Any]
    basis: Mapping[str, Any] = field(default_factory=dict)

    @property
    def lead(self) -> list[str]:
        """Return the sentences that every reader sees."""
        return self.glance[:LEAD]

    @property
    def lead_korean(self) -> list[str]:
        """Return the same in Korean."""
        return self.glance_korean[:LEAD]


@dataclass(frozen=True)
class Provenance:
    """Where the numbers come from: the head of the page, and every other scalar.

    Attributes:
        head: (name, value) pairs under the title.
        rest: (key, value, is a number) rows of the table at the end.
    """

    head: list[tuple[str, str]]
    rest: list[tuple[str, str, bool]]


@dataclass(frozen=True)
class TrackFacts:
    """One track in the table of what ran.

    Attributes:
        name: the track, which is also the anchor of its section and names its page of costs.
        title: of its section.
        counted: what it worked on, e.g. "68 items, 17 documents".
        seed: as the config sets it.
        code: hash of the code that made the summary.
        data: SHA-256 of the data.
        figures: names of its figures' files.
    """

    name: str
    title: str
    counted: str
    seed: str
    code: str
    data: str
    figures: list[str]

    @property
    def short_data(self) -> str:
        """Return enough of the data's hash to tell two apart."""
        return self.data[:_SHORT_HASH]


@dataclass(frozen=True)
class Overview:
    """What the page says before its sections and in its provenance.

    Attributes:
        tracks: those that ran, in the page's order.
        packages: a row for each package: name, then its version on each track or a dash.
        files: (text, address) of what lies beside the page.
    """

    tracks: list[TrackFacts]
    packages: list[list[str]]
    files: list[tuple[str, str]]


def render_page(
    sections: Sequence[Section], provenance: Provenance, overview: Overview | None = None
) -> str:
    """Return the page as HTML; all that comes from data is escaped.

    Args:
        sections: the page's parts.
        provenance: of a page of one track: its head and the table of its other facts.
        overview: of a page of several tracks: what ran on each.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"count": count, "share": share, "measure": measure, "rate": rate}
    template = environment.get_template("page.html.j2")

    def render(fonts: list[EmbeddedFont]) -> str:
        return template.render(
            sections=sections, provenance=provenance, overview=overview, fonts=fonts
        )

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
    return Provenance(head, other_facts(summary))


def other_facts(
    summary: Mapping[str, Any], besides: Collection[str] = ()
) -> list[tuple[str, str, bool]]:
    """Return (key, value, is a number) of each scalar of a summary that the page's top lacks.

    Args:
        summary: of a run.
        besides: keys that stand elsewhere.
    """
    counted = next(key for key in COUNTED if key in summary)
    left_out = {counted, "seed", "code", "data_sha256", "sources", *besides}
    return [row for key in sorted(summary.keys() - left_out) for row in _scalars(key, summary[key])]


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
