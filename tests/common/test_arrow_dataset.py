"""Finished datasets open with `load_from_disk` and give back what was written, byte for byte."""

import pyarrow as pa
import pytest
from datasets import load_from_disk
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.arrow_dataset import SplitWriter, describe_files
from scripts.common.corpus_tables import MLM_ROWS

SPLITS = ("train", "validation", "test", "holdout")


def row(number):
    return {
        "input_ids": [2, *range(number % 7), 3],
        "segment_lengths": [number % 7 + 2],
        "doc_ids": [f"news:{number}"],
    }


def save(folder, counts, rows_per_file):
    rows = {split: [row(n) for n in range(count)] for split, count in counts.items()}
    (folder / "dataset").mkdir(parents=True)
    with SplitWriter(folder / "dataset", MLM_ROWS, SPLITS, rows_per_file) as writer:
        for number in range(max(counts.values(), default=0)):
            for split, found in rows.items():  # the splits come interleaved
                if number < len(found):
                    writer.add(split, found[number])
    return rows, folder / "dataset"


@pytest.mark.parametrize("rows_per_file", [1, 7, 500, 10_000])
def test_what_is_loaded_is_what_was_written(tmp_path, rows_per_file):
    counts = {"train": 23 if rows_per_file == 1 else 1203, "validation": 5, "test": 1, "holdout": 0}
    rows, folder = save(tmp_path, counts, rows_per_file)
    loaded = load_from_disk(str(folder))
    assert set(loaded) == {"train", "validation", "test"}
    for split in loaded:
        assert loaded[split].to_list() == rows[split]
        files = sorted((folder / split).glob("*.arrow"))
        assert len(files) == -(-counts[split] // rows_per_file)


def test_same_rows_give_the_same_bytes_in_any_folder(tmp_path):
    found = []
    for name in ("here", "there/deeper"):
        _, folder = save(tmp_path / name, {"train": 30, "test": 4}, 8)
        found.append(describe_files(folder))
    assert found[0] == found[1]
    _, folder = save(tmp_path / "other", {"train": 31, "test": 4}, 8)
    assert describe_files(folder)["sha256"] != found[0]["sha256"]


def test_description_names_every_file(tmp_path):
    _, folder = save(tmp_path, {"train": 3}, 2)
    described = {entry["path"]: entry["bytes"] for entry in describe_files(folder)["files"]}
    assert described == {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_dataset_without_rows_can_be_opened(tmp_path):
    _, folder = save(tmp_path, {}, 10)
    assert dict(load_from_disk(str(folder))) == {}


def described(folder, rows, sizes, rows_per_file):
    """The files of rows that come in batches of `sizes`, or one by one where there are none."""
    with SplitWriter(folder, MLM_ROWS, ("train",), rows_per_file) as writer:
        if sizes is None:
            for found in rows:
                writer.add("train", found)
        start = 0
        for size in sizes or ():
            writer.add_batch(
                "train", pa.RecordBatch.from_pylist(rows[start : start + size], schema=MLM_ROWS)
            )
            start += size
    return describe_files(folder)


@settings(max_examples=10, deadline=None)
@given(
    sizes=st.lists(st.sampled_from([0, 1, 3, 49, 50, 51, 499, 500, 501, 777]), max_size=5),
    rows_per_file=st.sampled_from([1, 7, 499, 500, 750, 10_000]),
)
def test_batches_give_the_bytes_of_single_rows(tmp_path_factory, sizes, rows_per_file):
    rows = [row(number) for number in range(min(sum(sizes), 40 * rows_per_file))]
    one_by_one = described(tmp_path_factory.mktemp("rows"), rows, None, rows_per_file)
    batches = described(tmp_path_factory.mktemp("batches"), rows, sizes, rows_per_file)
    assert batches == one_by_one
    # One large batch, of which every file is a slice.
    whole = described(tmp_path_factory.mktemp("whole"), rows, [len(rows)], rows_per_file)
    assert whole == one_by_one
