"""Hours of training against the score: a table and a figure.

In: what each job of the language_model track cost, and a verdict on each run (TSV). Out: a TSV with
hours, tokens per second and score of each run, and an SVG. Both differ from run to run, so they
stand in the folder that comparisons leave out.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.report.drawing import figure_style, save_svg
from scripts.report.job_costs import read_costs
from scripts.report.language_model_tables import read_run_verdicts
from scripts.report.training_costs import hours_figure, training_costs, write_training_costs


def run(costs: Path, runs: Path, training: Path, training_figure: Path) -> None:
    """Write the table and draw the figure.

    Args:
        costs: what each job cost.
        runs: a verdict on each run.
        training: TSV to write: hours, tokens per second and score of each run.
        training_figure: SVG to write: score over hours.
    """
    rows = training_costs(read_costs(costs), read_run_verdicts(runs))
    write_training_costs(training, rows)
    with figure_style():
        save_svg(hours_figure(rows), training_figure)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
