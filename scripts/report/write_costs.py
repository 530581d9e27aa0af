"""Write the page of costs: time, throughput and memory of each step, apart from the report.

In: the table of costs, its figures and the run's summary. Out: an HTML page that opens from disk
and holds everything that it shows. It differs from run to run, so it stands in the folder that
comparisons leave out; the report links to it.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.common.files import write_text
from scripts.report.costs_section import costs_section
from scripts.report.job_costs import read_costs
from scripts.report.page import provenance_of, render_page
from scripts.report.svg import inline_svg
from scripts.report.tables import read_summary


def run(
    costs: Path, summary: Path, throughput_figure: Path, memory_figure: Path, page: Path
) -> None:
    """Write the page of costs.

    Args:
        costs: what each job cost.
        summary: the run's numbers, versions and hashes.
        throughput_figure: SVG of the rates.
        memory_figure: SVG of the peak memory.
        page: HTML file to write.
    """
    figures = {"throughput": throughput_figure, "memory": memory_figure}
    section = costs_section(
        read_costs(costs),
        {name: inline_svg(path, f"costs-{name}") for name, path in figures.items()},
    )
    write_text(page, render_page([section], provenance_of(read_summary(summary))))


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
