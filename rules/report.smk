"""The report: what the tracks' tables say, as one page that opens from disk.

PURPOSE   Plots and tables of every track, with n, seed, versions, code and data hashes.
INPUTS    <results>/corpus/tables/
OUTPUTS   <results>/report/index.html (nothing is loaded from elsewhere), <results>/report/figures/
TARGETS   report
"""


localrules:
    plot_corpus,
    write_report,


CORPUS_FIGURES = {
    f"{name}_figure": f"<results>/report/figures/corpus_{name}.svg"
    for name in ("funnel", "attributes", "entities", "distances", "lengths")
}


rule plot_corpus:
    """Draw the corpus track's figures."""
    input:
        funnel="<results>/corpus/tables/funnel.tsv",
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


rule write_report:
    """Write the page."""
    input:
        **CORPUS_FIGURES,
        summary="<results>/corpus/tables/summary.json",
        funnel="<results>/corpus/tables/funnel.tsv",
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
        code=code_version(
            "scripts/report/write_report.py",
            packages=("jinja2", "fonttools", "koreanize-matplotlib"),
            files=REPORT_TEMPLATES,
        ),
    script:
        "../scripts/report/write_report.py"
