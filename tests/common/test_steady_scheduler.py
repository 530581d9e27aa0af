"""Snakemake's scheduler looks again once, however often it asks, and again when it asks later."""

import subprocess
import sys
import threading
import time

from scripts.common.steady_scheduler import ask_once

# Forty jobs of 0.2 s on two cores take some five seconds: a look when a job ends, one each second.
RUN = """
import sys
import snakemake.cli
from snakemake.scheduling.job_scheduler import JobScheduler
from scripts.common.steady_scheduler import look_again_once

if sys.argv.pop(1) == "steady":
    look_again_once()
looks = 0
select = JobScheduler.job_selector

def counted(self, jobs):
    global looks
    looks += 1
    return select(self, jobs)

JobScheduler.job_selector = counted
sys.argv[0] = "snakemake"
try:
    snakemake.cli.main()
except SystemExit as end:
    print("ended with", end.code, "after looks:", looks)
"""
SNAKEFILE = """
rule all:
    input: expand("{n}", n=range(40))

rule one:
    output: "{n}"
    shell: "sleep 0.2; touch {output}"
"""


class Scheduler:
    """What the scheduler waits with."""

    def __init__(self) -> None:
        self._open_jobs = threading.Semaphore(0)

    def looks_within(self, seconds: float) -> int:
        end, looks = time.monotonic() + seconds, 0
        while self._open_jobs.acquire(timeout=max(0.0, end - time.monotonic())):
            looks += 1
        return looks


def test_many_questions_are_one_look_and_a_later_question_another():
    scheduler = Scheduler()
    for _ in range(20):
        ask_once(scheduler, 0.05)
    assert scheduler.looks_within(0.5) == 1
    ask_once(scheduler, 0.05)
    assert scheduler.looks_within(0.5) == 1


def test_a_longer_delay_does_not_hide_a_shorter_one():
    scheduler = Scheduler()
    ask_once(scheduler, 60)
    ask_once(scheduler, 0.05)
    assert scheduler.looks_within(0.5) == 1
    ask_once(scheduler, 60)
    assert len([one for one in threading.enumerate() if isinstance(one, threading.Timer)]) == 1


def test_a_run_looks_about_as_often_as_jobs_end(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    looks = {}
    for kind in ("steady", "as it is"):
        options = ["--cores", "2", "--forceall", "--quiet", "all", "--directory", str(tmp_path)]
        ended = subprocess.run(
            [sys.executable, "-c", RUN, kind, *options, "--snakefile", str(tmp_path / "Snakefile")],
            timeout=120,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "ended with 0" in ended.stdout, ended.stdout + ended.stderr
        looks[kind] = int(ended.stdout.split()[-1])
    assert looks["steady"] < looks["as it is"] / 2, looks
