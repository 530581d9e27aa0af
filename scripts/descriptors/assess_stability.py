"""How much the selection hangs on the items: passes 1 to 4 on items drawn with replacement.

In: the table, the lineage of the real run, and its correlations of pass 2. Out:
tables/stability.tsv, for each descriptor how often it survived, how often the same survivor stood
for it, and which other stood for it most often; tables/stability.json, by pass how far the clusters
agree with the real ones (adjusted Rand index, Hubert & Arabie 1985) and how many descriptors
survived, and what of the real survivors those of a bootstrap still say: the share that has itself
or a near one among them, and the share of variance that they explain together.
Each bootstrap (Efron 1979) draws as many items as `bootstrap_rows` says, at most as many as there
are. An item that is drawn twice is a tie with itself and counts twice.
"""

import logging
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scripts.common.entry import entry
from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.files import DEFAULT_TMPDIR, write_json
from scripts.common.hashing import keyed_hash
from scripts.common.progress import Progress
from scripts.common.tsv import write_tsv
from scripts.descriptors.cluster_pass import magnitudes
from scripts.descriptors.columns import DescriptorTable
from scripts.descriptors.drawn_table import draw_table
from scripts.descriptors.events import PASSES
from scripts.descriptors.matrices import read_matrices
from scripts.descriptors.memory_log import MemoryLog
from scripts.descriptors.pass_lineages import LineageByPass, real_lineages, survivors_in
from scripts.descriptors.repeated_passes import PassSettings
from scripts.descriptors.similarity_graph import Numbers
from scripts.descriptors.stability_measures import (
    COLUMNS,
    explained_by,
    nearest_of,
    stability_rows,
    summary_of,
)

_logger = logging.getLogger(__name__)
_PACKAGES = ("numpy", "scipy", "torch", "leidenalg", "igraph")
_FEWEST_ROWS = 3


def run(
    table: Path,
    converted: Path,
    lineage: Path,
    correlation: Path,
    stability: Path,
    summary: Path,
    *,
    bootstraps: int,
    bootstrap_rows: int,
    statistics_settings: dict[str, Any],
    clustering_settings: dict[str, Any],
    spearman_settings: dict[str, Any],
    vif_settings: dict[str, Any],
    nonlinear_settings: dict[str, Any],
    force_keep: list[str],
    prefer: list[str],
    seed: int,
    memory_mb: float,
    threads: int,
    code_hash: str,
    tmpdir: Path = DEFAULT_TMPDIR,
) -> None:
    """Repeat the selection on drawn items.

    Args:
        table: manifest of the table.
        converted: folder of its converted parts.
        lineage: what became of every column in the real run.
        correlation: its matrices of pass 2, with "spearman".
        stability: TSV to write, a row for each descriptor; only a header without bootstraps.
        summary: JSON to write.
        bootstraps: number of repetitions; 0 makes none.
        bootstrap_rows: items of a repetition, at most those of the table.
        statistics_settings: the configuration's section `statistics`.
        clustering_settings: its section `clustering`.
        spearman_settings: its section `spearman`.
        vif_settings: its section `vif`.
        nonlinear_settings: its section `nonlinear`.
        force_keep: names or patterns of descriptors that are never removed.
        prefer: names or patterns of descriptors that win as representatives, in this order.
        seed: seed of the draws and of the passes.
        memory_mb: memory of a pass, beside the drawn values.
        threads: threads; they change no result.
        code_hash: version of the code, stated in the summary.
        tmpdir: local disk for features.

    Raises:
        ConfigError: too few rows are asked for.
        IntegrityError: the lineage or the correlations are of another table.
    """
    import torch

    from scripts.descriptors.repeated_chain import RepeatedChain

    if bootstraps < 0 or bootstrap_rows < _FEWEST_ROWS:
        raise ConfigError(
            f"stability: {bootstraps} bootstraps of {bootstrap_rows} rows; give at least 0 and "
            f"{_FEWEST_ROWS}"
        )
    torch.set_num_threads(threads)
    source = DescriptorTable(table, converted)
    real = real_lineages(lineage, source.names)
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
    rows = min(bootstrap_rows, source.rows)
    chain = RepeatedChain(
        settings, memory_mb=memory_mb, threads=threads, tmpdir=tmpdir, memory=MemoryLog()
    )
    progress = Progress("assess_stability", total=bootstraps, unit="bootstraps", every_seconds=0.0)
    found: list[LineageByPass] = []
    for number in range(bootstraps):
        items = drawn_items(source.rows, rows, number, seed=seed)
        found.append(chain.lineages_of(draw_table(source, items, memory_mb=memory_mb)))
        progress.advance(1)
    progress.finish()
    levels = sorted({spearman_settings["threshold"], vif_settings["heir_min_similarity"]})
    nearest, explained = kept_by_bootstraps(real, found, correlation, source.rows)
    facts = summary_of(real, found, nearest, explained, levels)
    last = PASSES[-1]
    write_tsv(stability, COLUMNS, stability_rows(real[last], [one[last] for one in found]))
    write_json(
        summary,
        {
            **facts,
            "rows": rows,
            "table_rows": source.rows,
            "seed": seed,
            "settings": {
                "bootstraps": bootstraps,
                "rows": bootstrap_rows,
                "statistics": statistics_settings,
                "clustering": clustering_settings,
                "spearman": spearman_settings,
                "vif": vif_settings,
                "nonlinear": nonlinear_settings,
                "force_keep": force_keep,
                "prefer": prefer,
            },
            "package_versions": {package: version(package) for package in _PACKAGES},
            "code_version": code_hash,
            "table_sha256": source.sha256,
        },
    )
    for name in ("adjusted_rand_index_by_pass", "survivors_by_pass", "covered", "explained"):
        _logger.info("%s: %s", name, facts[name])


def drawn_items(number: int, wanted: int, bootstrap: int, *, seed: int) -> npt.NDArray[np.int64]:
    """Return items of a bootstrap, drawn with replacement, ascending.

    Args:
        number: items of the table.
        wanted: items to draw.
        bootstrap: number of the bootstrap, from 0.
        seed: seed of the run.
    """
    key = keyed_hash(seed, "stability bootstrap", str(bootstrap))
    generator = np.random.Generator(np.random.Philox(key=key))
    return np.sort(generator.integers(0, number, wanted, dtype=np.int64))


def kept_by_bootstraps(
    real: LineageByPass, found: Sequence[LineageByPass], correlation: Path, rows: int
) -> tuple[list[Numbers], list[Numbers]]:
    """Return what each bootstrap's survivors say of each real survivor, by the real correlations.

    Args:
        real: after each pass, what stands for each descriptor in the real run.
        found: the same in each bootstrap.
        correlation: matrices of pass 2 of the real run, with "spearman".
        rows: items of the table.

    Returns:
        For each bootstrap the largest |ρ| of each real survivor with its survivors, and the share
        of variance that they explain together.

    Raises:
        IntegrityError: the file is damaged, or lacks a survivor.
    """
    matrices = read_matrices(correlation)
    places = {name: place for place, name in enumerate(matrices.names)}
    last = PASSES[-1]
    survivors = survivors_in(real[last])
    if lacking := [name for name in survivors if name not in places]:
        raise IntegrityError(
            f"{correlation} does not have the survivor {lacking[0]}; run correlate_descriptors "
            "again"
        )
    sizes = magnitudes(matrices, "spearman", correlation)
    signed = matrices.arrays["spearman"].astype(np.float64)
    others = [survivors_in(one[last]) for one in found]
    return (
        [nearest_of(survivors, other, places, sizes) for other in others],
        [explained_by(survivors, other, places, signed, rows) for other in others],
    )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
