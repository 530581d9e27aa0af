"""Write the page of costs: time, throughput and memory of each step, apart from the report.

In: the table of costs, its figures and the run's summary; for a track that trains and scores, what
its costs bought and their figure. Out: an HTML page that opens from disk
and holds everything that it shows. It differs from run to run, so it stands in the folder that
comparisons leave out; the report links to it.
"""

from collections.abc import Callable
from pathlib import Path

from scripts.common.entry import entry
from scripts.common.errors import ConfigError
from scripts.common.files import write_text
from scripts.report.costs_section import costs_section
from scripts.report.job_costs import read_costs
from scripts.report.page import provenance_of, render_page
from scripts.report.retrieval_costs import read_timings, timings_part
from scripts.report.score_part import ScorePart
from scripts.report.svg import inline_svg
from scripts.report.tables import COUNTED, SUMMARY_KEYS, read_summary
from scripts.report.training_costs import read_training_costs, training_part

# How the table of what a track's costs bought is read and shown.
_PARTS: dict[str, Callable[[Path], ScorePart]] = {
    "language_model": lambda path: training_part(read_training_costs(path)),
    "retrieval": lambda path: timings_part(read_timings(path)),
}


def run(
    costs: Path,
    summary: Path,
    throughput_figure: Path,
    memory_figure: Path,
    page: Path,
    scores: Path | None = None,
    scores_figure: Path | None = None,
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
        scores: what the costs bought, where the track trains and scores.
        scores_figure: SVG of scores over costs, together with `scores`.
        track: name of the track.

    Raises:
        ConfigError: only one of `scores` and `scores_figure` is given, or the track has no such
            table.
    """
    if (scores is None) != (scores_figure is None):
        raise ConfigError("the page of costs needs scores and scores_figure both, or neither")
    if scores is not None and track not in _PARTS:
        raise ConfigError(f"scores of the track {track} are unknown; allowed: {', '.join(_PARTS)}")
    figures = {"throughput": throughput_figure, "memory": memory_figure}
    if scores_figure is not None:
        figures["scores"] = scores_figure
    section = costs_section(
        read_costs(costs),
        {name: inline_svg(path, f"costs-{name}") for name, path in figures.items()},
        track=track,
        scores=None if scores is None else _PARTS[track](scores),
    )
    about = read_summary(summary)
    basis = {key: value for key, value in about.items() if key in (*COUNTED, *SUMMARY_KEYS)}
    write_text(page, render_page([section], provenance_of(basis)))


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
