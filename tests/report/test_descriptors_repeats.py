"""The threshold sweep and the bootstraps in the report: figures, tables, sentences, warnings."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from scripts.common.errors import IntegrityError
from scripts.descriptors import stability_measures, sweep_thresholds
from scripts.report.descriptors_repeat_figures import share_bars, stability_figure, sweep_figure
from scripts.report.descriptors_stability import (
    LEAST_STABLE,
    MOST_STABLE,
    Span,
    Stability,
    StabilityRow,
    covered_table,
    pass_table,
    read_stability,
    stability_values,
    survivor_tables,
)
from scripts.report.descriptors_stability_text import (
    stability_glance,
    stability_glance_korean,
    stability_warnings,
)
from scripts.report.descriptors_sweep import SWEEP_COLUMNS, read_sweep, sweep_table
from scripts.report.drawing import ACCENT, figure_style, save_svg
from scripts.report.tables import columns_of
from tests.report.repeat_tables import write_repeats
from tests.report.test_page import edit_table


def read(folder: Path) -> Stability:
    return read_stability(folder / "stability.tsv", folder / "stability.json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repeats")
    write_repeats(folder)
    return folder


@pytest.fixture(scope="module")
def found(folder: Path) -> Stability:
    return read(folder)


def many(survivors: int, bootstraps: int) -> list[StabilityRow]:
    """Survivors of which number k survived in k % (bootstraps + 1) of the bootstraps."""
    return [
        StabilityRow(f"s{number:03}", f"s{number:03}", share, share, "")
        for number in range(survivors)
        for share in [round(number % (bootstraps + 1) / bootstraps, 4)]
    ]


def test_the_report_reads_the_columns_that_the_track_writes() -> None:
    assert columns_of(StabilityRow) == stability_measures.COLUMNS
    assert SWEEP_COLUMNS == sweep_thresholds.COLUMNS


def test_tables_say_what_the_bootstraps_came_to(found: Stability) -> None:
    # By hand: one bootstrap of four has 0.444 after pass 3 and 0.231 after pass 4.
    assert pass_table(found)[1] == [
        ["after pass 1: information", "5", "5.0", "5 to 5", "–", "–"],
        ["after pass 2: Spearman", "4", "4.0", "4 to 4", "1.000", "1.000 to 1.000"],
        ["after pass 3: variance inflation", "3", "2.8", "2 to 3", "0.861", "0.444 to 1.000"],
        ["after pass 4: nHSIC and RDC", "2", "2.0", "2 to 2", "0.808", "0.231 to 1.000"],
    ]
    assert covered_table(found)[1] == [
        ["itself", "75.0%", "0.0% to 100.0%"],
        ["one with |ρ| ≥ 0.95", "87.5%", "50.0% to 100.0%"],
        ["one with |ρ| ≥ 0.7", "100.0%", "100.0% to 100.0%"],
        ["its variance, explained by all together", "95.0%", "80.0% to 100.0%"],
    ]
    least, most = survivor_tables(found)
    assert least[1] == [["a", "b", "3 of 4", "3"], ["d", "b", "3 of 4", "2"]]
    assert most[1] == []
    values = stability_values(found)
    assert (values["survivors"], values["alternatives"]) == (2, 3)
    assert values["same_survivor"] == pytest.approx(0.75)


def test_tables_of_survivors_are_bounded_and_begin_at_the_ends(found: Stability) -> None:
    behind = StabilityRow("x", "s010", 0.0, 0.5, "")
    least, most = survivor_tables(
        replace(found, bootstraps=10, descriptors=[*many(132, 10), behind])
    )
    assert len(least[1]) == LEAST_STABLE and len(most[1]) == MOST_STABLE
    assert [row[2] for row in least[1]] == ["0 of 10"] * 12 + ["1 of 10"] * 12 + ["2 of 10"]
    # Among those that always survived, the one with another behind it comes first.
    assert [row[2] for row in most[1]] == ["10 of 10"] * MOST_STABLE
    assert most[1][0] == ["s010", "–", "10 of 10", "2"] and most[1][1][0] == "s021"


def test_the_sentence_says_number_items_and_verdict(found: Stability) -> None:
    assert stability_glance(found) == (
        "Stability, 4 bootstraps of 200 items drawn from 300: on average 75.0% of the survivors "
        "survive again, or with near ones counted 87.5% at |ρ| ≥ 0.95 and 100.0% at |ρ| ≥ 0.7; "
        "those of a bootstrap together explain 95.0% of their variance; the clusters stay largely "
        "the same (adjusted Rand index 0.81)."
    )
    korean = stability_glance_korean(found)
    assert "항목 300개에서 200개씩 4번 복원 추출" in korean and "평균 75.0%가 다시 남고" in korean
    assert "함께 그 분산의 95.0%를 설명합니다." in korean
    assert "묶음은 대체로 그대로입니다(조정 랜드 지수 0.81)." in korean
    assert stability_warnings(found) == []


def test_the_pass_that_makes_it_unstable_is_named(tmp_path: Path) -> None:
    write_repeats(tmp_path, same=0, exchanged=2)
    found = read(tmp_path)
    assert (
        "stay up to pass 2 (adjusted Rand index 1.00), while those of pass 3 hang on the items"
        in (stability_glance(found))
    )
    assert "2단계까지 안정되고(조정 랜드 지수 1.00), 3단계부터는" in stability_glance_korean(found)
    (poor,) = stability_warnings(found)
    assert poor.startswith("From pass 3 on") and "0.44, below 0.65" in poor
    lost = replace(found, explained=Span(0.79, 0.7, 0.9))
    assert (
        "explain 79.0% of the variance of the run's, less than 80%" in stability_warnings(lost)[1]
    )
    from_the_start = replace(found, agreements={**found.agreements, 2: Span(0.6, 0.5, 0.7)})
    assert "already after pass 2 the clusters" in stability_glance(from_the_start)


def test_without_bootstraps_nothing_is_claimed(tmp_path: Path) -> None:
    write_repeats(tmp_path, same=0, exchanged=0)
    found = read(tmp_path)
    assert "was not assessed" in stability_glance(found)
    assert "평가하지 않았습니다" in stability_glance_korean(found)
    assert stability_warnings(found) == []
    with figure_style():
        figure = stability_figure(found)
    assert figure.texts and not figure.axes


def heights(axes: Axes) -> list[float]:
    return [bar.get_height() for container in axes.containers for bar in container]


def test_the_sweep_has_a_panel_a_pass_and_marks_the_configured(folder: Path) -> None:
    rows = read_sweep(folder / "sweep.tsv")
    with figure_style():
        figure = sweep_figure(rows)
    # The second row of "rdc=1 nhsic=0.9" says nothing new.
    assert [heights(axes) for axes in figure.axes] == [
        [1420, 1400],
        [600, 731],
        [105, 140],
        [130, 133],
    ]
    dark = [
        [
            bar.get_height()
            for c in axes.containers
            for bar in c
            if to_hex(bar.get_facecolor()) == ACCENT
        ]
        for axes in figure.axes
    ]
    assert dark == [[1400], [731], [140], [130]]
    labels = [label.get_text() for label in figure.axes[3].get_xticklabels()]
    assert labels == ["0.9\n0.7", "1\n0.9"]
    assert figure.axes[3].get_xlabel() == "threshold: RDC, below it nHSIC"
    assert all(axes.get_ylabel() == "survivors" for axes in figure.axes)
    cells = {row[0]: row[1:] for row in sweep_table(rows)[1]}
    assert cells["2: |ρ| 0.95\u00a0*"] == ["731", "3"] and cells["2: |ρ| 0.9"] == ["600", "3"]
    assert cells["4: RDC 0.9, nHSIC 0.7\u00a0*"] == ["130", "5"]


def test_every_survivor_stands_in_one_bar(found: Stability) -> None:
    assert share_bars(found) == [(at / 4, 0.1, count) for at, count in enumerate((0, 0, 0, 2, 0))]
    few = replace(found, bootstraps=10, descriptors=many(110, 10))
    assert [count for _, _, count in share_bars(few)] == [10] * 11
    lots = replace(found, bootstraps=100, descriptors=many(202, 100))
    bars = share_bars(lots)
    assert sum(count for _, _, count in bars) == 202 and len(bars) == 20
    assert bars[-1][2] == 12  # 0.95 to 1, both ends counted


def test_bands_reach_from_the_least_to_the_most(found: Stability, tmp_path: Path) -> None:
    with figure_style():
        figure = stability_figure(found)
        save_svg(figure, tmp_path / "stability.svg")
    shares, spans = figure.axes
    assert heights(shares) == [0, 0, 0, 2, 0]
    drawn = [np.asarray(line.get_xdata()).tolist() for line in spans.lines]
    assert drawn[2:4] == [pytest.approx([0.4444, 1.0], abs=1e-4), pytest.approx([0.8611], abs=1e-4)]
    assert drawn[-4:-2] == [[1.0, 1.0], [1.0]]
    assert drawn[-2:] == [pytest.approx([0.8, 1.0]), pytest.approx([0.95])]
    labels = [label.get_text() for label in spans.get_yticklabels()]
    assert labels == [
        *(f"after pass {number}: clusters agree" for number in (2, 3, 4)),
        "survivors that survive again",
        "or have one with |ρ| ≥ 0.95",
        "or have one with |ρ| ≥ 0.7",
        "their variance explained",
    ]


def test_damaged_files_are_named(folder: Path, tmp_path: Path) -> None:
    for name in ("sweep.tsv", "stability.tsv", "stability.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    edit_table(tmp_path / "sweep.tsv", "thresholds", "vif")
    with pytest.raises(IntegrityError, match=r"sweep\.tsv: pass 1, 'vif' is no threshold"):
        read_sweep(tmp_path / "sweep.tsv")
    summary = json.loads((tmp_path / "stability.json").read_text(encoding="utf-8"))
    (tmp_path / "stability.json").write_text(json.dumps({**summary, "bootstraps": 0}))
    with pytest.raises(IntegrityError, match="has rows of 0 bootstraps; run assess_stability"):
        read(tmp_path)
    del summary["covered"]
    (tmp_path / "stability.json").write_text(json.dumps(summary))
    with pytest.raises(IntegrityError, match="has no key 'covered'; run assess_stability again"):
        read(tmp_path)
