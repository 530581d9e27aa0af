"""What the results rest on: evaluation sets, contamination, the composite's formula, provenance."""

from typing import Any

from scripts.report.language_model_view import Table, percent

PART_NAMES = {"real_1": "Real@1", "real_5": "Real@5", "lambada_1": "LAMBADA@1"}


def set_table(summary: dict[str, Any]) -> Table:
    """Return the sizes of the evaluation sets, candidates and chance levels."""
    headings = [
        "set",
        "items",
        "documents",
        "validation items",
        "test items",
        "unseen entities",
        "candidates (mean)",
        "chance @1 (%)",
        "chance @5 (%)",
        "sha256",
    ]
    rows = []
    for name, sizes in sorted(summary["sets"].items()):
        chance = summary["chance"].get(name, {})
        candidates = chance.get("candidates")
        about = summary["evaluation_sets"].get(name, {})
        rows.append(
            [
                name,
                f"{sizes['all']['items']:,}",
                f"{sizes['all']['documents']:,}",
                f"{sizes['validation']['items']:,}",
                f"{sizes['test']['items']:,}",
                f"{sizes['all']['unseen']:,}",
                "–" if candidates is None else f"{candidates:,.1f}",
                percent(chance.get("chance_at_1")),
                percent(chance.get("chance_at_5")),
                str(about.get("sha256", "–"))[:16],
            ]
        )
    return Table(headings, rows, texts=frozenset({0, len(headings) - 1}))


def left_out_table(summary: dict[str, Any]) -> Table:
    """Return why possible items were left out of the evaluation sets."""
    rows = [
        [name, str(reason).replace("_", " "), f"{number:,}"]
        for name, about in sorted(summary["evaluation_sets"].items())
        for reason, number in sorted(about.get("left_out", {}).items())
        if isinstance(number, int)
    ]
    return Table(["set", "reason", "items"], rows, texts=frozenset({0, 1}))


def flattened(value: dict[str, Any]) -> list[list[str]]:
    """Return nested facts as (name, value) rows."""
    rows = []
    for key, inner in sorted(value.items()):
        if isinstance(inner, dict):
            rows += [[f"{key} · {name}", text] for name, text in flattened(inner)]
        else:
            whole = isinstance(inner, int) and not isinstance(inner, bool)
            shown = f"{inner:,}" if whole else str(inner)
            shown = f"{inner:.4g}" if isinstance(inner, float) else shown
            rows.append([str(key).replace("_", " "), shown])
    return rows


def formula(weights: dict[str, float]) -> str:
    """Return the composite's formula."""
    return " + ".join(
        f"{weights[part]:g} · {name}" for part, name in PART_NAMES.items() if part in weights
    )


def provenance_table(summary: dict[str, Any]) -> list[list[str]]:
    """Return what the numbers rest on."""
    facts = {
        "items": summary["items"],
        "documents": summary["documents"],
        "seed": summary["seed"],
        "resamples": summary["resamples"],
        "code": summary["code"],
        "item scores": f"sha256 {summary['data_sha256']}",
        "versions": summary["versions"],
    }
    return flattened(facts)
