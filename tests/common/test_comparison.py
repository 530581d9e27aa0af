"""Two runs are the same when all but their times, rates and memory is."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.common.comparison import differing, result_digests
from scripts.common.files import write_json

ROOT = Path(__file__).parents[2]


@pytest.fixture
def runs(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    write_json(one / "corpus/mlm/512/dataset/metadata.json", {"n": 3, "created_at": "now"})
    (one / "corpus/scores").mkdir()
    (one / "corpus/scores/000.parquet").write_bytes(b"PAR1")
    for folder in ("logs", "benchmarks", "costs", "events", "graphs"):
        (one / folder).mkdir()
        (one / folder / "x.log").write_text("3 s")
    shutil.copytree(one, other)
    return one, other


def test_same_results_differ_in_nothing(runs):
    assert differing(*runs) == []
    assert sorted(result_digests(runs[0])) == [
        "corpus/mlm/512/dataset/metadata.json",
        "corpus/scores/000.parquet",
    ]


@pytest.mark.parametrize("folder", ["logs", "benchmarks", "costs", "events", "graphs"])
def test_records_of_the_run_are_left_out(runs, folder):
    (runs[1] / folder / "x.log").write_text("4 s")
    (runs[1] / folder / "more.log").write_text("")
    assert differing(*runs) == []


def test_time_of_making_is_left_out_but_nothing_beside_it(runs):
    name = "corpus/mlm/512/dataset/metadata.json"
    write_json(runs[1] / name, {"n": 3, "created_at": "later"})
    assert differing(*runs) == []
    write_json(runs[1] / name, {"n": 4, "created_at": "now"})
    assert differing(*runs) == [name]


def test_folder_of_a_source_called_logs_is_compared(runs):
    for run, text in zip(runs, "ab", strict=True):
        (run / "corpus/scores/logs").mkdir()
        (run / "corpus/scores/logs/000.parquet").write_text(text)
    assert differing(*runs) == ["corpus/scores/logs/000.parquet"]


def test_changed_missing_and_new_files_are_named(runs):
    (runs[1] / "corpus/scores/000.parquet").write_bytes(b"PAR2")
    (runs[0] / "corpus/a.tsv").write_text("")
    (runs[1] / "corpus/b.tsv").write_text("")
    assert differing(*runs) == ["corpus/a.tsv", "corpus/b.tsv", "corpus/scores/000.parquet"]
    assert differing(*runs) == differing(*reversed(runs))


def test_command_prints_the_digests(runs):
    printed = subprocess.run(
        [sys.executable, "-m", "scripts.common.comparison", "--results", runs[0]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert json.loads(printed) == result_digests(runs[0])
