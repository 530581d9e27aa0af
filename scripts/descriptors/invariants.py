"""What must hold of every traced result, whatever the table and the settings.

Each check computes anew, by another way than the derivation, and names the descriptor that breaks
it. `verify` runs all of them and says in words what it checked.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from scripts.common.errors import IntegrityError
from scripts.descriptors.events import Event, require_forest
from scripts.descriptors.lineage import (
    ALTERNATIVE,
    REJECT,
    SURVIVOR,
    Origin,
    Similarity,
    trace,
    treated_names,
)
from scripts.descriptors.survivor_clusters import HISTORY_PASSES, cluster_structure

_REMEDY = "delete the results of trace_clusters and run it again"
_TOLERANCE = 1e-12


@dataclass(frozen=True)
class Traced:
    """What the tracing read, and what it derived.

    Attributes:
        roles: role of every column.
        pass1_survivors: names that the statistics of pass 1 call survivors.
        events: removals of all passes, in order.
        similarity: absolute Spearman correlation of two names.
        origins: what became of every column.
        structure: the clusters of the survivors.
    """

    roles: Mapping[str, str]
    pass1_survivors: frozenset[str]
    events: Sequence[Event]
    similarity: Similarity
    origins: Sequence[Origin]
    structure: Mapping[str, Any]


def verify(traced: Traced) -> list[str]:
    """Check all invariants; return one line for each.

    Raises:
        IntegrityError: an invariant does not hold; the message names the descriptor.
    """
    checks: list[tuple[str, Callable[[Traced], None]]] = [
        ("every column has one fate, and nothing is lost", require_partition),
        ("one removal each, heirs alive, a forest rooted at survivors", require_events),
        ("clusters are disjoint and hold all that pass 1 left", require_clusters),
        ("metadata and statistics recompute", require_recomputed),
        ("the order of columns and of simultaneous events changes nothing", require_order_free),
    ]
    lines = []
    for number, (what, check) in enumerate(checks, start=1):
        check(traced)
        lines.append(f"invariant {number}: {what}")
    return lines


def require_partition(traced: Traced) -> None:
    """Invariant 1: columns = survivors ⊎ alternatives ⊎ rejects ⊎ columns that no pass treats."""
    fates = Counter(origin.name for origin in traced.origins)
    for name, times in sorted(fates.items()):
        if name not in traced.roles:
            raise _violated(1, name, "is no column of the table")
        if times > 1:
            raise _violated(1, name, f"has {times} fates")
    for name in sorted(traced.roles):
        if name not in fates:
            raise _violated(1, name, "is lost: it has no fate")
    treated = set(treated_names(traced.roles))
    removed = {event.removed: event for event in traced.events}
    for origin in traced.origins:
        name = origin.name
        if name not in treated:
            if origin.fate != traced.roles[name]:
                raise _violated(1, name, f"is {traced.roles[name]} and became {origin.fate}")
            if name in removed:
                raise _violated(1, name, f"is {traced.roles[name]} and was removed by a pass")
            continue
        event = removed.get(name)
        expected = SURVIVOR if event is None else ALTERNATIVE if event.heir else REJECT
        if origin.fate != expected:
            raise _violated(1, name, f"is called {origin.fate}, but the events say {expected}")
        if (name in traced.pass1_survivors) == (origin.fate == REJECT):
            raise _violated(1, name, f"is {origin.fate}, but the statistics of pass 1 differ")


def require_events(traced: Traced) -> None:
    """Invariant 2: one event per removed descriptor, heirs alive, and chains as the events say."""
    require_forest(treated_names(traced.roles), traced.events)
    heirs = {event.removed: event.heir for event in traced.events}
    for origin in traced.origins:
        chain = [origin.name, *origin.heirs]
        for one, other in pairwise(chain):
            if heirs.get(one) != other:
                raise _violated(2, origin.name, f"is said to go from {one} to {other}")
        if origin.fate in (SURVIVOR, ALTERNATIVE) and chain[-1] in heirs:
            raise _violated(2, origin.name, f"ends at {chain[-1]}, which does not survive")
        if origin.fate in (SURVIVOR, ALTERNATIVE) and origin.survivor != chain[-1]:
            raise _violated(2, origin.name, f"ends at {chain[-1]}, not at {origin.survivor}")


def require_clusters(traced: Traced) -> None:
    """Invariant 3: no survivor is an alternative, sizes add up, histories partition."""
    descriptors: Mapping[str, Any] = traced.structure["descriptors"]
    passes = {event.removed: event.pass_number for event in traced.events}
    owner: dict[str, str] = {}
    for name, entry in sorted(descriptors.items()):
        alternatives = entry["alternative_descriptors"]
        for alternative in alternatives:
            if alternative in descriptors:
                raise _violated(3, alternative, f"survives and is an alternative of {name}")
            if alternative in owner:
                raise _violated(3, alternative, f"stands behind {owner[alternative]} and {name}")
            owner[alternative] = name
        if len(set(alternatives)) != len(alternatives):
            raise _violated(3, name, "has an alternative twice")
        if sorted(entry["all_cluster_members"]) != sorted([name, *alternatives]):
            raise _violated(3, name, "has other members than itself and its alternatives")
        if not entry["cluster_size"] == 1 + entry["total_alternatives"] == 1 + len(alternatives):
            raise _violated(3, name, f"has {len(alternatives)} alternatives, but another size")
        _require_history(name, entry, passes)
    for name in sorted(traced.pass1_survivors - passes.keys() - descriptors.keys()):
        raise _violated(3, name, "survives and has no cluster")
    missing = sorted(traced.pass1_survivors - owner.keys() - descriptors.keys())
    surplus = sorted((owner.keys() | descriptors.keys()) - traced.pass1_survivors)
    if missing:
        raise _violated(3, missing[0], "survives pass 1 and stands in no cluster")
    if surplus:
        raise _violated(3, surplus[0], "stands in a cluster and does not survive pass 1")
    total = sum(entry["cluster_size"] for entry in descriptors.values())
    if total != len(traced.pass1_survivors):
        raise IntegrityError(
            f"invariant 3: the clusters hold {total} descriptors, but pass 1 left "
            f"{len(traced.pass1_survivors)}; {_REMEDY}"
        )


def _require_history(name: str, entry: Mapping[str, Any], passes: Mapping[str, int]) -> None:
    history = entry["removal_history"]
    if sorted(history) != [f"pass{number}" for number in HISTORY_PASSES]:
        raise _violated(3, name, "has a removal history of other passes than 2, 3 and 4")
    listed = [(member, key) for key, members in history.items() for member in members]
    if sorted(member for member, _ in listed) != sorted(entry["alternative_descriptors"]):
        raise _violated(3, name, "has a removal history that does not partition its alternatives")
    for member, key in listed:
        if key != f"pass{passes.get(member)}":
            raise _violated(3, member, f"stands under {key} of {name}; its event says otherwise")


def require_recomputed(traced: Traced) -> None:
    """Invariant 4: metadata and statistics recompute from the entries of the descriptors."""
    metadata, stated = traced.structure["metadata"], traced.structure["statistics"]
    sizes = sorted(len(e["all_cluster_members"]) for e in traced.structure["descriptors"].values())
    number = len(sizes)
    mean = sum(sizes) / number if number else 0.0
    middle = (sizes[(number - 1) // 2] + sizes[number // 2]) / 2 if number else 0.0
    spread = (sum((size - mean) ** 2 for size in sizes) / number) ** 0.5 if number else 0.0
    expected: dict[str, float] = {
        "total_descriptors": number,
        "descriptors_with_alternatives": sum(size > 1 for size in sizes),
        "standalone_descriptors": sizes.count(1),
        "total_alternative_descriptors": sum(sizes) - number,
        "cluster_size_mean": mean,
        "cluster_size_median": middle,
        "cluster_size_min": sizes[0] if sizes else 0,
        "cluster_size_max": sizes[-1] if sizes else 0,
        "cluster_size_std": spread,
    }
    for field, value in expected.items():
        found = {**metadata, **stated}.get(field)
        if found is None or abs(found - value) > _TOLERANCE * max(1.0, abs(value)):
            raise IntegrityError(f"invariant 4: {field} is {found}, not {value}; {_REMEDY}")
    distribution = {str(size): sizes.count(size) for size in set(sizes)}
    if stated["size_distribution"] != distribution:
        raise IntegrityError(f"invariant 4: size_distribution is not {distribution}; {_REMEDY}")


def require_order_free(traced: Traced) -> None:
    """Invariant 5: columns, and events of passes 1, 2 and 4, in reverse give the same result."""
    roles = {name: traced.roles[name] for name in reversed(list(traced.roles))}
    events = [
        event
        for number in sorted({event.pass_number for event in traced.events})
        for event in _turned([e for e in traced.events if e.pass_number == number], number)
    ]
    origins = trace(roles, events, traced.similarity)
    for one, other in zip(origins, traced.origins, strict=True):
        if one != other:
            raise _violated(5, other.name, "has another fate when columns come in another order")
    metadata = traced.structure["metadata"]
    structure = cluster_structure(
        list(reversed(origins)), versions=metadata["versions"], hashes=metadata["hashes"]
    )
    for name, entry in structure["descriptors"].items():
        if traced.structure["descriptors"].get(name) != entry:
            raise _violated(5, name, "has another cluster when columns come in another order")


def _turned(events: list[Event], pass_number: int) -> list[Event]:
    return events if pass_number == 3 else events[::-1]


def _violated(invariant: int, name: str, what: str) -> IntegrityError:
    return IntegrityError(f"invariant {invariant}: descriptor {name} {what}; {_REMEDY}")
