"""A table with planted redundancy, and the whole chain of entries from a table to its lineage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scripts.common.files import read_json
from scripts.descriptors import (
    cluster_correlated,
    cluster_dependent,
    correlate_descriptors,
    describe_table,
    eliminate_collinear,
    filter_variance,
    measure_dependence,
    trace_clusters,
)
from scripts.descriptors.events import Event
from scripts.descriptors.results_folder import ResultsFolder, read_all_events, read_final
from tests.descriptors.table_builders import write_parts

ROLES = ("metadata", "labels", "protected", "force_drop")
DEFAULTS: dict[str, Any] = {
    "max_missing_ratio": 0.5,
    "min_effective_n": 100,
    "variance_threshold": 0.002,
    "range_mode": "trimmed",
    "max_mode_share": 0.99,
    "min_distinct": 2,
    "spearman_threshold": 0.95,
    "exact_rows": 200_000,
    "vif_threshold": 10.0,
    "vif_matrix": "normal_scores",
    "eigenvalue_floor": 1e-4,
    "heir_min_similarity": 0.7,
    "hsic_threshold": 0.7,
    "rdc_threshold": 0.9,
    "min_explained": 0.7,
    "hsic_weight": 0.5,
    "rdc_weight": 0.5,
    "nonlinear_threshold": None,
    "hsic_step": 0.75,
    "hsic_frequencies": 4,
    "rdc_basis": "trapezoid",
    "rdc_step": 0.75,
    "rdc_frequencies": 4,
    "method": "leiden",
    "min_representative_similarity": None,
    "resolution_ratio": 0.947,
    "restarts": 5,
    "force_keep": [],
    "prefer": [],
    "seed": 11,
}
_PASS1 = (
    *("max_missing_ratio", "min_effective_n", "variance_threshold", "range_mode"),
    *("max_mode_share", "min_distinct", "force_keep"),
)
_PASS3 = (
    *("vif_threshold", "vif_matrix", "eigenvalue_floor", "heir_min_similarity"),
    *("min_effective_n", "force_keep"),
)
_MEASURE = (
    *("min_effective_n", "hsic_step", "hsic_frequencies", "rdc_basis", "rdc_step"),
    *("rdc_frequencies", "seed"),
)
_CLUSTERING = (
    *("method", "min_representative_similarity", "resolution_ratio", "restarts"),
    *("force_keep", "prefer", "seed"),
)
_JOINT = (
    *("hsic_threshold", "rdc_threshold", "min_explained", "hsic_weight", "rdc_weight"),
    "nonlinear_threshold",
)


@dataclass(frozen=True)
class Chain:
    """What a run of the chain left."""

    folder: ResultsFolder
    settings: dict[str, Any]

    @property
    def sections(self) -> dict[str, Any]:
        """The settings as the steps take them that repeat the passes."""
        given = self.settings

        def section(*names: str) -> dict[str, Any]:
            return {name: given[name] for name in names}

        minimum = section("min_representative_similarity")
        return {
            "statistics_settings": section(
                *("max_missing_ratio", "min_effective_n", "variance_threshold", "range_mode"),
                *("max_mode_share", "min_distinct"),
            ),
            "clustering_settings": section("method", "resolution_ratio", "restarts"),
            "spearman_settings": {
                "threshold": given["spearman_threshold"],
                "exact_rows": given["exact_rows"],
                **minimum,
            },
            "vif_settings": {
                "threshold": given["vif_threshold"],
                "matrix": given["vif_matrix"],
                **section("eigenvalue_floor", "heir_min_similarity"),
            },
            "nonlinear_settings": {
                **section("hsic_threshold", "rdc_threshold", "min_explained"),
                **section("hsic_weight", "rdc_weight"),
                "fusion_threshold": given["nonlinear_threshold"],
                **section("hsic_step", "hsic_frequencies", "rdc_basis", "rdc_step"),
                **section("rdc_frequencies"),
                "rows": None,
                "permutations": 4,
                **minimum,
            },
            **section("force_keep", "prefer", "seed"),
        }

    @property
    def events(self) -> list[Event]:
        return read_all_events(self.folder.events)

    @property
    def survivors(self) -> list[str]:
        return read_final(self.folder.final)

    @property
    def structure(self) -> dict[str, Any]:
        structure: dict[str, Any] = read_json(self.folder.clusters)
        return structure

    @property
    def lineage(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in pq.read_table(self.folder.lineage).to_pylist()}

    def groups(self) -> set[frozenset[str]]:
        """Survivors with what stands behind them."""
        entries = self.structure["descriptors"].values()
        return {frozenset(entry["all_cluster_members"]) for entry in entries}

    def removed_by(self, pass_number: int) -> set[str]:
        return {event.removed for event in self.events if event.pass_number == pass_number}


def run_chain(
    root: Path,
    columns: Mapping[str, Any],
    *,
    cuts: Sequence[int] = (),
    roles: Mapping[str, list[str]] | None = None,
    memory_mb: float = 100,
    measure_mb: float = 2000,
    threads: int = 1,
    **changed: Any,
) -> Chain:
    """Write columns as parts and run all entries on them, from describe_table to trace_clusters."""
    settings = DEFAULTS | changed
    folder = ResultsFolder(root / "descriptors")
    for name in ("pass1", "pass2", "pass3", "pass4"):
        (folder.folder / name).mkdir(parents=True)
    converted = folder.folder / "converted"
    parts = write_parts(root / "parts", columns, cuts)
    declared: dict[str, list[str]] = {role: [] for role in ROLES} | dict(roles or {})
    describe_table.run(parts, folder.table, converted, **declared)
    source: dict[str, Any] = {
        "table": folder.table,
        "converted": converted,
        "statistics": folder.statistics,
    }
    effort: dict[str, Any] = {"memory_mb": memory_mb, "threads": threads}
    tmpdir = root / "tmp"

    def chosen(names: Sequence[str]) -> dict[str, Any]:
        return {name: settings[name] for name in names} | {"code_hash": "c0de"}

    def clustered(number: int) -> dict[str, Any]:
        here = folder.folder / f"pass{number}"
        return {
            "statistics": folder.statistics,
            "clusters": here / "clusters.parquet",
            "events": here / "events.parquet",
            "methods": here / "methods.tsv",
            "restarts_table": here / "restarts.tsv",
        }

    filter_variance.run(
        **source,
        events=folder.events[0],
        checkpoint=folder.folder / "pass1_variance.json",
        **chosen(_PASS1),
        **effort,
    )
    correlate_descriptors.run(
        **source,
        correlation=folder.correlation,
        memory=folder.folder / "pass2" / "memory.parquet",
        spearman_threshold=settings["spearman_threshold"],
        min_effective_n=settings["min_effective_n"],
        exact_rows=settings["exact_rows"],
        tmpdir=tmpdir,
        **effort,
    )
    cluster_correlated.run(
        folder.correlation,
        **clustered(2),
        checkpoint=folder.folder / "pass2_spearman.json",
        spearman_threshold=settings["spearman_threshold"],
        **chosen(_CLUSTERING),
    )
    eliminate_collinear.run(
        **source,
        events_before=folder.events[:2],
        path=folder.folder / "pass3" / "path.parquet",
        events=folder.events[2],
        sensitivity=folder.folder / "pass3" / "sensitivity.tsv",
        checkpoint=folder.folder / "pass3_vif.json",
        correlation=folder.folder / "pass3" / "correlation.safetensors",
        tmpdir=tmpdir,
        **chosen(_PASS3),
        **effort,
    )
    measure_dependence.run(
        **source,
        events_before=folder.events[:3],
        dependence=folder.dependence,
        null=folder.folder / "pass4" / "null.json",
        memory=folder.folder / "pass4" / "memory.parquet",
        permutations=4,
        tmpdir=tmpdir,
        memory_mb=measure_mb,
        threads=threads,
        **chosen(_MEASURE),
    )
    cluster_dependent.run(
        folder.dependence,
        **clustered(4),
        checkpoint=folder.folder / "pass4_nonlinear.json",
        **{name: settings[name] for name in _JOINT},
        **chosen(_CLUSTERING),
    )
    trace_clusters.run(
        folder.table,
        folder.statistics,
        folder.events,
        folder.clusters,
        folder.final,
        folder.lineage,
        folder.lineage_csv,
        code_hash="c0de",
        correlation=folder.correlation,
        verbose=False,
    )
    return Chain(folder, settings)


PLANTED_ROLES = {
    "metadata": ["id"],
    "labels": ["label*"],
    "protected": ["weight"],
    "force_drop": ["dropped"],
}
PLANTED_KEPT = ["kept_*"]


def planted_columns(rows: int = 600, seed: int = 1) -> dict[str, Any]:
    """Columns of every kind, in the order of their groups; roles are those of `PLANTED_ROLES`."""
    generator = np.random.Generator(np.random.Philox(seed))
    a, b, c, d, e, f, g, h, drop = generator.standard_normal((9, rows))
    gaps = generator.random((3, rows))
    noise = generator.standard_normal((6, rows))
    one_other = np.where(np.arange(rows) == rows // 3, 1.0, 0.0)
    columns: dict[str, Any] = {
        "id": [f"item {number}" for number in range(rows)],
        "label_a": a,
        "label_text": ["yes" if value > 0 else "no" for value in a],
        "weight": noise[0],
        "dropped": drop,
        "a": a,
        "a_copy": a,
        "a_scaled": -2.54 * a + 7,
        "b": b,
        "b_exp": np.exp(b),
        "b_cubed": -(b**3),
        "c": c,
        "d": d,
        "c_and_d": 2 * c + d,
        "e": e,
        "e_squared": e**2,
        "f": f,
        "f_cosine": np.cos(3 * f),
        "g": np.where(gaps[0] < 0.2, np.nan, g),
        "g_copy": np.where(gaps[1] < 0.3, np.inf, g),
        "h": h,
        "kept_h": np.where(gaps[2] < 0.1, np.nan, h),  # the worse copy, and yet it stays
        "kept_flat": one_other,
        "constant": np.full(rows, 3, dtype=np.int32),
        "near_constant": one_other,
        "all_missing": pa.nulls(rows, pa.float64()),
        "all_infinite": np.full(rows, -np.inf),
        "mostly_missing": np.where(gaps[0] < 0.6, np.nan, drop),
        "counts": generator.poisson(3, rows),
        "flags": generator.random(rows) < 0.4,
    }
    return columns | {f"noise{number}": values for number, values in enumerate(noise)}


# Each with what is to stand behind one survivor.
PLANTED_GROUPS = {
    frozenset(group)
    for group in (
        {"a", "a_copy", "a_scaled"},
        {"b", "b_exp", "b_cubed"},
        {"c", "c_and_d"},
        {"d"},
        {"e", "e_squared"},
        {"f", "f_cosine"},
        {"g", "g_copy"},
        {"h", "kept_h"},
        {"kept_flat"},
        {"counts"},
        {"flags"},
        *({f"noise{number}"} for number in range(6)),
    )
}
PLANTED_REJECTS = {
    "dropped": "force_drop",
    "constant": "distinct",
    "near_constant": "mode_share",
    "all_missing": "missing_ratio",
    "all_infinite": "missing_ratio",
    "mostly_missing": "missing_ratio",
}
