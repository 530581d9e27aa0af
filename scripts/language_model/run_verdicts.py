"""What is said of each run: best checkpoint, convergence, over-fitting, stability, cost.

Choices (best, convergence, early stopping) are made on the validation half, scores and the
over-fitting verdict come from the test half.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import stdev

from scripts.common.run_epochs import START, epochs_of
from scripts.language_model.bootstrap import Estimate
from scripts.language_model.checkpoint_metrics import COMPOSITE, Results
from scripts.language_model.comparisons import LAST, SINCE_START
from scripts.language_model.early_stopping import stop_after
from scripts.language_model.run_facts import Checkpoint, RunBook

STRICT = f"{COMPOSITE}_strict"
YES, NO, NOISE = "yes", "no", "within noise"


@dataclass(frozen=True)
class RunVerdict:
    """One run.

    Attributes:
        run, group, kind, length, init, seed: as in the table of runs.
        best_epoch, best_step: largest strict composite on the validation half.
        validation: its value there.
        test, test_lenient: composites of the best checkpoint on the test half.
        start: strict composite of the start model on the test half, None where it has none.
        gain: best minus start on the test half, paired.
        convergence_epoch: first epoch, start included, whose validation composite is not below the
            interval of the best one's.
        overfitting: "yes" where the last checkpoint is worse than the best one on the test half,
            paired; "no" where the best is the last or the last is better; else "within noise".
        peak_to_last: best minus last on the test half; None where the best is the last.
        stability: standard deviation of the validation composites from convergence on, None where
            there is only one.
        stop_epoch: where early stopping as it is advised would have ended the run, None where it
            would not.
        stopped_after: the epoch after which the run was stopped, None where it was trained to its
            end.
        left_out: planned epochs that were therefore neither trained nor evaluated.
        steps, tokens: optimizer steps and input tokens of the whole run.
        own_tokens_at_best: input tokens of this run up to its best checkpoint.
        tokens_at_best, tokens_at_convergence: input tokens up to there, those of the runs that it
            started from included.
        rank: by the test half's strict composite, from 1.
    """

    run: str
    group: str
    kind: str
    length: int
    init: str
    seed: int
    best_epoch: str
    best_step: int
    validation: Estimate
    test: Estimate
    test_lenient: Estimate
    start: Estimate | None
    gain: Estimate | None
    convergence_epoch: str
    overfitting: str
    peak_to_last: Estimate | None
    stability: float | None
    stop_epoch: str | None
    stopped_after: str | None
    left_out: tuple[str, ...]
    steps: int
    tokens: int
    own_tokens_at_best: int
    tokens_at_best: int
    tokens_at_convergence: int
    rank: int


@dataclass(frozen=True)
class Training:
    """What the segments of all runs took.

    Attributes:
        steps: last optimizer step at each checkpoint, by "run@epoch".
        tokens: input tokens of the run up to each checkpoint.
    """

    steps: Mapping[str, int]
    tokens: Mapping[str, int]

    def step(self, run: str, epoch: str) -> int:
        """Return the optimizer step of a checkpoint, 0 at the start."""
        return 0 if epoch == START else self.steps[Checkpoint(run, epoch).name]

    def own_tokens(self, run: str, epoch: str) -> int:
        """Return the tokens of a run up to a checkpoint, 0 at the start."""
        return 0 if epoch == START else self.tokens[Checkpoint(run, epoch).name]

    def lineage_tokens(self, book: RunBook, bests: Mapping[str, str], run: str, epoch: str) -> int:
        """Return the tokens up to a checkpoint, those of the runs that it came from included."""
        own = self.own_tokens(run, epoch)
        facts = book.runs[run]
        if facts.parent is None or facts.parent_epoch is None:
            return own
        parent_epoch = bests[facts.parent] if facts.parent_epoch == "best" else facts.parent_epoch
        return own + self.lineage_tokens(book, bests, facts.parent, parent_epoch)


def verdicts(
    book: RunBook,
    results: Results,
    bests: Mapping[str, str],
    training: Training,
    *,
    patience: int | None,
    stops: bool,
) -> list[RunVerdict]:
    """Return a verdict on each run, in the table's order.

    Args:
        book: the runs.
        results: metrics and differences.
        bests: epoch of each run's best checkpoint.
        training: steps and tokens.
        patience: checkpoints without a better validation composite after which to advise a stop.
        stops: whether runs were stopped early, so that a planned epoch may be missing.
    """
    found = [_verdict(book, results, bests, training, run, patience, stops) for run in book.runs]
    ranked = sorted(-one.test.value for one in found)
    return [_ranked(one, 1 + ranked.index(-one.test.value)) for one in found]


def _ranked(verdict: RunVerdict, rank: int) -> RunVerdict:
    return RunVerdict(**{**vars(verdict), "rank": rank})


def _verdict(
    book: RunBook,
    results: Results,
    bests: Mapping[str, str],
    training: Training,
    run: str,
    patience: int | None,
    stops: bool,
) -> RunVerdict:
    facts, trained = book.runs[run], book.trained(run)
    planned = epochs_of(dict(facts.settings)) if stops else trained
    left_out = tuple(epoch for epoch in planned if epoch not in trained)
    best = bests[run]
    curve = {epoch: _composite(results, run, epoch, "validation") for epoch in book.epochs[run]}
    converged = convergence(curve, curve[best])
    plateau = [curve[epoch].value for epoch in trained[_place(trained, converged) :]]
    stopped = stop_after([curve[epoch].value for epoch in trained], patience)
    peak_to_last = _difference(results, LAST, Checkpoint(run, best))
    lenient = results.value(
        Checkpoint(run, best).name, f"{COMPOSITE}_lenient", set=COMPOSITE, half="test"
    )
    assert lenient is not None, "both composites are measured together"
    has_start = START in book.epochs[run]
    return RunVerdict(
        run=run,
        group=facts.group,
        kind=facts.kind,
        length=facts.length,
        init=str(facts.settings["init"]),
        seed=facts.seed,
        best_epoch=best,
        best_step=training.step(run, best),
        validation=curve[best],
        test=_composite(results, run, best, "test"),
        test_lenient=lenient,
        start=_composite(results, run, START, "test") if has_start else None,
        gain=_difference(results, SINCE_START, Checkpoint(run, best)) if has_start else None,
        convergence_epoch=converged,
        overfitting=overfitting(peak_to_last),
        peak_to_last=peak_to_last,
        stability=stdev(plateau) if len(plateau) > 1 else None,
        stop_epoch=None if stopped is None else trained[stopped],
        stopped_after=trained[-1] if left_out else None,
        left_out=left_out,
        steps=training.step(run, trained[-1]),
        tokens=training.own_tokens(run, trained[-1]),
        own_tokens_at_best=training.own_tokens(run, best),
        tokens_at_best=training.lineage_tokens(book, bests, run, best),
        tokens_at_convergence=training.lineage_tokens(book, bests, run, converged),
        rank=0,
    )


def convergence(curve: Mapping[str, Estimate], best: Estimate) -> str:
    """Return the first epoch whose value is not below the interval of the best one's."""
    floor = best.value if best.low is None else best.low
    return next(epoch for epoch, estimate in curve.items() if estimate.value >= floor)


def overfitting(peak_to_last: Estimate | None) -> str:
    """Return the verdict from best minus last on the test half."""
    if peak_to_last is None:
        return NO
    if peak_to_last.within_noise:
        return NOISE
    return YES if peak_to_last.value > 0 else NO


def _place(trained: Sequence[str], epoch: str) -> int:
    return 0 if epoch == START else trained.index(epoch)


def _composite(results: Results, run: str, epoch: str, half: str) -> Estimate:
    found = results.value(Checkpoint(run, epoch).name, STRICT, set=COMPOSITE, half=half)
    assert found is not None, "the composite of every checkpoint was checked to exist"
    return found


def _difference(results: Results, kind: str, first: Checkpoint) -> Estimate | None:
    """Return the strict composite's difference on the test half."""
    return next(
        (
            one.estimate
            for one in results.compared
            if one.pair.kind == kind
            and one.pair.first == first.name
            and one.pair.half == "test"
            and one.metric == STRICT
        ),
        None,
    )


@dataclass(frozen=True)
class TargetVerdict:
    """What a run's best checkpoint reached of a target or of an expected range.

    Attributes:
        run, epoch: the checkpoint.
        metric: "real_1", "real_5", ...
        rule: "strict" or "lenient".
        low, high: the target (no upper end) or the expected range.
        reached: value on the test half.
        verdict: "yes" where the whole interval lies within, "no" where it lies outside, else
            "within noise".
    """

    run: str
    epoch: str
    metric: str
    rule: str
    low: float
    high: float | None
    reached: Estimate
    verdict: str


def held_against(reached: Estimate, low: float, high: float | None) -> str:
    """Return whether a value lies in [low, high], as far as its interval tells."""
    if reached.low is None or reached.high is None:
        return NOISE
    top = float("inf") if high is None else high
    if reached.low >= low and reached.high <= top:
        return YES
    return NO if reached.high < low or reached.low > top else NOISE
