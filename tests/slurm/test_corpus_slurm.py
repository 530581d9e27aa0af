"""The corpus track through sbatch makes the same bytes as on one machine."""

import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.common.comparison import result_digests
from tests.slurm.runs import CI_ARGUMENTS, ROOT, SLURM_ARGUMENTS, snakemake

pytestmark = pytest.mark.slurm
TINY_CORPUS = ("--configfile", "tests/config/tiny.yaml", "--", "corpus")


def copy_checkout(folder: Path) -> Path:
    """Copy the files that git tracks, as they stand in the working tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def test_corpus_through_sbatch_equals_the_local_run(slurm_cluster, tmp_path):
    ended_before = len(slurm_cluster.finished_jobs())
    through_slurm = copy_checkout(tmp_path / "slurm")
    run = snakemake(through_slurm, *SLURM_ARGUMENTS, *TINY_CORPUS)

    ended = slurm_cluster.finished_jobs()[ended_before:]
    assert {job.state for job in ended} == {"COMPLETED"}
    assert sorted(job.job_id for job in ended) == sorted(slurm for _, slurm in run.submitted)
    assert len(run.submitted) == run.planned - run.local
    assert len(run.submitted) > run.local  # only targets, plots and reports stay here

    beside = copy_checkout(tmp_path / "local")
    assert snakemake(beside, *CI_ARGUMENTS, *TINY_CORPUS).planned == run.planned

    expected = result_digests(beside / "results")
    assert expected
    assert result_digests(through_slurm / "results") == expected
