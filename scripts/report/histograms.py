"""Distributions as bins: from table rows to edges and counts, and how to draw one."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator

from scripts.report.corpus_tables import HistogramRow
from scripts.report.drawing import ACCENT, ACCENT_TINT, COMPACT, PLAIN

_LOG_COUNT_RATIO = 100  # largest to smallest count from which a linear axis hides the tails
_LOG_WIDTH_RATIO = 8  # widest to narrowest bin from which the bins are meant for a log axis


@dataclass(frozen=True)
class Histogram:
    """Adjacent bins: `edges` has one number more than `counts`."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """The number of values."""
        return sum(self.counts)

    @property
    def bins(self) -> list[tuple[float, float, int]]:
        """The bins as (low, high, count)."""
        return list(zip(self.edges[:-1], self.edges[1:], self.counts, strict=True))


def histogram(rows: Sequence[HistogramRow], quantity: str, group: str) -> Histogram | None:
    """Return the bins of a quantity in a group, empty bins filled in; None without rows."""
    chosen = sorted(
        (row for row in rows if row.quantity == quantity and row.group == group),
        key=lambda row: row.low,
    )
    if not chosen:
        return None
    edges = [chosen[0].low]
    counts = []
    for row in chosen:
        if row.low > edges[-1]:
            counts.append(0)
            edges.append(row.low)
        counts.append(row.count)
        edges.append(row.high)
    return Histogram(tuple(edges), tuple(counts))


def groups(rows: Sequence[HistogramRow], quantity: str) -> list[str]:
    """Return the groups that have a distribution of this quantity, in the table's order."""
    return list(dict.fromkeys(row.group for row in rows if row.quantity == quantity))


def wants_log_counts(histograms: Sequence[Histogram]) -> bool:
    """Say whether the counts span so much that a linear axis would hide the small ones."""
    counts = [count for one in histograms for count in one.counts if count > 0]
    return bool(counts) and max(counts) / min(counts) >= _LOG_COUNT_RATIO


def wants_log_values(one: Histogram) -> bool:
    """Say whether the bins grow as on a logarithmic axis."""
    widths = [high - low for low, high, _ in one.bins]
    return one.edges[-1] > 0 and max(widths) / min(widths) >= _LOG_WIDTH_RATIO


def share_between(one: Histogram, low: float, high: float, *, last: bool) -> float | None:
    """Return the share of values in low <= value < high (<= for the last band).

    None where a bin straddles a limit, so that no exact share is known, or without values.
    """
    inside = 0
    for start, end, count in one.bins:
        if start < low < end or (start < high < end and not last and count):
            return None
        if low <= start and (start < high or last):
            inside += count
    return inside / one.total if one.total else None


def draw_histogram(
    axes: Axes, one: Histogram | None, *, limits: tuple[float, float], log_counts: bool
) -> None:
    """Draw a step histogram within the value limits; say so where there is nothing."""
    axes.set_xlim(*limits)
    if one is None or one.total == 0:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no values", transform=axes.transAxes, ha="center", va="center")
        return
    baseline = 0.5 if log_counts else 0  # half a document, so that a count of 1 shows on a log axis
    axes.stairs(one.counts, one.edges, fill=True, color=ACCENT_TINT, baseline=baseline)
    axes.stairs(one.counts, one.edges, color=ACCENT, linewidth=1.1, baseline=baseline)
    top = max(one.counts)
    if log_counts:
        axes.set_yscale("log")
        axes.set_ylim(baseline, top * 1.6)
        axes.yaxis.set_major_locator(LogLocator(base=10, numticks=4))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(0, top * 1.08)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    axes.yaxis.set_major_formatter(COMPACT)
    axes.grid(axis="y", color="#e3e7eb", linewidth=0.6)


def set_value_axis(axes: Axes, *, log: bool, ticks: int) -> None:
    """Choose the scale of the values' axis, with numbers in full."""
    if log:
        left, right = axes.get_xlim()
        axes.set_xscale("log")
        axes.set_xlim(left, right)
        axes.xaxis.set_major_locator(LogLocator(base=10, numticks=ticks + 1))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=ticks))
    axes.xaxis.set_major_formatter(PLAIN)


def value_span(
    filled: Sequence[Histogram], limits: Sequence[float], *, log: bool
) -> tuple[float, float]:
    """Return the range that shows all bins with values and all limits."""
    used = [edge for one in filled for low, high, n in one.bins if n for edge in (low, high)]
    values = [*used, *limits] or [0.0, 1.0]
    if log:
        positive = [value for value in values if value > 0]
        return min(positive) / 1.1, max(positive) * 1.1
    margin = (max(values) - min(values)) * 0.02
    return min(values) - margin, max(values) + margin
