"""Early stopping: evaluations decide which segments a plan has, before a run and while it runs.

The finished run has two checkpoints of `text`; its table of runs is given more, and its evaluations
are given composites. `names` starts from text@best.
"""

import json
import os
import re
import shutil
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from scripts.common.checksums import note_path
from tests.workflow.harness import copy_sources, snakemake, stale_jobs, succeeded
from tests.workflow.test_staleness import FROM_MODEL_TABLES, FROM_SELECT_TEXT

NEXT = {"train_epoch text 1.5", "evaluate_checkpoint text 1.5"}
LAST = {"train_last_epoch text 2.0", "evaluate_checkpoint text 2.0"}
SCORES = "results/language_model/evaluation/text/epoch-{}/items.parquet"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture
def study(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of the finished run whose `text` has four checkpoints planned, two of them done."""
    study = shutil.copytree(finished_run, tmp_path / "study")
    edit_runs(study, "text", "epochs", "2")
    return study


def edit_runs(study: Path, run: str, column: str, value: str) -> None:
    path = study / "tests/config/runs_tiny.tsv"
    header, *rows = (line.split("\t") for line in path.read_text().splitlines())
    for cells in rows:
        if cells[0] == run:
            cells[header.index(column)] = value
    path.write_text("".join("\t".join(cells) + "\n" for cells in [header, *rows]))


def plant(study: Path, *levels: float) -> None:
    """Give the evaluations of `text` these composites; the test half has the opposite ones.

    A file keeps its time, as if the evaluation had written it, and its checksum is forgotten.
    """
    for place, level in enumerate(levels, start=1):
        name = SCORES.format(place / 2)
        path = study / name
        (study / note_path(name)).unlink(missing_ok=True)
        before = path.stat()
        table = pq.read_table(path)
        seen: Counter[tuple[str, str]] = Counter()
        keys = [(row["set"], row["half"]) for row in table.select(["set", "half"]).to_pylist()]
        sizes = Counter(keys)
        hits = []
        for key in keys:
            share = level if key[1] == "validation" else 1 - level
            hits.append(seen[key] < share * sizes[key])
            seen[key] += 1
        for column in ("strict_1", "strict_5"):
            number = table.schema.get_field_index(column)
            table = table.set_column(number, table.schema.field(number), pa.array(hits))
        pq.write_table(table, path)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def config_of(study: Path, patience: int | None) -> Path:
    config = yaml.safe_load((study / "tests/config/tiny.yaml").read_text())
    config["language_model"]["patience"] = patience
    path = study / f"patience_{patience}.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def stale(sources: Path, study: Path, patience: int | None) -> set[str]:
    return stale_jobs(sources, study, config_of(study, patience))


def of_text(jobs: set[str]) -> set[str]:
    return {job for job in jobs if " text" in job}


@pytest.mark.parametrize(
    ("levels", "patience", "trained"),
    [
        ((0.6, 0.4), 1, set()),
        ((0.5, 0.5), 1, set()),
        ((0.4, 0.6), 1, NEXT),
        ((0.6, 0.4), 2, NEXT),
        ((0.6, 0.4), None, NEXT | LAST),
    ],
)
def test_what_is_planned_next_hangs_on_the_validation_half(
    levels: tuple[float, ...],
    patience: int | None,
    trained: set[str],
    sources: Path,
    study: Path,
) -> None:
    """A stopped run is left as it is, with what starts from it; only the tables tell of the stop.

    A run that goes on shows the segment that comes next, whatever follows.
    """
    plant(study, *levels)
    expected = trained | FROM_SELECT_TEXT if trained else FROM_MODEL_TABLES
    assert stale(sources, study, patience) == expected


def test_patience_leaves_out_what_is_there_and_takes_it_back(sources: Path, study: Path) -> None:
    """Four checkpoints are there: any patience only chooses anew, no segment is made again."""
    track = study / "results/language_model"
    for folder in ("train/text", "evaluation/text"):
        for epoch in ("1.5", "2.0"):
            shutil.copytree(track / folder / "epoch-1.0", track / folder / f"epoch-{epoch}")
    for epoch in ("1.0", "1.5"):  # as training does without patience
        (track / f"train/text/epoch-{epoch}/state.safetensors").unlink()
    succeeded(snakemake("--touch", "--configfile", str(config_of(study, None)), directory=study))
    assert stale(sources, study, None) == set()
    plant(study, 0.3, 0.6, 0.4, 0.6)
    stopped = stale(sources, study, 1)  # after 1.5
    assert stopped == FROM_SELECT_TEXT
    assert stale(sources, study, 2) == FROM_MODEL_TABLES  # by the last one: nothing is left out
    plant(study, 0.3, 0.4, 0.5, 0.6)
    assert stale(sources, study, 1) == FROM_MODEL_TABLES


def test_a_run_is_stopped_while_it_runs(sources: Path, study: Path) -> None:
    """It goes on after 1.0, is no better at 1.5, and ends; its state waits for more patience."""
    plant(study, 0.4, 1.0)
    best = "results/language_model/train/text/best.json"
    arguments = (best, "--cores", "1", "--configfile", str(config_of(study, 1)))
    succeeded(snakemake(*arguments, directory=study))
    chosen = json.loads((study / best).read_text())
    assert list(chosen["validation"]) == ["0.5", "1.0", "1.5"]
    assert chosen["epoch"] == "1.0"
    trained = study / "results/language_model/train/text"
    assert not (trained / "epoch-2.0").exists()
    assert (trained / "epoch-1.5/state.safetensors").exists()
    again = succeeded(snakemake(*arguments, directory=study))
    assert "Nothing to be done" in again.stdout + again.stderr
    assert of_text(stale(sources, study, 1)) == set()
    assert of_text(stale(sources, study, 2)) == LAST | {"select_checkpoint text"}


def test_a_start_that_was_never_reached_is_told(sources: Path, study: Path) -> None:
    edit_runs(study, "names", "init", "text@1.5")
    plant(study, 0.6, 0.4)
    planned = stale(sources, study, 1)
    assert "refuse_start names" in planned
    assert not planned & (NEXT | LAST)
    assert "refuse_start names" not in stale(sources, study, 2)
    result = snakemake(
        "results/language_model/train/names/best.json",
        *("--cores", "1", "--configfile", str(config_of(study, 1))),
        directory=study,
    )
    assert result.returncode != 0
    (line,) = {
        line[line.index("run names, init") :]
        for line in (result.stdout + result.stderr).splitlines()
        if "run names, init" in line
    }
    assert line.startswith("run names, init = text@1.5: text was stopped after epoch 1.0, since by")
    assert line.endswith(
        "start from text@best or another of 0.5, 1.0, raise patience, or set it to null"
    )


def test_a_fresh_plan_shows_what_is_known_before_data(tmp_path: Path) -> None:
    shutil.copytree(Path("tests/config"), tmp_path / "tests/config")
    printed = succeeded(
        snakemake(
            *("--dag", "dot", "language_model"),
            *("--configfile", str(config_of(tmp_path, 1))),
            directory=tmp_path,
        )
    ).stdout
    jobs = Counter(re.findall(r'label = "(\w+)', printed))
    assert jobs["train_epoch"] + jobs["train_last_epoch"] == jobs["select_checkpoint"] == 3
    assert jobs["evaluate_checkpoint"] == 6  # the start and the first epoch of each run
