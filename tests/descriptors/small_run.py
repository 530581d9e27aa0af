"""The whole chain on a small planted table, step by step as the rules call it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scripts.descriptors import (
    cluster_correlated,
    cluster_dependent,
    correlate_descriptors,
    describe_table,
    eliminate_collinear,
    filter_variance,
    measure_dependence,
    summarize_descriptors,
    trace_clusters,
)

ROWS = 300
CHECKPOINTS = ("1_variance", "2_spearman", "3_vif", "4_nonlinear")
TABLES = {
    **{
        name: f"{name}.tsv"
        for name in (
            *("funnel", "reasons", "cluster_sizes", "survivors"),
            *("largest_clusters", "weak_heirs", "clusterings"),
        )
    },
    **{name: f"{name}.parquet" for name in ("heatmap", "pairs")},
    "summary": "summary.json",
}


def planted() -> dict[str, np.ndarray]:
    """Two blocks that Spearman joins, a sum for pass 3, a square for pass 4, two rejects."""
    generator = np.random.default_rng(5)
    a, b, c, d, e, w = generator.normal(size=(6, ROWS))
    noise = generator.normal(size=(3, ROWS))
    gaps = generator.random(ROWS)
    return {
        "a1": a,
        "a2": np.exp(a),
        "a3": -3 * a,
        "a4": a + 0.05 * noise[0],
        "b1": b,
        "b2": np.where(gaps < 0.2, np.nan, b + 0.02 * noise[1]),
        "c": c,
        "d": d,
        "e": e,
        "sum": c + d + e + 0.05 * noise[2],
        "w": w,
        "w_squared": w**2,
        "flat": np.ones(ROWS),
        "rare": np.where(gaps < 0.8, np.nan, gaps),
    }


def independent(count: int = 4) -> dict[str, np.ndarray]:
    """Columns that have nothing to do with each other."""
    values = np.random.default_rng(8).normal(size=(count, ROWS))
    return {f"x{number}": column for number, column in enumerate(values)}


def small_run(folder: Path, columns: Mapping[str, np.ndarray], **nonlinear: Any) -> Path:
    """Run all passes on a table with an id and a label; return the folder of the results.

    Args:
        folder: where table and results go.
        columns: the descriptors.
        nonlinear: settings of pass 4 that differ from the defaults.
    """
    results, part = folder / "results", folder / "table.parquet"
    extra = {"id": [f"m{row}" for row in range(ROWS)], "toxic": [row % 2 for row in range(ROWS)]}
    results.mkdir(parents=True)
    pq.write_table(pa.table({**extra, **columns}), part)
    table, converted = results / "table.json", results / "converted"
    checkpoints = {name[0]: results / f"pass{name}.json" for name in CHECKPOINTS}
    statistics = results / "pass1" / "statistics.parquet"
    events = [results / f"pass{number}" / "events.parquet" for number in (1, 2, 3, 4)]
    engine: dict[str, Any] = {"memory_mb": 1500, "threads": 1}
    clustering: dict[str, Any] = {
        "method": "leiden",
        "min_representative_similarity": None,
        "resolution_ratio": 0.947,
        "restarts": 6,
        "force_keep": [],
        "prefer": [],
        "seed": 3,
        "code_hash": "c0de",
    }

    def clustered(number: int) -> dict[str, Any]:
        folder = results / f"pass{number}"
        return {
            "clusters": folder / "clusters.parquet",
            "events": folder / "events.parquet",
            "methods": folder / "methods.tsv",
            "restarts_table": folder / "restarts.tsv",
            "checkpoint": checkpoints[str(number)],
        }

    describe_table.run(
        [part], table, converted, metadata=["id"], labels=["toxic"], protected=[], force_drop=[]
    )
    filter_variance.run(
        *(table, converted, statistics, events[0], checkpoints["1"]),
        max_missing_ratio=0.5,
        min_effective_n=100,
        variance_threshold=0.002,
        range_mode="trimmed",
        max_mode_share=0.99,
        min_distinct=2,
        force_keep=[],
        code_hash="c0de",
        **engine,
    )
    correlation = results / "pass2" / "correlation.safetensors"
    correlate_descriptors.run(
        *(table, converted, statistics, correlation, results / "pass2" / "memory.parquet"),
        spearman_threshold=0.95,
        min_effective_n=100,
        exact_rows=200_000,
        tmpdir=folder / "tmp",
        **engine,
    )
    cluster_correlated.run(
        correlation,
        statistics,
        **clustered(2),
        spearman_threshold=0.95,
        **clustering,
    )
    eliminate_collinear.run(
        *(table, converted, statistics, events[:2], results / "pass3" / "path.parquet"),
        *(events[2], results / "pass3" / "sensitivity.tsv", checkpoints["3"]),
        vif_threshold=10.0,
        vif_matrix="normal_scores",
        eigenvalue_floor=1e-4,
        heir_min_similarity=0.7,
        min_effective_n=100,
        force_keep=[],
        tmpdir=folder / "tmp",
        code_hash="c0de",
        **engine,
    )
    dependence = results / "pass4" / "dependence.safetensors"
    measure_dependence.run(
        *(table, converted, statistics, events[:3], dependence, results / "pass4" / "null.json"),
        results / "pass4" / "memory.parquet",
        rows=None,
        permutations=16,
        min_effective_n=100,
        hsic_step=0.75,
        hsic_frequencies=4,
        rdc_basis="trapezoid",
        rdc_step=0.75,
        rdc_frequencies=4,
        seed=3,
        tmpdir=folder / "tmp",
        code_hash="c0de",
        **engine,
    )
    measures: dict[str, Any] = {
        "hsic_threshold": 0.7,
        "rdc_threshold": 0.9,
        "min_explained": 0.7,
        "hsic_weight": 0.5,
        "rdc_weight": 0.5,
        "nonlinear_threshold": None,
    }
    cluster_dependent.run(
        dependence,
        statistics,
        **clustered(4),
        **{**measures, **nonlinear},
        **clustering,
    )
    trace_clusters.run(
        *(table, statistics, events, results / "surviving_descriptors_clusters.json"),
        *(results / "final_descriptors.txt", results / "descriptor_lineage.parquet"),
        results / "descriptor_lineage.csv",
        code_hash="c0de",
        correlation=correlation,
        verbose=False,
    )
    return results


def summarize(results: Path, tables: Path | None = None, **changed: Any) -> Path:
    """Write the track's tables; return their folder."""
    tables = tables or results / "tables"
    tables.mkdir(parents=True, exist_ok=True)

    def of_clusterings(name: str) -> list[Path]:
        return [results / f"pass{number}" / name for number in (2, 4)]

    arguments: dict[str, Any] = {
        "statistics": results / "pass1" / "statistics.parquet",
        "events": [results / f"pass{number}" / "events.parquet" for number in (1, 2, 3, 4)],
        "checkpoints": [results / f"pass{name}.json" for name in CHECKPOINTS],
        "clusters": of_clusterings("clusters.parquet"),
        "methods": of_clusterings("methods.tsv"),
        "restarts_tables": of_clusterings("restarts.tsv"),
        "correlation": results / "pass2" / "correlation.safetensors",
        "dependence": results / "pass4" / "dependence.safetensors",
        "path": results / "pass3" / "path.parquet",
        "null": results / "pass4" / "null.json",
        "lineage": results / "descriptor_lineage.parquet",
        "clusters_json": results / "surviving_descriptors_clusters.json",
        "seed": 3,
        "code_hash": "c0de",
        **{name: tables / file for name, file in TABLES.items()},
    }
    summarize_descriptors.run(**{**arguments, **changed})
    return tables
