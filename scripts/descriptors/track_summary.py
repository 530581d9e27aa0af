"""The track in numbers: from checkpoints, lineage and pass tables to summary.json."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from scripts.common.errors import IntegrityError
from scripts.common.files import read_json
from scripts.common.tables import read_table
from scripts.descriptors.cluster_tables import RESTART_COLUMNS
from scripts.descriptors.events import PASSES
from scripts.descriptors.lineage import ALTERNATIVE, Origin
from scripts.descriptors.matrices import Matrices
from scripts.descriptors.method_comparison import MethodRow
from scripts.descriptors.pair_tables import Pairs
from scripts.descriptors.summary_tables import fates, funnel_rows, rounded
from scripts.descriptors.survivor_clusters import size_statistics
from scripts.descriptors.tables import VIF_PATH
from scripts.descriptors.text_tables import number_in, read_cells

Facts = dict[str, Any]


def read_checkpoints(paths: Sequence[Path]) -> dict[int, Facts]:
    """Return the checkpoints of passes 1 to 4.

    Raises:
        IntegrityError: one is damaged, of another pass, or of another number of rows.
    """
    found: dict[int, Facts] = {}
    for number, path in zip(PASSES, paths, strict=True):
        checkpoint = read_json(path)
        lacking = {"pass", "rows", "settings", "code_version"} - checkpoint.keys()
        if lacking:
            raise IntegrityError(
                f"{path} does not state {min(lacking)}; delete it and run the pass again"
            )
        if checkpoint["pass"] != number:
            raise IntegrityError(
                f"{path} is of pass {checkpoint['pass']}, not {number}; run both passes again"
            )
        # Pass 4 may be measured on a choice of rows.
        if number < 4 and found and checkpoint["rows"] != found[1]["rows"]:
            raise IntegrityError(
                f"{path} was made from {checkpoint['rows']} rows, {paths[0]} from "
                f"{found[1]['rows']}; run the pass again"
            )
        found[number] = checkpoint
    return found


def nearest_pair(names: Sequence[str], correlation: Matrices, threshold: float) -> Facts:
    """Return how near the nearest two of some descriptors are by |ρ|.

    Clusters hold the threshold inside; nothing keeps two representatives below it.

    Args:
        names: descriptors that pass 2 measured.
        correlation: its matrices, with "spearman".
        threshold: of pass 2.

    Returns:
        The pair ("first", "second") and its |ρ| ("largest"), None where no pair is defined, and the
        number of pairs at or above the threshold ("at_threshold").
    """
    chosen = sorted(names)
    place = {name: number for number, name in enumerate(correlation.names)}
    places = [place[name] for name in chosen]
    rho = np.abs(correlation.arrays["spearman"][np.ix_(places, places)])
    rho[np.tril_indices(len(chosen))] = np.nan
    if np.isnan(rho).all():
        return {"first": None, "second": None, "largest": None, "at_threshold": 0}
    first, second = np.unravel_index(np.nanargmax(rho), rho.shape)
    return {
        "first": chosen[first],
        "second": chosen[second],
        "largest": rounded(float(rho[first, second])),
        "at_threshold": int(np.count_nonzero(rho >= threshold)),
    }


def leiden_spread(restarts: Path, checkpoint: Facts) -> Facts:
    """Return how far Leiden's runs of a clustering pass lie apart.

    `ari_*` is the adjusted Rand index of a run and the best one.
    """
    cells = read_cells(restarts, RESTART_COLUMNS)
    columns = {
        name: [number_in(row, name, restarts) for row in cells]
        for name in ("quality", "clusters", "ari_to_best")
    }
    best = max(columns["quality"], default=0.0)
    return {
        "restarts": len(cells),
        "settled": bool(checkpoint["leiden"]["settled"]),
        "runs_of_best_quality": sum(
            math.isclose(value, best, rel_tol=1e-9, abs_tol=1e-12) for value in columns["quality"]
        ),
        "quality_best": rounded(best),
        "quality_worst": rounded(min(columns["quality"], default=0.0)),
        "clusters_fewest": int(min(columns["clusters"], default=0)),
        "clusters_most": int(max(columns["clusters"], default=0)),
        "ari_least": rounded(min(columns["ari_to_best"], default=1.0)),
        "ari_median": rounded(median(columns["ari_to_best"]) if cells else 1.0),
    }


def vif_facts(path: Path, checkpoint: Facts) -> Facts:
    """Return what the elimination of pass 3 came to."""
    factors = read_table(path, VIF_PATH, ["vif"])["vif"].to_pylist()
    matrix = checkpoint["matrix"]
    smallest = matrix["smallest_eigenvalue"]
    return {
        "steps": len(factors),
        "largest": rounded(max(factors, default=None)),
        "largest_left": rounded(matrix["largest_vif_left"]),
        "smallest_eigenvalue": float(f"{smallest:.4g}"),
        "raised_eigenvalues": matrix["raised_eigenvalues"],
    }


def molecule_facts(manifest: Path | None) -> Facts | None:
    """Return how rows of the input became molecules; None where a finished table was read."""
    if manifest is None:
        return None
    facts = read_json(manifest)
    kept = ("rows", "molecules", "fates", "largest_fragment", "neutralize", "merge_by")
    return {name: facts[name] for name in kept}


def null_facts(null: Path) -> Facts:
    """Return nHSIC and RDC of permuted pairs, for the table's rows and for the fewest.

    Raises:
        IntegrityError: the file is damaged.
    """
    facts = read_json(null)
    try:
        return {
            name: facts[name] for name in ("rows", "table", "smallest_overlap", "missing_share")
        }
    except (KeyError, TypeError) as error:
        raise IntegrityError(f"{null} is no null of pass 4; delete it and run again") from error


def counts_of(origins: Sequence[Origin], events_weak: int) -> Facts:
    """Return how many columns are left after each pass, and what became of them."""
    rows = {str(row[0]): row for row in funnel_rows(origins)}
    by_fate = fates(origins)
    alternatives = [origin for origin in origins if origin.fate == ALTERNATIVE]
    with_alternatives = {origin.survivor for origin in alternatives}
    return {
        "columns": rows["table"][1],
        "descriptors": rows["descriptors"][1],
        "left": {f"pass{number}": rows[f"pass{number}"][1] for number in PASSES},
        "removed": {f"pass{number}": rows[f"pass{number}"][2] for number in PASSES},
        "fates": by_fate,
        "survivors": by_fate["survivor"],
        "alternatives": by_fate["alternative"],
        "rejects": by_fate["reject"],
        "with_alternatives": len(with_alternatives),
        "standalone": by_fate["survivor"] - len(with_alternatives),
        "weak_heirs": events_weak,
        "weak_alternatives": sum(bool(origin.weak) for origin in alternatives),
    }


def cluster_facts(sizes: Sequence[int]) -> Facts:
    """Return mean, median, extremes and spread of the sizes of the survivors' clusters."""
    found = size_statistics(sizes)
    return {name: found[f"cluster_size_{name}"] for name in ("mean", "median", "min", "max", "std")}


def clusterings_of(methods: Mapping[int, Sequence[MethodRow]]) -> Facts:
    """Return clusters and largest cluster of each method, before and after far members left."""
    wanted = ("clusters", "largest_cluster", "survivors", "largest_after_split")
    return {
        f"pass{number}": {row.method: {n: asdict(row)[n] for n in wanted} for row in rows}
        for number, rows in methods.items()
    }


def pair_facts(pairs: Pairs, checkpoint: Facts) -> Facts:
    """Return the numbers of pairs of pass 4, and the rows that they were measured on."""
    return {
        "measured": pairs.total,
        "undefined": pairs.undefined,
        "edges": pairs.edges,
        "listed": pairs.table.num_rows,
        "rows": int(checkpoint["rows"]),
    }


def correlation_facts(checkpoint: Facts) -> Facts:
    """Return the numbers of pairs of pass 2 that are in doubt, ranked again, or undefined.

    Raises:
        IntegrityError: the checkpoint does not state them.
    """
    matrix = checkpoint["matrix"]
    try:
        return {
            "definition": matrix["definition"],
            "doubtful": int(matrix["doubtful_pairs"]),
            "reranked": int(matrix["reranked_pairs"]),
            "undefined": checkpoint["counts"]["undefined_pairs"],
            "edges": checkpoint["counts"]["edges"],
        }
    except KeyError as error:
        raise IntegrityError(
            f"the checkpoint of pass 2 does not state {error}; run cluster_correlated again"
        ) from error


def versions_of(checkpoints: Mapping[int, Facts], molecules: Path | None) -> dict[str, str]:
    """Return the versions of the packages that the passes used, and the molecules' manifest."""
    found: dict[str, str] = {}
    for facts in (*checkpoints.values(), *([] if molecules is None else [read_json(molecules)])):
        found |= facts.get("package_versions", {})
    return dict(sorted(found.items()))
