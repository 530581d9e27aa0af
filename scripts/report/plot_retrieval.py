"""Draw the retrieval track's figures from its tables.

In: the matrix, figures of transfer, differences to the reference, cohesion, memories, shares of
domains (TSV; columns in `scripts.report.retrieval_tables`), summary.json. Out: one SVG per figure,
text as outlines of NanumGothic. The same tables give the same bytes.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.report import retrieval_curves as curves
from scripts.report import retrieval_figures as figures
from scripts.report.drawing import figure_style, save_svg
from scripts.report.retrieval_forest import differences_figure as draw_differences
from scripts.report.retrieval_tables import (
    read_cohesion,
    read_comparison,
    read_matrix,
    read_memory,
    read_retrieval_summary,
    read_shares,
    read_transfer,
)
from scripts.report.retrieval_view import main_matrix, main_transfer, memory_limits, session_names


def run(
    matrix: Path,
    transfer: Path,
    comparison: Path,
    cohesion: Path,
    memory: Path,
    shares: Path,
    summary: Path,
    matrix_figure: Path,
    forgetting_figure: Path,
    progress_figure: Path,
    differences_figure: Path,
    memory_figure: Path,
    cohesion_figure: Path,
    drift_figure: Path,
) -> None:
    """Draw all figures of the retrieval track.

    Args:
        matrix: scores of every model on every session.
        transfer: average, forgetting and transfer as of every session.
        comparison: differences to the reference.
        cohesion: cohesion of every memory.
        memory: what every memory held.
        shares: shares of the domains by session.
        summary: the comparison's summary.
        matrix_figure: SVG to write: the matrix of each method, with its values.
        forgetting_figure: SVG to write: each session's score over the models.
        progress_figure: SVG to write: average and forgetting over the sessions.
        differences_figure: SVG to write: differences to the reference.
        memory_figure: SVG to write: size of the memories and their clusters.
        cohesion_figure: SVG to write: cohesion of the memories.
        drift_figure: SVG to write: shares of the domains.
    """
    about = read_retrieval_summary(summary)
    measure, sessions = about["measure"], session_names(about)
    entries = main_matrix(read_matrix(matrix), measure)
    methods = list(entries)  # in the order of the table of methods, which JSON does not keep
    figures_of = main_transfer(read_transfer(transfer), measure)
    with figure_style():
        drawn = {
            matrix_figure: figures.matrix_figure(entries, sessions, measure),
            forgetting_figure: figures.curves_figure(entries, sessions, measure),
            progress_figure: curves.progress_figure(figures_of, methods, sessions, measure),
            differences_figure: draw_differences(read_comparison(comparison), measure),
            memory_figure: curves.memory_figure(
                read_memory(memory), memory_limits(about), methods, sessions
            ),
            cohesion_figure: curves.cohesion_figure(read_cohesion(cohesion), methods, sessions),
            drift_figure: figures.drift_figure(read_shares(shares), sessions),
        }
        for file, figure in drawn.items():
            save_svg(figure, file)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
