"""The soak itself: what it draws, that it counts only what it hit, and that it finds a fault."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from scripts.common.comparison import result_digests
from tests.common.loopback import wait_until
from tests.workflow.disturbed_run import (
    FailedByItselfError,
    Hit,
    Outcome,
    Workflow,
    run_disturbed,
)
from tests.workflow.kill_plan import ALL, KINDS, OVERLOOKED, SNAKEMAKE, STEP, Kill, draw_kills
from tests.workflow.soak import closing_table, kills_by_rule, soak
from tests.workflow.step_processes import (
    end_by_number,
    kill_all,
    kill_running,
    members,
    running_steps,
)

# Stands for Snakemake: one step after the other, each a process whose file is named as a step's.
RUNNER = """
import subprocess, sys
from pathlib import Path
for name in sys.argv[1:]:
    if Path("results", name).exists():
        continue
    if subprocess.run([sys.executable, f".snakemake/scripts/tmpab12.{name}.py"]).returncode:
        sys.exit("a step failed")
    print(f"Finished jobid: {name}", flush=True)
"""
WHOLE_STEP = """
import os, time
from pathlib import Path
Path("results").mkdir(exist_ok=True)
time.sleep(0.6)
part = Path(f"results/.part.{os.getpid()}.{name}")
part.write_text("{name}" * 3)
os.replace(part, "results/{name}")
"""
# Goes on with what a killed one left.
APPENDING_STEP = """
import time
from pathlib import Path
Path("results").mkdir(exist_ok=True)
with Path("results/half.{name}").open("a") as stream:
    stream.write("{name}")
    stream.flush()
    time.sleep(0.6)
Path("results/half.{name}").rename("results/{name}")
"""


class OneAfterTheOther(Workflow):
    """A workflow of two small steps, without Snakemake."""

    def __init__(self, folder: Path, step: str, names: Sequence[str] = ("first", "second")) -> None:
        super().__init__(folder, names)
        (folder / ".snakemake/scripts").mkdir(parents=True)
        (folder / "run.py").write_text(RUNNER)
        for name in names:
            script = folder / f".snakemake/scripts/tmpab12.{name}.py"
            script.write_text(step.replace("{name}", name))

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        (self.folder / "tmp").mkdir(exist_ok=True)
        with self.printed.open("ab") as printed:
            return subprocess.Popen(
                [sys.executable, "run.py", *self.arguments],
                cwd=self.folder,
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )


def kill(kind: str, after: int, delay: float = 0.3) -> Kill:
    return Kill(kind, after, delay, pick=0.0, alone=0.1)


def disturbed(folder: Path, step: str, kills: Sequence[Kill]) -> tuple[Outcome, list[Hit]]:
    folder.mkdir()
    undisturbed = OneAfterTheOther(folder / "whole", step)
    assert undisturbed.run_whole() == 2
    told: list[Hit] = []
    workflow = OneAfterTheOther(folder / "run", step)
    whole = result_digests(undisturbed.results)
    return run_disturbed(workflow, kills, whole, told.append), told


def test_kills_are_a_function_of_the_seed_and_lie_one_in_each_part_of_the_run() -> None:
    kinds = set()
    for run in range(40):
        kills = draw_kills(7, run, 5, 130)
        assert kills == draw_kills(7, run, 5, 130) != draw_kills(8, run, 5, 130)
        assert kills != draw_kills(7, run + 1, 5, 130)
        for number, one in enumerate(kills):
            assert number * 130 / 5 * 0.95 - 1 <= one.after <= (number + 1) * 130 / 5 * 0.95 < 130
            assert 0 <= one.pick < 1 and 0 <= one.delay <= 3
        kinds |= {one.kind for one in kills}
    assert kinds == KINDS.keys()


def test_a_run_of_whole_files_passes_through_every_kind_of_kill(tmp_path: Path) -> None:
    kills = [kill(STEP, 0), kill(SNAKEMAKE, 0), kill(OVERLOOKED, 1), kill(ALL, 1)]
    outcome, told = disturbed(tmp_path / "soak", WHOLE_STEP, kills)
    assert outcome.equal and outcome.hits == told
    assert [hit.kind for hit in told] == [STEP, SNAKEMAKE, OVERLOOKED, ALL]
    assert [hit.after for hit in told] == [0, 0, 1, 1]
    assert [rule for rule, _ in told[0].steps] == ["first"]
    assert outcome.starts == 5 and outcome.own_failures == 0


def test_a_step_that_goes_on_with_what_a_killed_one_left_is_found(tmp_path: Path) -> None:
    outcome, told = disturbed(tmp_path / "soak", APPENDING_STEP, [kill(STEP, 1)])
    assert len(told) == 1 and not outcome.equal
    assert outcome.differing == ["second"]


def test_a_run_that_fails_without_a_kill_is_no_equal_one(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    workflow = OneAfterTheOther(tmp_path / "run", "raise SystemExit(3)")
    with pytest.raises(FailedByItselfError, match="a step failed"):
        run_disturbed(workflow, [], {}, lambda hit: None)


def test_only_a_running_process_of_the_run_counts_as_killed(tmp_path: Path) -> None:
    workflow = OneAfterTheOther(tmp_path, WHOLE_STEP.replace("0.6", "60"))
    process = workflow.start()
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        assert wait_until(lambda: bool(running_steps(process.pid)), 30)
        (step,) = running_steps(process.pid)
        assert step.rule == "first" and 0 <= step.age < 60
        assert not kill_running(stranger.pid, process.pid) and stranger.poll() is None
        assert kill_running(step.pid, process.pid)
        assert process.wait(30) == 1
        assert not kill_running(step.pid, process.pid)
        assert not kill_running(process.pid, process.pid)
        assert kill_all(process.pid) is None
        assert members(process.pid) == set()
    finally:
        end_by_number(stranger.pid)
        stranger.wait()
        end_by_number(process.pid)


def test_the_closing_table_counts_kills_by_rule_and_by_kind() -> None:
    one = Outcome(hits=[Hit(STEP, 1, (("score", 1.0),), half=1), Hit(SNAKEMAKE, 0, ())], starts=3)
    both = (("score", 2.0), ("train", 0.1))
    two = Outcome(hits=[Hit(ALL, 4, both), Hit(OVERLOOKED, 5, (), ("train",))], starts=3)
    two.differing = ["tables/a.tsv"]
    assert kills_by_rule([one, two, "an error"]) == [
        ("(Snakemake plans)", 0, 1, 0),
        ("score", 1, 1, 0),
        ("train", 0, 1, 1),
    ]
    lines = closing_table([one, two, "an error"], 12)
    assert "   4 kills in all, 1 of them left half a file under a hidden name" in lines
    assert lines[-1].startswith(
        "   1 of 3 runs end with the bytes of the undisturbed one in all 12"
    )


def test_a_short_soak_of_the_real_workflow_ends_in_the_bytes_of_an_undisturbed_run(
    tmp_path: Path, finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = "results/retrieval/sessions/manifest.json"
    # Of this seed neither kill comes late: the five jobs take three seconds in all.
    soak(runs=1, kills=2, seed=1, folder=tmp_path, target=target)
    printed = capsys.readouterr().out
    assert "   1 of 1 runs end with the bytes of the undisturbed one" in printed
    assert "   2 kills in all" in printed
    made = result_digests(tmp_path / "undisturbed/results")
    finished = result_digests(finished_run / "results")
    assert made and {name: finished[name] for name in made} == made
