"""Bad inputs through the steps, each step a process of its own whose memory is measured.

Where each case of bad input and each fault is tested ("reads" stands for test_read_rows.py, "loads"
for test_downloads.py, "hub" for test_hub_downloads.py, "kills" for tests/workflow/test_faults.py):

| case | test |
| --- | --- |
| empty file, missing file, foreign encoding | reads: missing_empty_unknown_and_foreign_files |
| truncated gzip, zst, Parquet | reads: truncated_files_never_end_as_if_complete; here, as a step |
| truncated results of a step | test_tables.py: truncated_table; test_sharding.py: truncated_shard |
| missing column | reads: a_missing_column..., a_json_field_may_be_rare_but_not_absent |
| wrong type, null text | reads: trouble_in_one_line..., parquet_columns_must_be...; test_runs.py |
| invalid UTF-8 | reads: invalid_bytes_in_text_csv_and_parquet |
| document of 50 MB | reads: a_document_of_fifty_megabytes...; here, in bounded memory |
| a million one-word documents | here (100,000; the million's figures stand in docs/decisions.md) |
| repeated ids | test_sharding.py: repeated_id_is_refused... |
| hostile Unicode | test_fuzz.py |
| analyser fails on one document | test_analysis.py; kills: a_document_that_the_analyser... |
| disk full | test_disk_full.py |
| kill -9 of a worker, a job, Snakemake | kills: a_run_that_is_killed_nine_times...; test_files.py |
| kill -9 of a download | test_fetch_source.py: a_killed_fetch_resumes |
| server cuts | loads: a_cut_download_resumes..., a_server_that_always_cuts... |
| server stalls | loads: a_stalled_connection_is_left_and_resumed |
| server answers 503, 408, 429, ... | loads: a_busy_server_is_asked_again, ...stays_busy... |
| server answers 416 | loads: a_range_that_cannot_be_met_starts_afresh |
| server ignores Range, or sends another | loads: a_server_that_ignores_ranges, a_wrong_range |
| server sends wrong bytes | loads: wrong_bytes_are_removed_and_reported; hub: wrong_bytes_... |
| server redirects | loads: a_redirect_is_followed, encryption_is_not_given_up_on_a_redirect; hub |
| hub: pinned revision | hub: a_branch_is_pinned_to_its_commit, a_folder_moves_on_... |
| hub: token from the environment | hub: the_step_records_the_commit_and..., the_token_stays... |
"""

import gzip
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from scripts.common.corpus_tables import GROUPS
from scripts.corpus.shard_source import LONGEST_DOCUMENT
from tests.corpus.builders import article_texts, write_jsonl, write_manifest, write_rows
from tests.corpus.step_process import step

MOST_MEMORY = 1.0e9  # bytes, of any step
WORDS = 100_000


def shard(folder: Path, files: Sequence[Path], **options: object) -> tuple[str, int]:
    return step(
        "shard_source",
        manifest=write_manifest(folder / "raw", files),
        documents=folder / "documents" / "s",
        shard_manifest=folder / "shards.json",
        unreadable=folder / "unreadable.parquet",
        **{
            **{"source": "s", "shards": 1, "text_fields": "text", "separator": " "},
            **{"id_field": "", "txt_unit": "file", "max_documents": 10**9},
            **{"tmpdir": folder / "tmp", **options},
        },
    )


def test_a_document_of_fifty_megabytes_is_counted_in_bounded_memory(tmp_path):
    sentence = "서울과 부산의 도서관은 매주 월요일에 쉽니다. "
    huge = sentence * (50_000_000 // len(sentence.encode()) + 1)
    longest = (sentence * LONGEST_DOCUMENT)[: LONGEST_DOCUMENT - 1] + "다"
    texts = [huge, longest, longest + "다", *article_texts(5)]
    file = write_jsonl(tmp_path / "a.jsonl", [{"text": text} for text in texts])
    printed, peak = shard(tmp_path, [file])
    assert printed.startswith("0 "), printed
    assert peak < MOST_MEMORY
    found = pq.read_table(tmp_path / "unreadable.parquet").to_pylist()
    assert [(row["row"], row["problem"]) for row in found] == [(0, "too_long"), (2, "too_long")]
    kept = pq.read_table(tmp_path / "documents" / "s" / "000.parquet")["text"].to_pylist()
    assert sorted(kept) == sorted([longest, *article_texts(5)])
    assert json.loads((tmp_path / "shards.json").read_text())["unreadable"] == 2


def one_word_documents(folder: Path, count: int) -> dict[str, int]:
    """Take `count` documents of one word through the steps; return each step's peak memory.

    Every tenth is an exact duplicate of an earlier one. All are analysed.
    """
    words = [f"단어{n - 5 if n % 10 == 9 else n}" for n in range(count)]
    file = folder / "words.txt"
    file.write_text("\n".join(words), encoding="utf-8")
    peaks = {}

    def run(name: str, **options: object) -> None:
        printed, peaks[name] = step(name, **options)
        assert printed.startswith("0 "), printed

    printed, peaks["shard_source"] = shard(folder, [file], txt_unit="line", shards=2)
    assert printed.startswith("0 "), printed
    documents, manifest = folder / "documents" / "s", folder / "shards.json"
    sources = {"documents": documents, "manifest": manifest}
    lists = {"documents": documents, "manifests": manifest}
    parts = ["000", "001"]
    duplicates = [folder / "duplicates" / f"{part}.parquet" for part in parts]
    scores = [folder / "scores" / "s" / f"{part}.parquet" for part in parts]
    run("deduplicate", **lists, duplicates=duplicates, source_order="s")
    for part, later, scored in zip(parts, duplicates, scores, strict=True):
        floor = {"min_characters": 1, "max_characters": 100, "min_sentence_marks": 0}
        shares = {"min_hangul_ratio": 0, "max_symbol_ratio": 1, "max_failed_share": 0}
        run(
            "score_shard",
            **sources,
            duplicates=later,
            scores=scored,
            shard=part,
            analyse=True,
            **floor,
            **shares,
            batch_documents=1000,
            chunk_documents=1000,
        )
    groups = write_rows(folder / "groups.parquet", [], GROUPS)
    splits, selection = folder / "splits.parquet", folder / "selection.parquet"
    portions = {"validation": 0.1, "test": 0.1, "holdout": 0.1}
    run("split_documents", **lists, groups=groups, splits=splits, seed=1, **portions)
    limits = {**floor, "min_hangul_ratio": 0, "max_symbol_ratio": 1, "drop_near_duplicates": False}
    run(
        "select_documents",
        scores=scores,
        splits=splits,
        fertility="None",
        selection=selection,
        sources=json.dumps({"s": {"rank": 0, "min_characters": 0, "max_characters": 100}}),
        source_order="s",
        thresholds=json.dumps(limits),
    )
    chosen = pq.read_table(selection, columns=["doc_id", "reason"])
    assert len(set(chosen["doc_id"].to_pylist())) == count
    reasons = Counter(chosen["reason"].to_pylist())
    assert reasons == {"kept": count - count // 10, "exact_duplicate": count // 10}
    states = Counter(
        state for path in scores for state in pq.read_table(path)["analysis"].to_pylist()
    )
    assert states == {"analysed": count - count // 10, "duplicate": count // 10}
    return peaks


def test_very_many_one_word_documents_in_bounded_memory(tmp_path):
    peaks = one_word_documents(tmp_path, WORDS)
    assert len(peaks) == 5
    assert max(peaks.values()) < MOST_MEMORY, peaks


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zst", ".parquet"])
def test_a_truncated_file_stops_the_step_in_one_line_and_leaves_nothing(tmp_path, suffix):
    path = tmp_path / f"cut{suffix}"
    texts = [f"{n * 7919 % 100_003} 번째 문장" for n in range(20_000)]
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()
    if suffix == ".parquet":
        pq.write_table(pa.table({"text": texts}), path)
    else:
        compress = gzip.compress if suffix.endswith("gz") else zstandard.compress
        path.write_bytes(compress(lines))
    path.write_bytes(path.read_bytes()[:-20])
    printed, _ = shard(tmp_path, [path])
    assert printed.startswith("1 ") and "Traceback" not in printed
    assert f"cut{suffix} cannot be read to its end" in printed
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {f"cut{suffix}", "manifest.json"}
