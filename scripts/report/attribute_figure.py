"""The distributions of the documents' attributes per source, with the limits of selection.

Call `attributes_figure` inside `drawing.figure_style()`, which sets fonts and colours.
"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scripts.report.corpus_tables import DOCUMENT_QUANTITIES, HistogramRow, ThresholdRow
from scripts.report.drawing import (
    ACCENT,
    LEGEND_ROW,
    LIMIT_COLOURS,
    LIMIT_DASHES,
    Margins,
    inches_from_top,
    lanes,
    note_figure,
    panel_height,
    panel_width,
    panels,
    plain_number,
    shorten,
    text_inches,
)
from scripts.report.histograms import (
    Histogram,
    draw_histogram,
    groups,
    histogram,
    set_value_axis,
    value_span,
    wants_log_counts,
    wants_log_values,
)

VALUE_LABELS = {
    "characters": "characters per document",
    "sentence_marks": "marks . ? ! per document",
    "hangul_ratio": "Hangul / characters",
    "symbol_ratio": "symbols / characters",
    "nnp_ratio": "proper nouns / tokens",
}
VALUE_TITLES = {
    "characters": "Length",
    "sentence_marks": "Sentence marks",
    "hangul_ratio": "Hangul share",
    "symbol_ratio": "Symbol share",
    "nnp_ratio": "Proper-noun share",
}
Limit = tuple[float, str, tuple[str, ...]]
Style = tuple[str, tuple[int, tuple[int, ...]]]


def attributes_figure(rows: Sequence[HistogramRow], thresholds: Sequence[ThresholdRow]) -> Figure:
    """Draw a grid, sources down and attributes across, with the limits of selection dashed."""
    quantities = [q for q in DOCUMENT_QUANTITIES if groups(rows, q)]
    sources = list(dict.fromkeys(source for q in quantities for source in groups(rows, q)))
    if not quantities:
        return note_figure("No attribute was measured.")
    styles = limit_styles([row for row in thresholds if row.quantity in quantities])
    legend_rows = -(-len(styles) // 2)
    figure, axes = panels(
        [1.05 if len(sources) > 2 else 1.7] * len(sources),
        len(quantities),
        Margins(
            left=0.62,
            right=0.15,
            top=1.45 + legend_rows * LEGEND_ROW,
            bottom=0.55,
            between_columns=0.42,
            between_rows=0.95,
        ),
    )
    for column, quantity in enumerate(quantities):
        column_axes = axes[column :: len(quantities)]
        found = [histogram(rows, quantity, source) for source in sources]
        limits = _limits_of(thresholds, quantity)
        _draw_attribute(column_axes, quantity, found, limits, styles)
        _title_column(figure, column_axes[0], VALUE_TITLES[quantity])
    for row, source in enumerate(sources):
        first = axes[row * len(quantities)]
        first.set_title(shorten(source, 90), pad=5, fontsize=9.5)
        first.set_ylabel("documents per bin")
    if styles:
        _limit_legend(figure, styles)
    return figure


def _title_column(figure: Figure, axes: Axes, title: str) -> None:
    box = axes.get_position()
    y = box.y1 + 0.82 / figure.get_figheight()
    figure.text(box.x0, y, title, fontsize=10.5, fontweight="bold", color=ACCENT)


def _limits_of(thresholds: Sequence[ThresholdRow], quantity: str) -> list[Limit]:
    """Return (value, text, datasets) of each distinct limit, by value."""
    found: dict[tuple[float, str], list[str]] = {}
    for row in thresholds:
        if row.quantity == quantity:
            for value, sign in ((row.low, "≥"), (row.high, "≤")):
                if value is not None and (value, sign) != (0, "≥"):  # which limits nothing
                    found.setdefault((value, sign), []).append(row.dataset)
    return [
        (value, f"{sign} {plain_number(value)}", tuple(datasets))
        for (value, sign), datasets in sorted(found.items(), key=lambda item: item[0])
    ]


def limit_styles(thresholds: Sequence[ThresholdRow]) -> dict[tuple[str, ...], Style]:
    """Return a colour and a dash for each set of datasets that share a limit."""
    quantities = dict.fromkeys(row.quantity for row in thresholds)
    sets = dict.fromkeys(
        datasets for quantity in quantities for _, _, datasets in _limits_of(thresholds, quantity)
    )
    return {
        datasets: (
            LIMIT_COLOURS[index % len(LIMIT_COLOURS)],
            LIMIT_DASHES[index % len(LIMIT_DASHES)],
        )
        for index, datasets in enumerate(sets)
    }


def _draw_attribute(
    column: Sequence[Axes],
    quantity: str,
    found: Sequence[Histogram | None],
    limits: Sequence[Limit],
    styles: dict[tuple[str, ...], Style],
) -> None:
    filled = [one for one in found if one is not None]
    is_share = quantity.endswith("_ratio")  # on a linear axis, where 0.4 of all looks like it
    log_values = not is_share and any(wants_log_values(one) for one in filled)
    span = value_span(filled, [value for value, _, _ in limits], log=log_values)
    log_counts = wants_log_counts(filled)
    for axes, one in zip(column, found, strict=True):
        draw_histogram(axes, one, limits=span, log_counts=log_counts)
        set_value_axis(axes, log=log_values, ticks=4)
        axes.set_xlabel(VALUE_LABELS[quantity])
        for value, _, datasets in limits:
            colour, dash = styles[datasets]
            axes.axvline(value, color=colour, linestyle=dash, linewidth=1.3)
    label_limits(column[0], limits, styles)


def label_limits(axes: Axes, limits: Sequence[Limit], styles: dict[tuple[str, ...], Style]) -> None:
    """Write each limit above its line, in lanes where they would overlap."""
    width = panel_width(axes)
    left, right = axes.get_xlim()
    to_axis = axes.transScale.transform
    (start, _), (end, _) = to_axis((left, 1)), to_axis((right, 1))
    places = [(to_axis((value, 1))[0] - start) / (end - start) * width for value, _, _ in limits]
    sizes = [text_inches(text, 8.5) for _, text, _ in limits]
    centres = [
        min(max(place, size / 2), width - size / 2 + 0.2)
        for place, size in zip(places, sizes, strict=True)
    ]
    spans = [(c - size / 2, c + size / 2) for c, size in zip(centres, sizes, strict=True)]
    for (_, text, datasets), centre, lane in zip(limits, centres, lanes(spans, 0.06), strict=True):
        axes.text(
            centre / width,
            1 + (0.24 + lane * 0.15) / panel_height(axes),
            text,
            transform=axes.transAxes,
            ha="center",
            va="bottom",
            fontsize=8.5,
            color=styles[datasets][0],
        )


def _limit_legend(figure: Figure, styles: dict[tuple[str, ...], Style]) -> None:
    handles = [
        Line2D([], [], color=colour, linestyle=dash, linewidth=1.4, label=" · ".join(datasets))
        for datasets, (colour, dash) in styles.items()
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.01, inches_from_top(figure, 0.02)),
        ncols=2,
        handlelength=3.4,
        title="limits of selection (≥ at least, ≤ at most)",
        alignment="left",
    )
