"""Rows of every format come through, each accounted for once, whatever the layout of the files."""

import csv
import gzip
import io
import json
from collections import Counter, defaultdict
from hashlib import sha256
from itertools import pairwise

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripts.classification import parquet_files
from scripts.classification import read_rows as step
from scripts.classification.text_keys import near_form
from tests.classification.input_builders import parquet, read, text_file

LABELS = ["a", "b", None, ""]
TEXTS = ["식대", "식 대", "교통비", "", None, "  ", "x"]
drawn_rows = st.lists(
    st.tuples(st.sampled_from(LABELS), st.sampled_from(TEXTS), st.sampled_from(["g", "h", None])),
    min_size=1,
    max_size=25,
).filter(lambda rows: any(label for label, _, _ in rows))
random_files = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def table_of(rows):
    label, text, owner = zip(*rows, strict=True)
    kinds = [("label", pa.string()), ("text", pa.string()), ("owner", pa.string())]
    return pa.table({"label": label, "text": text, "owner": owner}, schema=pa.schema(kinds))


@random_files
@given(
    rows=drawn_rows,
    mode=st.sampled_from(["drop", "group", "off"]),
    near=st.booleans(),
    ratio=st.sampled_from([1.0, 0.5, 0.3]),
)
def test_every_row_is_accounted_for_once(tmp_path, rows, mode, near, ratio):
    pq.write_table(table_of(rows), tmp_path / "in.parquet")
    labelled = [(label, (text or "").strip()) for label, text, _ in rows if label]
    left = len(dict.fromkeys(row for row in labelled if row[1])) if mode == "drop" else 0
    left += sum(mode != "drop" or not text for _, text in labelled)
    if round(ratio * left) == 0:
        return  # nothing would be left, which is an error
    found = read(
        tmp_path,
        tmp_path / "in.parquet",
        group_column="owner",
        duplicates=mode,
        near_duplicates=near,
        extract_ratio=ratio,
    )
    report = found.report
    assert report["rows_read"] == len(rows)
    assert report["null_labels"] == len(rows) - len(labelled)
    assert report["null_label_rows"] == [n for n, row in enumerate(rows) if not row[0]]
    assert report["empty_texts"] == sum(not text for _, text in labelled)
    dropped, removed = report["duplicates"]["dropped"], report["extraction"]["removed"]
    assert dropped == len(labelled) - left
    assert len(rows) == report["null_labels"] + dropped + removed + len(found.rows)
    numbers = found.column("row")
    assert numbers == sorted(set(numbers))
    for row in found.rows:
        label, text, _ = rows[row["row"]]
        assert row["label"] == label
        assert row["text"] == (text if text and text.strip() else "")
    kept_classes = set(found.column("label"))
    lost = {label for label, _ in report["extraction"]["lost_classes"]}
    assert lost == {label for label, _ in labelled} - kept_classes
    assert groups_of(found.rows, rows, mode, near) == dict(
        zip(numbers, found.column("group"), strict=True)
    )


def groups_of(kept, rows, mode, near):
    """Groups as a slow search finds them: smallest row that is reached over equal values."""
    labels_of = defaultdict(set)
    for row in kept:
        labels_of[row["text"]].add(row["label"])
    shared = defaultdict(set)
    for row in kept:
        number, text = row["row"], row["text"]
        if text and (mode != "off" or len(labels_of[text]) > 1):
            shared["text", text].add(number)
        if near and near_form(text):
            shared["near", near_form(text)].add(number)
        if rows[number][2]:
            shared["owner", rows[number][2]].add(number)
    group = {row["row"]: {row["row"]} for row in kept}
    for members in shared.values():
        joined = set().union(*(group[member] for member in members))
        for member in joined:
            group[member] = joined
    return {number: min(members) for number, members in group.items()}


@random_files
@given(rows=drawn_rows, cuts=st.lists(st.integers(0, 25), max_size=3), batch=st.integers(1, 7))
def test_layout_of_parts_and_size_of_batches_do_not_matter(
    tmp_path, monkeypatch, rows, cuts, batch
):
    options = {"group_column": "owner", "near_duplicates": True}
    table = table_of(rows)
    pq.write_table(table, tmp_path / "whole.parquet")
    whole = read(tmp_path, tmp_path / "whole.parquet", **options)
    bytes_of_whole = (tmp_path / "rows.parquet").read_bytes()
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    parts = []
    for number, (start, end) in enumerate(pairwise(edges)):
        parts.append(tmp_path / f"{number}.parquet")
        pq.write_table(table.slice(start, end - start), parts[-1], row_group_size=4)
    with monkeypatch.context() as patch:
        patch.setattr(parquet_files, "_MOST_ROWS", batch)
        cut = read(tmp_path, parts, **options)
    assert (tmp_path / "rows.parquet").read_bytes() == bytes_of_whole
    assert sum(file["rows"] for file in cut.report.pop("files")) == len(rows)
    del whole.report["files"]
    assert cut.report == whole.report


@random_files
@given(rows=drawn_rows, quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_csv_gives_what_parquet_gives(tmp_path, rows, quoting):
    pq.write_table(table_of(rows), tmp_path / "in.parquet")
    expected = read(tmp_path, tmp_path / "in.parquet", group_column="owner")
    text = io.StringIO()
    writer = csv.writer(text, quoting=quoting)
    writer.writerows([("label", "text", "owner"), *rows])
    found = read(tmp_path, text_file(tmp_path / "in.csv", text.getvalue()), group_column="owner")
    assert found.rows == expected.rows


def test_csv_in_small_blocks_gives_the_same(tmp_path, monkeypatch):
    lines = "".join(f'{n % 3},"줄 {n}\n다음 ""{n}"" 줄, 끝",{n}\n' for n in range(500))
    path = text_file(tmp_path / "in.csv", "label,text,amount\n" + lines)
    options = {"text_columns": ["text", "amount"]}
    whole = read(tmp_path, path, **options)
    monkeypatch.setattr(step, "_BATCH_BYTES", (200, 200))
    assert read(tmp_path, path, **options) == whole
    assert whole.rows[7]["text"] == 'text:줄 7\n다음 "7" 줄, 끝 | amount:+ 7 e0'
    assert len(whole.rows) == 500 and whole.report["label_type"] == "int64"


def test_formats_tsv_gzip_and_byte_order_mark(tmp_path):
    rows = [("a", "식대"), ("b", "교통, 비")]
    tsv = text_file(tmp_path / "in.tsv", "text\tlabel\n식대\ta\n교통, 비\tb\n", "utf-8-sig")
    packed = tmp_path / "in.csv.gz"
    packed.write_bytes(gzip.compress('label,text\na,식대\nb,"교통, 비"\n'.encode()))
    for path in (tsv, packed):
        found = read(tmp_path, path)
        assert list(zip(found.column("label"), found.column("text"), strict=True)) == rows


@pytest.mark.parametrize("shards", [1, 3])
def test_datasets_folder_gives_class_names_and_its_splits(tmp_path, shards):
    import datasets

    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["복리", "여비"])}
    )
    splits = {"train": [0, 1, 1, -1], "test": [1, 0, 0, 1]}
    datasets.DatasetDict(
        {
            split: datasets.Dataset.from_dict(
                {"text": [f"{split}{n}" for n in range(4)], "label": labels}, features=features
            )
            for split, labels in splits.items()
        }
    ).save_to_disk(tmp_path / "saved", num_shards=dict.fromkeys(splits, shards))
    found = read(tmp_path, tmp_path / "saved")
    assert found.column("label") == ["복리", "여비", "여비", "여비", "복리", "복리", "여비"]
    assert found.column("given_split") == ["train"] * 3 + ["test"] * 4
    assert found.column("row") == [0, 1, 2, 4, 5, 6, 7]
    assert found.report["label_type"] == "string" and found.report["null_label_rows"] == [3]
    assert len(found.report["files"]) == 2 * shards
    one = read(tmp_path, tmp_path / "saved" / "test")
    assert one.column("given_split") == [None] * 4 and one.column("text")[0] == "test0"


def test_rows_selected_from_a_dataset_are_those_that_were_saved(tmp_path):
    import datasets

    whole = datasets.Dataset.from_dict({"text": list("abcd"), "label": [1, 2, 3, 4]})
    whole.select([3, 1]).save_to_disk(tmp_path / "saved")
    found = read(tmp_path, tmp_path / "saved")
    assert found.column("text") == ["d", "b"] and found.column("label") == ["4", "2"]


def test_figures_equal_those_of_pandas(tmp_path):
    frame = pd.DataFrame(
        {
            "label": ["a", "a", "a", "b", "b", None, "c", "a"],
            "text": ["x", "x", "y", "x", "z", "x", None, ""],
            "old": ["train", "test", None, "train", "test", "test", "", "train"],
        }
    )
    frame.to_parquet(tmp_path / "in.parquet")
    found = read(tmp_path, tmp_path / "in.parquet", split_column="old", duplicates="drop")
    known = frame[frame.label.notna()]
    worded = known[known.text.fillna("") != ""]
    repeated = worded.duplicated(["label", "text"], keep=False)
    assert found.report["duplicates"] == {
        "mode": "drop",
        "groups": int(worded[repeated].groupby(["label", "text"]).ngroups),
        "rows": int(repeated.sum()),
        "dropped": int(worded.duplicated(["label", "text"]).sum()),
        "conflicting_groups": int((worded.groupby("text").label.nunique() > 1).sum()),
        "conflicting_rows": int((worded.groupby("text").label.transform("nunique") > 1).sum()),
    }
    assert found.column("row") == [0, 2, 3, 4, 6, 7]
    assert found.column("given_split") == ["train", None, "train", "test", None, "train"]
    assert found.column("group") == [0, 2, 0, 4, 6, 7]
    path = tmp_path / "in.parquet"
    assert found.report["files"] == [
        {
            "path": str(path),
            "rows": 8,
            "bytes": path.stat().st_size,
            "sha256": sha256(path.read_bytes()).hexdigest(),
        }
    ]


def test_lost_classes_are_listed_with_their_rows(tmp_path, caplog):
    labels = ["big"] * 40 + ["small"] * 2 + ["s1", "s2", "s3"]
    texts = [str(number) for number in range(45)]
    path = parquet(tmp_path / "in.parquet", {"label": labels, "text": texts})
    found = read(tmp_path, path, extract_ratio=0.1)
    counts = Counter(found.column("label"))
    lost = found.report["extraction"]["lost_classes"]
    assert sum(counts.values()) == 4 and counts["big"] == 4
    assert lost == [["s1", 1], ["s2", 1], ["s3", 1], ["small", 2]]
    assert "extraction lost 4 classes: s1 (1), s2 (1), s3 (1), small (2)" in caplog.text


def test_command_line_has_the_arguments(tmp_path, capsys):
    """The step can be run by hand, with the same names."""
    import subprocess
    import sys

    path = text_file(tmp_path / "in.csv", "code,memo,won\n1,식대,1000\n2,교통,2000\n")
    command = [
        *(sys.executable, "-m", "scripts.classification.read_rows", "--inputs", str(path)),
        *("--rows", str(tmp_path / "rows.parquet"), "--report", str(tmp_path / "report.json")),
        *("--label-column", "code", "--text-columns", "memo", "won"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    assert json.loads((tmp_path / "report.json").read_text())["rows"] == 2
    texts = pq.read_table(tmp_path / "rows.parquet").column("text").to_pylist()
    assert texts[0] == "memo:식대 | won:+ 1 e3"
