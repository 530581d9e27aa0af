"""Fault soak: runs that are killed at random end with the bytes of an undisturbed one.

    python -m tests.workflow.soak [--runs 12] [--kills 5] [--seed 1] [--folder FOLDER]

One run goes undisturbed. Each further one starts from an empty folder too and meets kill -9 of
steps and of Snakemake (`tests/workflow/kill_plan.py`), after each of which it goes on as the README
says: end what is left, unlock, give the command again. What is killed and after how many finished
jobs is a function of the seed; which steps run at that moment is the machine's doing.

Asked of each run, or the exit code is 1 and its folder stays: the same result files with the same
bytes; after each kill no visible file that has other bytes than in the end; no hidden file left.
A kill counts if its process was running when the signal came. Results: FOLDER/soak.json,
FOLDER/kills.tsv (kills by rule).
"""

import json
import platform
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tyro

from scripts.common.comparison import LEFT_OUT_FOLDERS, result_digests
from scripts.common.files import sha256_file, write_json, write_text
from tests.workflow.disturbed_run import FailedByItselfError, Hit, Outcome, Workflow, run_disturbed
from tests.workflow.harness import ROOT
from tests.workflow.kill_plan import KINDS, STEP, draw_kills

_PLANNING = "(Snakemake plans)"


def soak(
    *,
    runs: int = 12,
    kills: int = 5,
    seed: int = 1,
    folder: Path = ROOT / "results/benchmarks/soak",
    config: Path = ROOT / "tests/config/tiny.yaml",
    cores: int = 2,
    target: str = "all",
) -> None:
    """Kill runs of the workflow at random and compare what they end with.

    Args:
        runs: disturbed runs.
        kills: kills of each run.
        seed: what all draws depend on.
        folder: where the runs and the results of the soak go; runs that passed are removed.
        config: settings of the runs; what they name lies in tests/config.
        cores: cores of a run.
        target: what is made and compared: `all`, a track, or a file of the results.
    """
    # As Ctrl-C: a soak that is ended by its number ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    settled = config.resolve()
    arguments = (target, "--configfile", str(settled), "--cores", str(cores))
    print("soak: the undisturbed run", flush=True)
    undisturbed = Workflow(_fresh(folder / "undisturbed"), arguments)
    jobs = undisturbed.run_whole()
    whole = result_digests(undisturbed.results)
    clock = _Clock(runs * kills)
    outcomes: list[Outcome | str] = []
    for number in range(1, runs + 1):
        place = _fresh(folder / f"run-{number:03d}")
        try:
            outcome: Outcome | str = run_disturbed(
                Workflow(place, arguments),
                draw_kills(seed, number, kills, jobs),
                whole,
                clock.teller(number, runs, jobs),
            )
        except FailedByItselfError as error:
            outcome = str(error)
        outcomes.append(outcome)
        print(f"soak: run {number} of {runs} {_verdict(outcome)}", flush=True)
        if isinstance(outcome, Outcome) and outcome.equal:
            shutil.rmtree(place)
        stated = {"seed": seed, "target": target, "cores": cores, "jobs": jobs}
        stated |= {"runs": runs, "kills_a_run": kills}
        _write(folder, stated | _provenance(settled, whole), outcomes)
    print("\n".join(closing_table(outcomes, len(whole))), flush=True)
    if not all(isinstance(outcome, Outcome) and outcome.equal for outcome in outcomes):
        raise SystemExit(f"soak: not every run ended as the undisturbed one; look into {folder}")


class _Clock:
    """Tells each kill with the time left, by the kills so far."""

    def __init__(self, planned: int) -> None:
        self.planned, self.done, self.began = planned, 0, time.monotonic()

    def teller(self, number: int, runs: int, jobs: int) -> Any:
        """Return what tells of a kill of a run."""

        def say(hit: Hit) -> None:
            self.done += 1
            left = (time.monotonic() - self.began) / self.done * (self.planned - self.done)
            print(
                f"soak: run {number} of {runs}, kill {self.done} of {self.planned}: {told(hit)} "
                f"after {hit.after} of {jobs} jobs; ETA {timedelta(seconds=round(left))}",
                flush=True,
            )

        return say


def told(hit: Hit) -> str:
    """Return a kill in words."""
    steps = ", ".join(f"{rule} ({age} s old)" for rule, age in hit.steps)
    alone = f", {', '.join(hit.alone)} went on alone" if hit.alone else ""
    if hit.kind == STEP:
        return steps
    return f"Snakemake{alone}{f', killed or ended: {steps}' if steps else ''}"


def _verdict(outcome: Outcome | str) -> str:
    if isinstance(outcome, str):
        return f"ended in an error of its own:\n{outcome}"
    if outcome.equal:
        return f"is equal after {len(outcome.hits)} kills"
    named = [
        f"{what}: {', '.join(names[:20])}"
        for what, names in (
            ("differ in the end", outcome.differing),
            ("differed after a kill", outcome.early),
            ("are left hidden", outcome.hidden),
        )
        if names
    ]
    return "; ".join(["DIFFERS", *named])


def kills_by_rule(outcomes: Sequence[Outcome | str]) -> list[tuple[str, int, int, int]]:
    """Return a row for each rule, by name: killed alone, killed with Snakemake, went on alone."""
    alone, together, left = Counter[str](), Counter[str](), Counter[str]()
    for hit in _hits(outcomes):
        rules = [rule for rule, _ in hit.steps]
        (alone if hit.kind == STEP else together).update(rules)
        left.update(hit.alone)
        if hit.kind != STEP and not rules and not hit.alone:
            together[_PLANNING] += 1
    return [
        (rule, alone[rule], together[rule], left[rule])
        for rule in sorted(alone.keys() | together.keys() | left.keys())
    ]


def closing_table(outcomes: Sequence[Outcome | str], files: int) -> list[str]:
    """Return the lines that a person reads at the end."""
    done = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
    hits = list(_hits(outcomes))
    kinds = Counter(hit.kind for hit in hits)
    rows = kills_by_rule(outcomes)
    width = max([len("rule"), *(len(row[0]) for row in rows)])
    heads = ("killed alone", "killed with Snakemake", "left alone")
    return [
        "",
        f"{'rule':<{width}}  {'  '.join(heads)}",
        *(
            f"{rule:<{width}}  "
            + "  ".join(f"{count:>{len(head)}}" for count, head in zip(counts, heads, strict=True))
            for rule, *counts in rows
        ),
        "",
        *(f"{kinds[kind]:>4} kills of {words}" for kind, words in KINDS.items()),
        f"{len(hits):>4} kills in all, {sum(hit.half > 0 for hit in hits)} of them left half a "
        "file under a hidden name",
        f"{sum(outcome.starts for outcome in done):>4} starts of Snakemake, "
        f"{sum(outcome.own_failures for outcome in done)} of them stopped by an overlooked step",
        f"{sum(outcome.equal for outcome in done):>4} of {len(outcomes)} runs end with the bytes "
        f"of the undisturbed one in all {files} files",
    ]


def _hits(outcomes: Sequence[Outcome | str]) -> list[Hit]:
    return [hit for outcome in outcomes if isinstance(outcome, Outcome) for hit in outcome.hits]


def _provenance(config: Path, whole: dict[str, str]) -> dict[str, Any]:
    packages = ("snakemake", "pyarrow", "torch", "numpy")
    return {
        "config": config.name,
        "config_sha256": sha256_file(config),
        "compared_files": len(whole),
        "left_out": list(LEFT_OUT_FOLDERS),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }


def _write(folder: Path, stated: dict[str, Any], outcomes: Sequence[Outcome | str]) -> None:
    done = [
        {"error": outcome}
        if isinstance(outcome, str)
        else asdict(outcome) | {"equal": outcome.equal, "seconds": round(outcome.seconds, 1)}
        for outcome in outcomes
    ]
    hits = _hits(outcomes)
    summary = {"kills": len(hits), "kills_by_kind": dict(Counter(hit.kind for hit in hits))}
    summary["runs_equal"] = sum(bool(run.get("equal")) for run in done)
    write_json(folder / "soak.json", json.loads(json.dumps(stated | summary | {"done": done})))
    rows = [("rule", "killed_alone", "killed_with_snakemake", "left_alone")]
    lines = ("\t".join(map(str, row)) for row in [*rows, *kills_by_rule(outcomes)])
    write_text(folder / "kills.tsv", "".join(f"{line}\n" for line in lines))


def _fresh(folder: Path) -> Path:
    """Return an empty working directory with what the config names."""
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(ROOT / "tests/config", folder / "tests/config")
    return folder


if __name__ == "__main__":
    tyro.cli(soak)
