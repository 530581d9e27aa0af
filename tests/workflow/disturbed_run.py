"""One run of the workflow that is killed again and again, and given again until it ends."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.common.comparison import result_digests
from tests.common.loopback import wait_until
from tests.workflow.harness import ROOT
from tests.workflow.kill_plan import ALL, OVERLOOKED, SNAKEMAKE, STEP, Kill
from tests.workflow.step_processes import (
    Step,
    end_by_number,
    kill_all,
    kill_running,
    members,
    running_steps,
)

_FINISHED = re.compile(rb"^Finished jobid: ", re.MULTILINE)
_LOOK_SECONDS = 0.05
_LONGEST_END = 120.0


@dataclass(frozen=True)
class Hit:
    """A kill that hit a running process.

    Attributes:
        kind: key of `kill_plan.KINDS`.
        after: jobs that had ended.
        steps: the steps that ran then and were killed, as rule and age in seconds.
        alone: the steps that went on without their Snakemake.
        half: hidden files that the killed left in the results, begun and never named.
    """

    kind: str
    after: int
    steps: tuple[tuple[str, float], ...]
    alone: tuple[str, ...] = ()
    half: int = 0


@dataclass
class Outcome:
    """What became of a disturbed run.

    Attributes:
        hits: its kills.
        starts: how often Snakemake was started to run jobs.
        own_failures: starts that ended in an error though nothing was killed in them; allowed only
            beside steps that were overlooked.
        differing: result files that are not those of the undisturbed run, or lack.
        early: visible files that had other bytes after a kill than in the end.
        hidden: hidden files that were left at the end.
        seconds: what it took.
    """

    hits: list[Hit] = field(default_factory=list)
    starts: int = 0
    own_failures: int = 0
    differing: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def equal(self) -> bool:
        """Whether nothing of the kills is to be seen in the results."""
        return not (self.differing or self.early or self.hidden)


class FailedByItselfError(Exception):
    """A start of Snakemake failed, though nothing was killed in it and no step was overlooked."""


@dataclass
class Workflow:
    """How a run is started, again and again.

    Attributes:
        folder: its working directory.
        arguments: targets, config and cores.
    """

    folder: Path
    arguments: Sequence[str]

    @property
    def results(self) -> Path:
        """The results folder."""
        return self.folder / "results"

    @property
    def printed(self) -> Path:
        """What all starts printed."""
        return self.folder / "printed.log"

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        """Start Snakemake in a process group of its own."""
        scratch = self.folder / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        with self.printed.open("ab") as printed:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "snakemake", *more, *self.arguments),
                    *("--snakefile", ROOT / "Snakefile", "--directory", self.folder),
                    *("--workflow-profile", ROOT / "profiles/default"),
                ],
                cwd=ROOT,
                env={**os.environ, "TMPDIR": str(scratch)},
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )

    def finished_jobs(self) -> int:
        """Return how many jobs ended well so far."""
        return len(_FINISHED.findall(self.printed.read_bytes())) if self.printed.exists() else 0

    def run_whole(self) -> int:
        """Run undisturbed from an empty folder; return the number of jobs."""
        self._run_to_its_end()
        return self.finished_jobs()

    def unlock(self) -> None:
        """What the README says after Snakemake was killed."""
        if not any((self.folder / ".snakemake/locks").glob("*")):
            return
        self._run_to_its_end("--unlock")

    def _run_to_its_end(self, *more: str) -> None:
        process = self.start(*more)
        try:
            code = process.wait()
        finally:
            end_by_number(process.pid)
        if code != 0:
            raise FailedByItselfError(self.last_lines())

    def last_lines(self) -> str:
        """Return the end of what was printed."""
        return self.printed.read_text(errors="replace")[-4000:]

    def hidden(self) -> list[str]:
        """Return what was begun under a hidden name and has not got its own."""
        # Not by `rglob`, which fails where a running step renames a folder meanwhile.
        return sorted(
            (Path(folder) / name).relative_to(self.results).as_posix()
            for folder, folders, files in os.walk(self.results)
            for name in (*folders, *files)
            if name.startswith(".part.")
        )


def run_disturbed(
    workflow: Workflow,
    kills: Sequence[Kill],
    whole: dict[str, str],
    say: Callable[[Hit], None],
) -> Outcome:
    """Run until the end, through all kills, and compare.

    Args:
        workflow: the run, in an empty folder.
        kills: the kills, in order of time; those that find nothing to hit do not count.
        whole: digests of the undisturbed run's results.
        say: told of each kill.
    """
    began = time.monotonic()
    outcome, waiting, overlooked = Outcome(), deque(kills), list[int]()
    while True:
        workflow.unlock()
        process = workflow.start()
        outcome.starts += 1
        try:
            hits = _disturb(workflow, process, waiting, say)
        finally:
            if process.poll() is None:  # the soak itself ends, by Ctrl-C or an error
                end_by_number(process.pid)
        outcome.hits += hits
        if any(hit.alone and hit.kind == OVERLOOKED for hit in hits):
            overlooked.append(process.pid)
        else:
            end_by_number(process.pid)
        if process.returncode == 0:
            break
        if not hits:
            if not overlooked:
                raise FailedByItselfError(workflow.last_lines())
            outcome.own_failures += 1
            _wait_for_end(overlooked)
            overlooked.clear()
        if not any(members(group) for group in overlooked):  # which may write meanwhile
            outcome.early += _early(workflow.results, whole)
    _wait_for_end(overlooked)
    outcome.early = sorted(set(outcome.early))
    found = result_digests(workflow.results)
    outcome.differing = sorted(
        name for name in found.keys() | whole.keys() if found.get(name) != whole.get(name)
    )
    outcome.hidden = workflow.hidden()
    outcome.seconds = time.monotonic() - began
    shutil.rmtree(workflow.folder / "tmp")
    return outcome


def _disturb(
    workflow: Workflow,
    process: subprocess.Popen[bytes],
    waiting: deque[Kill],
    say: Callable[[Hit], None],
) -> list[Hit]:
    """Strike whenever a kill is due, until this start of Snakemake has ended."""
    hits: list[Hit] = []
    due: float | None = None
    while process.poll() is None:
        time.sleep(_LOOK_SECONDS)
        if not waiting or workflow.finished_jobs() < waiting[0].after:
            continue
        due = due or time.monotonic() + waiting[0].delay
        if time.monotonic() < due:
            continue
        hit = _strike(workflow, process, waiting[0])
        if hit is not None:
            waiting.popleft()
            due = None
            hits.append(hit)
            say(hit)
    return hits


def _strike(workflow: Workflow, process: subprocess.Popen[bytes], kill: Kill) -> Hit | None:
    """Kill what is there to kill; None where nothing was hit."""
    after = workflow.finished_jobs()
    if kill.kind == STEP:
        steps = running_steps(process.pid)
        if not steps:
            return None
        victim = steps[int(kill.pick * len(steps))]
        if not kill_running(victim.pid, process.pid):
            return None
        return Hit(STEP, after, _described([victim]), half=len(workflow.hidden()))
    if kill.kind == ALL:
        killed = kill_all(process.pid)
        process.wait()
        if killed is None:
            return None
        return Hit(ALL, after, _described(killed), half=len(workflow.hidden()))
    if not kill_running(process.pid, process.pid):
        return None
    process.wait()
    alone = running_steps(process.pid)
    rules = tuple(step.rule for step in alone)
    if kill.kind == OVERLOOKED:
        return Hit(OVERLOOKED, after, (), rules)
    time.sleep(kill.alone)
    ended = running_steps(process.pid)
    end_by_number(process.pid)
    return Hit(SNAKEMAKE, after, _described(ended), rules, len(workflow.hidden()))


def _described(steps: list[Step]) -> tuple[tuple[str, float], ...]:
    return tuple((step.rule, round(step.age, 1)) for step in steps)


def _early(results: Path, whole: dict[str, str]) -> list[str]:
    """Return visible files that differ from what they are in the end; those of no end are left out.

    A file that only some steps need for a while is gone in the end.
    """
    found = result_digests(results) if results.exists() else {}
    return sorted(name for name in found.keys() & whole.keys() if found[name] != whole[name])


def _wait_for_end(groups: list[int]) -> None:
    """Wait until overlooked steps have ended by themselves, since they may still write."""
    for group in groups:
        wait_until(lambda group=group: not members(group), _LONGEST_END)  # type: ignore[misc]
        end_by_number(group)
