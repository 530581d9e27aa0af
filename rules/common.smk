"""What all tracks share: the checked configuration, code versions, resources.

PURPOSE   Fails on a bad configuration before any job; gives the rules their narrow parameters.
INPUTS    config/schema.yaml, the merged configuration, the tables that it names.
OUTPUTS   None; functions and constants for the rules.
"""

import sys
from functools import cache
from inspect import signature
from pathlib import Path

import yaml
from snakemake.exceptions import IncompleteCheckpointException
from snakemake.io import ancient, apply_wildcards, temp

from scripts.common.addresses import without_secrets
from scripts.common.code_version import code_version as version_of_code
from scripts.common.check_config import settled_config
from scripts.common.config import load_schema
from scripts.common.errors import ConfigError, ExpectedError
from scripts.common.files import write_text
from scripts.common.module_text import keep_texts, recall_texts
from scripts.common.planned_jobs import write_planned
from scripts.common.quick_planning import collect_garbage_rarely, remember_answers
from scripts.common.run_epochs import START
from scripts.common.slurm_queue import keep_sight_of_jobs
from scripts.common.steady_scheduler import look_again_once
from scripts.common.work_folder import require_room
from scripts.classification.plan import ClassificationPlan
from scripts.corpus.plan import CorpusPlan
from scripts.descriptors.plan import DescriptorsPlan
from scripts.language_model.early_stopping import validation_composite
from scripts.language_model.plan import LanguageModelPlan
from scripts.retrieval.plan import RetrievalPlan

remember_answers()
collect_garbage_rarely()

# Beside Snakemake's own records.
MODULE_TEXTS = Path(".snakemake/dure_module_texts.json")
recall_texts(MODULE_TEXTS)

BASEDIR = Path(workflow.basedir)
CLASSIFICATION_FOLDER = "<results>/classification"
RETRIEVAL_FOLDER = "<results>/retrieval"
SCHEMA = load_schema(BASEDIR / "config" / "schema.yaml")

REPORT_TEMPLATES = tuple(
    sorted(
        path.relative_to(BASEDIR).as_posix()
        for path in (BASEDIR / "scripts" / "report" / "templates").iterdir()
    )
)

try:
    _settled = settled_config(config, SCHEMA, BASEDIR)
    CONFIG = _settled.config
    CORPUS = CorpusPlan(CONFIG, _settled.sources, _settled.folder)
    LANGUAGE_MODEL = LanguageModelPlan(CONFIG, _settled.runs)
    STOP_LIST = CORPUS.stop_list(BASEDIR)
    GOLD_FILE = LANGUAGE_MODEL.named_file("gold.file", BASEDIR)
    BLANKS_FILE = LANGUAGE_MODEL.named_file("lambada.dataset", BASEDIR)
    CLASSIFICATION = ClassificationPlan(CONFIG, _settled.strategies, BASEDIR)
    CLASSIFICATION_FILES = CLASSIFICATION.inputs()
    DESCRIPTORS = DescriptorsPlan(CONFIG, BASEDIR)
    DESCRIPTOR_FILES = DESCRIPTORS.smiles_files()
    DESCRIPTOR_PARTS = DESCRIPTORS.parts()
    RETRIEVAL = RetrievalPlan(CONFIG, _settled.methods, _settled.session_shares, BASEDIR)
    RETRIEVAL.require_files()
except ExpectedError as error:
    sys.exit(without_secrets(str(error)))

keep_sight_of_jobs()
look_again_once()

if workflow.is_main_process:
    for notice in CORPUS.notices():
        print(notice, file=sys.stderr)


@cache
def code_version(script, packages=(), files=()):
    """Return the version of a script's code; see scripts/common/code_version.py."""
    return version_of_code(script, root=BASEDIR, packages=packages, files=files)


def name_every_param():
    """Give each step a param `by_name` that maps the names of its params to their values.

    Snakemake compares params as a set of values without names: where True and False stand already,
    or two numbers change places, it sees no change.
    """
    for step in workflow.rules:
        if step.script:
            step.set_params(by_name=named_params(dict(step.params.items())))


def named_params(params):
    """Return a function of the wildcards: the params by name.

    Params that follow from outputs are left out; they change with them alone.
    """
    kept = {
        name: value
        for name, value in params.items()
        if not callable(value) or list(signature(value).parameters) == ["wildcards"]
    }
    return lambda wildcards: {
        name: value(wildcards) if callable(value) else value for name, value in kept.items()
    }


def growing(amount):
    """Return a resource that grows with the attempt, for retries on a cluster."""
    return lambda wildcards, attempt: amount * attempt


def shard_files(folder, suffix="parquet"):
    """Return the files of all shards in a folder of the corpus track, in source order."""
    return [
        f"<results>/corpus/{folder}/{source}/{shard}.{suffix}"
        for source in CORPUS.source_order
        for shard in CORPUS.shards(source)
    ]


def document_folders():
    """Return the folders of all sources' shards, in source order."""
    return [f"<results>/corpus/documents/{source}" for source in CORPUS.source_order]


def files_of_datasets(name):
    """Return one file of every finished dataset."""
    return [
        f"<results>/corpus/{kind}/{length}/{name}" for kind, length in CORPUS.finished_datasets()
    ]


def files_of_sources(folder, name):
    """Return one file of every source in a folder of the corpus track, in source order."""
    return [f"<results>/corpus/{folder}/{source}/{name}" for source in CORPUS.source_order]


def files_of_source(wildcards):
    """Return the local files of a source; none where it is generated or downloaded."""
    try:
        return CORPUS.local_files(wildcards.source)
    except ConfigError as error:
        sys.exit(str(error))


def effort_of_source(key):
    """Return a function of the wildcards: the source's own number, else the one for all."""
    return lambda wildcards: CORPUS.effort(wildcards.source, key)


def fertility_of_dataset(wildcards):
    """Return the file with the character ceilings, where the dataset's selection needs it."""
    if CORPUS.kind_of(wildcards.dataset) == "entity_coref":
        return "<results>/corpus/tokenizer/fertility.json"
    return []


def shards_of_datasets(folder, kind="entity_coref"):
    """Return an input function: one file per shard of a length's dataset, in source order."""
    return lambda wildcards: [
        f"<results>/corpus/{folder}/{wildcards.length}/{source}/{shard}.parquet"
        for source in CORPUS.analysed_sources(kind)
        for shard in CORPUS.shards(source)
    ]


def tokens_of_kind(kind):
    """Return the tokens of all shards whose texts a kind of dataset may use, in source order."""
    return [
        f"<results>/corpus/tokens/{source}/{shard}.parquet"
        for source in CORPUS.analysed_sources(kind)
        for shard in CORPUS.shards(source)
    ]


def dataset_of_run(run, kind, name):
    """Return a file of the dataset of one kind that a run trains on, none where it does not."""
    if kind not in LANGUAGE_MODEL.dataset_kinds(run):
        return []
    return f"<results>/corpus/{kind}/{LANGUAGE_MODEL.setting(run, 'length')}/{name}"


def file_of_start(name):
    """Return an input function: a file of the model that a segment starts from.

    Its age decides nothing where something smaller does: the training state of the epoch before, or
    the choice that `run@best` stands for, which is copied anew whenever its parent gets epochs.
    """

    def file(wildcards):
        previous = LANGUAGE_MODEL.previous(wildcards.run, wildcards.epoch)
        path = checkpoint_path(wildcards.run, previous, name)
        smaller = previous != START or LANGUAGE_MODEL.choice(wildcards.run) is not None
        return ancient(path) if smaller else path

    return file


def state_of_previous(wildcards):
    """Return the training state of the checkpoint before; none before a run's first."""
    previous = LANGUAGE_MODEL.previous(wildcards.run, wildcards.epoch)
    if previous == START:
        return []
    return f"{LANGUAGE_MODEL.checkpoint(wildcards.run, previous)}/state.safetensors"


def choice_of_start(wildcards):
    """Return the parent's choice where a first segment starts from `run@best`."""
    if LANGUAGE_MODEL.previous(wildcards.run, wildcards.epoch) == START:
        return LANGUAGE_MODEL.choice(wildcards.run) or []
    return []


def file_of_checkpoint(name):
    """Return an input function: a file of the wildcards' checkpoint; 0.0 is the run's start."""
    return lambda wildcards: checkpoint_path(wildcards.run, wildcards.epoch, name)


def checkpoint_path(run, epoch, name):
    """Return a file of a checkpoint; 0.0 is the run's start.

    Where early stopping ended another run before the epoch that this one starts from, it is the
    file of the job that says so.
    """
    reached = epoch != START or LANGUAGE_MODEL.start_is_reached(run, known_composite)
    if reached is None:
        parent, _ = LANGUAGE_MODEL.parent(run)
        checkpoints.evaluate_checkpoint.get(run=parent, epoch=reached_epochs(parent)[-1])
    if reached is False:
        return f"<results>/language_model/train/{run}/refused.json"
    return f"{LANGUAGE_MODEL.checkpoint(run, epoch)}/{name}"


def known_composite(run, epoch):
    """Return the composite on the validation half of a checkpoint that is evaluated, else None."""
    try:
        scores = checkpoints.evaluate_checkpoint.get(run=run, epoch=epoch).output.scores
    except IncompleteCheckpointException as open_question:
        # Where both files are there, Snakemake asks again: when it knows that they are up to date,
        # or when they are made anew. Until then the asking job is not held against its last run.
        found = Path(open_question.targetfile)
        if found.exists() and found.with_name("metrics.json").exists():
            raise
        return None
    changed = Path(scores).stat()
    return composite_of_file(scores, changed.st_mtime_ns, changed.st_size)


@cache
def composite_of_file(scores, changed, size):
    """Return the composite on the validation half by a file of item scores, None where it has none.

    A file is known by its path, time and size. What is wrong with one without a composite is said
    by the selection, a job, which then takes place without further epochs.
    """
    try:
        return validation_composite(Path(scores), CONFIG["language_model"]["evaluation"]["weights"])
    except ExpectedError:
        return None


def reached_epochs(run):
    """Return a run's checkpoints after its start up to where early stopping ends it."""
    return LANGUAGE_MODEL.reached(run, known_composite)


def reached_checkpoints(with_start):
    """Return the checkpoints of all runs as "run@epoch", in the order of the plan."""
    return [
        f"{run}@{epoch}"
        for run, epoch in LANGUAGE_MODEL.evaluated_so_far(known_composite)
        if with_start or epoch != START
    ]


def kept_for_patience(path):
    """Return a training state that the next epoch reads, and then nobody unless runs may stop."""
    return temp(path) if LANGUAGE_MODEL.patience is None else path


def files_of_lengths(folder, name):
    """Return one file of each length that entity-coreference datasets are built for."""
    return [f"<results>/{folder}/{length}/{name}" for length in CORPUS.lengths]


def evaluation_set_files(suffix="parquet", folder="evaluation_sets"):
    """Return one file of each evaluation set."""
    return [
        f"<results>/language_model/{folder}/{name}.{suffix}"
        for name in LANGUAGE_MODEL.evaluation_sets()
    ]


def datasets_of_runs(name):
    """Return one file of each dataset that some run trains on."""
    return [
        f"<results>/corpus/{kind}/{length}/{name}" for kind, length in LANGUAGE_MODEL.datasets()
    ]


def heldout_file(name):
    """Return a file of the MLM dataset whose hold-out measures every run's loss."""
    return f"<results>/corpus/mlm/{LANGUAGE_MODEL.shortest_length() or CORPUS.lengths[0]}/{name}"


def events_of_run(run, model):
    """Return the folder of a run's TensorBoard events, below the results that hold its model."""
    return str(Path(str(model)).parents[4] / "events" / run)


def results_of(summary):
    """Return the results folder that holds a track's summary, as a target on the command line."""
    return Path(str(summary)).parents[2].as_posix()


def files_of_all_checkpoints(folder, name, with_start):
    """Return an input function: one file of each checkpoint of every run, in the plan's order."""
    return lambda wildcards: [
        f"<results>/language_model/{folder}/{run}/epoch-{epoch}/{name}"
        for run, epoch in LANGUAGE_MODEL.evaluated_so_far(known_composite)
        if with_start or epoch != START
    ]


def setting_of_run(name):
    """Return a function of the wildcards: a column of the run's row."""
    return lambda wildcards: LANGUAGE_MODEL.setting(wildcards.run, name)


def files_of_checkpoints(folder, name):
    """Return an input function: one file of each checkpoint of a run, its start left out."""
    return lambda wildcards: [
        f"<results>/language_model/{folder}/{wildcards.run}/epoch-{epoch}/{name}"
        for epoch in reached_epochs(wildcards.run)
    ]


def scores_of_parent(wildcards):
    """Return the item scores of the run that a run starts from, as far as it reached."""
    parent, _ = LANGUAGE_MODEL.parent(wildcards.run)
    return [
        f"<results>/language_model/evaluation/{parent}/epoch-{epoch}/items.parquet"
        for epoch in reached_epochs(parent)
    ]


def run_outputs(model):
    """Return what a training leaves, by name."""
    folder = f"{CLASSIFICATION_FOLDER}/runs/{model}/{{strategy}}/{{seed}}"
    return {
        "model": directory(f"{folder}/model"),
        "metrics": f"{folder}/metrics.json",
        "per_class": f"{folder}/per_class.tsv",
        "predictions": f"{folder}/predictions.parquet",
        "losses": f"{folder}/losses.parquet",
    }


def files_of_trainings(name):
    """Return one file of every training, in order of model, strategy and seed."""
    return [f"{folder}/{name}" for folder in CLASSIFICATION.runs()]


def logs_of_track(track):
    """Return the folder of a track's logs."""
    last = {
        "corpus": "summarize_corpus",
        "language_model": "summarize_language_model",
        "classification": "compare_strategies",
        "descriptors": "summarize_descriptors",
        "retrieval": "compare_methods",
    }[track]
    return Path(str(getattr(rules, last).log[0])).parents[1]


def ends_of_track(track):
    """Return what a track's last jobs make beside its summary: nothing else waits for them."""
    ends = {
        "classification": [
            *rules.weigh_classes.output,
            *(rules.score_audit.output if CLASSIFICATION.kind == "generated" else []),
            *(rules.train_unfiltered.output if "tfidf" in CLASSIFICATION.models() else []),
        ],
        "descriptors": [*rules.sweep_thresholds.output, *rules.assess_stability.output],
    }
    return ends.get(track, [])


def plans_of_tracks():
    """Return the plan of each track, false where it has nothing to do."""
    return {
        "corpus": CORPUS,
        "language_model": LANGUAGE_MODEL,
        "classification": CLASSIFICATION,
        "descriptors": DESCRIPTORS,
        "retrieval": RETRIEVAL,
    }


def reported_tracks():
    """Return the tracks that have something to report."""
    return [track for track, plan in plans_of_tracks().items() if plan]


def scores_over_costs(name):
    """Return an input function: a file of what a track's costs bought, where it trains and scores.

    Args:
        name: "table" or "figure".
    """
    stems = {"language_model": "training", "retrieval": "timings"}

    def file(wildcards):
        stem = stems.get(wildcards.track)
        if stem is None:
            return []
        return (
            f"<results>/costs/{stem}.tsv"
            if name == "table"
            else f"<results>/costs/figures/{stem}.svg"
        )

    return file


def note_plan():
    """Leave the names of all planned jobs beside the logs; `show_progress` counts by them."""
    if workflow.is_main_process:
        results = logs_of_track("corpus").parents[1]
        write_planned(results, {track: list(planned_jobs(track)) for track in reported_tracks()})


def note_config():
    """Leave the settings beside the logs, where the page's link finds them.

    A step that wrote them would be stale after every edit, and all pages with it.
    """
    if workflow.is_main_process:
        results = logs_of_track("corpus").parents[1]
        text = yaml.safe_dump(CONFIG, allow_unicode=True, sort_keys=False)
        write_text(results / "logs" / "config.yaml", text)


def require_writable_results():
    """End before the plan where results, or Snakemake's own records, cannot be written.

    A dry run writes neither.
    """
    if workflow.is_main_process and not workflow.output_settings.dryrun:
        try:
            require_room([Path(".snakemake"), logs_of_track("corpus").parents[1]])
        except ExpectedError as error:
            sys.exit(str(error))


def planned_jobs(track):
    """Return the wildcards of each job of a track by the name of its log below the track's logs."""
    plan = plans_of_tracks()[track]
    logs = logs_of_track(track)
    found = {}
    for step in workflow.rules:
        log = str(step.log[0]) if step.log else ""
        if log.startswith(f"{logs}/"):
            for wildcards in plan.jobs_of(step.name, step.wildcard_names):
                path = Path(apply_wildcards(log, wildcards))
                found[path.relative_to(logs).with_suffix("").as_posix()] = wildcards
    return found
