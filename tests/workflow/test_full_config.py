"""The published scale: its config is valid, has every source, and plans every job."""

import re
import resource
import subprocess
import sys

import pytest
import yaml

from scripts.common.check_config import ROOT, check, merged_config
from scripts.common.config import checked_config, load_schema
from scripts.common.sources_table import read_sources
from scripts.corpus.hub_downloads import choose_files

FULL = ROOT / "config" / "full.yaml"
SCHEMA = load_schema(ROOT / "config" / "schema.yaml")
QA = ["context", "question", "answers.text.0"]

# What the published datasets were made of, by hand from their description: data set,
# configuration, fields, first documents only.
ENTITY_SOURCES = {
    ("HPLT/HPLT2.0_cleaned", "kor_Hang", ("text",), None),
    ("AIR-Bench/qa_news_ko", "corpus_default", ("text",), None),
    ("dev7halo/naver-news-summarization-ko-with-gen", "", ("document",), None),
    ("nmixx-fin/twice_kr_finance_news_summ", "", ("text",), None),
    ("nmixx-fin/twice_kr_news_bqa_cls", "", ("text",), None),
}
MLM_SOURCES = {
    ("wikimedia/wikipedia", "20231101.ko", ("text",), None),
    ("klue/klue", "mrc", tuple(QA), None),
    ("klue/klue", "ynat", ("title",), None),
    ("KorQuAD/squad_kor_v1", "", tuple(QA), None),
    ("klue/klue", "sts", ("sentence1", "sentence2"), None),
    ("klue/klue", "nli", ("premise", "hypothesis"), None),
    ("skt/kobest_v1", "hellaswag", ("context",), None),
    ("HPLT/HPLT2.0_cleaned", "kor_Hang", ("text",), 500_000),
    ("nmixx-fin/ko-trans-us_news_retrieval", "", ("trans_text",), None),
    ("nmixx-fin/twice_kr_finance_news_summ", "", ("text",), None),
    ("nmixx-fin/twice_kr_news_bqa_cls", "", ("text",), None),
    ("nmixx-fin/twice_kr_fin_news_sent_cls", "", ("text",), None),
    ("dev7halo/naver-news-summarization-ko-with-gen", "", ("document",), None),
    ("AIR-Bench/qa_news_ko", "corpus_default", ("text",), 500_000),
}
# Documents that are known beforehand; a shard should hold at most 80,000.
KNOWN_DOCUMENTS = {"hplt": 20_329_632, "wikipedia": 647_897, "klue_ynat": 45_678}
FOREIGN = ("eng_Latn", "jpn_Jpan", "kor_Kore")


@pytest.fixture(scope="module")
def sources():
    return read_sources(ROOT / "config" / "sources_full.tsv", SCHEMA)


def described(row):
    """Return a row as the tables above describe it; a glob stands for a configuration."""
    repo, _, glob = row["location"].partition("::")
    named = [name for name in ("kor_Hang", "corpus_default") if name in glob]
    documents = row["max_documents"]
    return (
        repo,
        row["config"] or "".join(named),
        tuple(row["text_fields"]),
        None
        if documents == SCHEMA["$defs"]["source"]["properties"]["max_documents"]["default"]
        else documents,
    )


@pytest.mark.parametrize(
    ("kind", "wanted"), [("entity_coref", ENTITY_SOURCES), ("mlm", MLM_SOURCES)]
)
def test_every_published_source_is_there_with_its_fields_and_no_other(sources, kind, wanted):
    rows = [described(row) for row in sources.values() if kind in row["used_by"]]
    assert len(rows) == len(wanted)
    assert set(rows) == wanted


def test_every_source_says_how_it_may_be_used_and_comes_from_the_hub(sources):
    for row in sources.values():
        assert row["kind"] == "hub"
        assert row["licence"] not in ("", "unknown")


def test_pairs_and_questions_are_joined(sources):
    joined = {name: row["join"] for name, row in sources.items() if len(row["text_fields"]) > 1}
    assert joined == dict.fromkeys(("klue_mrc", "squad_kor_v1", "klue_sts", "klue_nli"), "space")


def test_shards_are_small_enough_for_the_stated_memory(sources):
    for name, documents in KNOWN_DOCUMENTS.items():
        assert documents / sources[name]["shards"] <= 80_000
    for row in sources.values():
        if row["max_documents"] <= 500_000:
            assert row["max_documents"] / row["shards"] <= 80_000


@pytest.mark.parametrize("folder", ["kor_Hang", "kor_Hang_1"])
def test_globs_choose_the_korean_files_of_hplt(sources, folder):
    names = [f"{folder}/train-{n:05d}-of-00120.parquet" for n in range(120)]
    others = [f"{language}/train-00000-of-00002.parquet" for language in FOREIGN]

    def chosen(source):
        repo, _, globs = sources[source]["location"].partition("::")
        return choose_files(
            repo, [*names, *others], subset=None, split="train", patterns=globs.split()
        )

    assert chosen("hplt") == names
    assert chosen("hplt_first") == names[:10]


def test_full_config_is_valid():
    assert check(FULL).endswith("good, 16 sources, 13 runs, 6 strategies, 11 methods")
    config = checked_config(merged_config(FULL), SCHEMA)["corpus"]
    assert config["tokenizer"]["model"] == "kakaobank/kf-deberta-base"
    assert config["lengths"] == [1536, 2048]
    assert config["entity_coref"]["max_entity_freq"] == 1000


def test_full_config_overrides_every_key_of_the_embedded_default():
    """What the small default chose for itself must not shine through at the published scale."""
    only_small = {("corpus", "demo_articles"), ("corpus", "tokenizer", "vocabulary")}

    def paths(value, parent=()):
        for name, part in value.items():
            yield from paths(part, (*parent, name)) if isinstance(part, dict) else [(*parent, name)]

    def keys(file):
        return set(paths(yaml.safe_load(file.read_text("utf-8"))))

    found = {key for key in keys(ROOT / "config" / "config.yaml") if key[0] != "demo"}
    assert found - keys(FULL) <= only_small


def test_dry_run_plans_every_shard(sources, tmp_path, capsys):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "-n", "--snakefile", ROOT / "Snakefile"),
            *("--configfile", FULL, "--workflow-profile", ROOT / "profiles" / "ci"),
            *("--directory", tmp_path),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    printed = finished.stdout + finished.stderr
    assert finished.returncode == 0, printed[-3000:]
    jobs = {name: int(n) for name, n in re.findall(r"^([a-z0-9_]+) +(\d+)$", printed, re.MULTILINE)}
    with capsys.disabled():
        print(f"\ndry run of the published scale: {jobs['total']} jobs in {seconds:.1f} s of CPU")
    shards = sum(row["shards"] for row in sources.values())
    entity = sum(row["shards"] for row in sources.values() if "entity_coref" in row["used_by"])
    assert jobs["score_shard"] == jobs["fingerprint_shard"] == jobs["tokenize_shard"] == shards
    assert jobs["pair_mentions"] == 2 * entity
    assert jobs["fetch_source"] == jobs["shard_source"] == len(sources)
    assert jobs["fetch_tokenizer"] == 1
    assert jobs["build_entity_coref"] == jobs["build_mlm"] == 2
    # What a plan costs grows with its jobs and their inputs: a rule that asks each of many jobs
    # for the files of all of them would show here.
    assert jobs["total"] == sum(jobs.values()) - jobs["total"] < 4000
    inputs = sum(line.count(", ") + 1 for line in re.findall(r"^    input: (.*)$", printed, re.M))
    assert inputs < 10 * jobs["total"]
