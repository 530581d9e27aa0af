"""The best stand-ins for a descriptor: from its cluster, and among the other survivors."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from scripts.common.errors import InputError
from scripts.common.names import edit_distance
from scripts.descriptors.lineage import ALTERNATIVE, REJECT, SURVIVOR, Origin
from scripts.descriptors.measured_similarity import MeasuredSimilarity

# Measures on the scale of a correlation, so that the larger of them can rank substitutes.
_COMPARABLE = ("spearman", "rdc")
_SIMILAR = 0.6  # difflib's similarity from which one name is taken for a misspelling of another
_CANDIDATES = 10


@dataclass(frozen=True)
class Substitute:
    """A descriptor that can stand for another.

    Attributes:
        name: the descriptor.
        in_cluster: whether both stand in the same cluster.
        survives: whether it is a survivor.
        similarity: the larger of |ρ| and RDC, in [0, 1]; None where nothing was measured.
        measure: which of them that is.
        measured: all measured similarities by measure.
    """

    name: str
    in_cluster: bool
    survives: bool
    similarity: float | None
    measure: str | None
    measured: Mapping[str, float]


def find_substitutes_for(
    name: str,
    origins: Sequence[Origin],
    measured: Sequence[MeasuredSimilarity],
    *,
    unavailable: Collection[str] = (),
) -> list[Substitute]:
    """Return the members of the descriptor's cluster and all other survivors, best first.

    Members of the cluster come first; within each group the most similar first, ties by name, and
    last what was never measured against it.

    Args:
        name: the descriptor that is to be replaced.
        origins: what became of every column.
        measured: similarities of the passes.
        unavailable: descriptors that cannot be taken.

    Raises:
        InputError: no descriptor of this name was reduced; the message names the nearest ones, or
            says what became of it.
    """
    by_name = {origin.name: origin for origin in origins}
    wanted = _required(name, by_name)
    require_known(unavailable, by_name)
    found = []
    for origin in origins:
        if origin.name == name or origin.name in unavailable:
            continue
        in_cluster = origin.survivor is not None and origin.survivor == wanted.survivor
        if in_cluster or origin.fate == SURVIVOR:
            found.append(_substitute(wanted, origin, measured, in_cluster=in_cluster))
    return sorted(found, key=_rank)


def _required(name: str, by_name: Mapping[str, Origin]) -> Origin:
    require_known([name], by_name)
    origin = by_name[name]
    if origin.fate == REJECT:
        raise InputError(
            f"{name} was rejected by pass 1 ({origin.reason}), so that it was compared with no "
            "other; relax that limit and run again"
        )
    if origin.fate not in (SURVIVOR, ALTERNATIVE):
        raise InputError(f"{name} is a column of role {origin.fate}; name a descriptor")
    return origin


def require_known(names: Collection[str], by_name: Mapping[str, Origin]) -> None:
    """Check that the table had all of `names`.

    Raises:
        InputError: it had not; the message names the nearest ones.
    """
    for name in names:
        if name not in by_name:
            nearest = nearest_names(name, by_name)
            hint = f"; nearest: {', '.join(nearest)}" if nearest else ""
            raise InputError(f"no column is called {name}{hint}")


def _rank(substitute: Substitute) -> tuple[bool, float, str]:
    known = -1.0 if substitute.similarity is None else substitute.similarity
    return not substitute.in_cluster, -known, substitute.name


def _substitute(
    wanted: Origin, other: Origin, measured: Sequence[MeasuredSimilarity], *, in_cluster: bool
) -> Substitute:
    values: dict[str, float] = {}
    for similarity in measured:
        values |= similarity.of_pair(wanted.name, other.name)
    comparable = {key: values[key] for key in _COMPARABLE if key in values}
    value, measure = None, None
    if comparable:
        measure = max(comparable, key=lambda key: comparable[key])
        value = comparable[measure]
    elif in_cluster:
        # The lineage knows the similarity to the survivor even where no matrix is at hand.
        source = wanted if other.fate == SURVIVOR else other if wanted.fate == SURVIVOR else None
        if source is not None:
            value, measure = source.similarity, source.measure
    return Substitute(other.name, in_cluster, other.fate == SURVIVOR, value, measure, values)


def nearest_names(name: str, names: Collection[str], most: int = 3) -> list[str]:
    """Return up to `most` of `names` that `name` was probably meant to be, the likeliest first.

    A name that lacks its prefix ("MolWt" for "rdkit.MolWt") or differs in case is taken as meant.
    """
    asked = name.casefold()
    meant = sorted(
        known for known in names if asked in (known.casefold(), known.casefold().split(".", 1)[-1])
    )
    folded = {known.casefold(): known for known in sorted(names, reverse=True)}
    bare = {known.split(".", 1)[-1]: known for known in reversed(list(folded))}
    close = [
        *difflib.get_close_matches(asked, folded, n=_CANDIDATES, cutoff=_SIMILAR),
        *(bare[b] for b in difflib.get_close_matches(asked, bare, n=_CANDIDATES, cutoff=_SIMILAR)),
    ]
    ranked = sorted(
        {folded[known] for known in close},
        key=lambda known: (
            min(
                edit_distance(asked, known.casefold()),
                edit_distance(asked, known.casefold().split(".", 1)[-1]),
            ),
            known,
        ),
    )
    return list(dict.fromkeys([*meant, *ranked]))[:most]
