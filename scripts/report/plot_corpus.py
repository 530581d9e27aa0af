"""Draw the corpus track's figures from its tables.

In: the funnel (fate of each document), what each check costs, the documents by pronouns, the
character ceilings, the histograms, the limits of selection, the most frequent entities, the
datasets' sizes (TSV; columns in `scripts.report.corpus_tables`). Out: one SVG per figure,
text as outlines of NanumGothic, so that Hangul shows on a machine without Korean fonts. The same
tables give the same bytes.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.report import attribute_figure, corpus_figures, filter_figures
from scripts.report.corpus_tables import (
    read_ceilings,
    read_datasets,
    read_entities,
    read_filter_costs,
    read_funnel,
    read_histograms,
    read_pronouns,
    read_samples,
    read_thresholds,
)
from scripts.report.drawing import figure_style, save_svg


def run(
    funnel: Path,
    samples: Path,
    filter_costs: Path,
    pronouns: Path,
    ceilings: Path,
    histograms: Path,
    thresholds: Path,
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
) -> None:
    """Draw all figures of the corpus track.

    Args:
        funnel: fate of each document, per dataset and source.
        samples: samples of each dataset and source.
        filter_costs: what each check costs, per dataset and source.
        pronouns: documents by number of pronouns, per dataset and source.
        ceilings: character ceilings, per dataset.
        histograms: bins of each distribution.
        thresholds: limits of selection, per dataset.
        entities: most frequent entities, per dataset.
        datasets: sizes of the datasets' splits.
        funnel_figure: SVG to write: fates as shares of raw documents.
        filters_figure: SVG to write: documents lost to each check alone.
        pronouns_figure: SVG to write: documents that each pronoun limit would keep.
        attributes_figure: SVG to write: attributes per source with their limits.
        ceilings_figure: SVG to write: fertility, and ceilings over the documents' lengths.
        entities_figure: SVG to write: entities before and after the cap.
        distances_figure: SVG to write: distances between antecedent and mention.
        lengths_figure: SVG to write: tokens per row.
    """
    bins = read_histograms(histograms)
    filters = read_filter_costs(filter_costs)
    with figure_style():
        figures = {
            funnel_figure: corpus_figures.funnel_figure(read_funnel(funnel), read_samples(samples)),
            filters_figure: filter_figures.filters_figure(filters),
            pronouns_figure: filter_figures.pronouns_figure(read_pronouns(pronouns)),
            ceilings_figure: filter_figures.ceilings_figure(bins, read_ceilings(ceilings), filters),
            attributes_figure: attribute_figure.attributes_figure(
                bins, read_thresholds(thresholds)
            ),
            entities_figure: corpus_figures.entities_figure(read_entities(entities)),
            distances_figure: corpus_figures.distances_figure(bins),
            lengths_figure: corpus_figures.lengths_figure(bins, read_datasets(datasets)),
        }
        for path, figure in figures.items():
            save_svg(figure, path)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
