"""What the checks of a selection cost, the pronoun limit, and the character ceilings, as figures.

Call these inside `drawing.figure_style()`, which sets fonts and colours.
"""

from collections import Counter
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, MaxNLocator, PercentFormatter

from scripts.report.attribute_figure import Limit, Style, label_limits
from scripts.report.corpus_tables import CeilingRow, FilterCostRow, HistogramRow, PronounRow
from scripts.report.drawing import (
    ACCENT,
    ACCENT_TINT,
    LIMIT_COLOURS,
    LIMIT_DASHES,
    MUTED,
    Margins,
    inches_from_top,
    note_figure,
    panels,
    plain_number,
    shorten,
    text_inches,
)
from scripts.report.filter_costs import DatasetFilters, dataset_filters, documents_by_limit
from scripts.report.funnel import outcome_label
from scripts.report.histograms import (
    Histogram,
    draw_histogram,
    histogram,
    set_value_axis,
    wants_log_counts,
)

FERTILITY, FERTILITY_GROUP = "tokens_per_character", "training sample"
_UNKNOWN_COLOUR = "#f3d9a4"
_FEWEST_PRONOUNS = 8  # limits up to here are always drawn
_MOST_PRONOUNS = 20  # and to here at most
_BEYOND = 1.6  # the axis of characters ends at so many times the highest ceiling


def filters_figure(rows: Sequence[FilterCostRow]) -> Figure:
    """Draw a panel per selection, a bar per check: all that fail it, and those it alone costs."""
    blocks = [block for block in dataset_filters(rows) if block.documents]
    if not blocks:
        return note_figure("No document was judged.")
    right = 0.3 + max(text_inches(_cost_text(c), 8.5) for b in blocks for c in b.checks)
    left = 0.25 + max(text_inches(_check_text(c)) for b in blocks for c in b.checks)
    figure, axes = panels(
        [0.32 * len(block.checks) + 0.1 for block in blocks],
        1,
        Margins(left=left, right=right, top=0.85, bottom=0.6, between_rows=0.95),
    )
    for one, block in zip(axes, blocks, strict=True):
        _draw_filters(one, block)
    figure.legend(
        handles=[
            Patch(facecolor=ACCENT_TINT, label="fail this check"),
            Line2D(
                [],
                [],
                color=MUTED,
                marker="|",
                linestyle="",
                markersize=11,
                label="turned away here first",
            ),
            Patch(facecolor=ACCENT, label="fail this check alone"),
            Patch(
                facecolor=_UNKNOWN_COLOUR,
                hatch="///",
                edgecolor="white",
                label="alone among the cheap checks, not analysed",
            ),
        ],
        loc="upper left",
        bbox_to_anchor=(0.01, inches_from_top(figure, 0.02)),
        ncols=4,
    )
    return figure


def _draw_filters(axes: Axes, block: DatasetFilters) -> None:
    places = range(len(block.checks))
    whole = block.documents
    alone = [check.alone / whole for check in block.checks]
    axes.barh(
        places,
        [check.failing / whole for check in block.checks],
        height=0.8,
        color=ACCENT_TINT,
        label="failing",
    )
    axes.barh(places, alone, height=0.42, color=ACCENT, label="alone")
    axes.barh(
        places,
        [check.unknown / whole for check in block.checks],
        left=alone,
        height=0.42,
        color=_UNKNOWN_COLOUR,
        edgecolor="white",
        hatch="///",
        label="unknown",
    )
    for place, check in zip(places, block.checks, strict=True):
        first = check.first / whole
        axes.plot([first, first], [place - 0.44, place + 0.44], color=MUTED, linewidth=1.4)
        axes.text(
            1.012,
            place,
            _cost_text(check),
            transform=axes.get_yaxis_transform(),
            va="center_baseline",
            fontsize=8.5,
            clip_on=False,
        )
    longest = max(check.failing for check in block.checks) / whole
    axes.set_xlim(0, max(0.05, longest * 1.06))
    axes.set_ylim(len(block.checks) - 0.45, -0.55)
    axes.set_yticks(list(places), [_check_text(check) for check in block.checks])
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("share of the documents with a text (%)")
    axes.set_title(f"{shorten(block.title, 90)}   n = {whole:,} documents")


def _check_text(check: FilterCostRow) -> str:
    limit = "" if check.limit is None else f" ({plain_number(check.limit)})"
    return outcome_label(check.check) + limit


def _cost_text(check: FilterCostRow) -> str:
    alone = f"{check.alone:,}"
    if check.unknown:
        alone += f" to {check.alone + check.unknown:,}"
    return f"alone {alone} · first {check.first:,} · fail {check.failing:,}"


def pronouns_figure(rows: Sequence[PronounRow]) -> Figure:
    """Draw the share of otherwise passing documents that each pronoun limit would keep."""
    curves = documents_by_limit(rows)
    if not curves:
        return note_figure("No document passes all other checks, so no pronoun limit is judged.")
    figure, axes = panels(
        [1.5] * len(curves),
        1,
        Margins(left=0.75, right=0.35, top=0.45, bottom=0.55, between_rows=1.0),
    )
    for one, (dataset, kept) in zip(axes, curves.items(), strict=True):
        _draw_pronouns(one, dataset, kept)
    return figure


def _draw_pronouns(axes: Axes, dataset: str, kept: Sequence[int]) -> None:
    """Draw a bar per limit, up to the limit that keeps 95 %, and for a few limits at least."""
    shares = [documents / kept[-1] for documents in kept]
    most = next(limit for limit, share in enumerate(shares) if share >= 0.95)
    last = min(max(most, _FEWEST_PRONOUNS), _MOST_PRONOUNS)
    shown = [shares[min(limit, len(shares) - 1)] for limit in range(last + 1)]
    axes.bar(range(len(shown)), shown, width=0.8, color=ACCENT_TINT, label="kept")
    for limit, share in enumerate(shown):
        axes.text(limit, share + 0.02, f"{share:.0%}", ha="center", va="bottom", fontsize=8.5)
    axes.set_xlim(-0.6, last + 0.6)
    axes.set_ylim(0, 1.15)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.yaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=21, integer=True))
    axes.grid(axis="y", color="#e3e7eb", linewidth=0.6)
    axes.set_title(f"{shorten(dataset, 40)}   n = {kept[-1]:,} documents")
    axes.set_xlabel("limit max_pronouns (pronouns per document)")
    axes.set_ylabel("documents kept (%)")


def ceilings_figure(
    rows: Sequence[HistogramRow], ceilings: Sequence[CeilingRow], filters: Sequence[FilterCostRow]
) -> Figure:
    """Draw tokens per character over documents, and the ceilings over the documents' lengths."""
    fertility = histogram(rows, FERTILITY, FERTILITY_GROUP)
    if fertility is None or not ceilings:
        return note_figure("No entity-coreference dataset has a character ceiling.")
    datasets = {row.dataset for row in ceilings}
    sources = list(dict.fromkeys(row.source for row in filters if row.dataset in datasets))
    figure, (left, right) = panels(
        [2.4],
        2,
        Margins(left=0.75, right=0.35, top=1.45, bottom=0.55, between_columns=0.9),
    )
    _draw_fertility(left, fertility, ceilings[0])
    _draw_lengths(figure, right, _summed(rows, sources), ceilings)
    return figure


def _draw_fertility(axes: Axes, found: Histogram, ceiling: CeilingRow) -> None:
    margin = (found.edges[-1] - found.edges[0]) * 0.03
    span = (found.edges[0] - margin, found.edges[-1] + margin)
    draw_histogram(axes, found, limits=span, log_counts=wants_log_counts([found]))
    set_value_axis(axes, log=False, ticks=6)
    mean = ceiling.tokens_per_character
    low, high = ceiling.tokens_per_character_low, ceiling.tokens_per_character_high
    axes.axvspan(low, high, color=LIMIT_COLOURS[0], alpha=0.25, linewidth=0)
    axes.axvline(mean, color=LIMIT_COLOURS[0], linestyle=LIMIT_DASHES[0], linewidth=1.3)
    axes.annotate(
        f"all tokens / all characters {mean:.4f}\n95 % interval {low:.4f} to {high:.4f}",
        (0, 1.03),
        xycoords="axes fraction",
        va="bottom",
        fontsize=8.5,
        linespacing=1.4,
        color=LIMIT_COLOURS[0],
    )
    axes.set_title(f"Fertility   n = {found.total:,} training documents", pad=52)
    axes.set_xlabel("tokens per character of a document")
    axes.set_ylabel("documents per bin" + (" (log scale)" if axes.get_yscale() == "log" else ""))


def _draw_lengths(
    figure: Figure, axes: Axes, found: Histogram | None, ceilings: Sequence[CeilingRow]
) -> None:
    styles: dict[tuple[str, ...], Style] = {}
    limits: list[Limit] = []
    names: dict[int, list[str]] = {}
    for row in ceilings:
        names.setdefault(row.ceiling, []).append(f"{row.length:,} tokens")
    names.setdefault(ceilings[0].published_ceiling, []).append("published")
    for place, (value, shared) in enumerate(names.items()):
        name = " · ".join(shared)
        styles[name,] = (
            LIMIT_COLOURS[(place + 1) % len(LIMIT_COLOURS)],
            LIMIT_DASHES[place % len(LIMIT_DASHES)],
        )
        limits.append((value, plain_number(value), (name,)))
        colour, dash = styles[name,]
        axes.axvline(value, color=colour, linestyle=dash, linewidth=1.3)
    end = max(value for value, _, _ in limits) * _BEYOND
    log_counts = found is not None and wants_log_counts([found])
    draw_histogram(axes, found, limits=(0, end), log_counts=log_counts)
    set_value_axis(axes, log=False, ticks=6)
    label_limits(axes, sorted(limits, key=lambda limit: limit[0]), styles)
    total = found.total if found else 0
    beyond = sum(n for low, _, n in found.bins if low >= end) if found else 0
    note = f"; {beyond:,} documents are longer" if beyond else ""
    axes.set_title(f"Length of documents   n = {total:,} of the entity sets' sources", pad=52)
    axes.set_xlabel(f"characters per document{note}")
    axes.set_ylabel("documents per bin" + (" (log scale)" if log_counts else ""))
    figure.legend(
        handles=[
            Line2D([], [], color=colour, linestyle=dash, linewidth=1.4, label=name)
            for (name,), (colour, dash) in styles.items()
        ],
        loc="upper left",
        bbox_to_anchor=(0.01, inches_from_top(figure, 0.02)),
        ncols=6,
        handlelength=3.4,
        title="character ceilings",
        alignment="left",
    )


def _summed(rows: Sequence[HistogramRow], sources: Sequence[str]) -> Histogram | None:
    """Return the lengths of all sources' documents together; their bins are the same."""
    counts: Counter[tuple[float, float]] = Counter()
    for row in rows:
        if row.quantity == "characters" and row.group in sources:
            counts[row.low, row.high] += row.count
    summed = [
        HistogramRow("characters", "all", low, high, number)
        for (low, high), number in counts.items()
    ]
    return histogram(summed, "characters", "all")
