"""The track's tables: what people and the report read, against the passes' own files."""

import csv
import json
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts.common.errors import IntegrityError
from scripts.common.files import read_json, write_json
from scripts.common.tables import read_table
from scripts.descriptors.lineage import Origin, read_lineage
from scripts.descriptors.matrices import Matrices, read_matrices
from scripts.descriptors.measures import dependence_similarity, fused_score
from scripts.descriptors.pair_tables import heatmap_table, memberships, pairs_of
from scripts.descriptors.summary_tables import members_of, reason_rows, survivor_rows, weak_rows
from scripts.descriptors.tables import HEATMAP, PAIRS, VIF_PATH
from scripts.descriptors.track_summary import nearest_pair
from tests.descriptors.reductions import EVENTS, RHO, ROLES, rho_by_hand, traced_of
from tests.descriptors.small_run import TABLES, independent, planted, small_run, summarize


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(tmp_path_factory.mktemp("planted"), planted())


@pytest.fixture(scope="module")
def tables(results: Path) -> Path:
    return summarize(results)


@pytest.fixture(scope="module")
def summary(tables: Path) -> Any:
    return read_json(tables / "summary.json")


def test_the_funnel_is_what_was_planted(tables: Path, summary: Any) -> None:
    rows = [
        (row["stage"], int(row["left"]), int(row["removed"])) for row in read(tables / "funnel.tsv")
    ]
    assert rows == [
        ("table", 16, 0),
        ("descriptors", 14, 2),
        ("pass1", 12, 2),
        ("pass2", 8, 4),
        ("pass3", 7, 1),
        ("pass4", 6, 1),
    ]
    assert summary["left"] == {"pass1": 12, "pass2": 8, "pass3": 7, "pass4": 6}
    assert (summary["items"], summary["descriptors"], summary["survivors"]) == (300, 14, 6)
    assert (summary["alternatives"], summary["rejects"], summary["standalone"]) == (6, 2, 2)
    assert summary["fates"]["label"] == summary["fates"]["metadata"] == 1
    assert summary["molecules"] is None


def test_rejects_are_counted_by_reason(tables: Path) -> None:
    rows = {row["reason"]: row for row in read(tables / "reasons.tsv")}
    assert rows["distinct"] == {
        "reason": "distinct",
        "descriptors": "1",
        "threshold": "2.0",
        "examples": "flat",
    }
    assert rows["missing_ratio"]["examples"] == "rare" and len(rows) == 2


def test_survivors_and_members_follow_the_lineage(results: Path, tables: Path) -> None:
    origins = read_lineage(results / "descriptor_lineage.parquet")
    sizes = Counter(origin.survivor for origin in origins if origin.survivor)
    rows = read(tables / "survivors.tsv")
    assert {row["survivor"]: int(row["cluster_size"]) for row in rows} == dict(sizes)
    assert [int(row["cluster_size"]) for row in rows] == sorted(sizes.values(), reverse=True)
    for row in rows:
        by_pass = sum(int(row[f"pass{number}"]) for number in (2, 3, 4))
        assert by_pass == int(row["cluster_size"]) - 1
    largest = rows[0]
    assert largest["cluster_size"] == "4" and largest["pass2"] == "3"
    assert largest["nearest"].split("; ")[0].split(" ")[0] in {"a1", "a2", "a3"}
    members = {row["member"]: row for row in read(tables / "largest_clusters.tsv")}
    assert members.keys() == {o.name for o in origins if o.fate == "alternative"}
    for origin in origins:
        if origin.fate == "alternative":
            assert members[origin.name]["survivor"] == origin.survivor
            assert float(members[origin.name]["similarity"]) == pytest.approx(
                origin.similarity, abs=1e-6
            )
    distribution = {
        int(row["size"]): int(row["clusters"]) for row in read(tables / "cluster_sizes.tsv")
    }
    assert distribution == dict(Counter(sizes.values()))


def test_the_sum_has_a_weak_heir(tables: Path, summary: Any) -> None:
    (row,) = read(tables / "weak_heirs.tsv")
    assert row["removed"] == "sum" and row["heir"] in {"c", "d", "e"}
    assert float(row["value"]) > 100 and 0.4 < float(row["similarity"]) < 0.7
    assert row["survivor"] == row["heir"] and row["measure"] == "correlation"
    assert (summary["weak_heirs"], summary["weak_alternatives"]) == (1, 1)


def test_the_map_is_the_matrix_in_order_of_clusters(results: Path, tables: Path) -> None:
    table = read_table(tables / "heatmap.parquet", HEATMAP)
    names, survivors = table["name"].to_pylist(), table["survivor"].to_pylist()
    matrices = read_matrices(results / "pass2" / "correlation.safetensors")
    places = [matrices.names.index(name) for name in names]
    expected = np.abs(matrices.arrays["spearman"])[np.ix_(places, places)]
    np.testing.assert_allclose(np.array(table["values"].to_pylist()), expected, atol=1e-6)
    assert sorted(names) == matrices.names
    sizes = [survivors.count(name) for name in survivors]
    assert sizes == sorted(sizes, reverse=True)
    assert set(names[:4]) == {"a1", "a2", "a3", "a4"}
    # Members of a cluster stand side by side, the representative of pass 2 before the others.
    borders = sum(one != other for one, other in pairwise(survivors))
    assert borders == len(set(survivors)) - 1
    assert table["representative"].to_pylist()[0] == names[0]


def test_pairs_are_ordered_and_the_square_stands_first(tables: Path, summary: Any) -> None:
    rows = read_table(tables / "pairs.parquet", PAIRS).to_pylist()
    assert (rows[0]["first"], rows[0]["second"]) == ("w", "w_squared")
    assert rows[0]["edge"] and rows[0]["rdc"] > 0.9 and rows[0]["spearman"] < 0.2
    larger = [max(row["nhsic"], row["rdc"]) for row in rows]
    assert larger == sorted(larger, reverse=True)
    for row in rows:
        assert row["fusion"] == pytest.approx((row["nhsic"] + row["rdc"]) / 2)
    assert summary["pairs"] == {
        "measured": 21,
        "undefined": 0,
        "edges": 1,
        "listed": 21,
        "rows": 300,
    }


def test_the_summary_states_what_it_rests_on(results: Path, summary: Any) -> None:
    manifest = read_json(results / "table.json")
    assert summary["data_sha256"] == manifest["sha256"]
    assert (summary["seed"], summary["code"], summary["method"]) == (3, "c0de", "leiden")
    assert summary["settings"]["pass3"]["vif_threshold"] == 10.0
    assert {"numpy", "leidenalg", "python"} <= summary["versions"].keys()
    for number in (2, 4):
        methods = {row["method"]: row for row in read(results / f"pass{number}" / "methods.tsv")}
        for method, found in summary["clusterings"][f"pass{number}"].items():
            assert found == {key: int(methods[method][key]) for key in found}
        restarts = read(results / f"pass{number}" / "restarts.tsv")
        spread = summary["leiden"][f"pass{number}"]
        assert spread["restarts"] == len(restarts)
        assert spread["ari_least"] == pytest.approx(
            min(float(row["ari_to_best"]) for row in restarts), abs=1e-6
        )
    factors = read_table(results / "pass3" / "path.parquet", VIF_PATH)["vif"].to_pylist()
    assert summary["vif"]["steps"] == len(factors) == 1
    assert summary["vif"]["largest"] == pytest.approx(factors[0], abs=1e-6)
    assert summary["correlation"]["doubtful"] == 0
    assert summary["null"]["table"]["rdc"]["maximum"] < 0.9


def test_the_same_results_give_the_same_bytes(results: Path, tables: Path, tmp_path: Path) -> None:
    again = summarize(results, tmp_path)
    for file in TABLES.values():
        assert (again / file).read_bytes() == (tables / file).read_bytes()


def test_one_survivor(tmp_path: Path) -> None:
    a = planted()["a1"]
    results = small_run(tmp_path, {"a": a, "b": 2 * a, "c": a**3})
    tables = summarize(results)
    summary = read_json(tables / "summary.json")
    assert (summary["survivors"], summary["alternatives"], summary["standalone"]) == (1, 2, 0)
    assert read_table(tables / "pairs.parquet", PAIRS).num_rows == 0
    assert summary["pairs"]["measured"] == summary["vif"]["steps"] == 0
    assert read_table(tables / "heatmap.parquet", HEATMAP).num_rows == 3
    assert read(tables / "reasons.tsv") == read(tables / "weak_heirs.tsv") == []


def test_every_survivor_alone_and_a_fused_threshold(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    facts = {"rows": 310, "molecules": 300, "fates": {"kept": 300, "rejected": 10}}
    facts |= {"largest_fragment": True, "neutralize": True, "merge_by": "inchikey", "shards": []}
    write_json(manifest, facts | {"package_versions": {"rdkit": "2026.3"}})
    results = small_run(tmp_path / "run", independent(), nonlinear_threshold=0.6)
    tables = summarize(results, molecules=manifest)
    summary = read_json(tables / "summary.json")
    assert (summary["survivors"], summary["standalone"], summary["alternatives"]) == (4, 4, 0)
    assert read(tables / "cluster_sizes.tsv") == [{"size": "1", "clusters": "4"}]
    assert read(tables / "largest_clusters.tsv") == []
    assert {row["nearest"] for row in read(tables / "survivors.tsv")} == {""}
    assert summary["molecules"]["fates"] == {"kept": 300, "rejected": 10}
    assert summary["versions"].items() >= {"rdkit": "2026.3"}.items()
    assert summary["pairs"]["edges"] == 0 and summary["pairs"]["measured"] == 6
    assert summary["settings"]["pass4"]["nonlinear_threshold"] == 0.6


def test_limits_keep_the_largest_clusters_and_the_strongest_pairs(results: Path) -> None:
    origins = read_lineage(results / "descriptor_lineage.parquet")
    rho = read_matrices(results / "pass2" / "correlation.safetensors")
    dependence = read_matrices(results / "pass4" / "dependence.safetensors")
    rows = [{"name": name, "representative": name, "similarity": 1.0} for name in rho.names]
    ordered = memberships(rows, origins)
    table = heatmap_table(ordered, rho, most=5)
    assert table.num_rows == 5 and {len(row) for row in table["values"].to_pylist()} == {5}
    nhsic, rdc = dependence.arrays["hsic"].copy(), dependence.arrays["rdc"].copy()
    nhsic[0, 1] = nhsic[1, 0] = rdc[0, 1] = rdc[1, 0] = np.nan
    dependence.arrays.update({"hsic": nhsic, "rdc": rdc})
    fusion = fused_score(nhsic, rdc, (0.5, 0.5))
    joint = dependence_similarity(
        *(nhsic, rdc, dependence.arrays["explained"]),
        hsic_threshold=0.7,
        rdc_threshold=0.9,
        min_explained=0.7,
        fusion_threshold=None,
        weights=(0.5, 0.5),
    )
    found = pairs_of(dependence, rho, joint, fusion, most=3)
    assert (found.total, found.undefined, found.edges, found.table.num_rows) == (20, 1, 1, 3)
    assert found.table["second"].to_pylist()[0] == "w_squared"


def test_rows_by_hand() -> None:
    """a stands for b, c, g; h for d (weak), e, f; i alone (tests/descriptors/reductions.py)."""
    origins = traced_of(ROLES, EVENTS, rho_by_hand).origins
    rows = {row[0]: row for row in survivor_rows(members_of(origins))}
    assert rows["a"] == ("a", 4, 2, 1, 0, "b 0.990; c 0.970; g 0.800", 0.8, "no")
    # e's similarity to h was measured; d's is that of the last step of its chain.
    assert RHO[frozenset("eh")] == 0.55
    assert rows["h"] == ("h", 4, 1, 1, 1, "d 0.930; f 0.930; e 0.550", 0.55, "yes")
    assert rows["i"] == ("i", 1, 0, 0, 0, "", None, "no")
    assert list(rows) == ["a", "h", "i"]
    assert weak_rows(EVENTS, origins) == [("d", 3, "vif", 30.0, "f", 0.6, "h", 0.93, "last rdc")]
    assert reason_rows(EVENTS[:2]) == [
        ("force_drop", 1, None, "unwanted"),
        ("scaled_variance", 1, 0.002, "flat"),
    ]


def test_an_unmeasured_alternative_stands_last() -> None:
    origins = [
        Origin("a", "survivor", survivor="a", similarity=1.0, weak=False),
        Origin("b", "alternative", survivor="a", pass_number=2, heirs=("a",)),
        Origin("c", "alternative", survivor="a", pass_number=2, heirs=("a",), similarity=0.0),
    ]
    ((*_, nearest, least, _weak),) = survivor_rows(members_of(origins))
    assert (nearest, least) == ("c 0.000; b –", 0.0)


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("pass2_spearman.json", {"pass": 4}, "is of pass 4, not 2"),
        ("pass3_vif.json", {"rows": 299}, "was made from 299 rows"),
        ("surviving_descriptors_clusters.json", {"descriptors": {"q": {}}}, "differ about"),
    ],
)
def test_files_that_do_not_belong_together_are_named(
    results: Path, tmp_path: Path, file: str, change: dict[str, Any], message: str
) -> None:
    copied = tmp_path / "results"
    shutil.copytree(results, copied, ignore=shutil.ignore_patterns("converted", "tables"))
    path = copied / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}), encoding="utf-8")
    with pytest.raises(IntegrityError, match=message):
        summarize(copied)


def test_damaged_tables_of_a_pass_are_named(results: Path, tmp_path: Path) -> None:
    copied = tmp_path / "results"
    shutil.copytree(results, copied, ignore=shutil.ignore_patterns("converted", "tables"))
    methods = copied / "pass2" / "methods.tsv"
    text = methods.read_text(encoding="utf-8")
    methods.write_text(text.replace("clusters", "groups", 1), encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"methods\.tsv has columns other than"):
        summarize(copied)
    methods.write_text(text.replace("leiden\tyes\t", "leiden\tyes\tx"), encoding="utf-8")
    with pytest.raises(IntegrityError, match=r"column 'clusters': 'x.*' is no number"):
        summarize(copied)


def test_the_nearest_survivors_by_hand() -> None:
    names = ["a", "b", "c", "d"]
    rho = np.array(
        [[1, -0.97, 0.2, 0.96], [-0.97, 1, np.nan, 0.1], [0.2, np.nan, 1, 0.3], [0.96, 0.1, 0.3, 1]]
    )
    matrices = Matrices(names, {"spearman": rho}, {})
    assert nearest_pair(names, matrices, 0.96) == {
        "first": "a",
        "second": "b",
        "largest": 0.97,
        "at_threshold": 2,
    }
    assert nearest_pair(["d", "b", "c"], matrices, 0.95)["largest"] == 0.3
    alone = {"first": None, "second": None, "largest": None, "at_threshold": 0}
    assert nearest_pair(["b", "c"], matrices, 0.95) == nearest_pair(["a"], matrices, 0.95) == alone
