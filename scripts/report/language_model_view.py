"""The track's tables by what a reader asks for, and numbers as texts."""

from collections.abc import Sequence
from typing import NamedTuple

from scripts.report.language_model_tables import (
    BASELINE,
    COMPOSITE,
    GOLD,
    HELDOUT,
    LAMBADA,
    REAL,
    DifferenceRow,
    MetricRow,
)

# (heading, set, metric, subset): the columns of tables and the panels of curves, in this order.
Measure = tuple[str, str, str, str]
COMPOSITE_STRICT: Measure = ("composite, strict", COMPOSITE, "composite_strict", "all")
COMPOSITE_LENIENT: Measure = ("composite, lenient", COMPOSITE, "composite_lenient", "all")
REAL_1: Measure = ("Real@1, strict", REAL, "strict_1", "all")
REAL_5: Measure = ("Real@5, strict", REAL, "strict_5", "all")
REAL_1_UNSEEN: Measure = ("Real@1, strict, unseen entities", REAL, "strict_1", "unseen")
REAL_1_LENIENT: Measure = ("Real@1, lenient", REAL, "lenient_1", "all")
REAL_5_LENIENT: Measure = ("Real@5, lenient", REAL, "lenient_5", "all")
ENTITY_1: Measure = ("pieces of the answer, Real", REAL, "entity_1", "all")
LAMBADA_1: Measure = ("LAMBADA@1, strict", LAMBADA, "strict_1", "all")
LAMBADA_1_LENIENT: Measure = ("LAMBADA@1, lenient", LAMBADA, "lenient_1", "all")
LAMBADA_CHOICE: Measure = ("LAMBADA, own candidates", LAMBADA, "choice_1", "all")
GOLD_1: Measure = ("gold clusters @1, strict", GOLD, "strict_1", "all")
GOLD_5: Measure = ("gold clusters @5, strict", GOLD, "strict_5", "all")
LOSS: Measure = ("held-out loss (nats a token)", HELDOUT, "loss", "all")
PERPLEXITY: Measure = ("pseudo-perplexity", HELDOUT, "pseudo_perplexity", "all")
SHARES = (
    COMPOSITE_STRICT,
    COMPOSITE_LENIENT,
    REAL_1,
    REAL_5,
    REAL_1_UNSEEN,
    REAL_1_LENIENT,
    REAL_5_LENIENT,
    ENTITY_1,
    LAMBADA_1,
    LAMBADA_1_LENIENT,
    LAMBADA_CHOICE,
    GOLD_1,
    GOLD_5,
)


class Table(NamedTuple):
    """A table of texts.

    Attributes:
        headings: one text a column.
        rows: one text a column.
        texts: columns of words, set to the left; all others are numbers.
    """

    headings: list[str]
    rows: list[list[str]]
    texts: frozenset[int] = frozenset({0})


class MetricBook:
    """All metrics, by run and epoch.

    Args:
        rows: the table; baselines are runs without epoch.
    """

    def __init__(self, rows: Sequence[MetricRow]) -> None:
        self._rows = {
            (row.run, row.epoch, row.half, row.set, row.metric, row.subset): row for row in rows
        }
        self.epochs: dict[str, list[str]] = {}
        for row in rows:
            if row.epoch:
                epochs = self.epochs.setdefault(row.run, [])
                if row.epoch not in epochs:
                    epochs.append(row.epoch)
        for epochs in self.epochs.values():
            epochs.sort(key=float)
        self.baselines = list(
            dict.fromkeys(row.run for row in rows if row.run.startswith(BASELINE))
        )
        self.sets = list(
            dict.fromkeys(row.set for row in rows if row.set not in (COMPOSITE, HELDOUT))
        )

    def get(self, run: str, epoch: str, measure: Measure, half: str = "all") -> MetricRow | None:
        """Return one metric; None where it was not measured. A baseline's epoch is ""."""
        _, set_name, metric, subset = measure
        return self._rows.get((run, epoch, half, set_name, metric, subset))

    def step(self, run: str, epoch: str) -> int:
        """Return the optimizer step of a checkpoint."""
        return next(row.step for key, row in self._rows.items() if key[:2] == (run, epoch))

    def curve(self, run: str, measure: Measure, half: str = "all") -> list[tuple[float, MetricRow]]:
        """Return (epoch, metric) of a run, in order of epochs."""
        found = ((epoch, self.get(run, epoch, measure, half)) for epoch in self.epochs[run])
        return [(float(epoch), row) for epoch, row in found if row is not None]

    def subsets(self, set_name: str, prefix: str) -> list[str]:
        """Return the subsets of a set whose name begins so, largest first."""
        sizes = {
            key[5]: row.items
            for key, row in self._rows.items()
            if key[3] == set_name and key[5].startswith(prefix)
        }
        return sorted(sizes, key=lambda subset: (-sizes[subset], subset))


def baseline_name(run: str) -> str:
    """Return a baseline's name in words."""
    return run.removeprefix(BASELINE).replace("_", " ")


def percent(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Return a share as per cent with its interval, 45.9 (40.6–52.7); a dash where it is None."""
    if value is None:
        return "–"
    text = f"{100 * value:.1f}"
    return text if low is None or high is None else f"{text} ({100 * low:.1f}–{100 * high:.1f})"


def percent_of(row: MetricRow | None) -> str:
    """Return a metric as per cent with its interval."""
    return "–" if row is None else percent(row.value, row.low, row.high)


def points(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Return a difference of shares in points, signed: +3.1 (+0.8 to +5.4)."""
    if value is None:
        return "–"
    text = _signed(value)
    return text if low is None or high is None else f"{text} ({_signed(low)} to {_signed(high)})"


def _signed(share: float) -> str:
    rounded = round(100 * share, 1) + 0.0  # no "-0.0"
    return f"{rounded:+.1f}"


def points_of(row: DifferenceRow) -> str:
    """Return a difference in points with its interval."""
    return points(row.difference, row.low, row.high)


def nats(value: float, low: float | None = None, high: float | None = None) -> str:
    """Return a difference of losses, signed: -1.235 (-1.301 to -1.170)."""
    first, *ends = (f"{round(one, 3) + 0.0:+.3f}" for one in (value, low, high) if one is not None)
    return f"{first} ({' to '.join(ends)})" if len(ends) == 2 else first


def nats_of(row: DifferenceRow) -> str:
    """Return a difference of losses with its interval."""
    return nats(row.difference, row.low, row.high)


def difference_of(row: DifferenceRow) -> str:
    """Return a difference with its interval: shares in points, losses in nats."""
    return f"{nats_of(row)} nats" if row.set == HELDOUT else points_of(row)


def decimals(row: MetricRow | None, places: int = 3) -> str:
    """Return a metric that is no share, with its interval where it has one."""
    if row is None:
        return "–"
    text = f"{row.value:,.{places}f}"
    if row.low is None or row.high is None:
        return text
    return f"{text} ({row.low:,.{places}f}–{row.high:,.{places}f})"


def millions(tokens: int) -> str:
    """Return a number of tokens in millions."""
    return f"{tokens / 1e6:,.2f}"
