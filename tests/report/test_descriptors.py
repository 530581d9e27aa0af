"""The descriptors section: what a reader gets says what the tables say."""

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from scripts.common.errors import ConfigError, IntegrityError
from scripts.descriptors import summary_tables, vif_sensitivity
from scripts.descriptors.tables import HEATMAP, PAIRS, VIF_PATH
from scripts.report import plot_corpus, plot_costs, plot_descriptors, write_costs, write_report
from scripts.report.descriptors_figures import (
    dependence_figure,
    funnel_figure,
    heatmap_figure,
    size_bins,
    sizes_figure,
    vif_figure,
)
from scripts.report.descriptors_section import null_table
from scripts.report.descriptors_tables import (
    CLUSTERING_COLUMNS,
    HEATMAP_SCHEMA,
    MEMBER_COLUMNS,
    PAIRS_SCHEMA,
    PATH_SCHEMA,
    REASON_COLUMNS,
    SENSITIVITY_COLUMNS,
    SIZE_COLUMNS,
    STAGE_COLUMNS,
    SURVIVOR_COLUMNS,
    WEAK_COLUMNS,
    Heatmap,
    PairColumns,
    SizeRow,
    StageRow,
    VifPath,
    read_descriptors_summary,
    read_heatmap,
    read_stages,
)
from scripts.report.descriptors_text import warnings
from scripts.report.descriptors_view import Thresholds
from scripts.report.drawing import figure_style, save_svg
from scripts.report.job_costs import COST_COLUMNS
from scripts.report.svg import inline_svg
from tests.descriptors.small_run import independent, planted, small_run, summarize
from tests.report.fake_tables import FIGURES, PLOTTED, SHOWN, write_fake_tables, write_tsv
from tests.report.repeat_tables import write_repeats
from tests.report.test_page import HOSTILE, Page, edit_table

DRAWN = ("funnel", "sizes", "heatmap", "vif", "dependence", "sweep", "stability")
SHOWN_TABLES = (
    *("funnel", "reasons", "survivors", "largest_clusters", "weak_heirs", "clusterings"),
    *("sweep", "stability"),
)
THRESHOLDS = Thresholds(spearman=0.95, vif=10, heir=0.7, hsic=0.7, rdc=0.9, fusion=None)


def draw(tables: Path, path: Path, folder: Path) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    figures = {f"{name}_figure": folder / f"{name}.svg" for name in DRAWN}
    plot_descriptors.run(
        funnel=tables / "funnel.tsv",
        cluster_sizes=tables / "cluster_sizes.tsv",
        heatmap=tables / "heatmap.parquet",
        path=path,
        pairs=tables / "pairs.parquet",
        summary=tables / "summary.json",
        sweep=tables / "sweep.tsv",
        stability=tables / "stability.tsv",
        stability_summary=tables / "stability.json",
        **figures,
    )
    return figures


def tables_of(results: Path) -> Path:
    """Write all tables of a run that the page shows; return their folder."""
    tables = summarize(results)
    write_repeats(tables)
    return tables


def page_inputs(
    corpus: dict[str, Path], results: Path, tables: Path, folder: Path
) -> dict[str, Any]:
    """Draw the track's figures and return the arguments of the page, corpus and descriptors."""
    own = {f"descriptors_{name}": tables / f"{name}.tsv" for name in SHOWN_TABLES}
    own["descriptors_summary"] = tables / "summary.json"
    own["descriptors_stability_summary"] = tables / "stability.json"
    own["descriptors_sensitivity"] = results / "pass3" / "sensitivity.tsv"
    drawn = draw(tables, results / "pass3" / "path.parquet", folder / "drawn")
    own |= {f"descriptors_{name}": path for name, path in drawn.items()}
    return {**corpus, **own}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tables and figures of the corpus, without which there is no page."""
    folder = tmp_path_factory.mktemp("corpus")
    fake = write_fake_tables(folder, sources=1)
    figures = {f"{name}_figure": folder / f"corpus_{name}.svg" for name in FIGURES}
    plot_corpus.run(**{name: fake[name] for name in PLOTTED}, **figures)
    return {**{name: fake[name] for name in SHOWN}, **figures}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(tmp_path_factory.mktemp("track"), planted())


@pytest.fixture(scope="module")
def tables(results: Path) -> Path:
    return tables_of(results)


@pytest.fixture(scope="module")
def inputs(
    corpus: dict[str, Path],
    results: Path,
    tables: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    return page_inputs(corpus, results, tables, tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def text(inputs: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    page = tmp_path_factory.mktemp("built") / "index.html"
    write_report.run(**inputs, page=page)
    return page.read_text(encoding="utf-8")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def table_of(text: str, caption: str) -> list[list[str]]:
    """Return the table whose caption begins so."""
    (found,) = [rows for name, rows in Page(text).tables.items() if name.startswith(caption)]
    return found


def section_of(text: str) -> str:
    start = text.index('<section aria-labelledby="descriptors">')
    end = "</section>"
    return text[start : text.index(end, start) + len(end)]


def test_the_report_reads_the_columns_that_the_track_writes() -> None:
    assert HEATMAP_SCHEMA.equals(HEATMAP)
    assert PAIRS_SCHEMA.equals(PAIRS)
    assert PATH_SCHEMA.equals(VIF_PATH)
    assert STAGE_COLUMNS == summary_tables.FUNNEL_COLUMNS
    assert REASON_COLUMNS == summary_tables.REASON_COLUMNS
    assert SIZE_COLUMNS == summary_tables.SIZE_COLUMNS
    assert SURVIVOR_COLUMNS == summary_tables.SURVIVOR_COLUMNS
    assert MEMBER_COLUMNS == summary_tables.MEMBER_COLUMNS
    assert WEAK_COLUMNS == summary_tables.WEAK_COLUMNS
    assert CLUSTERING_COLUMNS == summary_tables.CLUSTERING_COLUMNS
    assert SENSITIVITY_COLUMNS == vif_sensitivity.COLUMNS


def test_the_page_is_complete_and_loads_nothing(text: str) -> None:
    page = Page(text)
    identifiers = [value for _, name, value in page.attributes if name == "id"]
    assert len(identifiers) == len(set(identifiers))
    links = [(tag, value) for tag, name, value in page.attributes if name == "href"]
    assert {v[1:] for _, v in links if v.startswith("#")} <= set(identifiers)
    pictures = [value for tag, value in links if tag == "image"]
    assert pictures and all(p.startswith("data:image/png;base64,") for p in pictures)
    outside = {v for tag, v in links if tag != "image" and not v.startswith("#")}
    drawn = {name for name in outside if name.startswith("figures/")}
    assert {f"figures/descriptors_{name}.svg" for name in DRAWN} <= drawn
    assert outside - drawn == {
        *("../costs/corpus.html", "../costs/descriptors.html", "../logs/config.yaml"),
    }
    assert "http://" not in text and "https://" not in text
    assert text.count("<svg") == len(FIGURES) + len(DRAWN)
    assert not {"script", "img", "iframe"} & set(page.tags)
    (policy,) = [v for _, n, v in page.attributes if n == "content" and "default-src" in v]
    assert "img-src data:" in policy


def test_the_glance_says_it_in_both_languages(text: str) -> None:
    words = Page(text).text
    assert (
        "14 descriptors of 300 items were reduced to 6: 12 carry information, 8 are left" in words
    )
    assert "4 survivors stand for 6 alternatives, 2 for themselves alone." in words
    assert "Pass 2 clusters by Leiden; its largest cluster has 4 descriptors" in words
    assert "1 of 6 removed descriptors have a weak heir" in words
    assert "The nonlinear pass removed 1, in which" in words
    assert "항목 300개의 기술자 14개를 6개로 줄였습니다" in words
    assert "비선형 단계는 선형 단계가 놓친 1개를 제거했습니다." in words
    assert "Stability, 4 bootstraps of 200 items drawn from 300: on average 75.0%" in words
    assert "항목 300개에서 200개씩 4번 복원 추출" in words


def test_tables_hold_the_tracks_numbers(results: Path, tables: Path, text: str) -> None:
    text = section_of(text)
    stages = {row[0]: row[1:] for row in table_of(text, "Columns of the table, stage")[1:]}
    assert stages["after pass 2: Spearman"] == ["8", "4", "57.1%"]
    reasons = table_of(text, "Rejects of pass 1")[1:]
    assert ["number of different values", "flat", "1", "2"] in reasons
    methods = {row[0]: row for row in table_of(text, "Methods of clustering")[1:]}
    for number in (2, 4):
        for row in read(results / f"pass{number}" / "methods.tsv"):
            name = {"leiden": "Leiden\u00a0*", "complete": "complete linkage"}.get(row["method"])
            shown = methods[f"{number}: {name or 'connected components'}"]
            assert shown[1:3] == [row["clusters"], row["largest_cluster"]]
            assert shown[-2:] == [row["survivors"], row["largest_after_split"]]
    sensitivity = table_of(text, "Pass 3 with another")[1:]
    written = read(results / "pass3" / "sensitivity.tsv")
    assert [row[2] for row in sensitivity] == [row["survivors"] for row in written]
    (chosen,) = [row for row in sensitivity if "*" in row[0]]
    assert chosen[0] == "mid-rank normal scores\u00a0*" and chosen[5] == "1.000"
    null = json.loads((results / "pass4" / "null.json").read_text(encoding="utf-8"))
    rows = {row[0]: row for row in table_of(text, "Chance")[1:]}
    assert rows["RDC, as in the table"][-1] == f"{null['table']['rdc']['maximum']:.3f}"
    assert len(rows) == 4
    (weak,) = table_of(text, "Weak heirs")[1:]
    assert weak[0] == "sum" and weak[6] == "vif"


def test_clusters_list_their_members_and_a_descriptor_can_be_looked_up(
    tables: Path, text: str
) -> None:
    members = read(tables / "largest_clusters.tsv")
    for survivor in {row["survivor"] for row in members}:
        shown = table_of(text, f"Alternatives behind {survivor}")[1:]
        assert [(row[0], row[2], row[3]) for row in shown] == [
            (row["member"], f"{float(row['similarity']):.3f}", row["pass_number"])
            for row in members
            if row["survivor"] == survivor
        ]
    words = Page(text).text
    assert (
        f"find_substitutes --output-dir results/descriptors --descriptor {members[0]['member']}"
        in words
    )
    survivors = table_of(text, "Survivors, largest clusters first")
    assert len(survivors) == 7


def test_sweep_and_bootstraps_are_shown(text: str) -> None:
    text = section_of(text)
    sweep = {row[0]: row[1:] for row in table_of(text, "Survivors of each pass by threshold")[1:]}
    assert sweep["3: variance inflation factor 10\u00a0*"] == ["140", "4"]
    passes = table_of(text, "Survivors and clusters of the bootstraps")[1:]
    assert [row[-2] for row in passes] == ["–", "1.000", "0.861", "0.808"]
    least = table_of(text, "Survivors, the least stable first")[1:]
    assert least == [["a", "b", "3 of 4", "3"], ["d", "b", "3 of 4", "2"]]
    words = " ".join(Page(text).text.split())
    assert "repeated 4 times, each on 200 items drawn with replacement from the 300" in words
    assert "the same survivor in 75.0% of the bootstraps" in words and "All of 2 survivors" in words


def test_commands_name_the_runs_own_folder(inputs: dict[str, Any], tmp_path: Path) -> None:
    write_report.run(**inputs, page=tmp_path / "index.html", results_folder=Path("/data/두 번째"))
    words = Page((tmp_path / "index.html").read_text(encoding="utf-8")).text
    assert "find_substitutes --output-dir '/data/두 번째/descriptors' --descriptor" in words


def test_a_page_without_bootstraps_says_so(
    corpus: dict[str, Path], results: Path, tables: Path, tmp_path: Path
) -> None:
    shutil.copytree(tables, tmp_path / "tables")
    write_repeats(tmp_path / "tables", same=0, exchanged=0)
    arguments = page_inputs(corpus, results, tmp_path / "tables", tmp_path)
    write_report.run(**arguments, page=tmp_path / "index.html")
    text = section_of((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert "Stability was not assessed: descriptors.stability.bootstraps is 0." in Page(text).text
    assert "Survivors and clusters of the bootstraps" not in text


def test_without_descriptors_the_page_has_no_such_section(
    inputs: dict[str, Any], tmp_path: Path
) -> None:
    alone = {name: path for name, path in inputs.items() if not name.startswith("descriptors")}
    write_report.run(**alone, page=tmp_path / "index.html")
    assert "descriptors" not in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_some_files_without_the_others_are_refused(inputs: dict[str, Any], tmp_path: Path) -> None:
    some = dict(inputs)
    del some["descriptors_reasons"], some["descriptors_vif_figure"]
    with pytest.raises(ConfigError, match="without descriptors_reasons, descriptors_vif_figure"):
        write_report.run(**some, page=tmp_path / "index.html")


def test_data_text_shows_as_text(
    corpus: dict[str, Path], results: Path, tables: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "tables"
    shutil.copytree(tables, copied)
    edit_table(copied / "survivors.tsv", "nearest", HOSTILE)
    edit_table(copied / "largest_clusters.tsv", "member", HOSTILE)
    edit_table(copied / "weak_heirs.tsv", "heir", HOSTILE)
    edit_table(copied / "reasons.tsv", "examples", HOSTILE)
    edit_table(copied / "stability.tsv", "instead", HOSTILE)
    summary = json.loads((copied / "summary.json").read_text(encoding="utf-8"))
    summary["versions"] = {HOSTILE: HOSTILE}
    summary["correlation"] |= {"doubtful": 22, "reranked": 20}
    (copied / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    arguments = page_inputs(corpus, results, copied, tmp_path)
    write_report.run(**arguments, page=tmp_path / "index.html")
    page = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert "script" not in page.tags and "img" not in page.tags
    assert page.text.count(HOSTILE) >= 7
    words = " ".join(page.text.split())
    assert "20 pairs ranked again on the items they share, 2 left in doubt" in words


@pytest.mark.parametrize("case", ["one survivor", "all alone"])
def test_a_page_of_little(case: str, corpus: dict[str, Path], tmp_path: Path) -> None:
    a = planted()["a1"]
    columns = {"a": a, "b": 2 * a} if case == "one survivor" else independent()
    options = {} if case == "one survivor" else {"nonlinear_threshold": 0.6}
    results = small_run(tmp_path / "run", columns, **options)
    arguments = page_inputs(corpus, results, tables_of(results), tmp_path)
    write_report.run(**arguments, page=tmp_path / "index.html")
    words = Page(section_of((tmp_path / "index.html").read_text(encoding="utf-8"))).text
    assert ("Every survivor stands for itself alone." in words) == (case == "all alone")
    assert ("0.5 · nHSIC + 0.5 · RDC ≥ 0.6" in words) == (case == "all alone")
    assert "0 removals are" in words


def test_figures_are_the_same_bytes_each_time(results: Path, tables: Path, tmp_path: Path) -> None:
    path = results / "pass3" / "path.parquet"
    first, second = (draw(tables, path, tmp_path / name) for name in ("one", "other"))
    for name, file in first.items():
        assert file.read_bytes() == second[name].read_bytes()
        assert "<text" not in file.read_text(encoding="utf-8")


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_the_funnel_leaves_out_other_columns(tables: Path) -> None:
    with figure_style():
        figure = funnel_figure(read_stages(tables / "funnel.tsv"))
    assert texts(figure) == ["14", "12  (−2)", "8  (−4)", "7  (−1)", "6  (−1)"]
    widths = [bar.get_width() for container in figure.axes[0].containers for bar in container]
    assert widths == [14, 0, 12, 2, 8, 4, 7, 1, 6, 1]


def test_sizes_are_put_into_doubling_bins() -> None:
    rows = [SizeRow(1, 200), SizeRow(2, 30), SizeRow(3, 8), SizeRow(4, 2), SizeRow(11, 1)]
    bins = size_bins(rows)
    assert [(one.label, one.clusters) for one in bins] == [
        ("1", 200),
        ("2", 30),
        ("3–4", 10),
        ("5–8", 0),
        ("9–11", 1),
    ]
    with figure_style():
        figure = sizes_figure(rows)
    (axes,) = figure.axes
    assert axes.get_yscale() == "log"
    tops = [bar.get_y() + bar.get_height() for c in axes.containers for bar in c]
    assert tops == pytest.approx([200, 30, 10, 1])


def test_the_map_shows_the_values_and_frames_clusters(tables: Path) -> None:
    heatmap = read_heatmap(tables / "heatmap.parquet")
    with figure_style():
        figure = heatmap_figure(heatmap)
    axes = figure.axes[0]
    (image,) = [child for child in axes.get_children() if isinstance(child, AxesImage)]
    np.testing.assert_array_equal(np.asarray(image.get_array()), heatmap.values)
    frames = [(p.get_x() + 0.5, p.get_width()) for p in axes.patches if not p.get_fill()]  # type: ignore[attr-defined]
    assert frames[0] == (0, 4) and len(frames) == len(
        {name for name in heatmap.survivors if heatmap.survivors.count(name) > 1}
    )
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[0] == f"{heatmap.survivors[0]} (4)"


def test_a_large_map_stays_small(tmp_path: Path) -> None:
    count = 400
    values = np.abs(np.corrcoef(np.random.default_rng(1).normal(size=(count, 50))))
    values[0, 1] = values[1, 0] = np.nan
    names = [f"c{place // 8}" for place in range(count)]
    with figure_style():
        save_svg(heatmap_figure(Heatmap(names, values.astype(np.float32))), tmp_path / "map.svg")
    assert (tmp_path / "map.svg").stat().st_size < 1_000_000


def test_many_pairs_are_a_picture_with_thresholds(tmp_path: Path) -> None:
    rho, nhsic, rdc = np.random.default_rng(2).random((3, 20_000))
    rho[:5] = np.nan
    edge = (nhsic >= 0.7) | (rdc >= 0.9)
    with figure_style():
        figure = dependence_figure(PairColumns(rho, nhsic, rdc, edge), THRESHOLDS)
        save_svg(figure, tmp_path / "pairs.svg")
    assert (tmp_path / "pairs.svg").stat().st_size < 1_500_000
    for axes, values, level in zip(figure.axes, (nhsic, rdc), (0.7, 0.9), strict=True):
        plain, marked = (np.asarray(c.get_offsets()) for c in axes.collections)
        assert len(plain) + len(marked) == 20_000 - 5
        np.testing.assert_array_equal(marked[:, 1], values[5:][edge[5:]])
        lines = [(np.asarray(a.get_xdata()), np.asarray(a.get_ydata())) for a in axes.lines]
        assert any(np.all(y == level) for _, y in lines)
        assert any(np.all(x == 0.95) for x, _ in lines)


def test_where_the_fused_score_decides_no_measure_has_a_line() -> None:
    thresholds = Thresholds(spearman=0.95, vif=10, heir=0.7, hsic=None, rdc=None, fusion=0.6)
    one = np.array([0.5])
    with figure_style():
        figure = dependence_figure(PairColumns(one, one, one, np.array([False])), thresholds)
    for axes in figure.axes:
        assert all(np.all(np.asarray(line.get_xdata()) == 0.95) for line in axes.lines)


def test_the_vif_path_is_logarithmic_and_weak_heirs_stand_out() -> None:
    path = VifPath(np.array([2000.0, 90.0, 11.0]), np.array([0.95, 0.5, 0.8]))
    with figure_style():
        figure = vif_figure(path, THRESHOLDS)
    upper, lower = figure.axes
    assert upper.get_yscale() == "log"
    np.testing.assert_array_equal(np.asarray(upper.lines[0].get_ydata()), path.factors)
    assert np.all(np.asarray(upper.lines[1].get_ydata()) == 10)
    strong, weak = lower.lines[:2]
    assert list(np.asarray(strong.get_xdata())) == [1, 3]
    assert list(np.asarray(weak.get_xdata())) == [2]
    assert np.all(np.asarray(lower.lines[2].get_ydata()) == 0.7)


def test_nothing_to_draw_is_said() -> None:
    nothing = np.array([])
    with figure_style():
        for figure in (
            funnel_figure([StageRow("table", 0, 0)]),
            sizes_figure([]),
            heatmap_figure(Heatmap([], np.empty((0, 0), np.float32))),
            vif_figure(VifPath(nothing, nothing), THRESHOLDS),
            dependence_figure(PairColumns(nothing, nothing, nothing, nothing > 0), THRESHOLDS),
        ):
            assert figure.texts and not figure.axes


def test_a_picture_from_elsewhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "figure.svg"
    for href in ("https://example.org/x.png", "data:image/svg+xml;base64,AA", "x.png"):
        path.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{href}"/></svg>',
            encoding="utf-8",
        )
        with pytest.raises(IntegrityError, match="holds the attribute href"):
            inline_svg(path, "p")
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg">'
        '<image href="data:image/png;base64,AA\nBB"/></svg>',
        encoding="utf-8",
    )
    assert 'href="data:image/png;base64,AABB"' in inline_svg(path, "p")


def test_the_page_of_costs_counts_items(tables: Path, tmp_path: Path) -> None:
    row = dict.fromkeys(COST_COLUMNS, "")
    row |= {"rule": "filter_variance", "job": "all", "state": "finished", "seconds": "2.0"}
    costs = write_tsv(tmp_path / "costs.tsv", COST_COLUMNS, [tuple(row.values())])
    figures = {f"{name}_figure": tmp_path / f"{name}.svg" for name in ("throughput", "memory")}
    plot_costs.run(costs, **figures)
    write_costs.run(
        costs,
        tables / "summary.json",
        **figures,
        page=tmp_path / "page.html",
        track="descriptors",
    )
    words = Page((tmp_path / "page.html").read_text(encoding="utf-8")).text
    assert re.search(r"items \(n\)\s*300", words) and "Costs of the descriptors track" in words


def test_warnings_say_what_to_mind(tables: Path) -> None:
    summary = read_descriptors_summary(tables / "summary.json")
    summary["leiden"]["pass2"]["settled"] = True
    assert warnings(summary) == []
    summary["null"]["table"]["rdc"]["maximum"] = 0.93
    summary["leiden"]["pass4"]["settled"] = False
    summary["correlation"]["doubtful"] = 7
    summary["settings"]["pass1"]["required"] = 60
    small, unsettled, doubtful, chance = warnings(summary)
    assert "60 was taken" in small and "partition of pass 4" in unsettled
    assert doubtful.startswith("7 pairs of pass 2")
    assert "an RDC of 0.930, no less than the threshold 0.9" in chance


def test_a_null_without_a_measured_pair_is_told_by_dashes(tables: Path) -> None:
    """Where few rows are shared by chance, no permuted pair reaches the fewest rows of a pair."""
    summary = read_descriptors_summary(tables / "summary.json")
    unmeasured = {"hsic": {"measured": 0}, "rdc": {"measured": 0}}
    overlap = {"minimum": 20, "median": 20.0, "maximum": 21}
    null = {"table": {"overlap": overlap, **unmeasured}, "smallest_overlap": {"pairs": 0}}
    _, rows = null_table(null)
    assert rows[1] == ["RDC, as in the table", "0", "20", "–", "–", "–"]
    assert rows[3] == ["RDC, fewest shared rows", "0", "–", "–", "–", "–"]
    summary["leiden"]["pass2"]["settled"] = True
    assert warnings({**summary, "null": {**summary["null"], **null}}) == []


def test_what_was_settled_otherwise_is_no_warning(tables: Path) -> None:
    summary = read_descriptors_summary(tables / "summary.json")
    for name in ("pass2", "pass4"):
        summary["leiden"][name]["settled"] = False
        summary["settings"][name]["method"] = "complete"
    summary["correlation"] |= {"doubtful": 22, "reranked": 22}
    assert warnings(summary) == []
    summary["correlation"]["reranked"] = 21
    (doubtful,) = warnings(summary)
    assert doubtful.startswith("1 pair of pass 2")


def test_a_bad_value_and_a_missing_key_are_named(tables: Path, tmp_path: Path) -> None:
    funnel = tmp_path / "funnel.tsv"
    funnel.write_bytes((tables / "funnel.tsv").read_bytes())
    edit_table(funnel, "left", "-1")
    with pytest.raises(IntegrityError, match=r"funnel\.tsv row 2 column 'left': '-1'"):
        read_stages(funnel)
    (tmp_path / "summary.json").write_text('{"items": 1}', encoding="utf-8")
    with pytest.raises(IntegrityError, match="has no key 'molecules'"):
        read_descriptors_summary(tmp_path / "summary.json")
