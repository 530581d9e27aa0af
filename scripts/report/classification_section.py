"""The classification track's section of the page: from tables and figures to its template."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from scripts.report.classification_grids import (
    MOST_CLASSES,
    audit_score_table,
    comparisons,
    curve_table,
    difference_table,
    filter_sentence,
    imbalance_table,
    provenance_table,
    removed_table,
    score_table,
    seed_table,
    split_table,
    unfiltered_table,
)
from scripts.report.classification_tables import (
    AuditScoreRow,
    ClassCountRow,
    FaultRow,
    SeedRow,
    StrategyRow,
)
from scripts.report.classification_text import (
    curve_sentence,
    glance,
    glance_korean,
    verdict_sentences,
    warnings,
)
from scripts.report.classification_view import (
    INPUT,
    SURVIVING,
    model_label,
    models_of,
)
from scripts.report.descriptors_facts import flattened
from scripts.report.page import Section


@dataclass(frozen=True)
class ClassificationTables:
    """What the section is made from.

    Attributes:
        summary: counts, verdicts, versions, hashes of the comparison.
        imbalance: figures of imbalance before and after the filter and by split.
        coverage: what the split covers.
        faults: what the audit found.
        class_counts: rows of each class.
        strategies: scores and differences.
        seeds: every training.
        audit_score: planted faults that were found; None where nothing was planted.
        unfiltered: losses with the rare classes too; None where the linear model is not trained.
    """

    summary: dict[str, Any]
    imbalance: dict[str, Any]
    coverage: dict[str, Any]
    faults: Sequence[FaultRow]
    class_counts: Sequence[ClassCountRow]
    strategies: Sequence[StrategyRow]
    seeds: Sequence[SeedRow]
    audit_score: Sequence[AuditScoreRow] | None
    unfiltered: dict[str, Any] | None


def classification_section(tables: ClassificationTables, figures: dict[str, Markup]) -> Section:
    """Return the section of the classification track.

    Args:
        tables: the track's tables.
        figures: inline figures: zipf, lengths, f1, losses, differences.
    """
    summary, imbalance, coverage = tables.summary, tables.imbalance, tables.coverage
    said = (summary, imbalance, coverage, tables.faults)
    removed = [row for row in tables.class_counts if row.kept == "no"]
    return Section(
        name="classification",
        title="Classification",
        title_korean="분류",
        template="classification.html.j2",
        glance=glance(*said),
        glance_korean=glance_korean(*said),
        basis=summary,
        values={
            "figures": figures,
            "summary": summary,
            "coverage": coverage,
            "warnings": warnings(summary, coverage, tables.faults),
            "faults": tables.faults,
            "audit_score": audit_score_table(tables.audit_score),
            "imbalance": imbalance_table(imbalance),
            "filter": filter_sentence(summary["filter"]),
            "removed": removed_table(removed),
            "more_removed": max(0, len(removed) - MOST_CLASSES),
            "splits": split_table(coverage),
            "verdicts": verdict_sentences(summary),
            "comparisons": comparisons(tables.strategies),
            "scores": [
                (model_label(model), scope, score_table(tables.strategies, model, scope))
                for model in models_of(tables.strategies)
                for scope in (SURVIVING, INPUT)
            ],
            "differences": [
                (model_label(model), difference_table(tables.strategies, model))
                for model in models_of(tables.strategies)
            ],
            "curves": [
                (curve_sentence(model, about), curve_table(about))
                for model, about in summary["models"].items()
            ],
            "unfiltered": unfiltered_table(tables.unfiltered, tables.seeds, summary),
            "seeds": seed_table(tables.seeds),
            "settings": flattened({name: _set(row) for name, row in summary["strategies"].items()}),
            "provenance": provenance_table(summary),
        },
    )


def _set(row: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a strategy that say something."""
    found = {key: value for key, value in row.items() if value not in (None, "none", "no")}
    found.pop("strategy", None)
    return found
