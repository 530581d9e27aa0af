"""What the configuration names as the track's input, models and jobs."""

from pathlib import Path
from typing import Any

import pytest

from scripts.classification.plan import ClassificationPlan
from scripts.common.check_config import ROOT
from scripts.common.config import checked_config, load_schema
from scripts.common.errors import ConfigError

SCHEMA = load_schema(ROOT / "config" / "schema.yaml")
STRATEGIES: dict[str, dict[str, Any]] = {
    "none": {"strategy": "none", "models": ["tfidf", "transformer"], "loss": "cross_entropy"},
    "focal": {"strategy": "focal", "models": ["tfidf"], "loss": "focal"},
}


def plan(folder: Path, strategies: dict[str, Any] = STRATEGIES, **given: Any) -> ClassificationPlan:
    section = {"input": given, "training_seeds": [7, 8]}
    return ClassificationPlan(
        checked_config({"classification": section}, SCHEMA), strategies, folder
    )


def test_generated_rows_have_columns_of_their_own_and_files_those_that_are_named(
    tmp_path: Path,
) -> None:
    (tmp_path / "b.csv").touch()
    (tmp_path / "a.csv").touch()
    generated = plan(tmp_path, kind="generated", label_column="other")
    assert generated.inputs() == ["<results>/classification/generated/rows.parquet"]
    assert generated.column("label_column") == "acct_code"
    files = plan(tmp_path, kind="files", location="*.csv", label_column="code")
    assert files.inputs() == [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    assert (files.column("label_column"), files.column("split_column")) == ("code", None)
    assert not plan(tmp_path, kind="none") and plan(tmp_path, kind="none").inputs() == []


def test_no_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"classification\.input\.location = x/\*\.csv names no"):
        plan(tmp_path, kind="files", location="x/*.csv").inputs()


def test_every_strategy_is_trained_with_its_models_and_every_seed(tmp_path: Path) -> None:
    found = plan(tmp_path, kind="generated")
    runs = [run.removeprefix("<results>/classification/runs/") for run in found.runs()]
    assert runs == [
        *("tfidf/none/7", "tfidf/none/8", "tfidf/focal/7", "tfidf/focal/8"),
        *("transformer/none/7", "transformer/none/8"),
    ]
    assert found.settings("focal") == {"loss": "focal"}
    wildcards = {"strategy", "seed"}
    assert len(found.jobs_of("train_linear", wildcards)) == 4
    assert found.jobs_of("train_transformer", wildcards)[0] == {"strategy": "none", "seed": "7"}


def test_what_nobody_needs_is_not_planned(tmp_path: Path) -> None:
    linear = plan(tmp_path, {"focal": STRATEGIES["focal"]}, kind="generated")
    assert linear.jobs_of("prepare_transformer", set()) == []
    assert linear.jobs_of("train_unfiltered", set()) == [{}]
    transformer = {"t": {"strategy": "t", "models": ["transformer"]}}
    assert plan(tmp_path, transformer, kind="generated").jobs_of("train_unfiltered", set()) == []
    (tmp_path / "a.csv").touch()
    files = plan(tmp_path, kind="files", location="a.csv")
    assert files.jobs_of("score_audit", set()) == files.jobs_of("generate_rows", set()) == []
