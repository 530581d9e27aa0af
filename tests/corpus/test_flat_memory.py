"""Memory of the streaming steps: eight times the documents take no more of it."""

import subprocess
import sys
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pytest

from scripts.common.arrow_dataset import SplitWriter
from scripts.common.corpus_tables import (
    DOCUMENTS,
    MENTION_LISTS,
    MLM_ROWS,
    SCORES,
    SELECTION,
    TOKENS,
)
from scripts.common.tables import table_writer, write_table
from scripts.corpus.select_documents import KEPT
from tests.corpus.builders import hand_wordpiece
from tests.corpus.step_process import step

FEW, MANY = 5_000, 40_000
MB = 2**20


def write_shard(folder: Path, count: int) -> dict[str, object]:
    """One shard of documents of one word, all of them selected, and what describes it."""
    keys = pa.array([number * ((1 << 64) // count) for number in range(count)], pa.uint64())
    ids = [f"news:{number}" for number in range(count)]
    columns = {
        "doc_id": ids,
        "key": keys,
        "analysed_key": keys,
        "text_hash": [number.to_bytes(16, "big") for number in range(count)],
        "text": ["서울"] * count,
        "source": ["news"] * count,
        "analysed_source": ["news"] * count,
        "split": ["train"] * count,
        "reason": [KEPT] * count,
        "token_ids": [[5]] * count,
        "token_starts": [[0]] * count,
        "token_ends": [[2]] * count,
        **{name: [[]] * count for name, _ in MENTION_LISTS},
    }

    def write(name: str, schema: pa.Schema) -> Path:
        empty = [None] * count
        arrays = [pa.array(columns.get(field.name, empty), field.type) for field in schema]
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_table(path, pa.Table.from_arrays(arrays, schema=schema), schema)
        return path

    documents = write("documents/news/000.parquet", DOCUMENTS)
    manifest = folder / "shards.json"
    size = documents.stat().st_size
    manifest.write_text(f'{{"shards": [{{"path": "000.parquet", "bytes": {size}}}]}}')
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_text(hand_wordpiece(["서울"]).tokenizer.to_str(), encoding="utf-8")
    return {
        **{"documents": documents.parent, "manifest": manifest, "shard": "000"},
        **{"scores": write("scores/news/000.parquet", SCORES)},
        **{"tokens": write("tokens/news/000.parquet", TOKENS)},
        **{"selection": write("selection.parquet", SELECTION), "tokenizer": tokenizer},
        "batch_documents": 1000,
    }


def peak_of_tokenizing(folder: Path, count: int) -> int:
    inputs = write_shard(folder, count)
    inputs["selections"] = [inputs.pop("selection")] * 2
    del inputs["scores"]
    printed, peak = step("tokenize_shard", **{**inputs, "tokens": folder / "out.parquet"})
    assert printed.startswith("0 ") and f"passed {count:,} (100.0%)" in printed, printed
    return peak


def peak_of_pairing(folder: Path, count: int) -> int:
    printed, peak = step(
        "pair_mentions",
        **write_shard(folder, count),
        **{"stop_list": "None", "length": 64, "min_syllables": 2, "max_mentions": 4, "seed": 1},
        **{"min_distance": 1, "max_distance": 100, "merge_substrings": False},
        **{name: folder / f"{name}.parquet" for name in ("candidates", "outcomes", "pair_counts")},
    )
    assert printed.startswith("0 ") and f"{count:,}/{count:,} documents" in printed, printed
    return peak


@pytest.mark.parametrize("peak_of", [peak_of_tokenizing, peak_of_pairing])
def test_a_shard_of_eight_times_the_documents_takes_no_more_memory(tmp_path, peak_of):
    few, many = peak_of(tmp_path / "few", FEW), peak_of(tmp_path / "many", MANY)
    # Some 3 MB with each doubling remain; a dict of each row took 40.
    assert many - few < 22 * MB, (few / MB, many / MB)


SPOOL_AND_STATE_PEAK = """
import sys
from pathlib import Path
import numpy as np
import pyarrow as pa
from scripts.common.job_record import peak_resident_mb
from scripts.common.tables import table_writer
from scripts.corpus.spool import Spool
folder, megabytes = Path(sys.argv[1]), int(sys.argv[2])
chance, schema = np.random.default_rng(0), pa.schema(
    [("key", pa.uint64()), ("doc_id", pa.string()), ("text", pa.string())]
)
with Spool(folder / "spool.arrow", schema) as spool, table_writer(folder / "t", schema) as writer:
    for _ in range(megabytes):
        keys = pa.array(chance.integers(0, 1 << 64, 1024, dtype=np.uint64))
        columns = [keys, keys.cast(pa.string()), pa.array(["x" * 1024] * 1024)]
        spool.add(pa.record_batch(columns, schema=schema))
    spool.finish()
    for table in spool.sorted_range(0, 1 << 64):
        writer.write_table(table)
        del table
print(peak_resident_mb())
"""


def test_the_peak_of_a_spool_does_not_depend_on_how_much_it_holds(tmp_path):
    peaks = []
    for megabytes in (30, 240):
        command = [sys.executable, "-c", SPOOL_AND_STATE_PEAK, str(tmp_path), str(megabytes)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(float(done.stdout))
    assert peaks[1] - peaks[0] < 30, peaks


def test_what_waits_to_be_written_does_not_keep_alive_what_it_was_cut_from(tmp_path):
    schema = pa.schema([("text", pa.string())])
    before = pa.total_allocated_bytes()
    with table_writer(tmp_path / "t.parquet", schema) as writer:
        writer.write_table(pa.table({"text": ["x" * 4000] * 5_001}, schema=schema))
        assert pa.total_allocated_bytes() - before < 2 * MB  # of 20


def test_rows_of_small_splits_wait_in_little_memory(tmp_path):
    splits = ("validation", "test", "holdout")
    tracemalloc.start()
    try:
        with SplitWriter(tmp_path / "d", MLM_ROWS, splits, 10_000) as writer:
            for number in range(490):
                for split in splits:
                    ids = list(range(1_000, 1_500))
                    row = {"input_ids": ids, "segment_lengths": [500], "doc_ids": [str(number)]}
                    writer.add(split, row)
            waiting = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert waiting < 5 * MB  # as Python numbers 29 MB
