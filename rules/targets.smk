"""The targets that people type.

PURPOSE   One name per track; each brings the track up to date.
INPUTS    The finished files of the tracks.
OUTPUTS   None of its own.
TARGETS   corpus (datasets and tables), language_model (checkpoints, evaluations, tables),
          descriptors (survivors, lineage, tables), report (the pages). `all` stands in the Snakefile.
"""


localrules:
    corpus,
    language_model,
    descriptors,
    report,


rule corpus:
    """Datasets and tables of the corpus track."""
    input:
        files_of_datasets("manifest.json"),
        rules.summarize_corpus.output,


rule language_model:
    """Checkpoints, evaluations and tables of the language_model track; nothing without runs."""
    input:
        rules.summarize_language_model.output if LANGUAGE_MODEL else [],


rule descriptors:
    """Survivors, lineage and tables of the descriptors track; nothing without an input."""
    input:
        (
            [
                rules.trace_clusters.output,
                rules.summarize_descriptors.output,
                rules.sweep_thresholds.output,
                rules.assess_stability.output,
            ]
            if DESCRIPTORS
            else []
        ),


rule report:
    """The report page, and the page of costs beside it."""
    input:
        rules.write_report.output,
        rules.write_language_model.output if LANGUAGE_MODEL else [],
        expand("<results>/costs/{track}.html", track=reported_tracks()),
