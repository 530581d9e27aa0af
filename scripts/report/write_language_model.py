"""Write the language_model track's results as Markdown.

In: the track's tables (Parquet, TSV and JSON; columns in `scripts.report.language_model_tables`).
Out: one Markdown file with the summary in English and Korean, and the tables that the page shows.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.common.files import write_text
from scripts.report.language_model_blocks import section_as_markdown
from scripts.report.language_model_section import LanguageModelTables, language_model_section
from scripts.report.language_model_tables import (
    read_differences,
    read_language_model_summary,
    read_metrics,
    read_run_verdicts,
    read_seeds,
    read_targets,
)


def run(
    summary: Path,
    metrics: Path,
    runs: Path,
    differences: Path,
    targets: Path,
    seeds: Path,
    markdown: Path,
) -> None:
    """Write the results as Markdown.

    Args:
        summary: sizes, definitions, advice, versions and hashes.
        metrics: metrics of all checkpoints and baselines.
        runs: a verdict on each run.
        differences: paired differences.
        targets: targets and expected ranges.
        seeds: spread over seeds.
        markdown: Markdown file to write.
    """
    tables = LanguageModelTables(
        summary=read_language_model_summary(summary),
        metrics=read_metrics(metrics),
        runs=read_run_verdicts(runs),
        differences=read_differences(differences),
        targets=read_targets(targets),
        seeds=read_seeds(seeds),
    )
    write_text(markdown, section_as_markdown(language_model_section(tables, {})))


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
