"""Passes 2 and 4 as steps: their tables, events, checkpoint, and what they refuse."""

import hashlib
from importlib.metadata import version

import numpy as np
import pytest

from scripts.common.errors import ConfigError, IntegrityError
from scripts.descriptors.cluster_pass import description_of_matrix, magnitudes
from scripts.descriptors.matrices import Matrices
from scripts.descriptors.representatives import ColumnFacts
from tests.descriptors.cluster_builders import (
    OUTPUTS,
    THRESHOLD,
    equal_facts,
    hard_similarity,
    names_of,
    planted_blocks,
    run_correlated,
    run_dependent,
    symmetric,
)

NAN = float("nan")
CHAIN = symmetric({(0, 1): 0.96, (1, 2): -0.97, (2, 3): 0.96}, 6, rest=0.5)


def test_pass_2_says_who_stands_for_whom(tmp_path):
    found = run_correlated(tmp_path, names_of(6), CHAIN, method="components")
    assert found["clusters"] == [
        {"cluster": number, "name": name, "representative": head, "similarity": similarity}
        for number, head, name, similarity in [
            (0, "d001", "d001", 1.0),
            (0, "d001", "d002", 0.97),
            (0, "d001", "d000", 0.96),
            (1, "d003", "d003", 1.0),
            (2, "d004", "d004", 1.0),
            (3, "d005", "d005", 1.0),
        ]
    ]
    common = {
        "heir": "d001",
        "pass": 2,
        "statistic": "spearman",
        "threshold": THRESHOLD,
        "weak": False,
        "reason": None,
    }
    assert found["events"] == [
        {"removed": "d000", "value": 0.96, "similarity": 0.96, **common},
        {"removed": "d002", "value": 0.97, "similarity": 0.97, **common},
    ]


def test_the_checkpoint_can_be_checked(tmp_path):
    similarity, _ = planted_blocks([6, 4, 1], bridges=2)
    similarity[0, 10] = similarity[10, 0] = NAN
    names = names_of(11)
    found = run_correlated(tmp_path, names, similarity, prefer=["d003"], force_keep=["d00[78]"])
    checkpoint = found["checkpoint"]
    assert (checkpoint["pass"], checkpoint["rows"], checkpoint["seed"]) == (2, 500, 3)
    assert checkpoint["settings"]["spearman_threshold"] == THRESHOLD
    assert checkpoint["settings"]["min_representative_similarity"] == THRESHOLD
    assert checkpoint["settings"]["prefer"] == ["d003"]
    assert checkpoint["code_version"] == "abc"
    assert checkpoint["package_versions"]["leidenalg"] == version("leidenalg")
    digest = hashlib.sha256((tmp_path / "matrix").read_bytes()).hexdigest()
    assert checkpoint["matrix"] == {"rows": "500", "sha256": digest}
    by_table: dict[str, dict[str, float]] = {}
    for row in found["clusters"]:
        members = by_table.setdefault(row["representative"], {})
        if row["name"] != row["representative"]:
            members[row["name"]] = row["similarity"]
    clusters = {
        head: {member["name"]: member["similarity"] for member in members}
        for head, members in checkpoint["clusters"].items()
    }
    assert clusters == by_table
    # The preferred one stands for its block; the kept ones share theirs.
    assert clusters.keys() == {"d003", "d007", "d008", "d010"}
    assert checkpoint["lowest_similarities"] == {
        head: min(members.values()) for head, members in by_table.items() if members
    }
    upper = similarity[np.triu_indices(11, 1)]
    assert checkpoint["counts"] == {
        "descriptors": 11,
        "survivors": 4,
        "removed": 7,
        "clusters_with_alternatives": sum(bool(members) for members in by_table.values()),
        "largest_cluster": 6,
        "lowest_similarity_to_representative": min(checkpoint["lowest_similarities"].values()),
        "edges": int((upper >= THRESHOLD).sum()),
        "undefined_pairs": 1,
        "force_kept": 2,
    }


def test_methods_side_by_side(tmp_path):
    """A chain of four: Leiden and complete linkage cut it, components keep it until it is split."""
    found = run_correlated(tmp_path, names_of(6), CHAIN)
    methods = found["methods"]
    assert list(methods) == ["leiden", "complete", "components"]
    assert [row["chosen"] for row in methods.values()] == ["yes", "no", "no"]
    chained = methods["components"]
    assert (chained["clusters"], chained["largest_cluster"]) == ("3", "4")
    assert float(chained["smallest_inner_similarity"]) == 0.5
    assert (chained["members_below_threshold"], chained["survivors"]) == ("1", "4")
    assert chained["largest_after_split"] == "3"
    # Two pairs of 0.96 gain more than one of 0.97 in the middle.
    for row in (methods["leiden"], methods["complete"]):
        assert (row["largest_cluster"], row["members_below_threshold"]) == ("2", "0")
    assert (methods["leiden"]["clusters"], methods["complete"]["clusters"]) == ("4", "5")
    assert float(methods["leiden"]["quality"]) == pytest.approx(2 * (0.96 - 0.9))
    assert methods["leiden"]["undefined_inner_pairs"] == "0"
    alone = run_correlated(tmp_path, ["a"], np.ones((1, 1)))
    assert alone["methods"]["leiden"]["smallest_inner_similarity"] == ""


def test_restarts_are_reported(tmp_path, caplog):
    found = run_correlated(tmp_path, names_of(60), hard_similarity(), restarts=8)
    assert "did not come back often enough in 8 restarts" in caplog.text
    caplog.clear()
    assert [row["restart"] for row in found["restarts"]] == [str(place) for place in range(1, 9)]
    qualities = [float(row["quality"]) for row in found["restarts"]]
    assert len(set(qualities)) > 1
    kept = found["checkpoint"]["leiden"]
    assert kept["restarts"] == 8 and kept["quality"] >= max(qualities) - 1e-9
    assert all(float(row["ari_to_best"]) <= 1 for row in found["restarts"])
    assert float(found["methods"]["leiden"]["quality"]) == kept["quality"]
    # Another method has no runs of its own, the table still shows Leiden's.
    complete = run_correlated(
        tmp_path, names_of(60), hard_similarity(), restarts=8, method="complete"
    )
    assert complete["restarts"] == found["restarts"]
    assert complete["checkpoint"]["leiden"] == {
        "quality": kept["quality"],
        "restarts": 8,
        "settled": False,
    }
    # Nobody need mind it where another method decides.
    assert "did not come back" not in caplog.text


def test_same_bytes_again_and_other_heads_by_statistics(tmp_path):
    similarity, _ = planted_blocks([5, 4], bridges=1)
    names = names_of(9)
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        run_correlated(tmp_path / folder, names, similarity)
    for name in OUTPUTS:
        one, other = ((tmp_path / folder / name).read_bytes() for folder in ("one", "other"))
        assert one == other
    facts = {name: ColumnFacts(0.0 if name in ("d004", "d007") else 0.2, 0.1) for name in names}
    found = run_correlated(tmp_path, names, similarity, facts=facts)
    assert found["checkpoint"]["clusters"].keys() == {"d004", "d007"}


def test_a_chain_that_is_let_be_has_weak_events(tmp_path):
    found = run_correlated(
        tmp_path, names_of(6), CHAIN, method="components", min_representative_similarity=0.0
    )
    events = {row["removed"]: row for row in found["events"]}
    assert events["d003"]["value"] == 0.5 and events["d003"]["weak"]
    assert not events["d000"]["weak"]
    assert found["checkpoint"]["counts"]["lowest_similarity_to_representative"] == 0.5


def test_identical_and_opposite_columns_are_alternatives_at_one(tmp_path):
    """Rounding may put |ρ| a little above 1."""
    signs = np.array([1.0, 1.0, -1.0])
    found = run_correlated(tmp_path, ["a", "b", "c"], np.outer(signs, signs) * (1 + 1e-15))
    assert found["checkpoint"]["clusters"] == {
        "a": [{"name": "b", "similarity": 1.0}, {"name": "c", "similarity": 1.0}]
    }
    assert [event["value"] for event in found["events"]] == [1.0, 1.0]


NHSIC = symmetric({(0, 1): 0.85, (2, 3): 0.4, (4, 5): 0.7}, 7, rest=0.0)
RDC = symmetric({(0, 1): 0.5, (2, 3): 0.97, (4, 5): 0.95}, 7, rest=0.1)


def test_pass_4_states_the_measure_that_made_the_edge(tmp_path):
    found = run_dependent(tmp_path, names_of(7), NHSIC, RDC)
    common = {"pass": 4, "weak": False, "reason": None}
    assert found["events"] == [
        {
            "removed": "d001",
            "heir": "d000",
            "statistic": "nhsic",
            "value": 0.85,
            "threshold": 0.7,
            "similarity": pytest.approx(0.95),
            **common,
        },
        {
            "removed": "d003",
            "heir": "d002",
            "statistic": "rdc",
            "value": 0.97,
            "threshold": 0.9,
            "similarity": 0.97,
            **common,
        },
        {
            "removed": "d005",
            "heir": "d004",
            "statistic": "rdc",
            "value": 0.95,
            "threshold": 0.9,
            "similarity": 0.95,
            **common,
        },
    ]
    assert found["checkpoint"]["pass"] == 4
    assert found["checkpoint"]["settings"]["threshold"] == 0.9


def test_pass_4_takes_no_rdc_without_explanation_and_keeps_what_explains(tmp_path):
    """d000 and d001 share a few rows only; d003 says all of d002, and d002 nothing of it."""
    rdc = symmetric({(0, 1): 0.93, (2, 3): 0.97}, 4, rest=0.1)
    explained = np.full((4, 4), 0.1)
    explained[[0, 1, 2], [1, 0, 3]] = [0.69, 0.2, 0.95]
    inputs = (tmp_path, names_of(4), np.zeros((4, 4)), rdc)
    (event,) = run_dependent(*inputs, explained=explained)["events"]
    assert (event["removed"], event["heir"], event["weak"]) == ("d002", "d003", False)
    (event,) = run_dependent(*inputs, explained=explained, force_keep=["d002"])["events"]
    assert (event["removed"], event["heir"], event["weak"]) == ("d003", "d002", True)
    both = run_dependent(*inputs, explained=explained, min_explained=0.6)["events"]
    assert [event["removed"] for event in both] == ["d000", "d002"]


def test_pass_4_by_the_fused_score(tmp_path):
    found = run_dependent(
        tmp_path,
        names_of(7),
        NHSIC,
        RDC,
        nonlinear_threshold=0.68,
        hsic_weight=0.4,
        rdc_weight=0.6,
    )
    # 0.4 · 0.85 + 0.6 · 0.5 = 0.64, 0.4 · 0.4 + 0.6 · 0.97 = 0.742, 0.4 · 0.7 + 0.6 · 0.95 = 0.85.
    removed = {row["removed"]: row for row in found["events"]}
    assert removed.keys() == {"d003", "d005"}
    assert removed["d003"]["statistic"] == "fusion"
    assert removed["d003"]["value"] == pytest.approx(0.742)
    assert removed["d003"]["similarity"] == removed["d003"]["value"]
    assert removed["d003"]["threshold"] == 0.68


def test_pass_4_without_any_edge(tmp_path):
    nothing = np.full((4, 4), NAN)
    found = run_dependent(tmp_path, names_of(4), nothing, nothing)
    assert found["events"] == []
    assert found["checkpoint"]["counts"]["survivors"] == 4
    assert found["checkpoint"]["counts"]["undefined_pairs"] == 6
    assert [row["representative"] for row in found["clusters"]] == names_of(4)


def test_pass_4_links_every_member_to_its_representative(tmp_path):
    chain = symmetric({(place, place + 1): 0.95 for place in range(6)}, 7)
    found = run_dependent(tmp_path, names_of(7), np.zeros((7, 7)), chain, method="components")
    assert found["events"]
    for event in found["events"]:
        assert event["value"] >= event["threshold"]
    with pytest.raises(ConfigError, match=r"0\.3 of the nonlinear pass is below its threshold"):
        run_dependent(tmp_path, names_of(7), chain, chain, min_representative_similarity=0.3)


def test_what_is_refused(tmp_path):
    names, level = names_of(3), np.full((3, 3), 0.97)
    with pytest.raises(ConfigError, match="d9 matches no column"):
        run_correlated(tmp_path, names, level, force_keep=["d9"])
    with pytest.raises(ConfigError, match=r"min_representative_similarity 1\.5"):
        run_correlated(tmp_path, names, level, min_representative_similarity=1.5)
    with pytest.raises(ConfigError, match="method 'louvain'"):
        run_correlated(tmp_path, names, level, method="louvain")
    with pytest.raises(IntegrityError, match="lacks the descriptor 'd002'"):
        run_correlated(tmp_path, names, level, facts=equal_facts(names_of(2)))
    skew = level.copy()
    skew[0, 1] = 0.5
    with pytest.raises(IntegrityError, match="'spearman' is not symmetric"):
        run_correlated(tmp_path, names, skew)
    with pytest.raises(IntegrityError, match="has no matrix 'spearman'"):
        magnitudes(Matrices(names, {"rdc": level}, {}), "spearman", tmp_path / "matrix")
    with pytest.raises(IntegrityError, match="does not state its rows"):
        description_of_matrix(Matrices(names, {}, {}), tmp_path / "matrix")
    assert not (tmp_path / "events").exists()
