"""Whole runs of the tiny config: what they leave behind, and that nothing accidental shapes it."""

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import load_from_disk

from scripts.common.comparison import differing, result_digests
from tests.workflow.harness import ROOT, snakemake, succeeded

# Cut by shard, or describing shards; everything that is made of them must be equal.
BY_SHARD = {
    *("documents", "sources", "duplicates", "scores", "signatures", "tokens"),
    *("candidates", "outcomes", "pair_counts"),
}


@pytest.mark.slow
def test_other_shards_one_worker_and_another_hash_seed_give_the_same_bytes(
    finished_run: Path, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "tests/config", tmp_path / "tests/config")
    table = tmp_path / "tests/config/sources_tiny.tsv"
    header, demo, notes = table.read_text().splitlines()
    demo = demo.replace("\tid\t2\t", "\tid\t3\t")
    own = ("batch_documents\tchunk_documents\tworkers", "31\t8\t", "\t\t1")
    rows = zip((header, demo, notes), own, strict=True)
    table.write_text("".join(f"{row}\t{cells}\n" for row, cells in rows))
    (tmp_path / "workers.yaml").write_text(
        "corpus: {workers: 1, batch_documents: 17, chunk_documents: 5}\n"
    )
    succeeded(
        snakemake(
            *("--cores", "1", "--configfile"),
            *("tests/config/tiny.yaml", str(tmp_path / "workers.yaml")),
            directory=tmp_path,
            hash_seed="4711",
        )
    )
    assert len(list((tmp_path / "results/corpus/scores/demo").iterdir())) == 3
    found = differing(finished_run / "results", tmp_path / "results")
    assert [name for name in found if name.split("/")[1] not in BY_SHARD] == []
    compared = result_digests(finished_run / "results")
    assert {name.split("/")[1] for name in compared} - BY_SHARD >= {
        *("entity_coref", "mlm", "tables", "tokenizer", "selection", "caps", "index.html"),
    }


def test_planted_trouble_meets_its_reason(finished_run: Path) -> None:
    corpus = finished_run / "results/corpus"
    lines = (corpus / "sources/demo/files/demo.jsonl").read_text().splitlines()
    planted = {f"demo:{a['id']}": a["planted"] for a in map(json.loads, lines)}
    fates = pq.read_table(corpus / "entity_coref/512/fates.parquet").to_pylist()
    outcomes = {row["doc_id"]: row["outcome"] for row in fates}
    assert outcomes.keys() == planted.keys()
    harmless = {"", "pronoun", "control_characters", "lone_surrogate"}
    found = Counter((planted[doc_id], outcome) for doc_id, outcome in outcomes.items())
    for (kind, outcome), number in found.items():
        expected = "kept" if kind in harmless else kind
        assert outcome == expected, (kind, outcome, number)


def test_a_row_that_holds_no_document_is_counted(finished_run: Path, tmp_path: Path) -> None:
    """Unreadable rows keep their place in the funnel."""
    del finished_run
    (tmp_path / "bad.jsonl").write_text(
        '{"text": "강을 따라 걷는 길이 새로 열렸습니다. 자전거는 왼쪽으로 다닙니다."}\n'
        '{"text": null}\n{"text": 7}\nnot json\n'
        + json.dumps({"text": "\ue000" * 30})  # characters that the tokenizer drops
    )
    (tmp_path / "sources.tsv").write_text(
        "source\tkind\tlocation\tshards\tused_by\nbad\tlocal\tbad.jsonl\t1\tmlm\n"
    )
    (tmp_path / "my.yaml").write_text(
        "corpus:\n  sources: sources.tsv\n  lengths: [64]\n  tokenizer: {vocabulary: 200}\n"
        "  split: {validation: 0, test: 0, holdout: 0}\n"
        "  mlm: {min_hangul_ratio: 0, max_symbol_ratio: 1}\n"
    )
    costs = "results/costs/corpus.tsv"
    succeeded(
        snakemake("corpus", costs, "--configfile", "my.yaml", directory=tmp_path, cwd=tmp_path)
    )
    assert "missing" not in (tmp_path / costs).read_text()  # of a plan without entity sets too
    with (tmp_path / "results/corpus/tables/funnel.tsv").open(newline="") as stream:
        rows = [tuple(row.values()) for row in csv.DictReader(stream, delimiter="\t")]
    assert rows == [
        ("mlm_64", "bad", "invalid_json", "1"),
        ("mlm_64", "bad", "missing_text", "1"),
        ("mlm_64", "bad", "wrong_type", "1"),
        ("mlm_64", "bad", "no_token", "1"),
        ("mlm_64", "bad", "kept", "1"),
    ]


@pytest.mark.parametrize("length", ["256", "512"])
def test_manifest_names_every_file_with_its_hash(finished_run: Path, length: str) -> None:
    from scripts.common.files import sha256_file

    for kind in ("entity_coref", "mlm"):
        folder = finished_run / "results/corpus" / kind / length
        manifest = json.loads((folder / "manifest.json").read_text())
        named = {entry["path"]: entry["sha256"] for entry in manifest["files"]}
        files = [path for path in (folder / "dataset").rglob("*") if path.is_file()]
        found = {path.relative_to(folder / "dataset").as_posix(): path for path in files}
        for unnamed in ("metadata.json", ".snakemake_timestamp"):
            found.pop(unnamed)
        assert named == {name: sha256_file(path) for name, path in found.items()}
        dataset = load_from_disk(str(folder / "dataset"))
        rows = {split: len(part) for split, part in dataset.items()}
        stated = manifest["num_samples_by_split"]
        assert rows == {split: number for split, number in stated.items() if number}


def test_every_log_is_filled_and_every_job_has_its_costs(finished_run: Path) -> None:
    results = finished_run / "results"
    logs = {p.relative_to(results / "logs").with_suffix("") for p in results.glob("logs/**/*.log")}
    costs = {
        path.relative_to(results / "benchmarks").with_suffix("")
        for path in results.glob("benchmarks/**/*.jsonl")
    }
    assert logs == costs
    assert len(logs) == 133


@pytest.mark.parametrize(
    "track", ["corpus", "language_model", "classification", "descriptors", "retrieval"]
)
def test_the_table_of_costs_has_every_job_of_the_track(finished_run: Path, track: str) -> None:
    logs = finished_run / "results/logs" / track
    records = {path.relative_to(logs).with_suffix("").as_posix() for path in logs.rglob("*.json")}
    with (finished_run / f"results/costs/{track}.tsv").open(newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert {f"{row['rule']}/{row['job']}" for row in rows} == records
    assert {row["state"] for row in rows} == {"finished"}
    assert all(float(row["peak_mb"]) > 10 and float(row["mem_mb"]) >= 500 for row in rows)
    if track != "corpus":
        return
    scored = [row for row in rows if row["rule"] == "score_shard"]
    assert sum(int(row["items"]) for row in scored) == 248
    assert {row["unit"] for row in scored} == {"documents"}


def test_first_reasons_of_the_checks_are_those_of_the_funnel(finished_run: Path) -> None:
    found: dict[str, Counter[tuple[str, ...]]] = {}
    for name, column in (("funnel", "outcome"), ("filter_costs", "check")):
        found[name] = Counter()
        with (finished_run / f"results/corpus/tables/{name}.tsv").open(newline="") as stream:
            for row in csv.DictReader(stream, delimiter="\t"):
                reason = row[column].replace("empty", "too_short")
                number = int(row["documents" if name == "funnel" else "first"])
                found[name][row["dataset"], row["source"], reason] += number
    costs = {key: number for key, number in found["filter_costs"].items() if number}
    assert len({reason for _, _, reason in costs}) == 7
    assert costs == {key: n for key, n in found["funnel"].items() if key in found["filter_costs"]}


def test_the_page_opens_from_disk_and_names_its_data(finished_run: Path) -> None:
    page = (finished_run / "results/report/index.html").read_text(encoding="utf-8")
    summary = json.loads((finished_run / "results/corpus/tables/summary.json").read_text())
    assert summary["data_sha256"] in page
    assert "248" in page  # 240 articles and 8 notes
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert "https://" not in page
