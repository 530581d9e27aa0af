"""Seconds of the retrieval methods against their score, by hand, and their page."""

from pathlib import Path
from typing import Any

import pytest

from scripts.common.errors import ConfigError, IntegrityError
from scripts.report import plot_costs, plot_retrieval_costs, write_costs
from scripts.report.job_costs import COST_COLUMNS, CostRow
from scripts.report.retrieval_costs import method_timings, read_timings
from scripts.report.retrieval_tables import read_transfer
from tests.report.fake_tables import write_tsv
from tests.report.retrieval_builders import SEEDS, Tables
from tests.report.test_page import Page
from tests.report.test_training_costs import job

SESSIONS = range(3)


def jobs() -> list[CostRow]:
    """Return the jobs of a plan of 4 trained and 2 fixed methods; one record is missing."""
    found = [job("0", 50.0, rule="build_session"), job("all", 70.0, rule="compare_methods")]
    for method in ("new_only", "replay", "cluster", "retrain"):
        for seed in SEEDS:
            for session in SESSIONS:
                name = f"{method}/{seed}/{session}"
                missing = (method, seed, session) == ("retrain", 2, 1)
                found.append(job(name, 2.0, rule="update_memory"))
                found.append(job(name, None if missing else 10.0, rule="train_encoder"))
                found.append(job(f"{name}-0", 1.0, rule="evaluate_session"))
                found.append(job(name, 0.5, rule="evaluate_accumulated"))
    found += [job(f"frozen/0/{one}-{one}", 1.0, rule="evaluate_session") for one in SESSIONS]
    return [*found, *(job(f"bm25/0/{one}", 4.0, rule="evaluate_bm25") for one in SESSIONS)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return Tables(tmp_path_factory.mktemp("tables")).write()


def test_seconds_are_added_up_by_method_and_divided_by_streams(files):
    found = {
        row.method: row
        for row in method_timings(jobs(), read_transfer(files["transfer"]), "success_5")
    }
    assert list(found) == ["new_only", "replay", "cluster", "retrain", "frozen", "bm25"]
    cluster = found["cluster"]
    assert (cluster.update_memory, cluster.train_encoder) == (2.0 * 6, 10.0 * 6)
    assert (cluster.evaluation, cluster.seconds) == (1.5 * 6, 13.5 * 6)
    assert (cluster.seeds, cluster.seconds_per_stream) == (2, 13.5 * 3)
    assert cluster.learning_per_stream == 12.0 * 3
    assert cluster.average == pytest.approx(Tables(Path()).average("cluster", 2), abs=1e-6)
    assert (found["bm25"].learning_per_stream, found["bm25"].seconds) == (0.0, 12.0)


def test_a_missing_record_leaves_a_dash(files):
    (row,) = [
        row
        for row in method_timings(jobs(), read_transfer(files["transfer"]), "success_5")
        if row.method == "retrain"
    ]
    assert row.train_encoder is None and row.seconds is None and row.learning_per_stream is None
    assert row.update_memory == 12.0


def test_no_record_at_all_costs_nothing_that_is_known(files, tmp_path):
    costs = write_tsv(tmp_path / "costs.tsv", COST_COLUMNS, [])
    timings = tmp_path / "timings.tsv"
    plot_retrieval_costs.run(
        costs, files["transfer"], files["summary"], timings, tmp_path / "timings.svg"
    )
    assert all(row.seconds is None and row.update_memory is None for row in read_timings(timings))
    assert (tmp_path / "timings.svg").is_file()


def test_the_page_shows_seconds_beside_the_score(files, tmp_path):
    costs = write_tsv(tmp_path / "c.tsv", COST_COLUMNS, [[*vars(row).values()] for row in jobs()])
    drawn: dict[str, Any] = {
        "throughput_figure": tmp_path / "throughput.svg",
        "memory_figure": tmp_path / "memory.svg",
    }
    plot_costs.run(costs, **drawn)
    timings, figure = tmp_path / "timings.tsv", tmp_path / "timings.svg"
    plot_retrieval_costs.run(costs, files["transfer"], files["summary"], timings, figure)
    first = figure.read_bytes()
    plot_retrieval_costs.run(costs, files["transfer"], files["summary"], timings, figure)
    assert figure.read_bytes() == first
    page = tmp_path / "page.html"
    scores = {"scores": timings, "scores_figure": figure}
    write_costs.run(costs, files["summary"], **drawn, **scores, page=page, track="retrieval")
    shown = Page(page.read_text(encoding="utf-8"))
    assert "Methods against score" in shown.text
    table = {row[0]: row[1:] for row in shown.tables["Seconds of each method"][1:]}
    assert table["cluster"][1:] == ["2", "12.0", "60.0", "9.0", "81.0", "40.5"]
    assert table["retrain"][3] == table["retrain"][5] == "–"
    assert next(iter(table)) == "bm25"  # the best first
    with pytest.raises(ConfigError, match="corpus"):
        write_costs.run(costs, files["summary"], **drawn, **scores, page=page, track="corpus")
    timings.write_text(timings.read_text().replace("cluster", "replay"))
    with pytest.raises(IntegrityError, match="replay twice"):
        read_timings(timings)
