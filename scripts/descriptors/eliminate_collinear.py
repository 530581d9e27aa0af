"""Pass 3: removes descriptors that the others explain together.

In: the table, the statistics of pass 1 and the events of passes 1 and 2. Out: the path of the
elimination, its events, its sensitivity to the matrix and to the eigenvalue floor, and a checkpoint
with the clusters. The variance inflation factors are the diagonal of the inverse of a correlation
matrix, of mid-rank normal scores or of values; the largest that reaches the threshold goes, one at
a time (Belsley, Kuh & Welsch 1980). Its heir is the remaining descriptor with the largest |ρ|.
"""

import logging
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from scripts.common.entry import entry
from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.files import write_json
from scripts.common.progress import Progress
from scripts.common.tables import table_of_rows, write_table
from scripts.common.tsv import write_tsv
from scripts.descriptors.columns import DescriptorTable, required_values
from scripts.descriptors.events import Event, require_forest, survivors_of, write_events
from scripts.descriptors.lineage import treated_names
from scripts.descriptors.matrices import write_matrices
from scripts.descriptors.memory_log import MemoryLog
from scripts.descriptors.pair_correlations import TRANSFORMS, pair_correlations
from scripts.descriptors.results_folder import read_all_events, read_pass1_survivors, read_roles
from scripts.descriptors.roles import kept_names
from scripts.descriptors.tables import VIF_PATH
from scripts.descriptors.vif import REFRESH_STEPS, Elimination
from scripts.descriptors.vif_sensitivity import (
    COLUMNS,
    FLOORS,
    Variant,
    eliminate_variants,
    sensitivity_rows,
)

_logger = logging.getLogger(__name__)
_PACKAGES = ("numpy", "scipy", "torch")


def run(
    table: Path,
    converted: Path,
    statistics: Path,
    events_before: list[Path],
    path: Path,
    events: Path,
    sensitivity: Path,
    checkpoint: Path,
    *,
    vif_threshold: float,
    vif_matrix: str,
    eigenvalue_floor: float,
    heir_min_similarity: float,
    min_effective_n: int,
    force_keep: list[str],
    memory_mb: float,
    threads: int,
    tmpdir: Path,
    code_hash: str,
    memory: Path | None = None,
    correlation: Path | None = None,
) -> None:
    """Eliminate collinear descriptors.

    Args:
        table: manifest of the table.
        converted: folder of its converted parts.
        statistics: statistics of pass 1.
        events_before: events of passes 1 and 2, in this order.
        path: table of the elimination's steps to write.
        events: events to write, in the same order.
        sensitivity: TSV to write: survivors for both matrices and a few floors.
        checkpoint: JSON to write: settings, counts, clusters.
        vif_threshold: smallest VIF that is removed, above 1.
        vif_matrix: "normal_scores" or "values".
        eigenvalue_floor: smallest eigenvalue of the matrix, in (0, 1).
        heir_min_similarity: |ρ| to the heir below which a removal is flagged as weak.
        min_effective_n: fewest rows that two descriptors must share.
        force_keep: names, or patterns of names, that are never removed.
        memory_mb: memory that the step may use.
        threads: threads of the products.
        tmpdir: local disk for the features.
        code_hash: version of the code, for the checkpoint.
        memory: table of memory and seconds by block to write, where it is wanted.
        correlation: safetensors to write, the correlations of the chosen matrix, where wanted.
    """
    if vif_matrix not in TRANSFORMS:
        raise ConfigError(f"vif_matrix {vif_matrix}: allowed are {', '.join(TRANSFORMS)}")
    torch.set_num_threads(threads)
    source = DescriptorTable(table, converted)
    names = names_before(table, statistics, events_before)
    keep = kept_places(names, force_keep)
    overlap = required_values(min_effective_n, source.rows)
    memory_log = MemoryLog()
    correlations = {
        matrix: pair_correlations(
            source,
            names,
            matrix,
            min_overlap=overlap,
            memory_mb=memory_mb,
            threads=threads,
            tmpdir=tmpdir,
            memory=memory_log,
        )
        for matrix in sorted(TRANSFORMS)
    }
    floors = {*FLOORS, eigenvalue_floor}
    progress = Progress(
        "eliminate_collinear", total=len(correlations) * len(floors), unit="eliminations"
    )
    # One thread: how a factorization is split among threads changes its last bits.
    with threadpool_limits(1, user_api="blas"):
        variants = eliminate_variants(
            correlations,
            floors,
            threshold=vif_threshold,
            keep=keep,
            done=lambda: _eliminated(progress, memory_log),
        )
    progress.finish()
    (chosen,) = [v for v in variants if (v.matrix, v.floor) == (vif_matrix, eigenvalue_floor)]
    removals = removal_events(
        chosen.elimination, names, vif_threshold=vif_threshold, weak_below=heir_min_similarity
    )
    require_forest(names, removals)
    write_table(path, table_of_rows(path_rows(chosen.elimination, names), VIF_PATH), VIF_PATH)
    write_events(events, removals)
    if memory is not None:
        memory_log.write(memory)
    if correlation is not None:
        facts = {"rows": str(source.rows), "table_sha256": source.sha256}
        write_matrices(correlation, names, {vif_matrix: correlations[vif_matrix]}, facts)
    write_tsv(
        sensitivity,
        COLUMNS,
        sensitivity_rows(variants, chosen, heir_min_similarity=heir_min_similarity),
    )
    write_json(
        checkpoint,
        {
            "pass": 3,
            "rows": source.rows,
            "settings": {
                "vif_threshold": vif_threshold,
                "vif_matrix": vif_matrix,
                "eigenvalue_floor": eigenvalue_floor,
                "heir_min_similarity": heir_min_similarity,
                "min_effective_n": min_effective_n,
                "min_overlap": overlap,
                "force_keep": force_keep,
                "refresh_steps": REFRESH_STEPS,
            },
            **outcome(chosen, names, removals),
            "seed": None,  # nothing is drawn
            "package_versions": {package: version(package) for package in _PACKAGES},
            "code_version": code_hash,
            "table_sha256": source.sha256,
        },
    )
    _logger.info(
        "%d descriptors, %d removed, %d survive; smallest eigenvalue %.3g, %d raised to %g",
        len(names),
        len(removals),
        len(names) - len(removals),
        chosen.smallest,
        chosen.clipped,
        eigenvalue_floor,
    )


def _eliminated(progress: Progress, memory: MemoryLog) -> None:
    memory.note("eliminate")
    progress.advance(1)


def names_before(table: Path, statistics: Path, events_before: Sequence[Path]) -> list[str]:
    """Return the descriptors that earlier passes left, sorted.

    Raises:
        IntegrityError: the earlier passes' tables are damaged or do not fit one another.
    """
    names, removals = treated_names(read_roles(table)), read_all_events(events_before)
    require_forest(names, removals)
    rejects = [event for event in removals if event.pass_number == 1]
    if differing := sorted(set(survivors_of(names, rejects)) ^ read_pass1_survivors(statistics)):
        raise IntegrityError(
            f"{statistics}: {differing[0]} survives by the statistics or by the events of pass 1 "
            "and not by the other; run filter_variance again"
        )
    return survivors_of(names, removals)


def kept_places(names: Sequence[str], force_keep: Sequence[str]) -> list[int]:
    """Return the places of the descriptors that names or patterns (`*`, `?`, `[…]`) keep.

    Raises:
        ConfigError: one of them matches no descriptor.
    """
    kept = kept_names(force_keep, names)
    return [place for place, name in enumerate(names) if name in kept]


def removal_events(
    elimination: Elimination, names: Sequence[str], *, vif_threshold: float, weak_below: float
) -> list[Event]:
    """Return the steps of an elimination as events."""
    return [
        Event(
            removed=names[step.removed],
            heir=names[step.heir],
            pass_number=3,
            statistic="vif",
            value=step.vif,
            threshold=vif_threshold,
            similarity=step.similarity,
            weak=step.similarity < weak_below,
        )
        for step in elimination.steps
    ]


def path_rows(elimination: Elimination, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the steps of an elimination as rows of `VIF_PATH`."""
    return [
        {
            "step": number,
            "removed": names[step.removed],
            "vif": step.vif,
            "heir": names[step.heir],
            "similarity": step.similarity,
            "remaining": step.remaining,
        }
        for number, step in enumerate(elimination.steps, start=1)
    ]


def outcome(chosen: Variant, names: Sequence[str], removals: Sequence[Event]) -> dict[str, Any]:
    """Return counts, facts of the matrix, and the clusters: survivors with what they stand for."""
    owner = {names[place]: names[place] for place in chosen.elimination.remaining.tolist()}
    clusters: dict[str, list[dict[str, Any]]] = {name: [] for name in owner}
    # The last removal first: the survivor of its heir is known by then.
    for event in reversed(removals):
        owner[event.removed] = owner[str(event.heir)]
        clusters[owner[event.removed]].append(
            {"name": event.removed, "heir": event.heir, "similarity": event.similarity}
        )
    factors = chosen.elimination.vif
    return {
        "counts": {
            "descriptors": len(names),
            "survivors": len(clusters),
            "removed": len(removals),
            "weak_heirs": sum(event.weak for event in removals),
        },
        "matrix": {
            "smallest_eigenvalue": chosen.smallest,
            "raised_eigenvalues": chosen.clipped,
            "fresh_inverses": 1 + chosen.elimination.refreshes,
            "largest_vif_left": float(factors.max()) if factors.size else None,
        },
        "clusters": {
            name: sorted(behind, key=lambda entry: str(entry["name"]))
            for name, behind in sorted(clusters.items())
        },
    }


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
