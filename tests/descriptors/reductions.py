"""Reductions as tests need them: random ones, one by hand, and the files that passes leave."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck
from hypothesis import strategies as st

from scripts.common.files import write_json
from scripts.common.tables import table_of_rows, write_table
from scripts.descriptors.events import Event, write_events
from scripts.descriptors.invariants import Traced
from scripts.descriptors.lineage import Similarity, trace, treated_names, unmeasured
from scripts.descriptors.matrices import write_matrices
from scripts.descriptors.results_folder import ResultsFolder
from scripts.descriptors.survivor_clusters import cluster_structure
from scripts.descriptors.tables import STATISTICS

# How long an example takes to draw says how busy the machine is.
SLOW_MACHINE = [HealthCheck.too_slow]

# A reduction by hand. Pass 2: b, c behind a; e behind d. Pass 3: d behind f (weak), then g behind
# a. Pass 4: f behind h. So a stands for b, c, g and h for d, e, f; i stands alone.
ROLES = {
    "smiles": "metadata",
    **dict.fromkeys("abcdefghi", "descriptor"),
    "toxic": "label",
    "flat": "descriptor",
    "unwanted": "force_drop",
    "kept": "protected",
}
EVENTS = [
    Event("flat", None, 1, "scaled_variance", 0.0, 0.002, reason="scaled_variance"),
    Event("unwanted", None, 1, reason="force_drop"),
    Event("b", "a", 2, "spearman", 0.99, 0.95, similarity=0.99),
    Event("c", "a", 2, "spearman", 0.97, 0.95, similarity=0.97),
    Event("e", "d", 2, "spearman", 0.96, 0.95, similarity=0.96),
    Event("d", "f", 3, "vif", 30.0, 10.0, similarity=0.6, weak=True),
    Event("g", "a", 3, "vif", 12.0, 10.0, similarity=0.8),
    Event("f", "h", 4, "rdc", 0.93, 0.9, similarity=0.93),
]
RHO = {frozenset("eh"): 0.55, frozenset("gc"): 0.75, frozenset("ai"): 0.4, frozenset("ah"): 0.3}


def rho_by_hand(one: str, other: str) -> float | None:
    return RHO.get(frozenset((one, other)))


@st.composite
def reductions(draw: st.DrawFn) -> tuple[dict[str, str], list[Event]]:
    """Roles and events of a random reduction that is sound."""
    names = draw(
        st.lists(st.text("ab.µ가_1", min_size=1, max_size=6), min_size=1, max_size=18, unique=True)
    )
    kinds = ["descriptor"] * 6 + ["force_drop", "metadata", "label", "protected"]
    roles = {name: draw(st.sampled_from(kinds)) for name in names}
    alive = treated_names(roles)
    events: list[Event] = []

    def some(of: Sequence[str]) -> list[str]:
        return draw(st.lists(st.sampled_from(of), unique=True)) if of else []

    dropped = [name for name in alive if roles[name] == "force_drop"]
    for name in dict.fromkeys([*dropped, *some(alive)]):
        events.append(Event(name, None, 1, reason="missing_ratio"))
        alive.remove(name)
    for number in (2, 3, 4):
        together = some(alive)[: max(0, len(alive) - 1)]
        left = [name for name in alive if name not in together]
        for place, name in enumerate(together):
            # Pass 3 removes one after the other: an heir may go later.
            heirs = [*left, *(together[place + 1 :] if number == 3 else [])]
            similarity = draw(st.floats(0, 1))
            heir = draw(st.sampled_from(heirs))
            weak = draw(st.booleans())
            events.append(Event(name, heir, number, "x", 1.0, 0.5, similarity, weak))
        alive = left
    return roles, events


def traced_of(
    roles: Mapping[str, str], events: Sequence[Event], similarity: Similarity = unmeasured
) -> Traced:
    """What trace_clusters derives, without files."""
    rejects = {event.removed for event in events if event.pass_number == 1}
    origins = trace(roles, events, similarity)
    structure = cluster_structure(origins, versions={"python": "3"}, hashes={"code": "0"})
    survivors = frozenset(treated_names(roles)) - rejects
    return Traced(roles, survivors, events, similarity, origins, structure)


def write_results(
    folder: Path, roles: Mapping[str, str], events: Sequence[Event], *, matrices: bool = True
) -> ResultsFolder:
    """Write the files that the passes leave, as trace_clusters reads them."""
    results = ResultsFolder(folder)
    write_json(
        results.table,
        {"columns": [{"name": name, "role": role} for name, role in roles.items()], "rows": 100},
    )
    rejects = {event.removed for event in events if event.pass_number == 1}
    names = treated_names(roles)
    rows = [
        {
            **dict.fromkeys(STATISTICS.names),
            "name": name,
            "valid": 100,
            "survives": name not in rejects,
        }
        for name in names
    ]
    write_table(results.statistics, table_of_rows(rows, STATISTICS), STATISTICS)
    for number, path in enumerate(results.events, start=1):
        write_events(path, [event for event in events if event.pass_number == number])
    if matrices:
        measured = [name for name in names if name not in rejects]
        write_matrices(
            results.correlation, measured, {"spearman": matrix_by_hand(measured)}, {"rows": "100"}
        )
    return results


def matrix_by_hand(names: Sequence[str]) -> np.ndarray:
    """Signed correlations of the reduction by hand, NaN where none is given."""
    matrix = np.full((len(names), len(names)), np.nan)
    for row, one in enumerate(names):
        for column, other in enumerate(names):
            value = 1.0 if one == other else rho_by_hand(one, other)
            if value is not None:
                matrix[row, column] = value if one == other else -value
    return matrix
