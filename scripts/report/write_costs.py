"""Write the page of costs: time, throughput and memory of each step, apart from the report.

In: the table of costs, its figures and the run's summary. Out: an HTML page that opens from disk
and holds everything that it shows. It differs from run to run, so it stands in the folder that
comparisons leave out; the report links to it.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.common.errors import ConfigError
from scripts.common.files import write_text
from scripts.report.costs_section import costs_section
from scripts.report.job_costs import read_costs
from scripts.report.page import provenance_of, render_page
from scripts.report.svg import inline_svg
from scripts.report.tables import read_summary
from scripts.report.training_costs import read_training_costs


def run(
    costs: Path,
    summary: Path,
    throughput_figure: Path,
    memory_figure: Path,
    page: Path,
    training: Path | None = None,
    training_figure: Path | None = None,
    *,
    track: str = "corpus",
) -> None:
    """Write the page of costs.

    Args:
        costs: what each job cost.
        summary: the run's numbers, versions and hashes.
        throughput_figure: SVG of the rates.
        memory_figure: SVG of the peak memory.
        page: HTML file to write.
        training: hours and score of each trained model, where the track trains any.
        training_figure: SVG of score over hours, together with `training`.
        track: name of the track.

    Raises:
        ConfigError: only one of `training` and `training_figure` is given.
    """
    if (training is None) != (training_figure is None):
        raise ConfigError("the page of costs needs training and training_figure both, or neither")
    figures = {"throughput": throughput_figure, "memory": memory_figure}
    if training_figure is not None:
        figures["training"] = training_figure
    section = costs_section(
        read_costs(costs),
        {name: inline_svg(path, f"costs-{name}") for name, path in figures.items()},
        track=track,
        training=[] if training is None else read_training_costs(training),
    )
    write_text(page, render_page([section], provenance_of(read_summary(summary))))


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
