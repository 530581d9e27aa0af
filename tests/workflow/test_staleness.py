"""Only what is stale runs again: edits on a finished run, and the jobs that each makes stale.

The expected sets are written out here by hand. Names are "rule wildcards"; the tiny config has the
source demo (two shards, for both kinds of dataset) and the source notes (one shard, MLM only).
"""

import re
import shutil
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

COSTS = {"summarize_costs", "plot_costs", "write_costs"}

REPORT = PLOT | PAGE
FROM_SUMMARY = SUMMARIZE | REPORT | COSTS
FROM_CAP = CAP | BUILD_COREF | FROM_SUMMARY
FROM_PAIR = PAIR | FROM_CAP
FROM_TOKENIZE = TOKENIZE | FROM_PAIR | BUILD_MLM
FROM_SELECT_COREF = SELECT_COREF | FROM_TOKENIZE
FROM_FERTILITY = FERTILITY | FROM_SELECT_COREF
FROM_TRAIN = TRAIN | FROM_FERTILITY
FROM_SPLIT = SPLIT | SELECT_MLM | FROM_TRAIN
FROM_GROUP = GROUP | FROM_SPLIT
FROM_FINGERPRINT = FINGERPRINT | FROM_GROUP
FROM_SCORE = SCORE | SELECT_MLM | FROM_SELECT_COREF
FROM_DEDUPLICATE = DEDUPLICATE | FROM_FINGERPRINT | FROM_SCORE
EVERYTHING = FETCH | SHARD | FROM_DEDUPLICATE
ALL_BUT_NOTES = EVERYTHING - {"fetch_source notes", "shard_source notes"}

CONFIG_EDITS: dict[str, tuple[str, Any, set[str]]] = {
    "another seed": (
        "seed",
        43,
        ALL_BUT_NOTES,
    ),
    "more articles": ("corpus.demo_articles", 241, ALL_BUT_NOTES),
    "batches bound memory only": ("corpus.batch_documents", 77, set()),
    "chunks bound waiting only": ("corpus.chunk_documents", 77, set()),
    "workers bound time only": ("corpus.workers", 1, set()),
    "another second length": (
        "corpus.lengths",
        [256, 640],
        {
            "measure_fertility",
            "select_documents entity_coref_256",
            "select_documents entity_coref_640",
            *TOKENIZE,
            "pair_mentions 256 demo 000",
            "pair_mentions 256 demo 001",
            "pair_mentions 640 demo 000",
            "pair_mentions 640 demo 001",
            "cap_entities 256",
            "cap_entities 640",
            "build_entity_coref 256",
            "build_entity_coref 640",
            "build_mlm 256",
            "build_mlm 640",
            *FROM_SUMMARY,
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
    "one document a row": ("corpus.mlm.packing", "one_per_row", BUILD_MLM | FROM_SUMMARY),
    "smaller files": (
        "corpus.rows_per_file",
        100,
        BUILD_COREF | BUILD_MLM | FROM_SUMMARY,
    ),
}

TABLE_EDITS: dict[str, tuple[str, str, str, set[str]]] = {
    "a licence": (
        "notes",
        "licence",
        "CC0",
        BUILD_MLM | FROM_SUMMARY,
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

CODE_EDITS: dict[str, tuple[str, set[str]]] = {
    "a step": ("scripts/corpus/cap_entities.py", FROM_CAP),
    "a late step": ("scripts/corpus/build_mlm.py", BUILD_MLM | FROM_SUMMARY),
    "a helper of one step": ("scripts/common/normalize.py", EVERYTHING - FETCH),
    "the stop list's reader": ("scripts/corpus/stop_list.py", FROM_PAIR),
    "limits of samples": ("scripts/corpus/sample_limits.py", BUILD_COREF | FROM_SUMMARY),
    "what nothing uses yet": ("scripts/common/offset_map.py", set()),
    "a helper of two steps": ("scripts/common/splice.py", FROM_PAIR),
    "a helper behind a helper": ("scripts/common/analysis.py", FROM_SCORE),
    "packing": ("scripts/corpus/packing.py", BUILD_MLM | FROM_SUMMARY),
    "an import inside a function": ("scripts/corpus/demo_articles.py", EVERYTHING),
    "figures": ("scripts/report/corpus_figures.py", REPORT),
    "the page": ("scripts/report/page.py", PAGE | {"write_costs"}),
    "the table of costs": ("scripts/report/summarize_costs.py", COSTS),
    "what checks cost": ("scripts/corpus/filter_costs.py", FROM_SUMMARY),
    "logging": ("scripts/common/logs.py", set()),
    "progress": ("scripts/common/progress.py", set()),
    "the plan of the rules": ("scripts/corpus/plan.py", set()),
}

UPGRADES: dict[str, set[str]] = {
    "kiwipiepy": FROM_SCORE,
    "kiwipiepy_model": FROM_SCORE,
    "rensa": FROM_FINGERPRINT,
    "tokenizers": FROM_TRAIN,
    "datasets": BUILD_COREF | BUILD_MLM | FROM_SUMMARY,
    "matplotlib": REPORT | {"plot_costs", "write_costs"},
    "jinja2": PAGE | {"write_costs"},
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
    assert stale(sources, tmp_path) == EVERYTHING


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
    assert counts == {
        "cap_entities": "2",
        "build_entity_coref": "2",
        "summarize_corpus": "1",
        "plot_corpus": "1",
        "write_report": "1",
        "summarize_costs": "1",
        "plot_costs": "1",
        "write_costs": "1",
    }


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
    path = finished_run / "tests/config/sources_tiny.tsv"
    header, *lines = path.read_text().splitlines()
    columns = header.split("\t")
    if column not in columns:
        columns.append(column)
        lines = [f"{line}\t" for line in lines]
    rows = [line.split("\t") for line in lines]
    for row in rows:
        if row[0] == source:
            row[columns.index(column)] = value
    name = f"tests/config/{edit.replace(' ', '_')}.tsv"
    (finished_run / name).write_text("\n".join("\t".join(row) for row in [columns, *rows]) + "\n")
    config = sources / "tests/config/tiny.yaml"
    config.write_text(config.read_text().replace("tests/config/sources_tiny.tsv", name))
    assert stale(sources, finished_run) == expected


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
    assert stale(sources, finished_run) == PAGE | {"write_costs"}


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
