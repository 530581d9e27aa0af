"""Steps of a finished run whose input is damaged, or whose disk is full, in every track.

All rules and files are gone through by `make fault-sweep`; here is one of each format, and a file
that takes the place of another one of the same form.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.common.checksums import NOTES, check_inputs
from tests.common.small_disk import small_disk
from tests.workflow.fault_sweep import damaged, full_disk
from tests.workflow.harness import ROOT, snakemake, succeeded
from tests.workflow.step_jobs import StepJob, copy_run, load_libraries, step_jobs

DAMAGED = (
    ("build_mlm", "corpus/selection/mlm.parquet"),
    ("build_mlm", "corpus/tokenizer/tokenizer.json"),
    ("train_epoch", "language_model/base/256/model.safetensors"),
    ("compare_strategies", "classification/runs/tfidf/none/1/per_class.tsv"),
    ("compare_strategies", "classification/label_map.json"),
    ("cluster_correlated", "descriptors/pass2/correlation.safetensors"),
    ("train_encoder", "retrieval/streams/cluster/1/pairs-0.jsonl"),
    ("train_encoder", "retrieval/encoder/encoder.safetensors"),
    ("plot_retrieval", "retrieval/tables/matrix.tsv"),
)
ON_A_FULL_DISK = ("train_epoch", "correlate_descriptors", "train_linear", "plot_retrieval")


@pytest.fixture(scope="module")
def jobs(finished_run: Path) -> dict[str, StepJob]:
    wanted = {rule for rule, _ in DAMAGED} | set(ON_A_FULL_DISK)
    found = step_jobs(finished_run, ROOT / "tests/config/tiny.yaml")
    chosen = {job.rule: job for job in found if job.rule in wanted}
    assert chosen.keys() == wanted
    load_libraries(chosen.values())
    return chosen


@pytest.fixture(scope="module")
def work(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_run(finished_run, tmp_path_factory.mktemp("damaged") / "run")


@pytest.mark.parametrize("fault", ["cut", "foreign"])
@pytest.mark.parametrize(("rule", "file"), DAMAGED)
def test_a_damaged_file_is_named_with_what_makes_it_again(
    jobs: dict[str, StepJob], work: Path, finished_run: Path, rule: str, file: str, fault: str
) -> None:
    finding = damaged(jobs[rule], work, finished_run, f"results/{file}", fault)
    assert finding.verdict == "named", finding
    line = finding.line
    assert "again" in line or "delete" in line, line
    if file.startswith("retrieval/encoder/"):
        # The folder is one output: deleting the file alone would make nothing again.
        assert "rm -r results/retrieval/encoder, then run again" in line


@pytest.mark.parametrize(("rule", "file"), DAMAGED)
def test_one_bit_is_noticed_by_the_checksum_of_what_the_step_left(
    jobs: dict[str, StepJob], work: Path, finished_run: Path, rule: str, file: str
) -> None:
    finding = damaged(jobs[rule], work, finished_run, f"results/{file}", "bit")
    assert finding.verdict == "named", finding
    assert finding.line.startswith(f"results/{file} was changed since "), finding.line


def test_another_run_s_predictions_are_refused_and_the_line_mends_it(
    finished_run: Path, tmp_path: Path
) -> None:
    study = shutil.copytree(finished_run, tmp_path / "study")
    results = study / "results/classification"
    wanted = "results/classification/tables/strategies.tsv"
    before = (study / wanted).read_bytes()
    swapped = results / "runs/tfidf/none/1/predictions.parquet"
    swapped.unlink()
    shutil.copy(results / "runs/tfidf/sampler/1/predictions.parquet", swapped)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return snakemake(*arguments, "--configfile", "tests/config/tiny.yaml", directory=study)

    refused = run(wanted)
    told = refused.stdout + refused.stderr
    line = next(line for line in told.splitlines() if "was changed" in line)
    assert "predictions.parquet was changed from" in line and "since train_linear made it" in line
    remedy = re.search(r"\(snakemake (--force \S+)\)", line)
    assert refused.returncode != 0 and remedy is not None, line
    succeeded(run(*remedy[1].split()))
    succeeded(run(wanted))
    assert (study / wanted).read_bytes() == before


@pytest.mark.parametrize("rule", ON_A_FULL_DISK)
def test_a_step_on_a_full_disk_ends_in_one_line_and_makes_the_same_bytes_with_room(
    jobs: dict[str, StepJob], finished_run: Path, tmp_path: Path, rule: str
) -> None:
    with small_disk(tmp_path / "disk", "64m") as disk:
        found = list(full_disk(jobs[rule], copy_run(finished_run, disk / "run")))
        shutil.rmtree(disk / "run")
    assert [finding.verdict for finding in found] == ["named", "named", "unharmed"], found
    for finding in found[:2]:
        assert "free space on its disk, or take another one" in finding.line


def test_no_step_changes_what_another_one_left(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished_run)
    names = [str(note.relative_to(NOTES).with_suffix("")) for note in NOTES.rglob("*.json")]
    there = [name for name in names if Path(name).exists()]
    # A finished run deletes what only a next training segment would read.
    assert [name for name in names if name not in there and "/state." not in name] == []
    assert len(there) > 300
    check_inputs(there)
