"""Facts of the descriptors track as (name, value) rows: settings, molecules, provenance."""

from typing import Any

from scripts.report.descriptors_view import number_text
from scripts.report.number_formats import count


def molecule_facts(found: dict[str, Any] | None) -> list[list[str]]:
    """Return how rows of the input became molecules; nothing where a table was read."""
    return [] if found is None else flattened(found)


def flattened(value: dict[str, Any]) -> list[list[str]]:
    """Return nested facts as (name, value) rows."""
    rows = []
    for key, inner in sorted(value.items()):
        if isinstance(inner, dict):
            rows += [[f"{key} · {name}", text] for name, text in flattened(inner)]
        else:
            rows.append([str(key).replace("_", " "), _fact(inner)])
    return rows


def _fact(value: Any) -> str:
    if value is None or value == []:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value)
    if isinstance(value, float):
        return number_text(value)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def provenance_table(summary: dict[str, Any]) -> list[list[str]]:
    """Return what the numbers rest on."""
    return flattened(
        {
            "items": summary["items"],
            "seed": str(summary["seed"]),
            "code": summary["code"],
            "code of passes": summary["code_of_passes"],
            "table": f"sha256 {summary['data_sha256']}",
            "versions": summary["versions"],
        }
    )
