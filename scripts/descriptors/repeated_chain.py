"""Passes 1 to 4 in one go on a table in memory, without any of their files but spilled features."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from scripts.common.files import private_folder
from scripts.descriptors.clusters import Cluster
from scripts.descriptors.column_statistics import ColumnStatistics
from scripts.descriptors.drawn_table import DrawnTable
from scripts.descriptors.feature_store import feature_store
from scripts.descriptors.features import trapezoid_basis
from scripts.descriptors.filter_variance import measure as measure_columns
from scripts.descriptors.measure_dependence import (
    basis_of_rdc,
    chosen_rows,
    measure,
    memory_of_sums,
    score_pieces,
)
from scripts.descriptors.memory_log import MemoryLog
from scripts.descriptors.pair_correlations import pair_correlations
from scripts.descriptors.pass_lineages import lineages_after_passes
from scripts.descriptors.repeated_passes import (
    PassSettings,
    correlated_clusters,
    dependent_clusters,
    eliminations,
)
from scripts.descriptors.representatives import ColumnFacts
from scripts.descriptors.roles import kept_names
from scripts.descriptors.score_store import spilled
from scripts.descriptors.similarity_graph import Numbers
from scripts.descriptors.spearman import correlate, write_ranks


class RepeatedChain:
    """The four passes on tables with the same descriptors.

    Args:
        settings: settings of the passes.
        memory_mb: memory of a pass, beside the table itself.
        threads: threads; they change no result.
        tmpdir: local disk for features, 4 bytes a value.
        memory: takes a note after each block.
    """

    def __init__(
        self,
        settings: PassSettings,
        *,
        memory_mb: float,
        threads: int,
        tmpdir: Path,
        memory: MemoryLog,
    ) -> None:
        self.settings, self.memory_mb, self.threads = settings, memory_mb, threads
        self.tmpdir, self.memory = tmpdir, memory

    def lineages_of(self, table: DrawnTable) -> dict[int, dict[str, str | None]]:
        """Run the passes; return after each what stands for each descriptor, None of a reject.

        Raises:
            ConfigError: a setting is impossible for so many rows.
        """
        measured = measure_columns(
            table,
            self.settings.statistics["range_mode"],
            memory_mb=self.memory_mb,
            threads=self.threads,
        )
        informative = self._with_information(measured, table.rows)
        heirs: dict[int, dict[str, str]] = {}
        if informative:
            facts, names = {name: _facts(measured[name]) for name in informative}, informative
            passes = (self._correlated, self._collinear, self._dependent)
            for number, passed in enumerate(passes, start=2):
                heirs[number] = passed(table, names, facts)
                names = [name for name in names if name not in heirs[number]]
        return lineages_after_passes(table.names, informative, heirs)

    def _with_information(self, measured: Mapping[str, ColumnStatistics], rows: int) -> list[str]:
        criteria = self.settings.criteria(rows)
        criteria.refuse_impossible(rows)
        kept = kept_names(self.settings.force_keep, list(measured))
        return sorted(
            name
            for name, found in measured.items()
            if name in kept or not any(criteria.failures(found))
        )

    def _correlated(
        self, table: DrawnTable, names: Sequence[str], facts: Mapping[str, ColumnFacts]
    ) -> dict[str, str]:
        with (
            private_folder(self.tmpdir) as folder,
            feature_store(folder, table.rows, len(names)) as store,
        ):
            write_ranks(
                store,
                table,
                names,
                memory_mb=self.memory_mb,
                threads=self.threads,
                memory=self.memory,
            )
            found = correlate(
                store,
                threshold=self.settings.spearman["threshold"],
                min_overlap=self.settings.required(table.rows),
                exact_rows=self.settings.spearman["exact_rows"],
                memory_mb=self.memory_mb,
                memory=self.memory,
            )
        rho = np.minimum(np.abs(found.rho), 1.0)
        return _heirs(correlated_clusters(names, rho, facts, self.settings))

    def _collinear(
        self, table: DrawnTable, names: Sequence[str], facts: Mapping[str, ColumnFacts]
    ) -> dict[str, str]:
        correlation = pair_correlations(
            table,
            names,
            self.settings.vif["matrix"],
            min_overlap=self.settings.required(table.rows),
            memory_mb=self.memory_mb,
            threads=self.threads,
            tmpdir=self.tmpdir,
            memory=self.memory,
        )
        thresholds = [self.settings.vif["threshold"]]
        (elimination,) = eliminations(names, correlation, self.settings, thresholds)
        return {names[step.removed]: names[step.heir] for step in elimination.steps}

    def _dependent(
        self, table: DrawnTable, names: Sequence[str], facts: Mapping[str, ColumnFacts]
    ) -> dict[str, str]:
        found = self._dependences(table, names)
        return _heirs(
            dependent_clusters(
                names,
                found["hsic"],
                found["rdc"],
                found["explained"],
                facts=facts,
                settings=self.settings,
            )
        )

    def _dependences(self, table: DrawnTable, names: Sequence[str]) -> dict[str, Numbers]:
        section, overlap = self.settings.nonlinear, self.settings.required(table.rows)
        budget = memory_of_sums(self.memory_mb, len(names))
        seed = self.settings.seed
        taken = chosen_rows(table.rows, section["rows"], least=overlap, seed=seed)
        number = table.rows if taken is None else len(taken)
        pieces = score_pieces(
            table, names, taken, memory_mb=budget, threads=self.threads, log=self.memory
        )
        with (
            private_folder(self.tmpdir) as folder,
            spilled(folder, number, len(names), pieces) as store,
        ):
            found = measure(
                store,
                trapezoid_basis(section["hsic_frequencies"], section["hsic_step"]),
                basis_of_rdc(section["rdc_basis"], section["rdc_frequencies"], section["rdc_step"]),
                label="pairs",
                log=self.memory,
                min_overlap=overlap,
                memory_mb=budget,
                threads=self.threads,
            )
        return found.values


def _facts(found: ColumnStatistics) -> ColumnFacts:
    variance = found.scaled_variance
    return ColumnFacts(found.missing_ratio, float("nan") if variance is None else variance)


def _heirs(clusters: Sequence[Cluster]) -> dict[str, str]:
    return {
        name: cluster.representative for cluster in clusters for name, _ in cluster.alternatives
    }
