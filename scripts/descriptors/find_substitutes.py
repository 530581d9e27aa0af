r"""Finds stand-ins for a descriptor that is not to be had.

In: the folder of a finished reduction. Out, on the terminal: the members of the descriptor's
cluster and the nearest among the other survivors, with their similarities as passes 2 and 4
measured them.

    python -m scripts.descriptors.find_substitutes --output-dir results/descriptors \
        --descriptor rdkit.MolWt --unavailable mordred.MW rdkit.ExactMolWt
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.descriptors.lineage import read_lineage
from scripts.descriptors.measured_similarity import MeasuredSimilarity, read_similarity
from scripts.descriptors.results_folder import ResultsFolder
from scripts.descriptors.substitutes import Substitute, find_substitutes_for

_MEASURES = ("spearman", "rdc", "nhsic")
_HEADER = ("descriptor", "is", "similarity", "measure", *_MEASURES)


def run(
    output_dir: Path, descriptor: str, *, unavailable: tuple[str, ...] = (), most: int = 10
) -> None:
    """Print the best substitutes of a descriptor.

    Args:
        output_dir: folder of the reduction's results.
        descriptor: the descriptor that is to be replaced.
        unavailable: further descriptors that cannot be taken.
        most: most lines of the cluster, and most of the other survivors.
    """
    found = read_substitutes(output_dir, descriptor, unavailable=unavailable)
    print("\n".join(substitute_lines(descriptor, found, most=most)))


def read_substitutes(
    output_dir: Path, descriptor: str, *, unavailable: tuple[str, ...] = ()
) -> list[Substitute]:
    """Return the substitutes of a descriptor from a folder of results, best first.

    Raises:
        InputError: the folder has no lineage, or no descriptor of this name was reduced.
    """
    folder = ResultsFolder(output_dir)
    folder.require([folder.lineage])
    measured: list[MeasuredSimilarity] = []
    if folder.correlation.is_file():
        measured.append(read_similarity(folder.correlation, ["spearman"]))
    if folder.dependence.is_file():
        measured.append(read_similarity(folder.dependence, ["rdc", "hsic"], {"hsic": "nhsic"}))
    return find_substitutes_for(
        descriptor, read_lineage(folder.lineage), measured, unavailable=unavailable
    )


def substitute_lines(descriptor: str, found: list[Substitute], *, most: int) -> list[str]:
    """Return substitutes as lines of a table, at most `most` of each group."""
    lines = []
    for title, group in (
        (f"in the cluster of {descriptor}", [s for s in found if s.in_cluster]),
        ("among the other survivors", [s for s in found if not s.in_cluster]),
    ):
        lines.append(f"{title}: {len(group)}")
        if group:
            lines += _aligned([_HEADER, *(_cells(substitute) for substitute in group[:most])])
        if len(group) > most:
            lines.append(f"  and {len(group) - most} more")
    return lines


def _cells(substitute: Substitute) -> tuple[str, ...]:
    values = [substitute.measured.get(measure) for measure in _MEASURES]
    return (
        substitute.name,
        "survivor" if substitute.survives else "alternative",
        _number(substitute.similarity),
        substitute.measure or "not measured",
        *(_number(value) for value in values),
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  "
        + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
