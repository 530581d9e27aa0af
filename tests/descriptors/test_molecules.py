"""Molecules: read from files, standardised, each once, each input row with its fate."""

import csv
import gzip
import os
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rdkit import Chem

from scripts.common.errors import ConfigError, DownloadError, InputError
from scripts.common.files import read_json
from scripts.common.tables import read_table
from scripts.descriptors import enumerate_library, fetch_inputs, shard_molecules
from scripts.descriptors.isolated import map_isolated
from scripts.descriptors.library import SCAFFOLDS, SUBSTITUENTS
from scripts.descriptors.library import molecules as library_molecules
from scripts.descriptors.molecules import Standard, UnusableError, read_molecule
from scripts.descriptors.smiles_files import SmilesRow, read_smiles
from scripts.descriptors.tables import LIBRARY, MOLECULE_ROWS, MOLECULES
from tests.common.loopback import Answer, serve

# Aspirin twice in other words, its sodium salt, ethanol, what no molecule is, and an empty cell.
ROWS = [
    ("a", "CC(=O)Oc1ccccc1C(=O)O"),
    ("b", "OC(=O)c1ccccc1OC(C)=O"),
    ("c", "CC(=O)Oc1ccccc1C(=O)[O-].[Na+]"),
    ("d", "CCO"),
    ("e", "C1CC"),
    ("f", ""),
    ("g", "c1ccccc1C"),
    ("h", "[Na+].[Cl-]"),
]


def write_csv(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("name", "smiles"), *rows])
    return path


def shard(folder: Path, inputs: list[Path], **changes: object) -> None:
    settings = {
        "smiles_field": "smiles",
        "id_field": "name",
        "largest_fragment": True,
        "neutralize": True,
        "merge_by": "inchikey",
        "shards": 2,
        "tmpdir": folder,
        **changes,
    }
    shard_molecules.run(
        inputs,
        folder / "shards",
        folder / "manifest.json",
        folder / "rows.parquet",
        **settings,  # type: ignore[arg-type]
    )


def shards_of(folder: Path) -> list[dict[str, str]]:
    paths = sorted((folder / "shards").iterdir())
    return [row for path in paths for row in read_table(path, MOLECULES).to_pylist()]


def fates_of(folder: Path) -> dict[str, tuple[str, str | None, str | None]]:
    rows = read_table(folder / "rows.parquet", MOLECULE_ROWS).to_pylist()
    return {row["given_id"]: (row["fate"], row["reason"], row["molecule_id"]) for row in rows}


def test_every_row_has_one_fate(tmp_path: Path) -> None:
    shard(tmp_path, [write_csv(tmp_path / "in.csv", ROWS)])
    assert fates_of(tmp_path) == {
        "a": ("kept", None, "a"),
        "b": ("duplicate", None, "a"),
        "c": ("duplicate", None, "a"),
        "d": ("kept", None, "d"),
        "e": ("rejected", "unparsable", None),
        "f": ("rejected", "no_smiles", None),
        "g": ("kept", None, "g"),
        "h": ("kept", None, "h"),
    }
    assert [row["molecule_id"] for row in shards_of(tmp_path)] == ["a", "d", "g", "h"]
    manifest = read_json(tmp_path / "manifest.json")
    assert manifest["molecules"] == 4
    assert manifest["fates"] == {
        "duplicate": 2,
        "kept": 4,
        "rejected: no_smiles": 1,
        "rejected: unparsable": 1,
    }


@pytest.mark.parametrize(
    ("merge_by", "standardised", "kept"),
    [
        ("smiles", True, ["a", "d", "g", "h"]),
        ("smiles", False, ["a", "c", "d", "g", "h"]),
        ("inchikey", False, ["a", "c", "d", "g", "h"]),
        ("none", True, ["a", "b", "c", "d", "g", "h"]),
    ],
)
def test_what_makes_molecules_equal(
    tmp_path: Path, merge_by: str, standardised: bool, kept: list[str]
) -> None:
    shard(
        tmp_path,
        [write_csv(tmp_path / "in.csv", ROWS)],
        merge_by=merge_by,
        largest_fragment=standardised,
        neutralize=standardised,
    )
    assert [row["molecule_id"] for row in shards_of(tmp_path)] == kept


def test_molecules_do_not_depend_on_workers_or_batches(tmp_path: Path) -> None:
    smiles = [smiles for smiles, _ in zip(library_molecules(), range(80), strict=False)]
    path = tmp_path / "in.parquet"
    names = [f"m{number}" for number in range(len(smiles))]
    pq.write_table(pa.table({"name": names, "smiles": smiles}), path)
    for name, threads, batch_rows in (("one", 1, 7), ("two", 2, 1000)):
        (tmp_path / name).mkdir()
        shard(tmp_path / name, [path], threads=threads, batch_rows=batch_rows, shards=3)
    for file in ("shards/000.parquet", "shards/002.parquet", "rows.parquet", "manifest.json"):
        one, two = ((tmp_path / name / file).read_bytes() for name in ("one", "two"))
        assert one == two


def test_without_ids_molecules_are_named_after_file_and_row(tmp_path: Path) -> None:
    first = write_csv(tmp_path / "first.csv", ROWS[:2])
    second = write_csv(tmp_path / "second.csv", ROWS[3:5])
    shard(tmp_path, [first, second], id_field=None)
    assert [row["molecule_id"] for row in shards_of(tmp_path)] == ["first.csv:0", "second.csv:0"]


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        (ROWS, {"smiles_field": "smile"}, "did you mean smiles"),
        (ROWS, {"shards": 9}, "4 molecules, fewer than descriptors.molecules.shards = 9"),
        (ROWS[4:6], {}, "none of 2 rows of in.csv gives a molecule"),
        ([("a", "CCO"), ("a", "CCN")], {}, "2 different molecules have the id 'a'"),
    ],
)
def test_unusable_input_is_one_clear_error(
    tmp_path: Path, rows: list[tuple[str, str]], changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        shard(tmp_path, [write_csv(tmp_path / "in.csv", rows)], **changes)


def test_truncated_and_unknown_files_are_named(tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    pq.write_table(pa.table({"smiles": ["CCO"] * 1000}), whole)
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(whole.read_bytes()[:-20])
    for path in (broken, tmp_path / "table.xlsx"):
        with pytest.raises(InputError, match=path.name):
            list(read_smiles(path, smiles_field="smiles", id_field=None, batch_rows=10))


@pytest.mark.parametrize("name", ["in.smi", "in.smi.gz"])
def test_a_byte_order_mark_is_no_part_of_a_smiles(tmp_path: Path, name: str) -> None:
    data = "\ufeffCCO ethanol\nC\n".encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    rows = list(read_smiles(tmp_path / name, smiles_field="", id_field=None, batch_rows=10))
    assert [row.smiles for row in rows] == ["CCO", "C"]


def test_smi_lines_hold_a_molecule_and_a_name(tmp_path: Path) -> None:
    path = tmp_path / "in.smi"
    path.write_text("CCO ethanol\nCC\tethane two\n\nC\n", encoding="utf-8")
    rows = list(read_smiles(path, smiles_field="", id_field=None, batch_rows=10))
    assert [(row.row, row.smiles, row.given_id) for row in rows] == [
        (0, "CCO", "ethanol"),
        (1, "CC", "ethane two"),
        (2, None, None),
        (3, "C", None),
    ]


def test_standardised_smiles_stand_for_the_neutral_largest_fragment() -> None:
    standard = Standard(largest_fragment=True, neutralize=True)
    molecule = read_molecule("[Na+].[O-]C(=O)c1ccccc1", standard)
    assert molecule.smiles == Chem.CanonSmiles("OC(=O)c1ccccc1")
    with pytest.raises(UnusableError, match="unparsable"):
        read_molecule("c1ccc", standard)


def test_library_is_what_it_says(tmp_path: Path) -> None:
    for name in ("one", "two"):
        enumerate_library.run(tmp_path / name, molecules=50, seed=1)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    chosen = read_table(tmp_path / "one", LIBRARY)["smiles"].to_pylist()
    assert len({Chem.CanonSmiles(smiles) for smiles in chosen}) == 50
    with pytest.raises(ConfigError, match="at most"):
        enumerate_library.run(tmp_path / "three", molecules=10**6, seed=1)


def test_library_holds_each_molecule_once_with_one_fragment() -> None:
    every = list(library_molecules())
    assert max(Counter(every).values()) == 1
    assert len(every) <= len(SCAFFOLDS) * len(SUBSTITUENTS) ** 2
    assert not any("." in smiles or "*" in smiles for smiles in every)


def double(number: int) -> int:
    if number == 3:
        time.sleep(60)
    if number == 5:
        os._exit(1)
    return 2 * number


def nothing() -> None:
    """Prepare nothing."""


def test_a_call_that_hangs_or_crashes_costs_itself_only() -> None:
    outcomes = list(map_isolated(double, range(8), workers=2, timeout_s=4, prepare=nothing))
    assert [outcome.item for outcome in outcomes] == list(range(8))
    assert {outcome.item: outcome.failure for outcome in outcomes if outcome.failure} == {
        3: "timeout",
        5: "crashed",
    }
    assert [outcome.answer for outcome in outcomes if not outcome.failure] == [0, 2, 4, 8, 12, 14]


def test_packed_and_tabbed_text_gives_the_same_rows(tmp_path: Path) -> None:
    text = "chembl_id\tcanonical_smiles\nCHEMBL1\tCCO\nCHEMBL2\tc1ccccc1\n"
    names = ("a.txt", "b.tsv", "a.txt.gz", "b.TSV.GZ")
    for name in names:
        packed = name.lower().endswith(".gz")
        data = text.encode("utf-8")
        (tmp_path / name).write_bytes(gzip.compress(data) if packed else data)
        rows = list(
            read_smiles(
                tmp_path / name,
                smiles_field="canonical_smiles",
                id_field="chembl_id",
                batch_rows=10,
            )
        )
        assert [(row.row, row.given_id, row.smiles) for row in rows] == [
            (0, "CHEMBL1", "CCO"),
            (1, "CHEMBL2", "c1ccccc1"),
        ], name
    lines = tmp_path / "c.smi.gz"
    lines.write_bytes(gzip.compress(b"CCO ethanol\n"))
    (row,) = read_smiles(lines, smiles_field="", id_field=None, batch_rows=10)
    assert (row.smiles, row.given_id) == ("CCO", "ethanol")


@pytest.mark.parametrize("name", ["cut.txt.gz", "cut.smi.gz"])
def test_a_packed_file_that_breaks_off_is_named(tmp_path: Path, name: str) -> None:
    lines = "".join(f"CHEMBL{number}\tC{'C' * (number % 17)}\n" for number in range(20_000))
    whole = gzip.compress(("chembl_id\tsmiles\n" + lines).encode())
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=f"{name}.*not readable"):
        list(
            read_smiles(tmp_path / name, smiles_field="smiles", id_field="chembl_id", batch_rows=10)
        )


def test_molecules_are_fetched_and_a_wrong_digest_refused(tmp_path: Path) -> None:
    body = b"smiles\nCCO\n"
    with serve(lambda request: Answer(body=body)) as server:
        address = f"{server.url}/molecules.csv"
        fetch_inputs.run(tmp_path / "molecules.csv", address=address, sha256=None)
        assert (tmp_path / "molecules.csv").read_bytes() == body
        with pytest.raises(DownloadError, match="sha256"):
            fetch_inputs.run(tmp_path / "other.csv", address=address, sha256="0" * 64)
    assert not (tmp_path / "other.csv").exists()


@pytest.mark.parametrize("fields", [("smiles", None), ("smiles", "name")])
@pytest.mark.parametrize(("suffix", "separator"), [(".csv", ","), (".tsv", "\t"), (".txt", "\t")])
def test_a_quotation_mark_that_is_never_closed_is_named(
    tmp_path: Path, fields: tuple[str, str | None], suffix: str, separator: str
) -> None:
    """Else the molecules behind it would be part of one cell."""
    path = tmp_path / f"in{suffix}"

    def read() -> list[SmilesRow]:
        return list(read_smiles(path, smiles_field=fields[0], id_field=fields[1], batch_rows=9))

    path.write_text('smiles,name\nCCO,a\nCCN,"b\nCCC,c\nCCCC,d\n'.replace(",", separator))
    with pytest.raises(InputError, match=r"in\.\w+ ends within the cell 'b CCC.c CCCC.d'"):
        read()
    path.write_text('smiles,name\nCCO,a\nCCN,"b"\nCCC,5"\n'.replace(",", separator))
    assert [row.smiles for row in read()] == ["CCO", "CCN", "CCC"]
