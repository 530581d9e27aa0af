"""What the jobs of a track cost: from table rows to matplotlib figures, nothing written.

Call these inside `drawing.figure_style()`, which sets fonts and colours.
"""

from collections.abc import Sequence
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from scripts.report.drawing import (
    ACCENT,
    ACCENT_TINT,
    LIMIT_COLOURS,
    LIMIT_DASHES,
    PLAIN,
    Margins,
    inches_from_top,
    note_figure,
    panels,
    plain_number,
    shorten,
    text_inches,
)
from scripts.report.job_costs import CostRow, by_step

GOAL_MB = 1000.0  # 1.0 GB, the most that any job may take
_ROW = 0.27  # inches of a step's row
_LABEL_COLUMNS = 52


def throughput_figure(rows: Sequence[CostRow]) -> Figure:
    """Draw the rate of each job, one row per step and source; a panel per kind of item."""
    timed = [row for row in rows if row.finished and row.items_per_second]
    units = list(dict.fromkeys(row.unit for row in timed))
    if not units:
        return note_figure("No finished job counted its items.")
    blocks = [by_step([row for row in timed if row.unit == unit]) for unit in units]
    figure, axes = _step_panels(blocks, between_rows=0.95)
    for one, unit, block in zip(axes, units, blocks, strict=True):
        rates = [[row.items_per_second or 0.0 for row in jobs] for jobs in block.values()]
        texts = [f"{_rate(median(one_step))} {unit}/s" for one_step in rates]
        _draw_steps(one, list(block), rates, texts)
        flat = [rate for one_step in rates for rate in one_step]
        one.set_xscale("log")
        one.set_xlim(*_rate_span(flat))
        _log_ticks(one)
        one.set_xlabel(f"{unit} per second of a job (log scale)")
    _legend(figure, goal=False)
    return figure


def memory_figure(rows: Sequence[CostRow]) -> Figure:
    """Draw the peak memory of each job, with what it was granted and the goal of 1.0 GB."""
    measured = [row for row in rows if row.finished and row.peak_mb is not None]
    if not measured:
        return note_figure("No finished job stated its peak memory.")
    block = by_step(measured)
    figure, (axes,) = _step_panels([block], between_rows=0.0)
    peaks = [[row.peak_mb or 0.0 for row in jobs] for jobs in block.values()]
    texts = [f"at most {max(one):,.0f} MB" for one in peaks]
    _draw_steps(axes, list(block), peaks, texts)
    for place, jobs in enumerate(block.values()):
        granted = [row.mem_mb for row in jobs if row.mem_mb is not None]
        if granted:
            axes.plot([max(granted)] * 2, [place - 0.36, place + 0.36], color=LIMIT_COLOURS[1])
    axes.axvline(GOAL_MB, color=LIMIT_COLOURS[0], linestyle=LIMIT_DASHES[0], linewidth=1.3)
    largest = max(max(one) for one in peaks)
    granted_most = max((row.mem_mb or 0.0 for row in measured), default=0.0)
    axes.set_xlim(0, max(largest, granted_most, GOAL_MB) * 1.05)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8))
    axes.xaxis.set_major_formatter(PLAIN)
    axes.set_xlabel("peak resident memory of a job (MB)")
    _legend(figure, goal=True)
    return figure


def _step_panels(
    blocks: Sequence[dict[str, list[CostRow]]], *, between_rows: float
) -> tuple[Figure, list[Axes]]:
    labels = [_label(step, len(jobs)) for block in blocks for step, jobs in block.items()]
    return panels(
        [_ROW * len(block) + 0.1 for block in blocks],
        1,
        Margins(
            left=0.25 + max(text_inches(label) for label in labels),
            right=1.9,
            top=0.6,
            bottom=0.6,
            between_rows=between_rows,
        ),
    )


def _label(step: str, jobs: int) -> str:
    return f"{shorten(step, _LABEL_COLUMNS)} ({jobs:,})"


def _draw_steps(
    axes: Axes, steps: Sequence[str], values: Sequence[Sequence[float]], texts: Sequence[str]
) -> None:
    """Draw a dot per job on a line from the least to the largest, and a tick at the median."""
    for place, one in enumerate(values):
        axes.plot([min(one), max(one)], [place, place], color=ACCENT_TINT, linewidth=3, zorder=1)
        axes.plot(one, [place] * len(one), "o", color=ACCENT, markersize=4, alpha=0.6, zorder=2)
        axes.plot([median(one)] * 2, [place - 0.3, place + 0.3], color=ACCENT, linewidth=1.6)
        axes.text(
            1.012,
            place,
            texts[place],
            va="center_baseline",
            fontsize=8.5,
            transform=axes.get_yaxis_transform(),
            clip_on=False,
        )
    axes.set_ylim(len(steps) - 0.4, -0.6)
    labels = [_label(step, len(one)) for step, one in zip(steps, values, strict=True)]
    axes.set_yticks(range(len(steps)), labels)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e3e7eb", linewidth=0.6)


def _rate_span(rates: Sequence[float]) -> tuple[float, float]:
    """Return a span around the rates of at least a factor of twelve, so that it has ticks."""
    low, high = min(rates) / 1.5, max(rates) * 1.5
    widening = max(1.0, (12 * low / high) ** 0.5)
    return low / widening, high * widening


def _log_ticks(axes: Axes) -> None:
    """Label 1, 2 and 5 of each decade where the axis is short, whole decades where it is long."""
    low, high = axes.get_xlim()
    subs = (1.0, 2.0, 5.0) if high / low < 2000 else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(base=10, subs=subs, numticks=20))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(PLAIN)


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else plain_number(float(f"{value:.3g}"))


def _legend(figure: Figure, *, goal: bool) -> None:
    handles = [
        Line2D([], [], color=ACCENT, marker="o", linestyle="", markersize=4, label="one job"),
        Line2D([], [], color=ACCENT, marker="|", linestyle="", markersize=9, label="median"),
    ]
    if goal:
        handles += [
            Line2D(
                [],
                [],
                color=LIMIT_COLOURS[1],
                marker="|",
                linestyle="",
                markersize=9,
                label="memory that the step asks for",
            ),
            Line2D(
                [],
                [],
                color=LIMIT_COLOURS[0],
                linestyle=LIMIT_DASHES[0],
                label=f"{GOAL_MB:,.0f} MB (1.0 GB)",
            ),
        ]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.01, inches_from_top(figure, 0.02)),
        ncols=4,
    )
