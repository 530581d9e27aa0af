"""The targets that people type.

PURPOSE   One name per track; each brings the track up to date.
INPUTS    The finished files of the tracks.
OUTPUTS   None of its own.
TARGETS   corpus (datasets and tables), language_model (checkpoints, evaluations, tables),
          classification (audit, dataset, comparison), descriptors (survivors, lineage, tables),
          retrieval (sessions, memories, encoders, comparison), report (the pages). `all` stands in the Snakefile.
"""


localrules:
    corpus,
    language_model,
    classification,
    descriptors,
    retrieval,
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


rule classification:
    """Audit, dataset and comparison of the classification track; nothing without an input."""
    input:
        (
            [
                rules.audit_labels.output,
                rules.serialize_dataset.output,
                rules.compare_strategies.output,
                ends_of_track("classification"),
            ]
            if CLASSIFICATION
            else []
        ),


rule descriptors:
    """Survivors, lineage and tables of the descriptors track; nothing without an input."""
    input:
        (
            [
                rules.trace_clusters.output,
                rules.summarize_descriptors.output,
                ends_of_track("descriptors"),
            ]
            if DESCRIPTORS
            else []
        ),


rule retrieval:
    """Sessions, memories, encoders and comparison of the retrieval track; nothing without input."""
    input:
        ([rules.summarize_sessions.output, rules.compare_methods.output] if RETRIEVAL else []),


rule report:
    """The report page, and the page of costs beside it."""
    input:
        rules.write_report.output,
        rules.write_language_model.output if LANGUAGE_MODEL else [],
        expand("<results>/costs/{track}.html", track=reported_tracks()),
