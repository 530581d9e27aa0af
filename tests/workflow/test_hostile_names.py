"""Names from outside stay names: none leaves its folder, none reaches a shell or Snakemake."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.classification.input_files import input_parts
from scripts.classification.plan import ClassificationPlan
from scripts.common.check_config import ROOT, merged_config
from scripts.common.config import checked_config, load_schema, schema_complaints
from scripts.common.errors import ConfigError, DownloadError, InputError
from scripts.corpus.hub_downloads import choose_files, download_from_hub
from scripts.corpus.plan import CorpusPlan
from scripts.descriptors.plan import DescriptorsPlan
from scripts.language_model.plan import LanguageModelPlan
from scripts.retrieval.plan import RetrievalPlan
from tests.common.loopback import serve
from tests.corpus.test_hub_downloads import OLD, SHORT, Hub
from tests.workflow.harness import stale_jobs
from tests.workflow.hostile_study import NAMES, settings, write_study
from tests.workflow.test_rules import rules

SCHEMA = load_schema(ROOT / "config" / "schema.yaml")
TINY = checked_config(merged_config(ROOT / "tests/config/tiny.yaml"), SCHEMA)
# For a shell, a path, Snakemake's own syntax, and the command line of a job on a cluster.
WILD = (
    *NAMES,
    *("a b", "a;b", "a|b", "a&b", "a'b", 'a"b', "a$b", "a`b", "a\\b", "a\nb", "a\tb", "a,b", "a=b"),
    *("..", ".", "/abs", "../up", "{x}", "<results>", "-rf", "*", "~", "a\x00b", "x" * 300 + "/"),
)
WILDCARD = re.compile(r"\{(\w+)(?:,((?:[^{}]+|\{\d+(?:,\d+)?\})*))?\}")
# Names that stand in paths of results.
IN_PATHS = (
    ("source", "source"),
    ("run", "run"),
    ("strategy", "strategy"),
    ("method", "method"),
    ("session_share", "session"),
)


# ---------------------------------------------------------------- what stands in paths and commands


def test_every_wildcard_admits_harmless_names_alone() -> None:
    checked = set()
    for name, rule in rules().items():
        for file in rule.output:
            # A wildcard that stands there again is the same text once more.
            found = dict(reversed(WILDCARD.findall(str(file))))
            for wildcard, constraint in found.items():
                assert constraint, f"{name}: {wildcard} may be anything"
                for value in WILD:
                    assert not re.fullmatch(constraint, value), f"{name}: {wildcard} = {value!r}"
                checked.add(wildcard)
    assert {"source", "shard", "run", "epoch", "strategy", "method", "session"} <= checked


@pytest.mark.parametrize(("table", "column"), IN_PATHS)
@pytest.mark.parametrize("value", WILD)
def test_a_name_that_stands_in_paths_is_plain(table: str, column: str, value: str) -> None:
    part = {"properties": {column: SCHEMA["$defs"][table]["properties"][column]}}
    assert list(schema_complaints({column: value}, part, prefix=""))
    assert not list(schema_complaints({column: "news_2025"}, part, prefix=""))


@pytest.mark.parametrize("end", ["", "\n"])
def test_sessions_are_plain_to_their_last_character(end: str) -> None:
    config = {"retrieval": {"input": {**_files("x"), "sessions": [f"D0{end}"]}}}
    if end:
        with pytest.raises(ConfigError, match=r"retrieval\.input\.sessions\.0"):
            checked_config(config, SCHEMA)
    else:
        checked_config(config, SCHEMA)


@pytest.mark.parametrize(
    "name", ["$(touch pwned).csv", "a;b.csv", "a%20b.csv", "a'b.csv", "{x}.csv"]
)
def test_a_name_in_an_address_cannot_reach_a_command_line(name: str) -> None:
    given = {"kind": "table", "location": f"https://host.invalid/{name.replace(' ', '%20')}"}
    plan = DescriptorsPlan(checked_config({"descriptors": {"input": given}}, SCHEMA), ROOT)
    with pytest.raises(DownloadError, match="no usable file name"):
        plan.files()


# ---------------------------------------------------------------- a person's own files


def _files(location: str) -> dict[str, Any]:
    return {"kind": "files", **dict.fromkeys(("corpus", "queries", "qrels"), location)}


def _of_corpus(path: str) -> Any:
    row = {"kind": "local", "location": path}
    return CorpusPlan(TINY, {"news": row}, Path("/")).local_files("news")


def _of_stop_list(path: str) -> Any:
    config = {**TINY, "corpus": {**TINY["corpus"], "entity_coref": {"stop_list": path}}}
    return CorpusPlan(config, {}, Path("/")).stop_list(ROOT)


def _of_gold(path: str) -> Any:
    evaluation = {"gold": {"file": path}}
    config = {**TINY, "language_model": {**TINY["language_model"], "evaluation": evaluation}}
    return LanguageModelPlan(config, {}).named_file("gold.file", ROOT)


def _of_classification(path: str) -> Any:
    section = {"input": {"kind": "files", "location": path}}
    return ClassificationPlan({**TINY, "classification": section}, {}, ROOT).inputs()


def _of_descriptors(path: str) -> Any:
    section = {"input": {"kind": "table", "location": path}}
    return DescriptorsPlan({**TINY, "descriptors": section}, ROOT).files()


def _of_retrieval(path: str) -> Any:
    section = {"input": {**_files(path), "sessions": ["D0"]}}
    return RetrievalPlan({**TINY, "retrieval": section}, {}, [], ROOT).files("queries", 0)


@pytest.mark.parametrize(
    ("plan", "key"),
    [
        (_of_corpus, "source news: location"),
        (_of_stop_list, "config key corpus.entity_coref.stop_list"),
        (_of_gold, "config key language_model.evaluation.gold.file"),
        (_of_classification, "config key classification.input.location"),
        (_of_descriptors, "config key descriptors.input.location"),
        (_of_retrieval, "config key retrieval.input.queries"),
    ],
)
def test_a_path_that_snakemake_would_read_differently_is_named(
    tmp_path: Path, plan: Callable[[str], Any], key: str
) -> None:
    for name in ("a{x}", "a<results>b", "a>b", "a\nb"):
        path = tmp_path / f"{name}.txt"
        path.write_text("삼성\n", encoding="utf-8")
        with pytest.raises(ConfigError, match="rename the file or its folder") as caught:
            plan(str(path))
        assert str(caught.value).startswith(key) and "\n" not in str(caught.value)
    for name in ("$(touch pwned)", "a b;'\"", "한글"):
        path = tmp_path / f"{name}.txt"
        path.write_text("삼성\n", encoding="utf-8")
        assert plan(str(path)) in (str(path), [str(path)])


def test_a_plan_takes_every_free_string_for_what_it_is(tmp_path: Path) -> None:
    study = tmp_path / "study"
    write_study(study)
    config = settings(study)
    gold = {f"{name}_field": f"{NAMES[10]} {name}" for name in ("text", "passage", "clusters")}
    hub = {"model": f"owner/{NAMES[10]}", "revision": NAMES[7]}
    config["language_model"] = {
        "runs": str(study / "runs.tsv"),
        "base_model": {"max_positions": 128, **hub},
        "evaluation": {
            "gold": {"file": str(ROOT / "tests/config/gold_tiny.jsonl"), **gold},
            "lambada": {"dataset": "owner/name", "revision": NAMES[10], "split": NAMES[10]},
        },
    }
    config["corpus"]["tokenizer"] = dict(hub)
    config["classification"]["transformer"] = dict(hub)
    config["classification"]["input"]["group_column"] = NAMES[7]
    config["retrieval"]["encoder"] = {"kind": "transformer", **hub}
    config["descriptors"]["columns"]["labels"] = list(NAMES[7:10])
    (study / "runs.tsv").write_text("run\tkind\tlength\ntext\tmlm\t128\n")
    (study / "strategies.tsv").write_text("strategy\tmodels\nnone\ttfidf transformer\n")
    file = study / "wild.yaml"
    file.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    jobs = stale_jobs(ROOT, tmp_path / "run", file)
    assert {"build_gold_coref", "prepare_transformer", "fetch_tokenizer"} <= jobs
    assert not list(tmp_path.rglob("pwned*"))


# ---------------------------------------------------------------- listings from outside


@pytest.mark.parametrize(
    "name",
    [
        *("../a.jsonl", "/etc/a.jsonl", "ko/../../a.jsonl", ".git/a.jsonl", "ko/.a.jsonl"),
        *("a\nb.jsonl", "a\x00.jsonl", "a\x1b[31m.jsonl", "a\u202e.jsonl"),
    ],
)
def test_a_hub_listing_names_no_file_outside(name: str) -> None:
    every: dict[str, Any] = {"subset": None, "split": None, "patterns": ["*"]}
    assert choose_files("owner/name", [name, "good.jsonl"], **every) == ["good.jsonl"]
    with pytest.raises(DownloadError) as caught:
        choose_files("owner/name", [name], **every)
    assert str(caught.value).isprintable()


def test_a_hub_file_of_an_endless_name_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    hub = Hub({OLD: {"x" * 300 + ".jsonl": b"{}"}}, {})
    with serve(hub) as server, pytest.raises(DownloadError) as caught:
        download_from_hub(
            "owner/name",
            tmp_path / "files",
            subset=None,
            split=None,
            revision=OLD,
            patterns=[],
            endpoint=server.url,
            attempts=1,
            waits=SHORT,
        )
    assert "owner/name" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("split", ["../other", "/etc", "..", "a/b", "", 7])
def test_a_saved_dataset_names_no_split_outside(tmp_path: Path, split: object) -> None:
    for folder in (tmp_path / "other", tmp_path / "data", tmp_path / "data" / "a" / "b"):
        folder.mkdir(parents=True)
        (folder / "state.json").write_text('{"_data_files": []}')
        (folder / "dataset_info.json").write_text("{}")
    (tmp_path / "data" / "dataset_dict.json").write_text(json.dumps({"splits": [split]}))
    with pytest.raises(InputError, match="no folder; save the data again"):
        input_parts([tmp_path / "data"])


def test_a_saved_dataset_names_no_file_outside(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "secret.arrow").write_bytes(b"secret")
    listed = [{"filename": "../secret.arrow"}]
    (data / "state.json").write_text(json.dumps({"_data_files": listed}))
    (data / "dataset_info.json").write_text("{}")
    with pytest.raises(InputError, match=r"data/secret\.arrow, which .* names, is missing"):
        input_parts([data])
