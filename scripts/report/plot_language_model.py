"""Draw the language_model track's figures from its tables.

In: metrics of all checkpoints (Parquet), verdicts on the runs, paired differences, loss curves
(TSV; columns in `scripts.report.language_model_tables`). Out: one SVG per figure, text as outlines
of NanumGothic. The same tables give the same bytes.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.report import language_model_figures as figures
from scripts.report.drawing import figure_style, save_svg
from scripts.report.language_model_forest import forest_blocks
from scripts.report.language_model_tables import (
    read_differences,
    read_losses,
    read_metrics,
    read_run_verdicts,
)
from scripts.report.language_model_view import MetricBook


def run(
    metrics: Path,
    runs: Path,
    differences: Path,
    losses: Path,
    curves_figure: Path,
    cost_figure: Path,
    differences_figure: Path,
    losses_figure: Path,
) -> None:
    """Draw all figures of the language_model track.

    Args:
        metrics: metrics of all checkpoints and baselines.
        runs: a verdict on each run.
        differences: paired differences.
        losses: loss curves.
        curves_figure: SVG to write: each metric over the epochs.
        cost_figure: SVG to write: score against tokens.
        differences_figure: SVG to write: forest plot of differences.
        losses_figure: SVG to write: training loss and gradient norm.
    """
    book, rows = MetricBook(read_metrics(metrics)), read_run_verdicts(runs)
    compared = read_differences(differences)
    with figure_style():
        drawn = {
            curves_figure: figures.curves_figure(book, rows),
            cost_figure: figures.cost_figure(rows),
            differences_figure: figures.forest_figure(forest_blocks(compared, rows)),
            losses_figure: figures.losses_figure(read_losses(losses), rows),
        }
        for path, figure in drawn.items():
            save_svg(figure, path)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
