"""A fitted selection on new tables: order, substitutes, types, and what is refused."""

import gzip
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.common.errors import ConfigError, InputError
from scripts.common.files import read_json
from scripts.descriptors.apply_selection import run
from scripts.descriptors.csv_parts import csv_types
from scripts.descriptors.lineage import Origin, trace
from scripts.descriptors.results_folder import ResultsFolder
from scripts.descriptors.selection import choose_columns
from scripts.descriptors.trace_clusters import create_cluster_structure
from tests.descriptors.reductions import EVENTS, ROLES, rho_by_hand, write_results
from tests.workflow.harness import ROOT

ALL = ["smiles", *"abcdefghi", "flat"]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fitted")
    write_results(folder, ROLES, EVENTS)
    create_cluster_structure(folder, verbose=False)
    return folder


def values(names: list[str], rows: int, start: int = 0) -> dict[str, Any]:
    """Row r of column number c holds 100 c + r, so that every value tells where it came from."""
    table: dict[str, Any] = {
        name: (100.0 * ALL.index(name) + np.arange(start, start + rows)) for name in names
    }
    if "smiles" in table:
        table["smiles"] = [f"C{row}" for row in range(start, start + rows)]
    return table


def write(path: Path, columns: Mapping[str, Any]) -> Path:
    pq.write_table(pa.table(dict(columns)), path)
    return path


class Applied:
    def __init__(self, folder: Path, fitted: Path, parts: list[Path], **options: Any) -> None:
        output, report = folder / "out" / "selected.parquet", folder / "out" / "selected.json"
        run(fitted, parts, output, report, **options)
        self.table = pq.read_table(output)
        self.bytes = output.read_bytes()
        self.report = read_json(report)

    def column(self, survivor: str) -> dict[str, Any]:
        (found,) = [c for c in self.report["columns"] if c["survivor"] == survivor]
        return found


def test_columns_stand_in_the_order_of_the_selection_with_all_rows(tmp_path: Path, fitted: Path):
    parts = [
        write(tmp_path / "2.parquet", values(["i", "h", "a", "smiles", "flat"], 5, start=10)),
        write(tmp_path / "1.parquet", values(["smiles", "b", "a", "h", "i"], 10)),
    ]
    applied = Applied(tmp_path, fitted, parts)
    assert applied.table.column_names == ["smiles", "a", "h", "i"]
    assert applied.table["a"].to_pylist() == [100.0 + row for row in range(15)]
    assert applied.table["smiles"].to_pylist() == [f"C{row}" for row in range(15)]
    assert applied.report["rows"] == 15
    assert applied.report["left_out"] == {"alternative": ["b"], "reject": ["flat"]}
    assert not any(column["substituted"] for column in applied.report["columns"])


def test_a_missing_survivor_is_replaced_by_its_nearest_alternative(tmp_path: Path, fitted: Path):
    part = write(tmp_path / "new.parquet", values(["smiles", "g", "c", "e", "d", "i"], 4))
    applied = Applied(tmp_path, fitted, [part])
    assert applied.table.column_names == ["smiles", "c", "e", "i"]
    assert applied.table["c"].to_pylist() == [300.0, 301.0, 302.0, 303.0]
    taken = applied.column("a")
    assert (taken["column"], taken["substituted"], taken["similarity"]) == ("c", True, 0.97)
    # Of d only the last link of its chain is known, 0.93; that e is 0.55 from h was measured.
    taken = applied.column("h")
    assert (taken["column"], taken["measure"], taken["weak"]) == ("e", "spearman", True)


def test_the_rule_for_substitutes():
    origins = [
        Origin("s", "survivor", survivor="s", similarity=1.0),
        *(
            Origin(name, "alternative", "s", 2, ("s",), value, "spearman", weak=False)
            for name, value in (("m", None), ("k", 0.8), ("j", 0.8), ("l", 0.7))
        ),
        Origin("n", "alternative", "s", 2, ("r", "s"), 0.9, "last vif", weak=False),
    ]

    def taken(*available: str, at_least: float = 0.0) -> str | None:
        (choice,) = choose_columns(["s"], origins, available, min_similarity=at_least)
        return choice.column

    assert taken("s", "j") == "s"
    assert taken("k", "j", "l", "m", "n") == "j"
    assert taken("l", "m") == "l"
    assert taken("m", "n") == "n"
    assert taken("n", at_least=0.1) is None
    assert taken("m") == "m"
    assert taken("m", at_least=0.1) is None
    assert taken("l", at_least=0.75) is None
    assert taken() is None


@pytest.mark.parametrize(
    ("measure", "weak"),
    [("spearman", False), ("nhsic", False), ("rdc", True), ("fusion", True), ("last rdc", True)],
)
def test_a_substitute_that_may_say_little_of_the_survivor_is_weak(measure: str, weak: bool):
    """The survivor x stands for x², by an RDC of 1; x² knows nothing of the sign of x."""
    origins = [
        Origin("x", "survivor", survivor="x", similarity=1.0),
        Origin("x²", "alternative", "x", 4, ("x",), 1.0, measure, weak=False),
    ]
    (choice,) = choose_columns(["x"], origins, ["x²"])
    assert (choice.column, choice.weak) == ("x²", weak)


def test_what_has_no_substitute_is_an_error_or_a_column_of_nulls(tmp_path: Path, fitted: Path):
    part = write(tmp_path / "new.parquet", values(["a", "d"], 3))
    with pytest.raises(InputError, match="lacks i, and every alternative"):
        Applied(tmp_path, fitted, [part])
    with pytest.raises(InputError, match="lacks h, i, and every"):
        Applied(tmp_path, fitted, [part], min_similarity=0.95)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    applied = Applied(tmp_path, fitted, [part], without_substitute="null")
    assert applied.table["i"].null_count == 3
    assert (applied.column("i")["column"], applied.column("i")["missing"]) == (None, 3)


def test_a_column_that_one_part_lacks_is_missing_there_and_reported(tmp_path: Path, fitted: Path):
    whole = write(tmp_path / "1.parquet", values(["smiles", "a", "h", "i"], 3))
    lacking = write(tmp_path / "2.parquet", values(["a", "b", "i", "f"], 2, start=3))
    applied = Applied(tmp_path, fitted, [whole, lacking])
    assert applied.table["h"].to_pylist() == [800.0, 801.0, 802.0, None, None]
    assert applied.column("h")["absent_in"] == [str(lacking)]
    assert applied.column("h")["missing"] == 2
    assert applied.table["smiles"].to_pylist() == ["C0", "C1", "C2", None, None]


def test_missing_values_and_infinities_are_null_and_counted(tmp_path: Path, fitted: Path):
    columns = values(["a", "h", "i"], 5)
    columns["a"] = [1.0, None, float("nan"), float("inf"), float("-inf")]
    applied = Applied(tmp_path, fitted, [write(tmp_path / "new.parquet", columns)])
    assert applied.table["a"].to_pylist() == [1.0, None, None, None, None]
    assert (applied.column("a")["missing"], applied.column("a")["infinite"]) == (4, 2)


def test_types_float32_only_where_all_parts_are_and_numbers_of_all_kinds(
    tmp_path: Path, fitted: Path
):
    single = {"a": pa.array([1, 2], pa.float32()), "h": pa.array([True, False])}
    double = {"a": pa.array([1, 2], pa.float32()), "h": pa.array([7, 2**60 + 1])}
    parts = [
        write(tmp_path / "1.parquet", {**single, "i": pa.array([1, 2], pa.float32())}),
        write(tmp_path / "2.parquet", {**double, "i": pa.array([1.1, None])}),
    ]
    schema = Applied(tmp_path, fitted, parts).table
    assert [schema.schema.field(name).type for name in "ahi"] == [
        *(pa.float32(), pa.float64(), pa.float64())
    ]
    assert schema["h"].to_pylist() == [1.0, 0.0, 7.0, float(2**60)]
    assert schema["i"].to_pylist() == [1.0, 2.0, 1.1, None]


def test_csv_parts_give_the_same_as_parquet(tmp_path: Path, fitted: Path):
    text = tmp_path / "1.csv"
    # The first number with a point comes late, and missing values have several spellings.
    text.write_text(
        '\ufeffi,smiles,a,h\n1,"C,1",2,true\n , C2 ,nan,False\nNA,C3,2.5e3,inf\n',
        encoding="utf-8",
    )
    other = write(tmp_path / "2.parquet", values(["smiles", "a", "h", "i"], 1))
    table = Applied(tmp_path, fitted, [text, other]).table
    assert table["i"].to_pylist() == [1.0, None, None, 900.0]
    assert table["a"].to_pylist() == [2.0, None, 2500.0, 100.0]
    assert table["h"].to_pylist() == [1.0, 0.0, None, 800.0]
    assert table["smiles"].to_pylist() == ["C,1", " C2 ", "C3", "C0"]


def test_csv_is_read_as_the_reduction_reads_it(tmp_path: Path, fitted: Path):
    """Packed, with line ends in quotes, and with every spelling of a missing number."""
    missing = ("", "NA", "NaN", "-nan", "null", "None", "N/A", "#N/A", "#NA", "<NA>", "1.#QNAN")
    text = "i,smiles,a,h\n" + "".join(f'1,"C\n{n}",{word},2\n' for n, word in enumerate(missing))
    packed = tmp_path / "1.csv.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert csv_types(packed, {"a", "h"}) == {"a": pa.float64(), "h": pa.int64()}
    table = Applied(tmp_path, fitted, [packed]).table
    assert table["a"].to_pylist() == [None] * len(missing)
    assert table["h"].to_pylist() == [2.0] * len(missing)
    assert table["smiles"].to_pylist() == [f"C\n{n}" for n in range(len(missing))]


@pytest.mark.parametrize("batch_rows", [1, 7, 10_000])
def test_batches_do_not_change_the_bytes(tmp_path: Path, fitted: Path, batch_rows: int):
    parts = [
        write(tmp_path / f"{number}.parquet", values(["smiles", "a", "h", "i"], 40, 40 * number))
        for number in range(3)
    ]
    usual = Applied(tmp_path / "usual", fitted, parts)
    assert Applied(tmp_path / "other", fitted, parts, batch_rows=batch_rows).bytes == usual.bytes


def test_what_is_carried_can_be_named(tmp_path: Path, fitted: Path):
    part = write(tmp_path / "new.parquet", {**values(["a", "h", "i", "smiles"], 2), "no": [1, 2]})
    applied = Applied(tmp_path, fitted, [part], carry=("no",))
    assert applied.table.column_names == ["no", "a", "h", "i"]
    assert applied.report["left_out"] == {"metadata": ["smiles"]}
    assert Applied(tmp_path, fitted, [part]).report["left_out"] == {"unknown": ["no"]}
    with pytest.raises(InputError, match="no part has a column nix"):
        Applied(tmp_path, fitted, [part], carry=("nix",))
    with pytest.raises(InputError, match="a belongs to the selection"):
        Applied(tmp_path, fitted, [part], carry=("a",))


def test_a_prefix_of_another_name_is_read_alone(tmp_path: Path, fitted: Path):
    part = write(tmp_path / "n.parquet", {**values(["a", "h", "i"], 2), "a.b": [5.0, 6.0]})
    assert Applied(tmp_path, fitted, [part]).table["a"].to_pylist() == [100.0, 101.0]


def test_bad_parts_are_refused_by_name(tmp_path: Path, fitted: Path):
    good = write(tmp_path / "good.parquet", values(["a", "h", "i"], 3))
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(good.read_bytes()[:-20])
    twice = tmp_path / "twice.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1.0])] * 2, names=["a", "a"]), twice)
    words = write(tmp_path / "words.parquet", {**values(["h", "i"], 1), "a": ["much"]})
    ragged = tmp_path / "ragged.csv"
    ragged.write_text("a,h,i\n1,2,3\n1,2\n")
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    strange = write(tmp_path / "strange.parquet", {"other": [1.0]})
    for path, complaint in (
        (cut, "cut.parquet is not a complete Parquet file"),
        (twice, "twice.parquet has 2 columns called 'a'"),
        (words, "words.parquet: column a holds values that are no numbers"),
        (ragged, "ragged.csv is no readable CSV"),
        (empty, "empty.csv is no readable CSV (Empty CSV file)"),
        (strange, "strange.parquet has none of the columns"),
        (tmp_path / "nowhere.parquet", "nowhere.parquet is no file"),
    ):
        with pytest.raises(InputError) as error:
            Applied(tmp_path, fitted, [good, path])
        assert complaint in str(error.value)
        assert "\n" not in str(error.value)
        assert not list(tmp_path.glob("out/*"))


def test_nonsense_is_refused(tmp_path: Path, fitted: Path):
    good = write(tmp_path / "good.parquet", values(["a", "h", "i"], 3))
    report = tmp_path / "r.json"
    with pytest.raises(ConfigError, match="no file is given"):
        run(fitted, [], tmp_path / "o.parquet", report)
    with pytest.raises(ConfigError, match="given twice"):
        run(fitted, [good, good], tmp_path / "o.parquet", report)
    with pytest.raises(ConfigError, match="is a part of the new table"):
        run(fitted, [good], good, report)
    with pytest.raises(ConfigError, match="batch_rows 0"):
        run(fitted, [good], tmp_path / "o.parquet", report, batch_rows=0)


def test_selection_and_lineage_of_two_reductions_are_refused():
    origins = trace(ROLES, EVENTS, rho_by_hand)
    with pytest.raises(InputError, match="differ in b"):
        choose_columns(["a", "b", "h", "i"], origins, ["a"])


def test_a_folder_without_a_selection_is_refused(tmp_path: Path):
    good = write(tmp_path / "good.parquet", values(["a", "h", "i"], 3))
    with pytest.raises(InputError, match=r"lacks final_descriptors\.txt"):
        run(tmp_path, [good], tmp_path / "o.parquet", tmp_path / "r.json")
    assert ResultsFolder(tmp_path).folder == tmp_path


def test_it_is_a_program_of_its_own(tmp_path: Path, fitted: Path):
    part = write(tmp_path / "new.parquet", values(["smiles", "a", "h"], 3))
    output, report = tmp_path / "o.parquet", tmp_path / "r.json"
    command = [sys.executable, "-m", "scripts.descriptors.apply_selection", "--selection"]
    command += [str(fitted), "--parts", str(part), "--output", str(output), "--report", str(report)]

    def called(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *more], cwd=ROOT, capture_output=True, text=True, check=False
        )

    failed = called()
    assert failed.returncode == 1
    assert "lacks i, and every alternative" in failed.stderr
    assert "Traceback" not in failed.stderr
    done = called("--without-substitute", "null", "--carry", "smiles")
    assert done.returncode == 0, done.stderr
    assert "i: no substitute, a column of nulls" in done.stderr
    assert pq.read_table(output).column_names == ["smiles", "a", "h", "i"]
