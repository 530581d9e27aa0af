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
    versions = [_versions(section.basis) for section in sections]
    names = sorted({name for found in versions for name in found})
    return Overview(
        tracks=[_facts(section) for section in sections],
        packages=[
            [name, *(", ".join(found.get(name, ["–"])) for found in versions)] for name in names
        ],
        files=list(files),
    )


def other_provenance(sections: Sequence[Section]) -> Provenance:
    """Return the facts of the first track that stand nowhere else on the page."""
    return Provenance([], other_facts(sections[0].basis, besides={_VERSIONS}))


def _versions(value: Any) -> dict[str, list[str]]:
    """Return the versions of each package that a summary names, in whatever depth."""
    found: dict[str, list[str]] = {}
    if isinstance(value, list):
        for one in value:
            _join(found, _versions(one))
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == _VERSIONS:
                _join(found, {name: [str(version)] for name, version in inner.items()})
            else:
                _join(found, _versions(inner))
    return found


def _join(found: dict[str, list[str]], more: Mapping[str, Sequence[str]]) -> None:
    for name, versions in more.items():
        found[name] = sorted({*found.get(name, ()), *versions})


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
