"""A reduction of descriptors that is killed in its passes and run again: the same bytes."""

import shutil
from pathlib import Path

import pytest

from scripts.common.comparison import result_digests
from tests.workflow.faults import Fault
from tests.workflow.harness import snakemake, succeeded
from tests.workflow.killed_runs import kill_at

DESCRIPTORS = ("descriptors", "--configfile", "tests/config/tiny.yaml", "--cores", "2")
FAULTS = (
    Fault("correlate_descriptors", "rename", "correlation.safetensors"),
    # Its clusters stand already, its events do not yet.
    Fault("cluster_correlated", "rename", "pass2/events.parquet"),
    Fault("measure_dependence", "rename", "dependence.safetensors"),
    Fault("trace_clusters", "rename", "descriptor_lineage.parquet"),
)


@pytest.mark.slow
def test_passes_that_were_killed_end_with_the_survivors_and_events_of_an_undisturbed_run(
    finished_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished_run, tmp_path, dirs_exist_ok=True)
    results = tmp_path / "results/descriptors"
    whole = result_digests(results)
    for done in ("pass1", "pass2", "pass3", "pass4", "tables"):
        shutil.rmtree(results / done)
    for path in results.glob("*.*"):
        if path.name != "table.json":
            path.unlink()
    for fault in FAULTS:
        kill_at(fault, tmp_path, DESCRIPTORS)
        seen = result_digests(results)
        assert {name: whole[name] for name in seen} == seen, fault
    succeeded(snakemake(*DESCRIPTORS, directory=tmp_path, profile="default"))
    assert result_digests(results) == whole
    assert list(tmp_path.rglob("results/**/.part.*")) == []
