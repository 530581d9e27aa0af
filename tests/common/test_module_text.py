"""What a module says is kept between starts: nothing is parsed twice, and nothing is stale."""

import json
from pathlib import Path

import pytest

from scripts.common import module_text
from scripts.common.code_version import code_version
from scripts.common.module_text import keep_texts, recall_texts

ENTRY = "scripts/entry.py"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two modules, and a process that has read nothing yet."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/__init__.py").write_text("")
    (tmp_path / "scripts/helper.py").write_text("VALUE = 1\n")
    (tmp_path / ENTRY).write_text("from scripts.helper import VALUE\n")
    start_again(monkeypatch)
    return tmp_path


def start_again(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Forget everything, as a new process would; return the list of what is parsed from now on."""
    parsed: list[str] = []
    parse = module_text._parse

    def noted(source: bytes, path: Path) -> module_text.ModuleText:
        parsed.append(path.name)
        return parse(source, path)

    monkeypatch.undo()
    for name in ("_recalled", "_read"):
        monkeypatch.setattr(module_text, name, {})
    monkeypatch.setattr(module_text, "_parse", noted)
    return parsed


def version_of_a_copy(project: Path, name: str) -> str:
    """Return the entry's version in a copy, whose files this process has not looked at yet."""
    copy = project / name
    for path in (project / "scripts").iterdir():
        (copy / "scripts").mkdir(parents=True, exist_ok=True)
        (copy / "scripts" / path.name).write_bytes(path.read_bytes())
    return code_version(ENTRY, root=copy)


def test_a_second_start_parses_only_what_changed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = project / "kept/texts.json"
    first = version_of_a_copy(project, "a")
    keep_texts(kept)

    parsed = start_again(monkeypatch)
    recall_texts(kept)
    assert version_of_a_copy(project, "b") == first and not parsed
    written = kept.stat().st_mtime_ns
    keep_texts(kept)
    assert kept.stat().st_mtime_ns == written, "nothing is new, nothing is written"

    (project / "scripts/helper.py").write_text("VALUE = 2\n")
    parsed = start_again(monkeypatch)
    recall_texts(kept)
    assert version_of_a_copy(project, "c") != first and parsed == ["helper.py"]
    keep_texts(kept)
    assert len(json.loads(kept.read_text())["texts"]) == 3, "the old text is no longer kept"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"version": "other", "texts": {"0": ["logic", []]}}',
        '{"version": %s, "texts": {"0": ["logic", [1]]}}',
        '{"version": %s, "texts": [1]}',
    ],
)
def test_a_damaged_file_or_one_of_another_version_is_passed_by(
    project: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    first = version_of_a_copy(project, "a")
    kept = project / "texts.json"
    kept.write_text(content.replace("%s", json.dumps(module_text._version())))
    parsed = start_again(monkeypatch)
    recall_texts(kept)
    assert version_of_a_copy(project, "b") == first
    assert sorted(parsed) == ["__init__.py", "entry.py", "helper.py"]
    keep_texts(kept)
    assert len(json.loads(kept.read_text())["texts"]) == 3


def test_no_file_and_no_place_for_one_end_nothing(project: Path) -> None:
    (project / "no_folder").write_text("")
    recall_texts(project / "no_folder/texts.json")
    version_of_a_copy(project, "a")
    keep_texts(project / "no_folder/texts.json")
