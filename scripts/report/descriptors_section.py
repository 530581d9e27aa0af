"""The descriptors track's section of the page: from tables and figures to its template."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from scripts.report.descriptors_facts import flattened, molecule_facts, provenance_table
from scripts.report.descriptors_stability import Stability, stability_values
from scripts.report.descriptors_stability_text import (
    stability_glance,
    stability_glance_korean,
    stability_warnings,
)
from scripts.report.descriptors_sweep import SweepRow, sweep_table
from scripts.report.descriptors_tables import (
    ClusteringRow,
    MemberRow,
    ReasonRow,
    SensitivityRow,
    StageRow,
    SurvivorRow,
    WeakRow,
)
from scripts.report.descriptors_text import glance, glance_korean, warnings
from scripts.report.descriptors_view import (
    CHOSEN,
    MATRICES,
    method_label,
    number_text,
    reason_label,
    similarity_text,
    stage_label,
)
from scripts.report.number_formats import count, share
from scripts.report.page import Section

Table = tuple[list[str], list[list[str]]]  # headings, rows of texts
_MOST_WEAK = 100
_MOST_SURVIVORS = 400

_FIRST = 2  # sentences on what was reduced, before how far that hangs on the items


@dataclass(frozen=True)
class DescriptorsTables:
    """What the section is made from.

    Attributes:
        summary: counts, settings, versions, hashes.
        stages: columns left after each stage.
        reasons: rejects of pass 1 by reason.
        survivors: survivors with their nearest alternatives.
        members: alternatives of the largest clusters.
        weak: removals with a poor heir.
        clusterings: the methods of clustering side by side.
        sensitivity: pass 3 with other settings.
        sweep: survivors of each pass for other thresholds.
        stability: what the bootstraps came to.
    """

    summary: dict[str, Any]
    stages: Sequence[StageRow]
    reasons: Sequence[ReasonRow]
    survivors: Sequence[SurvivorRow]
    members: Sequence[MemberRow]
    weak: Sequence[WeakRow]
    clusterings: Sequence[ClusteringRow]
    sensitivity: Sequence[SensitivityRow]
    sweep: Sequence[SweepRow]
    stability: Stability


def descriptors_section(
    tables: DescriptorsTables, figures: dict[str, Markup], *, results_folder: Path
) -> Section:
    """Return the section of the descriptors track.

    Args:
        tables: the track's tables.
        figures: inline figures: funnel, sizes, heatmap, vif, dependence, sweep, stability.
        results_folder: the results folder, as the shown commands name it.
    """
    summary, stability = tables.summary, tables.stability
    said, korean = glance(summary), glance_korean(summary)
    return Section(
        name="descriptors",
        title="Descriptors",
        title_korean="기술자 줄이기",
        template="descriptors.html.j2",
        glance=[*said[:_FIRST], stability_glance(stability), *said[_FIRST:]],
        glance_korean=[*korean[:_FIRST], stability_glance_korean(stability), *korean[_FIRST:]],
        basis=summary,
        values={
            "figures": figures,
            "summary": summary,
            "warnings": [*warnings(summary), *stability_warnings(stability)],
            "funnel": funnel_table(tables.stages),
            "reasons": reason_table(tables.reasons),
            "clusterings": clustering_table(tables.clusterings),
            "leiden": leiden_table(summary["leiden"]),
            "sensitivity": sensitivity_table(tables.sensitivity),
            "null": null_table(summary["null"]),
            "thresholds": pass4_rule(summary["settings"]["pass4"]),
            "largest": largest_clusters(tables.survivors, tables.members),
            "survivors": survivor_table(tables.survivors),
            "more_survivors": max(0, len(tables.survivors) - _MOST_SURVIVORS),
            "weak": weak_table(tables.weak),
            "more_weak": max(0, len(tables.weak) - _MOST_WEAK),
            "molecules": molecule_facts(summary["molecules"]),
            "sweep": sweep_table(tables.sweep),
            "stability": stability_values(stability),
            "lookup": lookup_command(tables, results_folder),
            "settings": flattened(summary["settings"]),
            "provenance": provenance_table(summary),
        },
    )


def funnel_table(stages: Sequence[StageRow]) -> Table:
    """Return what is left after each stage."""
    descriptors = next((row.left for row in stages if row.stage == "descriptors"), 0)
    return (
        ["stage", "left", "removed", "left of all descriptors"],
        [
            [
                stage_label(row.stage),
                count(row.left),
                count(row.removed),
                "–" if row.stage == "table" or not descriptors else share(row.left / descriptors),
            ]
            for row in stages
        ],
    )


def reason_table(reasons: Sequence[ReasonRow]) -> Table:
    """Return the rejects of pass 1 by their first failing criterion."""
    return (
        ["first criterion that failed", "for example", "descriptors", "limit"],
        [
            [
                reason_label(row.reason),
                row.examples,
                count(row.descriptors),
                number_text(row.threshold),
            ]
            for row in reasons
        ],
    )


def clustering_table(rows: Sequence[ClusteringRow]) -> Table:
    """Return the methods of clustering side by side; an asterisk marks the chosen one."""
    headings = [
        "pass and method",
        "clusters",
        "largest cluster",
        "least similarity inside a cluster",
        "members below the threshold to their representative",
        "pairs in a cluster without a similarity",
        "quality (constant Potts model)",
        "survivors, far members split off",
        "largest cluster then",
    ]
    return headings, [
        [
            f"{row.pass_number}: {method_label(row.method)}{_mark(row.chosen)}",
            count(row.clusters),
            count(row.largest_cluster),
            similarity_text(row.smallest_inner_similarity),
            count(row.members_below_threshold),
            count(row.undefined_inner_pairs),
            f"{row.quality:,.3f}",
            count(row.survivors),
            count(row.largest_after_split),
        ]
        for row in rows
    ]


def leiden_table(found: dict[str, Any]) -> Table:
    """Return how far Leiden's runs lie apart."""
    headings = [
        "pass",
        "runs",
        "of the best quality",
        "best quality",
        "worst",
        "clusters",
        "adjusted Rand index to the best run: least",
        "median",
    ]
    return headings, [
        [
            name.replace("pass", "pass "),
            count(one["restarts"]),
            count(one["runs_of_best_quality"]),
            f"{one['quality_best']:,.4f}",
            f"{one['quality_worst']:,.4f}",
            count(one["clusters_fewest"])
            if one["clusters_fewest"] == one["clusters_most"]
            else f"{one['clusters_fewest']:,}–{one['clusters_most']:,}",
            similarity_text(one["ari_least"]),
            similarity_text(one["ari_median"]),
        ]
        for name, one in sorted(found.items())
    ]


def sensitivity_table(rows: Sequence[SensitivityRow]) -> Table:
    """Return pass 3 with other matrices and floors; an asterisk marks the chosen one."""
    headings = [
        "correlation matrix",
        "eigenvalue floor",
        "survivors",
        "removed",
        "weak heirs",
        "overlap with the chosen survivors (Jaccard)",
        "smallest eigenvalue",
        "eigenvalues raised",
    ]
    return headings, [
        [
            f"{MATRICES.get(row.matrix, row.matrix)}{_mark(row.chosen)}",
            f"{row.eigenvalue_floor:g}",
            count(row.survivors),
            count(row.removed),
            count(row.weak_heirs),
            f"{row.jaccard_to_chosen:.3f}",
            f"{row.smallest_eigenvalue:.3g}",
            count(row.raised_eigenvalues),
        ]
        for row in rows
    ]


def null_table(null: dict[str, Any]) -> Table:
    """Return nHSIC and RDC of pairs whose rows were permuted, for both overlaps."""
    headings = ["permuted pairs", "measured", "rows shared", "mean", "95 % quantile", "maximum"]
    rows = []
    for key, label in (("table", "as in the table"), ("smallest_overlap", "fewest shared rows")):
        for measure, name in (("hsic", "nHSIC"), ("rdc", "RDC")):
            # Without a measured pair, or without any, the figures are left out.
            found, overlap = null[key].get(measure, {}), null[key].get("overlap", {})
            rows.append(
                [
                    f"{name}, {label}",
                    count(found.get("measured", 0)),
                    number_text(overlap.get("median")),
                    *(similarity_text(found.get(n)) for n in ("mean", "quantile_95", "maximum")),
                ]
            )
    return headings, rows


def pass4_rule(settings: dict[str, Any]) -> str:
    """Return what makes an edge in pass 4."""
    if settings["nonlinear_threshold"] is not None:
        return (
            f"{settings['hsic_weight']:g} · nHSIC + {settings['rdc_weight']:g} · RDC ≥ "
            f"{settings['nonlinear_threshold']:g}"
        )
    return (
        f"nHSIC ≥ {settings['hsic_threshold']:g}, or RDC ≥ {settings['rdc_threshold']:g} where one "
        f"descriptor explains ≥ {settings['min_explained']:g} of the other's variance"
    )


@dataclass(frozen=True)
class ShownCluster:
    """A cluster with its members: the heading, how it came about, and the table."""

    survivor: str
    size: int
    history: str
    table: Table


def largest_clusters(
    survivors: Sequence[SurvivorRow], members: Sequence[MemberRow]
) -> list[ShownCluster]:
    """Return the largest clusters with all their members."""
    by_survivor: dict[str, list[MemberRow]] = {}
    for member in members:
        by_survivor.setdefault(member.survivor, []).append(member)
    shown = []
    for row in survivors:
        if row.survivor not in by_survivor:
            continue
        by_pass = ((2, row.pass2), (3, row.pass3), (4, row.pass4))
        shown.append(
            ShownCluster(
                survivor=row.survivor,
                size=row.cluster_size,
                history=", ".join(f"{number:,} by pass {at}" for at, number in by_pass if number),
                table=_member_table(by_survivor[row.survivor]),
            )
        )
    return shown


def _member_table(members: Sequence[MemberRow]) -> Table:
    return (
        ["alternative", "measured as", "similarity to the survivor", "removed by pass", "weak"],
        [
            [
                member.member,
                member.measure.replace("_", " ") or "–",
                similarity_text(member.similarity),
                str(member.pass_number),
                member.weak,
            ]
            for member in members
        ],
    )


def survivor_table(rows: Sequence[SurvivorRow]) -> Table:
    """Return the survivors with their nearest alternatives, largest clusters first."""
    return (
        ["survivor", "nearest alternatives", "cluster size", "least similarity", "weak"],
        [
            [
                row.survivor,
                row.nearest or "–",
                count(row.cluster_size),
                similarity_text(row.least_similarity),
                row.weak,
            ]
            for row in rows[:_MOST_SURVIVORS]
        ],
    )


def weak_table(rows: Sequence[WeakRow]) -> Table:
    """Return the removals with a poor heir, the poorest first."""
    return (
        [
            "removed",
            "heir",
            "survivor in the end",
            "similarity to the heir",
            "to the survivor",
            "removed by pass",
            "statistic",
            "its value",
        ],
        [
            [
                row.removed,
                row.heir,
                row.survivor,
                similarity_text(row.similarity),
                similarity_text(row.similarity_to_survivor),
                str(row.pass_number),
                row.statistic,
                number_text(row.value),
            ]
            for row in rows[:_MOST_WEAK]
        ],
    )


def lookup_command(tables: DescriptorsTables, results_folder: Path) -> str:
    """Return the shell command that looks up a descriptor: a removed one, else a survivor."""
    names = [row.member for row in tables.members] + [row.survivor for row in tables.survivors]
    program = ["python", "-m", "scripts.descriptors.find_substitutes"]
    folder = ["--output-dir", (results_folder / "descriptors").as_posix()]
    return shlex.join([*program, *folder, "--descriptor", names[0] if names else "NAME"])


def _mark(chosen: str) -> str:
    return CHOSEN if chosen == "yes" else ""
