"""Tables of the track for people and for the report.

In: what the four passes left (statistics, events, clusters, matrices, comparisons of methods,
checkpoints), the lineage, the clusters of the survivors and, where descriptors were computed, the
manifest of the molecules. Out, all below one folder: what is left after each stage, reasons of pass
1, sizes of the clusters, survivors with their nearest alternatives, members of the largest
clusters, weak heirs, comparison of the clusterings (TSV), a map of |ρ| and the most dependent pairs
of pass 4 (Parquet), and summary.json.
"""

import platform
from pathlib import Path

import pyarrow as pa

from scripts.common.entry import entry
from scripts.common.errors import IntegrityError
from scripts.common.files import read_json, write_json
from scripts.common.progress import Progress
from scripts.common.tables import read_table, write_table
from scripts.common.tsv import write_tsv
from scripts.descriptors.cluster_pass import explained_shares, magnitudes
from scripts.descriptors.lineage import read_lineage
from scripts.descriptors.matrices import Matrices, read_matrices
from scripts.descriptors.measures import dependence_similarity, fused_score
from scripts.descriptors.pair_tables import Pairs, heatmap_table, memberships, pairs_of
from scripts.descriptors.results_folder import read_all_events, read_pass1_survivors
from scripts.descriptors.summary_tables import (
    CLUSTERING_COLUMNS,
    FUNNEL_COLUMNS,
    MEMBER_COLUMNS,
    REASON_COLUMNS,
    SIZE_COLUMNS,
    SURVIVOR_COLUMNS,
    WEAK_COLUMNS,
    clustering_rows,
    funnel_rows,
    member_rows,
    members_of,
    reason_rows,
    size_rows,
    survivor_rows,
    weak_rows,
)
from scripts.descriptors.tables import CLUSTERS, HEATMAP, PAIRS
from scripts.descriptors.text_tables import read_methods
from scripts.descriptors.track_summary import (
    Facts,
    cluster_facts,
    clusterings_of,
    correlation_facts,
    counts_of,
    leiden_spread,
    molecule_facts,
    nearest_pair,
    null_facts,
    pair_facts,
    read_checkpoints,
    versions_of,
    vif_facts,
)

_PARTS = 10  # tables to write, for the progress


def run(
    statistics: Path,
    events: list[Path],
    checkpoints: list[Path],
    clusters: list[Path],
    methods: list[Path],
    restarts_tables: list[Path],
    correlation: Path,
    dependence: Path,
    path: Path,
    null: Path,
    lineage: Path,
    clusters_json: Path,
    funnel: Path,
    reasons: Path,
    cluster_sizes: Path,
    survivors: Path,
    largest_clusters: Path,
    weak_heirs: Path,
    clusterings: Path,
    heatmap: Path,
    pairs: Path,
    summary: Path,
    molecules: Path | None = None,
    *,
    seed: int,
    code_hash: str,
) -> None:
    """Write the track's tables.

    Args:
        statistics: statistics of pass 1.
        events: removal events of passes 1 to 4, in this order.
        checkpoints: checkpoints of passes 1 to 4, in this order.
        clusters: clusters of passes 2 and 4.
        methods: comparison of the methods, of passes 2 and 4.
        restarts_tables: Leiden's runs, of passes 2 and 4.
        correlation: matrix of pass 2.
        dependence: matrices of pass 4.
        path: steps of pass 3.
        null: nHSIC and RDC of permuted pairs.
        lineage: what became of every column.
        clusters_json: clusters of the survivors.
        funnel: TSV to write: columns left after each stage.
        reasons: TSV to write: rejects of pass 1 by reason.
        cluster_sizes: TSV to write: clusters by size.
        survivors: TSV to write: survivors with their nearest alternatives.
        largest_clusters: TSV to write: all alternatives of the largest clusters.
        weak_heirs: TSV to write: removals whose heir is a poor stand-in.
        clusterings: TSV to write: the methods of clustering side by side.
        heatmap: Parquet to write: |ρ| among survivors of pass 1 (HEATMAP).
        pairs: Parquet to write: the most dependent pairs of pass 4 (PAIRS).
        summary: JSON to write: counts, settings, versions, hashes.
        molecules: manifest of the molecules, where the descriptors were computed from them.
        seed: seed of the run.
        code_hash: version of this step's code.

    Raises:
        IntegrityError: a file is damaged, or two of them do not belong together.
    """
    progress = Progress("summarize_descriptors", total=_PARTS, unit="tables")
    found = read_checkpoints(checkpoints)
    removals, origins = read_all_events(events), read_lineage(lineage)
    members = members_of(origins)
    _require_same_survivors(clusters_json, sorted(members))
    compared = {number: read_methods(p) for number, p in zip((2, 4), methods, strict=True)}
    rows_of_clusters = read_table(clusters[0], CLUSTERS).to_pylist()
    ordered = memberships(rows_of_clusters, origins)
    if {member.name for member in ordered} != read_pass1_survivors(statistics):
        raise IntegrityError(
            f"{clusters[0]} holds other descriptors than {statistics} calls survivors; run "
            "cluster_correlated again"
        )
    representatives = sorted({row["representative"] for row in rows_of_clusters})
    weak = weak_rows(removals, origins)
    tsv = {
        funnel: (FUNNEL_COLUMNS, funnel_rows(origins)),
        reasons: (REASON_COLUMNS, reason_rows([e for e in removals if e.pass_number == 1])),
        cluster_sizes: (SIZE_COLUMNS, size_rows(members)),
        survivors: (SURVIVOR_COLUMNS, survivor_rows(members)),
        largest_clusters: (MEMBER_COLUMNS, member_rows(members)),
        weak_heirs: (WEAK_COLUMNS, weak),
        clusterings: (CLUSTERING_COLUMNS, clustering_rows(compared)),
    }
    for file, (columns, rows) in tsv.items():
        write_tsv(file, columns, rows)
        progress.advance(1)
    rho = read_matrices(correlation)
    mapped = heatmap_table(ordered, rho)
    write_table(heatmap, mapped, HEATMAP)
    progress.advance(1)
    measured = _measured_pairs(dependence, rho, found[4]["settings"])
    write_table(pairs, measured.table, PAIRS)
    progress.advance(1)
    nonlinear = read_table(clusters[1], CLUSTERS, ["cluster"])["cluster"].to_pylist()
    write_json(
        summary,
        {
            "items": found[1]["rows"],
            "molecules": molecule_facts(molecules),
            **counts_of(origins, len(weak)),
            "cluster_sizes": cluster_facts([1 + len(behind) for behind in members.values()]),
            "method": found[2]["settings"]["method"],
            "clusterings": clusterings_of(compared),
            "largest_cluster_of_pass": {
                "pass2": found[2]["counts"]["largest_cluster"],
                "pass4": max(map(nonlinear.count, set(nonlinear)), default=0),
            },
            "leiden": {
                f"pass{number}": leiden_spread(file, found[number])
                for number, file in zip((2, 4), restarts_tables, strict=True)
            },
            "correlation": correlation_facts(found[2]),
            "nearest_survivors": {
                name: nearest_pair(kept, rho, found[2]["settings"]["spearman_threshold"])
                for name, kept in (("pass2", representatives), ("pass4", sorted(members)))
            },
            "heatmap": {"descriptors": len(ordered), "shown": mapped.num_rows},
            "vif": vif_facts(path, found[3]),
            "pairs": pair_facts(measured, found[4]),
            "null": null_facts(null),
            "settings": {f"pass{number}": one["settings"] for number, one in found.items()},
            "seed": seed,
            "versions": {
                "python": platform.python_version(),
                **versions_of(found, molecules),
                "pyarrow": pa.__version__,
            },
            "code": code_hash,
            "code_of_passes": {f"pass{n}": one["code_version"] for n, one in found.items()},
            "data_sha256": found[1]["table_sha256"],
        },
    )
    progress.advance(1)
    progress.finish()


def _measured_pairs(dependence: Path, correlation: Matrices, settings: Facts) -> Pairs:
    matrices = read_matrices(dependence)
    nhsic, rdc = (magnitudes(matrices, name, dependence) for name in ("hsic", "rdc"))
    weights = (float(settings["hsic_weight"]), float(settings["rdc_weight"]))
    joint = dependence_similarity(
        nhsic,
        rdc,
        explained_shares(matrices, dependence),
        hsic_threshold=settings["hsic_threshold"],
        rdc_threshold=settings["rdc_threshold"],
        min_explained=settings["min_explained"],
        fusion_threshold=settings["nonlinear_threshold"],
        weights=weights,
    )
    return pairs_of(matrices, correlation, joint, fused_score(nhsic, rdc, weights))


def _require_same_survivors(clusters_json: Path, survivors: list[str]) -> None:
    structure = read_json(clusters_json)
    stated = sorted(structure.get("descriptors", {}))
    if stated != survivors:
        differing = sorted(set(stated) ^ set(survivors))
        raise IntegrityError(
            f"{clusters_json} and the lineage differ about {differing[0]}; run trace_clusters again"
        )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
