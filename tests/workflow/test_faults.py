"""Runs that are killed at chosen moments, and one whose analyser fails: what is left is whole.

On one machine a step is a process whose parent is Snakemake, with the analyser's workers as its
threads, so three things can be killed: the *worker* (the step's process; Snakemake lives), the
*job* (the process group of a run, step and Snakemake at once, as a scheduler or a power cut does
it) and *Snakemake* alone (its steps go on without it).
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from scripts.common.comparison import result_digests
from tests.common.loopback import wait_until
from tests.workflow.faults import Fault, mark
from tests.workflow.harness import ROOT, snakemake, succeeded

HALF_A_SHARD = Fault("shard_source", "table", "001.parquet")
HALF_THE_SCORES = Fault("score_shard", "table", "000.parquet")
HALF_A_DATASET = Fault("build_entity_coref", "stream", times=2)
NO_MANIFEST = Fault("build_mlm", "rename", "manifest.json")

# What the steps make, by which they are asked for; both datasets of a kind are built side by side.
MADE = {
    "shard_source": ["sources/demo/shards.json"],
    "score_shard": ["scores/demo/000.parquet"],
    "build_entity_coref": [f"entity_coref/{length}/manifest.json" for length in (256, 512)],
    "build_mlm": [f"mlm/{length}/manifest.json" for length in (256, 512)],
}

CORPUS = ("corpus", "--configfile", "tests/config/tiny.yaml", "--cores", "2")


class Run:
    """A finished run in a folder of its own, of which steps are made again as often as it takes."""

    def __init__(self, finished_run: Path, folder: Path) -> None:
        self.folder = shutil.copytree(finished_run, folder)
        self.results = folder / "results/corpus"
        self.refused_once = False

    def until(self, fault: Fault) -> tuple[subprocess.Popen[bytes], int]:
        """Make a step again up to the fault's moment; return Snakemake and the step's process id.

        While one job of the step was stopped and killed, another may have come to its end.
        """
        wanted = [f"results/corpus/{name}" for name in MADE[fault.step]]
        for name in wanted:
            (self.folder / name).unlink(missing_ok=True)
        hook = self.folder / "hook"
        environment = {**os.environ, **fault.environment(hook), "TMPDIR": str(self.folder / "tmp")}
        (self.folder / "tmp").mkdir(exist_ok=True)
        with (self.folder / "printed").open("wb") as printed:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "snakemake", *CORPUS[1:]),
                    *("--snakefile", ROOT / "Snakefile", "--directory", self.folder),
                    *("--workflow-profile", ROOT / "profiles/default"),
                    *("--", *wanted),
                ],
                cwd=ROOT,
                env=environment,
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )
        assert wait_until(lambda: mark(hook).exists() or process.poll() is not None, 300)
        assert process.poll() is None, (self.folder / "printed").read_text()[-3000:]
        return process, int(mark(hook).read_text())

    def again(self) -> subprocess.CompletedProcess[str]:
        return snakemake(*CORPUS, directory=self.folder, profile="default")

    def unlock(self) -> None:
        """What the README says after Snakemake itself was killed; later on what that command does.

        It takes the locks away, and each call of Snakemake plans the whole workflow first.
        """
        locks = self.folder / ".snakemake/locks"
        assert any(locks.glob("*"))
        if self.refused_once:
            shutil.rmtree(locks)
            return
        refused = self.again()
        assert refused.returncode != 0 and "--unlock" in refused.stdout + refused.stderr
        self.refused_once = True
        succeeded(snakemake("--unlock", *CORPUS, directory=self.folder, profile="default"))
        assert not any(locks.glob("*"))

    def hidden(self) -> list[Path]:
        return list(self.folder.rglob("results/**/.part.*"))


def members(group: int) -> set[int]:
    """The processes of a group that have not ended."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                found.add(int(stat.parent.name))
    return found


def kill_worker(run: Run, process: subprocess.Popen[bytes], step: int) -> None:
    os.kill(step, signal.SIGKILL)
    assert process.wait(60) == 1
    assert "Error in rule" in (run.folder / "printed").read_text()


def kill_job(run: Run, process: subprocess.Popen[bytes], step: int) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)
    assert wait_until(lambda: not members(process.pid))
    run.unlock()


def kill_snakemake(run: Run, process: subprocess.Popen[bytes], step: int) -> None:
    process.kill()
    process.wait(60)
    assert step in members(process.pid)  # it goes on alone; the README says to end it
    os.kill(step, signal.SIGKILL)
    assert wait_until(lambda: not members(process.pid), 60)  # what ran beside it ends by itself
    run.unlock()


@pytest.mark.slow
def test_a_run_that_is_killed_nine_times_ends_with_the_bytes_of_an_undisturbed_one(
    finished_run: Path, tmp_path: Path
) -> None:
    """Each of the three is killed while a dataset, scores and shards are half written.

    The last step comes first, so that what is made again is all that a start has to make.
    """
    whole = result_digests(finished_run / "results/corpus")
    run = Run(finished_run, tmp_path / "killed")
    for faults in (
        [HALF_A_DATASET, NO_MANIFEST, HALF_A_DATASET],
        [HALF_THE_SCORES] * 3,
        [HALF_A_SHARD] * 3,
    ):
        for kill, fault in zip((kill_worker, kill_job, kill_snakemake), faults, strict=True):
            kill(run, *run.until(fault))
            seen = result_digests(run.results)
            assert {name: whole[name] for name in seen} == seen, (kill.__name__, fault)
            assert set(MADE[fault.step]) - seen.keys()
    succeeded(run.again())
    assert result_digests(run.results) == whole
    assert run.hidden() == []


@pytest.mark.slow
def test_a_document_that_the_analyser_fails_on_is_lost_alone_and_counted_to_the_report(
    finished_run: Path, tmp_path: Path
) -> None:
    """Kiwi raises within a batch, after reading ahead; one document of 118 is above the default."""
    shutil.copytree(finished_run, tmp_path, dirs_exist_ok=True)
    scores = tmp_path / "results/corpus/scores/demo/000.parquet"
    before = pq.read_table(scores)
    state = before["analysis"].to_pylist()
    victim = before["doc_id"].to_pylist()[state.index("analysed")]
    shard = tmp_path / "results/corpus/documents/demo/000.parquet"
    texts = {row["doc_id"]: row["text"] for row in pq.read_table(shard).to_pylist()}
    fault = Fault("score_shard", "analyser", texts[victim])
    # Of the other tracks' pages nothing is asked.
    (tmp_path / "lenient.yaml").write_text(
        "corpus: {analysis: {max_failed_share: 0.02}}\n"
        "language_model: {runs: null}\ndescriptors: {input: {kind: none}}\n"
    )
    environment = fault.environment(tmp_path / "hook")

    scores.unlink()
    wanted = scores.relative_to(tmp_path).as_posix()
    refused = snakemake(wanted, *CORPUS[1:], directory=tmp_path, environment=environment)
    printed = refused.stdout + refused.stderr
    assert refused.returncode == 1 and "Traceback" not in printed
    assert f"the analyser failed on 1 of {state.count('analysed')} documents" in printed
    assert "corpus.analysis.max_failed_share = 0.001" in printed
    assert not scores.exists()

    tiny, cores = CORPUS[1:3], CORPUS[3:]
    lenient = ("report", *tiny, str(tmp_path / "lenient.yaml"), *cores)
    succeeded(snakemake(*lenient, directory=tmp_path, environment=environment))
    after = pq.read_table(scores).to_pylist()
    for old, new in zip(before.to_pylist(), after, strict=True):
        assert new == old if new["doc_id"] != victim else new["analysis"] == "failed"
    for length in (256, 512):
        fates = tmp_path / f"results/corpus/entity_coref/{length}/fates.parquet"
        outcomes = {row["doc_id"]: row["outcome"] for row in pq.read_table(fates).to_pylist()}
        failed = [name for name, outcome in outcomes.items() if outcome == "analysis_failed"]
        assert failed == [victim]
    funnel = (tmp_path / "results/corpus/tables/funnel.tsv").read_text()
    assert "entity_coref_256\tdemo\tanalysis_failed\t1\n" in funnel
    assert "mlm_256\tdemo\tanalysis_failed" not in funnel
    assert "analysis failed" in (tmp_path / "results/report/index.html").read_text()
    log = (tmp_path / "results/logs/corpus/score_shard/demo/000.log").read_text()
    assert f"no analysis of document {victim}" in log
