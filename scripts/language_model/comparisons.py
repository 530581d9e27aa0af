"""Which checkpoints are compared with which, and on which half of the items.

The best checkpoint of a run was chosen on the validation half, so every comparison that involves it
uses the test half alone. Comparisons without a choice use all items.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from scripts.common.run_epochs import START
from scripts.language_model.run_facts import Checkpoint, RunBook, RunFacts

SINCE_START = "since the start"
LAST = "best and last"
SAME_EPOCH = "same epoch"
BESTS = "best of each"
CONTROL = "with and without entity supervision"
LENGTHS = "length"
ORIGIN = "fine-tuned from"
BASELINE = "against a baseline"
KINDS = (SINCE_START, LAST, SAME_EPOCH, BESTS, CONTROL, LENGTHS, ORIGIN, BASELINE)


@dataclass(frozen=True)
class Pair:
    """First minus second.

    Attributes:
        kind: one of `KINDS`.
        first, second: names of columns: "run@epoch", or "baseline:NAME".
        half: half of the items.
    """

    kind: str
    first: str
    second: str
    half: str


def planned_pairs(book: RunBook, bests: Mapping[str, str], baselines: Sequence[str]) -> list[Pair]:
    """Return all comparisons.

    Args:
        book: the runs.
        bests: epoch of each run's best checkpoint.
        baselines: names of the columns of model-free baselines.
    """
    pairs = [*_within_runs(book, bests), *_across_runs(book, bests)]
    for run, epoch in bests.items():
        best = Checkpoint(run, epoch).name
        pairs += [Pair(BASELINE, best, baseline, "test") for baseline in baselines]
    return pairs


def _within_runs(book: RunBook, bests: Mapping[str, str]) -> Iterator[Pair]:
    for run, epochs in book.epochs.items():
        trained = book.trained(run)
        if START in epochs:
            start = Checkpoint(run, START).name
            for epoch in trained:
                yield Pair(SINCE_START, Checkpoint(run, epoch).name, start, "all")
            yield Pair(SINCE_START, Checkpoint(run, bests[run]).name, start, "test")
        if bests[run] != trained[-1]:
            best, last = (Checkpoint(run, epoch).name for epoch in (bests[run], trained[-1]))
            yield Pair(LAST, best, last, "test")


def _across_runs(book: RunBook, bests: Mapping[str, str]) -> Iterator[Pair]:
    for one, other in combinations(book.runs.values(), 2):
        for kind, second, first in _relations(book, one, other):
            shared = [epoch for epoch in book.trained(first) if epoch in book.trained(second)]
            for epoch in shared:
                yield Pair(
                    kind, Checkpoint(first, epoch).name, Checkpoint(second, epoch).name, "all"
                )
            if kind != SAME_EPOCH:
                yield _of_bests(kind, first, second, bests)
        if one.group != other.group:
            yield _of_bests(BESTS, other.name, one.name, bests)


def _of_bests(kind: str, first: str, second: str, bests: Mapping[str, str]) -> Pair:
    return Pair(
        kind,
        Checkpoint(first, bests[first]).name,
        Checkpoint(second, bests[second]).name,
        "test",
    )


def _relations(book: RunBook, one: RunFacts, other: RunFacts) -> Iterator[tuple[str, str, str]]:
    """Yield (kind, second, first) of what two runs have to do with each other."""
    if one.length == other.length and one.group != other.group and one.seed == other.seed:
        yield SAME_EPOCH, one.name, other.name
    if is_control(one, other) or is_control(other, one):
        control, supervised = (one, other) if other.supervised else (other, one)
        yield CONTROL, control.name, supervised.name
    if one.length != other.length and book.lineage(one.name) == book.lineage(other.name):
        short, long = sorted((one, other), key=lambda run: run.length)
        yield LENGTHS, short.name, long.name
    if _differ_in_origin(book, one, other):
        # Combined pre-training against plain pre-training, whichever row comes first.
        plain, mixed = sorted((one, other), key=lambda run: _origin(book, run) == "combined")
        yield ORIGIN, plain.name, mixed.name


def is_control(control: RunFacts, run: RunFacts) -> bool:
    """Return whether two runs differ in entity supervision alone, and `control` lacks it."""
    ignored = {"run", "group", "entity_supervision", "epochs", "eval_every"}
    same = all(
        control.settings.get(name) == run.settings.get(name)
        for name in control.settings.keys() | run.settings.keys()
        if name not in ignored
    )
    return same and run.supervised and not control.supervised


def _differ_in_origin(book: RunBook, one: RunFacts, other: RunFacts) -> bool:
    fine_tuned = one.kind == other.kind == "entity_ft" and one.supervised == other.supervised
    return (
        fine_tuned
        and one.length == other.length
        and one.seed == other.seed
        and {_origin(book, one), _origin(book, other)} == {"mlm", "combined"}
    )


def _origin(book: RunBook, run: RunFacts) -> str | None:
    """Return the kind of pre-training that a run comes from."""
    while run.parent is not None:
        run = book.runs[run.parent]
    return run.kind if run.kind != "entity_ft" else None
