"""What training took in hours, against the score: from the jobs' records and the verdicts on runs.

Hours differ from run to run of the workflow and from machine to machine.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from matplotlib.figure import Figure

from scripts.common.tsv import write_tsv
from scripts.report.drawing import note_figure
from scripts.report.job_costs import CostRow
from scripts.report.language_model_figures import COMPOSITE_LABEL
from scripts.report.language_model_tables import RunRow
from scripts.report.number_formats import measure, share
from scripts.report.score_part import ScorePart
from scripts.report.series import CostedScore, score_figure
from scripts.report.tables import columns_of, read_rows

_RULE = "train_epoch"


@dataclass(frozen=True)
class TrainingCost:
    """One run.

    Attributes:
        run: name of the run.
        hours: of its training jobs up to the best checkpoint, one after the other; None where a
            job's record is missing.
        hours_with_parents: those of the runs that it started from included, each up to the
            checkpoint that was started from.
        tokens_per_second: input tokens of the whole run by the seconds of its jobs.
        test, test_low, test_high: strict composite of its best checkpoint on the test half.
    """

    run: str
    hours: float | None
    hours_with_parents: float | None
    tokens_per_second: float | None
    test: float
    test_low: float | None
    test_high: float | None


TRAINING_COST_COLUMNS = columns_of(TrainingCost)


def training_costs(costs: Sequence[CostRow], runs: Sequence[RunRow]) -> list[TrainingCost]:
    """Return what each run took, in the order of `runs`."""
    seconds = _seconds_by_segment(costs)
    by_name = {run.run: run for run in runs}
    found = []
    for run in runs:
        own = _seconds_up_to(seconds, run.run, run.best_epoch)
        whole = _seconds_up_to(seconds, run.run, None)
        found.append(
            TrainingCost(
                run=run.run,
                hours=_hours(own),
                hours_with_parents=_hours(
                    _seconds_with_parents(seconds, by_name, run.run, run.best_epoch)
                ),
                tokens_per_second=round(run.tokens / whole, 1) if whole else None,
                test=run.test,
                test_low=run.test_low,
                test_high=run.test_high,
            )
        )
    return found


def _seconds_by_segment(costs: Sequence[CostRow]) -> dict[str, dict[str, float | None]]:
    """Return the seconds of each segment by run and epoch; None where a job did not finish."""
    found: dict[str, dict[str, float | None]] = {}
    for row in costs:
        if row.rule == _RULE:
            run, _, segment = row.job.partition("/")
            epoch = segment.removeprefix("epoch-")
            found.setdefault(run, {})[epoch] = row.seconds if row.finished else None
    return found


def _seconds_up_to(
    seconds: dict[str, dict[str, float | None]], run: str, epoch: str | None
) -> float | None:
    """Return the seconds of a run's segments up to an epoch, None: all of them."""
    parts = [
        part
        for name, part in seconds.get(run, {}).items()
        if epoch is None or float(name) <= float(epoch)
    ]
    known = [part for part in parts if part is not None]
    return sum(known) if parts and len(known) == len(parts) else None


def _seconds_with_parents(
    seconds: dict[str, dict[str, float | None]],
    runs: dict[str, RunRow],
    run: str,
    epoch: str,
) -> float | None:
    own = _seconds_up_to(seconds, run, epoch) if float(epoch) else 0.0
    parent, _, parent_epoch = runs[run].init.partition("@")
    if not parent_epoch or own is None:
        return own
    start = runs[parent].best_epoch if parent_epoch == "best" else parent_epoch
    above = _seconds_with_parents(seconds, runs, parent, start)
    return None if above is None else own + above


def _hours(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 3600, 5)


def write_training_costs(path: Path, rows: Sequence[TrainingCost]) -> None:
    """Write the table (TSV)."""
    write_tsv(path, TRAINING_COST_COLUMNS, map(astuple, rows))


def read_training_costs(path: Path) -> list[TrainingCost]:
    """Read the table.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong.
    """
    return read_rows(path, TrainingCost)


def hours_figure(rows: Sequence[TrainingCost]) -> Figure:
    """Draw the test score of each run's best checkpoint over the hours that it took."""
    scored = [
        CostedScore(row.run, row.hours_with_parents, row.test, row.test_low, row.test_high)
        for row in rows
        if row.hours_with_parents is not None
    ]
    if not scored:
        return note_figure("No run has a finished record of all its training jobs.")
    return score_figure(
        scored,
        [row.run for row in rows],
        cost="hours of training jobs up to the best checkpoint, those of its parent runs included",
        score=COMPOSITE_LABEL,
    )


def training_part(rows: Sequence[TrainingCost]) -> ScorePart:
    """Return what the page of costs shows of the trainings, the best score first."""
    return ScorePart(
        heading="Training against score",
        text="Hours are wall-clock times of the training jobs up to the best checkpoint, added up; "
        "a dash where a job has no finished record.",
        figure_caption="Strict composite of each run's best checkpoint on the test half, with its "
        "95 % interval, over the hours that it took.",
        table_caption="Training of each run",
        header=["run", "composite, test (%)", "hours", "hours with parent runs", "tokens/s"],
        rows=[
            [
                row.run,
                share(row.test),
                _shown_hours(row.hours),
                _shown_hours(row.hours_with_parents),
                measure(row.tokens_per_second),
            ]
            for row in sorted(rows, key=lambda row: -row.test)
        ],
    )


def _shown_hours(hours: float | None) -> str:
    return "–" if hours is None else f"{hours:.3f}"
