"""Seconds of each retrieval method against its score: a table and a figure.

In: what each job of the retrieval track cost, and the methods' figures (TSV), summary.json, which
names the measure. Out: a TSV with seconds and score of each method, and an SVG. Both differ from
run to run, so they stand in the folder that comparisons leave out.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.report.drawing import figure_style, save_svg
from scripts.report.job_costs import read_costs
from scripts.report.retrieval_costs import method_timings, write_timings
from scripts.report.retrieval_costs import timings_figure as draw_timings
from scripts.report.retrieval_tables import read_retrieval_summary, read_transfer


def run(costs: Path, transfer: Path, summary: Path, timings: Path, timings_figure: Path) -> None:
    """Write the table and draw the figure.

    Args:
        costs: what each job cost.
        transfer: average, forgetting and transfer of the methods.
        summary: the comparison's summary.
        timings: TSV to write: seconds and score of each method.
        timings_figure: SVG to write: score over seconds.
    """
    measure = read_retrieval_summary(summary)["measure"]
    rows = method_timings(read_costs(costs), read_transfer(transfer), measure)
    write_timings(timings, rows)
    with figure_style():
        save_svg(draw_timings(rows), timings_figure)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
