"""What the clusters of the survivors are like, in lines for a person."""

from collections.abc import Mapping, Sequence
from typing import Any

from scripts.descriptors.lineage import ALTERNATIVE, Origin

_NAMES_SHOWN = 5
_BARS = 40


def analysis_lines(
    structure: Mapping[str, Any], origins: Sequence[Origin], *, largest: int
) -> list[str]:
    """Return the largest clusters, the alternatives per survivor, and the weak substitutes.

    Args:
        structure: the clusters of the survivors.
        origins: what became of every column.
        largest: number of clusters to list.
    """
    return [
        *_size_lines(structure["statistics"]),
        *_largest_lines(structure["descriptors"], origins, largest),
    ]


def _size_lines(statistics: Mapping[str, Any]) -> list[str]:
    sizes = {int(size): count for size, count in statistics["size_distribution"].items()}
    most = max(sizes.values(), default=1)
    lines = [
        f"cluster sizes: mean {statistics['cluster_size_mean']:.2f}, median "
        f"{statistics['cluster_size_median']:g}, {statistics['cluster_size_min']} to "
        f"{statistics['cluster_size_max']}, standard deviation "
        f"{statistics['cluster_size_std']:.2f}",
        "alternatives per survivor:",
    ]
    for size, count in sorted(sizes.items()):
        bar = "#" * max(1, round(_BARS * count / most))
        lines.append(f"  {size - 1:>5,} alternatives: {count:>6,} survivors {bar}")
    return lines


def _largest_lines(
    descriptors: Mapping[str, Mapping[str, Any]], origins: Sequence[Origin], largest: int
) -> list[str]:
    weakest: dict[str, Origin] = {}
    for origin in origins:
        if origin.fate == ALTERNATIVE and origin.survivor is not None:
            known = weakest.get(origin.survivor)
            if origin.similarity is not None and (
                known is None or (known.similarity or 0.0) > origin.similarity
            ):
                weakest[origin.survivor] = origin
    ranked = sorted(descriptors.items(), key=lambda entry: (-entry[1]["cluster_size"], entry[0]))
    lines = ["largest clusters:"]
    for name, entry in ranked[:largest]:
        history = ", ".join(
            f"{len(members)} by {key.replace('pass', 'pass ')}"
            for key, members in sorted(entry["removal_history"].items())
            if members
        )
        line = f"  {name}: {entry['cluster_size']} members" + (f" ({history})" if history else "")
        if (least := weakest.get(name)) is not None:
            line += f", least similar {least.name} at {least.similarity:.3f} ({least.measure})"
        shown = entry["alternative_descriptors"][:_NAMES_SHOWN]
        more = entry["total_alternatives"] - len(shown)
        if shown:
            line += ": " + ", ".join(shown) + (f" and {more} more" if more else "")
        lines.append(line)
    return lines
