"""The figures' artists stand where the tables say."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle, StepPatch

from scripts.report.attribute_figure import attributes_figure
from scripts.report.corpus_figures import (
    BANDS,
    distances_figure,
    entities_figure,
    funnel_figure,
    lengths_figure,
    model_length,
)
from scripts.report.corpus_tables import (
    CeilingRow,
    EntityRow,
    FilterCostRow,
    FunnelRow,
    HistogramRow,
    PronounRow,
    SampleRow,
    ThresholdRow,
)
from scripts.report.drawing import figure_style, lanes, save_svg, shorten
from scripts.report.filter_figures import ceilings_figure, filters_figure, pronouns_figure
from scripts.report.histograms import Histogram, histogram, share_between


def bins(quantity: str, group: str, edges: list[float], counts: list[int]) -> list[HistogramRow]:
    spans = zip(edges[:-1], edges[1:], counts, strict=True)
    return [HistogramRow(quantity, group, low, high, count) for low, high, count in spans]


def dashed(axes: Axes) -> list[float]:
    """Return where upright dashed lines stand, in data coordinates."""
    places = [np.asarray(line.get_xdata()) for line in axes.lines if line.is_dashed()]
    assert all(len(set(place.tolist())) == 1 for place in places)
    return sorted(float(place[0]) for place in places)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_limits_are_dashed_at_their_values_in_every_source() -> None:
    rows = [
        *bins("characters", "news", [0, 100, 200, 300], [5, 9, 1]),
        *bins("characters", "wiki", [0, 100, 200, 300], [2, 3, 4]),
        *bins("nnp_ratio", "news", [0, 0.1, 0.2], [5, 9]),
    ]
    limits = [
        ThresholdRow("entity_coref_1536", "characters", 800, 2500),
        ThresholdRow("mlm_1536", "characters", 50, None),
        ThresholdRow("entity_coref_1536", "nnp_ratio", 0.05, 0.2),
        ThresholdRow("mlm_1536", "nnp_ratio", None, None),
    ]
    with figure_style():
        figure = attributes_figure(rows, limits)
    top_left, top_right, low_left, low_right = figure.axes
    assert dashed(top_left) == dashed(low_left) == [50, 800, 2500]
    assert dashed(top_right) == dashed(low_right) == [0.05, 0.2]
    for axes in figure.axes:
        left, right = axes.get_xlim()
        assert all(left <= value <= right for value in dashed(axes))
        assert axes.get_xlabel()
    assert {"≥ 50", "≥ 800", "≤ 2,500", "≥ 0.05", "≤ 0.2"} <= set(texts(figure))


def test_steps_are_the_bins_and_gaps_are_empty() -> None:
    rows = bins("characters", "news", [0, 100], [5]) + bins("characters", "news", [300, 400], [7])
    with figure_style():
        figure = attributes_figure(rows, [])
    step = next(p for p in figure.axes[0].patches if isinstance(p, StepPatch) and not p.get_fill())
    values, edges, _ = step.get_data()
    assert list(values) == [5, 0, 7] and list(edges) == [0, 100, 300, 400]


def test_bars_are_shares_of_raw_and_kept_ends_them() -> None:
    rows = [
        FunnelRow("mlm_1536", "news", "too_short", 30),
        FunnelRow("mlm_1536", "news", "kept", 70),
        FunnelRow("mlm_1536", "wiki", "too_short", 4),
        FunnelRow("mlm_1536", "wiki", "kept", 0),
        FunnelRow("mlm_1536", "none", "kept", 0),
    ]
    with figure_style():
        figure = funnel_figure(rows)
    drawn = {c.get_label(): [b.get_width() for b in c] for c in figure.axes[0].containers}
    expected = {"too_short": [0.3, 1, 0, 34 / 104], "kept": [0.7, 0, 0, 70 / 104]}
    assert drawn == {name: pytest.approx(widths) for name, widths in expected.items()}
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [
        *("news", "wiki", "none", "all sources")
    ]
    shown = texts(figure)
    assert "kept 70 of 100 (70.0%)" in shown and "kept 0 of 4 (0.0%)" in shown
    assert "no documents" in shown


def test_entities_show_both_counts() -> None:
    rows = [
        EntityRow("entity_coref_1536", 1, "삼성전자", 2500, 1000),
        EntityRow("entity_coref_1536", 2, "$서울$", 10, 10),
    ]
    with figure_style():
        figure = entities_figure(rows)
    drawn = {c.get_label(): [b.get_width() for b in c] for c in figure.axes[0].containers}
    assert drawn == {"before the cap": [2500, 10], "after the cap": [1000, 10]}
    assert texts(figure) == ["2,500 → 1,000", "10"]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["삼성전자", "$서울$"]


def test_distance_bands_and_their_shares() -> None:
    rows = bins("distance", "entity_coref_1536", [10, 100, 200, 800, 2001], [1, 2, 3, 4])
    with figure_style():
        figure = distances_figure(rows)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    bands = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    spans = {(round(band.get_x()), round(band.get_x() + band.get_width())) for band in bands}
    assert spans == {(low, high) for _, low, high in BANDS}
    assert texts(figure) == ["short 30.0%", "medium 30.0%", "long 40.0%"]


def test_no_share_is_claimed_where_a_bin_straddles_a_band() -> None:
    one = Histogram((10, 300, 800), (5, 5))
    assert share_between(one, 10, 200, last=False) is None
    assert share_between(one, 800, 2000, last=True) == 0


def test_the_model_length_is_drawn() -> None:
    rows = bins("tokens", "mlm_1536", [0, 512, 1024, 1536], [1, 2, 900])
    with figure_style():
        figure = lengths_figure(rows, [])
    (axes,) = figure.axes
    assert dashed(axes) == [1536]
    assert axes.get_yscale() == "log"
    assert model_length("mlm") is None


def test_a_source_without_values_has_a_panel(tmp_path: Path) -> None:
    rows = bins("characters", "news", [0, 100], [0]) + bins("characters", "wiki", [0, 100], [3])
    with figure_style():
        figure = attributes_figure(rows, [])
        save_svg(figure, tmp_path / "figure.svg")
    assert texts(figure) == ["no values"]


def test_long_and_odd_labels_are_cut_to_their_columns() -> None:
    assert shorten("한국은행", 8) == "한국은행"
    assert shorten("한국은행", 7) == "한국은…"
    assert shorten("a\tb\n", 9) == "a b "


def test_labels_in_one_lane_never_overlap() -> None:
    spans = [(0.0, 2.0), (1.0, 3.0), (2.5, 4.0), (2.6, 5.0)]
    chosen = lanes(spans, 0.1)
    for lane in set(chosen):
        own = [span for span, place in zip(spans, chosen, strict=True) if place == lane]
        gaps = [b[0] - a[1] for a, b in pairwise(own)]
        assert all(gap >= 0.1 or math.isclose(gap, 0.1) for gap in gaps)


def test_bins_keep_every_value() -> None:
    rows = bins("tokens", "mlm_1536", [0, 10, 20, 40], [4, 0, 6])
    found = histogram(rows, "tokens", "mlm_1536")
    assert found is not None and found.total == 10
    assert histogram(rows, "tokens", "mlm_2048") is None


def test_bars_of_checks_are_shares_of_all_documents() -> None:
    rows = [
        FilterCostRow("entity_coref_512", "news", "too_short", 800, 60, 30, 30, 6, 9),
        FilterCostRow("entity_coref_512", "news", "few_proper_nouns", 0.05, 30, 12, 8, 8, 0),
        FilterCostRow("entity_coref_512", "wiki", "too_short", 800, 40, 10, 10, 4, 1),
        FilterCostRow("entity_coref_512", "wiki", "few_proper_nouns", 0.05, 0, 0, 0, 0, 0),
    ]
    with figure_style():
        figure = filters_figure(rows)
    (axes,) = figure.axes
    drawn = {c.get_label(): [b.get_width() for b in c] for c in axes.containers}
    assert drawn == {"failing": [0.4, 0.12], "alone": [0.1, 0.08], "unknown": [0.1, 0]}
    assert texts(figure)[0] == "alone 10 to 20 · first 40 · fail 40"
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["too short (800)", "few proper nouns (0.05)"]
    assert "n = 100 documents" in axes.get_title(loc="left")


def test_a_pronoun_limit_keeps_the_documents_up_to_it() -> None:
    rows = [
        PronounRow("entity_coref_512", "news", 0, 10),
        PronounRow("entity_coref_512", "news", 2, 60),
        PronounRow("entity_coref_512", "wiki", 0, 30),
    ]
    with figure_style():
        (axes,) = pronouns_figure(rows).axes
    # No limit on the axis is without its bar: every limit above 2 keeps all, too.
    assert [bar.get_height() for bar in axes.containers[0]] == [0.4, 0.4, *[1.0] * 7]
    assert axes.get_xlim()[1] < 9


def test_ceilings_stand_over_the_lengths_of_the_entity_sets_documents() -> None:
    rows = [
        *bins("tokens_per_character", "training sample", [0.4, 0.5, 0.6], [3, 4]),
        *bins("characters", "news", [0, 1000, 2000], [5, 6]),
        *bins("characters", "only_mlm", [0, 1000, 2000], [70, 70]),
    ]
    filters = [FilterCostRow("entity_coref_512", "news", "too_short", 800, 11, 0, 0, 0, 0)]
    ceiling = CeilingRow(
        "entity_coref_512", 512, 7, 0.5, 0.48, 0.52, 1020, 1020, 9, 0.01, 2500, 1250.0, 10
    )
    with figure_style():
        figure = ceilings_figure(rows, [ceiling], filters)
    fertility, lengths = figure.axes
    assert dashed(fertility) == [0.5]
    assert dashed(lengths) == [1020, 2500]
    step = next(p for p in lengths.patches if isinstance(p, StepPatch) and not p.get_fill())
    assert list(step.get_data()[0]) == [5, 6]


def test_samples_stand_behind_the_kept_documents() -> None:
    rows = [FunnelRow("entity_coref_512", "news", "kept", 3)]
    with figure_style():
        figure = funnel_figure(rows, [SampleRow("entity_coref_512", "news", 1234)])
    assert "kept 3 of 3 (100.0%) → 1,234 samples" in texts(figure)
