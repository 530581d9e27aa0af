"""The classification section: what a reader gets says what the tables say."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.files import read_json, write_json
from scripts.report import plot_classification, plot_corpus, write_report
from scripts.report.classification_curves import curve_of, differences_figure, losses_figure
from scripts.report.classification_figures import (
    f1_figure,
    size_means,
    sizes_after,
    sizes_before,
    zipf_figure,
)
from scripts.report.classification_grids import unfiltered_table
from scripts.report.classification_tables import (
    ClassCountRow,
    ClassScoreRow,
    FaultRow,
    LossPoint,
    read_classification_summary,
    read_seeds,
    read_strategies,
    read_unfiltered,
)
from scripts.report.classification_text import verdict_sentences, warnings
from scripts.report.drawing import figure_style, save_svg
from tests.classification.comparison_builders import Comparison, noisy
from tests.report.fake_tables import FIGURES, PLOTTED, SHOWN, write_fake_tables, write_tsv
from tests.report.test_page import HOSTILE, Page, edit_table

DRAWN = ("zipf", "lengths", "f1", "losses", "differences")
CLASSES = 12
TRAIN = [120, 90, 60, 40, 25, 18, 12, 9, 4, 3, 3, 2]
LABELS = np.repeat(np.arange(CLASSES), [12, 9, 6, 4, 3, 2, 2, 1, 1, 1, 1, 1]).tolist()
FAULTS = [
    ("singleton", "warning", 2, 2, "row 3 (r1)", "2 classes have a single row.", "Collect more."),
    ("string_labels", "note", None, 14, "", "The labels are texts.", "Use numbers."),
]
FIGURES_OF_SETS = {
    "top_k": 5,
    "singletons": 2,
    "ratio": 120.0,
    "entropy": 1.9,
    "normalized_entropy": 0.76,
    "effective_number": 6.7,
    "gini": 0.55,
    "top_k_share": 0.8,
    "majority_baseline": 0.312,
    "prior_only_loss": 1.9,
    "ln_classes": 2.485,
}


UNFILTERED = {
    "seed": 1,
    "classes": 14,
    "rows": 388,
    "initial": {"cross_entropy": 2.639, "ln_classes": 2.639, "ok": True},
    "prior_only_loss": 2.222,
    "loss_at_200": 1.111,
    "steps_to": {"loss": 2.222, "steps": 77},
    "steps": 300,
}


def audit(folder: Path) -> dict[str, Path]:
    """Write what the audit leaves, of the classes of `trained` and two removed ones."""
    files = {
        "imbalance": folder / "imbalance.json",
        "coverage": folder / "split_coverage.json",
        "faults": folder / "faults.tsv",
        "class_counts": folder / "class_counts.tsv",
        "lengths": folder / "text_length_by_class.tsv",
        "audit_score": folder / "audit_score.tsv",
        "unfiltered": folder / "unfiltered_losses.json",
    }
    write_json(files["unfiltered"], UNFILTERED)
    sets: dict[str, dict[str, Any]] = {
        name: {**FIGURES_OF_SETS, "rows": rows, "classes": classes}
        for name, rows, classes in [
            ("before", 431, 14),
            ("after", 429, 12),
            ("train", 386, 12),
            ("validation", 0, 0),
            ("test", 43, 12),
        ]
    }
    sets["validation"] |= dict.fromkeys(FIGURES_OF_SETS, None)
    write_json(files["imbalance"], sets)
    split = {
        "rows": 43,
        "share": 0.1,
        "classes": 12,
        "missing": [],
        "only_here": [],
        "total_variation_to_train": 0.04,
    }
    write_json(
        files["coverage"],
        {
            "stratified": "full",
            "reason": "all 12 classes are in all three splits",
            "splits": dict.fromkeys(("train", "validation", "test"), split),
            "groups": {"groups": 400, "divided": 0},
            "cross_split_duplicates": 0,
        },
    )
    names = ["fault", "severity", "rows", "classes", "examples", "what", "remedy"]
    write_tsv(files["faults"], names, FAULTS)
    counts: list[tuple[object, ...]] = [
        (f"c{n:03d}", rows, rows, "yes", "") for n, rows in enumerate(TRAIN)
    ]
    counts += [("r1", 1, None, "no", "below_threshold"), ("r2", 1, None, "no", "below_threshold")]
    write_tsv(files["class_counts"], ["label", "rows", "train", "kept", "reason"], counts)
    write_tsv(
        files["lengths"],
        ["label", "rows", "shortest", "median", "percentile_95", "longest"],
        [(f"c{n:03d}", rows, 0, 20.5, 40, 44) for n, rows in enumerate(TRAIN)],
    )
    write_tsv(
        files["audit_score"],
        ["fault", "planted", "found", "hits", "precision", "recall"],
        [("singleton", 2, 2, 2, 1.0, 1.0), ("label_noise", 8, 5, 4, 0.8, 0.5)],
    )
    return files


def trained(folder: Path) -> dict[str, Path]:
    """Write the tables of a comparison in which sqrt helps the linear model."""
    comparison = Comparison(
        folder,
        TRAIN,
        LABELS,
        touched=[["r1", 1, "below_threshold"], ["r2", 1, "below_threshold"]],
    )
    for seed in (1, 2, 3):
        base = noisy(LABELS, 0.6, CLASSES, seed)
        helped = [
            label if place % 2 else answer
            for place, (label, answer) in enumerate(zip(LABELS, base, strict=True))
        ]
        curve = np.linspace(2.4, 0.4, 250).tolist()
        comparison.add(base, seed=seed, curve=curve)
        comparison.add(helped, strategy="sqrt", seed=seed, curve=curve)
        comparison.add(base, model="transformer", seed=seed, curve=curve)
    return comparison.compare()


def draw(audited: dict[str, Path], compared: dict[str, Path], folder: Path) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    figures = {f"{name}_figure": folder / f"{name}.svg" for name in DRAWN}
    plot_classification.run(
        class_counts=audited["class_counts"],
        text_lengths=audited["lengths"],
        strategies=compared["strategies_table"],
        classes=compared["classes"],
        losses=compared["losses_table"],
        summary=compared["summary"],
        **figures,
    )
    return figures


def page_inputs(folder: Path, corpus: dict[str, Path]) -> dict[str, Any]:
    audited, compared = audit(folder), trained(folder / "trained")
    drawn = draw(audited, compared, folder / "drawn")
    own = {
        name: audited[name]
        for name in (
            *("imbalance", "coverage", "faults", "class_counts", "audit_score"),
            "unfiltered",
        )
    }
    own |= {
        "summary": compared["summary"],
        "strategies": compared["strategies_table"],
        "seeds": compared["seeds"],
        **drawn,
    }
    return {**corpus, **{f"classification_{name}": path for name, path in own.items()}}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tables and figures of the corpus, without which there is no page."""
    folder = tmp_path_factory.mktemp("corpus")
    fake = write_fake_tables(folder, sources=1)
    figures = {f"{name}_figure": folder / f"corpus_{name}.svg" for name in FIGURES}
    plot_corpus.run(**{name: fake[name] for name in PLOTTED}, **figures)
    return {**{name: fake[name] for name in SHOWN}, **figures}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, corpus: dict[str, Path]) -> dict[str, Any]:
    return page_inputs(tmp_path_factory.mktemp("made"), corpus)


@pytest.fixture
def inputs(made: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """Return the files of a page, those of the track as copies that a test may damage."""
    copies = {}
    for name, path in made.items():
        if name.startswith("classification_"):
            copies[name] = tmp_path / f"{name}{path.suffix}"
            shutil.copy(path, copies[name])
    return {**made, **copies}


def build(inputs: dict[str, Any], folder: Path) -> str:
    page = folder / "index.html"
    write_report.run(**inputs, page=page)
    return page.read_text(encoding="utf-8")


def plain(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def test_the_page_says_what_the_tables_say(inputs, tmp_path):
    text = build(inputs, tmp_path)
    said = plain(text)
    assert "431 labelled rows of 14 classes, the largest 120 : 1" in said
    assert "The audit found 1 warning, 1 note." in said
    assert "점검에서 경고 1건, 참고 1건이 나왔습니다." in said
    assert "All 9 trainings began at a loss of ln C" in said
    assert "singleton (warning) 2 classes have a single row. Remedy: Collect more." in said
    assert "all 12 classes are in all three splits" in said

    rows = {
        (row.model, row.strategy, row.scope, row.metric): row
        for row in read_strategies(inputs["classification_strategies"])
    }
    row = rows["tfidf", "sqrt", "surviving", "macro_f1_supported"]
    assert row.low is not None and row.high is not None and row.difference is not None
    assert row.low > 0
    ends = f"({100 * row.low:+.1f} to {100 * row.high:+.1f})"
    assert f"sqrt helps most, macro F1 {100 * row.difference:+.1f} {ends} points" in said
    assert f"{100 * row.difference:+.1f} {ends} ▲" in said
    all_classes = rows["tfidf", "sqrt", "input", "macro_f1_supported"]
    assert all_classes.mean is not None and all_classes.sd is not None
    assert f"{100 * all_classes.mean:.1f} ± {100 * all_classes.sd:.1f}" in said
    assert "Transformer: one strategy only" in said
    assert "loss of answering the class frequencies (nats) 1.900" in said
    assert "label_noise 8 5 4 80.0% 50.0%" in said
    loaded = [value for _, name, value in Page(text).attributes if name in ("src", "data")]
    assert not loaded


def test_the_same_tables_give_the_same_bytes(inputs, tmp_path):
    assert build(inputs, tmp_path) == build(inputs, tmp_path)
    first = inputs["classification_f1_figure"].read_bytes()
    again = draw(audit(tmp_path), trained(tmp_path / "again"), tmp_path / "drawn")
    assert again["f1_figure"].read_bytes() == first


def test_no_audit_score_where_nothing_was_planted(inputs, tmp_path):
    del inputs["classification_audit_score"]
    assert "Faults planted" not in build(inputs, tmp_path)


def test_some_files_without_others_are_refused(inputs, tmp_path):
    del inputs["classification_faults"]
    with pytest.raises(ConfigError, match="classification_faults"):
        build(inputs, tmp_path)


def test_texts_of_the_data_are_escaped(inputs, tmp_path):
    for column in ("what", "examples"):
        edit_table(inputs["classification_faults"], column, HOSTILE)
    edit_table(inputs["classification_class_counts"], "label", HOSTILE, row=12)
    page = Page(build(inputs, tmp_path))
    assert "script" not in page.tags
    assert page.text.count(HOSTILE) == 3
    assert page.tables["Removed classes, the largest first"][1][0] == HOSTILE


@pytest.mark.parametrize(
    ("name", "key"),
    [("summary", "verdicts"), ("imbalance", "after"), ("coverage", "stratified")],
)
def test_a_file_without_a_key_is_refused(inputs, tmp_path, name, key):
    path = inputs[f"classification_{name}"]
    content = read_json(path)
    del content[key]
    write_json(path, content)
    with pytest.raises(IntegrityError, match=key):
        build(inputs, tmp_path)


def test_what_a_reader_must_know_is_warned_of(inputs):
    summary = read_classification_summary(inputs["classification_summary"])
    coverage = json.loads(inputs["classification_coverage"].read_text())
    assert warnings(summary, coverage, []) == []
    coverage |= {"stratified": "none", "reason": "no class has two groups"}
    summary["initial"]["verdicts"] = ["tfidf / none / 1: wrong_initial_loss: 77"]
    summary["models"]["tfidf"]["seeds"] = [1]
    fault = FaultRow("test_only_class", "error", 3, 1, "", "One class is missing.", "")
    said = warnings(summary, coverage, [fault])
    assert said[0] == "The split is not stratified: no class has two groups."
    assert any("wrong_initial_loss" in one for one in said)
    assert "test_only_class: One class is missing." in said
    assert any("1 training seed only" in one for one in said)


def test_the_verdict_says_so_where_nothing_helps():
    verdict = {
        "model": "tfidf",
        "metric": "tail",
        "reference": "none",
        "reference_mean": 0.25,
        "better": [],
        "worse": [{"strategy": "under", "difference": -0.1, "low": -0.2, "high": -0.05}],
        "within": [],
    }
    assert verdict_sentences({"verdicts": [verdict]}) == [
        "TF-IDF and linear, macro F1 of tail classes: no strategy is better than none (25.0) "
        "beyond its interval; under -10.0 (-20.0 to -5.0) is worse."
    ]


def test_class_sizes_before_and_after():
    counts = [
        ClassCountRow("a", 50, 40, "yes", ""),
        ClassCountRow("OTHER", 9, 7, "yes", ""),
        ClassCountRow("b", 6, None, "no", "merged_other"),
        ClassCountRow("c", 3, None, "no", "merged_other"),
    ]
    assert sizes_before(counts).tolist() == [50, 6, 3]
    assert sizes_after(counts).tolist() == [50, 9]
    with figure_style():
        left, right = zipf_figure(counts, 10).axes
    assert [np.asarray(line.get_ydata()).tolist() for line in left.lines[:2]] == [
        [50, 6, 3],
        [50, 9],
    ]
    assert left.get_xscale() == left.get_yscale() == "log"
    assert np.asarray(right.lines[0].get_ydata())[-1] == pytest.approx(1)


def test_means_of_classes_of_like_size():
    rows = [
        ClassScoreRow("tfidf", "none", name, "tail", train, 1, f1)
        for name, train, f1 in [("a", 4, 0.0), ("b", 7, 1.0), ("c", 8, 0.25), ("d", 64, 0.9)]
    ]
    places, values = size_means(rows)
    assert values == pytest.approx([0.5, 0.25, 0.9])
    assert places == pytest.approx([28**0.5, 8, 64])


def test_a_panel_for_each_strategy_and_classes_without_test_rows_left_out():
    rows = [
        ClassScoreRow(model, strategy, str(n), "tail", 4 + n, 0 if n == 3 else 1, 0.5)
        for model, strategy in [("tfidf", "none"), ("tfidf", "sqrt"), ("transformer", "none")]
        for n in range(4)
    ]
    with figure_style():
        figure = f1_figure(rows, {"tfidf": "none", "transformer": "none"})
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["TF-IDF and linear: none", "TF-IDF and linear: sqrt", "Transformer: none"]
    points = figure.axes[1].lines[0]
    assert list(np.asarray(points.get_xdata())) == [4, 5, 6]
    assert len(figure.axes[1].lines) == 3  # points, the reference, its own means
    assert len(figure.axes[0].lines) == 2


def test_loss_curves_are_means_of_the_seeds_with_ln_c_and_the_prior_only_loss():
    points = [
        LossPoint("tfidf", "none", seed, step, loss, None)
        for seed, losses in [(1, [4.0, 2.0, 1.0]), (2, [4.0, 3.0])]
        for step, loss in enumerate(losses)
    ]
    steps, values = curve_of(points, "cross_entropy")
    assert steps.tolist() == [0, 1]
    assert values.tolist() == [[4.0, 2.0], [4.0, 3.0]]
    with figure_style():
        figure = losses_figure(points, {"tfidf": {"ln_classes": 4.0, "prior_only_loss": 3.1}})
    levels = [np.asarray(line.get_ydata())[0] for line in figure.axes[0].lines[1:]]
    assert np.asarray(figure.axes[0].lines[0].get_ydata()).tolist() == [4.0, 2.5]
    assert levels == [4.0, 3.1]


def test_a_wrong_initial_loss_does_not_flatten_the_other_curves():
    points = [LossPoint("tfidf", "none", 1, step, loss, None) for step, loss in [(0, 77), (9, 2)]]
    with figure_style():
        figure = losses_figure(points, {"tfidf": {"ln_classes": 5.4, "prior_only_loss": 4.0}})
    assert figure.axes[0].get_yscale() == "log"


def test_differences_by_model_and_bucket(inputs):
    rows = read_strategies(inputs["classification_strategies"])
    with figure_style():
        figure = differences_figure(rows)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["macro F1", "head classes", "medium classes", "tail classes"]
    row = next(
        row
        for row in rows
        if (row.strategy, row.scope, row.metric) == ("sqrt", "surviving", "macro_f1_supported")
    )
    _zero, interval, point = figure.axes[0].lines
    assert list(np.asarray(interval.get_xdata())) == [row.low, row.high]
    assert list(np.asarray(point.get_xdata())) == [row.difference]


def test_one_strategy_has_no_differences_to_draw(inputs, tmp_path):
    rows = [
        row
        for row in read_strategies(inputs["classification_strategies"])
        if row.model == "transformer"
    ]
    with figure_style():
        figure = differences_figure(rows)
        save_svg(figure, tmp_path / "none.svg")
    assert not figure.axes


def test_what_the_filter_changes_stands_side_by_side(inputs):
    before = read_unfiltered(inputs["classification_unfiltered"])
    seeds = read_seeds(inputs["classification_seeds"])
    summary = read_classification_summary(inputs["classification_summary"])
    table = unfiltered_table(before, seeds, summary)
    assert table is not None
    headings, (unfiltered, filtered) = table
    assert unfiltered == [
        *("before the filter", "14", "388", "2.639", "2.222", "2.639", "1.111", "77"),
    ]
    row = next(r for r in seeds if (r.model, r.strategy, r.seed) == ("tfidf", "none", 1))
    assert filtered[0] == "after it" and filtered[1] == str(summary["classes"]["surviving"])
    assert filtered[5] == f"{row.initial_loss:.3f}" and len(headings) == len(filtered)
    assert unfiltered_table(None, seeds, summary) is None
    # Without a training of the same seed there is nothing to stand beside it.
    alone = unfiltered_table({**before, "seed": 99}, seeds, summary)
    assert alone is not None and len(alone[1]) == 1
