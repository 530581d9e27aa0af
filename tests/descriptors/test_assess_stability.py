"""Bootstraps of the selection: what is stable is found so, and what is not as well."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.files import read_json
from scripts.descriptors.assess_stability import drawn_items, run
from scripts.descriptors.columns import DescriptorTable
from scripts.descriptors.drawn_table import draw_table
from scripts.descriptors.matrices import write_matrices
from scripts.descriptors.memory_log import MemoryLog
from scripts.descriptors.pass_lineages import lineages_after_passes, real_lineages
from scripts.descriptors.repeated_chain import RepeatedChain
from scripts.descriptors.repeated_passes import PassSettings
from scripts.descriptors.stability_measures import (
    agreement_of,
    explained_by,
    nearest_of,
    stability_rows,
    summary_of,
)
from tests.descriptors.chain_builders import (
    PLANTED_KEPT,
    PLANTED_ROLES,
    Chain,
    planted_columns,
    run_chain,
)

BLOCK = [f"copy{number}" for number in range(5)]
ALONE = [f"noise{number}" for number in range(6)]


def blocks(rows: int = 400) -> dict[str, np.ndarray]:
    generator = np.random.Generator(np.random.Philox(12))
    x, *noise = generator.standard_normal((7, rows))
    copies = {name: (number + 1) * x + number for number, name in enumerate(BLOCK)}
    return {**copies, **dict(zip(ALONE, noise, strict=True)), "flat": np.ones(rows)}


def assessed(chain: Chain, root: Path, **changed: Any) -> tuple[list[dict[str, str]], Any]:
    folder = chain.folder
    options: dict[str, Any] = {
        "bootstraps": 3,
        "bootstrap_rows": 5000,
        "memory_mb": 2000,
        "threads": 1,
    }
    run(
        folder.table,
        folder.folder / "converted",
        folder.lineage,
        folder.correlation,
        root / "stability.tsv",
        root / "stability.json",
        code_hash="c0de",
        tmpdir=root / "tmp",
        **{**options, **chain.sections, **changed},
    )
    with (root / "stability.tsv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t")), read_json(root / "stability.json")


@pytest.fixture(scope="module")
def blocked(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    return run_chain(tmp_path_factory.mktemp("blocked"), blocks())


def test_copies_and_independent_columns_are_stable(blocked: Chain, tmp_path: Path):
    rows, summary = assessed(blocked, tmp_path)
    by_name = {row["descriptor"]: row for row in rows}
    assert list(by_name) == sorted([*BLOCK, *ALONE, "flat"])
    for name in ALONE:
        assert by_name[name] == {
            **{"descriptor": name, "survivor": name, "instead": ""},
            **{"survived": "1.0000", "same_survivor": "1.0000"},
        }
    # One copy stands for all, and none of the others ever survives beside it.
    assert sum(float(by_name[name]["survived"]) for name in BLOCK) == 1
    assert (by_name["flat"]["survived"], by_name["flat"]["survivor"]) == ("0.0000", "")
    assert by_name["flat"]["same_survivor"] == "1.0000"
    assert summary["adjusted_rand_index"]["by_bootstrap"] == [1.0, 1.0, 1.0]
    assert summary["survivors"] == {
        **{"real": 7, "mean": 7.0, "lowest": 7, "highest": 7, "by_bootstrap": [7, 7, 7]}
    }
    for agreement in summary["adjusted_rand_index_by_pass"].values():
        assert agreement == {
            **{"mean": 1.0, "lowest": 1.0, "highest": 1.0, "by_bootstrap": [1.0, 1.0, 1.0]}
        }
    left = {name: one["by_bootstrap"] for name, one in summary["survivors_by_pass"].items()}
    assert left == {"pass1": [11] * 3, "pass2": [7] * 3, "pass3": [7] * 3, "pass4": [7] * 3}
    covered = {level: one["by_bootstrap"] for level, one in summary["covered"].items()}
    assert covered == {"0.7": [1.0] * 3, "0.95": [1.0] * 3}
    assert summary["explained"]["by_bootstrap"] == pytest.approx([1.0] * 3)
    assert (summary["rows"], summary["table_rows"], summary["seed"]) == (400, 400, 11)


def test_a_pair_at_the_threshold_is_not_stable(tmp_path: Path):
    generator = np.random.Generator(np.random.Philox(13))
    x, y, z = generator.standard_normal((3, 400))
    columns = {"x": x, "near": x + 0.31 * y, "z": z}
    # Only pass 2 is to decide.
    others: dict[str, Any] = {"vif_threshold": 1e6, "hsic_threshold": 1.0, "rdc_threshold": 1.0}
    chain = run_chain(tmp_path / "chain", columns, **others)
    rows, summary = assessed(chain, tmp_path, bootstraps=12)
    shares = {row["descriptor"]: float(row["survived"]) for row in rows}
    assert shares["z"] == 1 and 1 < shares["x"] + shares["near"] < 2
    assert 2 == summary["survivors"]["lowest"] < summary["survivors"]["highest"] == 3
    assert 0 <= summary["adjusted_rand_index"]["mean"] < 1
    # What pass 2 decides is so from there on, and the other of the two is always near.
    by_pass = summary["adjusted_rand_index_by_pass"]
    assert by_pass["pass2"] == by_pass["pass3"] == summary["adjusted_rand_index"]
    assert summary["covered"]["0.7"]["lowest"] == 1


def test_exchanged_equivalents_change_the_clusters_but_cover_each_other(tmp_path: Path):
    """Pass 3 has to drop one of three that explain each other; which one hangs on the items."""
    generator = np.random.Generator(np.random.Philox(14))
    x, y, *noise = generator.standard_normal((6, 400))
    columns = {"x": x, "near": x + 0.4 * y, **{f"noise{n}": v for n, v in enumerate(noise)}}
    others: dict[str, Any] = {"vif_threshold": 3.0, "hsic_threshold": 1.0, "rdc_threshold": 1.0}
    chain = run_chain(tmp_path / "chain", columns, **others)
    rows, summary = assessed(chain, tmp_path, bootstraps=8)
    by_name = {row["descriptor"]: row for row in rows}
    (kept,) = {"x", "near"} & {row["survivor"] for row in rows}
    (gone,) = {"x", "near"} - {kept}
    assert 0 < float(by_name[kept]["survived"]) < 1 and by_name[kept]["instead"] == gone
    assert float(by_name[kept]["survived"]) + float(by_name[gone]["survived"]) == 1
    assert summary["adjusted_rand_index"]["by_bootstrap"] == [1.0] * 8
    assert summary["covered"]["0.7"]["by_bootstrap"] == [1.0] * 8
    strict = {round(value, 4) for value in summary["covered"]["0.95"]["by_bootstrap"]}
    assert strict == {0.8, 1.0}  # |ρ| of the two lies below 0.95: one of five is not covered


def test_nothing_depends_on_memory_threads_or_layout(blocked: Chain, tmp_path: Path):
    first = assessed(blocked, tmp_path)
    again = assessed(blocked, tmp_path, memory_mb=650, threads=2)
    parted = run_chain(tmp_path / "parted", dict(reversed(blocks().items())), cuts=[7, 200])
    other = assessed(parted, tmp_path)
    for rows, summary in (again, other):
        assert rows == first[0]
        assert {**summary, "table_sha256": None} == {**first[1], "table_sha256": None}
    assert assessed(blocked, tmp_path, seed=12)[1]["seed"] == 12
    assert not list((tmp_path / "tmp").iterdir())


def test_on_the_items_themselves_the_chain_repeats_the_passes(tmp_path: Path):
    """Every item once, in order: the functions in memory give what the entries wrote."""
    chain = run_chain(tmp_path, planted_columns(), roles=PLANTED_ROLES, force_keep=PLANTED_KEPT)
    sections = chain.sections
    settings = PassSettings(
        statistics=sections["statistics_settings"],
        clustering=sections["clustering_settings"],
        spearman=sections["spearman_settings"],
        vif=sections["vif_settings"],
        nonlinear=sections["nonlinear_settings"],
        force_keep=tuple(sections["force_keep"]),
        prefer=(),
        seed=sections["seed"],
    )
    source = DescriptorTable(chain.folder.table)
    table = draw_table(source, np.arange(source.rows), memory_mb=0.1)
    found = RepeatedChain(
        settings, memory_mb=2000, threads=1, tmpdir=tmp_path / "tmp", memory=MemoryLog()
    ).lineages_of(table)
    assert found == real_lineages(chain.folder.lineage, source.names)
    lineage = chain.lineage
    assert found[4] == {name: lineage[name]["survivor"] for name in source.names}
    # From the events themselves: what each pass removed stands for nothing from then on.
    alive = set(source.names)
    for number, after in found.items():
        alive -= chain.removed_by(number)
        assert {name for name, survivor in after.items() if survivor == name} == alive


def test_no_bootstraps_leave_a_header_and_what_is_known(blocked: Chain, tmp_path: Path):
    rows, summary = assessed(blocked, tmp_path, bootstraps=0)
    assert rows == []
    assert summary["bootstraps"] == 0 and summary["survivors"]["real"] == 7
    assert summary["survivors"]["mean"] is summary["adjusted_rand_index"]["mean"] is None
    header = (tmp_path / "stability.tsv").read_text(encoding="utf-8")
    assert header == "descriptor\tsurvivor\tsurvived\tsame_survivor\tinstead\n"
    assert summary["covered"]["0.95"] == summary["adjusted_rand_index_by_pass"]["pass3"]
    assert summary["survivors_by_pass"]["pass1"] == {
        **{"real": 11, "mean": None, "lowest": None, "highest": None, "by_bootstrap": []}
    }


def test_fewer_rows_are_drawn_than_the_table_has(blocked: Chain, tmp_path: Path):
    _, summary = assessed(blocked, tmp_path, bootstraps=1, bootstrap_rows=120)
    assert (summary["rows"], summary["table_rows"]) == (120, 400)


def test_items_are_drawn_with_replacement_and_by_the_seed():
    drawn = drawn_items(1000, 5000, 0, seed=1)
    assert len(drawn) == 5000 and len(set(drawn.tolist())) > 950
    assert (drawn.min(), drawn.max()) == (0, 999)
    whole = len(set(drawn_items(1000, 1000, 0, seed=1).tolist()))
    assert 600 < whole < 665  # 1 − 1/e of them
    assert np.array_equal(drawn, drawn_items(1000, 5000, 0, seed=1))
    for other in (drawn_items(1000, 5000, 1, seed=1), drawn_items(1000, 5000, 0, seed=2)):
        assert not np.array_equal(drawn, other)


def test_agreement_is_over_what_both_kept():
    real = {"a": "a", "b": "a", "c": "c", "d": "c", "e": None, "f": "f"}
    assert agreement_of(real, {**real, "a": "b", "b": "b"}) == 1.0  # another name, one cluster
    assert agreement_of(real, {**real, "f": None}) == 1.0
    # By hand: pairs ab, cd against ab alone of 10 pairs: (1 − 0.2) / (1.5 − 0.2).
    assert agreement_of(real, {**real, "d": "d"}) == pytest.approx(0.8 / 1.3)


# A removal a pass: c by pass 2, b by pass 3 (and with it c), e by pass 4; r is a reject.
NAMES = ["a", "b", "c", "d", "e", "r"]
REAL = lineages_after_passes(NAMES, NAMES[:5], {2: {"c": "b"}, 3: {"b": "a"}, 4: {"e": "d"}})


def test_lineages_follow_the_heirs_of_the_passes_so_far():
    alone = {name: name for name in "abde"}
    assert {
        1: {**alone, "c": "c", "r": None},
        2: {**alone, "c": "b", "r": None},
        3: {**alone, "b": "a", "c": "a", "r": None},
        4: {**alone, "b": "a", "c": "a", "e": "d", "r": None},
    } == REAL


def test_agreement_is_told_apart_by_pass():
    # The same after pass 2; then a goes where b went, and d is lost to a.
    other = lineages_after_passes(NAMES, NAMES, {2: {"c": "b"}, 3: {"a": "b", "d": "b"}})
    nearest = [np.array([0.96, 0.8])]
    found = summary_of(REAL, [other], nearest, [np.array([0.9, 0.6])], [0.7, 0.95])
    agreements = {name: one["mean"] for name, one in found["adjusted_rand_index_by_pass"].items()}
    # Pass 3 by hand, of 10 pairs: abc has 3, abcd 6, both 3; (3 − 1.8) / (4.5 − 1.8).
    # Pass 4: abc and de have 4, abcd 6, both 3; (3 − 2.4) / (5 − 2.4).
    expected = {"pass2": 1.0, "pass3": 1.2 / 2.7, "pass4": 0.6 / 2.6}
    assert agreements == pytest.approx(expected)
    assert found["adjusted_rand_index"] == found["adjusted_rand_index_by_pass"]["pass4"]
    survivors = {
        name: (one["real"], one["by_bootstrap"]) for name, one in found["survivors_by_pass"].items()
    }
    assert survivors == {"pass1": (5, [6]), "pass2": (4, [5]), "pass3": (3, [3]), "pass4": (2, [3])}
    assert {level: one["mean"] for level, one in found["covered"].items()} == {
        **{"0.7": 1.0, "0.95": 0.5}
    }
    assert found["explained"]["by_bootstrap"] == [0.75]


def test_the_nearest_survivor_is_itself_or_the_closest_that_was_measured():
    rho = np.array([[1, 0.9, np.nan], [0.9, 1, np.nan], [np.nan, np.nan, 1]])
    places = {"a": 0, "b": 1, "c": 2}
    assert nearest_of(["a", "c"], ["a"], places, rho).tolist() == [1.0, 0.0]
    assert nearest_of(["a", "b", "c"], ["b", "new"], places, rho).tolist() == [0.9, 1.0, 0.0]
    assert nearest_of(["a", "b"], ["new"], places, rho).tolist() == [0.0, 0.0]
    assert nearest_of([], ["a"], places, rho).tolist() == []


def test_together_they_explain_what_a_regression_explains():
    generator = np.random.Generator(np.random.Philox(15))
    a, b, noise, apart = generator.standard_normal((4, 200))
    target = a - b + 0.5 * noise
    columns = np.column_stack([a, apart, b, target])
    places = {"a": 0, "apart": 1, "b": 2, "target": 3}
    # Second implementation: residuals of least squares.
    design = np.column_stack([np.ones(200), a, b])
    residual = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
    expected = 1 - (residual @ residual / 197) / np.var(target, ddof=1)
    correlation = np.corrcoef(columns, rowvar=False)
    found = explained_by(["a", "target"], ["a", "b", "new"], places, correlation, 200)
    assert found.tolist() == [1.0, pytest.approx(expected)]
    assert 0.8 < expected < 0.95
    # Neither alone is near to it: that is what the largest |ρ| misses.
    near = nearest_of(["a", "target"], ["a", "b", "new"], places, np.abs(correlation))
    assert near[1] < 0.8
    assert explained_by(["target"], ["apart"], places, correlation, 200)[0] < 0.05
    assert explained_by(["target"], ["a", "b"], places, correlation, 3).tolist() == [0.0]
    assert explained_by(["target"], ["new"], places, correlation, 200).tolist() == [0.0]
    assert explained_by([], ["a"], places, correlation, 200).tolist() == []
    gaps = np.where(np.eye(4) == 1, 1.0, np.nan)
    assert explained_by(["target"], ["a", "b"], places, gaps, 200).tolist() == [0.0]
    twins = explained_by(["target"], ["a", "b"], places, np.ones((4, 4)), 200)
    assert twins.tolist() == pytest.approx([1.0])


def test_what_stood_in_instead_is_the_most_frequent_other():
    found: list[dict[str, str | None]] = [
        {"a": "a", "r": None},
        {"a": "c", "r": None},
        {"a": "b", "r": "a"},
        {"a": "b", "r": None},
    ]
    assert stability_rows({"a": "a", "r": None}, found) == [
        ("a", "a", "0.2500", "0.2500", "b"),
        ("r", None, "0.0000", "0.7500", "a"),
    ]


def test_what_cannot_be_assessed_is_told(blocked: Chain, tmp_path: Path):
    with pytest.raises(ConfigError, match="3 bootstraps of 2 rows; give at least 0 and 3"):
        assessed(blocked, tmp_path, bootstrap_rows=2)
    other = run_chain(tmp_path / "other", {"x": blocks()["noise0"], "y": blocks()["noise1"]})
    mixed = Chain(other.folder, blocked.settings)
    write_matrices(other.folder.correlation, ["x"], {"spearman": np.eye(1)}, {})
    with pytest.raises(IntegrityError, match="not have the survivor y; run correlate_descriptors"):
        assessed(mixed, tmp_path)
    (other.folder.lineage).write_bytes(blocked.folder.lineage.read_bytes())
    with pytest.raises(IntegrityError, match="what became of descriptor x; run trace_clusters"):
        assessed(mixed, tmp_path)
