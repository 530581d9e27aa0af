"""Compares the methods: matrix of models and test sessions, forgetting, transfer, intervals.

In: the scores of all models on all sessions, counts, memory reports, cohesion tables, training
records. Out: means by stream, the matrix, figures of transfer, every method against the reference
with paired intervals and the smallest difference that would be detected, cohesion, memory and
losses (TSV), and summary.json. Definitions stand in `transfer`, the intervals in `paired_draws`.
"""

import logging
from pathlib import Path
from typing import Any

from scripts.common.entry import entry
from scripts.common.errors import ConfigError, IntegrityError

_logger = logging.getLogger(__name__)


def run(
    scores: list[Path],
    accumulated: list[Path],
    facts: list[Path],
    memories: list[Path],
    models: list[Path],
    manifest: Path,
    metrics_table: Path,
    matrix: Path,
    transfer: Path,
    comparison: Path,
    cohesion_table: Path,
    memory_table: Path,
    losses_table: Path,
    summary: Path,
    *,
    methods: dict[str, dict[str, Any]],
    streams: list[str],
    sessions: list[str],
    reference: str,
    measure: str = "success_5",
    bootstrap: int = 1000,
    seed: int = 42,
    code_hash: str,
) -> None:
    """Write the comparison.

    Args:
        scores: of models on sessions' own collections, in any order.
        accumulated: of models on accumulated collections, in any order.
        facts: counts of evaluations, in any order.
        memories: folders of the streams' memories; their paths name stream and session.
        models: folders of the streams' models, likewise.
        manifest: manifest of the sessions.
        metrics_table: TSV to write: means of each stream's models on each session.
        matrix: TSV to write: means of each method over its seeds, with intervals.
        transfer: TSV to write: average, forgetting and transfer as of every session.
        comparison: TSV to write: every method against the reference.
        cohesion_table: TSV to write: cohesion of every memory.
        memory_table: TSV to write: reports of every memory.
        losses_table: TSV to write: loss curves.
        summary: JSON to write: counts, figures, verdicts, versions, hashes.
        methods: settings by method, in the table's order.
        streams: "method/seed" of each stream, in order.
        sessions: names, in order.
        reference: method that the others are compared with.
        measure: what verdicts go by.
        bootstrap: number of draws.
        seed: seed of the draws.
        code_hash: version of this step's code.

    Raises:
        ConfigError: no draw, or an unknown measure or reference.
        IntegrityError: files do not belong together.
    """
    from scripts.common.files import read_json, write_json
    from scripts.common.tsv import write_tsv
    from scripts.retrieval.comparison_summary import (
        bootstrap_facts,
        documents_of,
        main_book,
        method_facts,
        provenance,
        session_facts,
        training_versions,
    )
    from scripts.retrieval.comparison_tables import (
        COMPARISON_COLUMNS,
        MATRIX_COLUMNS,
        METRICS_COLUMNS,
        TRANSFER_COLUMNS,
        compared,
        compared_pairs,
        comparison_row,
        matrix_rows,
        metric_rows,
        transfer_rows,
    )
    from scripts.retrieval.paired_draws import PairedDraws
    from scripts.retrieval.score_book import read_books
    from scripts.retrieval.stream_reports import (
        LOSS_COLUMNS,
        efforts,
        flat_table,
        loss_rows,
        read_placed,
    )
    from scripts.retrieval.stream_reports import cohesion_table as joined_cohesion
    from scripts.retrieval.tables import MEASURES
    from scripts.retrieval.transfer import AVERAGE, FIGURES

    if bootstrap < 1 or measure not in MEASURES:
        raise ConfigError(
            f"bootstrap is {bootstrap} and the measure {measure!r}; allowed are 1 or more draws, "
            f"and {', '.join(MEASURES)}"
        )
    named = list(dict.fromkeys(stream.rpartition("/")[0] for stream in streams))
    if reference not in named:
        raise ConfigError(
            f"the reference {reference!r} is no method that ran; choose one of {', '.join(named)}"
        )
    books = read_books(scores, accumulated, streams, len(sessions))
    if not books or not main_book(books).tested:
        raise IntegrityError("no session has a test query with an answer; nothing can be compared")
    reports, cohesions = _in_each(memories, "report.json"), _in_each(memories, "cohesion.tsv")
    trainings = _in_each(models, "training.json")
    reported, trained = read_placed(reports, streams), read_placed(trainings, streams)
    effort = efforts(reported, trained, streams)
    draws = PairedDraws(bootstrap, seed=seed)
    write_tsv(metrics_table, METRICS_COLUMNS, metric_rows(books))
    write_tsv(matrix, MATRIX_COLUMNS, matrix_rows(books, methods, draws))
    write_tsv(transfer, TRANSFER_COLUMNS, transfer_rows(books, methods, draws))
    found = compared(books, methods, effort, reference, draws)
    write_tsv(comparison, COMPARISON_COLUMNS, map(comparison_row, found))
    write_tsv(cohesion_table, *joined_cohesion(cohesions, streams))
    write_tsv(memory_table, *flat_table(reported))
    write_tsv(losses_table, LOSS_COLUMNS, loss_rows(trained))
    verdicts = [one for one in found if one["measure"] == measure]
    for one in verdicts:
        if one["figure"] == AVERAGE:
            _logger.info(
                "%s against %s, %s %s (%s, %s): %s, difference %+.4f, smallest detectable %s",
                *(one["method"], one["reference"], AVERAGE, measure),
                *(one["collection"], one["mode"], one["verdict"] or "no interval"),
                one["difference"],
                "unknown"
                if one["smallest_detectable"] is None
                else f"{one['smallest_detectable']:.4f}",
            )
    book = main_book(books)
    described = session_facts(sessions, map(read_json, facts), read_json(manifest))
    write_json(
        summary,
        {
            "documents": documents_of(described),
            "seed": seed,
            "sessions": described,
            "untested": [name for number, name in enumerate(sessions) if number not in book.tested],
            "measure": measure,
            "reference": reference,
            "methods": method_facts(books, methods, effort, measure, draws),
            "verdicts": verdicts,
            "pairs": {
                figure: compared_pairs(book, methods, figure, measure, draws) for figure in FIGURES
            },
            "searched": [[book.collection, book.mode] for book in books],
            "bootstrap": bootstrap_facts(draws),
            "streams": streams,
            "trained_with": training_versions(trained.values()),
            **provenance(
                [*scores, *accumulated, *reports, *cohesions, *trainings, manifest], code_hash
            ),
        },
    )


def _in_each(folders: list[Path], name: str) -> list[Path]:
    return [folder / name for folder in folders]


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
