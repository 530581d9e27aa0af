"""How much the selection hangs on the items: passes 1 to 4 on items drawn with replacement.

In: the table, and the lineage of the real run. Out: tables/stability.tsv, for each descriptor how
often it survived and how often the same survivor stood for it; tables/stability.json, how far the
clusters of the lineage agree with the real ones (adjusted Rand index, Hubert & Arabie 1985) and how
many descriptors survived. Each bootstrap (Efron 1979) draws as many items as `bootstrap_rows` says,
at most as many as there are. An item that is drawn twice is a tie with itself and counts twice.
"""

import logging
from collections.abc import Mapping, Sequence
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
from scripts.descriptors.agreement import adjusted_rand_index
from scripts.descriptors.columns import DescriptorTable
from scripts.descriptors.drawn_table import draw_table
from scripts.descriptors.lineage import ALTERNATIVE, REJECT, SURVIVOR, read_lineage
from scripts.descriptors.memory_log import MemoryLog
from scripts.descriptors.repeated_passes import PassSettings

_logger = logging.getLogger(__name__)
_PACKAGES = ("numpy", "scipy", "torch", "leidenalg", "igraph")
COLUMNS = ("descriptor", "survivor", "survived", "same_survivor")
_FEWEST_ROWS = 3
# The survivor that stands for each descriptor; None of a reject.
Lineage = Mapping[str, str | None]


def run(
    table: Path,
    converted: Path,
    lineage: Path,
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
        IntegrityError: the lineage is of another table.
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
    real = real_lineage(lineage, source.names)
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
    found: list[dict[str, str | None]] = []
    for number in range(bootstraps):
        items = drawn_items(source.rows, rows, number, seed=seed)
        found.append(chain.survivor_of(draw_table(source, items, memory_mb=memory_mb)))
        progress.advance(1)
    progress.finish()
    facts = summary_of(real, found)
    write_tsv(stability, COLUMNS, stability_rows(real, found))
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
    _logger.info("%s; %s", facts["adjusted_rand_index"], facts["survivors"])


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


def real_lineage(path: Path, names: Sequence[str]) -> dict[str, str | None]:
    """Return the survivor of each descriptor in the real run, None of a reject.

    Descriptors that are dropped before the passes are left out.

    Raises:
        IntegrityError: the lineage lacks a descriptor of the table.
    """
    fates = (SURVIVOR, ALTERNATIVE, REJECT)
    traced = {origin.name: origin for origin in read_lineage(path) if origin.fate in fates}
    if lacking := sorted(set(names) - traced.keys()):
        raise IntegrityError(
            f"{path} does not say what became of descriptor {lacking[0]}; run trace_clusters again"
        )
    return {name: traced[name].survivor for name in names}


def stability_rows(real: Lineage, found: Sequence[Lineage]) -> list[tuple[object, ...]]:
    """Return a row of `COLUMNS` for each descriptor, in name order; none without bootstraps.

    A reject's survivor is empty; being a reject again counts as the same.
    """
    if not found:
        return []
    return [
        (
            name,
            real[name],
            f"{sum(lineage[name] == name for lineage in found) / len(found):.4f}",
            f"{sum(lineage[name] == real[name] for lineage in found) / len(found):.4f}",
        )
        for name in sorted(real)
    ]


def summary_of(real: Lineage, found: Sequence[Lineage]) -> dict[str, Any]:
    """Return the agreement of clusters and the numbers of survivors, by bootstrap and together.

    Clusters are compared over the descriptors that pass 1 kept both times.
    """
    agreements = [agreement_of(real, lineage) for lineage in found]
    counts = [survivors_in(lineage) for lineage in found]
    return {
        "bootstraps": len(found),
        "adjusted_rand_index": {**_span(agreements), "by_bootstrap": agreements},
        "survivors": {"real": survivors_in(real), **_span(counts), "by_bootstrap": counts},
    }


def _span(values: Sequence[float]) -> dict[str, float | None]:
    mean = float(np.mean(values)) if values else None
    return {"mean": mean, "lowest": min(values, default=None), "highest": max(values, default=None)}


def survivors_in(lineage: Lineage) -> int:
    """Return the number of survivors."""
    return sum(survivor == name for name, survivor in lineage.items())


def agreement_of(one: Lineage, other: Lineage) -> float:
    """Return the adjusted Rand index of two lineages' clusters."""
    names = sorted(name for name in one if one[name] is not None and other[name] is not None)
    return adjusted_rand_index(*(_labels([lineage[n] for n in names]) for lineage in (one, other)))


def _labels(survivors: Sequence[str | None]) -> npt.NDArray[np.int64]:
    numbers: dict[str | None, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in survivors], dtype=np.int64)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
