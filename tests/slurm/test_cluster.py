"""The SLURM profile on a real SLURM: submission, limits and retries, two GPUs at once."""

import fcntl
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from snakemake_executor_plugin_slurm.partitions import PartitionLimits, read_partition_file

from scripts.common.gpu_lease import default_lock_folder
from tests.slurm.cluster import Cluster, FinishedJob
from tests.slurm.runs import ROOT, SLURM_ARGUMENTS, Run, choose_by_partition_file, snakemake

pytestmark = pytest.mark.slurm

SNAKEFILE = """
localrules: all

rule all:
    input: "light", "heavy", "long", "device-a", "device-b"

rule take_little:
    output: "light"
    resources: mem_mb=300, runtime=20
    shell: "echo $SLURM_JOB_ID > {output}"

rule take_much:
    output: "heavy"
    resources: mem_mb=lambda wildcards, attempt: 300 * attempt**2, runtime=20
    script: "take_much.py"

rule take_long:
    output: "long"
    resources: mem_mb=300, runtime=lambda wildcards, attempt: 1 + 19 * (attempt - 1)
    script: "take_long.py"

rule take_device:
    output: "device-{job}"
    resources: mem_mb=300, runtime=20, gpu=1
    script: "take_device.py"
"""
TAKE_MUCH = """
import time

block = b"1" * (500 * 2**20)  # more than the first attempt's 300 MB
time.sleep(4)  # until SLURM has looked
with open(snakemake.output[0], "w") as stream:
    stream.write(str(snakemake.resources.mem_mb))
"""
TAKE_LONG = """
import time

if snakemake.resources.runtime == 1:
    time.sleep(1200)  # longer than the first attempt's minute
with open(snakemake.output[0], "w") as stream:
    stream.write(str(snakemake.resources.runtime))
"""
TAKE_DEVICE = """
import time
from pathlib import Path

from scripts.common.gpu_lease import lease_gpus

with lease_gpus(1) as devices:
    Path(f"holding-{snakemake.wildcards.job}").touch()
    give_up = time.monotonic() + 900
    while len(list(Path().glob("holding-*"))) < 2:  # until both jobs hold a device at once
        if time.monotonic() > give_up:
            raise TimeoutError("the other job never came to hold a device beside this one")
        time.sleep(0.2)
    with open(snakemake.output[0], "w") as stream:
        stream.write(" ".join(devices))
"""


@dataclass(frozen=True)
class ToyRun:
    """A finished run of the toy workflow, and what SLURM recorded of its jobs."""

    folder: Path
    run: Run
    ended: dict[int, FinishedJob]

    def states(self, rule: str) -> list[str]:
        """Return how each job of a rule ended, in order of submission."""
        return [self.ended[slurm].state for slurm in self.run.submitted_by_rule[rule]]


@pytest.fixture(scope="module")
def toy_run(whole_session_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> ToyRun:
    """A run in which everything goes wrong that a larger request mends.

    Meanwhile strangers hold the file leases of both devices, so only SLURM can hand them out.
    """
    toy = tmp_path_factory.mktemp("toy")
    shutil.copytree(ROOT / "profiles", toy / "profiles")
    shutil.copytree(ROOT / "scripts" / "common", toy / "scripts" / "common")
    (toy / "Snakefile").write_text(SNAKEFILE)
    for name, text in (("much", TAKE_MUCH), ("long", TAKE_LONG), ("device", TAKE_DEVICE)):
        (toy / f"take_{name}.py").write_text(text)
    choose_by_partition_file(toy)
    with leased_to_others("0"), leased_to_others("1"):
        run = snakemake(toy, *SLURM_ARGUMENTS)
    return ToyRun(toy, run, {job.job_id: job for job in whole_session_cluster.finished_jobs()})


@contextmanager
def leased_to_others(device: str) -> Iterator[None]:
    folder = default_lock_folder()
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / device).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_every_step_is_submitted_and_only_targets_stay_here(toy_run):
    assert toy_run.run.planned == 6
    submitted = toy_run.run.submitted_by_rule
    assert submitted.keys() == {"take_little", "take_much", "take_long", "take_device"}
    assert int((toy_run.folder / "light").read_text()) == submitted["take_little"][0]
    assert toy_run.states("take_little") == ["COMPLETED"]


def test_a_job_over_its_memory_is_sent_again_with_more(toy_run):
    assert toy_run.states("take_much") == ["FAILED", "COMPLETED"]
    assert (toy_run.folder / "heavy").read_text() == "1200"


def test_a_job_over_its_time_is_sent_again_with_more(toy_run):
    assert toy_run.states("take_long") == ["TIMEOUT", "COMPLETED"]
    assert (toy_run.folder / "long").read_text() == "20"
    assert "SLURM status is: 'TIMEOUT'" in toy_run.run.printed


def test_two_jobs_at_once_hold_the_two_devices_that_slurm_gave_them(toy_run):
    assert toy_run.states("take_device") == ["COMPLETED"] * 2
    assert {(toy_run.folder / f"device-{job}").read_text() for job in "ab"} == {"0", "1"}


def test_the_partition_file_sends_gpu_jobs_to_the_gpus_and_the_others_elsewhere(toy_run):
    used = {
        rule: {toy_run.ended[slurm].partition for slurm in jobs}
        for rule, jobs in toy_run.run.submitted_by_rule.items()
    }
    assert used.pop("take_device") == {"gpu"}
    assert set.union(*used.values()) == {"cpu"}


def test_the_partition_file_has_the_form_of_the_plugins_template(slurm_cluster, tmp_path):
    template = tmp_path / "partitions.yaml"
    program = Path(sys.executable).with_name("generate-slurm-partition-config")
    subprocess.run([program, "-o", template], check=True, capture_output=True)
    made = {part.name: part.limits for part in read_partition_file(template)}
    shipped_file = ROOT / "profiles" / "slurm" / "partitions.yaml"
    shipped = {part.name: part.limits for part in read_partition_file(shipped_file)}

    # The template knows names, times and cores. It found no GPUs: their number is put in by hand.
    assert made.keys() == shipped.keys() == {"cpu", "gpu"}
    assert made["gpu"].max_runtime == shipped["gpu"].max_runtime == 2 * 24 * 60
    assert made["gpu"].max_threads == 2
    assert made["gpu"].max_gpu == PartitionLimits().max_gpu == 0
    assert shipped["gpu"].max_gpu > 0
    for stated in yaml.safe_load(shipped_file.read_text("utf-8"))["partitions"].values():
        assert stated.keys() <= PartitionLimits.__dataclass_fields__.keys()


def test_every_limit_of_the_partition_file_has_its_reason_above_it():
    lines = (ROOT / "profiles" / "slurm" / "partitions.yaml").read_text("utf-8").splitlines()
    stated = [number for number, line in enumerate(lines) if re.match(r"  +\w", line)]
    assert len(stated) >= 8
    assert all(lines[number - 1].lstrip().startswith("#") for number in stated)
