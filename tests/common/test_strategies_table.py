"""The table of strategies: what a row means, and contradictions named before anything runs."""

from pathlib import Path

import pytest

from scripts.common.check_config import ROOT
from scripts.common.config import load_schema
from scripts.common.errors import ConfigError
from scripts.common.strategies_table import read_strategies

SCHEMA = load_schema(ROOT / "config" / "schema.yaml")


def table(folder: Path, *rows: dict[str, str]) -> Path:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["\t".join(columns), *("\t".join(row.get(c, "") for c in columns) for row in rows)]
    path = folder / "strategies.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_empty_cells_are_the_defaults(tmp_path: Path) -> None:
    found = read_strategies(
        table(tmp_path, {"strategy": "none"}, {"strategy": "w", "class_weights": "power"}), SCHEMA
    )
    assert list(found) == ["none", "w"]
    assert found["none"]["models"] == ["tfidf", "transformer"]
    assert (found["none"]["class_weights"], found["none"]["resampling"]) == ("none", "none")
    assert (found["w"]["class_weights"], found["w"]["alpha"]) == ("power", 0.5)


def test_the_published_table_is_good() -> None:
    found = read_strategies(ROOT / "config" / "strategies.tsv", SCHEMA)
    assert next(iter(found)) == "none" and len(found) == 6


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"alpha": "0.5"},
            r"alpha = 0\.5 has no meaning; allowed: only with class_weights = power",
        ),
        ({"gamma": "1"}, r"gamma = 1\.0 has no meaning; allowed: only with loss = focal"),
        ({"max_repeat": "3", "resampling": "under"}, "max_repeat = 3 has no meaning"),
        ({"resampling": "smote"}, "a transformer reads texts"),
        ({"resampling": "smote", "models": "tfidf transformer"}, "a transformer reads texts"),
        ({"class_weights": "sqrt", "resampling": "sampler"}, "corrects what class_weights = sqrt"),
        ({"loss": "focal", "focal_alpha": "class_weights"}, "needs class_weights"),
        ({"loss": "focal", "class_weights": "sqrt"}, "focal_alpha = none leaves class_weights"),
        ({"clip_low": "30", "class_weights": "sqrt"}, "clip_low is above clip_high"),
        ({"clip_low": "0", "class_weights": "sqrt"}, "clip_low = 0.0 is not allowed; allowed: nu"),
        (
            {"clip_low": "0.1"},
            r"clip_low = 0\.1 has no meaning; allowed: only with class_weights =",
        ),
        ({"clip_high": "2", "class_weights": "none"}, r"clip_high = 2\.0 has no meaning"),
        ({"class_weights": "balance"}, "balance"),
    ],
)
def test_contradictions_are_named(tmp_path: Path, row: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_strategies(table(tmp_path, {"strategy": "s", **row}), SCHEMA)


def test_what_is_asked_for_by_name_is_allowed(tmp_path: Path) -> None:
    both = {"class_weights": "sqrt", "resampling": "sampler", "both_allowed": "yes"}
    found = read_strategies(
        table(
            tmp_path,
            {"strategy": "both", **both},
            {"strategy": "numbers", "models": "tfidf", "resampling": "smote"},
        ),
        SCHEMA,
    )
    assert found["both"]["both_allowed"] == "yes"
    assert found["numbers"]["resampling"] == "smote"
