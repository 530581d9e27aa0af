"""Every key of the schema and every column of a table is read by a rule or a script."""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from scripts.common.check_config import ROOT
from scripts.common.config import leaf_paths, load_schema

SCHEMA = load_schema(ROOT / "config" / "schema.yaml")
# The section `demo` holds whole sections, laid over those of the tracks.
KEYS = [path for path, _ in leaf_paths(SCHEMA) if not path.startswith("demo.")]
COLUMNS = [
    (table, column) for table, part in SCHEMA["$defs"].items() for column in part["properties"]
]
# Says which combinations are forbidden, which is no use of a key.
NO_USE = {"config_combinations.py", "config_reference.py"}
MOST_OF_TRACK = ("common", "corpus")  # what a key of no track is looked for in


@cache
def rules_text() -> str:
    return "".join(path.read_text("utf-8") for path in sorted((ROOT / "rules").glob("*.smk")))


@cache
def words_of(folder: str) -> frozenset[str]:
    """Names and string constants of a track's scripts, docstrings left out."""
    found: set[str] = set()
    for path in sorted((ROOT / "scripts" / folder).rglob("*.py")):
        if path.name not in NO_USE:
            found |= set(_words(ast.parse(path.read_text("utf-8"))))
    return frozenset(found)


def _words(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id  # a field of a class of settings


def is_read(path: str) -> bool:
    """Whether a rule names the key behind its section, or the track's scripts name it."""
    *sections, name = path.split(".")
    behind = rf'\["{sections[-1]}"\]\s*\[\s*"{name}"\s*\]' if sections else rf'\["{name}"\]'
    by_source = rf'effort_of_source\("{name}"\)'
    at_root = rf'config\["{name}"\]'
    if any(re.search(form, rules_text()) for form in (behind, at_root, by_source)):
        return True
    folders = {*MOST_OF_TRACK[:1], sections[0]} if sections else set(MOST_OF_TRACK)
    return any(name in words_of(folder) for folder in folders)


@pytest.mark.parametrize("path", KEYS)
def test_every_key_is_read(path: str) -> None:
    assert is_read(path)


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_every_column_is_read(table: str, column: str) -> None:
    quoted = rf"""["']{column}["']"""
    folders = [path.name for path in (ROOT / "scripts").iterdir() if path.is_dir()]
    assert re.search(quoted, rules_text()) or any(column in words_of(name) for name in folders)


@pytest.mark.parametrize("path", ["sead", "corpus.lenghts", "retrieval.clusters.z3"])
def test_a_key_that_nobody_reads_is_found(path: str) -> None:
    assert not is_read(path)
