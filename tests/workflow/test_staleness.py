"""Only what is stale runs again: edits on a finished run, and the jobs that each makes stale.

The expected sets are written out here by hand. Names are "rule wildcards"; the tiny config has the
source demo (two shards, for both kinds of dataset) and the source notes (one shard, MLM only), and
three runs: text (mlm, length 256, two checkpoints), both (combined, length 512, one) and names
(entity_ft, length 256, one), which starts from text@best.
"""

import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.workflow.harness import copy_sources, snakemake, stale_jobs, succeeded

# ---- the jobs of the tiny run, by hand -----------------------------------------------------

FETCH = {"fetch_source demo", "fetch_source notes"}
SHARD = {"shard_source demo", "shard_source notes"}
DEDUPLICATE = {"deduplicate"}
SCORE = {"score_shard demo 000", "score_shard demo 001", "score_shard notes 000"}
FINGERPRINT = {
    "fingerprint_shard demo 000",
    "fingerprint_shard demo 001",
    "fingerprint_shard notes 000",
}
GROUP = {"group_near_duplicates"}
SPLIT = {"split_documents"}
TRAIN = {"train_tokenizer"}
FERTILITY = {"measure_fertility"}
SELECT_COREF = {"select_documents entity_coref_256", "select_documents entity_coref_512"}
SELECT_MLM = {"select_documents mlm"}
TOKENIZE = {"tokenize_shard demo 000", "tokenize_shard demo 001", "tokenize_shard notes 000"}
PAIR = {
    "pair_mentions 256 demo 000",
    "pair_mentions 256 demo 001",
    "pair_mentions 512 demo 000",
    "pair_mentions 512 demo 001",
}
CAP = {"cap_entities 256", "cap_entities 512"}
BUILD_COREF = {"build_entity_coref 256", "build_entity_coref 512"}
BUILD_MLM = {"build_mlm 256", "build_mlm 512"}
SUMMARIZE = {"summarize_corpus"}
PLOT = {"plot_corpus"}
PAGE = {"write_report"}

COSTS = {"summarize_costs corpus", "plot_costs corpus", "write_costs corpus"}

REPORT = PLOT | PAGE
FROM_SUMMARY = SUMMARIZE | REPORT | COSTS

BASE = {"prepare_base_model 256", "prepare_base_model 512"}
LAMBADA, GOLD = {"build_lambada"}, {"build_gold_coref"}
SETS = {"build_real_coref"} | LAMBADA | GOLD
SCREEN, CHECK = {"screen_items"}, {"check_contamination"}
TRAIN_TEXT = {"train_epoch text 0.5", "train_last_epoch text 1.0"}
TRAIN_BOTH, TRAIN_NAMES = {"train_last_epoch both 0.5"}, {"train_last_epoch names 0.5"}
EVALUATE_TEXT = {f"evaluate_checkpoint text {epoch}" for epoch in ("0.5", "1.0")}
EVALUATE_BOTH, EVALUATE_NAMES = {"evaluate_checkpoint both 0.5"}, {"evaluate_checkpoint names 0.5"}
STARTS = {"evaluate_checkpoint text 0.0", "evaluate_checkpoint both 0.0"}
START_OF_NAMES = {"evaluate_checkpoint names 0.0"}
SCORE_BASELINES = {"score_baselines"}
MODEL_TABLES = {"summarize_language_model"}
TRAINING_COSTS = {"plot_training_costs"}
MODEL_COSTS = {
    "summarize_costs language_model",
    "plot_costs language_model",
    "write_costs language_model",
    *TRAINING_COSTS,
}
WRITE_COSTS = {
    *("write_costs corpus", "write_costs language_model"),
    *("write_costs classification", "write_costs descriptors", "write_costs retrieval"),
}
MODEL_REPORT = {"plot_language_model", "write_language_model"} | PAGE

FROM_MODEL_TABLES = MODEL_TABLES | MODEL_COSTS | MODEL_REPORT
FROM_SELECT_NAMES = {"select_checkpoint names"} | FROM_MODEL_TABLES
FROM_TRAIN_NAMES = TRAIN_NAMES | EVALUATE_NAMES | FROM_SELECT_NAMES
# What starts from a chosen checkpoint follows the choice.
FROM_SELECT_TEXT = {"select_checkpoint text"} | START_OF_NAMES | FROM_TRAIN_NAMES
FROM_TRAIN_TEXT = TRAIN_TEXT | EVALUATE_TEXT | FROM_SELECT_TEXT
FROM_TRAIN_BOTH = TRAIN_BOTH | EVALUATE_BOTH | {"select_checkpoint both"} | FROM_MODEL_TABLES
FROM_SELECTIONS = {"select_checkpoint both"} | FROM_SELECT_TEXT
FROM_EVALUATE = (
    EVALUATE_TEXT | EVALUATE_BOTH | STARTS | {"select_checkpoint both"} | FROM_SELECT_TEXT
)
FROM_CHECK = CHECK | FROM_EVALUATE
FROM_SCREEN = SCREEN | FROM_CHECK | SCORE_BASELINES
FROM_SETS = SETS | FROM_SCREEN
FROM_BASE = BASE | STARTS | FROM_TRAIN_TEXT | FROM_TRAIN_BOTH
EVERY_MODEL = FROM_BASE | FROM_SETS

# A dataset that changes is trained on again; its models and the check of the sets follow.
FROM_COREF_DATASETS = FROM_TRAIN_BOTH | FROM_TRAIN_NAMES | FROM_CHECK
FROM_MLM_DATASETS = FROM_TRAIN_TEXT | FROM_TRAIN_BOTH | FROM_CHECK
FROM_BUILD_COREF = BUILD_COREF | FROM_SUMMARY | FROM_COREF_DATASETS
FROM_BUILD_MLM = BUILD_MLM | FROM_SUMMARY | FROM_MLM_DATASETS
FROM_CAP = CAP | SETS | FROM_SETS | FROM_BUILD_COREF
FROM_PAIR = PAIR | FROM_CAP
FROM_TOKENIZE = TOKENIZE | FROM_PAIR | FROM_BUILD_MLM
FROM_SELECT_COREF = SELECT_COREF | FROM_TOKENIZE
FROM_FERTILITY = FERTILITY | FROM_SELECT_COREF
FROM_TRAIN = TRAIN | FROM_FERTILITY | EVERY_MODEL
FROM_SPLIT = SPLIT | SELECT_MLM | FROM_TRAIN
FROM_GROUP = GROUP | FROM_SPLIT
FROM_FINGERPRINT = FINGERPRINT | FROM_GROUP
FROM_SCORE = SCORE | SELECT_MLM | FROM_SELECT_COREF
FROM_DEDUPLICATE = DEDUPLICATE | FROM_FINGERPRINT | FROM_SCORE
EVERYTHING = FETCH | SHARD | FROM_DEDUPLICATE | EVERY_MODEL
ALL_BUT_NOTES = EVERYTHING - {"fetch_source notes", "shard_source notes"}

COMPUTE = {"compute_descriptors 000", "compute_descriptors 001"}
SWEEP, STABILITY = {"sweep_thresholds"}, {"assess_stability"}
DESCRIPTOR_COSTS = {
    "summarize_costs descriptors",
    "plot_costs descriptors",
    "write_costs descriptors",
}
FROM_DESCRIPTOR_TABLES = {"summarize_descriptors", "plot_descriptors"} | PAGE | DESCRIPTOR_COSTS
FROM_TRACE = {"trace_clusters"} | STABILITY | FROM_DESCRIPTOR_TABLES
FROM_DEPENDENT = {"cluster_dependent"} | SWEEP | FROM_TRACE
FROM_DEPENDENCE = {"measure_dependence"} | FROM_DEPENDENT
FROM_COLLINEAR = {"eliminate_collinear"} | FROM_DEPENDENCE
FROM_CORRELATED = {"cluster_correlated"} | FROM_COLLINEAR
FROM_CORRELATION = {"correlate_descriptors"} | FROM_CORRELATED
FROM_VARIANCE = {"filter_variance"} | FROM_CORRELATION
FROM_DESCRIBE = {"describe_table"} | FROM_VARIANCE
FROM_COMPUTE = COMPUTE | FROM_DESCRIBE
FROM_MOLECULES = {"shard_molecules"} | FROM_COMPUTE
EVERY_DESCRIPTOR = {"enumerate_library"} | FROM_MOLECULES

TRAIN_LINEAR = {"train_linear none 1", "train_linear sampler 1"}
TRAIN_ENCODER = {"train_transformer none 1"}
CLASSIFICATION_COSTS = {
    "summarize_costs classification",
    "plot_costs classification",
    "write_costs classification",
}
FROM_COMPARE = {"compare_strategies", "plot_classification"} | PAGE | CLASSIFICATION_COSTS
UNFILTERED = {"train_unfiltered"} | PAGE | CLASSIFICATION_COSTS
FROM_LINEAR = TRAIN_LINEAR | FROM_COMPARE
FROM_TRAINING = TRAIN_ENCODER | FROM_LINEAR
FROM_FEATURES = {"prepare_features"} | FROM_LINEAR
FROM_ENCODER = {"prepare_transformer"} | TRAIN_ENCODER | FROM_COMPARE
FROM_AUDIT = {"audit_labels", "score_audit"} | FROM_COMPARE
FROM_SERIALIZE = {"serialize_dataset"} | FROM_FEATURES | FROM_ENCODER
FROM_SPLIT_ROWS = {"split_rows", "weigh_classes"} | FROM_SERIALIZE | FROM_AUDIT | UNFILTERED
FROM_NOISE = {"find_label_noise"} | FROM_AUDIT
FROM_FILTER = {"filter_classes"} | FROM_SPLIT_ROWS | FROM_NOISE
FROM_READ_ROWS = {"read_rows"} | FROM_FILTER
EVERY_CLASS = {"generate_rows"} | FROM_READ_ROWS

# Methods cluster (trained), frozen and bm25, one seed each, through sessions 0 and 1.
RETRIEVAL_COSTS = {
    *("summarize_costs retrieval", "plot_costs retrieval", "write_costs retrieval"),
    "plot_retrieval_costs",
}
FROM_METHODS = {"compare_methods", "plot_retrieval"} | PAGE | RETRIEVAL_COSTS
FROM_BM25 = {"evaluate_bm25 bm25 1 0", "evaluate_bm25 bm25 1 1"} | FROM_METHODS
ACCUMULATE = {
    f"evaluate_accumulated {stream} {session}"
    for stream in ("cluster 1", "frozen 1")
    for session in (0, 1)
}
EVALUATE_CLUSTER = {f"evaluate_session cluster 1 {t} {test}" for t in (0, 1) for test in (0, 1)}
EVALUATE_FROZEN = {"evaluate_session frozen 1 0 0", "evaluate_session frozen 1 1 1"}
FROM_EVALUATION = EVALUATE_CLUSTER | EVALUATE_FROZEN | ACCUMULATE | FROM_METHODS
# A model of the first session is searched on both, the memory of the second follows from it.
FROM_CLUSTER_MODELS = (
    {"update_memory cluster 1 1", "train_encoder cluster 1 0", "train_encoder cluster 1 1"}
    | EVALUATE_CLUSTER
    | {"evaluate_accumulated cluster 1 0", "evaluate_accumulated cluster 1 1"}
    | FROM_METHODS
)
FROM_MEMORY = {"update_memory cluster 1 0"} | FROM_CLUSTER_MODELS
FROM_BASE_ENCODER = {"prepare_encoder"} | FROM_MEMORY | EVALUATE_FROZEN | ACCUMULATE
FROM_SESSIONS = (
    {"build_session 0", "build_session 1", "summarize_sessions"} | FROM_BASE_ENCODER | FROM_BM25
)
EVERY_SESSION = {"generate_session 0", "generate_session 1"} | FROM_SESSIONS

CONFIG_EDITS: dict[str, tuple[str, Any, set[str]]] = {
    "another seed": (
        "seed",
        43,
        ALL_BUT_NOTES | EVERY_CLASS | EVERY_DESCRIPTOR | EVERY_SESSION,
    ),
    "more articles": ("corpus.demo_articles", 241, ALL_BUT_NOTES),
    "batches bound memory only": ("corpus.batch_documents", 77, set()),
    "chunks bound waiting only": ("corpus.chunk_documents", 77, set()),
    "workers bound time only": ("corpus.workers", 1, set()),
    "a third length": (
        "corpus.lengths",
        [256, 512, 640],
        FROM_FERTILITY
        | {
            "select_documents entity_coref_640",
            "pair_mentions 640 demo 000",
            "pair_mentions 640 demo 001",
            "cap_entities 640",
            "build_entity_coref 640",
            "build_mlm 640",
        },
    ),
    "larger vocabulary": ("corpus.tokenizer.vocabulary", 1600, FROM_TRAIN),
    "fewer training documents": ("corpus.tokenizer.training_documents", 50, FROM_TRAIN),
    "smaller fertility sample": ("corpus.fertility_documents", 50, FROM_FERTILITY),
    "lower analysis floor": ("corpus.analysis.min_characters", 700, FROM_SCORE),
    "higher analysis ceiling": (
        "corpus.analysis.max_characters",
        7000,
        FERTILITY | FROM_SCORE,
    ),
    "floor of sentence marks": ("corpus.analysis.min_sentence_marks", 2, FROM_SCORE),
    "analyser may fail more": ("corpus.analysis.max_failed_share", 0.01, FROM_SCORE),
    "near-duplicates more alike": ("corpus.near_duplicates.min_jaccard", 0.9, FROM_GROUP),
    "longer shingles": ("corpus.near_duplicates.shingle_characters", 6, FROM_FINGERPRINT),
    "more bands": ("corpus.near_duplicates.bands", 24, FROM_FINGERPRINT),
    "larger test split": ("corpus.split.test", 0.1, FROM_SPLIT),
    "tighter NNP ratio": ("corpus.entity_coref.min_nnp_ratio", 0.06, FROM_SELECT_COREF),
    "more characters needed": ("corpus.entity_coref.min_characters", 900, FROM_SELECT_COREF),
    "fewer characters needed than the floor": (
        "corpus.entity_coref.min_characters",
        700,
        FROM_SCORE,
    ),
    "a pronoun limit": ("corpus.entity_coref.max_pronouns", 0, FROM_SELECT_COREF),
    "near-duplicates stay": (
        "corpus.entity_coref.drop_near_duplicates",
        False,
        FROM_SELECT_COREF,
    ),
    "a lower character ceiling": ("corpus.entity_coref.max_characters", 2400, FROM_FERTILITY),
    "longer entities": ("corpus.entity_coref.min_syllables", 3, FROM_PAIR),
    "more mentions": ("corpus.entity_coref.max_mentions", 5, FROM_PAIR),
    "longer distances": ("corpus.entity_coref.min_distance", 20, FROM_PAIR),
    "shorter distances": ("corpus.entity_coref.max_distance", 1000, FROM_PAIR),
    "shortened names merged": ("corpus.entity_coref.merge_substrings", True, FROM_PAIR),
    "a stop list": ("corpus.entity_coref.stop_list", "tests/config/stop_list.txt", FROM_PAIR),
    "rare entities dropped": ("corpus.entity_coref.min_entity_freq", 2, FROM_CAP),
    "a higher entity cap": ("corpus.entity_coref.max_entity_freq", 6, FROM_CAP),
    "longer MLM documents": (
        "corpus.mlm.min_characters",
        30,
        SELECT_MLM | FROM_TOKENIZE,
    ),
    "one document a row": ("corpus.mlm.packing", "one_per_row", FROM_BUILD_MLM),
    "wider base model": ("language_model.base_model.hidden_size", 48, FROM_BASE),
    "activations computed anew": (
        "language_model.gradient_checkpointing",
        True,
        FROM_TRAIN_TEXT | FROM_TRAIN_BOTH,
    ),
    "saves bound losses only": ("language_model.save_steps", 7, set()),
    "fewer items": (
        "language_model.evaluation.items",
        30,
        {"build_real_coref"} | FROM_SCREEN,
    ),
    "fewer blanks": (
        "language_model.evaluation.lambada.items",
        10,
        LAMBADA | FROM_SCREEN,
    ),
    "fewer gold items": (
        "language_model.evaluation.gold.items",
        10,
        GOLD | FROM_SCREEN,
    ),
    "fewer gold items of a novel": (
        "language_model.evaluation.gold.items_per_document",
        5,
        GOLD | FROM_SCREEN,
    ),
    "stricter check of the sets": (
        "language_model.evaluation.contamination_share",
        0.78,
        FROM_SCREEN,
    ),
    "more candidates": ("language_model.evaluation.top_candidates", 30, FROM_EVALUATE),
    "other held-out masks": ("language_model.evaluation.heldout_mask_rate", 0.2, FROM_EVALUATE),
    "passes bound memory only": ("language_model.evaluation.batch_tokens", 2048, set()),
    "more resamples": ("language_model.evaluation.bootstrap", 300, FROM_SELECTIONS),
    "other weights": (
        "language_model.evaluation.weights",
        {"real_1": 0.5, "real_5": 0.25, "lambada_1": 0.25},
        FROM_SELECTIONS,
    ),
    "a higher target": ("language_model.evaluation.targets.real_1", 0.7, FROM_MODEL_TABLES),
    "advice to stop early": ("language_model.evaluation.patience", 2, FROM_MODEL_TABLES),
    # No run of this table has a planned checkpoint that any patience could leave out.
    "early stopping": ("language_model.patience", 1, FROM_MODEL_TABLES),
    "smaller files": (
        "corpus.rows_per_file",
        100,
        FROM_BUILD_COREF | FROM_BUILD_MLM,
    ),
    "more rows": ("classification.generated.rows", 901, EVERY_CLASS),
    "copies are dropped": ("classification.duplicates", "drop", FROM_READ_ROWS),
    "a lower threshold": ("classification.min_samples_per_class", 9, FROM_FILTER),
    "a larger test split": ("classification.test_size", 0.3, FROM_SPLIT_ROWS),
    "more folds": ("classification.noise_folds", 3, FROM_NOISE),
    "longer n-grams": ("classification.tfidf.ngram_max", 4, FROM_FEATURES | UNFILTERED),
    "more epochs of the baseline": (
        "classification.tfidf.epochs",
        4,
        FROM_LINEAR | UNFILTERED,
    ),
    "more epochs of the encoder": (
        "classification.transformer.epochs",
        2,
        TRAIN_ENCODER | FROM_COMPARE,
    ),
    "saves bound waiting only, of classifiers too": (
        "classification.transformer.save_steps",
        7,
        set(),
    ),
    "more draws": ("classification.evaluation.bootstrap", 201, FROM_COMPARE),
    "another seed of training": (
        "classification.training_seeds",
        [1, 2],
        {"train_linear none 2", "train_linear sampler 2", "train_transformer none 2"}
        | FROM_COMPARE,
    ),
    "more molecules": ("descriptors.library.molecules", 121, EVERY_DESCRIPTOR),
    "more patience with a molecule": ("descriptors.molecules.timeout_s", 90, FROM_COMPUTE),
    "processes bound time only": ("descriptors.molecules.workers", 2, set()),
    "blocks of columns bound memory only": ("descriptors.memory_mb", 1000, set()),
    "a column that is dropped": (
        "descriptors.columns.force_drop",
        ["rdkit.MolWt"],
        FROM_DESCRIBE,
    ),
    "fewer missing values": ("descriptors.statistics.max_missing_ratio", 0.3, FROM_VARIANCE),
    "a looser link": ("descriptors.spearman.threshold", 0.9, FROM_CORRELATION),
    "another clustering": ("descriptors.clustering.method", "leiden", FROM_CORRELATED),
    "preferred descriptors": ("descriptors.columns.prefer", ["rdkit.TPSA"], FROM_CORRELATED),
    "a stricter VIF": ("descriptors.vif.threshold", 5, FROM_COLLINEAR),
    "more permutations": ("descriptors.nonlinear.permutations", 400, FROM_DEPENDENCE),
    "a looser RDC": ("descriptors.nonlinear.rdc_threshold", 0.8, FROM_DEPENDENT),
    "RDC without an explanation": ("descriptors.nonlinear.min_explained", 0.0, FROM_DEPENDENT),
    "more bootstraps": (
        "descriptors.stability.bootstraps",
        3,
        STABILITY | {"plot_descriptors"} | PAGE | DESCRIPTOR_COSTS,
    ),
    "more documents": ("retrieval.generated.documents", 25, EVERY_SESSION),
    "more test queries": ("retrieval.test_share", 0.4, FROM_SESSIONS),
    "a wider encoder": ("retrieval.encoder.dimension", 9, FROM_BASE_ENCODER),
    "a smaller memory": ("retrieval.memory_docs", 11, FROM_MEMORY),
    "fewer hyperplanes": ("retrieval.clusters.bits", 5, FROM_MEMORY),
    "fewer negatives": ("retrieval.sampling.negatives", 3, FROM_MEMORY),
    "more steps": ("retrieval.training.steps", 3, FROM_CLUSTER_MODELS),
    "deeper rankings": ("retrieval.evaluation.depth", 101, FROM_EVALUATION | FROM_BM25),
    "other terms": ("retrieval.evaluation.bm25_tokens", "words", FROM_BM25),
    "more draws of queries": ("retrieval.evaluation.bootstrap", 201, FROM_METHODS),
    "another reference": ("retrieval.reference", "frozen", FROM_METHODS),
    "a search less": (
        "retrieval.evaluation.modes",
        ["full", "stored"],
        EVALUATE_CLUSTER
        | {"evaluate_accumulated cluster 1 0", "evaluate_accumulated cluster 1 1"}
        | FROM_METHODS,
    ),
    # Nothing of the sessions before it.
    "a further session": (
        "retrieval.generated.sessions",
        3,
        {"generate_session 2", "build_session 2", "summarize_sessions"}
        | {"update_memory cluster 1 2", "train_encoder cluster 1 2"}
        | {f"evaluate_session cluster 1 {place}" for place in ("1 2", "2 0", "2 1", "2 2")}
        | {"evaluate_session frozen 1 2 2", "evaluate_bm25 bm25 1 2"}
        | {"evaluate_accumulated cluster 1 2", "evaluate_accumulated frozen 1 2"}
        | FROM_METHODS,
    ),
    "another seed of a stream": (
        "retrieval.training_seeds",
        [1, 2],
        {f"{job.replace('cluster 1', 'cluster 2')}" for job in FROM_MEMORY},
    ),
}

TABLE_EDITS: dict[str, tuple[str, str, str, set[str]]] = {
    "a licence": (
        "notes",
        "licence",
        "CC0",
        FROM_BUILD_MLM,
    ),
    "another text field": (
        "notes",
        "text_fields",
        "body",
        EVERYTHING - FETCH - {"shard_source demo"},
    ),
    "more shards": (
        "notes",
        "shards",
        "2",
        (EVERYTHING - FETCH - {"shard_source demo"})
        | {"score_shard notes 001", "fingerprint_shard notes 001", "tokenize_shard notes 001"},
    ),
    "a source's own batches": ("demo", "batch_documents", "77", set()),
    "a source's own chunks": ("demo", "chunk_documents", "7", set()),
    "a source's own workers": ("demo", "workers", "1", set()),
    "shorter notes": ("notes", "max_characters", "40", SELECT_MLM | FROM_TOKENIZE),
}

RUN_EDITS: dict[str, tuple[str, str, str, set[str]]] = {
    "a learning rate": ("text", "lr", "2e-3", FROM_TRAIN_TEXT),
    # Its value, yes, stands in the row twice more: Snakemake's own comparison would not see it.
    "whole words": ("names", "whole_word", "yes", FROM_TRAIN_NAMES),
    "a child's learning rate": ("names", "lr", "2e-3", FROM_TRAIN_NAMES),
    "a mixture": ("both", "entity_share", "0.25", FROM_TRAIN_BOTH),
    "no supervision": ("names", "entity_supervision", "no", FROM_TRAIN_NAMES),
    "further epochs of a child": (
        "names",
        "epochs",
        "1",
        {"train_last_epoch names 1.0", "evaluate_checkpoint names 1.0"} | FROM_SELECT_NAMES,
    ),
    "further epochs of a parent": (
        "text",
        "epochs",
        "1.5",
        {"train_last_epoch text 1.5", "evaluate_checkpoint text 1.5"} | FROM_SELECT_TEXT,
    ),
    "a longer schedule": ("both", "schedule_epochs", "2", FROM_TRAIN_BOTH),
}

CODE_EDITS: dict[str, tuple[str, set[str]]] = {
    "a step": ("scripts/corpus/cap_entities.py", FROM_CAP),
    "a late step": ("scripts/corpus/build_mlm.py", FROM_BUILD_MLM),
    "a helper of one step": ("scripts/common/normalize.py", (EVERYTHING - FETCH) | FROM_SESSIONS),
    "the stop list's reader": ("scripts/corpus/stop_list.py", FROM_PAIR),
    "limits of samples": ("scripts/corpus/sample_limits.py", FROM_BUILD_COREF),
    "maps to raw offsets": (
        "scripts/common/offset_map.py",
        GOLD | FROM_SCREEN,
    ),
    "the order of rows": (
        "scripts/language_model/batches.py",
        FROM_TRAIN_TEXT | FROM_TRAIN_BOTH,
    ),
    "intervals": ("scripts/language_model/bootstrap.py", FROM_SELECTIONS),
    "strict scores": ("scripts/language_model/strict_scores.py", FROM_EVALUATE),
    "verdicts": ("scripts/language_model/run_verdicts.py", FROM_MODEL_TABLES),
    "progress of training": ("scripts/language_model/training_progress.py", set()),
    "the plan of the runs": ("scripts/language_model/plan.py", set()),
    "figures of the runs": (
        "scripts/report/language_model_figures.py",
        {"plot_language_model", "write_language_model"} | TRAINING_COSTS | PAGE | WRITE_COSTS,
    ),
    "a helper of two steps": ("scripts/common/splice.py", FROM_PAIR),
    "a helper behind a helper": ("scripts/common/analysis.py", FROM_SCORE | FROM_BM25),
    "packing": ("scripts/corpus/packing.py", FROM_BUILD_MLM),
    "an import inside a function": ("scripts/corpus/demo_articles.py", EVERYTHING),
    "figures": ("scripts/report/corpus_figures.py", REPORT),
    "the page": (
        "scripts/report/page.py",
        PAGE | WRITE_COSTS | {"write_language_model"},
    ),
    "the table of costs": (
        "scripts/report/summarize_costs.py",
        COSTS | MODEL_COSTS | CLASSIFICATION_COSTS | DESCRIPTOR_COSTS | RETRIEVAL_COSTS,
    ),
    "losses of classes": ("scripts/classification/losses.py", FROM_TRAINING | UNFILTERED),
    "splits of classes": ("scripts/classification/stratified_split.py", FROM_SPLIT_ROWS),
    "the plan of the classes": ("scripts/classification/plan.py", set()),
    "mid-ranks": ("scripts/descriptors/ranks.py", FROM_CORRELATION),
    "variance inflation": ("scripts/descriptors/vif.py", FROM_COLLINEAR),
    "isolated calls": ("scripts/descriptors/isolated.py", FROM_MOLECULES),
    "the plan of the descriptors": ("scripts/descriptors/plan.py", set()),
    "eviction": ("scripts/retrieval/eviction.py", FROM_MEMORY),
    "the contrastive loss": ("scripts/retrieval/contrastive.py", FROM_CLUSTER_MODELS),
    "measures of retrieval": ("scripts/retrieval/measures.py", FROM_EVALUATION | FROM_BM25),
    "transfer": ("scripts/retrieval/transfer.py", FROM_METHODS),
    "the plan of the sessions": ("scripts/retrieval/plan.py", set()),
    "what checks cost": ("scripts/corpus/filter_costs.py", FROM_SUMMARY),
    "logging": ("scripts/common/logs.py", set()),
    "progress": ("scripts/common/progress.py", set()),
    "the plan of the rules": ("scripts/corpus/plan.py", set()),
}

UPGRADES: dict[str, set[str]] = {
    "kiwipiepy": FROM_SCORE | FROM_BM25,
    "kiwipiepy_model": FROM_SCORE | FROM_BM25,
    "rensa": FROM_FINGERPRINT,
    "tokenizers": FROM_TRAIN | FROM_ENCODER,
    "datasets": FROM_BUILD_COREF | FROM_BUILD_MLM | FROM_SERIALIZE,
    "matplotlib": REPORT
    | {"plot_language_model", "plot_costs corpus", "plot_costs language_model"}
    | {"plot_classification", "plot_costs classification"}
    | {"plot_descriptors", "plot_costs descriptors"}
    | {"plot_retrieval", "plot_costs retrieval", "plot_retrieval_costs"}
    | TRAINING_COSTS
    | WRITE_COSTS,
    "jinja2": PAGE | WRITE_COSTS,
    "torch": FROM_BASE
    | FROM_EVALUATE
    | FROM_CORRELATION
    | FROM_LINEAR
    | FROM_ENCODER
    | UNFILTERED
    | FROM_CLUSTER_MODELS,
    "scikit-learn": FROM_NOISE | FROM_FEATURES | UNFILTERED | FROM_MEMORY,
    "imbalanced-learn": FROM_TRAINING | UNFILTERED,
    "rdkit": EVERY_DESCRIPTOR,
    "leidenalg": FROM_CORRELATED,
    "faiss-cpu": FROM_EVALUATION,
    "ir-measures": FROM_EVALUATION | FROM_BM25,
    "bm25s": FROM_BM25,
    "accelerate": FROM_TRAIN_TEXT | FROM_TRAIN_BOTH | TRAIN_ENCODER | FROM_COMPARE,
    "pandas": set(),
}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture
def sources(pristine: Path, tmp_path: Path) -> Path:
    """A copy of the sources that a test may edit."""
    shutil.copytree(pristine, tmp_path / "sources")
    return tmp_path / "sources"


def stale(sources: Path, finished_run: Path, upgraded: dict[str, str] | None = None) -> set[str]:
    return stale_jobs(sources, finished_run, sources / "tests/config/tiny.yaml", upgraded)


def test_a_second_run_does_nothing(finished_run: Path) -> None:
    result = succeeded(snakemake("--configfile", "tests/config/tiny.yaml", directory=finished_run))
    assert "Nothing to be done" in result.stdout + result.stderr


def test_a_fresh_dry_run_lists_every_job(sources: Path, tmp_path: Path) -> None:
    assert stale(sources, tmp_path) == EVERYTHING | EVERY_CLASS | EVERY_DESCRIPTOR | EVERY_SESSION


def test_nothing_is_stale_after_a_run(sources: Path, finished_run: Path) -> None:
    assert stale(sources, finished_run) == set()


def test_the_command_line_agrees_with_the_harness(finished_run: Path, tmp_path: Path) -> None:
    config = tmp_path / "edited.yaml"
    config.write_text("corpus: {entity_coref: {max_entity_freq: 6}}\n")
    result = succeeded(
        snakemake(
            *("--dry-run", "--configfile", "tests/config/tiny.yaml", str(config)),
            directory=finished_run,
        )
    )
    counts = dict(re.findall(r"^(\w+) +(\d+)$", result.stdout + result.stderr, re.MULTILINE))
    counts.pop("total")
    counts.pop("all")
    expected = Counter(job.split()[0] for job in FROM_CAP)
    assert {rule: int(number) for rule, number in counts.items()} == expected


@pytest.mark.parametrize("edit", CONFIG_EDITS)
def test_a_config_edit_makes_exactly_these_jobs_stale(
    edit: str, sources: Path, finished_run: Path
) -> None:
    key, value, expected = CONFIG_EDITS[edit]
    path = sources / "tests/config/tiny.yaml"
    config = yaml.safe_load(path.read_text())
    *parents, last = key.split(".")
    section = config
    for parent in parents:
        section = section.setdefault(parent, {})
    section[last] = value
    path.write_text(yaml.safe_dump(config))
    assert stale(sources, finished_run) == expected


@pytest.mark.parametrize("edit", TABLE_EDITS)
def test_an_edit_of_the_sources_table_makes_exactly_these_jobs_stale(
    edit: str, sources: Path, finished_run: Path
) -> None:
    source, column, value, expected = TABLE_EDITS[edit]
    edit_table("sources_tiny.tsv", edit, source, column, value, sources, finished_run)
    assert stale(sources, finished_run) == expected


@pytest.mark.parametrize("edit", RUN_EDITS)
def test_an_edit_of_the_runs_table_makes_exactly_these_jobs_stale(
    edit: str, sources: Path, finished_run: Path
) -> None:
    run, column, value, expected = RUN_EDITS[edit]
    edit_table("runs_tiny.tsv", edit, run, column, value, sources, finished_run)
    assert stale(sources, finished_run) == expected


def edit_table(
    table: str, edit: str, row: str, column: str, value: str, sources: Path, finished_run: Path
) -> None:
    """Let the config name a copy of a table, beside it, with one cell changed."""
    header, *lines = (finished_run / "tests/config" / table).read_text().splitlines()
    columns = header.split("\t")
    if column not in columns:
        columns.append(column)
        lines = [f"{line}\t" for line in lines]
    rows = [line.split("\t") for line in lines]
    for cells in rows:
        if cells[0] == row:
            cells[columns.index(column)] = value
    name = re.sub(r"\W", "_", edit) + ".tsv"
    text = "\n".join("\t".join(cells) for cells in [columns, *rows]) + "\n"
    (finished_run / "tests/config" / name).write_text(text)
    config = sources / "tests/config/tiny.yaml"
    config.write_text(config.read_text().replace(table, name))


@pytest.mark.parametrize("edit", CODE_EDITS)
def test_a_logic_edit_makes_exactly_these_jobs_stale(
    edit: str, sources: Path, finished_run: Path
) -> None:
    name, expected = CODE_EDITS[edit]
    path = sources / name
    path.write_text(path.read_text() + "\n\n_EDITED = 1 + 1\n")
    assert stale(sources, finished_run) == expected


@pytest.mark.parametrize("edit", ["touch", "comment", "docstring", "blank lines"])
def test_touching_every_script_makes_nothing_stale(
    edit: str, sources: Path, finished_run: Path
) -> None:
    for path in sorted((sources / "scripts").rglob("*.py")):
        text = path.read_text()
        if edit == "comment":
            text = f"# A remark.\n{text}# And another one.\n"
        elif edit == "docstring" and text.startswith('"""'):
            text = f'"""Other words.{text[3:]}'
        elif edit == "blank lines":
            text = text.replace("\n\n\n", "\n\n\n\n")
        path.write_text(text)
    assert stale(sources, finished_run) == set()


@pytest.mark.parametrize("package", UPGRADES)
def test_an_upgrade_makes_exactly_its_users_stale(
    package: str, sources: Path, finished_run: Path
) -> None:
    assert stale(sources, finished_run, {package: "99.0"}) == UPGRADES[package]


def test_a_template_edit_makes_the_page_stale(sources: Path, finished_run: Path) -> None:
    template = next((sources / "scripts/report/templates").glob("*.j2"))
    template.write_text(template.read_text() + "<!-- edited -->")
    assert stale(sources, finished_run) == PAGE | WRITE_COSTS


def test_an_edited_local_file_makes_its_source_stale(
    sources: Path, finished_run: Path, tmp_path: Path
) -> None:
    edited = shutil.copytree(finished_run, tmp_path / "finished")
    assert stale(sources, edited) == set()
    with (edited / "tests/config/notes.csv").open("a", encoding="utf-8") as notes:
        notes.write('새 글,"새로 쓴 글이 하나 더 있습니다. 그래서 다시 셉니다."\n')
    assert stale(sources, edited) == EVERYTHING - {"fetch_source demo", "shard_source demo"}


def test_an_edited_stop_list_makes_pairing_stale(
    sources: Path, finished_run: Path, tmp_path: Path
) -> None:
    edited = shutil.copytree(finished_run, tmp_path / "finished")
    config = sources / "tests/config/tiny.yaml"
    values = yaml.safe_load(config.read_text())
    values["corpus"]["entity_coref"]["stop_list"] = "tests/config/stop_list.txt"
    config.write_text(yaml.safe_dump(values))
    # As if the results had been made with the list.
    succeeded(snakemake("--touch", "--configfile", str(config), directory=edited))
    assert stale(sources, edited) == set()
    with (edited / "tests/config/stop_list.txt").open("a", encoding="utf-8") as names:
        names.write("부산\n")
    assert stale(sources, edited) == FROM_PAIR


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "gone.txt",
            'config key corpus.entity_coref.stop_list = "gone.txt" is no file, neither in',
        ),
        ("empty.txt", "stop list empty.txt line 1 is empty; write an entity"),
    ],
)
def test_a_bad_stop_list_ends_the_plan_in_one_line(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    (tmp_path / "my.yaml").write_text(f"corpus: {{entity_coref: {{stop_list: {name}}}}}\n")
    result = snakemake("--dry-run", "--configfile", str(tmp_path / "my.yaml"), directory=tmp_path)
    assert result.returncode != 0
    lines = [line for line in result.stderr.splitlines() if "stop" in line]
    assert len(lines) == 1 and lines[0].startswith(message)
    assert "Traceback" not in result.stderr
