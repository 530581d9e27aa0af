"""Descriptor tables as tests need them: parts, manifests, statistics."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scripts.common.tables import table_of_rows, write_table
from scripts.descriptors import correlate_descriptors, describe_table, filter_variance
from scripts.descriptors.columns import DescriptorTable
from scripts.descriptors.matrices import Matrices, read_matrices
from scripts.descriptors.tables import STATISTICS

LIMITS: dict[str, Any] = {
    "max_missing_ratio": 0.5,
    "min_effective_n": 10,
    "variance_threshold": 0.002,
    "range_mode": "trimmed",
    "max_mode_share": 0.99,
    "min_distinct": 2,
    "force_keep": [],
    "memory_mb": 100,
    "code_hash": "c0de",
    "threads": 1,
}
SPEARMAN: dict[str, Any] = {
    "spearman_threshold": 0.95,
    "min_effective_n": 10,
    "exact_rows": 200_000,
    "memory_mb": 100,
    "threads": 1,
}


def write_parts(
    folder: Path, columns: Mapping[str, Any], cuts: Sequence[int] = (), **options: Any
) -> list[Path]:
    """Write columns as Parquet parts that are cut before the rows `cuts`."""
    table = pa.table(dict(columns))
    edges = [0, *cuts, table.num_rows]
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, (start, stop) in enumerate(pairwise(edges)):
        paths.append(folder / f"part-{number:03d}.parquet")
        pq.write_table(table.slice(start, stop - start), paths[-1], **options)
    return paths


def describe(folder: Path, parts: Sequence[Path], **roles: list[str]) -> DescriptorTable:
    """Run describe_table; the manifest is `folder`/table.json."""
    declared: dict[str, list[str]] = {
        "metadata": [],
        "labels": [],
        "protected": [],
        "force_drop": [],
    } | roles
    describe_table.run(list(parts), folder / "table.json", folder / "converted", **declared)
    return DescriptorTable(folder / "table.json")


def pass1(folder: Path, **limits: Any) -> dict[str, dict[str, Any]]:
    """Run filter_variance; return the statistics by name."""
    filter_variance.run(
        folder / "table.json",
        folder / "converted",
        folder / "statistics.parquet",
        folder / "events.parquet",
        folder / "pass1_variance.json",
        **(LIMITS | limits),
    )
    rows = pq.read_table(folder / "statistics.parquet").to_pylist()
    return {row["name"]: row for row in rows}


def all_survive(folder: Path) -> None:
    """Write statistics by which every descriptor of the manifest survives."""
    names = DescriptorTable(folder / "table.json").names
    rows = [{"name": name, "survives": True} for name in names]
    write_table(folder / "statistics.parquet", table_of_rows(rows, STATISTICS), STATISTICS)


def pass2(folder: Path, **options: Any) -> Matrices:
    """Run correlate_descriptors; return its matrices."""
    correlate_descriptors.run(
        folder / "table.json",
        folder / "converted",
        folder / "statistics.parquet",
        folder / "correlation.safetensors",
        folder / "memory.parquet",
        **({"tmpdir": folder / "tmp"} | SPEARMAN | options),
    )
    return read_matrices(folder / "correlation.safetensors")


def mixed_columns(rows: int = 400, seed: int = 0) -> dict[str, np.ndarray[Any, Any]]:
    """Correlated columns of several kinds, some with missing values."""
    rng = np.random.Generator(np.random.Philox(seed))
    base = rng.normal(size=(rows, 3))
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for number in range(12):
        values = base @ rng.normal(size=3) + rng.uniform(0.05, 1) * rng.normal(size=rows)
        if number % 3 == 1:
            values = np.round(2 * values)
        if number % 4 == 2:
            values = np.where(base[:, number % 3] > 0.5, np.nan, values)
        if number % 4 == 3:
            values = np.where(rng.random(rows) < 0.1, np.nan, values)
        columns[f"d{number:02d}"] = values
    columns["copy"] = columns["d02"].copy()
    columns["monotone"] = np.exp(columns["d00"] / 4)
    return columns
