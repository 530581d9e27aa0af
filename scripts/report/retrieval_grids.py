"""The tables that the page shows of the retrieval track: headings, and rows of texts."""

from collections.abc import Sequence
from typing import Any

from scripts.report.descriptors_facts import flattened
from scripts.report.number_formats import count, share
from scripts.report.retrieval_memory_grids import Table, decimals_of, mean_text
from scripts.report.retrieval_tables import (
    ComparisonRow,
    ShareRow,
    TransferRow,
)
from scripts.report.retrieval_verdicts import average_pairs
from scripts.report.retrieval_view import (
    AVERAGE,
    BETTER,
    FIGURES,
    MEASURES,
    WORSE,
    compared_in,
    interval,
    is_trained,
    last_figures,
    methods_of,
    percent,
    points,
)

MOST_PAIRS = 60


def session_table(summary: dict[str, Any], shares: Sequence[ShareRow]) -> Table:
    """Return what each session holds."""
    return (
        [
            "session",
            "largest domain",
            "documents",
            "training queries",
            "test queries",
            "of them scored",
            "without an answer",
            "without a word",
            "answers per document",
            "leaks",
        ],
        [
            [
                str(session["name"]),
                _largest_domain(shares, int(session["session"])),
                *_data_cells(session["data"] or {}),
                count(session["scored"]),
                count(session["without_answer"]),
                count(session["without_words"]),
                decimals_of((session["data"] or {}).get("answer_density"), 2),
                count((session["data"] or {}).get("leaks")),
            ]
            for session in summary["sessions"]
        ],
    )


def _data_cells(data: dict[str, Any]) -> list[str]:
    queries = data.get("queries") or {}
    return [count(data.get("documents")), *(count(queries.get(n)) for n in ("train", "test"))]


def _largest_domain(shares: Sequence[ShareRow], session: int) -> str:
    own = [row for row in shares if row.session == session and row.domain and row.document_share]
    if not own:
        return "–"
    largest = max(own, key=lambda row: row.document_share or 0.0)
    return f"{largest.domain} ({share(largest.document_share)})"


def method_table(summary: dict[str, Any], methods: Sequence[str]) -> Table:
    """Return what each method does, and what it may hold, held and trained."""
    lines = []
    for method in methods:
        about = summary["methods"][method]
        row, effort, trained = about["settings"] or {}, about["effort"], is_trained(about)
        settings = ("memory", "positives", "negatives", "labels")
        lines.append(
            [
                method,
                str(row.get("kind", "–")),
                *(str(row.get(name, "–")) if trained else "–" for name in settings),
                ", ".join(about["seeds"]) if trained else "–",
                count(effort["steps"]),
                ("all" if effort["memory_limit"] is None else count(effort["memory_limit"]))
                if trained
                else "–",
                mean_text(effort["memory_documents"]) if trained else "–",
                mean_text(effort["memory_bytes"]) if trained else "–",
            ]
        )
    return (
        [
            "method",
            "kind",
            "memory",
            "positives",
            "negatives",
            "labels",
            "training seeds",
            "steps",
            "documents it may carry",
            "carried at most",
            "bytes at most",
        ],
        lines,
    )


def transfer_table(rows: Sequence[TransferRow], measure: str) -> Table:
    """Return every method's figures as of the last session, with intervals."""
    found = last_figures(rows)
    lines = []
    for method in methods_of(rows):
        cells = [found.get((method, measure, name)) for name in FIGURES]
        lines.append(
            [method, *(_figure(name, row) for name, row in zip(FIGURES, cells, strict=True))]
        )
    return ["method", *FIGURES.values()], lines


def _figure(name: str, row: TransferRow | None) -> str:
    if row is None:
        return "–"
    text = interval if name in (AVERAGE, "prequential") else points
    return text(row.value, row.low, row.high)


def score_table(rows: Sequence[TransferRow]) -> Table:
    """Return every measure's average as of the last session: mean over seeds ± deviation."""
    found = last_figures(rows)
    return (
        ["method", *MEASURES.values()],
        [
            [method, *(_score(found.get((method, measure, AVERAGE))) for measure in MEASURES)]
            for method in methods_of(rows)
        ],
    )


def _score(row: TransferRow | None) -> str:
    if row is None:
        return "–"
    return percent(row.value) if row.sd is None else f"{percent(row.value)} ± {percent(row.sd)}"


def difference_table(rows: Sequence[ComparisonRow], search: tuple[str, str], measure: str) -> Table:
    """Return the differences to the reference in one search, in points."""
    found = compared_in(rows, search, measure)
    figures = [name for name in FIGURES if any(figure == name for _, figure in found)]
    reference = next((row.reference for row in found.values()), "")
    return (
        [f"method, against {reference}", *(FIGURES[name] for name in figures)],
        [
            [method, *(_difference(found.get((method, name))) for name in figures)]
            for method in dict.fromkeys(method for method, _ in found)
        ],
    )


def _difference(row: ComparisonRow | None) -> str:
    if row is None:
        return "–"
    mark = {BETTER: " ▲", WORSE: " ▼"}.get(row.verdict, "")
    least = "" if row.smallest_detectable is None else f" [{percent(row.smallest_detectable)}]"
    return f"{points(row.difference, row.low, row.high)}{mark}{least}"


def pair_table(summary: dict[str, Any]) -> Table:
    """Return the difference of every two methods in the average, the largest first."""
    return (
        ["method", "against", "difference (points)", "smallest detectable", "verdict"],
        [
            [
                pair.first,
                pair.second,
                points(pair.difference, pair.low, pair.high),
                percent(pair.detectable),
                pair.verdict or "–",
            ]
            for pair in average_pairs(summary)[:MOST_PAIRS]
        ],
    )


def settings_table(summary: dict[str, Any], methods: Sequence[str]) -> list[list[str]]:
    """Return the rows of the table of methods; what says nothing is left out."""
    rows = {method: summary["methods"][method]["settings"] or {} for method in methods}
    return flattened(
        {
            method: {
                name: value for name, value in row.items() if name != "method" and value is not None
            }
            for method, row in rows.items()
        }
    )


def provenance_table(summary: dict[str, Any]) -> list[list[str]]:
    """Return what the numbers rest on."""
    return flattened(
        {
            "documents": summary["documents"],
            "streams": len(summary["streams"]),
            "draws": summary["bootstrap"]["draws"],
            "seed of the draws": str(summary["bootstrap"]["seed"]),
            "code": summary["code"],
            "data": f"sha256 {summary['data_sha256']}",
            "versions": summary["versions"],
        }
    )
