"""Traces every descriptor to the survivor that stands for it.

In: manifest of the table, statistics of pass 1 and the removal events of the four passes; the
correlations of pass 2 for the similarities. Out: surviving_descriptors_clusters.json,
final_descriptors.txt and descriptor_lineage.parquet and .csv. Everything is derived from the
events, pass 4 first, and checked against the invariants before anything is written.

As a program it works on the folder of a finished reduction:

    python -m scripts.descriptors.trace_clusters --output-dir results/descriptors
    python -m scripts.descriptors.trace_clusters --output-dir results/descriptors --analyze

With --analyze it writes nothing: it says what the clusters are like, and checks that the files in
the folder are those that follow from the events.
"""

import logging
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scripts.common.code_version import code_version
from scripts.common.entry import entry
from scripts.common.errors import InputError, IntegrityError
from scripts.common.files import read_json, sha256_file, write_json, write_text
from scripts.descriptors.cluster_analysis import analysis_lines
from scripts.descriptors.events import require_forest
from scripts.descriptors.invariants import Traced, verify
from scripts.descriptors.lineage import (
    SURVIVOR,
    Similarity,
    read_lineage,
    trace,
    treated_names,
    unmeasured,
    write_lineage,
)
from scripts.descriptors.measured_similarity import read_similarity
from scripts.descriptors.results_folder import (
    ResultsFolder,
    read_all_events,
    read_final,
    read_pass1_survivors,
    read_roles,
)
from scripts.descriptors.survivor_clusters import cluster_structure

_logger = logging.getLogger(__name__)
_SCRIPT = "scripts/descriptors/trace_clusters.py"
_PACKAGES = ("numpy", "pyarrow")


def run(
    table: Path,
    statistics: Path,
    events: list[Path],
    clusters_json: Path,
    final: Path,
    lineage: Path,
    lineage_csv: Path,
    *,
    code_hash: str,
    correlation: Path | None = None,
    verbose: bool = True,
) -> None:
    """Derive the clusters of the survivors and the lineage of every column.

    Args:
        table: manifest of the table.
        statistics: statistics of pass 1.
        events: removal events of passes 1, 2, 3 and 4, in this order.
        clusters_json: JSON of the survivors' clusters to write.
        final: names of the survivors to write, one a line, sorted.
        lineage: table of what became of every column to write.
        lineage_csv: the same as CSV.
        code_hash: version of the code that made the results.
        correlation: matrix of pass 2, for the similarity to the survivor.
        verbose: log what was found.
    """
    traced = traced_results(table, statistics, events, correlation, code_hash=code_hash)
    lines = verify(traced)
    names = final_names(traced)
    write_json(clusters_json, traced.structure)
    write_text(final, "".join(f"{name}\n" for name in names))
    write_lineage(lineage, lineage_csv, traced.origins)
    if verbose:
        for line in (*summary_lines(traced), *(f"{line}: holds" for line in lines)):
            _logger.info("%s", line)


def traced_results(
    table: Path,
    statistics: Path,
    events: list[Path],
    correlation: Path | None,
    *,
    code_hash: str,
) -> Traced:
    """Read what the passes left and derive everything else.

    Raises:
        IntegrityError: a file is damaged, or the events are no forest over the descriptors.
    """
    roles, removals = read_roles(table), read_all_events(events)
    require_forest(treated_names(roles), removals)
    similarity: Similarity = unmeasured
    if correlation is not None:
        similarity = read_similarity(correlation, ["spearman"]).spearman
    origins = trace(roles, removals, similarity)
    hashed = {"table": table, "statistics": statistics}
    hashed |= {f"pass{number}_events": path for number, path in enumerate(events, start=1)}
    if correlation is not None:
        hashed["correlation"] = correlation
    structure = cluster_structure(
        origins,
        versions={"python": platform.python_version(), **{p: version(p) for p in _PACKAGES}},
        hashes={"code": code_hash, **{name: sha256_file(path) for name, path in hashed.items()}},
    )
    survivors = read_pass1_survivors(statistics)
    return Traced(roles, survivors, removals, similarity, origins, structure)


def final_names(traced: Traced) -> list[str]:
    """Return the names of the survivors, sorted.

    Raises:
        InputError: a name has a line break, so that it cannot stand on a line of its own.
    """
    names = [origin.name for origin in traced.origins if origin.fate == SURVIVOR]
    for name in names:
        if len(name.splitlines()) != 1:
            raise InputError(f"the column name {name!r} is no single line; rename the column")
    return names


def summary_lines(traced: Traced) -> list[str]:
    """Return in words how many descriptors each pass removed and how many survive."""
    counts = traced.structure["metadata"]
    removed = dict.fromkeys((1, 2, 3, 4), 0)
    for event in traced.events:
        removed[event.pass_number] += 1
    passes = ", ".join(f"pass {number} {count:,}" for number, count in removed.items())
    weak = sum(bool(origin.weak) for origin in traced.origins)
    return [
        f"{len(treated_names(traced.roles)):,} descriptors, removed by {passes}",
        f"{counts['total_descriptors']:,} survivors, {counts['descriptors_with_alternatives']:,} "
        f"with alternatives, {counts['standalone_descriptors']:,} alone",
        f"{counts['total_alternative_descriptors']:,} alternatives, {weak:,} of them by a weak "
        "chain of heirs",
    ]


def create_cluster_structure(output_dir: Path | str, verbose: bool = True) -> dict[str, Any]:
    """Write the clusters and the lineage of a finished reduction; return the clusters.

    Args:
        output_dir: folder of the reduction's results; the files are written there.
        verbose: log what was found.

    Raises:
        InputError: the folder lacks a pass.
        IntegrityError: what a pass left is damaged, or an invariant does not hold.
    """
    folder = ResultsFolder(Path(output_dir))
    folder.require([folder.table, folder.statistics, *folder.events])
    run(
        folder.table,
        folder.statistics,
        folder.events,
        folder.clusters,
        folder.final,
        folder.lineage,
        folder.lineage_csv,
        code_hash=_code_hash(),
        correlation=_existing(folder.correlation),
        verbose=verbose,
    )
    structure: dict[str, Any] = read_json(folder.clusters)
    return structure


def analyzed_lines(output_dir: Path | str, *, largest: int = 10) -> list[str]:
    """Return in words what the clusters of a finished reduction are like, and what was verified.

    Raises:
        InputError: the folder lacks a pass or the results of the tracing.
        IntegrityError: an invariant does not hold, or the files do not follow from the events.
    """
    folder = ResultsFolder(Path(output_dir))
    stored = [folder.clusters, folder.final, folder.lineage]
    folder.require([folder.table, folder.statistics, *folder.events, *stored])
    traced = traced_results(
        folder.table,
        folder.statistics,
        folder.events,
        _existing(folder.correlation),
        code_hash=_code_hash(),
    )
    verified = verify(traced)
    require_stored(folder, traced)
    return [
        *summary_lines(traced),
        *analysis_lines(traced.structure, traced.origins, largest=largest),
        *(f"{line}: holds" for line in verified),
        "the files in the folder follow from the events",
    ]


def require_stored(folder: ResultsFolder, traced: Traced) -> None:
    """Check that the stored results are those that were derived just now.

    Raises:
        IntegrityError: one of them differs; the message names the file and a descriptor.
    """
    remedy = "run trace_clusters without --analyze to write it anew"
    stored = read_json(folder.clusters)
    for part in ("descriptors", "statistics"):
        for name in sorted(stored.get(part, {}).keys() | traced.structure[part].keys()):
            if stored.get(part, {}).get(name) != traced.structure[part].get(name):
                raise IntegrityError(
                    f"{folder.clusters}: {part}, {name} is not as the events say; {remedy}"
                )
    counts = {n: v for n, v in traced.structure["metadata"].items() if isinstance(v, int)}
    for name, value in counts.items():
        if stored.get("metadata", {}).get(name) != value:
            raise IntegrityError(f"{folder.clusters}: {name} is not {value}; {remedy}")
    if read_final(folder.final) != final_names(traced):
        raise IntegrityError(f"{folder.final} lists other survivors than the events; {remedy}")
    if read_lineage(folder.lineage) != list(traced.origins):
        raise IntegrityError(f"{folder.lineage} differs from what the events say; {remedy}")


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def _code_hash() -> str:
    return code_version(_SCRIPT, root=Path(__file__).resolve().parents[2])


def trace_folder(
    output_dir: Path, *, analyze: bool = False, largest: int = 10, verbose: bool = True
) -> None:
    """Trace the descriptors of a finished reduction to their survivors.

    Args:
        output_dir: folder of the reduction's results.
        analyze: write nothing; print the largest clusters, alternatives per survivor, and what was
            verified.
        largest: number of the largest clusters to print.
        verbose: log what was found.
    """
    if analyze:
        print("\n".join(analyzed_lines(output_dir, largest=largest)))
    else:
        create_cluster_structure(output_dir, verbose=verbose)


if __name__ == "__main__":
    if "snakemake" in globals():
        entry(run, globals().get("snakemake"))
    else:
        entry(trace_folder, None)
