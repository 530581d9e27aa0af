"""Descriptors of molecules: the packages' own values, by name, null where there is none."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rdkit import Chem
from rdkit.Chem import Descriptors

from scripts.common.errors import InputError
from scripts.common.tables import read_table, table_of_rows, write_table
from scripts.descriptors import compute_descriptors, isolated
from scripts.descriptors.descriptor_sets import descriptor_names, descriptor_values
from scripts.descriptors.isolated import Outcome
from scripts.descriptors.tables import DESCRIPTOR_REJECTS, MOLECULES

SMILES = ["CCO", "c1ccccc1O", "CC(=O)Nc1ccc(O)cc1", "[Na+].[Cl-]", "O=S(=O)(O)CCN1CCOCC1"]


def compute(folder: Path, **changes: object) -> Path:
    shards = folder / "shards"
    rows = [
        {"molecule_id": f"m{number}", "smiles": smiles, "inchikey": ""}
        for number, smiles in enumerate(SMILES)
    ]
    write_table(shards / "000.parquet", table_of_rows(rows, MOLECULES), MOLECULES)
    settings = {"descriptor_sets": ["rdkit"], "timeout_s": 60.0, **changes}
    compute_descriptors.run(
        shards,
        folder / "manifest.json",
        folder / "part.parquet",
        folder / "rejects.parquet",
        shard="000",
        **settings,  # type: ignore[arg-type]
    )
    return folder / "part.parquet"


def test_rows_hold_the_packages_own_values(tmp_path: Path) -> None:
    table = pq.read_table(compute(tmp_path)).to_pylist()
    assert [row["molecule_id"] for row in table] == ["m0", "m1", "m2", "m3", "m4"]
    for row, smiles in zip(table, SMILES, strict=True):
        molecule = Chem.MolFromSmiles(smiles)
        assert row["rdkit.MolWt"] == Descriptors.MolWt(molecule)  # type: ignore[attr-defined]
        assert row["rdkit.TPSA"] == Descriptors.TPSA(molecule)  # type: ignore[attr-defined]
    assert read_table(tmp_path / "rejects.parquet", DESCRIPTOR_REJECTS).num_rows == 0


def test_both_packages_agree_on_what_both_compute() -> None:
    names = descriptor_names(["rdkit", "mordred"])
    assert len(names) == len(set(names)) > 1800
    for smiles in SMILES[:3]:
        values = dict(zip(names, descriptor_values(smiles, ["rdkit", "mordred"]), strict=True))
        assert values["mordred.nHeavyAtom"] == values["rdkit.HeavyAtomCount"]
        assert values["mordred.TopoPSA(NO)"] == pytest.approx(values["rdkit.TPSA"])
        assert values["mordred.nHBDon"] == values["rdkit.NumHDonors"]
        assert values["mordred.MW"] == pytest.approx(values["rdkit.ExactMolWt"])


def test_what_cannot_be_computed_is_missing() -> None:
    names = descriptor_names(["mordred"])
    values = dict(zip(names, descriptor_values("[Na+].[Cl-]", ["mordred"]), strict=True))
    assert any(math.isnan(value) for value in values.values())
    assert values["mordred.nHeavyAtom"] == 2


def failing(names: set[str]) -> Callable[..., Iterator[Outcome[Any, Any]]]:
    """Stand in for worker processes that run out of time on some molecules."""

    def outcomes(function: Any, items: Any, **_: Any) -> Iterator[Outcome[Any, Any]]:
        for item in items:
            late = item[0] in names
            yield Outcome(item, None if late else function(item), "timeout" if late else None)

    return outcomes


def test_a_molecule_that_takes_too_long_is_listed_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolated, "map_isolated", failing({"m1", "m3"}))
    kept = pq.read_table(compute(tmp_path))["molecule_id"].to_pylist()
    assert kept == ["m0", "m2", "m4"]
    rejects = read_table(tmp_path / "rejects.parquet", DESCRIPTOR_REJECTS).to_pylist()
    assert [(row["molecule_id"], row["reason"]) for row in rejects] == [
        ("m1", "timeout"),
        ("m3", "timeout"),
    ]


def test_a_shard_without_any_descriptors_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolated, "map_isolated", failing({f"m{number}" for number in range(5)}))
    with pytest.raises(InputError, match="none of 5 molecules gave descriptors"):
        compute(tmp_path)
