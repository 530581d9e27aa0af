"""The language_model section: what a reader gets says what the tables say."""

import csv
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from matplotlib.figure import Figure
from matplotlib.text import Text

from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.tables import table_of_rows, write_table
from scripts.language_model import summary_tables
from scripts.language_model.tables import METRICS
from scripts.report import plot_corpus, plot_language_model, write_language_model, write_report
from scripts.report.drawing import figure_style
from scripts.report.fonts import font_path
from scripts.report.language_model_figures import (
    ForestBlock,
    ForestRow,
    cost_figure,
    curves_figure,
    forest_figure,
    losses_figure,
)
from scripts.report.language_model_forest import BESTS, forest_blocks, shown_differences
from scripts.report.language_model_section import efficiency
from scripts.report.language_model_tables import (
    DIFFERENCE_COLUMNS,
    LOSS_COLUMNS,
    METRICS_SCHEMA,
    RUN_COLUMNS,
    SEED_COLUMNS,
    TARGET_COLUMNS,
    read_differences,
    read_language_model_summary,
    read_losses,
    read_metrics,
    read_run_verdicts,
)
from scripts.report.language_model_text import glance, glance_korean
from scripts.report.language_model_view import (
    COMPOSITE_STRICT,
    LOSS,
    MetricBook,
    nats,
    percent,
    points,
)
from scripts.report.series import series_styles
from tests.language_model.summary_builders import demo_track
from tests.report.fake_tables import FIGURES, PLOTTED, SHOWN, write_fake_tables
from tests.report.test_page import HOSTILE, Page, edit_table

TABLES = {name: f"{name}.tsv" for name in ("runs", "differences", "targets", "seeds")} | {
    "metrics": "metrics.parquet"
}
DRAWN = ("curves", "cost", "differences", "losses")


def draw(tables: Path, folder: Path) -> dict[str, Path]:
    figures = {f"{name}_figure": folder / f"{name}.svg" for name in DRAWN}
    inputs = {name: tables / f"{name}.tsv" for name in ("runs", "differences", "losses")}
    plot_language_model.run(metrics=tables / "metrics.parquet", **inputs, **figures)
    return figures


def page_inputs(tables: Path, folder: Path) -> dict[str, Any]:
    """Draw everything and return the arguments of the page, both tracks."""
    fake = write_fake_tables(folder, sources=2)
    figures = {f"{name}_figure": folder / f"corpus_{name}.svg" for name in FIGURES}
    plot_corpus.run(**{name: fake[name] for name in PLOTTED}, **figures)
    models = {f"language_model_{name}": tables / file for name, file in TABLES.items()}
    models["language_model_summary"] = tables / "summary.json"
    models |= {f"language_model_{name}": path for name, path in draw(tables, folder).items()}
    return {**{name: fake[name] for name in SHOWN}, **figures, **models}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(demo_track(tmp_path_factory.mktemp("track"), documents=40)["summary"]).parent


@pytest.fixture(scope="module")
def inputs(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return page_inputs(tables, tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def text(inputs: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    page = tmp_path_factory.mktemp("built") / "index.html"
    write_report.run(**inputs, page=page)
    return page.read_text(encoding="utf-8")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def test_the_report_reads_the_columns_that_the_track_writes() -> None:
    assert METRICS_SCHEMA.equals(METRICS)
    assert RUN_COLUMNS == summary_tables.RUN_SUMMARY_COLUMNS
    assert DIFFERENCE_COLUMNS == summary_tables.DIFFERENCE_COLUMNS
    assert TARGET_COLUMNS == summary_tables.TARGET_COLUMNS
    assert SEED_COLUMNS == summary_tables.SEED_COLUMNS
    assert LOSS_COLUMNS == summary_tables.LOSS_COLUMNS


def test_the_page_is_complete_and_loads_nothing(text: str) -> None:
    page = Page(text)
    identifiers = [value for _, name, value in page.attributes if name == "id"]
    assert len(identifiers) == len(set(identifiers))
    links = [value for _, name, value in page.attributes if name == "href"]
    assert {link[1:] for link in links if link.startswith("#")} <= set(identifiers)
    outside = {link for link in links if not link.startswith("#")}
    drawn = {name for name in outside if name.startswith("figures/")}
    assert {f"figures/language_model_{name}.svg" for name in DRAWN} <= drawn
    assert outside - drawn == {
        *("../costs/corpus.html", "../costs/language_model.html", "../logs/config.yaml"),
        "language_model.md",
    }
    assert "http://" not in text and "https://" not in text
    assert text.count("<svg") == len(FIGURES) + len(DRAWN)
    assert not {"script", "img", "iframe"} & set(page.tags)


def test_ranking_and_checkpoints_hold_the_tables_numbers(tables: Path, text: str) -> None:
    shown = Page(text).tables
    caption = next(name for name in shown if name.startswith("Runs by the strict composite"))
    ranking = {row[1]: dict(zip(shown[caption][0], row, strict=True)) for row in shown[caption][1:]}
    for row in read(tables / "runs.tsv"):
        found = ranking[row["run"]]
        value, low, high = (100 * float(row[f"test{end}"]) for end in ("", "_low", "_high"))
        assert found["test"] == f"{value:.1f} ({low:.1f}–{high:.1f})"
        assert found["over-fitting"] == row["overfitting"]
        assert found["best epoch"] == row["best_epoch"]
    metrics = {
        (row["epoch"], row["metric"]): row
        for row in read(tables / "metrics.tsv")
        if row["run"] == "mlm_128"
        and (row["set"], row["half"], row["subset"]) == ("real_coref", "all", "all")
    }
    caption = next(name for name in shown if name.startswith("mlm_128: all items"))
    header, *rows = shown[caption]
    place = header.index("Real@1, strict (%)")
    assert [row[0] for row in rows] == ["0.0", "0.5", "1.0 ○", "1.5", "2.0"]
    for cells in rows:
        expected = 100 * float(metrics[cells[0].removesuffix(" ○"), "strict_1"]["value"])
        assert cells[place].startswith(f"{expected:.1f} (")


def test_the_glance_says_it_in_both_languages(text: str) -> None:
    words = Page(text).text
    assert "6 runs were trained and evaluated on 240 items of 40 held-out documents." in words
    assert "모델 6개를 학습하고" in words and "과적합된 것: mlm_128, mlm_256" in words
    assert "Over-fitted by the end: mlm_128, mlm_256." in words
    assert "Stopped early" not in words and "일찍 멈춘" not in words
    # Planted alike: neither is named the best alone.
    assert "ft_mlm@1.0 and ft_combined@1.0 tie for the best strict composite" in words
    assert "ft_mlm@1.0, ft_combined@1.0이(가) 똑같이" in words
    assert "The best one is" not in words and "가장 좋은 것은" not in words
    assert "Each of these beats every baseline without a model on Real@1." in words


def test_a_stopped_run_is_told_in_the_page_and_in_markdown(tables: Path, tmp_path: Path) -> None:
    copied = tmp_path / "tables"
    copied.mkdir()
    for path in tables.iterdir():
        (copied / path.name).write_bytes(path.read_bytes())
    edit_table(copied / "runs.tsv", "stopped_after", "2.0")
    edit_table(copied / "runs.tsv", "left_out", "2.5 3.0")
    first = read(copied / "runs.tsv")[0]
    summary = json.loads((copied / "summary.json").read_text(encoding="utf-8"))
    summary["stopping"] = {"patience": 2, "left_out": {first["run"]: ["2.5", "3.0"]}}
    (copied / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    write_report.run(**page_inputs(copied, tmp_path), page=tmp_path / "index.html")
    inputs = {name: copied / file for name, file in TABLES.items()}
    write_language_model.run(
        summary=copied / "summary.json", **inputs, markdown=tmp_path / "results.md"
    )
    page = Page((tmp_path / "index.html").read_text(encoding="utf-8")).text
    markdown = (tmp_path / "results.md").read_text(encoding="utf-8").replace("\\", "")
    for words in (page, markdown):
        assert f"Stopped early: {first['run']} after epoch 2.0." in words
        assert f"일찍 멈춘 것: {first['run']}(에폭 2.0 뒤)." in words
        assert "as soon as 2 checkpoints in a row brought no better strict composite" in words
        assert (
            f"{first['run']} was stopped after epoch 2.0, its best being epoch "
            f"{first['best_epoch']}; of its plan 2.5, 3.0 was neither trained nor evaluated."
        ) in words


def test_one_best_run_is_named_alone_and_all_alike_tie(tables: Path) -> None:
    rows, book = read_run_verdicts(tables / "runs.tsv"), MetricBook([])
    summary = read_language_model_summary(tables / "summary.json")
    alone = [row for row in rows if row.run != "ft_combined"]
    (best,) = (line for line in glance(summary, book, alone, []) if "best" in line)
    assert best.startswith("The best one is ft_mlm at epoch 1.0: strict composite ")
    nothing = [replace(row, rank=1, test=0.0, test_low=0.0, test_high=0.03) for row in rows[:3]]
    assert (
        "mlm_128@1.0, mlm_256@1.0 and combined_128@1.0 tie for the best strict composite on the "
        "test half: 0.0 %."
    ) in glance(summary, book, nothing, [])
    assert (
        "시험 절반의 엄격한 종합 점수는 mlm_128@1.0, mlm_256@1.0, combined_128@1.0이(가) 똑같이 "
        "0.0 %로 가장 높습니다."
    ) in glance_korean(summary, book, nothing, [])


def test_words_stand_left_and_numbers_right(text: str) -> None:
    table = text[text.index("<caption>Runs by the strict composite") :]
    table = table[: table.index("</table>")]
    head, *rows = re.findall(r"<tr>(.*?)</tr>", table, flags=re.S)
    cells = [re.findall(r"<t[hd]([^>]*)>([^<]*)<", row) for row in (head, *rows)]
    names = [name for _, name in cells[0]]
    left = {"run", "kind", "starts from", "over-fitting"}
    for row in cells:
        for name, (attributes, _) in zip(names, row, strict=True):
            assert ('class="n"' in attributes) == (name not in left), name


def test_held_out_losses_stand_with_intervals_and_documents(tables: Path, text: str) -> None:
    shown = Page(text).tables
    caption = next(name for name in shown if name.startswith("Held-out text by checkpoint"))
    header, *rows = shown[caption]
    by_name = {row[0].removesuffix(" ○"): row for row in rows}
    metrics = [row for row in read(tables / "metrics.tsv") if row["set"] == "heldout"]
    changes = {
        row["first"]: row
        for row in read(tables / "differences.tsv")
        if (row["kind"], row["metric"], row["half"]) == ("since the start", "loss", "all")
    }
    losses = [row for row in metrics if (row["metric"], row["half"]) == ("loss", "all")]
    assert len(losses) == len(rows) == 22
    for row in losses:
        name = f"{row['run']}@{row['epoch']}"
        value, low, high = (float(row[column]) for column in ("value", "low", "high"))
        cells = by_name[name]
        assert cells[1] == f"{value:.3f} ({low:.3f}–{high:.3f})"
        assert cells[header.index("documents")] == row["documents"] == "40"
        if row["epoch"] == "0.0":
            assert cells[2] == "–"
        else:
            change, low, high = (
                float(changes[name][column]) for column in ("difference", "low", "high")
            )
            assert cells[2] == f"{change + 0.0:+.3f} ({low + 0.0:+.3f} to {high + 0.0:+.3f})"
    best = by_name["mlm_128@1.0"]
    assert best[0].endswith("○") and best[2] == "-0.450 (-0.450 to -0.450)"
    # In the differences too, told apart from points.
    caption = next(name for name in shown if name.startswith("Best checkpoint minus the start"))
    cells = next(
        row for row in shown[caption] if row[:2] == ["mlm_128@1.0", "held-out loss (nats a token)"]
    )
    assert cells[3:] == ["20", "-0.450 (-0.450 to -0.450) nats", "no"]
    caption = next(name for name in shown if name.startswith("At the same epoch"))
    assert all(len(row) == 6 and row[4] != "–" for row in shown[caption])


def test_the_glance_tells_the_best_ones_loss(tables: Path, text: str) -> None:
    words = " ".join(Page(text).text.split())
    (row,) = (
        row
        for row in read(tables / "metrics.tsv")
        if (row["run"], row["epoch"], row["metric"], row["half"])
        == ("ft_mlm", "1.0", "loss", "test")
    )
    value, low, high = (float(row[column]) for column in ("value", "low", "high"))
    shown = f"{value:.3f} ({low:.3f}–{high:.3f})"
    assert (
        f"The held-out loss of ft_mlm@1.0 is {shown} nats a token on 20 documents of the test "
        "half, -0.300 (-0.300 to -0.300) against its start."
    ) in words
    assert (
        f"문서 20건에서 토큰당 {shown} nat이고, 시작 모델과의 차이는 -0.300 (-0.300~-0.300)"
        in words
    )


def test_contamination_chance_and_definitions_stand_there(text: str) -> None:
    shown = Page(text).tables
    contamination = next(name for name in shown if name.startswith("Contamination"))
    assert ["contaminated_items · real_coref · shared text", "0"] in shown[contamination]
    assert "Evaluation items found in a training set: 0." in text
    sets = next(name for name in shown if name.startswith("Frozen sets"))
    assert dict(zip(shown[sets][0], shown[sets][1], strict=True))["chance @1 (%)"] == "5.0"
    assert "0.4 · Real@1 + 0.3 · Real@5 + 0.3 · LAMBADA@1, strict and lenient" in text


def test_without_models_the_page_has_no_such_section(
    inputs: dict[str, Any], tmp_path: Path
) -> None:
    alone = {name: path for name, path in inputs.items() if not name.startswith("language_model")}
    write_report.run(**alone, page=tmp_path / "index.html")
    assert "Language models" not in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_some_files_without_the_others_are_refused(inputs: dict[str, Any], tmp_path: Path) -> None:
    some = dict(inputs)
    del some["language_model_seeds"], some["language_model_cost_figure"]
    with pytest.raises(ConfigError, match="without language_model_seeds, language_model_cost_fig"):
        write_report.run(**some, page=tmp_path / "index.html")


def test_data_text_shows_as_text(tables: Path, tmp_path: Path) -> None:
    copied = tmp_path / "tables"
    copied.mkdir()
    for path in tables.iterdir():
        (copied / path.name).write_bytes(path.read_bytes())
    edit_table(copied / "runs.tsv", "init", HOSTILE)
    edit_table(copied / "targets.tsv", "run", HOSTILE)
    summary = json.loads((copied / "summary.json").read_text(encoding="utf-8"))
    summary["definitions"] = {HOSTILE: HOSTILE}
    summary["advice"][0]["reason"] = HOSTILE
    summary["contamination"] |= {HOSTILE: {"inner": HOSTILE}}
    (copied / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    arguments = page_inputs(copied, tmp_path)
    write_report.run(**arguments, page=tmp_path / "index.html")
    page = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert "script" not in page.tags and "img" not in page.tags
    assert page.text.count(HOSTILE) >= 6
    write_language_model.run(
        summary=copied / "summary.json",
        **{name: copied / file for name, file in TABLES.items()},
        markdown=tmp_path / "results.md",
    )
    markdown = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "<script" not in re.sub(r"```.*?```", "", markdown, flags=re.S).replace(r"\<", "")


def test_efficiency_counts_the_tokens_of_the_run_alone(tables: Path) -> None:
    runs = {row.run: row for row in read_run_verdicts(tables / "runs.tsv")}
    tuned = next(row for row in runs.values() if row.init.endswith("@best") and row.gain)
    assert tuned.own_tokens_at_best < tuned.tokens_at_best
    by_hand = 100 * (tuned.gain or 0) / tuned.own_tokens_at_best * 1_000_000
    assert efficiency(tuned) == pytest.approx(by_hand)
    assert efficiency(replace(tuned, own_tokens_at_best=0)) is None


def test_markdown_holds_summary_tables_and_rows_to_copy(tables: Path, tmp_path: Path) -> None:
    inputs = {name: tables / file for name, file in TABLES.items()}
    for name in ("one.md", "other.md"):
        write_language_model.run(
            summary=tables / "summary.json", **inputs, markdown=tmp_path / name
        )
    markdown = (tmp_path / "one.md").read_text(encoding="utf-8")
    assert markdown == (tmp_path / "other.md").read_text(encoding="utf-8")
    lines = markdown.splitlines()
    marks = lines[next(i for i, line in enumerate(lines) if line.startswith("| rank |")) + 1]
    ranked = ["---:", "---", "---", "---:", "---"]
    assert [mark.strip() for mark in marks.strip("|").split("|")][:5] == ranked
    assert "## 요약" in markdown and "모델 6개를 학습하고" in markdown
    for row in read(tables / "advice.tsv"):
        assert "\t".join(row.values()) in markdown
    for line in markdown.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")
    assert "snakemake results/language_model/train/" in markdown


def test_no_run_at_all_gives_a_page(tables: Path, tmp_path: Path) -> None:
    empty = tmp_path / "tables"
    empty.mkdir()
    for path in tables.glob("*.tsv"):
        (empty / path.name).write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n")
    write_table(empty / "metrics.parquet", METRICS.empty_table(), METRICS)
    summary = json.loads((tables / "summary.json").read_text(encoding="utf-8"))
    summary |= {"advice": []}
    (empty / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    write_report.run(**page_inputs(empty, tmp_path), page=tmp_path / "index.html")
    page = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert "No run was trained." in page.text and "No further run is advised." in page.text


def test_figures_are_the_same_bytes_each_time(tables: Path, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    first, second = draw(tables, tmp_path), draw(tables, tmp_path / "again")
    for name, path in first.items():
        assert path.read_bytes() == second[name].read_bytes()
        assert "<text" not in path.read_text(encoding="utf-8")


def test_curves_stand_at_the_tables_values(tables: Path) -> None:
    rows = read_metrics(tables / "metrics.parquet")
    book, runs = MetricBook(rows), read_run_verdicts(tables / "runs.tsv")
    with figure_style():
        figure = curves_figure(book, runs)
    axes = next(a for a in figure.axes if a.get_title(loc="left") == "Real@1, strict (%)")
    colour = series_styles([row.run for row in runs])["combined_128"].colour
    (line,) = [a for a in axes.lines if a.get_color() == colour and np.size(a.get_xdata()) > 1]
    expected = {
        float(row.epoch): row.value
        for row in rows
        if (row.run, row.set, row.half, row.subset, row.metric)
        == ("combined_128", "real_coref", "all", "all", "strict_1")
    }
    drawn = dict(zip(np.asarray(line.get_xdata()), np.asarray(line.get_ydata()), strict=True))
    assert drawn == pytest.approx(expected)
    (level,) = [
        row.value
        for row in rows
        if row.run == "baseline:nearest_noun"
        and (row.set, row.half, row.subset, row.metric) == ("real_coref", "all", "all", "strict_1")
    ]
    heights = [
        np.asarray(a.get_ydata()) for a in axes.lines if len(set(np.asarray(a.get_ydata()))) == 1
    ]
    assert any(np.allclose(height, level) for height in heights)


def test_the_loss_has_its_band_and_its_documents(tables: Path) -> None:
    rows = read_metrics(tables / "metrics.parquet")
    book, runs = MetricBook(rows), read_run_verdicts(tables / "runs.tsv")
    with figure_style():
        figure = curves_figure(book, runs)
    axes = next(a for a in figure.axes if a.get_title(loc="left") == LOSS[0])
    assert axes.get_xlabel() == "epoch of the run; 40 documents"
    bands = [np.asarray(band.get_paths()[0].vertices)[:, 1] for band in axes.collections]
    assert len(bands) == len(runs)
    for run, heights in zip(runs, bands, strict=True):
        curve = [row for _, row in book.curve(run.run, LOSS)]
        assert heights.min() == pytest.approx(min(row.low or 0 for row in curve))
        assert heights.max() == pytest.approx(max(row.high or 0 for row in curve))


def test_every_character_of_the_figures_is_in_their_font(tables: Path) -> None:
    book = MetricBook(read_metrics(tables / "metrics.parquet"))
    runs = read_run_verdicts(tables / "runs.tsv")
    blocks = forest_blocks(read_differences(tables / "differences.tsv"), runs)
    known = TTFont(font_path(400)).getBestCmap()
    with figure_style():
        drawn = [
            curves_figure(book, runs),
            cost_figure(runs),
            forest_figure(blocks),
            losses_figure(read_losses(tables / "losses.tsv"), runs),
        ]
        for figure in drawn:
            figure.canvas.draw()
            assert {c for text in texts_of(figure) for c in text if ord(c) not in known} == set()
    shown = [text for text in texts_of(drawn[2]) if "@" in text]
    assert any(" - " in text for text in shown)


def texts_of(figure: Figure) -> list[str]:
    return [found.get_text() for found in figure.findobj(Text)]


def marks(figure: Figure) -> list[tuple[float, bool]]:
    """Return (place, hollow) of each mark of a forest plot."""
    return [
        (float(np.asarray(line.get_xdata())[0]), line.get_markerfacecolor() == "white")
        for axes in figure.axes
        for line in axes.lines
        if line.get_marker() == "o"
    ]


def test_a_forest_mark_is_hollow_within_noise() -> None:
    rows = [
        ForestRow("clear", 0.10, 0.05, 0.15),
        ForestRow("noise", 0.02, -0.03, 0.07),
        ForestRow("worse", -0.10, -0.2, -0.01),
        ForestRow("one document", 0.3, None, None),
    ]
    with figure_style():
        figure = forest_figure([ForestBlock("삼성전자", rows), ForestBlock("empty", [])])
    assert marks(figure) == [(0.10, False), (0.02, True), (-0.10, False), (0.3, True)]
    assert len(figure.axes) == 1


def test_pairs_of_bests_are_turned_to_the_first_of_the_ranking(tables: Path) -> None:
    differences = read_differences(tables / "differences.tsv")
    runs = read_run_verdicts(tables / "runs.tsv")
    first = min(runs, key=lambda row: row.rank).run
    shown = [
        (measure, row)
        for measure, row in shown_differences(differences, runs)[BESTS]
        if measure == COMPOSITE_STRICT
    ]
    assert {row.first.rpartition("@")[0] for _, row in shown} == {first}
    assert len(shown) == len(runs) - 1
    values = {row.run: row.test for row in runs}
    for _, row in shown:
        other = row.second.rpartition("@")[0]
        assert row.difference == pytest.approx(values[first] - values[other], abs=2e-6)
        assert row.low is not None and row.high is not None and row.low <= row.high


@pytest.mark.parametrize(
    ("reader", "name", "column"),
    [
        (read_run_verdicts, "runs", "test"),
        (read_differences, "differences", "difference"),
    ],
)
def test_a_bad_number_is_named(
    tables: Path, tmp_path: Path, reader: Any, name: str, column: str
) -> None:
    path = tmp_path / f"{name}.tsv"
    path.write_bytes((tables / f"{name}.tsv").read_bytes())
    edit_table(path, column, "nan")
    with pytest.raises(IntegrityError, match=rf"{name}\.tsv row 2 column '{column}': 'nan'"):
        reader(path)


def test_a_metric_that_is_no_number_and_one_twice_are_named(tmp_path: Path) -> None:
    row = dict.fromkeys(METRICS.names, "x") | {
        "step": 1,
        "items": 1,
        "documents": 1,
        "value": 0.5,
        "low": None,
        "high": None,
    }
    path = tmp_path / "metrics.parquet"
    write_table(path, table_of_rows([row | {"value": math.nan}], METRICS), METRICS)
    with pytest.raises(IntegrityError, match=r"row 1 \(x x x x\) has the value nan"):
        read_metrics(path)
    write_table(path, table_of_rows([row, row], METRICS), METRICS)
    with pytest.raises(IntegrityError, match=r"holds x / x / x / x / x / x twice"):
        read_metrics(path)


def test_a_missing_summary_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text('{"items": 1}', encoding="utf-8")
    with pytest.raises(IntegrityError, match="has no key 'documents'"):
        read_language_model_summary(tmp_path / "summary.json")


def test_numbers_as_texts() -> None:
    assert percent(0.4594, 0.406, 0.5269) == "45.9 (40.6–52.7)"
    assert percent(None) == "–" and percent(0.5, None, None) == "50.0"
    assert points(0.0314, 0.008, -0.0001) == "+3.1 (+0.8 to +0.0)"
    assert points(-0.0314) == "-3.1"
    assert nats(-1.23456, -1.3, -0.0001) == "-1.235 (-1.300 to +0.000)"
    assert nats(0.5) == "+0.500"
