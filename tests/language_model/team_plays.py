"""What two processes do together in the tests of training on several devices."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from scripts.common.errors import ConfigError, IntegrityError
from scripts.language_model import training
from scripts.language_model.team import current_team
from tests.language_model.training_runs import Bench

THREE_PASSES: dict[str, Any] = {"batch": 1, "grad_accumulation": 3, "gpu": 2}
AfterStep = Callable[[torch.nn.Module, torch.optim.Optimizer, int], None]


class Stopped(BaseException):
    """An end that no handler of the code under test expects."""


@contextmanager
def after_each_step(act: AfterStep) -> Iterator[None]:
    """Do something after each step that train_epoch takes meanwhile."""
    inner = training.train_steps

    def acting(
        model: Any, optimizer: Any, *arguments: Any, after_step: Any, **options: Any
    ) -> None:
        def both(result: training.StepResult) -> None:
            after_step(result)
            act(model, optimizer, result.step)

        inner(model, optimizer, *arguments, after_step=both, **options)

    training.train_steps = acting
    try:
        yield
    finally:
        training.train_steps = inner


def stop_at(wanted: int) -> AfterStep:
    def act(model: torch.nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
        if step == wanted:
            raise Stopped

    return act


def note_in(steps: list[int]) -> AfterStep:
    def act(model: torch.nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
        steps.append(step)

    return act


def saves_of(bench: Bench, name: str) -> list[str]:
    found = (bench.folder / name / "epoch-1.0" / "saves").glob("*/*")
    return sorted(path.name for path in found)


def change_weight(model: torch.nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    """One bit of one weight, in the second process alone."""
    if step == 3 and current_team().rank == 1:
        with torch.no_grad():
            next(model.parameters()).view(torch.int32).reshape(-1)[7] ^= 1


def change_moment(model: torch.nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    if step == 3 and current_team().rank == 1:
        optimizer.state[next(model.parameters())]["exp_avg"].reshape(-1)[7] += 1.0


def play(folder: Path) -> None:
    """Train in two processes in all the ways that the tests look at."""
    seen: dict[str, Any] = {}
    written = writes_below(folder)
    bench = Bench(folder)

    def train(name: str, epoch: str, previous: str = "0.0", **options: Any) -> None:
        bench.train(name, epoch, previous, **options)
        current_team().total([0])  # the others wait until the first one has written

    train("two", "0.5", gpu=2, threads=3)
    seen["threads"] = torch.get_num_threads()
    train("three", "1.0", **THREE_PASSES)
    train("three-again", "1.0", **THREE_PASSES)
    train("three-cut", "0.5", **THREE_PASSES)
    train("three-cut", "1.0", "0.5", **THREE_PASSES)
    seen["save_of_one"] = saves_of(bench, "three-stopped")
    current_team().total([0])
    taken: list[int] = []
    try:
        with after_each_step(note_in(taken)), after_each_step(stop_at(5)):
            train("three-stopped", "1.0", save_steps=4, **THREE_PASSES)
    except Stopped:
        seen["began_with"], seen["saves"] = taken[0], saves_of(bench, "three-stopped")
    current_team().total([0])
    taken.clear()
    with after_each_step(note_in(taken)):
        train("three-stopped", "1.0", save_steps=4, **THREE_PASSES)
    seen["resumed_with"] = taken[0]
    for change, save_steps in ((change_weight, 0), (change_weight, 4), (change_moment, 4)):
        name = f"{change.__name__}-{save_steps}"
        try:
            with after_each_step(change):
                train(name, "0.5", save_steps=save_steps, **THREE_PASSES)
        except IntegrityError as error:
            seen[name] = str(error)
    seen["written"] = list(written)
    (folder / f"seen-{current_team().rank}.json").write_text(json.dumps(seen), encoding="utf-8")


def writes_below(folder: Path) -> list[str]:
    """Return a list that grows by each path below a folder that this process writes or makes."""
    written: list[str] = []

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if not (isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
                return
        elif event in {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"}:
            path = arguments[0]
        else:
            return
        if isinstance(path, str | os.PathLike) and str(path).startswith(str(folder)):
            written.append(str(path))

    sys.addaudithook(note)
    return written


def fail_in_the_second(folder: Path) -> None:
    """The second process fails while the first one waits for it."""
    (folder / f"pid-{current_team().rank}").write_text(str(os.getpid()))
    if current_team().rank == 1:
        raise ConfigError("run tiny: out of memory with batch 2; lower batch")
    current_team().total([1])


def break_in_the_second() -> None:
    if current_team().rank == 1:
        raise ZeroDivisionError("a mistake of the code")
    current_team().total([1])
