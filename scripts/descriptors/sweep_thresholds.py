"""How many descriptors survive each pass for other thresholds, the passes before as configured.

In: the statistics, the matrices and the events of the passes. Out: tables/sweep.tsv, a row for each
pass and threshold. No value of the table is read again: pass 1 is decided by its statistics, passes
2 to 4 by their matrices. The row of the configured threshold has to repeat the pass itself.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from scripts.common.entry import entry
from scripts.common.errors import IntegrityError
from scripts.common.files import read_json
from scripts.common.progress import Progress
from scripts.common.tables import read_table
from scripts.common.tsv import write_tsv
from scripts.descriptors.cluster_pass import column_facts, explained_shares, magnitudes
from scripts.descriptors.column_statistics import ColumnStatistics
from scripts.descriptors.eliminate_collinear import names_before
from scripts.descriptors.matrices import Matrices, read_matrices
from scripts.descriptors.repeated_passes import (
    PassSettings,
    correlated_clusters,
    dependent_clusters,
    eliminations,
)
from scripts.descriptors.roles import FORCE_DROP, kept_names
from scripts.descriptors.tables import STATISTICS

_logger = logging.getLogger(__name__)
COLUMNS = ("pass_number", "thresholds", "survivors", "removed", "configured")
VARIANCE = (0.0, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
SPEARMAN = (0.80, 0.85, 0.90, 0.95, 0.99)
VIF = (5.0, 10.0, 20.0, 50.0)
DEPENDENCE_SCALES = (0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1)


@dataclass(frozen=True)
class SweepRow:
    """Survivors of a pass for one threshold.

    Attributes:
        number: of the pass.
        thresholds: in words, `measure=value`, several with spaces between them.
        survivors: descriptors that are left.
        removed: descriptors that the pass removes.
        configured: whether the configuration says so.
    """

    number: int
    thresholds: str
    survivors: int
    removed: int
    configured: bool


def run(
    table: Path,
    statistics: Path,
    events: list[Path],
    correlation: Path,
    vif_correlation: Path,
    dependence: Path,
    sweep: Path,
    *,
    statistics_settings: dict[str, Any],
    clustering_settings: dict[str, Any],
    spearman_settings: dict[str, Any],
    vif_settings: dict[str, Any],
    nonlinear_settings: dict[str, Any],
    force_keep: list[str],
    prefer: list[str],
    seed: int,
) -> None:
    """Count survivors for several thresholds of each pass.

    Args:
        table: manifest of the table.
        statistics: statistics of pass 1.
        events: events of passes 1 to 4, in this order.
        correlation: matrices of pass 2, with "spearman".
        vif_correlation: matrix of pass 3, by the name of the configured one.
        dependence: matrices of pass 4, with "hsic", "rdc" and "explained".
        sweep: TSV to write.
        statistics_settings: the configuration's section `statistics`.
        clustering_settings: its section `clustering`.
        spearman_settings: its section `spearman`.
        vif_settings: its section `vif`.
        nonlinear_settings: its section `nonlinear`.
        force_keep: names or patterns of descriptors that are never removed.
        prefer: names or patterns of descriptors that win as representatives, in this order.
        seed: seed of the run.

    Raises:
        IntegrityError: a configured threshold gives another number than the pass did.
    """
    settings = PassSettings(
        statistics_settings,
        clustering_settings,
        spearman_settings,
        vif_settings,
        nonlinear_settings,
        tuple(force_keep),
        tuple(prefer),
        seed,
    )
    total = len(_grid(VARIANCE, statistics_settings["variance_threshold"]))
    total += len(_grid(SPEARMAN, spearman_settings["threshold"]))
    total += len(_grid(VIF, vif_settings["threshold"])) + len(DEPENDENCE_SCALES)
    progress = Progress("sweep_thresholds", total=total, unit="thresholds")
    found: list[SweepRow] = []
    for rows in (
        _variance_rows(table, statistics, settings),
        _spearman_rows(read_matrices(correlation), correlation, statistics, settings),
        _vif_rows(read_matrices(vif_correlation), vif_correlation, settings),
        _dependence_rows(read_matrices(dependence), dependence, statistics, settings),
    ):
        for row in rows:
            found.append(row)
            progress.advance(1)
    progress.finish()
    require_configured(found, table, statistics, events)
    write_tsv(
        sweep,
        COLUMNS,
        [
            (row.number, row.thresholds, row.survivors, row.removed, _yes(row.configured))
            for row in found
        ],
    )


def require_configured(
    found: Sequence[SweepRow], table: Path, statistics: Path, events: Sequence[Path]
) -> None:
    """Check the configured rows against the passes.

    Raises:
        IntegrityError: one differs.
    """
    for row in found:
        left = len(names_before(table, statistics, events[: row.number]))
        if row.configured and row.survivors != left:
            raise IntegrityError(
                f"{events[row.number - 1]}: pass {row.number} left {left} descriptors, but "
                f"{row.thresholds} now leaves {row.survivors}; delete it and run again"
            )


def _grid(values: Sequence[float], configured: float) -> list[float]:
    return sorted({*values, configured})


def _yes(configured: bool) -> str:
    return "yes" if configured else "no"


def _variance_rows(table: Path, statistics: Path, settings: PassSettings) -> Iterator[SweepRow]:
    measured = {
        row["name"]: None if row["reason"] == FORCE_DROP else _statistics_of(row)
        for row in read_table(statistics, STATISTICS).to_pylist()
    }
    kept = kept_names(settings.force_keep, list(measured))
    criteria = settings.criteria(read_json(table)["rows"])
    configured = criteria.variance_threshold
    for threshold in _grid(VARIANCE, configured):
        limits = replace(criteria, variance_threshold=threshold)
        left = sum(
            found is not None and (name in kept or not any(limits.failures(found)))
            for name, found in measured.items()
        )
        words = f"scaled_variance={threshold:g}"
        yield SweepRow(1, words, left, len(measured) - left, threshold == configured)


def _statistics_of(row: dict[str, Any]) -> ColumnStatistics:
    return ColumnStatistics(**{field.name: row[field.name] for field in fields(ColumnStatistics)})


def _spearman_rows(
    matrices: Matrices, path: Path, statistics: Path, settings: PassSettings
) -> Iterator[SweepRow]:
    names, facts = matrices.names, column_facts(statistics, matrices.names)
    rho = magnitudes(matrices, "spearman", path)
    configured = settings.spearman["threshold"]
    for threshold in _grid(SPEARMAN, configured):
        left = len(correlated_clusters(names, rho, facts, settings.with_spearman(threshold)))
        words = f"spearman={threshold:g}"
        yield SweepRow(2, words, left, len(names) - left, threshold == configured)


def _vif_rows(matrices: Matrices, path: Path, settings: PassSettings) -> Iterator[SweepRow]:
    matrix, configured = settings.vif["matrix"], settings.vif["threshold"]
    if matrix not in matrices.arrays:
        raise IntegrityError(f"{path} has no matrix '{matrix}'; delete it and run again")
    names, thresholds = matrices.names, _grid(VIF, configured)
    found = eliminations(names, matrices.arrays[matrix], settings, thresholds)
    for threshold, elimination in zip(thresholds, found, strict=True):
        left = elimination.remaining.size
        yield SweepRow(3, f"vif={threshold:g}", left, len(names) - left, threshold == configured)


def _dependence_rows(
    matrices: Matrices, path: Path, statistics: Path, settings: PassSettings
) -> Iterator[SweepRow]:
    names, facts = matrices.names, column_facts(statistics, matrices.names)
    nhsic, rdc = (magnitudes(matrices, name, path) for name in ("hsic", "rdc"))
    explained = explained_shares(matrices, path)
    for scale in DEPENDENCE_SCALES:
        scaled = settings.with_dependence(scale)
        left = len(dependent_clusters(names, nhsic, rdc, explained, facts, scaled))
        section = scaled.nonlinear
        words = f"rdc={section['rdc_threshold']:g} nhsic={section['hsic_threshold']:g}"
        if section["fusion_threshold"] is not None:
            words = f"fusion={section['fusion_threshold']:g}"
        yield SweepRow(4, words, left, len(names) - left, scale == 1.0)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
