"""Write the report: one HTML page that opens from disk, without network or JavaScript.

In: a run's summary (JSON), the corpus track's tables (TSV; columns in `scripts.report.tables`) and
its figures (SVG of `plot_corpus`); where models were trained, the same of the language_model track
(`scripts.report.language_model_tables`, `plot_language_model`). Out: a page that holds everything
it shows, Hangul glyphs included. The same inputs give the same bytes. A further track adds a
`Section` and its template.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.common.errors import ConfigError
from scripts.common.files import write_text
from scripts.report.corpus_section import corpus_section
from scripts.report.language_model_section import LanguageModelTables, language_model_section
from scripts.report.language_model_tables import (
    read_differences,
    read_language_model_summary,
    read_metrics,
    read_run_verdicts,
    read_seeds,
    read_targets,
)
from scripts.report.page import Section, provenance_of, render_page
from scripts.report.svg import inline_svg
from scripts.report.tables import (
    read_ceilings,
    read_datasets,
    read_entities,
    read_filter_costs,
    read_funnel,
    read_pronouns,
    read_samples,
    read_summary,
)


def run(
    summary: Path,
    funnel: Path,
    samples: Path,
    filter_costs: Path,
    pronouns: Path,
    ceilings: Path,
    entities: Path,
    datasets: Path,
    funnel_figure: Path,
    filters_figure: Path,
    pronouns_figure: Path,
    attributes_figure: Path,
    ceilings_figure: Path,
    entities_figure: Path,
    distances_figure: Path,
    lengths_figure: Path,
    page: Path,
    language_model_summary: Path | None = None,
    language_model_metrics: Path | None = None,
    language_model_runs: Path | None = None,
    language_model_differences: Path | None = None,
    language_model_targets: Path | None = None,
    language_model_seeds: Path | None = None,
    language_model_curves_figure: Path | None = None,
    language_model_cost_figure: Path | None = None,
    language_model_differences_figure: Path | None = None,
    language_model_losses_figure: Path | None = None,
) -> None:
    """Write the report's page.

    Args:
        summary: the run's numbers, versions and hashes.
        funnel: fate of each document, per dataset and source.
        samples: samples of each dataset and source.
        filter_costs: what each check costs, per dataset and source.
        pronouns: documents by number of pronouns, per dataset and source.
        ceilings: character ceilings, per dataset.
        entities: most frequent entities, per dataset.
        datasets: sizes of the datasets' splits.
        funnel_figure: SVG of the fates.
        filters_figure: SVG of the documents lost to each check.
        pronouns_figure: SVG of the documents that each pronoun limit keeps.
        attributes_figure: SVG of the attributes.
        ceilings_figure: SVG of fertility and character ceilings.
        entities_figure: SVG of the entities.
        distances_figure: SVG of the distances.
        lengths_figure: SVG of the lengths.
        page: HTML file to write.
        language_model_summary: numbers, versions and hashes of the language_model track; this and
            the following are given together, or not at all where nothing was trained.
        language_model_metrics: metrics of all checkpoints and baselines.
        language_model_runs: a verdict on each run.
        language_model_differences: paired differences.
        language_model_targets: targets and expected ranges.
        language_model_seeds: spread over seeds.
        language_model_curves_figure: SVG of each metric over the epochs.
        language_model_cost_figure: SVG of score against tokens.
        language_model_differences_figure: SVG of the differences.
        language_model_losses_figure: SVG of the training losses.

    Raises:
        ConfigError: some files of the language_model track are given, and some are not.
    """
    figures = {
        "funnel": funnel_figure,
        "filters": filters_figure,
        "pronouns": pronouns_figure,
        "attributes": attributes_figure,
        "ceilings": ceilings_figure,
        "entities": entities_figure,
        "distances": distances_figure,
        "lengths": lengths_figure,
    }
    about = read_summary(summary)
    corpus = corpus_section(
        about,
        funnel=read_funnel(funnel),
        samples=read_samples(samples),
        filters=read_filter_costs(filter_costs),
        pronouns=read_pronouns(pronouns),
        ceilings=read_ceilings(ceilings),
        entities=read_entities(entities),
        datasets=read_datasets(datasets),
        figures={name: inline_svg(path, f"corpus-{name}") for name, path in figures.items()},
    )
    models = _language_models(
        {
            "summary": language_model_summary,
            "metrics": language_model_metrics,
            "runs": language_model_runs,
            "differences": language_model_differences,
            "targets": language_model_targets,
            "seeds": language_model_seeds,
        },
        {
            "curves": language_model_curves_figure,
            "cost": language_model_cost_figure,
            "differences": language_model_differences_figure,
            "losses": language_model_losses_figure,
        },
    )
    write_text(page, render_page([corpus, *models], provenance_of(about)))


def _language_models(
    tables: dict[str, Path | None], figures: dict[str, Path | None]
) -> list[Section]:
    """Return the section of the language_model track, or none where it has no files."""
    given = {name: path for name, path in tables.items() if path is not None}
    drawn = {name: path for name, path in figures.items() if path is not None}
    if not given and not drawn:
        return []
    missing = [f"language_model_{name}" for name in tables if name not in given]
    missing += [f"language_model_{name}_figure" for name in figures if name not in drawn]
    if missing:
        raise ConfigError(
            f"the report got some files of the language_model track without {', '.join(missing)}; "
            "give all of them or none"
        )
    read = LanguageModelTables(
        summary=read_language_model_summary(given["summary"]),
        metrics=read_metrics(given["metrics"]),
        runs=read_run_verdicts(given["runs"]),
        differences=read_differences(given["differences"]),
        targets=read_targets(given["targets"]),
        seeds=read_seeds(given["seeds"]),
    )
    inline = {name: inline_svg(path, f"language_model-{name}") for name, path in drawn.items()}
    return [language_model_section(read, inline)]


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
