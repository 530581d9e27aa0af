"""Bad inputs: one clear line each, or a repair that is counted and listed."""

import gzip
import json
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.classification import csv_files
from scripts.common.errors import ConfigError, InputError
from tests.classification.input_builders import parquet, read, text_file


def refused(folder, inputs, kind=InputError, **options):
    with pytest.raises(kind) as caught:
        read(folder, inputs, **options)
    line = str(caught.value)
    assert "\n" not in line and line.isprintable()
    assert not (folder / "rows.parquet").exists() and not (folder / "report.json").exists()
    assert not list(folder.glob("dure-*"))
    return line


def test_missing_label_column_names_the_nearest(tmp_path):
    path = text_file(tmp_path / "in.csv", "acct_cod,text,sum\n1,x,2\n")
    assert refused(tmp_path, path, label_column="acct_code") == (
        f"{path} has no column 'acct_code'; did you mean 'acct_cod'? its columns: acct_cod, text, "
        "sum"
    )


def test_missing_text_column_in_a_later_part(tmp_path):
    one = parquet(tmp_path / "1.parquet", {"label": ["a"], "text": ["x"]})
    two = parquet(tmp_path / "2.parquet", {"label": ["a"], "other": ["x"]})
    assert refused(tmp_path, [one, two]).startswith(f"{two} has no column 'text'; its columns: ")


@pytest.mark.parametrize(
    "labels",
    [
        pa.array([None, None], pa.string()),
        pa.array([None, None]),
        pa.array([math.nan, None]),
        pa.array(["", "  "]),
    ],
)
def test_all_labels_null(tmp_path, labels):
    path = parquet(tmp_path / "in.parquet", {"label": labels, "text": ["x", "y"]})
    assert refused(tmp_path, path) == (
        f"{path}: all 2 labels in column 'label' are null; name the column that holds them "
        "(label_column)"
    )


@pytest.mark.parametrize(
    "tail",
    ['a,"x\nb,y\nc,z\n', 'a,"cut of', 'a,"', 'a,"cut ""o', 'a,"x\r\nb,y', 'a,"x\nb,5"" z\n'],
)
@pytest.mark.parametrize("columns", ["label,text", "label,text,more"])
def test_a_quotation_mark_that_is_never_closed(tmp_path, tail, columns):
    """The library takes all that follows for the text, so that its rows would be lost unseen."""
    label, _, cell = tail.partition(",")
    row = f"{label},t,{cell}" if columns.endswith("more") else tail
    first = "a,x,x" if columns.endswith("more") else "a,x"
    path = text_file(tmp_path / "in.csv", f"{columns}\n{first}\n{row}")
    line = refused(tmp_path, path)
    assert line.startswith(f"{path} ends within the cell") and "is never closed" in line


@pytest.mark.parametrize(
    "tail", ['a,"x"', 'a,"x\n"\n', 'a,""', 'a,""""\n', 'a,5"\n', 'a,"x""\n"', "a,", 'a,"y,"\n\n']
)
def test_quotation_marks_that_are_closed_or_none(tmp_path, tail):
    path = text_file(tmp_path / "in.csv", f"label,text\na,x\n{tail}")
    assert len(read(tmp_path, path).rows) == 2


def test_nan_text_is_counted_and_kept_as_no_text(tmp_path, caplog):
    path = parquet(
        tmp_path / "in.parquet",
        {
            "label": ["a", "b", "a"],
            "text": pa.array([math.nan, None, 2.5]),
            "memo": ["", None, "m"],
        },
    )
    found = read(tmp_path, path)
    assert found.column("text") == ["", "", "+ 2.5 e0"]
    assert found.report["empty_texts"] == 2 and "2 rows have a label but no text" in caplog.text
    assert found.column("group") == [0, 1, 2]  # two rows without text are not the same text
    both = read(tmp_path, path, text_columns=["text", "memo"])
    assert both.column("text") == ["", "", "text:+ 2.5 e0 | memo:m"]


def test_nan_and_null_in_csv_are_missing_unless_quoted(tmp_path):
    path = text_file(
        tmp_path / "in.csv", 'label,text\na,NaN\nNULL,x\n"nan",y\n,z\nb,"NULL"\nNA,w\n'
    )
    found = read(tmp_path, path)
    assert found.column("label") == ["a", "nan", "b", "NA"]
    assert found.column("text") == ["", "y", "NULL", "w"]
    assert found.report["null_label_rows"] == [1, 3]
    assert found.report["null_like_labels"] == [["NA", 1], ["nan", 1]]


@pytest.mark.parametrize("kept", [4, 60, 0.5, -1])
def test_truncated_parquet(tmp_path, kept):
    path = parquet(
        tmp_path / "in.parquet", {"label": ["a"] * 99, "text": [str(n) for n in range(99)]}
    )
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept) if isinstance(kept, float) else kept])
    assert refused(tmp_path, path).startswith(f"{path} cannot be read to its end (")


def test_parquet_with_damaged_pages(tmp_path):
    path = parquet(
        tmp_path / "in.parquet",
        {"label": ["a"] * 9_000, "text": [f"{n * 7919 % 9001}" for n in range(9_000)]},
        write_page_checksum=True,
    )
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(data)
    assert str(path) in refused(tmp_path, path)


def test_truncated_gzip(tmp_path):
    path = tmp_path / "in.csv.gz"
    path.write_bytes(
        gzip.compress(b"label,text\n" + b"".join(b"a,%d\n" % n for n in range(9_000)))[:-900]
    )
    assert str(path) in refused(tmp_path, path)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_duplicate_column_names(tmp_path, ending):
    path = tmp_path / f"in.{ending}"
    if ending == "csv":
        text_file(path, "label,text,label\na,x,b\n")
    else:
        columns = [pa.array(["a"]), pa.array(["x"]), pa.array(["b"])]
        pq.write_table(pa.Table.from_arrays(columns, ["label", "text", "label"]), path)
    assert refused(tmp_path, path) == f"{path} has 2 columns called 'label'; give each its own name"


def test_duplicate_names_of_columns_that_are_not_read_do_no_harm(tmp_path):
    path = text_file(tmp_path / "in.csv", "label,text,x,x\na,식대,1,2\n")
    assert read(tmp_path, path).column("text") == ["식대"]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (pa.array([["a"], ["b"]]), "holds list<element: string>, which is no label"),
        (pa.array([b"a", b"b"]), "holds binary, which is no label"),
        (pa.array([1.0, 2.5]), "holds 2.5, which is no whole number"),
        (pa.array([1.0, math.inf]), "holds inf, which is no whole number"),
        (pa.array([1e17, 1.0]), "holds 1e+17, which is no whole number"),
        (pa.array([0, 1], pa.timestamp("us")), "holds timestamp[us], which is no label"),
    ],
)
def test_wrong_type_of_label(tmp_path, labels, said):
    path = parquet(tmp_path / "in.parquet", {"label": labels, "text": ["x", "y"]})
    assert refused(tmp_path, path).startswith(f"{path}: column 'label' {said}")


def test_wrong_type_of_text(tmp_path):
    path = parquet(tmp_path / "in.parquet", {"label": ["a"], "text": [["x"]]})
    assert "column 'text' holds list" in refused(tmp_path, path)


@pytest.mark.parametrize("name", ["in.csv", "in.parquet"])
def test_empty_file(tmp_path, name):
    path = text_file(tmp_path / name, "")
    assert refused(tmp_path, path) == f"{path} is empty (0 bytes); fetch or write it again"


def test_file_with_a_header_only(tmp_path):
    path = text_file(tmp_path / "in.csv", "label,text\n")
    assert refused(tmp_path, path).startswith(f"{path}: no row at all, only a header")
    other = text_file(tmp_path / "other.csv", "label,text\na,x\n")
    assert read(tmp_path, [path, other]).column("row") == [0]


HOSTILE = [
    "\x00\x01\x1b[31m",
    "\u202e거꾸로\u202c",
    "👩\u200d👩\u200d👧" * 50,
    "a" + "\u0301" * 500,
    "'; DROP TABLE rows; --",
    "=cmd|' /C calc'!A0",
    "\ufffe\uffff",
    "\\N \\\\ \\|",
    "NULL",
    "<script>",
    "\r",
    "{}%s",
]


def test_hostile_text_comes_through_unchanged(tmp_path):
    path = parquet(tmp_path / "in.parquet", {"label": [*HOSTILE[:-2], "x", "y"], "text": HOSTILE})
    found = read(tmp_path, path, near_duplicates=True)
    texts = ["" if not text.strip() else text for text in HOSTILE]
    assert found.column("text") == texts
    assert found.column("label")[:-2] == HOSTILE[:-2]


def test_text_that_is_not_utf8(tmp_path):
    csv = text_file(tmp_path / "in.csv", "label,text\n1,가나다\n", "cp949")
    assert "UTF8" in refused(tmp_path, csv) and "is it CP949?" in refused(tmp_path, csv)
    wide = text_file(tmp_path / "wide.csv", "label,text\n1,가나다\n", "utf-16")
    assert str(wide) in refused(tmp_path, wide)
    broken = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")]
    )
    damaged = parquet(tmp_path / "in.parquet", {"label": ["a"], "text": broken})
    assert "UTF8" in refused(tmp_path, damaged)


def test_huge_cell(tmp_path, monkeypatch):
    huge = "가" * 9_000_000
    path = text_file(tmp_path / "in.csv", f"label,text\na,x\nb,{huge}\nc,y\n")
    found = read(tmp_path, path)
    assert found.column("text") == ["x", huge, "y"]
    monkeypatch.setattr(csv_files, "_LARGEST_BLOCK", 9 << 20)
    (tmp_path / "rows.parquet").unlink()
    (tmp_path / "report.json").unlink()
    assert refused(tmp_path, path).startswith(f"{path} holds a row of more than 9 MB, or a quotat")


def test_quoted_newlines_commas_and_quotes(tmp_path):
    path = text_file(tmp_path / "in.csv", 'label,text\r\na,"1\n\n2, ""x"""\r\n\r\nb,y\r\n')
    assert read(tmp_path, path).column("text") == ['1\n\n2, "x"', "y"]


def test_row_with_too_few_cells(tmp_path):
    path = text_file(tmp_path / "in.csv", "label,text\na,x\nb\n")
    line = refused(tmp_path, path)
    assert line.startswith(f"{path} cannot be read to its end (CSV parse error: ")
    assert "Expected 2 columns, got 1" in line


def test_mixed_types(tmp_path, caplog):
    """Numbers in one part, text in another: labels are texts, and the report names both types."""
    one = parquet(tmp_path / "1.parquet", {"label": [1, 2], "text": [10, 20]})
    two = parquet(tmp_path / "2.parquet", {"label": ["1", "x"], "text": ["ten", "20"]})
    three = parquet(
        tmp_path / "3.parquet", {"label": pa.array([1.0, math.nan]), "text": [True, None]}
    )
    found = read(tmp_path, [one, two, three])
    assert found.column("label") == ["1", "2", "1", "x", "1"]
    assert found.column("text") == ["+ 1 e1", "+ 2 e1", "ten", "20", "true"]
    assert found.report["label_type"] == "double|int64|string"
    assert "labels are of several types" in caplog.text
    mixed = text_file(tmp_path / "m.csv", "label,text,n\n1,x,5\na,2,six\n")
    joined = read(tmp_path, mixed, text_columns=["text", "n"])
    assert joined.column("text") == ["text:x | n:5", "text:2 | n:six"]
    assert joined.report["label_type"] == "string"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"text_columns": ["label"]}, "text_columns names the label column 'label'"),
        ({"text_columns": ["text", "text"]}, "names 'text' more than once"),
        ({"text_columns": []}, "text_columns names no column"),
        ({"text_columns": ["text", "memo"], "separator": " "}, "separator ' ' cannot be told"),
        ({"extract_ratio": 0.0}, "extract_ratio = 0.0; allowed: above 0 and at most 1"),
        ({"extract_ratio": 1.5}, "extract_ratio = 1.5; allowed"),
        ({"extract_ratio": math.nan}, "extract_ratio = nan; allowed"),
    ],
)
def test_options_that_cannot_be(tmp_path, options, said):
    path = parquet(tmp_path / "in.parquet", {"label": ["a"], "text": ["x"], "memo": ["m"]})
    assert said in refused(tmp_path, path, ConfigError, **options)


def test_extraction_of_nothing(tmp_path):
    path = parquet(tmp_path / "in.parquet", {"label": ["a", "b"], "text": ["x", "y"]})
    assert refused(tmp_path, path, extract_ratio=0.1).startswith(
        "extract_ratio = 0.1 keeps none of 2 rows"
    )


def test_inputs_that_are_none(tmp_path):
    path = parquet(tmp_path / "in.parquet", {"label": ["a"], "text": ["x"]})
    assert refused(tmp_path, []).startswith("no input file is named")
    assert "is named 2 times" in refused(tmp_path, [path, path])
    assert refused(tmp_path, tmp_path / "no.csv").startswith(f"{tmp_path / 'no.csv'} is missing")
    other = text_file(tmp_path / "in.xlsx", "x")
    assert "is of no known format; allowed: .csv" in refused(tmp_path, other)
    folder = tmp_path / "folder"
    folder.mkdir()
    assert "is no folder of `datasets`" in refused(tmp_path, folder)


def saved(folder, labels, names):
    folder.mkdir()
    table = pa.table({"label": labels, "text": [str(n) for n in range(len(labels))]})
    with pa.ipc.new_stream(str(folder / "data.arrow"), table.schema) as stream:
        stream.write_table(table)
    features = {"label": {"_type": "ClassLabel", "names": names}, "text": {"_type": "Value"}}
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data.arrow"}]}))
    return folder


def test_datasets_folders_that_are_damaged(tmp_path):
    folder = saved(tmp_path / "saved", [0, 2], ["a", "b"])
    assert "holds class 2, but its feature names 2 classes" in refused(tmp_path, folder)
    data = (folder / "data.arrow").read_bytes()
    (folder / "data.arrow").write_bytes(data[: len(data) // 2])
    assert "data.arrow" in refused(tmp_path, folder)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "../../x.arrow"}]}))
    assert f"{folder / 'x.arrow'}, which" in refused(tmp_path, folder)
    (folder / "state.json").write_text("{")
    assert "is not valid JSON" in refused(tmp_path, folder)


def test_more_rows_than_the_memory_holds(tmp_path):
    path = parquet(tmp_path / "in.parquet", {"label": ["a"] * 9_000, "text": ["x"] * 9_000})
    line = refused(tmp_path, path, mem_mb=2)
    assert line.startswith("9,000 rows do not fit into 2 MB; raise the step's memory")
