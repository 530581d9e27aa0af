"""Streams that are killed in their sessions and run again: the state of an undisturbed run."""

import re
import shutil
from pathlib import Path

import pytest

from scripts.common.comparison import result_digests
from tests.workflow.faults import Fault
from tests.workflow.harness import snakemake, succeeded
from tests.workflow.killed_runs import kill_at

RETRIEVAL = ("retrieval", "--configfile", "tests/config/tiny.yaml", "--cores", "2")
FAULTS = (
    Fault("train_encoder", "rename", "models/session-0"),
    # The memory stands already, its pairs do not yet.
    Fault("update_memory", "rename", "pairs-1.jsonl"),
    Fault("evaluate_session", "rename", "vectors/model-1-test-0.safetensors"),
)


@pytest.mark.slow
def test_streams_that_were_killed_end_with_the_memories_models_and_scores_of_an_undisturbed_run(
    finished_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished_run, tmp_path, dirs_exist_ok=True)
    results = tmp_path / "results/retrieval"
    whole = result_digests(results)
    shutil.rmtree(results / "streams/cluster")
    shutil.rmtree(results / "tables")
    for fault in FAULTS:
        kill_at(fault, tmp_path, RETRIEVAL)
        seen = result_digests(results)
        assert {name: whole[name] for name in seen} == seen, fault
    succeeded(snakemake(*RETRIEVAL, directory=tmp_path, profile="default"))
    assert result_digests(results) == whole
    assert list(tmp_path.rglob("results/**/.part.*")) == []


def test_an_evaluation_that_is_made_anew_trains_nothing(finished_run: Path) -> None:
    anew = ("--dry-run", "--forcerun", "evaluate_session")
    printed = succeeded(snakemake(*RETRIEVAL, *anew, directory=finished_run))
    jobs = set(re.findall(r"^rule (\w+):$", printed.stdout + printed.stderr, re.MULTILINE))
    assert jobs == {"evaluate_session", "evaluate_accumulated", "compare_methods", "retrieval"}
