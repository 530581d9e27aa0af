"""The report: what the tracks' tables say, as one page that opens from disk.

PURPOSE   Plots and tables of every track, with n, seed, versions, code and data hashes; and, apart
          from them because they differ from run to run, the costs: time and memory of each job.
INPUTS    <results>/corpus/tables/, <results>/language_model/tables/ where there are runs,
          <results>/classification/, <results>/descriptors/tables/ and <results>/retrieval/ where
          there is an input, the jobs' records beside the logs
OUTPUTS   <results>/report/index.html (nothing is loaded from elsewhere), <results>/report/figures/,
          <results>/report/language_model.md
          <results>/logs/config.yaml, the settings as the last start read them
          <results>/costs/{track}.tsv, {track}.html, figures/
TARGETS   report
"""


wildcard_constraints:
    track="corpus|language_model|classification|descriptors|retrieval",


localrules:
    plot_corpus,
    plot_language_model,
    plot_classification,
    plot_descriptors,
    plot_retrieval,
    write_language_model,
    write_report,
    summarize_costs,
    plot_costs,
    plot_training_costs,
    plot_retrieval_costs,
    write_costs,


CORPUS_FIGURES = {
    f"{name}_figure": f"<results>/report/figures/corpus_{name}.svg"
    for name in (
        "funnel",
        "filters",
        "pronouns",
        "attributes",
        "ceilings",
        "entities",
        "distances",
        "lengths",
    )
}
LANGUAGE_MODEL_FIGURES = {
    f"{name}_figure": f"<results>/report/figures/language_model_{name}.svg"
    for name in ("curves", "cost", "differences", "losses")
}
# What the page shows of the language_model track; nothing where no run is named.
LANGUAGE_MODEL_SECTION = (
    {
        "language_model_summary": LANGUAGE_MODEL_TABLES["summary"],
        "language_model_metrics": LANGUAGE_MODEL_TABLES["metrics_parquet"],
        "language_model_runs": LANGUAGE_MODEL_TABLES["runs_table"],
        "language_model_differences": LANGUAGE_MODEL_TABLES["differences"],
        "language_model_targets": LANGUAGE_MODEL_TABLES["targets_table"],
        "language_model_seeds": LANGUAGE_MODEL_TABLES["seeds"],
        **{f"language_model_{name}": path for name, path in LANGUAGE_MODEL_FIGURES.items()},
    }
    if LANGUAGE_MODEL
    else {}
)
CLASSIFICATION_FIGURES = {
    f"{name}_figure": f"<results>/report/figures/classification_{name}.svg"
    for name in ("zipf", "lengths", "f1", "losses", "differences")
}
# What the page shows of the classification track; nothing where it has no input.
CLASSIFICATION_SECTION = (
    {
        "classification_summary": CLASSIFICATION_TABLES["summary"],
        "classification_imbalance": AUDITED["imbalance"],
        "classification_coverage": rules.split_rows.output.coverage,
        "classification_faults": AUDITED["faults"],
        "classification_class_counts": AUDITED["class_counts"],
        "classification_strategies": CLASSIFICATION_TABLES["strategies_table"],
        "classification_seeds": CLASSIFICATION_TABLES["seeds"],
        **(
            {"classification_audit_score": rules.score_audit.output.score}
            if CLASSIFICATION.kind == "generated"
            else {}
        ),
        **(
            {"classification_unfiltered": rules.train_unfiltered.output.losses}
            if "tfidf" in CLASSIFICATION.models()
            else {}
        ),
        **{f"classification_{name}": path for name, path in CLASSIFICATION_FIGURES.items()},
    }
    if CLASSIFICATION
    else {}
)
DESCRIPTORS_FIGURES = {
    f"{name}_figure": f"<results>/report/figures/descriptors_{name}.svg"
    for name in ("funnel", "sizes", "heatmap", "vif", "dependence", "sweep", "stability")
}
# Repetitions of the passes: for other thresholds, and on items drawn with replacement.
DESCRIPTORS_REPEATS = {
    "sweep": "<results>/descriptors/tables/sweep.tsv",
    "stability": "<results>/descriptors/tables/stability.tsv",
    "stability_summary": "<results>/descriptors/tables/stability.json",
}
# What the page shows of the descriptors track; nothing where it has no input.
DESCRIPTORS_SECTION = (
    {
        **{
            f"descriptors_{name}": DESCRIPTORS_TABLES[name]
            for name in (
                "summary",
                "funnel",
                "reasons",
                "survivors",
                "largest_clusters",
                "weak_heirs",
                "clusterings",
            )
        },
        "descriptors_sensitivity": "<results>/descriptors/pass3/sensitivity.tsv",
        **{f"descriptors_{name}": path for name, path in DESCRIPTORS_REPEATS.items()},
        **{f"descriptors_{name}": path for name, path in DESCRIPTORS_FIGURES.items()},
    }
    if DESCRIPTORS
    else {}
)
RETRIEVAL_FIGURES = {
    f"{name}_figure": f"<results>/report/figures/retrieval_{name}.svg"
    for name in (
        "matrix",
        "forgetting",
        "progress",
        "differences",
        "memory",
        "cohesion",
        "drift",
    )
}
# The tables that figures and page are made from, by the names that they have there.
RETRIEVAL_SHOWN = {
    "summary": RETRIEVAL_TABLES["summary"],
    "matrix": RETRIEVAL_TABLES["matrix"],
    "transfer": RETRIEVAL_TABLES["transfer"],
    "comparison": RETRIEVAL_TABLES["comparison"],
    "cohesion": RETRIEVAL_TABLES["cohesion_table"],
    "memory": RETRIEVAL_TABLES["memory_table"],
    "shares": rules.summarize_sessions.output.shares,
}
# What the page shows of the retrieval track; nothing where it has no input.
RETRIEVAL_SECTION = (
    {
        **{f"retrieval_{name}": path for name, path in RETRIEVAL_SHOWN.items()},
        **{f"retrieval_{name}": path for name, path in RETRIEVAL_FIGURES.items()},
    }
    if RETRIEVAL
    else {}
)
COSTS_FIGURES = {
    f"{name}_figure": f"<results>/costs/figures/{{track}}_{name}.svg"
    for name in ("throughput", "memory")
}


rule plot_corpus:
    """Draw the corpus track's figures."""
    input:
        funnel="<results>/corpus/tables/funnel.tsv",
        samples="<results>/corpus/tables/samples.tsv",
        filter_costs="<results>/corpus/tables/filter_costs.tsv",
        pronouns="<results>/corpus/tables/pronouns.tsv",
        ceilings="<results>/corpus/tables/ceilings.tsv",
        histograms="<results>/corpus/tables/histograms.tsv",
        thresholds="<results>/corpus/tables/thresholds.tsv",
        entities="<results>/corpus/tables/entities.tsv",
        datasets="<results>/corpus/tables/datasets.tsv",
    output:
        **CORPUS_FIGURES,
    log:
        "<results>/logs/report/plot_corpus/all.log",
    benchmark:
        "<results>/benchmarks/report/plot_corpus/all.jsonl"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(800),
        runtime=growing(30),
    params:
        code=code_version(
            "scripts/report/plot_corpus.py", packages=("matplotlib", "koreanize-matplotlib")
        ),
    script:
        "../scripts/report/plot_corpus.py"


rule plot_language_model:
    """Draw the language_model track's figures."""
    input:
        metrics=LANGUAGE_MODEL_TABLES["metrics_parquet"],
        runs=LANGUAGE_MODEL_TABLES["runs_table"],
        differences=LANGUAGE_MODEL_TABLES["differences"],
        losses=LANGUAGE_MODEL_TABLES["losses"],
    output:
        **LANGUAGE_MODEL_FIGURES,
    log:
        "<results>/logs/report/plot_language_model/all.log",
    benchmark:
        "<results>/benchmarks/report/plot_language_model/all.jsonl"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(800),
        runtime=growing(30),
    params:
        code=code_version(
            "scripts/report/plot_language_model.py",
            packages=("matplotlib", "koreanize-matplotlib"),
        ),
    script:
        "../scripts/report/plot_language_model.py"


rule plot_classification:
    """Draw the classification track's figures."""
    input:
        class_counts=AUDITED["class_counts"],
        text_lengths=AUDITED["text_lengths"],
        strategies=CLASSIFICATION_TABLES["strategies_table"],
        classes=CLASSIFICATION_TABLES["classes"],
        losses=CLASSIFICATION_TABLES["losses_table"],
        summary=CLASSIFICATION_TABLES["summary"],
    output:
        **CLASSIFICATION_FIGURES,
    log:
        "<results>/logs/report/plot_classification/all.log",
    benchmark:
        "<results>/benchmarks/report/plot_classification/all.jsonl"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(800),
        runtime=growing(30),
    params:
        code=code_version(
            "scripts/report/plot_classification.py",
            packages=("matplotlib", "koreanize-matplotlib"),
        ),
    script:
        "../scripts/report/plot_classification.py"


rule plot_descriptors:
    """Draw the descriptors track's figures."""
    input:
        **DESCRIPTORS_REPEATS,
        funnel=DESCRIPTORS_TABLES["funnel"],
        cluster_sizes=DESCRIPTORS_TABLES["cluster_sizes"],
        heatmap=DESCRIPTORS_TABLES["heatmap"],
        path="<results>/descriptors/pass3/path.parquet",
        pairs=DESCRIPTORS_TABLES["pairs"],
        summary=DESCRIPTORS_TABLES["summary"],
    output:
        **DESCRIPTORS_FIGURES,
    log:
        "<results>/logs/report/plot_descriptors/all.log",
    benchmark:
        "<results>/benchmarks/report/plot_descriptors/all.jsonl"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(800),
        runtime=growing(30),
    params:
        code=code_version(
            "scripts/report/plot_descriptors.py", packages=("matplotlib", "koreanize-matplotlib")
        ),
    script:
        "../scripts/report/plot_descriptors.py"


rule plot_retrieval:
    """Draw the retrieval track's figures."""
    input:
        **RETRIEVAL_SHOWN,
    output:
        **RETRIEVAL_FIGURES,
    log:
        "<results>/logs/report/plot_retrieval/all.log",
    benchmark:
        "<results>/benchmarks/report/plot_retrieval/all.jsonl"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(800),
        runtime=growing(30),
    params:
        code=code_version(
            "scripts/report/plot_retrieval.py", packages=("matplotlib", "koreanize-matplotlib")
        ),
    script:
        "../scripts/report/plot_retrieval.py"


rule write_language_model:
    """Write what the language_model track found as Markdown, the summary also in Korean."""
    input:
        summary=LANGUAGE_MODEL_TABLES["summary"],
        metrics=LANGUAGE_MODEL_TABLES["metrics_parquet"],
        runs=LANGUAGE_MODEL_TABLES["runs_table"],
        differences=LANGUAGE_MODEL_TABLES["differences"],
        targets=LANGUAGE_MODEL_TABLES["targets_table"],
        seeds=LANGUAGE_MODEL_TABLES["seeds"],
    output:
        markdown="<results>/report/language_model.md",
    log:
        "<results>/logs/report/write_language_model/all.log",
    benchmark:
        "<results>/benchmarks/report/write_language_model/all.jsonl"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(800),
        runtime=growing(30),
    params:
        code=code_version("scripts/report/write_language_model.py"),
    script:
        "../scripts/report/write_language_model.py"


rule write_report:
    """Write the page."""
    input:
        **CORPUS_FIGURES,
        **LANGUAGE_MODEL_SECTION,
        **CLASSIFICATION_SECTION,
        **DESCRIPTORS_SECTION,
        **RETRIEVAL_SECTION,
        summary="<results>/corpus/tables/summary.json",
        funnel="<results>/corpus/tables/funnel.tsv",
        samples="<results>/corpus/tables/samples.tsv",
        filter_costs="<results>/corpus/tables/filter_costs.tsv",
        pronouns="<results>/corpus/tables/pronouns.tsv",
        ceilings="<results>/corpus/tables/ceilings.tsv",
        entities="<results>/corpus/tables/entities.tsv",
        datasets="<results>/corpus/tables/datasets.tsv",
    output:
        page=report("<results>/report/index.html", category="Report", labels={"page": "corpus"}),
    log:
        "<results>/logs/report/write_report/all.log",
    benchmark:
        "<results>/benchmarks/report/write_report/all.jsonl"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(800),
        runtime=growing(30),
    params:
        results_folder=lambda wildcards, input: results_of(input.summary),
        code=code_version(
            "scripts/report/write_report.py",
            packages=("jinja2", "fonttools", "koreanize-matplotlib"),
            files=REPORT_TEMPLATES,
        ),
    script:
        "../scripts/report/write_report.py"


rule summarize_costs:
    """Collect what each job of a track cost, from the records beside the logs."""
    input:
        summary="<results>/{track}/tables/summary.json",
        ends=lambda wildcards: ends_of_track(wildcards.track),
    output:
        costs="<results>/costs/{track}.tsv",
    log:
        "<results>/logs/report/summarize_costs/{track}.log",
    benchmark:
        "<results>/benchmarks/report/summarize_costs/{track}.jsonl"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(30),
    params:
        logs=lambda wildcards: logs_of_track(wildcards.track).as_posix(),
        jobs=lambda wildcards: planned_jobs(wildcards.track),
        code=code_version("scripts/report/summarize_costs.py"),
    script:
        "../scripts/report/summarize_costs.py"


rule plot_costs:
    """Draw throughput and peak memory of a track's jobs."""
    input:
        costs="<results>/costs/{track}.tsv",
    output:
        **COSTS_FIGURES,
    log:
        "<results>/logs/report/plot_costs/{track}.log",
    benchmark:
        "<results>/benchmarks/report/plot_costs/{track}.jsonl"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(800),
        runtime=growing(30),
    params:
        code=code_version(
            "scripts/report/plot_costs.py", packages=("matplotlib", "koreanize-matplotlib")
        ),
    script:
        "../scripts/report/plot_costs.py"


rule plot_training_costs:
    """Set hours of training against the score, as a table and a figure."""
    input:
        costs="<results>/costs/language_model.tsv",
        runs=LANGUAGE_MODEL_TABLES["runs_table"],
    output:
        training="<results>/costs/training.tsv",
        training_figure="<results>/costs/figures/training.svg",
    log:
        "<results>/logs/report/plot_training_costs/all.log",
    benchmark:
        "<results>/benchmarks/report/plot_training_costs/all.jsonl"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(800),
        runtime=growing(30),
    params:
        code=code_version(
            "scripts/report/plot_training_costs.py",
            packages=("matplotlib", "koreanize-matplotlib"),
        ),
    script:
        "../scripts/report/plot_training_costs.py"


rule plot_retrieval_costs:
    """Set seconds of the retrieval methods against their score, as a table and a figure."""
    input:
        costs="<results>/costs/retrieval.tsv",
        transfer=RETRIEVAL_TABLES["transfer"],
        summary=RETRIEVAL_TABLES["summary"],
    output:
        timings="<results>/costs/timings.tsv",
        timings_figure="<results>/costs/figures/timings.svg",
    log:
        "<results>/logs/report/plot_retrieval_costs/all.log",
    benchmark:
        "<results>/benchmarks/report/plot_retrieval_costs/all.jsonl"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(800),
        runtime=growing(30),
    params:
        code=code_version(
            "scripts/report/plot_retrieval_costs.py",
            packages=("matplotlib", "koreanize-matplotlib"),
        ),
    script:
        "../scripts/report/plot_retrieval_costs.py"


rule write_costs:
    """Write the page of a track's costs."""
    input:
        **COSTS_FIGURES,
        costs="<results>/costs/{track}.tsv",
        summary="<results>/{track}/tables/summary.json",
        scores=scores_over_costs("table"),
        scores_figure=scores_over_costs("figure"),
    output:
        page=report(
            "<results>/costs/{track}.html", category="Report", labels={"page": "{track} costs"}
        ),
    log:
        "<results>/logs/report/write_costs/{track}.log",
    benchmark:
        "<results>/benchmarks/report/write_costs/{track}.jsonl"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(800),
        runtime=growing(30),
    params:
        code=code_version(
            "scripts/report/write_costs.py",
            packages=("jinja2", "fonttools", "koreanize-matplotlib"),
            files=REPORT_TEMPLATES,
        ),
    script:
        "../scripts/report/write_costs.py"
