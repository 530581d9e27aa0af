"""What the methods of the retrieval track took, against their score, from the jobs' records.

Seconds differ from run to run of the workflow and from machine to machine.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from matplotlib.figure import Figure

from scripts.common.tsv import write_tsv
from scripts.report.drawing import note_figure
from scripts.report.job_costs import CostRow
from scripts.report.number_formats import count, measure
from scripts.report.retrieval_tables import TransferRow
from scripts.report.retrieval_view import (
    AVERAGE,
    MEASURES,
    interval,
    last_figures,
    methods_of,
)
from scripts.report.score_part import ScorePart
from scripts.report.series import CostedScore, score_figure
from scripts.report.tables import columns_of, read_distinct_rows

_UPDATE, _TRAIN = "update_memory", "train_encoder"
_EVALUATE = ("evaluate_session", "evaluate_accumulated", "evaluate_bm25")


@dataclass(frozen=True)
class MethodTiming:
    """One method; seconds are those of its jobs, one after the other.

    Attributes:
        method: its name.
        seeds: its streams.
        update_memory, train_encoder, evaluation: seconds of all jobs of a kind, 0 where the plan
            has none; None where a job's record is missing.
        seconds: of all its jobs.
        seconds_per_stream: of all its jobs, by stream.
        learning_per_stream: of memory and training, by stream: what the method itself costs.
        measure: which measure the average is of.
        average, low, high: average over the sessions as of the last one, with its 95 % interval.
    """

    method: str
    seeds: int
    update_memory: float | None
    train_encoder: float | None
    evaluation: float | None
    seconds: float | None
    seconds_per_stream: float | None
    learning_per_stream: float | None
    measure: str
    average: float
    low: float | None
    high: float | None


TIMING_COLUMNS = columns_of(MethodTiming)


def method_timings(
    costs: Sequence[CostRow], transfer: Sequence[TransferRow], measure: str
) -> list[MethodTiming]:
    """Return what each method took, in the order of `transfer`.

    Args:
        costs: what each job cost; a job is named method/seed/….
        transfer: figures of the methods.
        measure: the measure of the average.
    """
    scores = last_figures(transfer)
    found = []
    for method in methods_of(transfer):
        score = scores.get((method, measure, AVERAGE))
        if score is None:
            continue
        own = [
            row
            for row in costs
            if row.rule in (_UPDATE, _TRAIN, *_EVALUATE) and row.job.partition("/")[0] == method
        ]
        update, train, evaluation = (
            _seconds([row for row in own if row.rule in rules]) if own else None
            for rules in ((_UPDATE,), (_TRAIN,), _EVALUATE)
        )
        learning = _sum(update, train)
        seconds = _sum(learning, evaluation)
        found.append(
            MethodTiming(
                method=method,
                seeds=score.seeds,
                update_memory=update,
                train_encoder=train,
                evaluation=evaluation,
                seconds=seconds,
                seconds_per_stream=_by(seconds, score.seeds),
                learning_per_stream=_by(learning, score.seeds),
                measure=measure,
                average=score.value,
                low=score.low,
                high=score.high,
            )
        )
    return found


def _seconds(rows: Sequence[CostRow]) -> float | None:
    known = [row.seconds for row in rows if row.finished and row.seconds is not None]
    return round(sum(known), 3) if len(known) == len(rows) else None


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else round(one + other, 3)


def _by(seconds: float | None, streams: int) -> float | None:
    return None if seconds is None or not streams else round(seconds / streams, 3)


def write_timings(path: Path, rows: Sequence[MethodTiming]) -> None:
    """Write the table (TSV)."""
    write_tsv(path, TIMING_COLUMNS, map(astuple, rows))


def read_timings(path: Path) -> list[MethodTiming]:
    """Read the table.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a method stands twice.
    """
    return read_distinct_rows(
        path, MethodTiming, lambda row: (row.method,), signed=frozenset({"low", "high"})
    )


def timings_figure(rows: Sequence[MethodTiming]) -> Figure:
    """Draw the average of each method over the seconds of memory and training of one stream."""
    scored = [
        CostedScore(row.method, row.learning_per_stream, row.average, row.low, row.high)
        for row in rows
        if row.learning_per_stream is not None
    ]
    if not scored:
        return note_figure("No method has a finished record of all its jobs.")
    return score_figure(
        scored,
        [row.method for row in rows],
        cost="seconds of memory and training of one stream, all sessions",
        score=f"average {_named(rows)} (%)",
    )


def timings_part(rows: Sequence[MethodTiming]) -> ScorePart:
    """Return what the page of costs shows of the methods, the best score first."""
    return ScorePart(
        heading="Methods against score",
        text="Seconds are wall-clock times of a method's jobs, added up over sessions and seeds; a "
        "stream is a method with one seed. A dash where a job has no finished record.",
        figure_caption=f"Average {_named(rows)} over the sessions as of the last one, with its "
        "95 % interval, over the seconds of memory and training of one stream. A method that "
        "trains nothing stands at 0.",
        table_caption="Seconds of each method",
        header=[
            "method",
            f"average {_named(rows)} (%)",
            "seeds",
            "update_memory",
            "train_encoder",
            "evaluation",
            "in all",
            "per stream",
        ],
        rows=[
            [
                row.method,
                interval(row.average, row.low, row.high),
                count(row.seeds),
                measure(row.update_memory),
                measure(row.train_encoder),
                measure(row.evaluation),
                measure(row.seconds),
                measure(row.seconds_per_stream),
            ]
            for row in sorted(rows, key=lambda row: (-row.average, row.method))
        ],
    )


def _named(rows: Sequence[MethodTiming]) -> str:
    name = rows[0].measure if rows else "score"
    return MEASURES.get(name, name)
