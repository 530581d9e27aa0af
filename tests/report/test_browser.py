"""The pages of a finished run in a browser: no dead link, no error, no blank, two languages."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import matplotlib.image
import numpy as np
import pytest
import yaml

from tests.workflow.harness import ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
TRACKS = ("corpus", "language_model", "classification", "descriptors", "retrieval")
PAGES = ("report/index.html", *(f"costs/{track}.html" for track in TRACKS))
WIDTH, BAND = 1200, 600
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


class Links(HTMLParser):
    """Collects what a page links to and which anchors it has."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.targets: set[str] = set()
        self.anchors: set[str] = set()
        text = path.read_text(encoding="utf-8")
        self.targets |= {f"#{name}" for name in re.findall(r"url\(#([^)]*)\)", text)}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.anchors.add(value or "")
            elif name in ("href", "src", "srcset", "action", "poster", "data"):
                self.targets.add(value or "")
            elif name in ("aria-labelledby", "aria-describedby", "for"):
                self.targets |= {f"#{one}" for one in (value or "").split()}


def dead_links(first: Path, inside: Path) -> tuple[list[str], set[Path]]:
    """Follow all links from a page and return those that lead nowhere, and the pages seen.

    Args:
        first: the page to start from.
        inside: folder that no link may leave.
    """
    pages: dict[Path, Links] = {}
    dead, waiting = [], [first]
    while waiting:
        page = waiting.pop()
        if page in pages:
            continue
        pages[page] = Links(page)
        for target in sorted(pages[page].targets):
            parts = urlsplit(target)
            if parts.scheme == "data":
                continue
            path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if parts.scheme or not path.is_relative_to(inside) or not path.is_file():
                dead.append(f"{page.name}: {target}")
            elif path.suffix == ".html":
                waiting.append(path)
                anchors = pages[path].anchors if path in pages else Links(path).anchors
                if parts.fragment and parts.fragment not in anchors:
                    dead.append(f"{page.name}: {target}")
    return dead, set(pages)


def opened(page: Path, picture: Path, height: int) -> list[str]:
    """Take a picture of a page in headless Chromium and return what its console says."""
    assert CHROMIUM is not None
    # Its profile and crash reports go beside the picture; a container has little shared memory.
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--hide-scrollbars", "--enable-logging=stderr", "--v=0", "--no-first-run"),
            f"--user-data-dir={picture.with_suffix('.profile')}",
            *(f"--window-size={WIDTH},{height}", f"--screenshot={picture}", page.as_uri()),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert picture.is_file(), done.stderr[-3000:]
    return [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


def blank_bands(picture: Path) -> list[int]:
    """Return where a picture shows nothing: too few colours, or all but all of it background."""
    pixels = matplotlib.image.imread(picture)[:, :, :3]
    assert pixels.shape[1] == WIDTH
    whole = (pixels * 255).round().astype(np.uint32) @ np.array([65536, 256, 1], dtype=np.uint32)
    blank = []
    for top in range(0, len(whole) - BAND + 1, BAND):
        colours, numbers = np.unique(whole[top : top + BAND], return_counts=True)
        if len(colours) < 16 or numbers.max() > 0.995 * numbers.sum():
            blank.append(top)
    return blank


def test_no_link_of_any_page_is_dead(finished_run: Path) -> None:
    results = (finished_run / "results").resolve()
    dead, pages = dead_links(results / "report/index.html", results)
    assert dead == []
    assert pages == {results / name for name in PAGES}


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="b.html#here">1</a><a href="b.html#gone">2</a><a href="c.html">3</a>'
        '<a href="#top">4</a><a href="https://example.org">5</a><a href="../x.html">6</a>'
        '<p style="fill: url(#shade)">7</p>'
    )
    (tmp_path / "b.html").write_text('<p id="here">')
    dead, _ = dead_links(tmp_path / "a.html", tmp_path)
    assert sorted(dead) == [
        "a.html: #shade",
        "a.html: #top",
        "a.html: ../x.html",
        "a.html: b.html#gone",
        "a.html: c.html",
        "a.html: https://example.org",
    ]


@NEEDS_CHROMIUM
@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_without_an_error_and_shows_something(
    finished_run: Path, tmp_path: Path, name: str
) -> None:
    picture = tmp_path / "page.png"
    height = 15 * BAND if name.startswith("report/") else 2 * BAND
    assert opened(finished_run / "results" / name, picture, height) == []
    assert blank_bands(picture) == []


@NEEDS_CHROMIUM
def test_an_error_and_an_empty_page_are_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<script>throw new Error('planted')</script><p>a line of text</p>")
    said = opened(page, tmp_path / "page.png", BAND)
    assert len(said) == 1 and "planted" in said[0]
    assert blank_bands(tmp_path / "page.png") == [0]


def test_every_track_opens_with_findings_in_both_languages(finished_run: Path) -> None:
    text = (finished_run / "results/report/index.html").read_text(encoding="utf-8")
    english, korean = (
        text[text.index(f'id="{start}"') : text.index(f'id="{end}"')]
        for start, end in (("glance", "summary-ko"), ("summary-ko", "corpus"))
    )
    for part in (english, korean):
        blocks = re.split(r'<h3><a href="#(\w+)">', part)[1:]
        assert tuple(blocks[::2]) == TRACKS
        for block in blocks[1::2]:
            lead = block.partition("<details>")[0]
            assert 2 <= lead.count("<li>") <= 4
            assert re.search(r"\d", lead)
    assert all(re.search("[가-힣]", line) for line in re.findall(r"<li>(.*?)</li>", korean))
    assert not re.search("[가-힣]", english.replace("요약", ""))


def test_the_page_leads_to_the_settings_of_the_run(finished_run: Path) -> None:
    found = yaml.safe_load((finished_run / "results/logs/config.yaml").read_text(encoding="utf-8"))
    asked = yaml.safe_load((ROOT / "tests/config/tiny.yaml").read_text(encoding="utf-8"))
    assert found["corpus"]["lengths"] == asked["corpus"]["lengths"]
    assert found["retrieval"]["training"]["batch"] == asked["retrieval"]["training"]["batch"]
    assert found["corpus"]["workers"] is not None  # a default, which the file leaves out
