"""What streams say of themselves: memory reports, cohesion, training records, told by their paths.

A file's stream and session follow from its path, …/METHOD/SEED/…/session-T/NAME.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from scripts.common.errors import IntegrityError
from scripts.common.files import read_json
from scripts.common.tsv import read_tsv
from scripts.retrieval.memory_settings import EVERYTHING, NO_MEMORY

_SESSION = re.compile(r"session-(\d+)")
LOSS_COLUMNS = ("method", "seed", "session", "step", "loss")

# Columns that a cohesion table has, whatever else was measured.
_OF_EVERY_MEMORY = {"documents", "clusters"}


@dataclass(frozen=True)
class Place:
    """Whose file it is."""

    stream: str
    session: int

    @property
    def cells(self) -> tuple[str, str, int]:
        """Method, seed and session, as tables show them."""
        method, _, seed = self.stream.rpartition("/")
        return method, seed, self.session


def place_of(path: Path, streams: Sequence[str]) -> Place:
    """Return the stream and session of a file.

    Raises:
        IntegrityError: the path names no listed stream, or no session.
    """
    parts = path.parts
    named = {f"{one}/{other}" for one, other in pairwise(parts)}
    found = [stream for stream in streams if stream in named]
    sessions = [match for part in parts if (match := _SESSION.fullmatch(part))]
    if len(found) != 1 or not sessions:
        raise IntegrityError(f"{path} does not lie in METHOD/SEED/…/session-T of a listed stream")
    return Place(found[0], int(sessions[-1][1]))


def read_placed(paths: Sequence[Path], streams: Sequence[str]) -> dict[Place, dict[str, Any]]:
    """Read JSON files by place, in order of streams and sessions."""
    found = {place_of(path, streams): read_json(path) for path in paths}
    order = {stream: place for place, stream in enumerate(streams)}
    return dict(sorted(found.items(), key=lambda item: (order[item[0].stream], item[0].session)))


def loss_rows(trainings: Mapping[Place, Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
    """Yield rows of `LOSS_COLUMNS`."""
    for place, training in trainings.items():
        for step, loss in training["losses"]:
            yield (*place.cells, step, f"{loss:.6f}")


def cohesion_table(
    paths: Sequence[Path], streams: Sequence[str]
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """Return header and rows of all cohesion tables, with method, seed and session before them.

    Raises:
        IntegrityError: the tables have different columns.
    """
    header: list[str] = []
    placed: dict[Place, list[list[str]]] = {}
    for path in paths:
        columns_here, lines = read_tsv(path)
        if not set(columns_here) >= _OF_EVERY_MEMORY or (header and columns_here != header):
            raise IntegrityError(
                f"{path} has other columns than a memory's cohesion table; delete its folder and "
                "run again"
            )
        header = columns_here
        placed[place_of(path, streams)] = lines
    order = {stream: place for place, stream in enumerate(streams)}
    own = [name for name in header if name not in ("method", "seed", "session")]
    columns = [header.index(name) for name in own]
    rows = [
        (*place.cells, *(line[column] for column in columns))
        for place, lines in sorted(
            placed.items(), key=lambda item: (order[item[0].stream], item[0].session)
        )
        for line in lines
    ]
    return ("method", "seed", "session", *own), rows


def flat_table(
    reports: Mapping[Place, Mapping[str, Any]],
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """Return header and rows of the single values in JSON reports, nested names joined by dots.

    Lists, such as the curve of a warm-up, and settings are left to the reports.
    """
    flat = {place: dict(_single_values(report)) for place, report in reports.items()}
    own = ("method", "seed", "session")
    names = list(dict.fromkeys(name for values in flat.values() for name in values))
    names = [name for name in names if name not in own]
    rows = [
        (*place.cells, *(_cell(values.get(name)) for name in names))
        for place, values in flat.items()
    ]
    return (*own, *names), rows


def _single_values(report: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in report.items():
        if name == "settings":
            continue
        if isinstance(value, Mapping):
            yield from _single_values(value, f"{prefix}{name}.")
        elif not isinstance(value, list):
            yield f"{prefix}{name}", value


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6f}" if isinstance(value, float) else value


def efforts(
    reports: Mapping[Place, Mapping[str, Any]],
    trainings: Mapping[Place, Mapping[str, Any]],
    streams: Sequence[str],
) -> dict[str, dict[str, float | int | None]]:
    """Return what each method may hold, held and trained.

    `memory_limit`: documents of earlier sessions that it may carry over: none for a method
    without a memory or report, null for one that keeps all. Means over seeds: `memory_documents`,
    the most that it carried; `memory_bytes`, their texts and prototypes at most; `steps`,
    optimizer steps of all sessions.
    """
    found: dict[str, dict[str, float | int | None]] = {}
    for method in dict.fromkeys(stream.rpartition("/")[0] for stream in streams):
        own = [stream for stream in streams if stream.rpartition("/")[0] == method]
        held = [[one for place, one in reports.items() if place.stream == name] for name in own]
        trained = [
            [one for place, one in trainings.items() if place.stream == name] for name in own
        ]
        found[method] = {
            "memory_limit": _limit([one for listed in held for one in listed]),
            "memory_documents": _mean(
                [max((one["documents"]["carried"] for one in listed), default=0) for listed in held]
            ),
            "memory_bytes": _mean(
                [max((one["bytes"]["carried"] for one in listed), default=0) for listed in held]
            ),
            "steps": _mean([sum(one["steps"] for one in listed) for listed in trained]),
        }
    return found


def _limit(reports: Sequence[Mapping[str, Any]]) -> int | None:
    kinds = {one["settings"]["method"]["memory"] for one in reports}
    if kinds <= {NO_MEMORY}:
        return 0
    return None if EVERYTHING in kinds else max(int(one["memory_docs"]) for one in reports)


def _mean(values: Sequence[int]) -> float | int:
    mean = sum(values) / len(values)
    return int(mean) if mean == int(mean) else mean
