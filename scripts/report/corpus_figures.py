"""The corpus track's figures: from tables to matplotlib figures, nothing written.

Call these inside `drawing.figure_style()`, which sets fonts and colours.
"""

import re
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

from scripts.report.corpus_tables import (
    DISTANCE,
    KEPT,
    TOKENS,
    DatasetRow,
    EntityRow,
    FunnelRow,
    HistogramRow,
    SampleRow,
)
from scripts.report.drawing import (
    ACCENT,
    ACCENT_TINT,
    COMPACT,
    INK,
    LEGEND_ROW,
    LIMIT_COLOURS,
    LIMIT_DASHES,
    MUTED,
    PLAIN,
    Margins,
    inches_from_top,
    note_figure,
    panel_width,
    panels,
    plain_number,
    shorten,
    text_inches,
)
from scripts.report.funnel import (
    DatasetFunnel,
    SourceFunnel,
    dataset_funnels,
    outcome_label,
    outcome_order,
    samples_by_place,
)
from scripts.report.histograms import (
    Histogram,
    draw_histogram,
    groups,
    histogram,
    set_value_axis,
    share_between,
    value_span,
    wants_log_counts,
)

KEPT_COLOUR = "#0b4fa8"
# One hue per kind of reason, safe for colour-blind readers together with order and hatching.
OUTCOME_COLOURS = {
    "invalid_utf8": "#33383d",
    "invalid_json": "#62696f",
    "missing_text": "#8f969c",
    "wrong_type": "#b9bfc4",
    "empty": "#7a3e00",
    "too_short": "#e69f00",
    "too_long": "#b35900",
    "few_sentences": "#f5cf7a",
    "little_hangul": "#d17a1f",
    "many_symbols": "#f0e442",
    "analysis_failed": "#4b1d5e",
    "few_proper_nouns": "#b58ac7",
    "many_proper_nouns": "#7d4a94",
    "pronoun": "#dccbe4",
    "exact_duplicate": "#c9447c",
    "near_duplicate": "#eeb3cb",
    "no_token": "#2f5f57",
    "no_repeated_entity": "#5fb8a5",
    "no_sample": "#1f7a68",
    "rare_entity": "#93cfc0",
    "entity_cap": "#bfe3da",
    KEPT: KEPT_COLOUR,
}
_OTHER_COLOUR = "#d0d4d8"
_HATCHES = {"exact_duplicate": "///", "near_duplicate": "///"}
_HATCHES |= dict.fromkeys(("no_token", "no_repeated_entity", "no_sample"), "...")
_HATCHES |= dict.fromkeys(("rare_entity", "entity_cap"), "...")
BANDS = (("short", 10, 200), ("medium", 200, 800), ("long", 800, 2000))
_BAND_COLOURS = ("#eef3fa", "#fdf5e4", "#f3eef7")


def funnel_figure(rows: Sequence[FunnelRow], samples: Sequence[SampleRow] = ()) -> Figure:
    """Draw one panel per dataset, one bar per source: reasons from the left, kept at the right.

    Behind a bar stand its kept documents, and the samples that they gave where that is known.
    """
    sampled = samples_by_place(samples)
    blocks = dataset_funnels(rows)
    if not blocks:
        return note_figure("No document was counted.")
    present = {outcome for block in blocks for outcome in block.outcomes}
    outcomes = [outcome for outcome in outcome_order(rows) if outcome in present]
    legend_rows = -(-len(outcomes) // 5)
    top = 0.55 + legend_rows * LEGEND_ROW
    bars = [_bars_of(block) for block in blocks]
    labels = [shorten(bar.source, 34) for block in bars for bar in block]
    left = 0.25 + max(text_inches(label) for label in labels)
    right = 0.3 + max(
        text_inches(_kept_text(bar, sampled.get((block.dataset, bar.source))), 8.5)
        for block, block_bars in zip(blocks, bars, strict=True)
        for bar in block_bars
    )
    figure, axes = panels(
        [0.34 * len(block) + 0.1 for block in bars],
        1,
        Margins(left=left, right=right, top=top, bottom=0.6, between_rows=0.95),
    )
    for one, block, block_bars in zip(axes, blocks, bars, strict=True):
        _draw_funnel(one, block, block_bars, sampled)
    handles = [
        Patch(
            facecolor=_colour(outcome),
            edgecolor="white",
            hatch=_HATCHES.get(outcome),
            label=outcome_label(outcome),
        )
        for outcome in outcomes
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.01, inches_from_top(figure, 0.02)),
        ncols=5,
        fontsize=9,
        labelspacing=0.35,
        columnspacing=1.6,
    )
    return figure


def _bars_of(block: DatasetFunnel) -> list[SourceFunnel]:
    return [*block.sources, block.total] if len(block.sources) > 1 else list(block.sources)


def _colour(outcome: str) -> str:
    return OUTCOME_COLOURS.get(outcome, _OTHER_COLOUR)


def _draw_funnel(
    axes: Axes,
    block: DatasetFunnel,
    bars: list[SourceFunnel],
    samples: dict[tuple[str, str], int],
) -> None:
    places = range(len(bars))
    starts = [0.0] * len(bars)
    for outcome in block.outcomes:
        widths = [bar.counts[outcome] / bar.raw if bar.raw else 0.0 for bar in bars]
        axes.barh(
            places,
            widths,
            left=starts,
            height=0.76,
            color=_colour(outcome),
            edgecolor="white",
            linewidth=0.5,
            hatch=_HATCHES.get(outcome),
            label=outcome,
        )
        for place, bar, start, width in zip(places, bars, starts, widths, strict=True):
            _label_segment(axes, place, start, width, bar.counts[outcome], outcome)
        starts = [start + width for start, width in zip(starts, widths, strict=True)]
    for place, bar in zip(places, bars, strict=True):
        text = _kept_text(bar, samples.get((block.dataset, bar.source)))
        axes.text(1.012, place, text, va="center_baseline", fontsize=9, clip_on=False)
    axes.set_title(shorten(block.dataset, 80))
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("share of raw documents (%)")
    axes.set_ylim(len(bars) - 0.45, -0.55)
    axes.set_yticks(list(places), [shorten(bar.source, 34) for bar in bars])
    axes.tick_params(axis="y", length=0)
    if len(bars) > len(block.sources):
        axes.get_yticklabels()[-1].set_fontweight("bold")


def _label_segment(
    axes: Axes, place: int, start: float, width: float, count: int, outcome: str
) -> None:
    """Print the count inside a segment that has room for it."""
    text = f"{count:,}"
    if count == 0 or text_inches(text, 8.5) + 0.1 > width * panel_width(axes):
        return
    red, green, blue = to_rgb(_colour(outcome))
    dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.55
    # A plate of the segment's own colour keeps the digits clear of the hatching.
    plate = {"facecolor": _colour(outcome), "edgecolor": "none", "pad": 1.2}
    axes.text(
        start + width / 2,
        place,
        text,
        ha="center",
        va="center_baseline",
        fontsize=8.5,
        color="white" if dark else INK,
        bbox=plate if outcome in _HATCHES else None,
    )


def _kept_text(bar: SourceFunnel, samples: int | None) -> str:
    if bar.kept_share is None:
        return "no documents"
    kept = f"kept {bar.kept:,} of {bar.raw:,} ({bar.kept_share:.1%})"
    return kept if samples is None else f"{kept} → {samples:,} samples"


def entities_figure(rows: Sequence[EntityRow]) -> Figure:
    """Draw the most frequent entities of each dataset before and after the cap."""
    datasets = list(dict.fromkeys(row.dataset for row in rows))
    if not datasets:
        return note_figure("No entity has a training sample.")
    columns = min(2, len(datasets))
    blocks = [sorted((r for r in rows if r.dataset == d), key=lambda r: r.rank) for d in datasets]
    heights = [
        0.205 * max(len(block) for block in blocks[start : start + columns]) + 0.1
        for start in range(0, len(blocks), columns)
    ]
    figure, axes = panels(
        heights,
        columns,
        Margins(left=1.75, right=0.2, top=0.8, bottom=0.6, between_columns=1.9, between_rows=0.95),
    )
    for one, dataset, block in zip(axes, datasets, blocks, strict=False):
        _draw_entities(one, dataset, block)
    for unused in axes[len(blocks) :]:
        unused.remove()
    figure.legend(
        handles=[
            Patch(facecolor=ACCENT_TINT, label="before the cap"),
            Patch(facecolor=ACCENT, label="after the cap"),
        ],
        loc="upper left",
        bbox_to_anchor=(0.01, inches_from_top(figure, 0.02)),
        ncols=2,
    )
    return figure


def _draw_entities(axes: Axes, dataset: str, block: Sequence[EntityRow]) -> None:
    places = range(len(block))
    before = [row.samples_before_cap for row in block]
    after = [row.samples_after_cap for row in block]
    axes.barh(places, before, height=0.82, color=ACCENT_TINT, label="before the cap")
    axes.barh(places, after, height=0.42, color=ACCENT, label="after the cap")
    largest = max([*before, 1])
    for place, low, high in zip(places, after, before, strict=True):
        text = f"{high:,}" if low == high else f"{high:,} → {low:,}"
        axes.text(high + largest * 0.015, place, text, va="center_baseline", fontsize=8.5)
    axes.set_title(shorten(dataset, 40))
    axes.set_xlim(0, largest * 1.32)
    axes.set_ylim(len(block) - 0.4, -0.6)
    axes.set_yticks(list(places), [shorten(row.entity, 22) for row in block])
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(COMPACT)
    axes.set_xlabel("training samples")


def distances_figure(rows: Sequence[HistogramRow]) -> Figure:
    """Draw how far mentions lie from their antecedents, with the three bands."""
    datasets = groups(rows, DISTANCE)
    if not datasets:
        return note_figure("No dataset has distances.")
    figure, axes = _one_panel_per_dataset(len(datasets))
    for one, dataset in zip(axes, datasets, strict=False):
        found = histogram(rows, DISTANCE, dataset)
        draw_histogram(one, found, limits=(BANDS[0][1], BANDS[-1][2]), log_counts=False)
        one.set_xscale("log")
        one.set_xlim(BANDS[0][1], BANDS[-1][2])
        one.xaxis.set_major_locator(FixedLocator([10, 20, 50, 100, 200, 400, 800, 2000]))
        one.xaxis.set_minor_locator(NullLocator())
        one.xaxis.set_major_formatter(PLAIN)
        for (name, low, high), colour in zip(BANDS, _BAND_COLOURS, strict=True):
            one.axvspan(low, high, color=colour, zorder=0, linewidth=0)
            share = share_between(found, low, high, last=high == BANDS[-1][2]) if found else None
            text = name if share is None else f"{name} {share:.1%}"
            one.text(
                (low * high) ** 0.5,
                1.02,
                text,
                transform=one.get_xaxis_transform(),
                ha="center",
                va="bottom",
                fontsize=8.5,
                color=MUTED,
            )
        one.set_title(_title_with_total(dataset, found, "samples"), pad=20)
        one.set_xlabel("characters from antecedent to mention (log scale)")
        one.set_ylabel("samples per bin")
    _remove_unused(axes, len(datasets))
    return figure


def lengths_figure(rows: Sequence[HistogramRow], sizes: Sequence[DatasetRow]) -> Figure:
    """Draw the tokens per row of each dataset, with the model's length and how often it binds."""
    datasets = groups(rows, TOKENS)
    if not datasets:
        return note_figure("No dataset has rows.")
    figure, axes = _one_panel_per_dataset(len(datasets))
    for one, dataset in zip(axes, datasets, strict=False):
        found = histogram(rows, TOKENS, dataset)
        length = model_length(dataset)
        lines = [] if length is None else [float(length)]
        filled = [] if found is None else [found]
        log_counts = wants_log_counts(filled)
        _, end = value_span(filled, lines, log=False)
        draw_histogram(one, found, limits=(0, end), log_counts=log_counts)
        set_value_axis(one, log=False, ticks=6)
        for value in lines:
            one.axvline(value, color=LIMIT_COLOURS[0], linestyle=LIMIT_DASHES[0], linewidth=1.4)
            one.annotate(
                f"model length {plain_number(value)}",
                (value, 1.02),
                xycoords=one.get_xaxis_transform(),
                ha="right",
                va="bottom",
                fontsize=8.5,
                color=LIMIT_COLOURS[0],
            )
        one.set_title(_title_with_total(dataset, found, "rows"), pad=20)
        binding = _binding_note(sizes, dataset)
        one.set_xlabel("tokens per row" + (f"; {binding}" if binding else ""))
        one.set_ylabel("rows per bin" + (" (log scale)" if log_counts else ""))
    _remove_unused(axes, len(datasets))
    return figure


def model_length(dataset: str) -> int | None:
    """Return the length in tokens that ends a dataset's name ("mlm_1536"), if one does."""
    match = re.search(r"_(\d+)$", dataset)
    return int(match.group(1)) if match else None


def _binding_note(sizes: Sequence[DatasetRow], dataset: str) -> str:
    """Say in how many training rows the model's length cuts or fills a row, where it is known."""
    for row in sizes:
        if row.dataset == dataset and row.split == "train" and row.bound_share is not None:
            return f"the length binds in {row.bound_share:.1%} of train rows"
    return ""


def _one_panel_per_dataset(datasets: int) -> tuple[Figure, list[Axes]]:
    columns = min(2, datasets)
    return panels(
        [2.0] * -(-datasets // columns),
        columns,
        Margins(
            left=0.75, right=0.35, top=0.6, bottom=0.55, between_columns=0.9, between_rows=1.15
        ),
    )


def _remove_unused(axes: Sequence[Axes], used: int) -> None:
    for unused in axes[used:]:
        unused.remove()


def _title_with_total(dataset: str, found: Histogram | None, unit: str) -> str:
    total = found.total if found else 0
    return f"{shorten(dataset, 40)}   n = {total:,} {unit}"
