"""Rows of the track's tables for people, from lineage and events."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple

from scripts.descriptors.events import PASSES, Event
from scripts.descriptors.lineage import ALTERNATIVE, REJECT, SURVIVOR, Origin, treated_fates
from scripts.descriptors.method_comparison import COLUMNS, MethodRow

FUNNEL_COLUMNS = ("stage", "left", "removed")
REASON_COLUMNS = ("reason", "descriptors", "threshold", "examples")
SIZE_COLUMNS = ("size", "clusters")
SURVIVOR_COLUMNS = (
    *("survivor", "cluster_size", "pass2", "pass3", "pass4"),
    *("nearest", "least_similarity", "weak"),
)
MEMBER_COLUMNS = ("survivor", "member", "pass_number", "similarity", "measure", "weak")
WEAK_COLUMNS = (
    *("removed", "pass_number", "statistic", "value", "heir", "similarity"),
    *("survivor", "similarity_to_survivor", "measure"),
)
CLUSTERING_COLUMNS = ("pass_number", *COLUMNS)
LARGEST = 20  # clusters whose members are listed in full
_NEAREST = 5
_EXAMPLES = 3

Row = tuple[object, ...]


def funnel_rows(origins: Sequence[Origin]) -> list[Row]:
    """Return how many columns are left after each stage, and how many it removed."""
    treated = [origin for origin in origins if origin.fate in treated_fates()]
    rows: list[Row] = [
        ("table", len(origins), 0),
        ("descriptors", len(treated), len(origins) - len(treated)),
    ]
    left = len(treated)
    for number in PASSES:
        removed = sum(origin.pass_number == number for origin in treated)
        left -= removed
        rows.append((f"pass{number}", left, removed))
    return rows


def reason_rows(rejects: Sequence[Event]) -> list[Row]:
    """Return the rejects of pass 1 by reason, the most frequent first, with a few of them."""
    counted = Counter(str(event.reason) for event in rejects)
    rows: list[Row] = []
    for reason, number in sorted(counted.items(), key=lambda item: (-item[1], item[0])):
        of_reason = [event for event in rejects if event.reason == reason]
        names = sorted(event.removed for event in of_reason)
        rows.append((reason, number, of_reason[0].threshold, "; ".join(names[:_EXAMPLES])))
    return rows


def members_of(origins: Iterable[Origin]) -> dict[str, list[Origin]]:
    """Return the alternatives of each survivor, the most similar first, unmeasured ones last."""
    origins = sorted(origins, key=lambda origin: origin.name)
    members: dict[str, list[Origin]] = {o.name: [] for o in origins if o.fate == SURVIVOR}
    for origin in origins:
        if origin.fate == ALTERNATIVE:
            members[str(origin.survivor)].append(origin)
    for behind in members.values():
        behind.sort(key=lambda o: (o.similarity is None, -(o.similarity or 0.0)))
    return members


def largest_first(members: dict[str, list[Origin]]) -> list[str]:
    """Return the survivors in order of their clusters, the largest first, then by name."""
    return sorted(members, key=lambda name: (-len(members[name]), name))


def size_rows(members: dict[str, list[Origin]]) -> list[Row]:
    """Return the number of clusters of each size, the survivor counted."""
    counted = Counter(1 + len(behind) for behind in members.values())
    return [(size, number) for size, number in sorted(counted.items())]


def survivor_rows(members: dict[str, list[Origin]]) -> list[Row]:
    """Return a row for each survivor, largest clusters first."""
    return [_survivor_row(name, members[name]) for name in largest_first(members)]


def _survivor_row(name: str, behind: Sequence[Origin]) -> Row:
    by_pass = Counter(origin.pass_number for origin in behind)
    nearest = "; ".join(f"{origin.name} {_text(origin.similarity)}" for origin in behind[:_NEAREST])
    known = [origin.similarity for origin in behind if origin.similarity is not None]
    return (
        name,
        1 + len(behind),
        *(by_pass[number] for number in (2, 3, 4)),
        nearest,
        rounded(min(known, default=None)),
        yes_or_no(any(origin.weak for origin in behind)),
    )


def member_rows(members: dict[str, list[Origin]], *, largest: int = LARGEST) -> list[Row]:
    """Return the alternatives of the largest clusters, the most similar first."""
    return [
        (
            name,
            origin.name,
            origin.pass_number,
            rounded(origin.similarity),
            origin.measure,
            yes_or_no(bool(origin.weak)),
        )
        for name in largest_first(members)[:largest]
        for origin in members[name]
    ]


def weak_rows(events: Sequence[Event], origins: Iterable[Origin]) -> list[Row]:
    """Return the removals whose heir is a poor stand-in, the poorest first."""
    by_name = {origin.name: origin for origin in origins}
    weak = [event for event in events if event.weak]
    weak.sort(key=lambda event: (event.similarity or 0.0, event.removed))
    return [
        (
            event.removed,
            event.pass_number,
            event.statistic,
            rounded(event.value),
            event.heir,
            rounded(event.similarity),
            by_name[event.removed].survivor,
            rounded(by_name[event.removed].similarity),
            by_name[event.removed].measure,
        )
        for event in weak
    ]


def clustering_rows(methods: Mapping[int, Sequence[MethodRow]]) -> list[Row]:
    """Return the comparison of the methods of each clustering pass."""
    return [
        (number, *(rounded(v) if isinstance(v, float) else v for v in astuple(row)))
        for number, rows in methods.items()
        for row in rows
    ]


def fates(origins: Iterable[Origin]) -> dict[str, int]:
    """Return the number of columns by fate; survivors, alternatives and rejects always."""
    counted = Counter(origin.fate for origin in origins)
    for fate in (SURVIVOR, ALTERNATIVE, REJECT):
        counted.setdefault(fate, 0)
    return dict(sorted(counted.items()))


def rounded(value: float | None) -> float | None:
    """Return a measure as tables state it, with six decimals."""
    return None if value is None else round(value, 6)


def yes_or_no(value: bool) -> str:
    """Return a flag as tables state it."""
    return "yes" if value else "no"


def _text(similarity: float | None) -> str:
    return "–" if similarity is None else f"{similarity:.3f}"
