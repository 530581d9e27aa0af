"""The retrieval track's figures, drawn from small tables whose numbers are known."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from scripts.report.drawing import MUTED, figure_style, save_svg
from scripts.report.retrieval_curves import (
    by_session,
    cohesion_figure,
    memory_figure,
    progress_figure,
)
from scripts.report.retrieval_figures import curves_figure, drift_figure, matrix_figure
from scripts.report.retrieval_forest import differences_figure
from scripts.report.retrieval_tables import (
    ShareRow,
    read_cohesion,
    read_comparison,
    read_matrix,
    read_memory,
    read_transfer,
)
from scripts.report.retrieval_view import main_matrix, main_transfer
from scripts.report.series import COLOURS
from tests.report.retrieval_builders import HALF, LIMIT, Tables

MANY = {
    **{"fine_tune_on_new_only": "none", "replay": "random"},
    **{f"cluster_with_setting_{number}": "cluster" for number in range(5)},
    **{"retrain_on_all": "all", "keep_all": "all", "frozen": "frozen", "bm25": "bm25"},
}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    tables = Tables(tmp_path_factory.mktemp("known"))
    tables.write()
    return tables


def read(known: Tables, name: str) -> Path:
    return known.folder / f"{name}.tsv"


def panel(figure: Figure, title: str) -> Axes:
    return next(axes for axes in figure.axes if axes.get_title(loc="left") == title)


def cells(axes: Axes) -> dict[tuple[int, int], str]:
    return {
        (round(text.get_position()[1]), round(text.get_position()[0])): text.get_text()
        for text in axes.texts
    }


def test_the_matrix_has_every_value_in_its_cell_and_frames_what_was_not_trained_on(known):
    matrix = main_matrix(read_matrix(read(known, "matrix")), "success_5")
    with figure_style():
        figure = matrix_figure(matrix, known.sessions, "success_5")
    axes = panel(figure, "cluster")
    assert cells(axes) == {
        (model, test): f"{100 * known.entry('cluster', model, test):.1f}"
        for model in range(3)
        for test in range(min(model + 1, 2) + 1)
    }
    framed = {
        (
            round(patch.get_y() + patch.get_height() / 2),
            round(patch.get_x() + patch.get_width() / 2),
        )
        for patch in axes.patches
        if isinstance(patch, Rectangle) and not patch.get_fill()
    }
    assert framed == {(0, 1), (1, 2)}
    assert [text.get_text() for text in axes.get_xticklabels()] == known.sessions
    fixed = panel(figure, "bm25")
    assert cells(fixed) == {
        (0, test): f"{100 * known.entry('bm25', -1, test):.1f}" for test in range(3)
    }
    assert all(patch.get_fill() for patch in fixed.patches)


def test_forgetting_curves_join_the_models_of_a_test_session(known):
    matrix = main_matrix(read_matrix(read(known, "matrix")), "success_5")
    with figure_style():
        figure = curves_figure(matrix, known.sessions, "success_5")
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["new_only", "replay", "cluster", "retrain"]  # the others never change
    lines = panel(figure, "replay").lines
    curve = next(line for line in lines if len(np.asarray(line.get_xdata())) == 3)
    assert np.asarray(curve.get_ydata()).tolist() == pytest.approx(
        [known.entry("replay", model, 0) for model in range(3)]
    )
    bars = [line for line in lines if np.ptp(np.asarray(line.get_xdata())) == 0]
    ends = [
        tuple(np.asarray(bar.get_ydata()).tolist())
        for bar in bars
        if len(np.asarray(bar.get_ydata())) == 2
    ]
    value = known.entry("replay", 2, 2)
    assert any(pair == pytest.approx((value - HALF, value + HALF)) for pair in ends)
    hollow = [line for line in lines if line.get_markerfacecolor() == "white"]
    assert len(hollow) == 2  # sessions 1 and 2 before training on them


def test_progress_shows_average_and_forgetting_of_each_method(known):
    rows = main_transfer(read_transfer(read(known, "transfer")), "success_5")
    with figure_style():
        figure = progress_figure(rows, list(known.methods), known.sessions, "success_5")
    left, right = figure.axes[:2]
    curves = [line for line in left.lines if len(np.asarray(line.get_xdata())) == 3]
    assert np.asarray(curves[2].get_ydata()).tolist() == pytest.approx(
        [known.average("cluster", session) for session in range(3)], abs=1e-6
    )
    fallen = [line for line in right.lines if len(np.asarray(line.get_xdata())) == 2]
    assert -0.02 in [pytest.approx(np.asarray(line.get_ydata())[0]) for line in fallen]


def test_intervals_are_left_out_where_many_methods_would_hide_each_other(tmp_path):
    tables = Tables(tmp_path, MANY, sessions=4)
    rows = main_transfer(read_transfer(tables.write()["transfer"]), "success_5")
    few = list(MANY)[:3]
    with figure_style():
        many = progress_figure(rows, list(MANY), tables.sessions, "success_5")
        three = progress_figure(
            [row for row in rows if row.method in few], few, tables.sessions, "success_5"
        )
    assert len(many.axes[0].lines) == len(MANY)
    assert len(three.axes[0].lines) == 3 + 3 * 4


def test_memory_shows_its_bound_and_means_over_seeds(known):
    rows = read_memory(read(known, "memory"))
    limits = {"new_only": 0, "replay": LIMIT, "cluster": LIMIT, "retrain": None}
    with figure_style():
        figure = memory_figure(rows, limits, list(known.methods), known.sessions)
    documents, size, clusters = figure.axes
    levels = [np.asarray(line.get_ydata()).tolist() for line in documents.lines]
    assert [LIMIT, LIMIT] in levels
    assert [0, LIMIT - 5, LIMIT - 5] in levels
    assert [0, 100, 200] in levels
    assert [500, 100_500, 200_500] in [np.asarray(line.get_ydata()).tolist() for line in size.lines]
    assert size.get_ylabel() == "bytes"
    assert {5.0} == {float(v) for line in clusters.lines for v in np.asarray(line.get_ydata())}
    uneven = [
        type(row)(**vars(row) | {"carried": 10 * row.seed})
        for row in rows
        if row.method == "replay"
    ]
    assert by_session(uneven, "replay", lambda row: row.carried) == {
        session: [10.0, 20.0] for session in range(3)
    }


def test_cohesion_leaves_out_what_is_undefined_everywhere(known):
    rows = read_cohesion(read(known, "cohesion"))
    with figure_style():
        figure = cohesion_figure(rows, list(known.methods), known.sessions)
        nothing = cohesion_figure([], list(known.methods), known.sessions)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert len(titles) == 6 and not any("Dunn" in title for title in titles)
    purity = panel(figure, "purity against domains (higher: better)").lines[0]
    assert np.asarray(purity.get_ydata()).tolist() == pytest.approx([0.5, 0.6, 0.7])
    assert not nothing.axes and "No memory has clusters" in nothing.texts[0].get_text()


def test_domains_beyond_the_largest_are_one_row_and_no_domain_has_a_name():
    rows = [
        ShareRow(session, f"D{session}", domain, 100 - place, 4, 2, 0.025, 0.025, 0.025)
        for session in range(2)
        for place, domain in enumerate(["", *(f"domain {n:02d}" for n in range(39))])
    ]
    with figure_style():
        figure = drift_figure(rows, ["D0", "D1"])
    left, right = figure.axes
    labels = [text.get_text() for text in left.get_yticklabels()]
    assert labels[0] == "(none)" and labels[-1] == "16 other domains" and len(labels) == 25
    assert cells(left)[0, 1] == "2.5" and cells(right)[24, 0] == "40.0"


def test_a_session_without_a_domain_has_zero_and_one_without_rows_has_nothing():
    rows = [
        ShareRow(0, "D0", "a", 10, 0, 0, 1.0, None, None),
        ShareRow(1, "D1", "b", 10, 2, 1, 1.0, 1.0, 1.0),
    ]
    with figure_style():
        documents, queries = drift_figure(rows, ["D0", "D1", "D2"]).axes
    assert cells(documents) == {(0, 0): "100.0", (0, 1): "0.0", (1, 0): "0.0", (1, 1): "100.0"}
    assert cells(queries) == {(0, 1): "0.0", (1, 1): "100.0"}


def test_the_forest_shows_differences_intervals_and_what_could_be_detected(known):
    with figure_style():
        figure = differences_figure(read_comparison(read(known, "comparison")), "success_5")
    axes = figure.axes[0]
    assert axes.get_title(loc="left") == "average"
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == ["replay", "cluster", "retrain *", "frozen *", "bm25 *"]
    bars = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert [(bar.get_x(), bar.get_width()) for bar in bars] == [pytest.approx((-0.112, 0.224))] * 5
    marks = [line for line in axes.lines if line.get_marker() == "o"]
    assert [np.asarray(mark.get_xdata())[0] for mark in marks] == pytest.approx(
        [known.difference(method) for method in list(known.methods)[1:]]
    )
    hollow = [mark.get_markerfacecolor() == "white" for mark in marks]
    assert hollow == [True, False, False, False, False]
    colours = [mark.get_markeredgecolor() for mark in marks]
    assert colours == [MUTED, *[COLOURS[0]] * 4]  # blue is better, as the caption says
    worse = [line for line in figure.axes[1].lines if line.get_marker() == "o"]
    assert [mark.get_markeredgecolor() for mark in worse] == [
        {"better": COLOURS[0], "worse": COLOURS[1]}.get(known.verdict(value, "forgetting"), MUTED)
        for value in (known.difference(one, "forgetting") for one in list(known.methods)[1:])
    ]
    titles = [text.get_text() for text in figure.texts]
    assert len(titles) == 3 and all("Difference to new_only in Success@5" in one for one in titles)


@pytest.mark.parametrize("sessions", [1, 4, 10])
@pytest.mark.parametrize("methods", [{"only": "cluster"}, MANY])
def test_labels_stay_inside_their_figure_whatever_the_number(tmp_path, sessions, methods):
    tables = Tables(tmp_path, methods, sessions=sessions)
    files = tables.write()
    matrix = main_matrix(read_matrix(files["matrix"]), "success_5")
    transfer = main_transfer(read_transfer(files["transfer"]), "success_5")
    names = list(methods)
    with figure_style():
        figures = [
            matrix_figure(matrix, tables.sessions, "success_5"),
            curves_figure(matrix, tables.sessions, "success_5"),
            progress_figure(transfer, names, tables.sessions, "success_5"),
            differences_figure(read_comparison(files["comparison"]), "success_5"),
        ]
        for number, figure in enumerate(figures):
            save_svg(figure, tmp_path / f"{number}.svg")
            box = figure.get_tightbbox()
            wide, high = figure.get_size_inches()
            assert box.x0 > -0.05 and box.y0 > -0.05
            assert box.x1 < wide + 0.05 and box.y1 < high + 0.05
