"""Write the report: one HTML page that opens from disk, without network or JavaScript.

In: a run's summary (JSON), the corpus track's tables (TSV; columns in `scripts.report.tables`) and
its figures (SVG of `plot_corpus`). Out: a page that holds everything it shows, Hangul glyphs
included. The same inputs give the same bytes. A further track adds a `Section` and its template.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.common.files import write_text
from scripts.report.corpus_section import corpus_section
from scripts.report.page import provenance_of, render_page
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
    write_text(page, render_page([corpus], provenance_of(about)))


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
