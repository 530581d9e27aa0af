"""What a column is follows from its name or from a pattern, and never from its place."""

import pytest

from scripts.common.errors import ConfigError
from scripts.descriptors.eliminate_collinear import kept_places
from scripts.descriptors.representatives import preference_among
from scripts.descriptors.roles import kept_names, matching_names, roles_of

NAMES = ["smiles", "mol_id", "tox_ahr", "tox_er", "rdkit.MolWt", "mordred.SM1_Dz[Z]"]


def test_names_and_patterns_give_roles():
    declared = {
        "metadata": ["smiles", "*_id"],
        "label": ["tox_*"],
        "force_drop": ["mordred.SM1_Dz[Z]"],
    }
    assert roles_of(NAMES, declared) == {
        "smiles": "metadata",
        "mol_id": "metadata",
        "tox_ahr": "label",
        "tox_er": "label",
        "rdkit.MolWt": "descriptor",
        "mordred.SM1_Dz[Z]": "force_drop",
    }


def test_a_name_that_looks_like_a_pattern_means_itself():
    assert matching_names("a[b]", ["ab", "a[b]"], key="metadata") == ["a[b]"]
    assert matching_names("a[b]", ["ab", "a[c]"], key="metadata") == ["ab"]


def test_a_name_decides_before_a_pattern():
    declared = {"label": ["tox_*"], "protected": ["tox_er"]}
    roles = roles_of(NAMES, declared)
    assert roles["tox_er"] == "protected" and roles["tox_ahr"] == "label"


def test_case_counts():
    with pytest.raises(ConfigError, match="metadata: SMILES matches no column"):
        roles_of(NAMES, {"metadata": ["SMILES"]})


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("smile", "did you mean smiles? "),
        ("rdkit.MolWgt", "did you mean rdkit.MolWt? "),
        ("toxi_*", ""),
        ("zzzzzz", ""),
    ],
)
def test_what_matches_nothing_is_named_with_the_nearest_name(pattern, hint):
    with pytest.raises(ConfigError) as caught:
        roles_of(NAMES, {"label": [pattern]})
    assert str(caught.value).startswith(f"label: {pattern} matches no column; {hint}")
    assert str(caught.value).count("\n") == 0


@pytest.mark.parametrize("patterns", [("tox_*", "*_er"), ("tox_er", "tox_er")])
def test_a_column_has_one_role(patterns):
    declared = {"metadata": [patterns[0]], "label": [patterns[1]]}
    with pytest.raises(ConfigError) as caught:
        roles_of(NAMES, declared)
    assert str(caught.value) == (
        f"column tox_er is declared as metadata ({patterns[0]}) and label ({patterns[1]}); "
        "leave it in one of them"
    )


def test_every_pass_keeps_the_same_descriptors():
    names = ["a[b]", "ab", "ac"]
    for force_keep, kept in ((["a[b]"], {"a[b]"}), (["ab", "*c"], {"ab", "ac"}), ([], set())):
        assert kept_names(force_keep, names) == kept
        assert preference_among(names, force_keep=force_keep, prefer=[]).kept == kept
        assert {names[place] for place in kept_places(names, force_keep)} == kept
