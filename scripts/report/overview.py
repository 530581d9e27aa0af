"""The opening of the report: what ran on each track, what it rests on, and where its files lie."""

from collections.abc import Mapping, Sequence
from typing import Any

from scripts.report.number_formats import count
from scripts.report.page import Overview, Provenance, Section, TrackFacts, other_facts
from scripts.report.tables import COUNTED

_VERSIONS = "versions"


def overview_of(sections: Sequence[Section], files: Sequence[tuple[str, str]]) -> Overview:
    """Return the opening of a page with these sections.

    Args:
        sections: one for each track.
        files: (text, address) of what lies beside the page.
    """
    versions = [section.basis[_VERSIONS] for section in sections]
    names = sorted({name for found in versions for name in found})
    return Overview(
        tracks=[_facts(section) for section in sections],
        packages=[[name, *(str(found.get(name, "–")) for found in versions)] for name in names],
        files=list(files),
    )


def other_provenance(sections: Sequence[Section]) -> Provenance:
    """Return the facts of the first track that stand nowhere else on the page."""
    return Provenance([], other_facts(sections[0].basis, besides={_VERSIONS}))


def _facts(section: Section) -> TrackFacts:
    basis = section.basis
    return TrackFacts(
        name=section.name,
        title=section.title,
        counted=_counted(basis),
        seed=str(basis["seed"]),
        code=str(basis["code"]),
        data=str(basis["data_sha256"]),
        figures=sorted(f"{section.name}_{name}.svg" for name in section.values["figures"]),
    )


def _counted(basis: Mapping[str, Any]) -> str:
    return ", ".join(f"{count(basis[what])} {what}" for what in reversed(COUNTED) if what in basis)
