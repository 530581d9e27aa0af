"""Costs of the jobs: the table from records, the figures, the page."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes

from scripts.common.errors import InputError
from scripts.common.job_record import recording
from scripts.common.progress import Progress
from scripts.report import plot_costs, summarize_costs, write_costs
from scripts.report.cost_figures import memory_figure, throughput_figure
from scripts.report.drawing import figure_style
from scripts.report.job_costs import CostRow, read_costs
from scripts.report.number_formats import rate
from tests.report.fake_tables import write_fake_tables
from tests.report.test_page import Page

JOBS = {
    "score_shard/news/000": {"source": "news", "shard": "000"},
    "score_shard/news/001": {"source": "news", "shard": "001"},
    "cap_entities/512": {"length": "512"},
    "split_documents/all": {},
}


def record(logs: Path, name: str, documents: int | None = None, *, seconds: float = 4.0) -> None:
    """Keep a job's record, as a job of 1,000 MB with two threads does."""
    rule = name.split("/")[0]
    ticks = iter([0.0, *[seconds] * 9])
    with recording(
        logs / f"{name}.log", rule=rule, wildcards=JOBS.get(name, {}), threads=2, mem_mb=1000
    ):
        if documents is not None:
            short = Progress("short", total=1, unit="shards", clock=lambda: 0.0)
            short.advance(1)
            progress = Progress("long", total=documents, clock=lambda: next(ticks))
            progress.advance(documents, documents // 2)
            progress.finish()


def costs_of(
    logs: Path, folder: Path, jobs: dict[str, dict[str, str]], summary: str = "{}"
) -> dict[str, CostRow]:
    table = folder / "costs.tsv"
    (folder / "summary.json").write_text(summary)
    summarize_costs.run(folder / "summary.json", [], table, logs=logs, jobs=jobs)
    return {f"{row.rule}/{row.job}": row for row in read_costs(table)}


def test_each_planned_job_has_its_row(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    logs = tmp_path / "logs"
    record(logs, "score_shard/news/000", 100)
    record(logs, "score_shard/news/001", 60)
    record(logs, "cap_entities/512")
    record(logs, "score_shard/gone/000", 7)  # a source that the plan has no more
    (logs / "split_documents").mkdir()
    (logs / "split_documents/all.json").write_text('{"rule": ')
    rows = costs_of(logs, tmp_path, JOBS)
    assert list(rows) == list(JOBS)
    first = rows["score_shard/news/000"]
    assert (first.source, first.shard, first.threads, first.mem_mb) == ("news", "000", 2, 1000)
    assert (first.items, first.passed, first.unit) == (100, 50, "documents")
    assert first.state == "finished" and first.peak_mb is not None and first.peak_mb > 1
    assert first.seconds is not None and first.items_per_second is not None
    assert first.items_per_second == pytest.approx(100 / first.seconds, rel=0.2)
    assert (rows["cap_entities/512"].length, rows["cap_entities/512"].items) == (512, None)
    assert rows["split_documents/all"].state == "unreadable"
    assert "split_documents all" in caplog.text


def test_a_rate_is_of_the_jobs_own_items_and_slow_ones_are_no_zero(tmp_path: Path) -> None:
    names = ("train_epoch/a/epoch-1.0", "assess_stability/all")
    for name, unit, done, before in zip(
        names, ("steps", "bootstraps"), (100, 3), (90, 0), strict=True
    ):
        file = tmp_path / "logs" / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        with recording(file.with_suffix(".log"), rule="r", wildcards={}, threads=1, mem_mb=9):
            progress = Progress("work", total=done, unit=unit, taken_over=before)
            progress.advance(done - before)
            progress.finish()
        kept = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps(kept | {"updated": kept["started"] + 1000}), encoding="utf-8")
    rows = costs_of(tmp_path / "logs", tmp_path, {name: {} for name in names})
    resumed, slow = rows.values()
    assert (resumed.items, resumed.seconds, resumed.items_per_second) == (100, 1000, 0.01)
    assert slow.items_per_second == 0.003
    with figure_style():
        steps, bootstraps = throughput_figure([resumed, slow]).axes
    assert dots(steps) == [[0.01]] and dots(bootstraps) == [[0.003]]
    assert bootstraps.texts[0].get_text() == "0.003 bootstraps/s"
    assert rate(slow.items_per_second) == "0.003"


def test_epochs_that_early_stopping_left_out_are_no_missing_jobs(tmp_path: Path) -> None:
    jobs = {
        f"{rule}/{run}/epoch-{epoch}": {"run": run, "epoch": epoch}
        for rule in ("train_epoch", "evaluate_checkpoint")
        for run in ("a", "b")
        for epoch in ("0.5", "1.0")
    } | {"select_checkpoint/a": {"run": "a"}}
    record(tmp_path / "logs", "train_epoch/a/epoch-1.0", 7)  # of an earlier run without patience
    left_out = '{"stopping": {"patience": 1, "left_out": {"a": ["1.0"]}}}'
    found = costs_of(tmp_path / "logs", tmp_path, jobs, left_out)
    assert jobs.keys() - found.keys() == {
        "train_epoch/a/epoch-1.0",
        "evaluate_checkpoint/a/epoch-1.0",
    }
    assert costs_of(tmp_path / "logs", tmp_path, jobs, '{"stopping": null}').keys() == jobs.keys()


def test_a_job_without_a_record_is_listed_and_stops_nothing(tmp_path: Path) -> None:
    rows = costs_of(tmp_path / "logs", tmp_path, JOBS)
    assert {row.state for row in rows.values()} == {"missing"}
    assert rows["score_shard/news/000"].seconds is None
    with figure_style():
        assert throughput_figure(list(rows.values())).axes == []
        assert memory_figure(list(rows.values())).axes == []


def job(rule: str, name: str, speed: float | None, peak: float, **columns: object) -> CostRow:
    filled: dict[str, object] = dict.fromkeys(CostRow.__dataclass_fields__)
    filled |= {"rule": rule, "job": name, "source": name.split("/")[0], "state": "finished"}
    filled |= {"items": 10, "unit": "documents", "seconds": 2.0, "items_per_second": speed}
    return CostRow(**{**filled, "peak_mb": peak, "mem_mb": 1200.0, **columns})  # type: ignore[arg-type]


def dots(axes: Axes) -> list[list[float]]:
    return [np.asarray(x.get_xdata()).tolist() for x in axes.lines if x.get_marker() == "o"]


def test_dots_stand_at_rates_and_peaks_with_the_limits() -> None:
    rows = [
        job("score_shard", "news/000", 120.5, 700),
        job("score_shard", "news/001", 80, 600),
        job("score_shard", "wire/000", 90, 650, state="running"),
        job("tokenize_shard", "news/000", 900, 300),
        job("build_mlm", "512", 2, 1300, source=None, unit="shards"),
    ]
    with figure_style():
        rates, memory = throughput_figure(rows), memory_figure(rows)
    documents, shards = rates.axes
    assert dots(documents) == [[120.5, 80], [900]] and dots(shards) == [[2]]
    assert "per second" in documents.get_xlabel() and documents.get_xscale() == "log"
    assert documents.texts[0].get_text() == "100 documents/s"
    (axes,) = memory.axes
    assert dots(axes) == [[700, 600], [300], [1300]]
    assert "(MB)" in axes.get_xlabel()
    upright = {float(np.asarray(x.get_xdata())[0]) for x in axes.lines if x.get_marker() != "o"}
    assert {1000.0, 1200.0} <= upright
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["score_shard · news (2)", "tokenize_shard · news (1)", "build_mlm (1)"]
    assert axes.get_xlim()[1] > 1300


def test_the_page_shows_every_step_and_links_to_the_report(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    for name in ("score_shard/news/000", "score_shard/news/001"):
        record(logs, name, 100)
    costs_of(logs, tmp_path, JOBS)
    figures: dict[str, Any] = {
        f"{name}_figure": tmp_path / f"{name}.svg" for name in ("throughput", "memory")
    }
    plot_costs.run(tmp_path / "costs.tsv", **figures)
    summary = write_fake_tables(tmp_path / "tables")["summary"]
    write_costs.run(tmp_path / "costs.tsv", summary, **figures, page=tmp_path / "index.html")
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    page = Page(text)
    links = {v for _, name, v in page.attributes if name == "href" and not v.startswith("#")}
    assert links == {"../report/index.html"}
    assert "http://" not in text and "https://" not in text
    assert not {"script", "link", "iframe", "img"} & set(page.tags)
    (table,) = [rows for caption, rows in page.tables.items() if "step" in caption]
    steps = {row[0]: row[1:3] for row in table[1:]}
    assert steps == {
        "score_shard · news": ["2", "2"],
        "cap_entities": ["1", "0"],
        "split_documents": ["1", "0"],
    }
    assert "cap_entities 512: missing" in page.text and "split_documents all: missing" in page.text
    assert re.search(r"2 of 4 planned jobs", page.text)


def test_costs_are_not_summed_up_before_the_track_has_ended(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("{}")
    with pytest.raises(InputError, match=r"sweep\.tsv is missing, so the track has not ended"):
        summarize_costs.run(
            tmp_path / "summary.json",
            [tmp_path / "sweep.tsv"],
            tmp_path / "costs.tsv",
            logs=tmp_path,
            jobs={},
        )
    assert not (tmp_path / "costs.tsv").exists()
