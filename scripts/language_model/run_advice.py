"""Which runs to start next, as rows of the table of runs and as commands."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from scripts.common.run_epochs import BASE
from scripts.common.run_settings import settings_without_meaning
from scripts.language_model.run_facts import RunBook, RunFacts
from scripts.language_model.run_verdicts import YES, RunVerdict

RUN_COLUMNS = (
    "run",
    "kind",
    "length",
    "init",
    "epochs",
    "eval_every",
    "schedule_epochs",
    "lr",
    "warmup_ratio",
    "weight_decay",
    "mask_min",
    "mask_max",
    "whole_word",
    "entity_share",
    "entity_supervision",
    "extra_masking",
    "batch",
    "grad_accumulation",
    "max_grad_norm",
    "precision",
    "seed",
)
# Published settings of entity fine-tuning, for tables that hold no such run to take them from.
_FINE_TUNING = {"lr": 1.5e-5, "epochs": "3.0", "schedule_epochs": "3.0"}


@dataclass(frozen=True)
class Advice:
    """One run to start.

    Attributes:
        row: its row of the table of runs.
        reason: why.
        reason_korean: the same in Korean.
        replaces: whether the row takes the place of the run of its name.
        results: the results folder, as the command names it.
    """

    row: Mapping[str, Any]
    reason: str
    reason_korean: str
    replaces: bool
    results: str = "results"

    @property
    def cells(self) -> list[str]:
        """The row in the order of `RUN_COLUMNS`, as a table holds it."""
        return [_cell(name, self.row) for name in RUN_COLUMNS]

    @property
    def command(self) -> str:
        """Shell command that trains and evaluates the run once the row is in the table."""
        name, seeds = self.row["run"], str(self.row["seed"]).split()
        names = [f"{name}_s{seed}" for seed in seeds] if len(seeds) > 1 else [name]
        targets = [f"{self.results}/language_model/train/{name}/best.json" for name in names]
        return shlex.join(["snakemake", *targets])


def advised_runs(book: RunBook, found: Sequence[RunVerdict], *, results: str) -> list[Advice]:
    """Return the runs to start next, most promising first.

    Entity fine-tuning from the best pre-training checkpoint of each length that nothing was tuned
    from; further epochs where a run still rose at its end; a shorter schedule where it over-fitted.

    Args:
        book: the runs.
        found: verdicts on them.
        results: the results folder, as a target names it.
    """
    advised = [*_fine_tuning(book, found), *_longer(book, found), *_shorter(book, found)]
    return [replace(one, results=results) for one in advised]


def _fine_tuning(book: RunBook, found: Sequence[RunVerdict]) -> Iterator[Advice]:
    pretrained = [one for one in found if one.kind != "entity_ft"]
    for length in sorted({one.length for one in pretrained}):
        best = max(
            (one for one in pretrained if one.length == length),
            key=lambda one: one.validation.value,
        )
        tuned_from = {
            (child.parent, child.parent_epoch)
            for run in book.runs
            for child in book.children(run)
            if child.kind == "entity_ft" and child.supervised
        }
        for epoch, why, korean in _starts(best):
            if (best.run, epoch) in tuned_from or (
                epoch == best.best_epoch and (best.run, "best") in tuned_from
            ):
                continue
            group = book.runs[best.run].group
            yield Advice(
                row={
                    **_fine_tuning_settings(book, best),
                    "run": f"entity_ft_from_{group}_{epoch.replace('.', '_')}",
                    "init": f"{group}@{epoch}",
                    "seed": best.seed,
                },
                reason=why,
                reason_korean=korean,
                replaces=False,
            )


def _starts(best: RunVerdict) -> Iterator[tuple[str, str, str]]:
    """Yield (epoch, reason, reason in Korean) of checkpoints to fine-tune from."""
    yield (
        "best",
        f"{best.run} has the best validation composite of all pre-training at {best.length} "
        f"tokens ({best.validation.value:.3f}, epoch {best.best_epoch}), and no supervised "
        "entity fine-tuning starts from it.",
        f"{best.length}토큰 사전 학습 가운데 {best.run}(에폭 {best.best_epoch})의 검증 점수가 "
        f"{best.validation.value:.3f}(으)로 가장 높지만, 여기서 시작한 개체 미세 조정이 없습니다.",
    )
    if best.convergence_epoch not in (best.best_epoch, "0.0"):
        yield (
            best.convergence_epoch,
            f"{best.run} at epoch {best.convergence_epoch} already lies within the interval of its "
            f"best checkpoint, for {_share(best)} of the tokens.",
            f"{best.run}은(는) 에폭 {best.convergence_epoch}에 이미 최고점의 구간 안에 들며, "
            f"토큰은 {_share(best)}만 듭니다.",
        )


def _share(best: RunVerdict) -> str:
    return f"{best.tokens_at_convergence / max(1, best.tokens_at_best):.0%}"


def _fine_tuning_settings(book: RunBook, best: RunVerdict) -> dict[str, Any]:
    """Return the settings of a fine-tuning run of this length, else those of its parent."""
    examples = [
        run
        for run in book.runs.values()
        if run.kind == "entity_ft" and run.supervised and run.length == best.length
    ]
    if examples:
        return _row_of(book, examples[0])
    return {
        **_row_of(book, book.runs[best.run]),
        "kind": "entity_ft",
        "entity_share": None,
        "entity_supervision": True,
        **_FINE_TUNING,
    }


def _row_of(book: RunBook, run: RunFacts) -> dict[str, Any]:
    """Return the table's row of a run: all its seeds, and rows' names in place of runs'."""
    seeds = [other.seed for other in book.runs.values() if other.group == run.group]
    init = BASE if run.parent is None else f"{book.runs[run.parent].group}@{run.parent_epoch}"
    return {
        **run.settings,
        "run": run.group,
        "init": init,
        "seed": " ".join(map(str, sorted(seeds))),
    }


def _by_row(book: RunBook, found: Sequence[RunVerdict]) -> Iterator[tuple[RunVerdict, RunFacts]]:
    """Yield one run of each row of the table: the one with the best validation composite.

    Controls without entity supervision are left out: nobody wants more of them.
    """
    for group in dict.fromkeys(one.group for one in found if book.runs[one.run].supervised):
        best = max(
            (one for one in found if one.group == group), key=lambda one: one.validation.value
        )
        yield best, book.runs[best.run]


def _longer(book: RunBook, found: Sequence[RunVerdict]) -> Iterator[Advice]:
    for one, facts in _by_row(book, found):
        last = book.trained(one.run)[-1]
        if one.best_epoch != last:
            continue
        if Decimal(last) < facts.schedule_epochs:
            yield Advice(
                row={**_row_of(book, facts), "epochs": facts.settings["schedule_epochs"]},
                reason=f"{one.run} is best at its last epoch, {last}, and its schedule goes on to "
                f"{facts.schedule_epochs}; only the new epochs are trained.",
                reason_korean=f"{one.run}은(는) 마지막 에폭 {last}에서 가장 높고 일정은 "
                f"{facts.schedule_epochs}까지입니다. 새 에폭만 학습합니다.",
                replaces=True,
            )
        elif one.gain is not None and not one.gain.within_noise and one.gain.value > 0:
            longer = str(2 * facts.schedule_epochs)
            yield Advice(
                row={
                    **_row_of(book, facts),
                    "run": f"{facts.group}_longer",
                    "epochs": longer,
                    "schedule_epochs": longer,
                },
                reason=f"{one.run} still rose at the end of its schedule, epoch {last}; a "
                "schedule twice as long says whether it goes on.",
                reason_korean=f"{one.run}은(는) 일정의 끝(에폭 {last})까지 올랐습니다. 두 배 긴 "
                "일정으로 더 오르는지 볼 수 있습니다.",
                replaces=False,
            )


def _shorter(book: RunBook, found: Sequence[RunVerdict]) -> Iterator[Advice]:
    for one, facts in _by_row(book, found):
        if one.overfitting == YES:
            yield Advice(
                row={
                    **_row_of(book, facts),
                    "run": f"{facts.group}_shorter",
                    "epochs": one.best_epoch,
                    "schedule_epochs": one.best_epoch,
                },
                reason=f"{one.run} lost after epoch {one.best_epoch}; a schedule that ends there "
                "lets the learning rate fall in time.",
                reason_korean=f"{one.run}은(는) 에폭 {one.best_epoch} 뒤로 떨어졌습니다. 학습률이 "
                "그때 끝나는 일정이 낫습니다.",
                replaces=False,
            )


def _cell(name: str, row: Mapping[str, Any]) -> str:
    value = row.get(name)
    if name in settings_without_meaning(row["kind"]):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
