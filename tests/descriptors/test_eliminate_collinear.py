"""Pass 3 as a step: planted sums, both matrices, layout, missing values, and what it writes."""

import csv
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.files import read_json, write_json
from scripts.common.tables import read_table, table_of_rows, write_table
from scripts.descriptors.eliminate_collinear import run
from scripts.descriptors.events import Event, read_events, write_events
from scripts.descriptors.pair_correlations import scores_of, standardized
from scripts.descriptors.ranks import mid_ranks
from scripts.descriptors.tables import MEMORY, STATISTICS, VIF_PATH

ROWS = 300
DEFAULTS: dict[str, Any] = {
    "vif_threshold": 10.0,
    "vif_matrix": "values",
    "eigenvalue_floor": 1e-4,
    "heir_min_similarity": 0.7,
    "min_effective_n": 100,
    "force_keep": [],
    "memory_mb": 2000,
    "threads": 1,
    "code_hash": "c0de",
}


def planted(seed: int = 3) -> dict[str, np.ndarray]:
    """x, y, z are free; "sum" is nearly their sum, "near" nearly z; two are gone before."""
    generator = np.random.default_rng(seed)
    x, y, z, free = generator.normal(size=(4, ROWS))
    return {
        "x": x,
        "y": y,
        "z": 5 * z,
        "sum": x + y + z + 0.05 * generator.normal(size=ROWS),
        "near": z + 0.3 * generator.normal(size=ROWS),
        "free": free,
        "copy": x.copy(),
        "reject": np.zeros(ROWS),
    }


class Pass3:
    """The step on a table that is written in parts."""

    def __init__(
        self,
        folder: Path,
        columns: Mapping[str, np.ndarray],
        *,
        cuts: Sequence[int] = (),
        reverse: bool = False,
        rejects: Sequence[str] = ("reject",),
        copies: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        names = sorted(columns, reverse=reverse)
        rows = len(next(iter(columns.values())))
        edges = [0, *cuts, rows]
        parts = []
        for number, (start, stop) in enumerate(pairwise(edges)):
            path = folder / f"{number}.parquet"
            pq.write_table(pa.table({name: columns[name][start:stop] for name in names}), path)
            parts.append(
                {
                    "path": str(path),
                    "rows": stop - start,
                    "bytes": path.stat().st_size,
                    "converted": False,
                    "absent": [],
                }
            )
        write_json(
            folder / "table.json",
            {
                "rows": rows,
                "sha256": "0" * 64,
                "columns": [
                    {"name": name, "role": "descriptor", "narrow": False} for name in names
                ],
                "parts": parts,
            },
        )
        before = [folder / "before1.parquet", folder / "before2.parquet"]
        write_events(before[0], [Event(name, None, 1, reason="mode_share") for name in rejects])
        copies = {"copy": "x"} if copies is None else copies
        write_events(
            before[1], [Event(n, heir, 2, "spearman", 1.0, 0.95, 1.0) for n, heir in copies.items()]
        )
        statistics = folder / "statistics.parquet"
        facts = [
            {**dict.fromkeys(STATISTICS.names), "name": name, "survives": name not in rejects}
            for name in names
        ]
        write_table(statistics, table_of_rows(facts, STATISTICS), STATISTICS)
        self.out = folder / "out"
        run(
            folder / "table.json",
            folder / "converted",
            statistics,
            before,
            self.out / "path.parquet",
            self.out / "events.parquet",
            self.out / "sensitivity.tsv",
            self.out / "checkpoint.json",
            **{**DEFAULTS, "tmpdir": folder / "tmp", **options},
        )
        self.events = read_events(self.out / "events.parquet", pass_number=3)
        self.checkpoint = read_json(self.out / "checkpoint.json")
        with (self.out / "sensitivity.tsv").open() as stream:
            self.sensitivity = list(csv.DictReader(stream, delimiter="\t"))

    @property
    def survivors(self) -> list[str]:
        return list(self.checkpoint["clusters"])


def direct(columns: Mapping[str, np.ndarray], names: list[str]) -> list[str]:
    """The removals by the definition, on the data themselves."""
    left = list(names)
    removed: list[str] = []
    while True:
        matrix = np.corrcoef([columns[name] for name in left])
        vif = np.diagonal(np.linalg.inv(matrix))
        worst = int(np.argmax(vif))
        if vif[worst] < 10:
            return removed
        removed.append(left.pop(worst))


def test_planted_sums_go_as_the_definition_says(tmp_path: Path):
    columns = planted()
    result = Pass3(tmp_path, columns)
    names = ["free", "near", "sum", "x", "y", "z"]
    assert [event.removed for event in result.events] == direct(columns, names)
    first = result.events[0]
    matrix = np.corrcoef([columns[name] for name in names])
    others = {
        name: abs(matrix[names.index(first.removed), names.index(name)])
        for name in names
        if name != first.removed
    }
    assert first.value == pytest.approx(np.diagonal(np.linalg.inv(matrix)).max(), rel=1e-4)
    assert first.heir == max(others, key=lambda name: others[name])
    assert first.similarity == pytest.approx(max(others.values()), abs=1e-6)
    assert first.weak == (max(others.values()) < 0.7)
    assert "free" in result.survivors and "reject" not in result.survivors
    path = read_table(result.out / "path.parquet", VIF_PATH).to_pylist()
    assert [row["removed"] for row in path] == [event.removed for event in result.events]
    assert path[0]["remaining"] == 5


def test_the_checkpoint_says_what_was_done(tmp_path: Path):
    memory = tmp_path / "memory.parquet"
    result = Pass3(tmp_path, planted(), memory=memory)
    noted = {row["stage"] for row in read_table(memory, MEMORY).to_pylist()}
    assert noted >= {"read values", "multiply normal_scores", "eliminate"}
    checkpoint = result.checkpoint
    assert checkpoint["rows"] == ROWS
    assert checkpoint["counts"]["descriptors"] == 6
    assert checkpoint["counts"]["removed"] == len(result.events)
    assert checkpoint["settings"]["vif_matrix"] == "values"
    assert checkpoint["matrix"]["largest_vif_left"] < 10
    assert (checkpoint["code_version"], checkpoint["table_sha256"]) == ("c0de", "0" * 64)
    members = [entry["name"] for behind in checkpoint["clusters"].values() for entry in behind]
    assert sorted([*members, *checkpoint["clusters"]]) == ["free", "near", "sum", "x", "y", "z"]


def test_the_sensitivity_table_has_both_matrices_and_the_chosen_one(tmp_path: Path):
    columns = planted()
    columns["z"] = np.exp(3 * columns["z"])  # a monotone map leaves the scores as they were
    result = Pass3(tmp_path, columns, eigenvalue_floor=3e-4)
    assert len(result.sensitivity) == 12
    assert {row["matrix"] for row in result.sensitivity} == {"normal_scores", "values"}
    (chosen,) = [row for row in result.sensitivity if row["chosen"] == "yes"]
    assert (chosen["eigenvalue_floor"], chosen["jaccard_to_chosen"]) == ("0.0003", "1.0000")
    assert int(chosen["survivors"]) == len(result.survivors)
    scores = Pass3(tmp_path / "scores", columns, vif_matrix="normal_scores")
    one, other = set(result.survivors), set(scores.survivors)
    (row,) = [
        row
        for row in result.sensitivity
        if (row["matrix"], row["eigenvalue_floor"]) == ("normal_scores", "0.0001")
    ]
    assert one != other
    assert float(row["jaccard_to_chosen"]) == pytest.approx(
        len(one & other) / len(one | other), abs=1e-4
    )
    assert {e.removed for e in scores.events} == {
        e.removed for e in Pass3(tmp_path / "plain", planted(), vif_matrix="normal_scores").events
    }


def test_layout_memory_and_threads_do_not_change_a_byte(tmp_path: Path):
    columns = planted()
    columns["x"][::7] = np.nan
    usual = Pass3(tmp_path / "1", columns)
    other = Pass3(tmp_path / "2", columns, cuts=(1, 100), reverse=True, memory_mb=1, threads=3)
    assert usual.events
    for name in ("path.parquet", "events.parquet", "sensitivity.tsv", "checkpoint.json"):
        assert (usual.out / name).read_bytes() == (other.out / name).read_bytes()


def test_row_order_changes_no_removal(tmp_path: Path):
    columns = planted()
    order = np.random.default_rng(1).permutation(ROWS)
    usual = Pass3(tmp_path / "1", columns)
    mixed = Pass3(tmp_path / "2", {name: values[order] for name, values in columns.items()})
    for one, other in zip(usual.events, mixed.events, strict=True):
        assert (one.removed, one.heir) == (other.removed, other.heir)
        assert one.value == pytest.approx(other.value, rel=1e-6)


def test_kept_descriptors_stay_and_unknown_ones_are_refused(tmp_path: Path):
    first = Pass3(tmp_path / "1", planted()).events[0].removed
    assert first in Pass3(tmp_path / "2", planted(), force_keep=[f"{first[0]}*"]).survivors
    with pytest.raises(ConfigError, match="force_keep: nix matches no column"):
        Pass3(tmp_path / "3", planted(), force_keep=["nix"])


def test_heirs_below_the_least_similarity_are_weak(tmp_path: Path):
    """A sum of four independent columns resembles each by a half."""
    generator = np.random.default_rng(2)
    parts = generator.normal(size=(4, ROWS))
    columns = {f"p{number}": part for number, part in enumerate(parts)}
    columns["total"] = parts.sum(axis=0) + 0.01 * generator.normal(size=ROWS)
    result = Pass3(tmp_path, columns, rejects=(), copies={})
    (event,) = result.events
    assert event.weak and event.similarity is not None and event.similarity < 0.7
    assert result.checkpoint["counts"]["weak_heirs"] == 1


@pytest.mark.parametrize(
    ("rejects", "copies"),
    [
        (("free", "near", "reject", "sum", "x", "y", "z", "copy"), {}),
        (("free", "near", "reject", "sum", "y", "z"), {"copy": "x"}),
    ],
)
def test_no_column_and_one_column_pass_through(
    tmp_path: Path, rejects: tuple[str, ...], copies: dict[str, str]
):
    result = Pass3(tmp_path, planted(), rejects=rejects, copies=copies)
    assert result.events == []
    assert result.survivors == (["x"] if copies else [])


def test_more_columns_than_rows(tmp_path: Path):
    generator = np.random.default_rng(5)
    columns = {f"c{number:02d}": generator.normal(size=12) for number in range(30)}
    result = Pass3(tmp_path, columns, rejects=(), copies={}, min_effective_n=10)
    assert 1 <= len(result.survivors) < 12
    assert result.checkpoint["matrix"]["raised_eigenvalues"] >= 18


def test_columns_that_never_meet_are_unrelated(tmp_path: Path):
    """Pairwise-complete correlations with no common row are undefined, not 0 / 0."""
    columns = planted()
    columns["x"][: ROWS // 2] = np.nan
    columns["copy"][ROWS // 2 :] = np.nan
    result = Pass3(tmp_path, columns, copies={})
    heirs = {event.removed: event.heir for event in result.events}
    assert heirs.get("copy") != "x" and heirs.get("x") != "copy"


def test_passes_that_do_not_fit_one_another_are_refused(tmp_path: Path):
    with pytest.raises(IntegrityError, match=r"copy.*has an heir, nix"):
        Pass3(tmp_path / "1", planted(), copies={"copy": "nix"})
    with pytest.raises(ConfigError, match="vif_matrix ranks: allowed are"):
        Pass3(tmp_path / "2", planted(), vif_matrix="ranks")


def test_statistics_and_events_of_pass_1_must_agree(tmp_path: Path):
    Pass3(tmp_path, planted())
    write_events(tmp_path / "before1.parquet", [Event("y", None, 1, reason="missing_ratio")])
    with pytest.raises(IntegrityError, match=r"(y|reject) survives by the statistics or by"):
        run(
            tmp_path / "table.json",
            tmp_path / "converted",
            tmp_path / "statistics.parquet",
            [tmp_path / "before1.parquet", tmp_path / "before2.parquet"],
            *(tmp_path / name for name in ("p", "e", "s", "c")),
            **{**DEFAULTS, "tmpdir": tmp_path},
        )


def test_transforms_by_hand():
    values = np.array([3.0, np.nan, 1.0, 1.0, np.inf, -5e200])
    scores = scores_of(values)
    assert np.isnan(scores[[1, 4]]).all()
    # Mid-ranks 4, 2.5, 2.5, 1 of four: quantiles at 0.8, 0.5, 0.5, 0.2.
    assert scores[[0, 2, 3, 5]] == pytest.approx([0.8416212, 0, 0, -0.8416212], abs=1e-6)
    assert mid_ranks(values)[0] == 4
    scaled = standardized(values)
    assert np.isnan(scaled[[1, 4]]).all()
    assert np.nanmean(scaled) == pytest.approx(0, abs=1e-12)
    assert np.nanstd(scaled) == pytest.approx(1)
    assert standardized(np.array([2.0, 2.0])).tolist() == [0.0, 0.0]
    assert np.isnan(standardized(np.array([np.nan]))).all()
