"""What a node, the controller or the login node does to a run of toy jobs: each is survived."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster, FinishedJob, ask
from tests.slurm.runs import ROOT, SLURM_ARGUMENTS, Started, snakemake, started_snakemake
from tests.slurm.settings import NODES

pytestmark = pytest.mark.slurm

# Two jobs fill the nodes, each one of them; a third waits in the queue; a fourth needs them all.
SNAKEFILE = """
from scripts.common.slurm_queue import keep_sight_of_jobs

keep_sight_of_jobs()
localrules: all

rule all:
    input: "sum"

rule hold:
    output: "part-{job}"
    threads: 2
    resources: mem_mb=300, runtime=60
    shell:
        "touch started-$SLURM_JOB_ID; "
        "for wait in $(seq 6000); do if [ -e go ]; then break; fi; sleep 0.2; done; "
        "if rm fail 2> /dev/null; then exit 1; fi; "
        "echo $SLURM_JOB_ID > {output}"

rule add:
    input: expand("part-{job}", job=JOBS)
    output: "sum"
    resources: mem_mb=300, runtime=60
    shell: "cat {input} > {output}"
"""


def make_toy(folder: Path, jobs: str) -> Path:
    shutil.copytree(ROOT / "profiles", folder / "profiles")
    shutil.copytree(ROOT / "scripts" / "common", folder / "scripts" / "common")
    (folder / "Snakefile").write_text(SNAKEFILE.replace("JOBS", repr(list(jobs))))
    return folder


def wait_for_holding_jobs(toy: Path, number: int, started: Started) -> list[int]:
    """Wait until so many jobs run; return SLURM's numbers of them."""
    started.wait_for(lambda: len(list(toy.glob("started-*"))) >= number)
    return sorted(int(path.name.removeprefix("started-")) for path in toy.glob("started-*"))


def ended_since(cluster: Cluster, before: int) -> dict[int, FinishedJob]:
    return {job.job_id: job for job in cluster.finished_jobs()[before:]}


def test_a_node_drained_in_mid_run_ends_its_job_and_gets_no_other(slurm_cluster, tmp_path):
    toy, before = make_toy(tmp_path, "ab"), len(slurm_cluster.finished_jobs())
    with started_snakemake(toy, *SLURM_ARGUMENTS) as started:
        wait_for_holding_jobs(toy, 2, started)
        slurm_cluster.set_node(NODES[0], "DRAIN")
        (toy / "go").touch()
        run = started.finish()

    ended = ended_since(slurm_cluster, before)
    assert [job.state for job in ended.values()] == ["COMPLETED"] * 3
    assert {ended[slurm].node for slurm in run.submitted_by_rule["hold"]} == set(NODES)
    assert [ended[slurm].node for slurm in run.submitted_by_rule["add"]] == [NODES[1]]
    assert slurm_cluster.node_states() == {NODES[0]: "drained", NODES[1]: "idle"}


def test_with_every_node_drained_jobs_wait_until_one_comes_back(slurm_cluster, tmp_path):
    toy = make_toy(tmp_path, "a")
    (toy / "go").touch()
    for node in NODES:
        slurm_cluster.set_node(node, "DRAIN")
    with started_snakemake(toy, *SLURM_ARGUMENTS) as started:
        started.wait_for(lambda: "PENDING" in slurm_cluster.queue().values())
        slurm_cluster.set_node(NODES[1], "RESUME")
        run = started.finish()
    assert len(run.submitted) == 2


def test_a_controller_restarted_in_mid_run_loses_no_job(slurm_cluster, tmp_path):
    """The job ends while nothing answers; Snakemake has looked in vain and looks again."""
    toy, before = make_toy(tmp_path, "a"), len(slurm_cluster.finished_jobs())
    with started_snakemake(toy, *SLURM_ARGUMENTS) as started:
        wait_for_holding_jobs(toy, 1, started)
        slurm_cluster.controller.stop()
        started.wait_for(lambda: "SLURM does not answer" in started.so_far.printed)
        (toy / "go").touch()
        started.wait_for((toy / "part-a").exists)
        slurm_cluster.controller.start()
        run = started.finish()

    assert len(run.submitted) == 2
    states = {job.state for job in ended_since(slurm_cluster, before).values()}
    assert states == {"COMPLETED"}


@pytest.mark.slurm_long
def test_what_cannot_be_submitted_fails_by_name_and_the_same_command_goes_on(
    slurm_cluster, tmp_path
):
    toy = make_toy(tmp_path, "a")
    (toy / "go").touch()
    slurm_cluster.controller.stop()
    with started_snakemake(toy, *SLURM_ARGUMENTS) as started:
        started.wait_for_end()
        assert started.process.returncode != 0
        assert started.so_far.submitted == []
        assert "Unable to contact slurm controller" in started.so_far.printed
    slurm_cluster.controller.start()
    slurm_cluster.wait_until_idle()
    assert len(snakemake(toy, *SLURM_ARGUMENTS).submitted) == 2


@pytest.mark.slurm_long
def test_jobs_that_slurm_forgot_while_snakemake_stood_still_are_judged_by_their_files(
    slurm_cluster, tmp_path
):
    """One of them succeeded and counts as done; the other failed and is sent again."""
    toy = make_toy(tmp_path / "toy", "ab")
    seen = tmp_path / "seen"
    shim = tmp_path / "bin" / "squeue"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\n{shutil.which("squeue")} "$@" | tee -a {seen}\n')
    shim.chmod(0o755)
    path = f"{shim.parent}:{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin"

    slurm_cluster.change_setting("MinJobAge=600", "MinJobAge=5")
    try:
        with started_snakemake(toy, *SLURM_ARGUMENTS, environment={"PATH": path}) as started:
            jobs = wait_for_holding_jobs(toy, 2, started)
            told = [f"{job}|RUNNING" for job in jobs]
            started.wait_for(lambda: all(line in seen.read_text() for line in told))
            started.process.send_signal(signal.SIGSTOP)
            (toy / "fail").touch()
            (toy / "go").touch()
            forgotten = ("squeue", "--noheader", "--states=all", f"--jobs={jobs[0]},{jobs[1]}")
            slurm_cluster.wait_for(lambda: ask(*forgotten) == "")
            started.process.send_signal(signal.SIGCONT)
            run = started.finish()
    finally:
        slurm_cluster.change_setting("MinJobAge=5", "MinJobAge=600")

    made_by = [int(line) for line in (toy / "sum").read_text().split()]
    first_two, (again,) = set(jobs), run.submitted_by_rule["hold"][2:]
    assert len(first_two & set(made_by)) == 1
    assert again in made_by


def test_after_a_killed_snakemake_its_jobs_are_cancelled_and_the_run_goes_on(
    slurm_cluster, tmp_path
):
    """The README's remedy, with two jobs running and one in the queue."""
    toy, before = make_toy(tmp_path, "abc"), len(slurm_cluster.finished_jobs())
    with started_snakemake(toy, *SLURM_ARGUMENTS) as started:
        wait_for_holding_jobs(toy, 2, started)
        started.wait_for(lambda: len(slurm_cluster.queue()) == 3)
        started.kill()
        left = started.so_far
    assert sorted(slurm_cluster.queue().values()) == ["PENDING", "RUNNING", "RUNNING"]

    refused = subprocess.run(
        [sys.executable, "-m", "snakemake", *SLURM_ARGUMENTS],
        cwd=toy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode != 0
    assert "LockException" in refused.stderr and "--unlock" in refused.stderr

    subprocess.run(["scancel", "--name", left.slurm_name], check=True)
    slurm_cluster.wait_for(lambda: slurm_cluster.queue() == {})
    snakemake(toy, *SLURM_ARGUMENTS, "--unlock")
    (toy / "go").touch()
    again = snakemake(toy, *SLURM_ARGUMENTS)

    ended = ended_since(slurm_cluster, before)
    assert {ended[slurm].state for _, slurm in left.submitted} == {"CANCELLED"}
    assert {ended[slurm].state for _, slurm in again.submitted} == {"COMPLETED"}
    made_by = {int(line) for line in (toy / "sum").read_text().split()}
    assert made_by == set(again.submitted_by_rule["hold"])
    assert "Nothing to be done" in snakemake(toy, *SLURM_ARGUMENTS, "-n").printed


def test_an_interrupted_snakemake_takes_its_jobs_along_and_leaves_no_lock(slurm_cluster, tmp_path):
    toy = make_toy(tmp_path, "a")
    with started_snakemake(toy, *SLURM_ARGUMENTS) as started:
        wait_for_holding_jobs(toy, 1, started)
        started.process.send_signal(signal.SIGINT)
        started.wait_for_end()
        assert started.process.returncode != 0
    slurm_cluster.wait_for(lambda: slurm_cluster.queue() == {})
    (toy / "go").touch()
    assert len(snakemake(toy, *SLURM_ARGUMENTS).submitted) == 2
