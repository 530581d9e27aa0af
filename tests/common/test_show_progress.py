"""What `show_progress` says about hand-made records, against calculations by hand."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common import show_progress
from scripts.common.job_states import RecordReader, Span, covered_seconds, mean_rate, recent_rate
from scripts.common.planned_jobs import plan_path, read_planned, write_planned
from scripts.common.progress_page import Page, page_lines, read_page, summary_lines
from scripts.common.shard_progress import CorpusFiles
from tests.common.progress_records import (
    NOW,
    write_manifest,
    write_record,
    write_scores,
    write_selection,
    write_summary,
)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


def page_of(results: Path, now: float = 0.0) -> Page:
    jobs, files = RecordReader(results).jobs(), CorpusFiles(results)
    return read_page(jobs, files, NOW + now, read_planned(results))


def scored(results: Path, now: float = 0.0) -> list[str]:
    lines = page_lines(page_of(results, now))
    return [line.removeprefix("score_shard ") for line in lines if line.startswith("score_shard ")]


# ---- time and rate -------------------------------------------------------------------------


def test_overlapping_jobs_share_their_time_and_gaps_do_not_count():
    # 0-10 and 5-15 cover 15 seconds, 100-110 another 10: 250 items in 25 seconds.
    spans = [Span(100, 110, 50), Span(5, 15, 100), Span(0, 10, 100)]
    assert covered_seconds(spans) == 25
    assert mean_rate(spans) == 10
    assert mean_rate([]) is None and mean_rate([Span(3, 3, 7)]) is None


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=12))
def test_covered_time_equals_counting_the_seconds(intervals):
    counted = {second for start, length in intervals for second in range(start, start + length)}
    spans = [Span(start, start + length, 1) for start, length in intervals]
    assert covered_seconds(spans) == len(counted)


def test_yesterdays_rate_counts_only_where_nothing_spoke_lately():
    yesterday, today = Span(-90_000, -89_000, 20_000), Span(-100, 0, 300)
    assert recent_rate([yesterday, today], 0) == 3
    assert recent_rate([yesterday], 0) == 20


# ---- sources -------------------------------------------------------------------------------


def test_two_sources_with_overlapping_shards_by_hand(results):
    write_manifest(results, "news", [1000, 950, 1050])
    write_manifest(results, "wiki", [450])
    write_scores(results, "news", 0, rows=1000, analysed=400)
    common: dict[str, Any] = {"batch_size": 100}
    finished: dict[str, Any] = {"state": "finished", "done": 1000, "total": 1000, "passed": 400}
    write_record(results, "news/000", start=-100, last=-20, **finished, **common)
    write_record(results, "news/001", start=-60, last=0, done=500, total=950, passed=100, **common)
    write_record(results, "wiki/000", start=-20, last=0, done=100, total=450, passed=7, **common)
    # news: 1,500 documents in the 100 seconds from -100 to 0: 15/s, and 1,500 more are 100 s.
    # wiki: 100 in 20 s: 5/s, 350 more are 70 s. All: 1,600 in 100 s: 16/s, 1,850 are 116 s.
    # Batches: 10 + 10 + 11 of news (the third shard has not begun), 5 of wiki.
    assert scored(results) == [
        "news: batch 15/31, 1,500/3,000 documents, passed cheap checks 500 (33.3%), "
        "15.0 documents/s, ETA 0:01:40",
        "wiki: batch 1/5, 100/450 documents, passed cheap checks 7 (7.0%), "
        "5.0 documents/s, ETA 0:01:10",
        "all sources: batch 16/36, 1,600/3,450 documents, passed cheap checks 507 (31.7%), "
        "16.0 documents/s, ETA 0:01:56",
    ]


def test_a_source_that_is_not_read_yet_makes_the_total_a_lower_bound(results):
    write_manifest(results, "news", [200])
    (results / "corpus" / "sources" / "wiki").mkdir()
    write_record(results, "news/000", start=-10, last=0, done=100, total=200, batch_size=50)
    assert scored(results)[1:] == [
        "wiki: batch –, not read yet documents, passed cheap checks –, – documents/s, ETA –",
        "all sources: batch 2/4+, 100/200+ documents, passed cheap checks 0 (0.0%), "
        "10.0 documents/s, ETA 0:00:10+",
    ]


def test_shards_of_an_earlier_run_are_done_and_no_part_of_the_rate(results):
    write_manifest(results, "news", [1000, 500])
    write_scores(results, "news", 0, rows=1000, analysed=300)  # its record is gone
    write_record(
        results, "news/001", start=-40, last=0, done=200, total=500, passed=50, batch_size=100
    )
    # 200 in 40 s; 300 more at 5/s.
    assert scored(results) == [
        "news: batch 12/15, 1,200/1,500 documents, passed cheap checks 350 (29.2%), "
        "5.0 documents/s, ETA 0:01:00"
    ]


def test_scores_with_other_rows_than_the_shard_are_of_another_time(results):
    write_manifest(results, "news", [1000])
    write_scores(results, "news", 0, rows=700, analysed=300)
    assert scored(results)[0].startswith("news: batch –, 0/1,000 documents")


def test_a_killed_job_has_done_nothing_and_is_named_with_its_log(results):
    write_manifest(results, "news", [1000, 1000])
    write_scores(results, "news", 0, rows=1000, analysed=10)
    finished: dict[str, Any] = {"state": "finished", "done": 1000, "total": 1000, "passed": 10}
    write_record(results, "news/000", start=-300, last=-200, **finished)
    path = write_record(results, "news/001", start=-200, last=-100, done=900, total=1000)
    (line, *_) = scored(results)
    # 1,900 documents were analysed in 200 s; no job works, so there is no time left to tell.
    assert "1,000/2,000 documents, passed cheap checks 10 (1.0%), 9.5 documents/s, ETA –" in line
    lines = page_lines(page_of(results))
    assert lines[0] == "jobs: 0 running, 1 finished, 1 silent"
    assert lines[-1] == (
        "SILENT score_shard news 001: no word for 0:01:40, maybe killed; "
        f"see {path.with_suffix('.log')}"
    )
    assert "1,900/2,000" in scored(results, now=-45)[0]  # 55 s after its last word it works


def test_a_failed_job_is_named_with_its_log(results):
    path = write_record(results, "news", rule="shard_source", state="failed", start=-9, last=-3)
    lines = page_lines(page_of(results))
    assert lines == [
        "jobs: 0 running, 0 finished, 1 failed",
        f"FAILED shard_source news: see {path.with_suffix('.log')}",
    ]


def test_no_documents_at_all(results):
    write_manifest(results, "empty", [0])
    write_scores(results, "empty", 0, rows=0, analysed=0)
    finished: dict[str, Any] = {"state": "finished", "done": 0, "total": 0, "batch_size": 100}
    write_record(results, "empty/000", start=-3, last=-2, **finished)
    assert scored(results) == [
        "empty: batch 0/0, 0/0 documents, passed cheap checks 0, – documents/s, ETA done"
    ]
    assert summary_lines(page_of(results)) == [
        "total time 0:00:01 in which jobs worked, 1 of 1 jobs finished"
    ]


def test_other_tracks_jobs_have_their_line(results):
    write_record(results, "run", rule="x", track="retrieval", start=-8, last=0, done=40, total=100)
    assert page_lines(page_of(results)) == [
        "jobs: 1 running, 0 finished",
        "x: 40/100 documents, 5.0 documents/s, ETA 0:00:12",
    ]


# ---- models --------------------------------------------------------------------------------

PLAN = [
    "prepare_base_model/256",
    *(f"train_epoch/text/epoch-{epoch}" for epoch in ("0.5", "1.0")),
    *(f"train_epoch/names/epoch-{epoch}" for epoch in ("0.5", "1.0")),
    *(f"evaluate_checkpoint/text/epoch-{epoch}" for epoch in ("0.0", "0.5", "1.0")),
    "summarize_language_model/all",
]


def trained(results: Path) -> None:
    """A base model and one segment are made, a last segment is trained, one is evaluated."""
    models: dict[str, Any] = {"track": "language_model"}
    done: dict[str, Any] = {**models, "state": "finished"}
    write_record(results, "256", rule="prepare_base_model", start=-500, last=-490, **done)
    steps: dict[str, Any] = {"rule": "train_epoch", "unit": "steps", "total": 300}
    write_record(results, "text/epoch-0.5", start=-480, last=-180, done=300, **done, **steps)
    write_record(results, "old/epoch-0.5", start=-900, last=-600, done=300, **done, **steps)
    # Killed after 100 steps before; the other 50 took 100 seconds: 0.5/s, 150 more are 300 s.
    write_record(
        results,
        "text/epoch-1.0",
        start=-100,
        last=0,
        done=150,
        taken_over=100,
        step="train_epoch",
        **models,
        **steps | {"rule": "train_last_epoch"},
    )
    write_record(
        results,
        "text/epoch-0.5",
        rule="evaluate_checkpoint",
        unit="items",
        start=-10,
        last=0,
        done=400,
        total=2400,
        **models,
    )


def test_models_say_how_many_planned_jobs_are_done_and_how_far_running_ones_are(results):
    trained(results)
    write_planned(results, {"corpus": ["score_shard/news/000"], "language_model": PLAN})
    assert page_lines(page_of(results)) == [
        "jobs: 2 running, 3 finished",
        "language_model: 2 of 9 planned jobs done, train_epoch 1/4, evaluate_checkpoint 0/3",
        "train_last_epoch text epoch-1.0: 150/300 steps, 0.5 steps/s, ETA 0:05:00",
        "evaluate_checkpoint text epoch-0.5: 400/2,400 items, 40.0 items/s, ETA 0:00:50",
    ]
    assert summary_lines(page_of(results))[0].startswith("language_model: 2 of 9 planned jobs")


def test_models_without_a_plan_or_with_half_of_one_are_counted_alone(results):
    trained(results)
    expected = "language_model: 3 jobs done, their plan is not known"
    assert page_lines(page_of(results))[1] == expected
    for content in ("", '{"language_model": [', "[]", '{"language_model": 3}'):
        plan_path(results).write_text(content)
        assert page_lines(page_of(results))[1] == expected


def test_a_plan_alone_says_nothing_of_models(results):
    write_planned(results, {"language_model": PLAN})
    assert page_lines(page_of(results)) == ["jobs: 0 running, 0 finished"]


def test_a_watch_waits_for_the_models_that_have_begun(results):
    finished_results(results)
    write_record(
        results,
        "256",
        rule="prepare_base_model",
        track="language_model",
        state="finished",
        start=-50,
        last=-40,
    )
    write_planned(results, {"language_model": PLAN})

    def summarize():
        again: dict[str, Any] = {"rule": "summarize_language_model", "state": "finished"}
        write_record(results, "all", track="language_model", start=15, last=18, **again)
        write_summary(results, 17, track="language_model")

    assert watched(results, {20: summarize}) == 24  # more than five seconds after the last word
    (results / "language_model/tables/summary.json").unlink()
    assert watched(results, patience=50) == 70  # 50 seconds after the last word, at 18


# ---- records that come and go --------------------------------------------------------------


def test_half_records_and_vanished_ones_do_not_stop_the_reader(results):
    path = write_record(results, "news/000", start=-9, last=0, done=1, total=9)
    reader = RecordReader(results)
    assert [job.name for job in reader.jobs()] == ["score_shard news 000"]
    (path.parent / ".part.001.json").write_text(path.read_text())
    (path.parent / "002.json").write_text('{"rule": "score')
    assert len(reader.jobs()) == 1
    text = path.read_text()
    path.write_text(text[:40])  # as a disk that is full leaves it
    assert [job.record.stages[0].done for job in reader.jobs()] == [1]
    path.unlink()
    assert reader.jobs() == []
    path.write_text(text)
    assert len(reader.jobs()) == 1


def test_a_rewritten_record_is_read_again(results):
    write_record(results, "news/000", start=-9, last=0, done=1, total=9)
    reader = RecordReader(results)
    reader.jobs()
    write_record(results, "news/000", start=-9, last=1, done=100, total=999)
    assert reader.jobs()[0].span.done == 100


def test_broken_tables_and_manifests_are_passed_over(results):
    write_manifest(results, "news", [10])
    write_scores(results, "news", 0, rows=10, analysed=1).write_bytes(b"PAR1")
    write_selection(results, "mlm", rows=3, kept=1).write_bytes(b"")
    assert scored(results)[0].startswith("news: batch –, 0/10 documents")
    (results / "corpus/sources/news/shards.json").write_text('{"shards": [{}]}')
    assert "not read yet" in scored(results)[0]


# ---- the end of a run ----------------------------------------------------------------------


def finished_results(results: Path) -> None:
    write_manifest(results, "news", [600, 400])
    for shard, (rows, start) in enumerate(((600, -400), (400, -340))):
        scores = write_scores(results, "news", shard, rows=rows, analysed=rows // 2)
        os.utime(scores, (NOW - 200, NOW - 200))
        counts: dict[str, Any] = {
            "done": rows,
            "total": rows,
            "passed": rows // 2,
            "batch_size": 100,
        }
        write_record(
            results,
            f"news/{shard:03d}",
            state="finished",
            start=start,
            last=start + 100,
            **counts,
        )
    selection = write_selection(results, "mlm", rows=1000, kept=250)
    os.utime(selection, (NOW - 100, NOW - 100))
    write_record(results, "all", rule="summarize_corpus", state="finished", start=-100, last=-60)
    write_summary(results, -61)


def test_closing_summary_by_hand(results):
    finished_results(results)
    # The shards were analysed from -400 to -240, the tables made from -100 to -60.
    assert summary_lines(page_of(results)) == [
        "score_shard: 1,000 documents in 0:02:40, 6.2 documents/s, passed cheap checks 500 (50.0%)",
        "select_documents mlm: kept 250 of 1,000 documents (25.0%)",
        "total time 0:03:20 in which jobs worked, 3 of 3 jobs finished",
    ]


def test_a_selection_older_than_the_scores_is_not_shown(results):
    finished_results(results)
    rewritten = write_scores(results, "news", 1, rows=400, analysed=0)
    os.utime(rewritten, (NOW - 50, NOW - 50))
    assert not [line for line in summary_lines(page_of(results)) if "kept" in line]


class Clock:
    """A clock that only moves while someone sleeps."""

    def __init__(self, events):
        self.now, self.events = NOW, events

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        for at in [at for at in self.events if NOW + at <= self.now]:
            self.events.pop(at)()


def watched(results: Path, events=None, patience=50.0) -> float:
    """Return after how many seconds a watch ends."""
    clock = Clock(events or {})
    list(show_progress.pages(results, every=2, patience=patience, clock=clock, sleep=clock.sleep))
    return clock.now - NOW


def test_a_watch_ends_with_the_last_table(results):
    finished_results(results)
    assert watched(results) == 0


def test_a_watch_outlives_a_table_that_is_going_to_be_made_again(results):
    finished_results(results)
    write_record(results, "mlm", rule="select_documents", state="finished", start=-9, last=-6)

    def summarize():
        again: dict[str, Any] = {"rule": "summarize_corpus", "state": "finished"}
        write_record(results, "all", start=15, last=18, **again)
        write_summary(results, 17)

    assert watched(results, {20: summarize}) == 24  # more than five seconds after the last word


def test_a_watch_ends_when_nothing_speaks(results):
    write_record(results, "news/000", start=-9, last=-4, done=1, total=9)
    assert watched(results) == 52
    (results / "logs/corpus/score_shard/news/000.json").unlink()
    assert watched(results, patience=10) == 12  # before the first job, from the watch's own start


# ---- the command ---------------------------------------------------------------------------


def test_once_prints_plain_lines_into_a_pipe(results, capsys):
    finished_results(results)
    assert show_progress.main(["--results", str(results), "--once"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert out.splitlines()[:2] == [
        "jobs: 0 running, 3 finished",
        "score_shard news: batch 10/10, 1,000/1,000 documents, passed cheap checks 500 (50.0%), "
        "6.2 documents/s, ETA done",
    ]


def test_lines_that_did_not_change_are_not_repeated(results, capsys):
    finished_results(results)
    with show_progress.lines() as show:
        show(page_of(results))
        first = capsys.readouterr().out
        write_record(results, "news", rule="shard_source", start=0, last=0)
        show(page_of(results, now=1))
    assert first.count("\n") == 3
    assert capsys.readouterr().out.splitlines() == [
        "jobs: 1 running, 3 finished",
        "shard_source news: running",
    ]


def test_a_failure_gives_exit_code_1_and_so_does_a_wrong_folder(results, capsys):
    write_record(results, "news", rule="shard_source", state="failed", start=-9, last=-3)
    assert show_progress.main(["--results", str(results), "--once"]) == 1
    assert show_progress.main(["--results", str(results / "nix")]) == 1
    assert capsys.readouterr().err == (
        f"there is no folder {results / 'nix'}; name a run's with --results\n"
    )


@pytest.mark.parametrize("options", [["--every", "0"], ["--once", "--watch"], ["--evry", "2"]])
def test_bad_options_are_refused(options):
    with pytest.raises(SystemExit) as caught:
        show_progress.main(options)
    assert caught.value.code == 2
