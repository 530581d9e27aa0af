"""Draw what the jobs of the corpus track cost.

In: the table of costs (TSV; columns in `scripts.report.job_costs.CostRow`). Out: one SVG each for
throughput and for peak memory, text as outlines.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.report import cost_figures
from scripts.report.drawing import figure_style, save_svg
from scripts.report.job_costs import read_costs


def run(costs: Path, throughput_figure: Path, memory_figure: Path) -> None:
    """Draw the figures of the costs.

    Args:
        costs: what each job cost.
        throughput_figure: SVG to write: items per second of each job.
        memory_figure: SVG to write: peak memory of each job.
    """
    rows = read_costs(costs)
    with figure_style():
        save_svg(cost_figures.throughput_figure(rows), throughput_figure)
        save_svg(cost_figures.memory_figure(rows), memory_figure)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
