"""Which descriptor stands for each one after each pass, of the real run or of a repetition."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from scripts.common.errors import IntegrityError
from scripts.descriptors.events import PASSES
from scripts.descriptors.lineage import ALTERNATIVE, read_lineage, treated_fates

# The descriptor that stands for each one; None of a reject.
Lineage = Mapping[str, str | None]
# The same after each of passes 1 to 4.
LineageByPass = Mapping[int, Lineage]


def lineages_after_passes(
    names: Sequence[str],
    informative: Collection[str],
    heirs: Mapping[int, Mapping[str, str]],
) -> dict[int, dict[str, str | None]]:
    """Return the descriptor that stands for each one after each pass.

    Args:
        names: all descriptors.
        informative: those that pass 1 keeps.
        heirs: by pass, the heir of each descriptor that it removes.
    """
    kept, known = frozenset(informative), dict[str, str]()
    found = {}
    for number in PASSES:
        known |= heirs.get(number, {})
        found[number] = {name: _followed(name, known) if name in kept else None for name in names}
    return found


def real_lineages(path: Path, names: Sequence[str]) -> dict[int, dict[str, str | None]]:
    """Return the same of the real run, from its lineage.

    Descriptors that are dropped before the passes are left out.

    Args:
        path: table of what became of every column.
        names: descriptors of the table.

    Raises:
        IntegrityError: the lineage lacks a descriptor of the table.
    """
    treated = treated_fates()
    traced = {origin.name: origin for origin in read_lineage(path) if origin.fate in treated}
    if lacking := sorted(set(names) - traced.keys()):
        raise IntegrityError(
            f"{path} does not say what became of descriptor {lacking[0]}; run trace_clusters again"
        )
    heirs: dict[int, dict[str, str]] = {number: {} for number in PASSES}
    for origin in traced.values():
        if origin.fate == ALTERNATIVE and origin.pass_number is not None:
            heirs[origin.pass_number][origin.name] = origin.heirs[0]
    informative = [name for name, origin in traced.items() if origin.survivor is not None]
    return lineages_after_passes(names, informative, heirs)


def survivors_in(lineage: Lineage) -> list[str]:
    """Return the descriptors that stand for themselves, sorted."""
    return sorted(name for name, survivor in lineage.items() if survivor == name)


def _followed(name: str, heirs: Mapping[str, str]) -> str:
    while name in heirs:
        name = heirs[name]
    return name
