"""Parts become one table: what fits is settled once, what does not is named in one line."""

import gzip
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.common.errors import ConfigError, InputError
from tests.descriptors.table_builders import describe, write_parts


def failure(folder, parts, kind=InputError, **roles):
    with pytest.raises(kind) as caught:
        describe(folder, parts, **roles)
    assert not (folder / "table.json").exists() and not (folder / "converted").exists()
    text = str(caught.value)
    assert "\n" not in text
    return text


def manifest(folder):
    return json.loads((folder / "table.json").read_text())


def csv(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_parts_differ_in_order_and_numeric_type(tmp_path):
    one, two = tmp_path / "1.parquet", tmp_path / "2.parquet"
    pq.write_table(
        pa.table({"id": ["x", "y"], "a": pa.array([1, None], pa.int8()), "b": [True, False]}), one
    )
    pq.write_table(
        pa.table({"b": pa.array([0.5, 2.5], pa.float32()), "a": [7, 8], "id": ["z", "w"]}), two
    )
    table = describe(tmp_path, [two, one], metadata=["id"])
    assert table.names == ["a", "b"] and table.rows == 4 and table.role("id") == "metadata"
    np.testing.assert_array_equal(table.read(["a"])[:, 0], [1, np.nan, 7, 8])
    np.testing.assert_array_equal(table.read(["b"])[:, 0], [1, 0, 0.5, 2.5])
    assert table.read(["b"]).dtype == np.float32 and table.read(["b", "a"]).dtype == np.float64


def test_a_column_that_a_part_lacks_is_missing_there_and_reported(tmp_path, caplog):
    one, two = tmp_path / "1.parquet", tmp_path / "2.parquet"
    pq.write_table(pa.table({"a": [1.0, 2.0], "b": [1.0, 2.0]}), one)
    pq.write_table(pa.table({"a": [3.0]}), two)
    table = describe(tmp_path, [one, two])
    np.testing.assert_array_equal(table.read(["b"])[:, 0], [1, 2, np.nan])
    facts = manifest(tmp_path)
    assert [part["absent"] for part in facts["parts"]] == [[], ["b"]]
    assert {c["name"]: c["absent_parts"] for c in facts["columns"]} == {"a": 0, "b": 1}
    assert "column b is missing in 1 of 2 parts" in caplog.text


def test_the_manifest_states_rows_bytes_hash_and_roles(tmp_path):
    parts = write_parts(
        tmp_path, {"a": [1.0, 2.0, 3.0], "y": [0, 1, 0], "p": [1, 2, 3], "f": [0, 0, 1]}, [2]
    )
    describe(tmp_path, parts, labels=["y"], protected=["p"], force_drop=["f"])
    facts = manifest(tmp_path)
    assert facts["rows"] == 3
    assert facts["roles"] == {"descriptor": 1, "force_drop": 1, "label": 1, "protected": 1}
    assert [part["rows"] for part in facts["parts"]] == [2, 1]
    assert [part["bytes"] for part in facts["parts"]] == [path.stat().st_size for path in parts]
    assert all(len(part["sha256"]) == 64 for part in facts["parts"])


def test_text_columns_may_be_metadata_labels_or_dropped(tmp_path):
    parts = write_parts(tmp_path, {"a": [1.0], "s": ["x"], "t": ["y"], "u": ["z"]})
    table = describe(tmp_path, parts, metadata=["s"], labels=["t"], force_drop=["u"])
    assert table.names == ["a"]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array(["1", "2"]), "string"),
        (pa.array([1, 2]).cast(pa.decimal128(20, 1)), "decimal128(20, 1)"),
        (pa.array([[1.0], [2.0]]), "list<element: double>"),
        (pa.array([1, 2], pa.timestamp("s")), "timestamp[ms]"),
        (pa.array(["1", "2"]).dictionary_encode(), "dictionary<values=string"),
    ],
)
def test_what_is_no_number_and_not_declared_is_named_with_its_type(tmp_path, column, kind):
    parts = write_parts(tmp_path, {"a": [1.0, 2.0], "odd": column})
    text = failure(tmp_path, parts)
    assert text.startswith(f"part {parts[0]}: no numbers in odd ({kind}")
    assert text.endswith("declare such columns as metadata, label, protected or force_drop")


def test_a_column_of_text_in_one_part_alone_is_named_with_the_part(tmp_path):
    one, two = tmp_path / "1.parquet", tmp_path / "2.parquet"
    pq.write_table(pa.table({"a": [1.0]}), one)
    pq.write_table(pa.table({"a": ["n/a"]}), two)
    assert failure(tmp_path, [one, two]).startswith(f"part {two}: no numbers in a (string);")


def test_an_empty_glob(tmp_path):
    assert failure(tmp_path, []).startswith("the table has no part;")


def test_a_part_that_is_named_twice(tmp_path):
    (part,) = write_parts(tmp_path, {"a": [1.0]})
    assert failure(tmp_path, [part, part]) == f"part {part} is named 2 times; name it once"


def test_duplicate_column_names(tmp_path):
    part = tmp_path / "1.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], ["a", "a"]), part)
    assert failure(tmp_path, [part]) == f"part {part} has 2 columns called a; give each its own"
    text = csv(tmp_path / "1.csv", "a,b,a\n1,2,3\n")
    assert failure(tmp_path, [text]) == f"part {text} has 2 columns called a; give each its own"


@pytest.mark.parametrize("kept", [0, 4, 300, -1])
def test_a_truncated_part(tmp_path, kept):
    good, cut = write_parts(tmp_path, {"a": np.arange(500.0)}, [250])
    cut.write_bytes(cut.read_bytes()[:kept])
    text = failure(tmp_path, [good, cut])
    assert text.startswith(f"part {cut} is damaged or no complete Parquet file (")


def test_a_computed_part_is_mended_by_a_command_and_a_given_one_by_its_owner(tmp_path):
    (given,) = write_parts(tmp_path, {"a": np.arange(500.0)})
    computed = tmp_path / "descriptors" / "computed" / "000.parquet"
    computed.parent.mkdir(parents=True)
    for part, remedy in ((given, "replace it"), (computed, f"snakemake --force {computed}")):
        part.write_bytes(b"PAR1")
        assert failure(tmp_path, [part]).endswith(remedy)
    computed.unlink()
    assert failure(tmp_path, [computed]).endswith(f"snakemake --force {computed}")


def test_a_part_that_is_missing_or_of_another_kind(tmp_path):
    for name in ("gone.parquet", "gone.csv"):
        text = failure(tmp_path, [tmp_path / name])
        assert text == f"part {tmp_path / name} is missing; put it back or correct the path"
    other = csv(tmp_path / "table.txt", "a\n1\n")
    assert failure(tmp_path, [other]).startswith(f"part {other} is neither .parquet, .csv")


def test_no_row(tmp_path):
    parts = write_parts(tmp_path, {"a": pa.array([], pa.float64())})
    assert failure(tmp_path, parts) == f"the table has no row: {parts[0]} are empty"


def test_an_empty_part_among_others_does_no_harm(tmp_path):
    parts = write_parts(tmp_path, {"a": [1.0, 2.0]}, [0])
    assert describe(tmp_path, parts).read(["a"]).tolist() == [[1], [2]]


def test_no_descriptor(tmp_path):
    parts = write_parts(tmp_path, {"a": [1.0], "b": [1.0]})
    text = failure(tmp_path, parts, labels=["*"])
    assert text == "none of the 2 columns is a descriptor; all are declared otherwise"


def test_a_pattern_that_matches_nothing(tmp_path):
    parts = write_parts(tmp_path, {"molwt": [1.0], "b": [1.0]})
    text = failure(tmp_path, parts, ConfigError, labels=["mol_wt"])
    assert text.startswith("label: mol_wt matches no column; did you mean molwt? ")


def test_a_row_index_of_pandas_is_no_descriptor(tmp_path, caplog):
    parts = write_parts(tmp_path, {"a": [1.0], "__index_level_0__": [5]})
    assert describe(tmp_path, parts).names == ["a"]
    assert "row index of pandas, taken as metadata: __index_level_0__" in caplog.text
    saved = csv(tmp_path / "t.csv", ",a\n0,1\n")
    assert failure(tmp_path / "x", [saved]).startswith(f"part {saved}: column 1 has no name")


def test_types_of_a_csv_part_are_settled_over_the_whole_part(tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.descriptors.csv_parts._BLOCK_BYTES", 200)
    lines = [f"m{n},{n},{'True' if n % 2 else 'false'},{n},," for n in range(100)]
    lines += ["m-last,1e3,true, 2.5 ,NA,-1.5"]
    part = csv(tmp_path / "t.csv", "\ufeffid,late,flag,float,empty,one\n" + "\n".join(lines) + "\n")
    table = describe(tmp_path, [part], metadata=["id"])
    types = {column["name"]: column["types"] for column in manifest(tmp_path)["columns"]}
    assert types == {
        "id": ["string"], "late": ["double"], "flag": ["bool"], "float": ["double"],
        "empty": ["double"], "one": ["double"],
    }  # fmt: skip
    values = table.read(["empty", "flag", "float", "late", "one"])
    np.testing.assert_array_equal(values[-1], [np.nan, 1, 2.5, 1000, -1.5])
    np.testing.assert_array_equal(values[3], [np.nan, 1, 3, 3, np.nan])


def test_csv_and_parquet_of_the_same_rows_are_the_same_table(tmp_path):
    columns = {"a": [1, 2, None, 4], "b": [0.1, None, 1e300, -2.0], "c": ["x", 'y,"', "", "z\nz"]}
    parquet = describe(tmp_path / "p", write_parts(tmp_path / "p", columns), metadata=["c"])
    text = 'c,b,a\nx,0.1,1\n"y,""",,2\n"",1e300,nan\n"z\nz",-2,4\n'
    for name in ("t.csv", "t.csv.gz"):
        folder = tmp_path / name
        folder.mkdir()
        data = text.encode()
        (folder / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
        table = describe(folder, [folder / name], metadata=["c"])
        np.testing.assert_array_equal(table.read(["a", "b"]), parquet.read(["a", "b"]))


def test_missing_and_infinite_values_in_csv(tmp_path):
    words = ["", "NA", "NaN", "nan", "null", "None", "inf", "-Infinity", "1e999", "#N/A", "3"]
    part = csv(tmp_path / "t.csv", "i,a\n" + "".join(f"{n},{w}\n" for n, w in enumerate(words)))
    values = describe(tmp_path, [part], metadata=["i"]).read(["a"])[:, 0]
    np.testing.assert_array_equal(values, [np.nan] * 10 + [3])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,b\n1,2\n3,4.5.6\n", "column b holds '4.5.6', which is no number; declare"),
        ("a,b\n1,true\n3,4\n", "column b holds 'true', which is no number; declare"),
        (
            "a,b\n1,2\n3\n",
            "is no readable CSV (CSV parse error: Row #3: Expected 2 columns, got 1: 3)",
        ),
        ("", "is no readable CSV (Empty CSV file)"),
    ],
)
def test_csv_that_cannot_be_used(tmp_path, text, found):
    part = csv(tmp_path / "t.csv", text)
    message = failure(tmp_path, [part])
    assert message.startswith(f"part {part}") and found in message


def test_computed_parts_of_unlike_columns_are_named_and_given_ones_may_lack_some(tmp_path):
    given = write_parts(tmp_path, {"a": np.arange(500.0), "b": np.arange(500.0)})
    folder = tmp_path / "descriptors" / "computed"
    folder.mkdir(parents=True)
    computed = [folder / f"{number:03d}.parquet" for number in range(len(given) + 1)]
    for source, target in zip(given, computed, strict=False):
        shutil.copy(source, target)
    pq.write_table(pa.table({"a": [1.0]}), computed[-1])
    message = failure(tmp_path, computed)
    assert message.endswith(f"snakemake --force {computed[-2]} {computed[-1]}")
    shutil.copy(computed[-1], tmp_path / "lacking.parquet")
    assert describe(tmp_path, [*given, tmp_path / "lacking.parquet"]).rows == 501


def test_csv_that_ends_within_quotes_loses_no_row_unseen(tmp_path):
    part = csv(tmp_path / "t.csv", 'a,name\n1,x\n2,"y\n3,z\n4,w\n')
    message = failure(tmp_path, [part], metadata=["name"])
    assert message.startswith(f"{part} ends within the cell 'y 3,z 4,w'")
    csv(part, 'a,name\n1,x\n2,"y\n3,z"\n4,w"\n')
    assert describe(tmp_path, [part], metadata=["name"]).read(["a"]).tolist() == [[1], [2], [4]]


def test_where_blocks_end_does_not_decide_what_fits(tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.descriptors.csv_parts._BLOCK_BYTES", 40)
    part = csv(tmp_path / "t.csv", "a\n" + "true\n" * 30 + "2\n" * 30)
    assert failure(tmp_path, [part]).startswith(f"part {part}: column a ")
    csv(part, "a\n" + "true\n" * 30 + "1\n" * 30)
    assert describe(tmp_path, [part]).read(["a"]).tolist() == [[1.0]] * 60


def test_csv_in_another_encoding_and_truncated_gzip(tmp_path):
    part = tmp_path / "t.csv"
    part.write_bytes("a,이름\n1,2\n".encode("cp949"))
    assert failure(tmp_path, [part]).startswith(f"part {part} is no readable CSV (")
    cut = tmp_path / "t.csv.gz"
    whole = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(9_999)))
    cut.write_bytes(whole[: len(whole) // 2])
    assert failure(tmp_path, [cut]).startswith(f"part {cut} is no readable CSV (")


def test_the_same_parts_in_another_order_give_the_same_manifest(tmp_path):
    parts = write_parts(tmp_path, {"a": np.arange(9.0)}, [3, 5])
    describe(tmp_path / "x", parts)
    describe(tmp_path / "y", parts[::-1])
    assert (tmp_path / "x/table.json").read_bytes() == (tmp_path / "y/table.json").read_bytes()
