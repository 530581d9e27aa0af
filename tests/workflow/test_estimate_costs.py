"""The estimate for a config that was run equals the sums of that run's own records."""

import csv
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from scripts.common.job_states import RecordReader
from tests.workflow.harness import ROOT


def estimate(*arguments, directory, config=ROOT / "tests/config/tiny.yaml"):
    return subprocess.run(
        [
            *(sys.executable, "-m", "scripts.common.estimate_costs", *arguments),
            *("--config", str(config), "--directory", str(directory)),
            *("--table", str(directory / "plan/costs.tsv")),
            *("--page", str(directory / "plan/costs.md")),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_finished_run_costs_what_its_records_say(finished_run, tmp_path):
    results = finished_run / "results"
    (tmp_path / "results/corpus").mkdir(parents=True)
    (tmp_path / "results/corpus/sources").symlink_to(results / "corpus/sources")
    finished = estimate("--records", str(results), directory=tmp_path)
    assert finished.returncode == 0, finished.stderr[-3000:]
    with (tmp_path / "plan/costs.tsv").open(encoding="utf-8", newline="") as stream:
        rows = {row["rule"]: row for row in csv.DictReader(stream, delimiter="\t")}
    jobs = RecordReader(results).jobs()
    assert {job.key.partition("/")[0] for job in jobs} == rows.keys()
    for rule, row in rows.items():
        own = [job.record for job in jobs if job.key.partition("/")[0] == rule]
        assert int(row["jobs"]) == int(row["records"]) == len(own), rule
        seconds = sum(record.seconds * record.threads for record in own)
        assert float(row["cpu_hours"]) == pytest.approx(seconds / 3600, rel=1e-9), rule
    assert rows["score_shard"]["basis"] == "documents"
    assert float(rows["score_shard"]["planned"]) == float(rows["score_shard"]["recorded"])
    datasets = sum(
        file.stat().st_size for file in (results / "corpus/mlm").rglob("*") if file.is_file()
    )
    assert float(rows["build_mlm"]["gigabytes"]) == pytest.approx(datasets / 1e9, rel=1e-9)
    page = (tmp_path / "plan/costs.md").read_text(encoding="utf-8")
    assert finished.stdout == page
    assert "0 rules with 0 jobs have no record" in page
    assert "recorded at least partly on a CPU" in page


def test_half_of_a_run_leaves_the_other_rules_unknown(finished_run, tmp_path):
    logs = tmp_path / "half/logs/corpus"
    for step in ("score_shard", "deduplicate"):
        for record in (finished_run / "results/logs/corpus" / step).rglob("*.json"):
            copy = logs / record.relative_to(finished_run / "results/logs/corpus")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(record.read_text(encoding="utf-8"), encoding="utf-8")
    finished = estimate("--records", str(tmp_path / "half"), directory=tmp_path)
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert "2 rules have records" in finished.stdout
    assert finished.stdout.count("unknown") > 50


def test_a_study_is_planned_from_elsewhere_with_its_own_table(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/own.tsv").write_text("source\tkind\tlocation\nnews\tlocal\tnews.csv\n")
    (tmp_path / "texts/news.csv").write_text("text\n신문\n", encoding="utf-8")
    config = tmp_path / "my.yaml"
    config.write_text("corpus: {sources: texts/own.tsv, lengths: [128]}\n")
    (tmp_path / "records").mkdir()
    sizes = ("--sizes", '{"news": 7}')
    finished = estimate(
        "--records", str(tmp_path / "records"), *sizes, directory=tmp_path, config=config
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert "| score_shard " in finished.stdout


def test_runs_that_may_stop_early_are_counted_to_their_end(tmp_path):
    config = tmp_path / "patient.yaml"
    settings = yaml.safe_load((ROOT / "tests/config/tiny.yaml").read_text(encoding="utf-8"))
    settings["language_model"]["patience"] = 1
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    shutil.copytree(ROOT / "tests/config", tmp_path / "tests/config")
    (tmp_path / "records").mkdir()
    finished = estimate("--records", str(tmp_path / "records"), directory=tmp_path, config=config)
    assert finished.returncode == 0, finished.stderr[-3000:]
    # text has two checkpoints, the two others one each; the start of each is evaluated as well.
    assert re.search(r"^\| evaluate_checkpoint +\| 7 ", finished.stdout, re.MULTILINE)


def test_a_folder_without_records_is_one_line(tmp_path):
    finished = estimate("--records", str(tmp_path / "nothing"), directory=tmp_path)
    assert finished.returncode == 1
    assert "there is no folder" in finished.stderr
    assert "Traceback" not in finished.stderr
