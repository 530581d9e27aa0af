"""The table of methods, and that of shares: what a row means, and contradictions named at once."""

from pathlib import Path

import pytest

from scripts.common.check_config import ROOT
from scripts.common.config import load_schema
from scripts.common.errors import ConfigError
from scripts.common.methods_table import read_methods
from scripts.common.session_plan import read_session_plan

SCHEMA = load_schema(ROOT / "config" / "schema.yaml")


def table(folder: Path, *rows: dict[str, str]) -> Path:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["\t".join(columns), *("\t".join(row.get(c, "") for c in columns) for row in rows)]
    path = folder / "table.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_empty_cells_are_the_defaults(tmp_path: Path) -> None:
    rows = ({"method": "a", "kind": "continue"}, {"method": "b", "kind": "bm25"})
    found = read_methods(table(tmp_path, *rows), SCHEMA)
    assert list(found) == ["a", "b"]
    wanted = {"memory": "none", "positives": "cluster", "negatives": "cluster", "labels": "none"}
    assert wanted.items() <= found["a"].items()


@pytest.mark.parametrize("name", ["methods.tsv", "methods_full.tsv"])
def test_the_published_tables_are_good(name: str) -> None:
    found = read_methods(ROOT / "config" / name, SCHEMA)
    assert {"new_only", "replay", "cluster"} <= found.keys()


def test_the_full_table_has_every_memory_sampler_and_baseline() -> None:
    found = read_methods(ROOT / "config" / "methods_full.tsv", SCHEMA).values()
    assert {row["kind"] for row in found} == {"bm25", "frozen", "continue", "restart"}
    assert {row["memory"] for row in found} == {"none", "random", "cluster", "all"}
    sides = {(row["positives"], row["negatives"]) for row in found}
    assert {("random", "random"), ("labels", "labels"), ("cluster", "cluster")} <= sides
    assert {("labels", "cluster"), ("cluster", "labels")} <= sides


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"kind": "bm25", "memory": "all"}, r"memory = all has no meaning; .* continue or restart"),
        ({"kind": "frozen", "labels": "all"}, "labels = all has no meaning"),
        ({"kind": "continue", "label_share": "0.1"}, "only with labels = share"),
        ({"kind": "continue", "positives": "labels"}, "finds no known answer with labels = none"),
        ({"kind": "train"}, 'kind = "train" is not allowed'),
        ({"kind": "continue", "memory": "clusters"}, 'memory = "clusters" is not allowed'),
    ],
)
def test_contradictions_are_named(tmp_path: Path, row: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_methods(table(tmp_path, {"method": "m", **row}), SCHEMA)


def share(session: str, domain: str, part: str) -> dict[str, str]:
    return {"session": session, "domain": domain, "share": part}


def test_a_plan_is_read_row_by_row(tmp_path: Path) -> None:
    path = table(tmp_path, share("D0", "a", "0.7"), share("D1", "a", "0.3"), share("D0", "b", "1"))
    found = read_session_plan(path, SCHEMA)
    assert [(row["session"], row["domain"], row["share"]) for row in found] == [
        *(("D0", "a", 0.7), ("D1", "a", 0.3), ("D0", "b", 1.0)),
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([share("D0", "a", "0.7"), share("D1", "a", "0.4")], r"brings domain a to 1\.1 over all"),
        ([share("D0", "a", "0.1"), share("D0", "a", "0.2")], "stands twice in session D0"),
        ([share("D0", "a", "1.5")], r"share = 1\.5 is not allowed"),
        ([share("D0", "", "0.5")], "domain"),
    ],
)
def test_impossible_plans_are_named(
    tmp_path: Path, rows: list[dict[str, str]], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        read_session_plan(table(tmp_path, *rows), SCHEMA)


def test_shares_in_tenths_may_fill_a_domain(tmp_path: Path) -> None:
    rows = [share(f"D{number}", "a", "0.1") for number in range(10)]
    assert len(read_session_plan(table(tmp_path, *rows), SCHEMA)) == 10
