"""Substitutes: ranking by hand, what became of the asked one, and misspelt names."""

from pathlib import Path

import numpy as np
import pytest

from scripts.common.errors import InputError
from scripts.descriptors.find_substitutes import read_substitutes, run
from scripts.descriptors.lineage import Origin, trace
from scripts.descriptors.matrices import write_matrices
from scripts.descriptors.measured_similarity import MeasuredSimilarity
from scripts.descriptors.results_folder import ResultsFolder
from scripts.descriptors.substitutes import find_substitutes_for, nearest_names
from scripts.descriptors.trace_clusters import create_cluster_structure
from tests.descriptors.reductions import EVENTS, ROLES, rho_by_hand, write_results


@pytest.fixture
def results(tmp_path: Path) -> ResultsFolder:
    results = write_results(tmp_path, ROLES, EVENTS)
    create_cluster_structure(tmp_path, verbose=False)
    return results


def origins() -> list[Origin]:
    return trace(ROLES, EVENTS, rho_by_hand)


def test_a_survivor_is_replaced_by_its_alternatives_then_by_other_survivors(
    results: ResultsFolder,
):
    found = read_substitutes(results.folder, "a")
    assert [(s.name, s.in_cluster, s.similarity) for s in found] == [
        ("b", True, 0.99),
        ("c", True, 0.97),
        ("g", True, 0.8),
        ("i", False, 0.4),
        ("h", False, 0.3),
    ]
    assert found[3].measure == "spearman"


def test_an_alternative_is_replaced_by_its_survivor_or_by_members_that_are_nearer(
    results: ResultsFolder,
):
    found = read_substitutes(results.folder, "c")
    # a by the lineage, g by the matrix, b was never measured against c.
    assert [(s.name, s.similarity) for s in found if s.in_cluster] == [
        ("a", 0.97),
        ("g", 0.75),
        ("b", None),
    ]
    assert {s.name for s in found if not s.in_cluster} == {"h", "i"}
    assert found[0].survives and not found[1].survives


def test_what_is_unavailable_is_left_out(results: ResultsFolder):
    found = read_substitutes(results.folder, "a", unavailable=("b", "i"))
    assert [s.name for s in found] == ["c", "g", "h"]
    with pytest.raises(InputError, match="no column is called nix"):
        read_substitutes(results.folder, "a", unavailable=("nix",))


def test_a_nonlinear_relation_counts_where_it_is_the_closer_one(results: ResultsFolder):
    names = ["a", "f", "h", "i"]
    hsic, rdc = np.full((2, 4, 4), np.nan)
    rdc[1, 2] = rdc[2, 1] = 0.93
    rdc[0, 2] = rdc[2, 0] = 0.2
    hsic[1, 2] = hsic[2, 1] = 0.4
    write_matrices(results.dependence, names, {"hsic": hsic, "rdc": rdc}, {})
    by_name = {s.name: s for s in read_substitutes(results.folder, "h")}
    assert (by_name["f"].similarity, by_name["f"].measure) == (0.93, "rdc")
    assert by_name["f"].measured == {"rdc": 0.93, "nhsic": 0.4}
    assert (by_name["a"].similarity, by_name["a"].measure) == (0.3, "spearman")


def test_ties_go_by_name():
    rho = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.0], [-0.9, 0.0, 1.0]])
    measured = MeasuredSimilarity(["x", "z", "y"], {"spearman": rho})
    lineage = [Origin(name, "survivor", survivor=name) for name in "xyz"]
    found = find_substitutes_for("x", lineage, [measured])
    assert [(s.name, s.similarity) for s in found] == [("y", 0.9), ("z", 0.9)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("flat", r"flat was rejected by pass 1 \(scaled_variance\)"),
        ("smiles", "smiles is a column of role metadata"),
        ("toxik", "no column is called toxik; nearest: toxic"),
    ],
)
def test_what_was_not_reduced_is_explained(results: ResultsFolder, name: str, message: str):
    with pytest.raises(InputError, match=message):
        read_substitutes(results.folder, name)


def test_a_misspelt_name_gets_the_nearest_ones():
    names = ["rdkit.MolWt", "rdkit.ExactMolWt", "mordred.MW", "rdkit.TPSA", "mordred.MWC01"]
    assert nearest_names("MolWt", names)[0] == "rdkit.MolWt"
    assert nearest_names("rdkit.molwt", names)[0] == "rdkit.MolWt"
    assert nearest_names("rdkit.MolWeight", names)[0] == "rdkit.MolWt"
    assert nearest_names("MW", names)[0] == "mordred.MW"
    assert nearest_names("rdkit.TSPA", names)[0] == "rdkit.TPSA"
    assert nearest_names("qqqqqq", names) == []
    assert len(nearest_names("rdkit.Mol", names, most=2)) <= 2


def test_the_program_prints_both_groups(results: ResultsFolder, capsys: pytest.CaptureFixture[str]):
    run(results.folder, "a", most=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "in the cluster of a: 3"
    assert lines[1].split() == [
        *("descriptor", "is", "similarity", "measure", "spearman", "rdc", "nhsic")
    ]
    assert lines[2].split() == ["b", "alternative", "0.990", "spearman", "-", "-", "-"]
    assert "and 1 more" in lines[4]
    assert lines[5] == "among the other survivors: 2"
    assert lines[7].split() == ["i", "survivor", "0.400", "spearman", "0.400", "-", "-"]
