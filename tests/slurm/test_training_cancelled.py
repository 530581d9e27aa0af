"""A training segment that `scancel` ends makes, sent again, the bytes of an undisturbed one."""

import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.common.comparison import differing, result_digests
from tests.slurm.runs import (
    CI_ARGUMENTS,
    SLURM_ARGUMENTS,
    TINY,
    choose_by_partition_file,
    snakemake,
    started_snakemake,
)
from tests.workflow.faults import Fault, mark

pytestmark = [pytest.mark.slurm, pytest.mark.slurm_long]

LAST_SEGMENT = "results/language_model/train/text/epoch-1.0/model.safetensors"
SAVE_STEPS = 8
# When step 16 is saved but has no name yet; the save of step 8 is what there is to go on from.
IN_A_SAVE = Fault("train_epoch", "rename", f"step-{2 * SAVE_STEPS:09d}")


def test_a_cancelled_training_segment_goes_on_from_its_save(slurm_cluster, local_corpus, tmp_path):
    undisturbed, cancelled = tmp_path / "undisturbed", tmp_path / "cancelled"
    shutil.copytree(local_corpus.folder, undisturbed, symlinks=True)
    settings = undisturbed / "saves.yaml"
    settings.write_text(f"language_model: {{save_steps: {SAVE_STEPS}}}\n")
    train = (*TINY, settings.name, "--", LAST_SEGMENT)
    # Up to the first segment's inputs, which both share.
    snakemake(undisturbed, *CI_ARGUMENTS, "--omit-from", "train_epoch", *train)
    shutil.copytree(undisturbed, cancelled, symlinks=True)
    snakemake(undisturbed, *CI_ARGUMENTS, *train)

    choose_by_partition_file(cancelled)
    hook = tmp_path / "hook"
    with started_snakemake(
        cancelled, *SLURM_ARGUMENTS, *train, environment=IN_A_SAVE.environment(hook)
    ) as started:
        started.wait_for(mark(hook).exists)
        (training,) = started.so_far.submitted_by_rule["train_epoch"]
        subprocess.run(["scancel", str(training)], check=True)
        run = started.finish()

    first, second = run.submitted_by_rule["train_epoch"]
    states = {job.job_id: job.state for job in slurm_cluster.finished_jobs()}
    assert first == training
    assert (states[first], states[second]) == ("CANCELLED", "COMPLETED")
    log = cancelled / "results/logs/language_model/train_epoch/text/epoch-0.5.log"
    assert f"going on after step {SAVE_STEPS}," in log.read_text("utf-8")
    assert Path(LAST_SEGMENT).relative_to("results").as_posix() in result_digests(
        cancelled / "results"
    )
    assert differing(undisturbed / "results", cancelled / "results") == []
