"""The one command, from a user's own folder, with `show_progress` beside it in a terminal."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from datasets import load_from_disk

from tests.workflow.harness import ROOT
from tests.workflow.terminal import Terminal

CONFIG = """\
corpus:
  entity_coref: {max_characters: 2500}
  split: {validation: 0.05, test: 0.05, holdout: 0.05}
classification: {strategies: ways.tsv}  # beside the user, and not in the output folder
"""


@dataclass(frozen=True)
class Prepared:
    """A finished call of the command.

    Attributes:
        folder: where the user stood.
        result: what the command printed.
        pages: what `show_progress` drew meanwhile.
        watch_code: its exit code after Ctrl-C.
    """

    folder: Path
    result: subprocess.CompletedProcess[str]
    pages: list[str]
    watch_code: int

    @property
    def output(self) -> Path:
        return self.folder / "prepared" / "results"


def prepare(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call the command in `folder`, with relative paths as a user would give them."""
    command = [
        *(sys.executable, "-m", "scripts.corpus.prepare_entity_coref", "--seq-len", "256"),
        *("--model", "model", "--output-dir", "./prepared", "--configfile", "my.yaml"),
        *("--sources", "texts/sources.tsv", "--cores", "2", *arguments),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900
    )


def jobs(result: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """Return the number of jobs by rule that Snakemake announced."""
    printed = result.stdout + result.stderr
    counts = {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", printed, re.MULTILINE)}
    counts.pop("total", None)
    return counts


@pytest.fixture(scope="module")
def prepared(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """One call on local documents and a local tokenizer, watched."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "texts").mkdir()
    (folder / "model").symlink_to(finished_run / "results/corpus/tokenizer")
    articles = (finished_run / "results/corpus/sources/demo/files/demo.jsonl").read_bytes()
    (folder / "texts/news.jsonl").write_bytes(articles)
    (folder / "texts/sources.tsv").write_text(
        "source\tkind\tlocation\tid_field\tshards\tbatch_documents\tchunk_documents\n"
        "news\tlocal\tnews.jsonl\tid\t2\t50\t10\n"
    )
    (folder / "my.yaml").write_text(CONFIG)
    (folder / "ways.tsv").write_bytes((ROOT / "config/strategies.tsv").read_bytes())
    results = folder / "prepared" / "results"
    results.mkdir(parents=True)
    watch = Terminal(
        [
            *(sys.executable, "-m", "scripts.common.show_progress"),
            *("--results", str(results), "--every", "0.5", "--patience", "900"),
        ],
        cwd=ROOT,
    )
    try:
        result = prepare(folder)
        assert result.returncode == 0, (result.stdout + result.stderr)[-6000:]
        watch.wait_for("240/240", 60)
        watch.wait_for("select_documents entity_coref_256: kept", 60)
    finally:
        code = watch.interrupt()
    return Prepared(folder, result, watch.pages, code)


def test_the_dataset_is_where_the_last_line_says(prepared: Prepared) -> None:
    last = prepared.result.stdout.splitlines()[-1]
    named = "prepared/results/corpus/entity_coref/256/dataset"
    assert last == (
        f"prepare_entity_coref: the dataset is {named} (open it with datasets.load_from_disk)"
    )
    dataset = load_from_disk(str(prepared.folder / named))
    metadata = json.loads((prepared.folder / named / "metadata.json").read_text())
    assert sum(part.num_rows for part in dataset.values()) == metadata["num_samples"] > 100
    assert (metadata["seq_len"], metadata["max_entity_freq"]) == (256, 1000)
    assert max(map(len, dataset["train"]["input_ids"])) <= 256


def test_only_what_the_datasets_need_is_made(prepared: Prepared) -> None:
    assert jobs(prepared.result) == {
        "fetch_source": 1,
        "shard_source": 1,
        "deduplicate": 1,
        "fingerprint_shard": 2,
        "group_near_duplicates": 1,
        "split_documents": 1,
        "fetch_tokenizer": 1,
        "measure_fertility": 1,
        "score_shard": 2,
        "select_documents": 2,
        "tokenize_shard": 2,
        "pair_mentions": 2,
        "cap_entities": 1,
        "build_entity_coref": 1,
    }


def test_the_terminal_showed_the_shards_at_work(prepared: Prepared) -> None:
    rows = [
        tuple(map(int, match.groups()))
        for page in prepared.pages
        for match in re.finditer(r"^ news +(?:–|(?:\d+)/(?:\d+)) +(\d+)/(\d+) ", page, re.MULTILINE)
    ]
    assert len(prepared.pages) > 10, "the page was not drawn again"
    assert {total for _, total in rows} == {240}
    assert rows[0][0] == 0 and rows[-1][0] == 240
    assert any("jobs: 1 running" in page for page in prepared.pages)
    # 240 articles in two shards of batches of 50.
    scores = prepared.output / "corpus/scores/news"
    assert len(list(scores.iterdir())) == 2
    row = r"^ news +([56])/\1 +240/240 +\d+ \(\d+\.\d%\) +[\d.]+ +done"
    assert re.search(row, prepared.pages[-1], re.MULTILINE)


def test_ctrl_c_ends_the_watch_with_a_summary(prepared: Prepared) -> None:
    assert prepared.watch_code == 0
    last = prepared.pages[-1]
    assert "Traceback" not in last
    assert re.search(
        r"^score_shard: 240 documents in 0:\d\d:\d\d, [\d.]+ documents/s, ", last, re.M
    )
    assert re.search(r"^select_documents entity_coref_256: kept \d+ of 240 documents", last, re.M)
    assert last.splitlines()[-1].endswith("of 19 jobs finished")


def test_a_dry_run_names_the_jobs_and_no_dataset(prepared: Prepared) -> None:
    result = prepare(prepared.folder, "--max-entity-freq", "3", "--", "-n")
    assert result.returncode == 0
    assert jobs(result) == {"cap_entities": 1, "build_entity_coref": 1}
    assert "the dataset is" not in result.stdout


def test_a_second_call_does_nothing(prepared: Prepared) -> None:
    result = prepare(prepared.folder)
    assert result.returncode == 0
    assert jobs(result) == {}
    assert "Nothing to be done" in result.stdout + result.stderr
    assert "the dataset is" in result.stdout


def test_another_cap_runs_the_cap_and_the_dataset_only(prepared: Prepared) -> None:
    result = prepare(prepared.folder, "--max-entity-freq", "3")
    assert result.returncode == 0
    assert jobs(result) == {"cap_entities": 1, "build_entity_coref": 1}
    dataset = load_from_disk(str(prepared.output / "corpus/entity_coref/256/dataset"))
    assert max(Counter(dataset["train"]["entity"]).values()) == 3
    written = yaml.safe_load((prepared.folder / "prepared/prepare_entity_coref.yaml").read_text())
    assert written["corpus"]["entity_coref"] == {"max_characters": 2500, "max_entity_freq": 3}


def test_snakemakes_failure_is_the_commands_failure(prepared: Prepared) -> None:
    result = prepare(prepared.folder, "--", "--no-such-option")
    assert result.returncode != 0
    assert "the dataset is" not in result.stdout
