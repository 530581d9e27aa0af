"""The SLURM profile on a real SLURM: submission, memory limit and retry, two GPUs at once."""

import shutil
from pathlib import Path

import pytest

from tests.slurm.runs import ROOT, SLURM_ARGUMENTS, snakemake

pytestmark = pytest.mark.slurm

SNAKEFILE = """
localrules: all

rule all:
    input: "light", "heavy", "device-a", "device-b"

rule take_little:
    output: "light"
    resources: mem_mb=300, runtime=1
    shell: "echo $SLURM_JOB_ID > {output}"

rule take_much:
    output: "heavy"
    resources: mem_mb=lambda wildcards, attempt: 300 * attempt**2, runtime=1
    script: "take_much.py"

rule take_device:
    output: "device-{job}"
    resources: mem_mb=300, runtime=4, gpu=1
    script: "take_device.py"
"""
TAKE_MUCH = """
import time

block = b"1" * (500 * 2**20)  # more than the first attempt's 300 MB
time.sleep(4)  # until SLURM has looked
with open(snakemake.output[0], "w") as stream:
    stream.write(str(snakemake.resources.mem_mb))
"""
TAKE_DEVICE = """
import time
from pathlib import Path

from scripts.common.gpu_lease import lease_gpus

with lease_gpus(1) as devices:
    Path(f"holding-{snakemake.wildcards.job}").touch()
    give_up = time.monotonic() + 150
    while len(list(Path().glob("holding-*"))) < 2:  # until both jobs hold a device at once
        if time.monotonic() > give_up:
            raise TimeoutError("the other job never came to hold a device beside this one")
        time.sleep(0.2)
    with open(snakemake.output[0], "w") as stream:
        stream.write(" ".join(devices))
"""


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    shutil.copytree(ROOT / "scripts" / "common", tmp_path / "scripts" / "common")
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "take_much.py").write_text(TAKE_MUCH)
    (tmp_path / "take_device.py").write_text(TAKE_DEVICE)
    return tmp_path


def test_jobs_are_submitted_and_one_over_its_memory_gets_more(slurm_cluster, toy):
    run = snakemake(toy, *SLURM_ARGUMENTS, "--set-resources", "take_device:slurm_partition=gpu")

    assert run.planned == 5
    assert len({job for job, _ in run.submitted}) == 4  # all but the target
    assert len(run.submitted) == 5  # one of them twice
    assert (toy / "heavy").read_text() == "1200"
    assert int((toy / "light").read_text()) in {slurm for _, slurm in run.submitted}
    assert {(toy / f"device-{job}").read_text() for job in "ab"} == {"0", "1"}

    states = {job.job_id: job.state for job in slurm_cluster.finished_jobs()}
    ends = [states[slurm] for _, slurm in run.submitted]
    assert sorted(ends) == ["COMPLETED"] * 4 + ["FAILED"]
