"""Costs of a plan by hand: by rates, by means of jobs, and unknown where nobody recorded any."""

from pathlib import Path

import pytest

from scripts.common.errors import ConfigError
from scripts.common.estimate_costs import page_of
from scripts.common.job_record import FAILED, FINISHED, JobRecord, Stage
from scripts.common.job_states import Job
from scripts.common.plan_sizes import Sizes, amount, sizes_of_config, sizes_of_records
from scripts.common.planned_costs import PlannedJob, RecordedJob, estimate, totals


def planned(step, number=1, *, threads=2, minutes=60.0, gpus=0, **wildcards):
    return [PlannedJob("corpus", step, wildcards, threads, minutes, gpus) for _ in range(number)]


def recorded(step, seconds, *, threads=2, gpus=0, size=None, **wildcards):
    return RecordedJob(step, wildcards, seconds, threads, gpus, size)


def lines_of(jobs, records, plan=None, run=None):
    lines = estimate(jobs, records, plan_sizes=plan or Sizes(), run_sizes=run or Sizes())
    return {line.rule: line for line in lines}


def test_a_rate_per_document_is_taken_to_the_plans_documents():
    # Recorded: 300 documents of `a` in 3 shards, 360 s with two threads, 6,000 bytes. Planned:
    # 5,000 documents in 10 shards: 360 / 300 * 5000 = 6,000 s, 12,000 s of CPU, 100,000 bytes.
    plan = Sizes(documents={"b": 5000.0}, shards={"b": 10})
    run = Sizes(documents={"a": 300.0}, shards={"a": 3})
    jobs = [job for n in range(10) for job in planned("score_shard", source="b", shard=f"{n:03d}")]
    records = [
        recorded("score_shard", 120.0, size=2000, source="a", shard=f"{n:03d}") for n in range(3)
    ]
    line = lines_of(jobs, records, plan, run)["score_shard"]
    assert (line.jobs, line.records, line.basis) == (10, 3, "documents")
    assert (line.planned, line.recorded) == (5000.0, 300.0)
    assert line.cpu_hours == pytest.approx(12_000 / 3600)
    assert line.gigabytes == pytest.approx(100_000 / 1e9)
    assert line.gpu_hours is None
    assert line.asked_cpu_hours == 20.0


def test_jobs_of_unknown_size_take_the_mean_recorded_job_beside_those_of_known_size():
    # 10 documents a second; one shard of 500 documents: 50 s. Two shards of nobody knows how many:
    # 100 s each. One thread.
    plan = Sizes(documents={"b": 500.0}, shards={"b": 1, "c": 2})
    run = Sizes(documents={"a": 2000.0}, shards={"a": 2})
    jobs = planned("score_shard", source="b", shard="000") + [
        job for n in range(2) for job in planned("score_shard", source="c", shard=f"{n:03d}")
    ]
    records = [
        recorded("score_shard", 80.0, threads=1, source="a", shard="000"),
        recorded("score_shard", 120.0, threads=1, source="a", shard="001"),
    ]
    line = lines_of(jobs, records, plan, run)["score_shard"]
    assert line.cpu_hours == pytest.approx(250 / 3600)
    assert line.basis == "documents; 2 jobs of unknown size"


def test_a_rule_without_records_is_unknown_and_counted():
    jobs = [*planned("plot_corpus", 2), *planned("write_report", 3, threads=1, minutes=30.0)]
    lines = lines_of(jobs, [recorded("plot_corpus", 36.0)])
    unknown = lines["write_report"]
    assert unknown.basis == "unknown"
    assert unknown.records == 0
    assert unknown.cpu_hours is unknown.gigabytes is None
    sums = totals(list(lines.values()))
    assert (sums.jobs, sums.rules) == (5, 2)
    assert (sums.unknown_jobs, sums.unknown_rules) == (3, 1)
    assert sums.cpu_hours == pytest.approx(2 * 36 * 2 / 3600)
    assert sums.asked_cpu_hours == 4.0 + 1.5
    page = page_of(list(lines.values()), sums, title="a.yaml")
    assert "1 rules with 3 jobs have no record" in page
    row = next(row for row in page.splitlines() if row.startswith("| write_report"))
    assert [cell.strip() for cell in row.split("|")[2:6]] == ["3", "unknown", "–", "unknown"]


def test_hours_of_devices_say_how_many_were_recorded_without_one():
    # Mean 1,800 s; four jobs of two devices: 4 GPU-hours.
    jobs = planned("train_encoder", 4, gpus=2, minutes=480.0)
    records = [recorded("train_encoder", 1200.0), recorded("train_encoder", 2400.0, gpus=1)]
    line = lines_of(jobs, records)["train_encoder"]
    assert line.gpu_hours == pytest.approx(4.0)
    assert line.asked_gpu_hours == 64.0
    assert line.gpu_records == 1
    assert line.note == "1 of 2 recorded on a CPU; with the recorded model"
    assert totals([line]).gpu_jobs_on_cpu


def test_bytes_come_from_the_jobs_whose_outputs_are_left():
    records = [recorded("plot_corpus", 1.0, size=400), recorded("plot_corpus", 1.0)]
    assert lines_of(planned("plot_corpus", 6), records)["plot_corpus"].gigabytes == pytest.approx(
        2400 / 1e9
    )


def test_a_job_that_searches_all_sessions_so_far_has_that_many_texts():
    sizes = Sizes(texts=40.0)
    assert amount("evaluate_session", {"session": "2", "test": "0"}, sizes) == 40.0
    assert amount("evaluate_accumulated", {"session": "2"}, sizes) == 120.0
    assert amount("evaluate_accumulated", {"session": "2"}, Sizes()) is None


def test_all_documents_are_unknown_while_one_source_is():
    sizes = Sizes(documents={"a": 5.0}, shards={"a": 1, "b": 2})
    assert amount("split_documents", {}, sizes) is None
    assert amount("shard_source", {"source": "a"}, sizes) == 5.0
    assert amount("plot_corpus", {}, sizes) is None


def job_of(step, done, unit, state=FINISHED, **wildcards):
    stage = Stage(step, unit, done, done, 0, None, None, 1.0)
    record = JobRecord(step, wildcards, 1, 1, 0.0, 2.0, state, stages=[stage])
    return Job("any", "/".join([step, *wildcards.values()]), Path("any.log"), record)


def test_sizes_of_a_run_come_from_its_finished_records():
    sizes = sizes_of_records(
        [
            job_of("shard_source", 240, "documents", source="a"),
            job_of("fingerprint_shard", 100, "documents", source="a", shard="000"),
            job_of("fingerprint_shard", 140, "documents", source="a", shard="001"),
            job_of("read_rows", 900, "rows"),
            job_of("shard_molecules", 50, "molecules", FAILED),
            job_of("build_session", 30, "rows", session="0"),
            job_of("build_session", 50, "rows", session="1"),
        ]
    )
    assert sizes == Sizes(documents={"a": 240.0}, shards={"a": 2}, rows=900, texts=40.0)


CONFIG = {
    "corpus": {"demo_articles": 7},
    "classification": {"input": {"kind": "files"}, "generated": {"rows": 5}},
    "descriptors": {
        "input": {"kind": "library"},
        "library": {"molecules": 11},
        "molecules": {"shards": 2},
        "stability": {"bootstraps": 3},
    },
    "retrieval": {
        "input": {"kind": "generated"},
        "generated": {"documents": 20, "queries": 4},
        "training": {"budget": "epochs", "steps": 9},
    },
}
SOURCES = {"d": {"kind": "demo", "shards": 2}, "h": {"kind": "hub", "shards": 4}}


def test_a_config_tells_sizes_of_what_it_generates_and_the_rest_is_given(tmp_path):
    sizes = sizes_of_config(CONFIG, SOURCES, given={}, results=tmp_path)
    assert (sizes.rows, sizes.molecules, sizes.texts, sizes.steps) == (None, 11.0, 24.0, None)
    assert sizes.documents == {"d": 7.0}
    given = sizes_of_config(CONFIG, SOURCES, given={"h": 8.0, "rows": 6.0}, results=tmp_path)
    assert given.documents == {"d": 7.0, "h": 8.0}
    assert given.rows == 6.0


def test_a_manifest_that_is_there_tells_a_sources_documents(tmp_path):
    folder = tmp_path / "corpus" / "sources" / "h"
    folder.mkdir(parents=True)
    (folder / "shards.json").write_text('{"shards": [{"rows": 3}, {"rows": 4}]}')
    sizes = sizes_of_config(CONFIG, SOURCES, given={}, results=tmp_path)
    assert sizes.documents == {"d": 7.0, "h": 7.0}


def test_an_unknown_size_names_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match="molecule is unknown; did you mean molecules"):
        sizes_of_config(CONFIG, SOURCES, given={"molecule": 1.0}, results=tmp_path)
