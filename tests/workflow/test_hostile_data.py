"""Hostile texts, labels, columns and domains, from their files to the report: text stays text."""

import html
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.report.test_page import Page
from tests.workflow.harness import ROOT
from tests.workflow.hostile_study import NAMES, write_study

_OWN_LINKS = (
    *("#", "data:image/png;base64,", "../costs/", "../report/"),
    *("../logs/config.yaml", "figures/", "language_model.md"),
)
_LINKS = {"href", "src", "xlink:href", "action", "formaction", "data", "srcset", "poster"}
_ACTIVE = {
    "script",
    "img",
    "iframe",
    "object",
    "embed",
    "base",
    "link",
    "form",
    "input",
    "template",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "some" / "folder"
    config = write_study(folder / "study")
    command = [
        *(sys.executable, "-m", "tests.workflow.in_process"),
        *(str(config), str(folder / "run"), "report"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-6000:]
    return folder / "run" / "results"


def pages(results: Path) -> list[Path]:
    return [results / "report" / "index.html", *sorted((results / "costs").glob("*.html"))]


def test_every_page_is_text_and_figures(results: Path) -> None:
    assert len(pages(results)) == 5
    for path in pages(results):
        page = Page(path.read_text(encoding="utf-8"))
        assert not _ACTIVE & set(page.tags), path
        for tag, name, value in page.attributes:
            assert not name.lower().startswith("on"), (path, tag, name)
            if name in _LINKS:
                link = value.strip().lower()
                ours = link.startswith(_OWN_LINKS)
                assert ours, (path, tag, value)


def test_hostile_names_stand_on_the_page_as_they_are(results: Path) -> None:
    text = (results / "report" / "index.html").read_text(encoding="utf-8")
    shown = Page(text).text
    for name in (*NAMES, "<b>rare</b>"):
        assert name in shown, name
        assert "<" not in name or name not in text.replace(html.escape(name), "")


def test_figures_hold_shapes_alone(results: Path) -> None:
    figures = sorted(results.rglob("*.svg"))
    assert len(figures) > 20
    for path in figures:
        for element in ElementTree.fromstring(path.read_bytes()).iter():
            tag = str(element.tag).rpartition("}")[2].lower()
            assert tag not in {"script", "text", "foreignobject", "a", "iframe"}, path
            assert not [name for name in element.attrib if name.lower().startswith("on")]


def test_a_dataset_card_shows_licences_as_text(results: Path) -> None:
    card = (results / "corpus" / "mlm" / "128" / "dataset" / "README.md").read_text("utf-8")
    assert "<script" not in card.replace("\\<", "")
    assert "](javascript" not in card.replace("\\]", "")
    assert "| demo | \\<script\\>alert(1)\\</script\\> |" in card


def test_nothing_was_run_and_nothing_left_its_folder(results: Path) -> None:
    folder = results.parents[1]
    assert not list(folder.parents[1].rglob("*pwned*"))
    assert [path.name for path in folder.parents[1].iterdir()] == ["some"]
    assert {path.name for path in folder.iterdir()} == {"study", "run"}
    unsafe = [path for path in results.rglob("*") if set(path.name) & set("<>{}$;`'\"|*& \\")]
    assert not unsafe
