"""trace_clusters on the files that passes leave: as a step, as a program, and on damaged ones."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.common.errors import InputError, IntegrityError
from scripts.common.files import read_json, write_json
from scripts.descriptors.events import read_events, write_events
from scripts.descriptors.lineage import read_lineage
from scripts.descriptors.results_folder import ResultsFolder
from scripts.descriptors.trace_clusters import analyzed_lines, create_cluster_structure, run
from tests.descriptors.reductions import EVENTS, ROLES, write_results
from tests.workflow.harness import ROOT

OUTPUTS = ("clusters", "final", "lineage", "lineage_csv")


@pytest.fixture
def results(tmp_path: Path) -> ResultsFolder:
    return write_results(tmp_path, ROLES, EVENTS)


def test_a_folder_of_passes_gives_all_files(results: ResultsFolder):
    structure = create_cluster_structure(results.folder, verbose=False)
    assert structure == read_json(results.clusters)
    assert structure["metadata"]["total_alternative_descriptors"] == 6
    hashes = structure["metadata"]["hashes"]
    assert sorted(hashes) == [
        *("code", "correlation", "pass1_events", "pass2_events", "pass3_events", "pass4_events"),
        *("statistics", "table"),
    ]
    assert all(len(value) == 64 for name, value in hashes.items() if name != "code")
    assert results.final.read_text() == "a\nh\ni\n"
    lineage = {origin.name: origin for origin in read_lineage(results.lineage)}
    assert lineage["e"].similarity == 0.55  # |ρ|, of a negative correlation
    assert len(results.lineage_csv.read_text().splitlines()) == 1 + len(ROLES)


def test_the_step_and_the_program_write_the_same(results: ResultsFolder, tmp_path: Path):
    structure = create_cluster_structure(str(results.folder))
    there = ResultsFolder(tmp_path / "step")
    run(
        results.table,
        results.statistics,
        results.events,
        *(getattr(there, name) for name in OUTPUTS),
        code_hash=structure["metadata"]["hashes"]["code"],
        correlation=results.correlation,
    )
    for name in OUTPUTS:
        assert getattr(there, name).read_bytes() == getattr(results, name).read_bytes()


def test_without_correlations_the_chain_gives_the_similarity(tmp_path: Path):
    results = write_results(tmp_path, ROLES, EVENTS, matrices=False)
    create_cluster_structure(tmp_path, verbose=False)
    lineage = {origin.name: origin for origin in read_lineage(results.lineage)}
    assert (lineage["e"].similarity, lineage["e"].measure) == (0.93, "last rdc")
    assert (lineage["b"].similarity, lineage["b"].measure) == (0.99, "spearman")


def test_the_analysis_verifies_and_writes_nothing(results: ResultsFolder):
    create_cluster_structure(results.folder, verbose=False)
    before = {path: path.stat().st_mtime_ns for path in results.folder.rglob("*")}
    text = "\n".join(analyzed_lines(results.folder, largest=1))
    assert "11 descriptors, removed by pass 1 2, pass 2 3, pass 3 2, pass 4 1" in text
    assert "a: 4 members (2 by pass 2, 1 by pass 3), least similar g at 0.800" in text
    assert "h: 4 members" not in text
    assert "3 alternatives:      2 survivors" in text
    assert text.count(": holds") == 5
    assert {path: path.stat().st_mtime_ns for path in results.folder.rglob("*")} == before


def test_the_analysis_finds_files_that_were_altered(results: ResultsFolder):
    create_cluster_structure(results.folder, verbose=False)
    stored = read_json(results.clusters)
    stored["descriptors"]["a"]["alternative_descriptors"].remove("g")
    write_json(results.clusters, stored)
    with pytest.raises(IntegrityError, match="descriptors, a is not as the events say"):
        analyzed_lines(results.folder)
    create_cluster_structure(results.folder, verbose=False)
    results.final.write_text("a\nh\n")
    with pytest.raises(IntegrityError, match="lists other survivors"):
        analyzed_lines(results.folder)


def test_damaged_events_end_the_step_and_nothing_is_written(results: ResultsFolder):
    events = read_events(results.events[2])
    write_events(results.events[2], [replace(events[0], heir="b"), *events[1:]])
    with pytest.raises(IntegrityError, match=r"d \(removed by pass 3\) has an heir, b"):
        create_cluster_structure(results.folder)
    write_events(results.events[2], events[:1])
    with pytest.raises(IntegrityError, match="removed by pass 4, not by pass 2"):
        run(
            results.table,
            results.statistics,
            [results.events[0], results.events[3]],
            *(getattr(results, name) for name in OUTPUTS),
            code_hash="0",
        )
    assert not results.clusters.exists() and not results.lineage.exists()


def test_what_is_missing_or_damaged_is_named(results: ResultsFolder, tmp_path: Path):
    with pytest.raises(InputError, match="no folder"):
        create_cluster_structure(tmp_path / "nowhere")
    results.events[3].unlink()
    with pytest.raises(InputError, match=r"lacks pass4/events\.parquet"):
        create_cluster_structure(results.folder)
    results.table.write_text(json.dumps({"columns": [{"name": "a"}]}))
    with pytest.raises(IntegrityError, match="no names and roles"):
        run(
            results.table,
            results.statistics,
            results.events,
            *(getattr(results, name) for name in OUTPUTS),
            code_hash="0",
        )


def test_it_is_a_program_of_its_own(results: ResultsFolder):
    program = [sys.executable, "-m", "scripts.descriptors.trace_clusters"]
    where = ["--output-dir", str(results.folder)]

    def called(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )

    assert "--analyze" in called("--help").stdout
    assert called(*where).returncode == 0
    analysis = called(*where, "--analyze")
    assert analysis.returncode == 0
    assert "invariant 5" in analysis.stdout
    results.statistics.unlink()
    failed = called(*where)
    assert failed.returncode == 1
    assert "lacks pass1/statistics.parquet" in failed.stderr
    assert "Traceback" not in failed.stderr
