"""What became of every column: its fate, its survivor, and the chain of heirs between them.

All of it follows from the roles of the columns and the removal events, traced backwards: the last
event first, so that an heir's survivor is known before that of the descriptor it stands for.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.common.errors import IntegrityError
from scripts.common.files import write_text
from scripts.common.tables import read_table, table_of_rows, write_table
from scripts.descriptors.events import Event
from scripts.descriptors.tables import LINEAGE

SURVIVOR, ALTERNATIVE, REJECT = "survivor", "alternative", "reject"
# Roles of columns that the passes treat; a column of another role keeps its role as its fate.
TREATED_ROLES = frozenset({"descriptor", "force_drop"})
_CHAIN = " > "
_LAST = "last "

# Absolute correlation of two descriptors, None where it was not measured.
Similarity = Callable[[str, str], float | None]


@dataclass(frozen=True)
class Origin:
    """What became of one column; the fields are those of `LINEAGE`."""

    name: str
    fate: str
    survivor: str | None = None
    pass_number: int | None = None
    heirs: tuple[str, ...] = ()
    similarity: float | None = None
    measure: str | None = None
    weak: bool | None = None
    reason: str | None = None

    @property
    def measured_similarity(self) -> float | None:
        """The similarity if it is that of the descriptor and its survivor themselves."""
        by_chain = self.measure is not None and self.measure.startswith(_LAST)
        return None if by_chain else self.similarity

    def row(self) -> dict[str, Any]:
        """Return the fields as a row of `LINEAGE`."""
        return {
            "name": self.name,
            "fate": self.fate,
            "survivor": self.survivor,
            "pass": self.pass_number,
            "heirs": list(self.heirs),
            "similarity": self.similarity,
            "measure": self.measure,
            "weak": self.weak,
            "reason": self.reason,
        }


def treated_fates() -> frozenset[str]:
    """Return the fates of columns that the passes treat."""
    return frozenset({SURVIVOR, ALTERNATIVE, REJECT})


def treated_names(roles: Mapping[str, str]) -> list[str]:
    """Return the columns that the passes treat, sorted."""
    return sorted(name for name, role in roles.items() if role in TREATED_ROLES)


def unmeasured(_one: str, _other: str) -> None:
    """Say of any two descriptors that their similarity was not measured."""


def trace(
    roles: Mapping[str, str], events: Sequence[Event], similarity: Similarity = unmeasured
) -> list[Origin]:
    """Return what became of every column, sorted by name.

    The similarity to the survivor is that of the descriptor's own event where its heir survives;
    else |ρ| as `similarity` gives it; else, where neither was measured, that of the last event of
    its chain. `measure` says which: the event's statistic, "spearman", or "last " and a statistic.
    Of a removal by pass 4 it is on the joint scale of nHSIC and RDC, whichever the statistic.

    Args:
        roles: role of every column of the table.
        events: removals in order, a forest (`require_forest`).
        similarity: absolute Spearman correlation by the names of two descriptors.
    """
    by_name = {event.removed: event for event in events}
    survivors = set(treated_names(roles)) - by_name.keys()
    chains: dict[str, tuple[str, ...]] = dict.fromkeys(survivors, ())
    weak: dict[str, bool] = dict.fromkeys(survivors, False)
    for event in reversed(events):
        if event.heir is not None:
            chains[event.removed] = (event.heir, *chains[event.heir])
            weak[event.removed] = event.weak or weak[event.heir]
    origins = []
    for name in sorted(roles):
        if roles[name] not in TREATED_ROLES:
            origins.append(Origin(name, roles[name]))
        elif name in survivors:
            origins.append(Origin(name, SURVIVOR, survivor=name, similarity=1.0, weak=False))
        elif by_name[name].heir is None:
            event = by_name[name]
            origins.append(Origin(name, REJECT, pass_number=event.pass_number, reason=event.reason))
        else:
            chain = chains[name]
            value, measure = _to_survivor(by_name, name, chain, similarity)
            origins.append(
                Origin(
                    name,
                    ALTERNATIVE,
                    survivor=chain[-1],
                    pass_number=by_name[name].pass_number,
                    heirs=chain,
                    similarity=value,
                    measure=measure,
                    weak=weak[name],
                )
            )
    return origins


def _to_survivor(
    events: Mapping[str, Event], name: str, chain: Sequence[str], similarity: Similarity
) -> tuple[float | None, str | None]:
    own = events[name]
    if len(chain) == 1 and own.similarity is not None:
        return own.similarity, _measure(own)
    measured = similarity(name, chain[-1])
    if measured is not None:
        return measured, "spearman"
    last = events[([name, *chain])[-2]]
    return last.similarity, None if last.similarity is None else f"{_LAST}{_measure(last)}"


def _measure(event: Event) -> str:
    """Return what the similarity of an event is; pass 3 measures it by correlation."""
    return "correlation" if event.pass_number == 3 else str(event.statistic)


def write_lineage(path: Path, csv_path: Path, origins: Sequence[Origin]) -> None:
    """Write the lineage as Parquet, and as CSV with the chain of heirs as one text."""
    rows = [origin.row() for origin in origins]
    write_table(path, table_of_rows(rows, LINEAGE), LINEAGE)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(LINEAGE.names)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in LINEAGE.names])
    write_text(csv_path, text.getvalue())


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return _CHAIN.join(value)
    return str(value).lower() if isinstance(value, bool) else value


def read_lineage(path: Path) -> list[Origin]:
    """Read a lineage table.

    Raises:
        IntegrityError: the table cannot be read, or has two rows of one name.
    """
    origins = [
        Origin(
            name=row["name"],
            fate=row["fate"],
            survivor=row["survivor"],
            pass_number=row["pass"],
            heirs=tuple(row["heirs"] or ()),
            similarity=row["similarity"],
            measure=row["measure"],
            weak=row["weak"],
            reason=row["reason"],
        )
        for row in read_table(path, LINEAGE).to_pylist()
    ]
    seen: set[str] = set()
    for origin in origins:
        if origin.name in seen:
            raise IntegrityError(f"{path}: two rows of {origin.name}; delete it and run again")
        seen.add(origin.name)
    return origins
