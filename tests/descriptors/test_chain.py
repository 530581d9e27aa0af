"""The chain of entries from a table to its lineage: what was planted is found."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.common.errors import InputError
from scripts.descriptors.events import Event
from tests.descriptors.chain_builders import (
    PLANTED_GROUPS,
    PLANTED_KEPT,
    PLANTED_REJECTS,
    PLANTED_ROLES,
    Chain,
    planted_columns,
    run_chain,
)


def planted(folder: Path, columns: dict[str, Any] | None = None, **options: Any) -> Chain:
    return run_chain(
        folder,
        columns or planted_columns(),
        roles=PLANTED_ROLES,
        **{"force_keep": PLANTED_KEPT, **options},
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    return planted(tmp_path_factory.mktemp("chain"))


def test_planted_redundancy_is_fully_recovered(whole: Chain):
    assert whole.groups() == PLANTED_GROUPS
    survivors = set(whole.survivors)
    assert all(len(group & survivors) == 1 for group in PLANTED_GROUPS)
    assert {"kept_h", "kept_flat", "c", "d"} <= survivors


def test_each_pass_removes_what_it_is_for(whole: Chain):
    reasons = {event.removed: event.reason for event in whole.events if event.pass_number == 1}
    assert reasons == PLANTED_REJECTS
    survivors = set(whole.survivors)
    copies = {"a", "a_copy", "a_scaled", "b", "b_exp", "b_cubed", "g", "g_copy", "h", "kept_h"}
    assert whole.removed_by(2) == copies - survivors
    assert whole.removed_by(3) == {"c_and_d"}
    assert whole.removed_by(4) == {"e", "e_squared", "f", "f_cosine"} - survivors


def test_events_state_heirs_and_figures(whole: Chain):
    events = {event.removed: event for event in whole.events}
    for name in whole.removed_by(2):
        event = events[name]
        assert event.statistic == "spearman" and event.heir is not None
        # Pairs with different gaps are put on the right side of the threshold, no further.
        assert event.similarity == event.value and not event.weak
        assert event.value == pytest.approx(1.0, abs=1e-3 if name[0] in "ghk" else 0)
        assert name[0] == event.heir.removeprefix("kept_")[0]
    # 2c + d has correlation 2 / √5 with c.
    total = events["c_and_d"]
    assert (total.statistic, total.heir) == ("vif", "c")
    assert total.value is not None and total.value > 100
    assert total.similarity == pytest.approx(0.894, abs=0.02)
    square = next(event for event in whole.events if event.removed.startswith("e"))
    assert square.statistic == "rdc" and square.value == pytest.approx(1.0, abs=0.01)
    rho = whole.lineage[square.removed]
    assert rho["survivor"] == square.heir and rho["pass"] == 4


def test_nothing_is_lost_and_nothing_stands_twice(whole: Chain):
    lineage, structure = whole.lineage, whole.structure
    assert set(lineage) == set(planted_columns())
    fates = Counter(row["fate"] for row in lineage.values())
    untreated = {name: lineage[name]["fate"] for name in ("id", "label_a", "label_text", "weight")}
    assert untreated == {
        "id": "metadata",
        "label_a": "label",
        "label_text": "label",
        "weight": "protected",
    }
    entries = structure["descriptors"]
    assert sorted(entries) == whole.survivors and fates["survivor"] == len(entries)
    assert fates["reject"] == len(PLANTED_REJECTS)
    statistics = pq.read_table(whole.folder.statistics).to_pylist()
    passed = sum(row["survives"] for row in statistics)
    assert sum(entry["cluster_size"] for entry in entries.values()) == passed
    behind = [name for entry in entries.values() for name in entry["alternative_descriptors"]]
    assert len(behind) == len(set(behind)) == fates["alternative"] == passed - len(entries)
    assert not set(behind) & set(entries)
    by_name = {event.removed: event for event in whole.events}
    for name, entry in entries.items():
        assert entry["cluster_size"] == 1 + entry["total_alternatives"]
        assert entry["all_cluster_members"] == [name, *entry["alternative_descriptors"]]
        history = [
            (member, int(key.removeprefix("pass")))
            for key, members in entry["removal_history"].items()
            for member in members
        ]
        assert sorted(member for member, _ in history) == sorted(entry["alternative_descriptors"])
        assert all(by_name[member].pass_number == number for member, number in history)


def test_summary_figures_follow_from_the_clusters(whole: Chain):
    structure = whole.structure
    sizes = [len(group) for group in PLANTED_GROUPS]
    metadata, stated = structure["metadata"], structure["statistics"]
    assert metadata["total_descriptors"] == len(sizes) == 17
    assert metadata["standalone_descriptors"] == sizes.count(1) == 10
    assert metadata["descriptors_with_alternatives"] == 7
    assert metadata["total_alternative_descriptors"] == sum(sizes) - len(sizes) == 9
    assert stated["cluster_size_mean"] == pytest.approx(np.mean(sizes))
    assert stated["cluster_size_median"] == np.median(sizes)
    assert (stated["cluster_size_min"], stated["cluster_size_max"]) == (1, 3)
    assert stated["cluster_size_std"] == pytest.approx(np.std(sizes))
    assert stated["size_distribution"] == {"1": 10, "2": 5, "3": 2}


def reordered(columns: dict[str, Any], order: Any) -> dict[str, Any]:
    return {name: pa.array(values).take(pa.array(order)) for name, values in columns.items()}


def same_up_to_rounding(found: list[Event], expected: list[Event]) -> None:
    def fixed(event: Event) -> tuple[object, ...]:
        return (event.removed, event.heir, event.pass_number, event.statistic, event.weak)

    assert [fixed(event) for event in found] == [fixed(event) for event in expected]
    for one, other in zip(found, expected, strict=True):
        for name, tolerance in (("value", 1e-4), ("similarity", 1e-6)):
            a, b = getattr(one, name), getattr(other, name)
            assert a == b or a == pytest.approx(b, rel=tolerance), (one, other)


def test_order_of_columns_layout_memory_and_threads_change_no_bit(whole: Chain, tmp_path: Path):
    columns = planted_columns()
    backwards = dict(reversed(columns.items()))
    variants: dict[str, dict[str, Any]] = {
        "columns": {"columns": backwards},
        "parts": {"cuts": [1, 100, 101, 350]},
        "memory": {"memory_mb": 0.1, "measure_mb": 640},
        "threads": {"threads": 3},
    }
    for name, options in variants.items():
        found = planted(tmp_path / name, **options)
        assert found.events == whole.events, name
        assert found.survivors == whole.survivors, name
        assert found.structure["descriptors"] == whole.structure["descriptors"], name
        assert found.lineage == whole.lineage, name


def test_order_of_rows_changes_nothing_but_rounding(whole: Chain, tmp_path: Path):
    order = np.random.Generator(np.random.Philox(5)).permutation(600)
    found = planted(tmp_path, reordered(planted_columns(), order))
    same_up_to_rounding(found.events, whole.events)
    assert found.structure["descriptors"] == whole.structure["descriptors"]


def test_labels_have_no_influence(whole: Chain, tmp_path: Path):
    columns = planted_columns()
    found = planted(tmp_path, columns | {"label_a": -columns["noise3"], "weight": columns["b"]})
    assert found.events == whole.events


def test_a_preferred_descriptor_stands_for_its_cluster(tmp_path: Path):
    found = planted(tmp_path, prefer=["b_cubed", "e_*", "*_copy"])
    assert {"a_copy", "b_cubed", "e_squared", "g_copy"} <= set(found.survivors)
    assert found.groups() == PLANTED_GROUPS


def test_more_descriptors_than_rows(tmp_path: Path):
    generator = np.random.Generator(np.random.Philox(2))
    values = generator.standard_normal((60, 40))
    columns = {f"d{number:02d}": row for number, row in enumerate(values)}
    found = run_chain(tmp_path, columns | {"twin": values[7], "mirrored": -values[9]})
    members = {name: group for group in found.groups() for name in group}
    assert "twin" in members["d07"] and "mirrored" in members["d09"]
    assert {"twin", "mirrored"} <= found.removed_by(2) | set(found.survivors)
    # At most as many columns as rows can be kept apart by variance inflation.
    left = len(columns) + 2 - len(found.removed_by(2)) - len(found.removed_by(3))
    assert len(found.survivors) <= left < 40


def test_a_single_descriptor(tmp_path: Path):
    values = np.random.Generator(np.random.Philox(3)).standard_normal(300)
    found = run_chain(tmp_path, {"only": values, "flat": np.zeros(300)})
    assert found.survivors == ["only"] and found.groups() == {frozenset({"only"})}
    assert [event.removed for event in found.events] == ["flat"]


def test_equal_columns_collapse_to_one(tmp_path: Path):
    values = np.random.Generator(np.random.Philox(4)).standard_normal(300)
    found = run_chain(tmp_path, {f"d{number}": values for number in range(6)})
    assert found.survivors == ["d0"]
    assert found.structure["descriptors"]["d0"]["removal_history"]["pass2"] == [
        *("d1", "d2", "d3", "d4", "d5")
    ]
    assert {(e.heir, e.similarity, e.value) for e in found.events} == {("d0", 1.0, 1.0)}


def test_a_table_with_fewer_rows_than_wanted(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    generator = np.random.Generator(np.random.Philox(6))
    a, b, c = generator.standard_normal((3, 80))
    with caplog.at_level(logging.WARNING):
        found = run_chain(tmp_path, {"a": a, "a_copy": 2 * a, "b": b, "b_squared": b**2, "c": c})
    assert "min_effective_n is 100, too much for a table of 80 rows; taken as 40" in caplog.text
    assert found.groups() == {
        frozenset({"a", "a_copy"}),
        frozenset({"b", "b_squared"}),
        frozenset({"c"}),
    }


def test_a_table_without_information_is_refused_at_once(tmp_path: Path):
    columns = {f"d{number}": np.full(300, float(number)) for number in range(3)}
    with pytest.raises(InputError, match=r"no descriptor is left after pass 1 \(3 by distinct\)"):
        run_chain(tmp_path, columns)
