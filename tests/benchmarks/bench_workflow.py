"""What Snakemake's own process costs, with and without what the project does about it.

Two measurements, each in fresh processes, the forms in turn so that all meet the same machine:

- *plan*: `snakemake -n --configfile config/full.yaml`, printed. Switched off one at a time: answers
  remembered, garbage searched for rarely, texts of modules kept.
- *run*: 200 ready jobs of 0.4 s with 30 inputs each, on two cores; looks of the scheduler and CPU
  seconds of Snakemake's process, its jobs left out.

    python -m tests.benchmarks.bench_workflow --table results/benchmarks/measured/workflow.md
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import tyro

from scripts.common.files import write_text

ROOT = Path(__file__).resolve().parents[2]
PLAN_FORMS = {
    "as it is": (),
    "answers not remembered": ("quick_planning.remember_answers",),
    "garbage searched for as usual": ("quick_planning.collect_garbage_rarely",),
    "texts of modules not kept": ("module_text.recall_texts",),
    "none of the three": (
        *("quick_planning.remember_answers", "quick_planning.collect_garbage_rarely"),
        "module_text.recall_texts",
    ),
}
RUN_FORMS = {"one look due": True, "as Snakemake does it": False}
JOBS, INPUTS, SECONDS = 200, 30, 0.4
SNAKEFILE = f"""
rule all:
    input: expand("out/{{n}}", n=range({JOBS}))

rule start:
    output: expand("in/{{k}}", k=range({INPUTS}))
    run:
        for path in output:
            open(path, "w").close()

rule one:
    input: expand("in/{{k}}", k=range({INPUTS}))
    output: "out/{{n}}"
    shell: "sleep {SECONDS}; touch {{output}}"
"""
# Runs Snakemake with some of the project's functions replaced by nothing, and tells what it took.
MEASURED = """
import atexit, importlib, json, sys, time

left_out, steady, told = json.loads(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
for name in left_out:
    module, _, function = name.partition(".")
    setattr(importlib.import_module(f"scripts.common.{module}"), function, lambda *_: None)
from snakemake.cli import main
from snakemake.scheduling.job_scheduler import JobScheduler

if steady:
    from scripts.common.steady_scheduler import look_again_once
    look_again_once()
looks, select = 0, JobScheduler.job_selector

def counted(self, jobs):
    global looks
    looks += 1
    return select(self, jobs)

JobScheduler.job_selector = counted

def tell():
    with open(told, "w") as stream:
        json.dump({"cpu": time.process_time(), "looks": looks}, stream)

atexit.register(tell)
sys.argv = ["snakemake", *sys.argv[4:]]
main()
"""


def run(*, table: Path, rounds: int = 5) -> None:
    """Measure both, and write a table.

    Args:
        table: Markdown to write.
        rounds: plans of each form; runs are made once.
    """
    plans: dict[str, list[float]] = {form: [] for form in PLAN_FORMS}
    with tempfile.TemporaryDirectory() as folder:
        plan = ("-n", "--configfile", str(ROOT / "config/full.yaml"), "--directory", folder)
        for _ in range(rounds + 1):  # the first fills caches and is not counted
            for form, left_out in PLAN_FORMS.items():
                plans[form].append(measured(plan, left_out=left_out)["cpu"])
    lines = ["| plan of config/full.yaml | CPU seconds, median (least) |", "|---|---|"]
    lines += [
        f"| {form} | {median(found[1:]):.1f} ({min(found[1:]):.1f}) |"
        for form, found in plans.items()
    ]
    lines += ["", f"| {JOBS} jobs of {SECONDS} s | looks | CPU seconds |", "|---|---|---|"]
    for form, steady in RUN_FORMS.items():
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "Snakefile").write_text(SNAKEFILE, encoding="utf-8")
            options = ("--cores", "2", "--quiet", "all", "--directory", folder, "--snakefile")
            found = measured((*options, f"{folder}/Snakefile"), steady=steady)
            made = len(list((Path(folder) / "out").iterdir()))
            assert made == JOBS, f"{made} of {JOBS} jobs ran"
        lines.append(f"| {form} | {found['looks']:,} | {found['cpu']:.1f} |")
    write_text(table, "\n".join(lines) + "\n")
    print("\n".join(lines))


def measured(
    arguments: tuple[str, ...], *, left_out: tuple[str, ...] = (), steady: bool = False
) -> dict[str, float]:
    """Return CPU seconds and looks of one call of Snakemake.

    Args:
        arguments: of the command.
        left_out: functions of scripts.common that do nothing, as "module.function".
        steady: whether the scheduler looks again once; a plan has no second look.
    """
    with tempfile.NamedTemporaryFile() as told:
        ended = subprocess.run(
            [
                *(sys.executable, "-c", MEASURED, *map(json.dumps, (left_out, steady))),
                *(told.name, *arguments),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode != 0:
            raise SystemExit(f"bench_workflow: {ended.stderr[-2000:]}")
        found: dict[str, float] = json.loads(Path(told.name).read_text(encoding="utf-8"))
        return found


if __name__ == "__main__":
    tyro.cli(run)
