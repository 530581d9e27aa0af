"""Which columns of a new table stand for a fitted selection."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from scripts.common.errors import InputError
from scripts.descriptors.lineage import ALTERNATIVE, SURVIVOR, Origin

_NAMED = 5  # names that a message lists
# Measures by which pass 4 let a survivor stand for an alternative, as x for x². What the
# alternative says of the survivor was not asked then; x² says nothing of x.
_ONE_WAY = frozenset({"rdc", "fusion"})


@dataclass(frozen=True)
class Choice:
    """The column that is taken for a survivor.

    Attributes:
        survivor: a survivor of the fitted reduction.
        column: itself, or its best alternative at hand; None where there is none.
        similarity: of the column to the survivor, 1 for itself; None where it was not measured.
        measure: of the similarity.
        weak: whether the chain of heirs from the column to the survivor has a weak link, or the
            similarity does not say that the column stands for the survivor.
    """

    survivor: str
    column: str | None
    similarity: float | None = None
    measure: str | None = None
    weak: bool = False

    @property
    def substituted(self) -> bool:
        """Whether another column stands for the survivor."""
        return self.column is not None and self.column != self.survivor


def choose_columns(
    selection: Sequence[str],
    origins: Sequence[Origin],
    available: Collection[str],
    *,
    min_similarity: float = 0.0,
) -> list[Choice]:
    """Choose a column for each survivor, in the order of the selection.

    A survivor stands for itself where it is available. Else the most similar of its available
    alternatives does, ties by name; those come last whose own similarity to it was not measured,
    and they count as 0 against `min_similarity`. An alternative belongs to one survivor, so that no
    column is taken twice.

    Args:
        selection: survivors of the fitted reduction.
        origins: lineage of the fitted reduction.
        available: columns of the new table.
        min_similarity: least similarity of a substitute.

    Raises:
        InputError: the selection names a descriptor that does not survive in the lineage, or lacks
            one that does.
    """
    survivors = {origin.name for origin in origins if origin.fate == SURVIVOR}
    if differing := sorted(survivors ^ set(selection)):
        raise InputError(
            f"the selection and the lineage differ in {', '.join(differing[:_NAMED])}; take both "
            "from one reduction"
        )
    alternatives: dict[str, list[Origin]] = {name: [] for name in selection}
    for origin in origins:
        if origin.fate == ALTERNATIVE and origin.survivor is not None and origin.name in available:
            alternatives[origin.survivor].append(origin)
    choices = []
    for survivor in selection:
        if survivor in available:
            choices.append(Choice(survivor, survivor, similarity=1.0))
            continue
        ranked = sorted(alternatives[survivor], key=_rank)
        best = ranked[0] if ranked else None
        if best is None or (best.measured_similarity or 0.0) < min_similarity:
            choices.append(Choice(survivor, None))
            continue
        weak = bool(best.weak) or (best.measure or "").split(" ")[-1] in _ONE_WAY
        choices.append(Choice(survivor, best.name, best.similarity, best.measure, weak=weak))
    return choices


def _rank(origin: Origin) -> tuple[float, float, str]:
    def known(value: float | None) -> float:
        return -1.0 if value is None else value

    return -known(origin.measured_similarity), -known(origin.similarity), origin.name
