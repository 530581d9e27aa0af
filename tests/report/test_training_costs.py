"""Hours of training against the score, by hand, and their page."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.common.errors import ConfigError
from scripts.report import plot_costs, plot_training_costs, write_costs
from scripts.report.job_costs import COST_COLUMNS, CostRow
from scripts.report.language_model_tables import RunRow, read_run_verdicts
from scripts.report.training_costs import read_training_costs, training_costs
from tests.language_model.summary_builders import demo_track
from tests.report.fake_tables import write_fake_tables, write_tsv
from tests.report.test_page import Page


def job(name: str, seconds: float | None, *, rule: str = "train_epoch") -> CostRow:
    return CostRow(
        rule=rule,
        job=name,
        source=None,
        shard=None,
        length=None,
        dataset=None,
        threads=2,
        items=10,
        unit="steps",
        passed=10,
        seconds=seconds,
        items_per_second=1.0,
        peak_mb=500.0,
        mem_mb=1000.0,
        state="finished" if seconds is not None else "missing",
    )


JOBS = [
    *(job(f"mlm_128/epoch-{epoch}", 1800.0) for epoch in ("0.5", "1.0", "1.5", "2.0")),
    *(job(f"ft_mlm/epoch-{epoch}", 360.0) for epoch in ("0.5", "1.0")),
    job("combined_128/epoch-0.5", 100.0),
    job("combined_128/epoch-1.0", None),
    *(job(f"ft_combined/epoch-{epoch}", 360.0) for epoch in ("0.5", "1.0")),
    job("mlm_128/epoch-0.5", 9999.0, rule="evaluate_checkpoint"),
]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(demo_track(tmp_path_factory.mktemp("track"), documents=30)["summary"]).parent


@pytest.fixture(scope="module")
def runs(tables: Path) -> list[RunRow]:
    best = {"mlm_128": "1.0", "ft_mlm": "1.0", "combined_128": "1.0", "ft_combined": "0.5"}
    rows = read_run_verdicts(tables / "runs.tsv")
    return [replace(row, best_epoch=best.get(row.run, row.best_epoch)) for row in rows]


def test_hours_go_up_to_the_best_checkpoint_and_include_parents(runs: list[RunRow]) -> None:
    found = {row.run: row for row in training_costs(JOBS, runs)}
    assert found["mlm_128"].hours == 1.0  # two segments of half an hour; evaluation is no training
    assert found["mlm_128"].tokens_per_second == round(40_000 / 7200, 1)
    assert (found["ft_mlm"].hours, found["ft_mlm"].hours_with_parents) == (0.2, 1.2)


def test_a_missing_record_leaves_a_dash(runs: list[RunRow]) -> None:
    found = {row.run: row for row in training_costs(JOBS, runs)}
    assert found["combined_128"].hours is None
    assert (found["ft_combined"].hours, found["ft_combined"].hours_with_parents) == (0.1, None)
    assert found["mlm_256"].hours is None and found["mlm_256"].tokens_per_second is None


def test_the_page_shows_hours_beside_the_score(tables: Path, tmp_path: Path) -> None:
    costs = write_tsv(tmp_path / "costs.tsv", COST_COLUMNS, [[*vars(row).values()] for row in JOBS])
    figures: dict[str, Any] = {
        "throughput_figure": tmp_path / "throughput.svg",
        "memory_figure": tmp_path / "memory.svg",
    }
    plot_costs.run(costs, **figures)
    plot_training_costs.run(
        costs, tables / "runs.tsv", tmp_path / "training.tsv", tmp_path / "training.svg"
    )
    summary = write_fake_tables(tmp_path, sources=1)["summary"]
    write_costs.run(
        costs,
        summary,
        **figures,
        page=tmp_path / "page.html",
        scores=tmp_path / "training.tsv",
        scores_figure=tmp_path / "training.svg",
        track="language_model",
    )
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "Costs of the language_model track" in page.text
    shown = {row[0]: row[1:] for row in page.tables["Training of each run"][1:]}
    (mlm,) = [row for row in read_training_costs(tmp_path / "training.tsv") if row.run == "mlm_128"]
    assert shown["mlm_128"][:2] == [f"{mlm.test:.1%}", f"{mlm.hours:.3f}"]
    assert shown["combined_128"][1:3] == ["–", "–"]
    assert page.text.count("Throughput") >= 1
    with pytest.raises(ConfigError, match="both, or neither"):
        write_costs.run(
            costs, summary, **figures, page=tmp_path / "p.html", scores=tmp_path / "training.tsv"
        )


def test_no_record_at_all_is_said(tables: Path, tmp_path: Path) -> None:
    costs = write_tsv(tmp_path / "costs.tsv", COST_COLUMNS, [])
    plot_training_costs.run(costs, tables / "runs.tsv", tmp_path / "t.tsv", tmp_path / "t.svg")
    assert (tmp_path / "t.svg").is_file()
    assert all(row.hours is None for row in read_training_costs(tmp_path / "t.tsv"))
