"""Lineage and clusters of a reduction by hand, and the invariants over random ones."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scripts.common.errors import IntegrityError
from scripts.descriptors.events import Event
from scripts.descriptors.invariants import Traced, verify
from scripts.descriptors.lineage import (
    ALTERNATIVE,
    Origin,
    read_lineage,
    trace,
    write_lineage,
)
from tests.descriptors.reductions import (
    EVENTS,
    ROLES,
    SLOW_MACHINE,
    reductions,
    rho_by_hand,
    traced_of,
)


def by_hand() -> Traced:
    return traced_of(ROLES, EVENTS, rho_by_hand)


def test_the_lineage_by_hand():
    origins = {origin.name: origin for origin in by_hand().origins}
    assert list(origins) == sorted(ROLES)
    assert origins["a"] == Origin("a", "survivor", survivor="a", similarity=1.0, weak=False)
    assert origins["b"] == Origin("b", "alternative", "a", 2, ("a",), 0.99, "spearman", weak=False)
    # e goes to d, d weakly to f, f to h; |ρ| of e and h was measured.
    assert origins["e"] == Origin(
        "e", "alternative", "h", 2, ("d", "f", "h"), 0.55, "spearman", weak=True
    )
    # That of d and h was not: the last event of the chain stands.
    assert origins["d"] == Origin(
        "d", "alternative", "h", 3, ("f", "h"), 0.93, "last rdc", weak=True
    )
    assert origins["f"] == Origin("f", "alternative", "h", 4, ("h",), 0.93, "rdc", weak=False)
    assert (origins["g"].similarity, origins["g"].measure) == (0.8, "correlation")
    assert origins["flat"] == Origin("flat", "reject", pass_number=1, reason="scaled_variance")
    assert origins["unwanted"].reason == "force_drop"
    for name in ("smiles", "toxic", "kept"):
        assert origins[name] == Origin(name, ROLES[name])


def test_the_clusters_by_hand_have_the_fields_that_people_read():
    structure = json.loads(json.dumps(by_hand().structure))
    assert structure["metadata"] == {
        "description": structure["metadata"]["description"],
        "total_descriptors": 3,
        "descriptors_with_alternatives": 2,
        "standalone_descriptors": 1,
        "total_alternative_descriptors": 6,
        "versions": {"python": "3"},
        "hashes": {"code": "0"},
    }
    assert structure["statistics"] == {
        "cluster_size_mean": 3.0,
        "cluster_size_median": 4,
        "cluster_size_min": 1,
        "cluster_size_max": 4,
        "cluster_size_std": pytest.approx(2**0.5),
        "size_distribution": {"1": 1, "4": 2},
    }
    assert structure["descriptors"] == {
        "a": {
            "cluster_size": 4,
            "is_representative": True,
            "alternative_descriptors": ["b", "c", "g"],
            "all_cluster_members": ["a", "b", "c", "g"],
            "removal_history": {"pass2": ["b", "c"], "pass3": ["g"], "pass4": []},
            "total_alternatives": 3,
        },
        "h": {
            "cluster_size": 4,
            "is_representative": True,
            "alternative_descriptors": ["d", "e", "f"],
            "all_cluster_members": ["h", "d", "e", "f"],
            "removal_history": {"pass2": ["e"], "pass3": ["d"], "pass4": ["f"]},
            "total_alternatives": 3,
        },
        "i": {
            "cluster_size": 1,
            "is_representative": True,
            "alternative_descriptors": [],
            "all_cluster_members": ["i"],
            "removal_history": {"pass2": [], "pass3": [], "pass4": []},
            "total_alternatives": 0,
        },
    }


def test_all_rejected_gives_an_empty_structure():
    traced = traced_of({"a": "descriptor"}, [Event("a", None, 1, reason="mode_share")])
    assert len(verify(traced)) == 5
    assert traced.structure["descriptors"] == {}
    assert traced.structure["statistics"]["cluster_size_max"] == 0


def followed(name: str, events: list[Event]) -> str:
    """The survivor, found forwards: step by step through the list of events."""
    at = name
    while True:
        following = [event.heir for event in events if event.removed == at]
        if not following or following[0] is None:
            return at
        at = following[0]


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW_MACHINE)
@given(reductions(), st.randoms())
def test_random_reductions_keep_all_invariants(
    reduction: tuple[dict[str, str], list[Event]], shuffler: Any
):
    roles, events = reduction
    traced = traced_of(roles, events)
    assert [line.split(":")[0] for line in verify(traced)] == [
        f"invariant {number}" for number in range(1, 6)
    ]
    for origin in traced.origins:
        if origin.fate == ALTERNATIVE:
            assert origin.survivor == followed(origin.name, events)
            assert (
                origin.name
                in traced.structure["descriptors"][origin.survivor]["alternative_descriptors"]
            )
    sizes = [entry["cluster_size"] for entry in traced.structure["descriptors"].values()]
    if sizes:
        stated = traced.structure["statistics"]
        assert stated["cluster_size_median"] == np.median(sizes)
        assert stated["cluster_size_std"] == pytest.approx(np.std(sizes))
        assert stated["cluster_size_mean"] == pytest.approx(np.mean(sizes))
    # Columns, and events of passes that remove at once, come in any order.
    columns = list(roles)
    shuffler.shuffle(columns)
    mixed = sorted(
        shuffler.sample(events, len(events)),
        key=lambda e: (e.pass_number, events.index(e) if e.pass_number == 3 else 0),
    )
    assert trace({name: roles[name] for name in columns}, mixed) == list(traced.origins)


Spoiler = Callable[[dict[str, Any], str, str], None]


def survivor_as_alternative(structure: dict[str, Any], owner: str, _: str) -> None:
    structure["descriptors"]["i"]["alternative_descriptors"].append(owner)


def alternative_twice(structure: dict[str, Any], _: str, alternative: str) -> None:
    structure["descriptors"]["i"]["alternative_descriptors"].append(alternative)


def wrong_size(structure: dict[str, Any], owner: str, _: str) -> None:
    structure["descriptors"][owner]["cluster_size"] += 1


def forgotten(structure: dict[str, Any], owner: str, alternative: str) -> None:
    entry = structure["descriptors"][owner]
    entry["alternative_descriptors"].remove(alternative)
    entry["all_cluster_members"].remove(alternative)
    for members in entry["removal_history"].values():
        if alternative in members:
            members.remove(alternative)
    entry["cluster_size"] -= 1
    entry["total_alternatives"] -= 1


def lost_survivor(structure: dict[str, Any], owner: str, _: str) -> None:
    del structure["descriptors"][owner]


def other_pass(structure: dict[str, Any], owner: str, alternative: str) -> None:
    history = structure["descriptors"][owner]["removal_history"]
    for members in history.values():
        if alternative in members:
            members.remove(alternative)
    history["pass4" if alternative != "f" else "pass2"].append(alternative)


def not_in_history(structure: dict[str, Any], owner: str, alternative: str) -> None:
    for members in structure["descriptors"][owner]["removal_history"].values():
        if alternative in members:
            members.remove(alternative)


@pytest.mark.parametrize(
    ("spoil", "culprit"),
    [
        (survivor_as_alternative, "owner"),
        (alternative_twice, "alternative"),
        (wrong_size, "owner"),
        (forgotten, "alternative"),
        (lost_survivor, "owner"),
        (other_pass, "alternative"),
        (not_in_history, "owner"),
    ],
)
@pytest.mark.parametrize(("owner", "alternative"), [("a", "b"), ("a", "g"), ("h", "f")])
def test_a_spoilt_structure_is_caught_by_name(
    spoil: Spoiler, culprit: str, owner: str, alternative: str
):
    traced = by_hand()
    structure = copy.deepcopy(dict(traced.structure))
    spoil(structure, owner, alternative)
    name = {"owner": owner, "alternative": alternative}[culprit]
    with pytest.raises(IntegrityError, match=rf"invariant 3: descriptor {name} "):
        verify(replace(traced, structure=structure))


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("metadata", "total_descriptors", 4),
        ("metadata", "standalone_descriptors", 0),
        ("statistics", "cluster_size_mean", 3.29),
        ("statistics", "cluster_size_std", 0.0),
        ("statistics", "size_distribution", {"1": 3}),
    ],
)
def test_spoilt_counts_are_caught(part: str, field: str, value: Any):
    traced = by_hand()
    structure = copy.deepcopy(dict(traced.structure))
    structure[part][field] = value
    with pytest.raises(IntegrityError, match=f"invariant 4: {field}"):
        verify(replace(traced, structure=structure))


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW_MACHINE)
@given(reductions(), st.data())
def test_spoilt_fates_are_caught_by_name(
    reduction: tuple[dict[str, str], list[Event]], data: st.DataObject
):
    roles, events = reduction
    traced = traced_of(roles, events)
    place = data.draw(st.integers(0, len(traced.origins) - 1))
    origin = traced.origins[place]
    before, after = list(traced.origins[:place]), list(traced.origins[place + 1 :])
    other = "survivor" if origin.fate != "survivor" else "alternative"
    for spoilt, complaint in (
        ([*before, *after], "is lost"),
        ([*before, origin, origin, *after], "has 2 fates"),
        ([*before, replace(origin, fate=other), *after], "descriptor"),
        ([*before, origin, *after, Origin("stranger 2", "survivor")], "stranger 2"),
    ):
        with pytest.raises(IntegrityError, match="invariant 1") as error:
            verify(replace(traced, origins=spoilt))
        assert complaint in str(error.value)
        assert origin.name in str(error.value) or "stranger" in str(error.value)


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW_MACHINE)
@given(reductions(), st.data())
def test_a_chain_that_the_events_do_not_give_is_caught(
    reduction: tuple[dict[str, str], list[Event]], data: st.DataObject
):
    traced = traced_of(*reduction)
    alternatives = [p for p, o in enumerate(traced.origins) if o.fate == ALTERNATIVE]
    assume(alternatives)
    place = data.draw(st.sampled_from(alternatives))
    origins = list(traced.origins)
    origins[place] = replace(origins[place], heirs=("nobody", *origins[place].heirs))
    with pytest.raises(IntegrityError, match="invariant 2") as error:
        verify(replace(traced, origins=origins))
    assert origins[place].name in str(error.value)


def test_statistics_of_pass_1_must_agree_with_its_events():
    traced = by_hand()
    for survivors in (traced.pass1_survivors | {"flat"}, traced.pass1_survivors - {"c"}):
        name = next(iter(survivors ^ traced.pass1_survivors))
        with pytest.raises(IntegrityError, match=f"invariant 1: descriptor {name} "):
            verify(replace(traced, pass1_survivors=survivors))


def test_removed_labels_are_caught():
    events = [*EVENTS, Event("toxic", "a", 4, "rdc")]
    with pytest.raises(IntegrityError, match="toxic is label and was removed"):
        verify(replace(by_hand(), events=events))


def test_a_result_that_hangs_on_the_order_of_columns_is_caught():
    """A cluster that was not derived from the events by the common way."""
    traced = by_hand()
    origins = [
        replace(origin, similarity=0.5) if origin.name == "b" else origin
        for origin in traced.origins
    ]
    with pytest.raises(IntegrityError, match="invariant 5: descriptor b "):
        verify(replace(traced, origins=origins))


def test_the_lineage_comes_back_from_its_table_and_reads_as_csv(tmp_path: Path):
    origins = list(by_hand().origins)
    path, text = tmp_path / "lineage.parquet", tmp_path / "lineage.csv"
    write_lineage(path, text, origins)
    assert read_lineage(path) == origins
    lines = text.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "name,fate,survivor,pass,heirs,similarity,measure,weak,reason"
    assert "e,alternative,h,2,d > f > h,0.55,spearman,true," in lines
    assert "smiles,metadata,,,,,,," in lines
