"""What the table of runs says, as far as results are read by it: kinds, parents, counterparts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from scripts.common.errors import IntegrityError
from scripts.common.run_epochs import BASE, START


@dataclass(frozen=True)
class Checkpoint:
    """One evaluated checkpoint; epoch "0.0" is the model that the run starts from."""

    run: str
    epoch: str

    @property
    def name(self) -> str:
        """The form that `init` uses: run@epoch."""
        return f"{self.run}@{self.epoch}"


@dataclass(frozen=True)
class RunFacts:
    """One run.

    Attributes:
        name: of the run; with several seeds a row gives several runs.
        group: name of its row, the same for all seeds.
        kind: "mlm", "combined" or "entity_ft".
        length: tokens of an input.
        parent: run that it starts from, None for the base model.
        parent_epoch: that run's epoch, or "best".
        seed: of training.
        supervised: whether masked entities are labelled.
        schedule_epochs: where the learning rate ends.
        settings: the whole row.
    """

    name: str
    group: str
    kind: str
    length: int
    parent: str | None
    parent_epoch: str | None
    seed: int
    supervised: bool
    schedule_epochs: Decimal
    settings: Mapping[str, Any]


def run_facts(name: str, row: Mapping[str, Any]) -> RunFacts:
    """Return the facts of one row of the checked table."""
    parent, _, epoch = str(row["init"]).partition("@")
    return RunFacts(
        name=name,
        group=str(row.get("group", name)),
        kind=str(row["kind"]),
        length=int(row["length"]),
        parent=None if parent == BASE else parent,
        parent_epoch=epoch or None,
        seed=int(row["seed"]),
        supervised=bool(row["entity_supervision"]),
        schedule_epochs=Decimal(str(row["schedule_epochs"])),
        settings=row,
    )


class RunBook:
    """All runs and their evaluated checkpoints.

    Args:
        runs: the rows, by run.
        evaluated: every evaluated checkpoint as "run@epoch", each run's in order of epochs.

    Raises:
        IntegrityError: a checkpoint's run has no row, or a run has no checkpoint after its start.
    """

    def __init__(self, runs: Mapping[str, Mapping[str, Any]], evaluated: Sequence[str]) -> None:
        self.runs = {name: run_facts(name, row) for name, row in runs.items()}
        self.checkpoints = [Checkpoint(*name.rsplit("@", 1)) for name in evaluated]
        self.epochs: dict[str, list[str]] = {name: [] for name in self.runs}
        for checkpoint in self.checkpoints:
            if checkpoint.run not in self.runs:
                raise IntegrityError(
                    f"{checkpoint.name} was evaluated, but the table has no run so"
                )
            self.epochs[checkpoint.run].append(checkpoint.epoch)
        for name, epochs in self.epochs.items():
            epochs.sort(key=Decimal)
            if not [epoch for epoch in epochs if epoch != START]:
                raise IntegrityError(f"no checkpoint of run {name} was evaluated; evaluate one")

    def trained(self, run: str) -> list[str]:
        """Return a run's epochs without its start."""
        return [epoch for epoch in self.epochs[run] if epoch != START]

    def lineage(self, run: str) -> tuple[Any, ...]:
        """Return what a run is, whatever its length: kinds and supervision up to the base model."""
        facts = self.runs[run]
        above = () if facts.parent is None else (self.lineage(facts.parent), facts.parent_epoch)
        return (facts.kind, facts.supervised, facts.seed, *above)

    def children(self, run: str) -> list[RunFacts]:
        """Return the runs that start from a run."""
        return [facts for facts in self.runs.values() if facts.parent == run]
