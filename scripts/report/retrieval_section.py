"""The retrieval track's section of the page: from tables and figures to its template."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from scripts.report.page import Section
from scripts.report.retrieval_grids import (
    MOST_PAIRS,
    difference_table,
    method_table,
    pair_table,
    provenance_table,
    score_table,
    session_table,
    settings_table,
    transfer_table,
)
from scripts.report.retrieval_korean import glance_korean
from scripts.report.retrieval_memory_grids import cohesion_table, memory_table, sampling_table
from scripts.report.retrieval_tables import (
    CohesionRow,
    ComparisonRow,
    MatrixRow,
    MemoryRow,
    ShareRow,
    TransferRow,
)
from scripts.report.retrieval_text import glance, verdict_sentences, warnings
from scripts.report.retrieval_verdicts import average_pairs
from scripts.report.retrieval_view import MEASURES, methods_of, search_name, searches_of


@dataclass(frozen=True)
class RetrievalTables:
    """What the section is made from.

    Attributes:
        summary: counts, verdicts, versions, hashes of the comparison.
        matrix: scores of every model on every session.
        transfer: average, forgetting and transfer as of every session.
        comparison: differences to the reference.
        cohesion: cohesion of every memory.
        memory: what every memory held.
        shares: shares of the domains by session.
    """

    summary: dict[str, Any]
    matrix: Sequence[MatrixRow]
    transfer: Sequence[TransferRow]
    comparison: Sequence[ComparisonRow]
    cohesion: Sequence[CohesionRow]
    memory: Sequence[MemoryRow]
    shares: Sequence[ShareRow]


def retrieval_section(tables: RetrievalTables, figures: dict[str, Markup]) -> Section:
    """Return the section of the retrieval track.

    Args:
        tables: the track's tables.
        figures: inline figures: matrix, forgetting, progress, differences, memory, cohesion, drift.
    """
    summary, measure = tables.summary, tables.summary["measure"]
    said = (summary, tables.comparison, tables.matrix, tables.memory)
    pairs = average_pairs(summary)
    methods = methods_of(tables.transfer)
    return Section(
        name="retrieval",
        title="Lifelong retrieval",
        title_korean="시기별로 이어지는 검색",
        template="retrieval.html.j2",
        glance=glance(*said),
        glance_korean=glance_korean(*said),
        basis=summary,
        values={
            "figures": figures,
            "summary": summary,
            "measure": MEASURES.get(measure, measure),
            "warnings": warnings(summary, tables.comparison, tables.memory),
            "verdicts": verdict_sentences(summary, tables.comparison),
            "sessions": session_table(summary, tables.shares),
            "methods": method_table(summary, methods),
            "transfer": transfer_table(tables.transfer, measure),
            "scores": score_table(tables.transfer),
            "differences": [
                (search_name(*search), difference_table(tables.comparison, search, measure))
                for search in searches_of(tables.comparison)
            ],
            "unequal": any(row.equal == "no" for row in tables.comparison),
            # A pair with the reference stands among the comparisons already.
            "comparisons": sum(row.measure == measure for row in tables.comparison)
            + sum(summary["reference"] not in (pair.first, pair.second) for pair in pairs),
            "pairs": pair_table(summary),
            "more_pairs": max(0, len(pairs) - MOST_PAIRS),
            "memory": memory_table(tables.memory, summary),
            "pairs_sampled": sampling_table(tables.memory),
            "cohesion": cohesion_table(tables.cohesion),
            "settings": settings_table(summary, methods),
            "provenance": provenance_table(summary),
        },
    )
