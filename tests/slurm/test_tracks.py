"""Tracks through sbatch make the same bytes as on one machine."""

from pathlib import Path

import pytest

from scripts.common.comparison import differing, result_digests
from tests.slurm.cluster import Cluster, FinishedJob
from tests.slurm.runs import (
    CI_ARGUMENTS,
    SLURM_ARGUMENTS,
    TINY,
    Run,
    choose_by_partition_file,
    copy_checkout,
    snakemake,
)
from tests.slurm.settings import GPU_NODE, NODES

pytestmark = pytest.mark.slurm
TRACKS = ("corpus", "language_model", "classification", "descriptors", "retrieval")
TWO_HOURS = 7200.0


def run_through_slurm(cluster: Cluster, folder: Path, target: str) -> tuple[Run, list[FinishedJob]]:
    """Run a target of the tiny config in a copy of the checkout; every job succeeds at once."""
    ended_before = len(cluster.finished_jobs())
    choose_by_partition_file(copy_checkout(folder))
    run = snakemake(folder, *SLURM_ARGUMENTS, *TINY, "--", target, seconds=TWO_HOURS)

    ended = cluster.finished_jobs()[ended_before:]
    assert {job.state for job in ended} == {"COMPLETED"}
    assert sorted(job.job_id for job in ended) == sorted(slurm for _, slurm in run.submitted)
    assert len(run.submitted) == run.planned - run.local
    assert len(run.submitted) > run.local  # only targets, plots and reports stay here
    assert {job.node for job in ended} == set(NODES)
    return run, ended


def test_corpus_through_sbatch_equals_the_local_run(slurm_cluster, local_corpus, tmp_path):
    run, _ = run_through_slurm(slurm_cluster, tmp_path / "slurm", "corpus")

    assert run.planned == local_corpus.run.planned
    assert result_digests(local_corpus.folder / "results")
    assert differing(local_corpus.folder / "results", tmp_path / "slurm" / "results") == []


@pytest.mark.slurm_long
def test_all_tracks_through_sbatch_to_the_report_equal_the_local_run(slurm_cluster, tmp_path):
    run, ended = run_through_slurm(slurm_cluster, tmp_path / "slurm", "all")
    assert {job.partition for job in ended} == {"cpu", "gpu"}
    assert {job.node for job in ended if job.partition == "gpu"} == {GPU_NODE}

    beside = copy_checkout(tmp_path / "local")
    again = snakemake(beside, *CI_ARGUMENTS, *TINY, "--", "all", seconds=TWO_HOURS)
    assert again.planned == run.planned
    results = result_digests(beside / "results")
    assert "report/index.html" in results
    assert {name.split("/")[0] for name in results} >= set(TRACKS)
    assert differing(beside / "results", tmp_path / "slurm" / "results") == []
