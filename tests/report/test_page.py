"""The page as a reader gets it: complete, self-contained, safe, the same bytes each time."""

import base64
import csv
import io
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from scripts.common.errors import IntegrityError
from scripts.report import write_report
from scripts.report.svg import inline_svg
from tests.report.fake_tables import (
    FIGURES,
    PLOTTED,
    SHOWN,
    build_page,
    write_fake_tables,
)

ROOT = Path(__file__).parents[2]
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> & \"두'레 $x^2$ {{ 7*7 }}"


class Page(HTMLParser):
    """Collects tags, attributes, style text, visible text and tables of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.style = self.text = ""
        self.tables: dict[str, list[list[str]]] = {}
        self._inside: list[str] = []
        self._caption = ""
        self._rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in ("meta", "br"):
            self._inside.append(tag)
        if tag == "table":
            self._caption, self._rows = "", []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._inside.pop() == tag
        if tag == "table":
            self.tables[self._caption] = self._rows

    def handle_data(self, data: str) -> None:
        if "style" in self._inside:
            self.style += data
            return
        self.text += data
        if "caption" in self._inside:
            self._caption += data
        elif {"td", "th"} & set(self._inside):
            self._rows[-1][-1] += data


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], str]:
    """One page of four datasets and three sources, of which the last keeps nothing."""
    folder = tmp_path_factory.mktemp("report")
    tables = write_fake_tables(folder, sources=4)
    return tables, build_page(tables, folder).read_text(encoding="utf-8")


def edit_table(path: Path, column: str, value: str, *, row: int = 0) -> str:
    """Overwrite one cell of a table and return what stood there."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream, delimiter="\t"))
    place = rows[0].index(column)
    before, rows[row + 1][place] = rows[row + 1][place], value
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter="\t", lineterminator="\n").writerows(rows)
    return before


def test_nothing_is_loaded_from_elsewhere(built: tuple[dict[str, Path], str]) -> None:
    _, text = built
    page = Page(text)
    loading = {"src", "href", "srcset", "data", "action", "poster", "xlink:href", "background"}
    for tag, name, value in page.attributes:
        if name in loading:
            # Followed by a click, never loaded with the page.
            followed = (tag, name) == ("a", "href") and re.fullmatch(
                r"\.\./costs/corpus\.html|\.\./logs/config\.yaml|figures/corpus_\w+\.svg", value
            )
            assert followed or value.startswith(("#", "data:")), (tag, name, value)
        assert "url(" not in value or re.fullmatch(r"[^(]*url\(#[^)]*\)[^(]*", value)
    assert "@import" not in text
    assert not re.search(r"""url\((?!"data:font/woff;base64,)""", page.style)
    assert not {"script", "link", "iframe", "object", "embed", "img", "base"} & set(page.tags)
    assert "http://" not in text and "https://" not in text


def test_references_inside_the_page_resolve(built: tuple[dict[str, Path], str]) -> None:
    _, text = built
    attributes = Page(text).attributes
    identifiers = [value for _, name, value in attributes if name == "id"]
    assert len(identifiers) == len(set(identifiers))
    targets = {v[1:] for _, name, v in attributes if name == "href" and v.startswith("#")}
    targets |= set(re.findall(r"url\(#([^)]*)\)", text))
    assert targets <= set(identifiers)


def test_data_text_shows_as_text(tmp_path: Path) -> None:
    tables = write_fake_tables(tmp_path, sources=2)
    for row in range(20):
        edit_table(tables["funnel"], "source", HOSTILE, row=row)
    edit_table(tables["entities"], "entity", HOSTILE)
    edit_table(tables["datasets"], "path", HOSTILE)
    edit_table(tables["thresholds"], "dataset", HOSTILE)
    edit_table(tables["histograms"], "group", HOSTILE)
    summary = json.loads(tables["summary"].read_text(encoding="utf-8"))
    summary["versions"][HOSTILE] = HOSTILE
    summary["code"] = HOSTILE
    summary["sources"][HOSTILE] = {"documents": 3, "licence": HOSTILE}
    tables["summary"].write_text(json.dumps(summary), encoding="utf-8")
    page = Page(build_page(tables, tmp_path).read_text(encoding="utf-8"))
    assert "script" not in page.tags and "img" not in page.tags
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    # source cell, warning or sources table, licence, entity, path, version key and value, code
    assert page.text.count(HOSTILE) >= 8
    assert " 49 " not in page.text


def test_counts_equal_the_funnel(built: tuple[dict[str, Path], str]) -> None:
    tables, text = built
    expected: dict[str, dict[str, dict[str, int]]] = {}
    with tables["funnel"].open(encoding="utf-8") as stream:
        for dataset, source, outcome, documents in list(csv.reader(stream, delimiter="\t"))[1:]:
            fates = expected.setdefault(dataset, {}).setdefault(source, {})
            fates[outcome.replace("_", " ")] = int(documents)
    with tables["samples"].open(encoding="utf-8") as stream:
        given = {(d, s): f"{int(n):,}" for d, s, n in list(csv.reader(stream, delimiter="\t"))[1:]}
    shown = Page(text).tables
    for dataset, sources in expected.items():
        header, *rows = shown[f"{dataset} (documents)"]
        cells = {row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in rows}
        assert list(cells) == [*sources, "all sources"]
        nonzero = {o for fates in sources.values() for o, n in fates.items() if n} | {"kept"}
        assert set(header) == {"source", "raw", "kept (%)", "samples"} | nonzero
        for source, fates in sources.items():
            assert cells[source].pop("raw") == f"{sum(fates.values()):,}"
            share = fates["kept"] / sum(fates.values())
            assert cells[source].pop("kept (%)") == f"{share:.1%}"
            assert cells[source].pop("samples") == given.get((dataset, source), "–")
            assert cells[source] == {outcome: f"{fates[outcome]:,}" for outcome in cells[source]}
        for outcome in nonzero:
            total = sum(fates[outcome] for fates in sources.values())
            assert cells["all sources"][outcome] == f"{total:,}"


def test_costs_of_checks_pronouns_and_ceilings_stand_in_tables(
    built: tuple[dict[str, Path], str],
) -> None:
    tables, text = built
    shown = Page(text).tables
    with tables["filter_costs"].open(encoding="utf-8") as stream:
        costs = [r for r in csv.DictReader(stream, delimiter="\t") if r["dataset"] == "mlm_1536"]
    rows = shown["mlm_1536, mlm_2048: documents by check"]  # their checks cost the same
    found = {(row[0], row[1].replace(" ", "_")): row[2:] for row in rows[1:]}
    columns = ("documents", "failing", "first", "alone", "unknown")
    for row in costs:
        expected = [f"{int(row[column]):,}" for column in columns]
        assert found[row["source"], row["check"]] == expected
    assert len(found) == len(costs) + 5  # and all sources
    # 4 sources of 900 // (1 + pronouns) documents: 3,600 of limit 0, 3,600 + 1,800 of limit 1, …
    pronouns = {row[0]: row[1:] for row in shown["Documents under a pronoun limit"][1:]}
    assert pronouns["entity_coref_1536"][-3:] == ["5,400", "6,600", "7,500"]
    assert pronouns["entity_coref_1536"][3] == "3,600"
    caption = next(caption for caption in shown if caption.startswith("Character ceilings"))
    ceilings = {row[0]: row[1:] for row in shown[caption][1:]}
    assert ceilings["entity_coref_1536"][3:5] == ["2,894", "2,894"]  # 1,534 / 0.53
    assert ceilings["entity_coref_2048"][9] == "64.7%"  # 1,325 of 2,048 tokens


def test_counts_that_do_not_add_up_are_named(tmp_path: Path) -> None:
    tables = write_fake_tables(tmp_path, sources=1)
    assert "do not add up" not in build_page(tables, tmp_path).read_text(encoding="utf-8")
    summary = json.loads(tables["summary"].read_text(encoding="utf-8"))
    raw = summary["sources"]["news"]["documents"]
    summary["sources"]["news"]["documents"] = raw + 1
    tables["summary"].write_text(json.dumps(summary), encoding="utf-8")
    text = build_page(tables, tmp_path).read_text(encoding="utf-8")
    assert f"entity_coref_1536, news: {raw:,} fates for {raw + 1:,} documents." in text


def test_every_hangul_character_is_in_the_embedded_fonts(
    built: tuple[dict[str, Path], str],
) -> None:
    _, text = built
    fonts = re.findall(r'font-weight: (\d+); src: url\("data:font/woff;base64,([^"]+)"', text)
    assert [weight for weight, _ in fonts] == ["400", "700"]
    hangul = {ord(character) for character in text if "가" <= character <= "힣"}
    assert len(hangul) > 50
    for _, data in fonts:
        font = TTFont(io.BytesIO(base64.b64decode(data)))
        assert font.flavor == "woff"
        assert hangul <= font.getBestCmap().keys()
        assert len(font.getGlyphOrder()) < 1000


def test_figures_hold_outlines_only(built: tuple[dict[str, Path], str]) -> None:
    tables, text = built
    for name in FIGURES:
        figure = (tables["summary"].parent / f"{name}.svg").read_text(encoding="utf-8")
        assert "<text" not in figure and "font-family" not in figure and "<tspan" not in figure
        assert "<path" in figure
    assert text.count("<svg") == len(FIGURES)


@pytest.mark.parametrize(
    "harm",
    ["<script>1</script>", '<image href="x.png"/>', '<path onload="a()"/>', "<text>a</text>"],
)
def test_a_figure_that_holds_more_than_shapes_is_refused(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "figure.svg"
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg">{harm}</svg>', encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"figure\.svg"):
        inline_svg(path, "corpus-funnel")


def test_bytes_do_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    pages = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        command = [sys.executable, "-m", "tests.report.fake_tables", str(folder), "--sources", "2"]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=120)
        pages.append({path.name: path.read_bytes() for path in sorted(folder.iterdir())})
    assert pages[0] == pages[1]
    assert len(pages[0]) == len({*PLOTTED, *SHOWN}) + len(FIGURES) + 1


def test_empty_tables_give_a_page(tmp_path: Path) -> None:
    tables = write_fake_tables(tmp_path, sources=1)
    for name in PLOTTED:
        header = tables[name].read_text(encoding="utf-8").splitlines()[0]
        tables[name].write_text(header + "\n", encoding="utf-8")
    page = Page(build_page(tables, tmp_path).read_text(encoding="utf-8"))
    assert "No document was counted." in page.text


def test_unknown_facts_and_versions_stand_in_the_provenance(tmp_path: Path) -> None:
    tables = write_fake_tables(tmp_path, sources=1)
    summary = json.loads(tables["summary"].read_text(encoding="utf-8"))
    summary["device"] = {"name": "cpu", "threads": 2000}
    summary["passes"] = [{"versions": {"torch": "2.1"}}, {"versions": {"torch": "2.0"}}]
    tables["summary"].write_text(json.dumps(summary), encoding="utf-8")
    page = Page(build_page(tables, tmp_path).read_text(encoding="utf-8"))
    facts = dict(page.tables["Corpus: all other facts of the run"])
    assert facts["device · name"] == "cpu" and facts["device · threads"] == "2,000"
    assert facts["lengths"] == "1,536, 2,048"
    assert not [name for name in facts if name.startswith("versions")]  # they have their own table
    header, *packages = next(
        rows for name, rows in page.tables.items() if name.startswith("Versions of the packages")
    )
    assert header == ["package", "Corpus"]
    assert dict(packages) == {**summary["versions"], "torch": "2.0, 2.1"}


def test_the_page_opens_with_what_ran_and_what_it_rests_on(
    built: tuple[dict[str, Path], str],
) -> None:
    tables, text = built
    summary = json.loads(tables["summary"].read_text(encoding="utf-8"))
    shown = Page(text).tables
    counted = f"{summary['documents']:,} documents"
    basis = ["Corpus", counted, str(summary["seed"]), summary["code"]]
    (ran,) = (rows for name, rows in shown.items() if name.startswith("Tracks of this run"))
    data = summary["data_sha256"]
    assert ran[1:] == [[*basis, f"{data[:12]}…", "time and memory"]]
    (whole,) = (rows for name, rows in shown.items() if name.startswith("What each track rests on"))
    assert whole[1:] == [[*basis, data]]
    assert text.index('id="ran"') < text.index('id="glance"') < text.index('id="summary-ko"')


def test_only_a_tracks_first_sentences_stand_open(tmp_path: Path) -> None:
    tables = write_fake_tables(tmp_path, sources=1)
    text = build_page(tables, tmp_path).read_text(encoding="utf-8")
    glance = text[text.index('id="glance"') : text.index('id="summary-ko"')]
    open_part, _, folded = glance.partition("<details>")
    assert open_part.count("<li>") == 4
    assert "documents from 1 source were read." in open_part
    assert folded.count("<li>") == 1  # four datasets have five sentences
    assert "mlm_2048 keeps" in folded


def test_a_missing_summary_key_is_named(tmp_path: Path) -> None:
    tables = write_fake_tables(tmp_path, sources=1)
    build_page(tables, tmp_path)
    tables["summary"].write_text('{"documents": 1}', encoding="utf-8")
    figures = {f"{name}_figure": tmp_path / f"{name}.svg" for name in FIGURES}
    shown = {name: tables[name] for name in SHOWN}
    with pytest.raises(IntegrityError, match=r"summary\.json has no key 'seed'"):
        write_report.run(**shown, **figures, page=tmp_path / "other.html")
    assert not (tmp_path / "other.html").exists()
