"""Similarities with a known structure, and files that the clustering passes read."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from scripts.common.files import read_json
from scripts.common.tables import read_table, table_of_rows, write_table
from scripts.descriptors import cluster_correlated, cluster_dependent
from scripts.descriptors.matrices import write_matrices
from scripts.descriptors.representatives import ColumnFacts
from scripts.descriptors.similarity_graph import Numbers
from scripts.descriptors.tables import CLUSTERS, EVENTS, STATISTICS

THRESHOLD = 0.95
RATIO = 0.9 / 0.95
LEVELS = [0.0, 0.3, 0.9, 0.94, 0.95, 0.96, 0.98, 1.0, float("nan")]
OUTPUTS = ("clusters", "events", "methods", "restarts_table", "checkpoint")


def names_of(count: int) -> list[str]:
    return [f"d{number:03d}" for number in range(count)]


def symmetric(pairs: Mapping[tuple[int, int], float], count: int, rest: float = 0.1) -> Numbers:
    """Similarities of the pairs given, and `rest` for all others."""
    similarity = np.full((count, count), rest)
    for (first, second), value in pairs.items():
        similarity[first, second] = similarity[second, first] = value
    np.fill_diagonal(similarity, 1.0)
    return similarity


def planted_blocks(
    sizes: Sequence[int], *, bridges: int, seed: int = 0
) -> tuple[Numbers, list[int]]:
    """Blocks whose members are all alike, with some edges from each to the next of several."""
    generator = np.random.default_rng(seed)
    block = np.repeat(np.arange(len(sizes)), sizes)
    count = block.size
    inside = block[:, None] == block[None, :]
    similarity = np.where(
        inside,
        generator.uniform(0.955, 0.999, (count, count)),
        generator.uniform(0.0, 0.9, (count, count)),
    )
    similarity = np.triu(similarity, 1)
    for number in range(sum(size > 1 for size in sizes) - 1):
        here, there = np.flatnonzero(block == number), np.flatnonzero(block == number + 1)
        for _ in range(bridges):
            similarity[generator.choice(here), generator.choice(there)] = 0.96
    similarity = similarity + similarity.T
    np.fill_diagonal(similarity, 1.0)
    return similarity, block.tolist()


def hard_similarity() -> Numbers:
    """A chain whose best partition Leiden misses in many runs."""
    generator = np.random.default_rng(4)
    steps = np.cumsum(generator.normal(scale=0.1, size=(60, 300)), axis=0)
    rho = np.abs(np.corrcoef(steps + generator.normal(size=300)))
    return (np.minimum(rho, 1.0) + np.minimum(rho, 1.0).T) / 2


@st.composite
def similarities(draw: st.DrawFn, *, most: int = 8) -> Numbers:
    """Small symmetric matrices with edges, ties, far pairs and undefined ones."""
    count = draw(st.integers(1, most))
    inside = draw(
        st.lists(
            st.sampled_from(LEVELS),
            min_size=count * (count - 1) // 2,
            max_size=count * (count - 1) // 2,
        )
    )
    similarity = np.zeros((count, count))
    similarity[np.triu_indices(count, 1)] = inside
    similarity = similarity + similarity.T
    np.fill_diagonal(similarity, 1.0)
    return similarity


def partition_of(labels: Iterable[int], names: Sequence[str]) -> set[frozenset[str]]:
    """The clusters as sets of names, without numbers."""
    clusters: dict[int, set[str]] = {}
    for label, name in zip(labels, names, strict=True):
        clusters.setdefault(int(label), set()).add(name)
    return {frozenset(cluster) for cluster in clusters.values()}


def equal_facts(names: Sequence[str]) -> dict[str, ColumnFacts]:
    return {name: ColumnFacts(0.0, 0.1) for name in names}


def write_statistics(path: Path, facts: Mapping[str, ColumnFacts]) -> Path:
    rows: list[dict[str, Any]] = [
        {
            **dict.fromkeys(STATISTICS.names),
            "name": name,
            "missing_ratio": fact.missing_ratio,
            "scaled_variance": None if np.isnan(fact.scaled_variance) else fact.scaled_variance,
        }
        for name, fact in facts.items()
    ]
    write_table(path, table_of_rows(rows, STATISTICS), STATISTICS)
    return path


def _finish(folder: Path) -> dict[str, Any]:
    def rows_of(name: str) -> list[dict[str, str]]:
        with (folder / name).open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream, delimiter="\t"))

    return {
        "clusters": read_table(folder / "clusters", CLUSTERS).to_pylist(),
        "events": read_table(folder / "events", EVENTS).to_pylist(),
        "methods": {row["method"]: row for row in rows_of("methods")},
        "restarts": rows_of("restarts_table"),
        "checkpoint": read_json(folder / "checkpoint"),
    }


def run_correlated(
    folder: Path,
    names: Sequence[str],
    rho: Numbers,
    *,
    facts: Mapping[str, ColumnFacts] | None = None,
    **changed: Any,
) -> dict[str, Any]:
    """Run pass 2 on a matrix; return what it wrote."""
    write_matrices(folder / "matrix", names, {"spearman": rho}, {"rows": "500"})
    statistics = write_statistics(folder / "statistics", facts or equal_facts(names))
    settings: dict[str, Any] = {
        "spearman_threshold": THRESHOLD,
        "method": "leiden",
        "min_representative_similarity": None,
        "resolution_ratio": RATIO,
        "restarts": 20,
        "force_keep": [],
        "prefer": [],
        "seed": 3,
        "code_hash": "abc",
    } | changed
    cluster_correlated.run(
        folder / "matrix", statistics, *(folder / name for name in OUTPUTS), **settings
    )
    return _finish(folder)


def run_dependent(
    folder: Path, names: Sequence[str], nhsic: Numbers, rdc: Numbers, **changed: Any
) -> dict[str, Any]:
    """Run pass 4 on its matrices; return what it wrote.

    Every descriptor explains the others wholly, where `explained` is not given.
    """
    explained = changed.pop("explained", np.where(np.isnan(rdc), np.nan, 1.0))
    arrays = {"hsic": nhsic, "rdc": rdc, "explained": explained}
    write_matrices(folder / "matrix", names, arrays, {"rows": "500"})
    statistics = write_statistics(folder / "statistics", equal_facts(names))
    settings: dict[str, Any] = {
        "hsic_threshold": 0.7,
        "rdc_threshold": 0.9,
        "min_explained": 0.7,
        "hsic_weight": 0.5,
        "rdc_weight": 0.5,
        "nonlinear_threshold": None,
        "method": "leiden",
        "min_representative_similarity": None,
        "resolution_ratio": RATIO,
        "restarts": 20,
        "force_keep": [],
        "prefer": [],
        "seed": 3,
        "code_hash": "abc",
    } | changed
    cluster_dependent.run(
        folder / "matrix", statistics, *(folder / name for name in OUTPUTS), **settings
    )
    return _finish(folder)
