"""Survivors against thresholds: the passes' own counts, and what other thresholds would do."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts.common.errors import IntegrityError
from scripts.descriptors.sweep_thresholds import run
from tests.descriptors.chain_builders import (
    PLANTED_KEPT,
    PLANTED_ROLES,
    Chain,
    planted_columns,
    run_chain,
)


def swept(chain: Chain, **changed: Any) -> list[dict[str, str]]:
    folder = chain.folder
    arguments: dict[str, Any] = {
        "table": folder.table,
        "statistics": folder.statistics,
        "events": folder.events,
        "correlation": folder.correlation,
        "vif_correlation": folder.folder / "pass3" / "correlation.safetensors",
        "dependence": folder.dependence,
        "sweep": folder.folder / "sweep.tsv",
    }
    run(**{**arguments, **chain.sections, **changed})
    with (folder.folder / "sweep.tsv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def survivors(rows: list[dict[str, str]], number: int) -> dict[str, int]:
    return {
        row["thresholds"]: int(row["survivors"])
        for row in rows
        if row["pass_number"] == str(number)
    }


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    return run_chain(
        tmp_path_factory.mktemp("chain"),
        planted_columns(),
        roles=PLANTED_ROLES,
        force_keep=PLANTED_KEPT,
        variance_threshold=0.003,
    )


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """Pairs of known correlation, and a sum with known variance inflation."""
    generator = np.random.Generator(np.random.Philox(8))
    x, y, z, *rest = generator.standard_normal((12, 2000))
    columns = {
        "x": x,
        "y": y,
        "sum": x + y + np.sqrt(2 / 14) * z,  # VIF near 15, and 8 for x and y
        # Spearman's ρ near 0.87, 0.92 and 0.97 for Pearson's r of 0.88, 0.928 and 0.974.
        **{f"p{number}": rest[number] for number in range(3)},
        **{
            f"q{number}": r * rest[number] + np.sqrt(1 - r * r) * rest[number + 3]
            for number, r in enumerate((0.88, 0.928, 0.974))
        },
    }
    return run_chain(tmp_path_factory.mktemp("graded"), columns)


def test_the_configured_rows_are_what_the_passes_did(planted: Chain):
    rows = [row for row in swept(planted) if row["configured"] == "yes"]
    assert [row["thresholds"] for row in rows] == [
        *("scaled_variance=0.003", "spearman=0.95", "vif=10", "rdc=0.9 nhsic=0.7")
    ]
    left = len(planted.lineage) - 4  # without metadata, labels and the protected column
    for number, row in enumerate(rows, start=1):
        removed = len(planted.removed_by(number))
        left -= removed
        assert (int(row["removed"]), int(row["survivors"])) == (removed, left)


def test_counts_follow_the_thresholds(graded: Chain):
    rows = swept(graded)
    assert survivors(rows, 2) == {
        **{"spearman=0.8": 6, "spearman=0.85": 6, "spearman=0.9": 7},
        **{"spearman=0.95": 8, "spearman=0.99": 9},
    }
    # By itself each of the strongly correlated pairs has VIFs of at most 7.
    assert survivors(rows, 3)["vif=10"] == 7
    assert survivors(rows, 3)["vif=20"] == survivors(rows, 3)["vif=50"] == 8
    assert survivors(rows, 3)["vif=5"] == 6
    counts = list(survivors(rows, 4).values())
    assert counts == sorted(counts) and counts[0] < counts[-1]


def test_no_variance_is_asked_for_at_all(planted: Chain):
    by_variance = survivors(swept(planted), 1)
    counts = list(by_variance.values())
    assert counts == sorted(counts, reverse=True)
    # The two near-constant columns have no spread; one is kept, one fails by its mode anyway.
    assert by_variance["scaled_variance=0"] == len(planted.lineage) - 4 - 6


def test_a_fused_score_is_scaled_as_one(tmp_path: Path):
    generator = np.random.Generator(np.random.Philox(9))
    x, y, z = generator.standard_normal((3, 400))
    chain = run_chain(
        tmp_path, {"x": x, "x2": x**2, "y": y, "z": z}, nonlinear_threshold=0.65, restarts=1
    )
    found = survivors(swept(chain), 4)
    # S of x and x² is near 0.7.
    assert found["fusion=0.52"] == found["fusion=0.65"] == 3
    assert found["fusion=0.715"] == 4


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("statistics_settings", "variance_threshold", 0.2, r"pass1.*scaled_variance=0\.2"),
        ("spearman_settings", "threshold", 0.5, r"pass2.*spearman=0\.5 now leaves"),
        ("vif_settings", "threshold", 2.0, r"pass3.*pass 3 left 7 .* vif=2 now leaves"),
        ("nonlinear_settings", "rdc_threshold", 0.3, r"pass4.*rdc=0\.3"),
    ],
)
def test_results_of_other_settings_are_refused(
    graded: Chain, section: str, key: str, value: float, message: str
):
    changed = {section: {**graded.sections[section], key: value}}
    with pytest.raises(IntegrityError, match=message):
        swept(graded, **changed)


def test_a_file_without_its_matrix_is_named(graded: Chain):
    wrong = graded.folder.dependence
    with pytest.raises(IntegrityError) as caught:
        swept(graded, correlation=wrong)
    assert str(caught.value).startswith(f"{wrong} has no matrix 'spearman'")
