"""dure: Korean text from raw corpora to datasets, and what is made of them.

PURPOSE   The table of contents of the workflow: configuration, tracks, targets.
INPUTS    config/config.yaml (or --configfile FILE on top of it) and the tables that it names.
OUTPUTS   Everything below results/, the report in results/report/index.html.
TARGETS   all (default), corpus, language_model, classification, descriptors, retrieval, report;
          any file below results/.
"""

from snakemake.utils import min_version

min_version("9.19")


configfile: f"{workflow.basedir}/config/config.yaml"


pathvars:
    results="results",


include: "rules/common.smk"
include: "rules/corpus.smk"
include: "rules/language_model.smk"
include: "rules/classification.smk"
include: "rules/descriptors.smk"
include: "rules/retrieval.smk"
include: "rules/report.smk"
include: "rules/targets.smk"


name_every_param()
require_writable_results()
keep_texts(MODULE_TEXTS)


onstart:
    note_plan()
    note_config()


rule all:
    """Every track, and the report."""
    default_target: True
    input:
        rules.corpus.input,
        rules.language_model.input,
        rules.classification.input,
        rules.descriptors.input,
        rules.retrieval.input,
        rules.report.input,
