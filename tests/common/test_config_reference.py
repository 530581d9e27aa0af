"""config/README.md says what the schema says."""

import copy

from scripts.common import config_reference
from scripts.common.check_config import ROOT
from scripts.common.config import leaf_paths, load_schema

SCHEMA = load_schema(ROOT / "config" / "schema.yaml")
PATHS = [path for path, _ in leaf_paths(SCHEMA)]


def test_reference_follows_the_schema():
    assert config_reference.main(["--check"]) == 0, "run python -m scripts.common.config_reference"


def test_reference_has_a_row_for_every_key_and_column():
    page = (ROOT / "config" / "README.md").read_text("utf-8")
    keys, _, tables = page.partition("## The table of sources")
    for path in PATHS:
        assert keys.count(f"\n| `{path}` | ") == 1
    rows = ("source", "run", "strategy", "method", "session_share")
    for table, row_schema in zip(tables.split("## The table of "), rows, strict=True):
        for column, part in SCHEMA["$defs"][row_schema]["properties"].items():
            (row,) = [line for line in table.splitlines() if line.startswith(f"| `{column}` | ")]
            assert part["description"].replace("|", "\\|") in row.replace("\\*", "*")
            assert row.replace("\\|", "").count("|") == 6


def test_reference_drifts_with_any_change_of_a_key(capsys, monkeypatch):
    edited = copy.deepcopy(SCHEMA)
    edited["properties"]["seed"]["default"] = 43
    monkeypatch.setattr(config_reference, "load_schema", lambda path: edited)
    assert config_reference.main(["--check"]) == 1
    assert "run python -m scripts.common.config_reference" in capsys.readouterr().err
    assert config_reference.main(["--chek"]) == 2
