"""Write the report: one HTML page that opens from disk, without network or JavaScript.

In: a run's summary (JSON), the corpus track's tables (TSV; columns in
`scripts.report.corpus_tables`) and its figures (SVG of `plot_corpus`); where models were trained,
the same of the language_model track (`scripts.report.language_model_tables`,
`plot_language_model`); where strategies were compared, of the classification track
(`scripts.report.classification_tables`, `plot_classification`); where descriptors were reduced, of
the descriptors track (`scripts.report.descriptors_tables`, `plot_descriptors`); where retrieval
methods were compared, of the retrieval track (`scripts.report.retrieval_tables`,
`plot_retrieval`). Out: a page that holds everything it shows, Hangul glyphs included: what ran,
what it came to in English and Korean, a section for each track, what the numbers rest on. The same
inputs give the same bytes. A further track adds a `Section` and its template.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.common.errors import ConfigError
from scripts.common.files import write_text
from scripts.report.classification_section import ClassificationTables, classification_section
from scripts.report.classification_tables import (
    read_audit_score,
    read_class_counts,
    read_classification_summary,
    read_coverage,
    read_faults,
    read_imbalance,
    read_strategies,
    read_unfiltered,
)
from scripts.report.classification_tables import read_seeds as read_trainings
from scripts.report.corpus_section import corpus_section
from scripts.report.corpus_tables import (
    read_ceilings,
    read_datasets,
    read_entities,
    read_filter_costs,
    read_funnel,
    read_pronouns,
    read_samples,
)
from scripts.report.descriptors_section import DescriptorsTables, descriptors_section
from scripts.report.descriptors_stability import read_stability
from scripts.report.descriptors_sweep import read_sweep
from scripts.report.descriptors_tables import (
    read_clusterings,
    read_descriptors_summary,
    read_members,
    read_reasons,
    read_sensitivity,
    read_stages,
    read_survivors,
    read_weak,
)
from scripts.report.language_model_section import LanguageModelTables, language_model_section
from scripts.report.language_model_tables import (
    read_differences,
    read_language_model_summary,
    read_metrics,
    read_run_verdicts,
    read_seeds,
    read_targets,
)
from scripts.report.overview import other_provenance, overview_of
from scripts.report.page import Section, render_page
from scripts.report.retrieval_section import RetrievalTables, retrieval_section
from scripts.report.retrieval_tables import (
    read_cohesion,
    read_comparison,
    read_matrix,
    read_memory,
    read_retrieval_summary,
    read_shares,
    read_transfer,
)
from scripts.report.svg import inline_svg
from scripts.report.tables import read_summary


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
    classification_summary: Path | None = None,
    classification_imbalance: Path | None = None,
    classification_coverage: Path | None = None,
    classification_faults: Path | None = None,
    classification_class_counts: Path | None = None,
    classification_strategies: Path | None = None,
    classification_seeds: Path | None = None,
    classification_audit_score: Path | None = None,
    classification_unfiltered: Path | None = None,
    classification_zipf_figure: Path | None = None,
    classification_lengths_figure: Path | None = None,
    classification_f1_figure: Path | None = None,
    classification_losses_figure: Path | None = None,
    classification_differences_figure: Path | None = None,
    descriptors_summary: Path | None = None,
    descriptors_funnel: Path | None = None,
    descriptors_reasons: Path | None = None,
    descriptors_survivors: Path | None = None,
    descriptors_largest_clusters: Path | None = None,
    descriptors_weak_heirs: Path | None = None,
    descriptors_clusterings: Path | None = None,
    descriptors_sensitivity: Path | None = None,
    descriptors_sweep: Path | None = None,
    descriptors_stability: Path | None = None,
    descriptors_stability_summary: Path | None = None,
    descriptors_funnel_figure: Path | None = None,
    descriptors_sizes_figure: Path | None = None,
    descriptors_heatmap_figure: Path | None = None,
    descriptors_vif_figure: Path | None = None,
    descriptors_dependence_figure: Path | None = None,
    descriptors_sweep_figure: Path | None = None,
    descriptors_stability_figure: Path | None = None,
    retrieval_summary: Path | None = None,
    retrieval_matrix: Path | None = None,
    retrieval_transfer: Path | None = None,
    retrieval_comparison: Path | None = None,
    retrieval_cohesion: Path | None = None,
    retrieval_memory: Path | None = None,
    retrieval_shares: Path | None = None,
    retrieval_matrix_figure: Path | None = None,
    retrieval_forgetting_figure: Path | None = None,
    retrieval_progress_figure: Path | None = None,
    retrieval_differences_figure: Path | None = None,
    retrieval_memory_figure: Path | None = None,
    retrieval_cohesion_figure: Path | None = None,
    retrieval_drift_figure: Path | None = None,
    results_folder: Path = Path("results"),
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
        classification_summary: verdicts, versions and hashes of the classification track; this and
            the following are given together, or not at all where no rows were classified.
        classification_imbalance: figures of imbalance.
        classification_coverage: what the split covers.
        classification_faults: what the audit found.
        classification_class_counts: rows of each class.
        classification_strategies: scores and differences of the strategies.
        classification_seeds: every training.
        classification_audit_score: planted faults that were found; not given where none were.
        classification_unfiltered: losses with the rare classes too; not given without linear model.
        classification_zipf_figure: SVG of the class sizes.
        classification_lengths_figure: SVG of the text lengths.
        classification_f1_figure: SVG of F1 over class sizes.
        classification_losses_figure: SVG of the losses.
        classification_differences_figure: SVG of the differences between strategies.
        descriptors_summary: counts, settings and hashes of the descriptors track; this and the
            following are given together, or not at all where no descriptors were reduced.
        descriptors_funnel: columns left after each stage.
        descriptors_reasons: rejects of pass 1 by reason.
        descriptors_survivors: survivors with their nearest alternatives.
        descriptors_largest_clusters: alternatives of the largest clusters.
        descriptors_weak_heirs: removals with a poor heir.
        descriptors_clusterings: methods of clustering side by side.
        descriptors_sensitivity: pass 3 with other settings.
        descriptors_sweep: survivors of each pass for other thresholds.
        descriptors_stability: how often each descriptor survived in the bootstraps.
        descriptors_stability_summary: agreement of the bootstraps with the run.
        descriptors_funnel_figure: SVG of the descriptors left after each pass.
        descriptors_sizes_figure: SVG of the clusters' sizes.
        descriptors_heatmap_figure: SVG of |ρ| ordered by cluster.
        descriptors_vif_figure: SVG of the variance inflation factors.
        descriptors_dependence_figure: SVG of nHSIC and RDC over |ρ|.
        descriptors_sweep_figure: SVG of survivors against thresholds.
        descriptors_stability_figure: SVG of the bootstraps.
        retrieval_summary: verdicts, versions and hashes of the retrieval track; this and the
            following are given together, or not at all where no methods were compared.
        retrieval_matrix: scores of every model on every session.
        retrieval_transfer: average, forgetting and transfer.
        retrieval_comparison: differences to the reference.
        retrieval_cohesion: cohesion of every memory.
        retrieval_memory: what every memory held.
        retrieval_shares: shares of the domains by session.
        retrieval_matrix_figure: SVG of the matrix of each method.
        retrieval_forgetting_figure: SVG of each session's score over the models.
        retrieval_progress_figure: SVG of average and forgetting over the sessions.
        retrieval_differences_figure: SVG of the differences to the reference.
        retrieval_memory_figure: SVG of the memories' sizes and clusters.
        retrieval_cohesion_figure: SVG of the cohesion.
        retrieval_drift_figure: SVG of the shares of domains.
        results_folder: the results folder, as the shown commands name it.

    Raises:
        ConfigError: some files of another track than corpus are given, and some are not.
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
    classified = _classification(
        {
            "summary": classification_summary,
            "imbalance": classification_imbalance,
            "coverage": classification_coverage,
            "faults": classification_faults,
            "class_counts": classification_class_counts,
            "strategies": classification_strategies,
            "seeds": classification_seeds,
        },
        {
            "zipf": classification_zipf_figure,
            "lengths": classification_lengths_figure,
            "f1": classification_f1_figure,
            "losses": classification_losses_figure,
            "differences": classification_differences_figure,
        },
        audit_score=classification_audit_score,
        unfiltered=classification_unfiltered,
    )
    descriptors = _descriptors(
        {
            "summary": descriptors_summary,
            "funnel": descriptors_funnel,
            "reasons": descriptors_reasons,
            "survivors": descriptors_survivors,
            "largest_clusters": descriptors_largest_clusters,
            "weak_heirs": descriptors_weak_heirs,
            "clusterings": descriptors_clusterings,
            "sensitivity": descriptors_sensitivity,
            "sweep": descriptors_sweep,
            "stability": descriptors_stability,
            "stability_summary": descriptors_stability_summary,
        },
        {
            "funnel": descriptors_funnel_figure,
            "sizes": descriptors_sizes_figure,
            "heatmap": descriptors_heatmap_figure,
            "vif": descriptors_vif_figure,
            "dependence": descriptors_dependence_figure,
            "sweep": descriptors_sweep_figure,
            "stability": descriptors_stability_figure,
        },
        results_folder=results_folder,
    )
    retrieval = _retrieval(
        {
            "summary": retrieval_summary,
            "matrix": retrieval_matrix,
            "transfer": retrieval_transfer,
            "comparison": retrieval_comparison,
            "cohesion": retrieval_cohesion,
            "memory": retrieval_memory,
            "shares": retrieval_shares,
        },
        {
            "matrix": retrieval_matrix_figure,
            "forgetting": retrieval_forgetting_figure,
            "progress": retrieval_progress_figure,
            "differences": retrieval_differences_figure,
            "memory": retrieval_memory_figure,
            "cohesion": retrieval_cohesion_figure,
            "drift": retrieval_drift_figure,
        },
    )
    sections = [corpus, *models, *classified, *descriptors, *retrieval]
    files = [("the settings of the run", "../logs/config.yaml")]
    files += [("language_model.md", "language_model.md")] if models else []
    write_text(
        page,
        render_page(sections, other_provenance(sections), overview_of(sections, files)),
    )


def _language_models(
    tables: dict[str, Path | None], figures: dict[str, Path | None]
) -> list[Section]:
    """Return the section of the language_model track, or none where it has no files."""
    given, drawn = _all_or_none("language_model", tables, figures)
    if not given:
        return []
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


def _classification(
    tables: dict[str, Path | None],
    figures: dict[str, Path | None],
    *,
    audit_score: Path | None,
    unfiltered: Path | None,
) -> list[Section]:
    """Return the section of the classification track, or none where it has no files."""
    given, drawn = _all_or_none("classification", tables, figures)
    if not given:
        return []
    read = ClassificationTables(
        summary=read_classification_summary(given["summary"]),
        imbalance=read_imbalance(given["imbalance"]),
        coverage=read_coverage(given["coverage"]),
        faults=read_faults(given["faults"]),
        class_counts=read_class_counts(given["class_counts"]),
        strategies=read_strategies(given["strategies"]),
        seeds=read_trainings(given["seeds"]),
        audit_score=None if audit_score is None else read_audit_score(audit_score),
        unfiltered=None if unfiltered is None else read_unfiltered(unfiltered),
    )
    inline = {name: inline_svg(path, f"classification-{name}") for name, path in drawn.items()}
    return [classification_section(read, inline)]


def _descriptors(
    tables: dict[str, Path | None], figures: dict[str, Path | None], *, results_folder: Path
) -> list[Section]:
    """Return the section of the descriptors track, or none where it has no files."""
    given, drawn = _all_or_none("descriptors", tables, figures)
    if not given:
        return []
    read = DescriptorsTables(
        summary=read_descriptors_summary(given["summary"]),
        stages=read_stages(given["funnel"]),
        reasons=read_reasons(given["reasons"]),
        survivors=read_survivors(given["survivors"]),
        members=read_members(given["largest_clusters"]),
        weak=read_weak(given["weak_heirs"]),
        clusterings=read_clusterings(given["clusterings"]),
        sensitivity=read_sensitivity(given["sensitivity"]),
        sweep=read_sweep(given["sweep"]),
        stability=read_stability(given["stability"], given["stability_summary"]),
    )
    inline = {name: inline_svg(path, f"descriptors-{name}") for name, path in drawn.items()}
    return [descriptors_section(read, inline, results_folder=results_folder)]


def _retrieval(tables: dict[str, Path | None], figures: dict[str, Path | None]) -> list[Section]:
    """Return the section of the retrieval track, or none where it has no files."""
    given, drawn = _all_or_none("retrieval", tables, figures)
    if not given:
        return []
    read = RetrievalTables(
        summary=read_retrieval_summary(given["summary"]),
        matrix=read_matrix(given["matrix"]),
        transfer=read_transfer(given["transfer"]),
        comparison=read_comparison(given["comparison"]),
        cohesion=read_cohesion(given["cohesion"]),
        memory=read_memory(given["memory"]),
        shares=read_shares(given["shares"]),
    )
    inline = {name: inline_svg(path, f"retrieval-{name}") for name, path in drawn.items()}
    return [retrieval_section(read, inline)]


def _all_or_none(
    track: str, tables: dict[str, Path | None], figures: dict[str, Path | None]
) -> tuple[dict[str, Path], dict[str, Path]]:
    """Return a track's tables and figures, both empty where it has no files.

    Raises:
        ConfigError: some are given, and some are not.
    """
    given = {name: path for name, path in tables.items() if path is not None}
    drawn = {name: path for name, path in figures.items() if path is not None}
    missing = [f"{track}_{name}" for name in tables if name not in given]
    missing += [f"{track}_{name}_figure" for name in figures if name not in drawn]
    if missing and (given or drawn):
        raise ConfigError(
            f"the report got some files of the {track} track without {', '.join(missing)}; "
            "give all of them or none"
        )
    return given, drawn


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
