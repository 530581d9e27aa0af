"""The runs of the tiny config: chained checkpoints, frozen items, what the tables hold."""

import csv
import json
import math
import re
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from scripts.common.files import sha256_file
from tests.workflow.harness import snakemake, succeeded

CHECKPOINTS = {
    "text": ("0.0", "0.5", "1.0"),
    "both": ("0.0", "0.5"),
    "names": ("0.0", "0.5"),
}
SETS = ("real_coref", "lambada", "gold_coref")


def track(finished_run: Path) -> Path:
    return finished_run / "results/language_model"


def scores_of(finished_run: Path, run: str, epoch: str) -> list[dict]:
    path = track(finished_run) / f"evaluation/{run}/epoch-{epoch}/items.parquet"
    return pq.read_table(path).to_pylist()


def test_every_checkpoint_is_scored_on_the_same_frozen_items(finished_run: Path) -> None:
    tables = [track(finished_run) / f"evaluation_sets/{name}.parquet" for name in SETS]
    items = [row["item_id"] for path in tables for row in pq.read_table(path).to_pylist()]
    assert len(items) == len(set(items)) > 50
    for name in SETS:
        folder = track(finished_run) / "evaluation_sets"
        stated = json.loads((folder / f"{name}.json").read_text())["sha256"]
        assert stated == sha256_file(folder / f"{name}.parquet")
    for run, epochs in CHECKPOINTS.items():
        for epoch in epochs:
            found = [row["item_id"] for row in scores_of(finished_run, run, epoch)]
            assert sorted(found) == sorted(items)


def test_no_item_stands_in_a_training_document(finished_run: Path) -> None:
    path = track(finished_run) / "evaluation_sets/contamination.json"
    counts = json.loads(path.read_text())["contaminated_items"]
    assert set(counts) == set(SETS)
    assert {number for checks in counts.values() for number in checks.values()} == {0}


def test_a_run_starts_from_the_checkpoint_that_its_parent_chose(finished_run: Path) -> None:
    """The copy is the chosen checkpoint, and the child's start has its scores."""
    trained = track(finished_run) / "train/text"
    chosen = json.loads((trained / "best.json").read_text())["epoch"]
    assert chosen in ("0.5", "1.0")
    for name in ("model.safetensors", "config.json"):
        assert (trained / "best" / name).read_bytes() == (
            trained / f"epoch-{chosen}" / name
        ).read_bytes()
    assert scores_of(finished_run, "names", "0.0") == scores_of(finished_run, "text", chosen)


@pytest.mark.parametrize("run", ["text", "both"])
def test_a_fresh_model_begins_by_guessing_and_learns(run: str, finished_run: Path) -> None:
    epochs = CHECKPOINTS[run][1:]
    paths = [track(finished_run) / f"train/{run}/epoch-{epoch}/steps.parquet" for epoch in epochs]
    steps = [row for path in paths for row in pq.read_table(path).to_pylist()]
    assert [row["step"] for row in steps] == list(range(1, len(steps) + 1))
    assert steps[0]["loss"] == pytest.approx(math.log(1500), rel=0.1)
    assert sum(row["loss"] for row in steps[-5:]) / 5 < steps[0]["loss"] - 0.3


def test_only_the_last_training_state_of_a_run_is_kept(finished_run: Path) -> None:
    states = {
        path.relative_to(track(finished_run) / "train").as_posix()
        for path in track(finished_run).glob("train/*/*/state.safetensors")
    }
    assert states == {
        "text/epoch-1.0/state.safetensors",
        "both/epoch-0.5/state.safetensors",
        "names/epoch-0.5/state.safetensors",
    }


def test_the_tables_hold_every_run_and_the_page_shows_them(finished_run: Path) -> None:
    with (track(finished_run) / "tables/runs.tsv").open(newline="") as stream:
        rows = {row["run"]: row for row in csv.DictReader(stream, delimiter="\t")}
    assert rows.keys() == CHECKPOINTS.keys()
    assert sorted(row["kind"] for row in rows.values()) == ["combined", "entity_ft", "mlm"]
    page = (finished_run / "results/report/index.html").read_text(encoding="utf-8")
    text = (finished_run / "results/report/language_model.md").read_text(encoding="utf-8")
    for run in CHECKPOINTS:
        assert run in page and run in text
    assert "요약" in text


def test_the_plan_shows_every_checkpoint_before_anything_runs(tmp_path: Path) -> None:
    """The job graph of a fresh folder holds each segment and each evaluation."""
    printed = succeeded(
        snakemake(
            *("--dag", "dot", "language_model"),
            *("--configfile", "tests/config/tiny.yaml"),
            directory=tmp_path,
        )
    ).stdout
    jobs = Counter(re.findall(r'label = "(\w+)', printed))
    evaluated = sum(len(epochs) for epochs in CHECKPOINTS.values())
    assert jobs["evaluate_checkpoint"] == evaluated == 7
    assert jobs["train_epoch"] + jobs["train_last_epoch"] == evaluated - len(CHECKPOINTS)
    assert jobs["select_checkpoint"] == len(CHECKPOINTS)
