"""The clusters of the survivors, as `surviving_descriptors_clusters.json` states them.

Field names are fixed: people have code that reads them.
"""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scripts.descriptors.lineage import ALTERNATIVE, SURVIVOR, Origin

HISTORY_PASSES = (2, 3, 4)
DESCRIPTION = (
    "Descriptors that survive all passes, each with the removed descriptors for which it stands. "
    "total_descriptors counts the survivors."
)


def cluster_structure(
    origins: Sequence[Origin], *, versions: Mapping[str, str], hashes: Mapping[str, str]
) -> dict[str, Any]:
    """Return the structure of the JSON file.

    Alternatives stand in order of their names; members begin with the survivor.

    Args:
        origins: what became of every column.
        versions: versions of what computed it, by name.
        hashes: hashes of the code and of what was read, by name.
    """
    alternatives: dict[str, list[Origin]] = {
        origin.name: [] for origin in sorted_by_name(origins) if origin.fate == SURVIVOR
    }
    for origin in sorted_by_name(origins):
        if origin.fate == ALTERNATIVE and origin.survivor is not None:
            alternatives[origin.survivor].append(origin)
    descriptors = {name: _entry(name, behind) for name, behind in alternatives.items()}
    return {
        "metadata": {
            "description": DESCRIPTION,
            **summary_counts(descriptors),
            "versions": dict(versions),
            "hashes": dict(hashes),
        },
        "statistics": size_statistics(entry["cluster_size"] for entry in descriptors.values()),
        "descriptors": descriptors,
    }


def sorted_by_name(origins: Iterable[Origin]) -> list[Origin]:
    """Return the origins in order of their names."""
    return sorted(origins, key=lambda origin: origin.name)


def _entry(name: str, behind: Sequence[Origin]) -> dict[str, Any]:
    names = [origin.name for origin in behind]
    return {
        "cluster_size": 1 + len(names),
        "is_representative": True,
        "alternative_descriptors": names,
        "all_cluster_members": [name, *names],
        "removal_history": {
            f"pass{number}": [o.name for o in behind if o.pass_number == number]
            for number in HISTORY_PASSES
        },
        "total_alternatives": len(names),
    }


def summary_counts(descriptors: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Return the counts of the metadata."""
    behind = [len(entry["alternative_descriptors"]) for entry in descriptors.values()]
    return {
        "total_descriptors": len(behind),
        "descriptors_with_alternatives": sum(1 for number in behind if number),
        "standalone_descriptors": sum(1 for number in behind if not number),
        "total_alternative_descriptors": sum(behind),
    }


def size_statistics(sizes: Iterable[int]) -> dict[str, Any]:
    """Return mean, median, smallest, largest, standard deviation (population) and distribution."""
    sizes = list(sizes)
    counted = sorted(Counter(sizes).items())
    return {
        "cluster_size_mean": statistics.fmean(sizes) if sizes else 0.0,
        "cluster_size_median": statistics.median(sizes) if sizes else 0,
        "cluster_size_min": min(sizes, default=0),
        "cluster_size_max": max(sizes, default=0),
        "cluster_size_std": statistics.pstdev(sizes) if sizes else 0.0,
        "size_distribution": {str(size): number for size, number in counted},
    }
