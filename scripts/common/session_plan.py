"""The table that draws the retrieval track's sessions from domains."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.common.config import Schema
from scripts.common.config_table import read_rows

_ROUNDING = 1e-9


def read_session_plan(path: Path, schema: Schema) -> list[dict[str, Any]]:
    """Read the table that draws sessions from domains.

    Args:
        path: the table.
        schema: schema of the configuration.

    Returns:
        One mapping per row, in the table's order.

    Raises:
        ConfigError: as `read_rows` does, a pair of session and domain stands twice, or a domain's
            shares add up to more than 1.
    """
    part = schema["$defs"]["session_share"]
    given: dict[str, float] = {}
    seen: set[tuple[str, str]] = set()

    def complaints(row: dict[str, Any], prefix: str) -> Iterator[str]:
        session, domain, share = (row.get(name) for name in ("session", "domain", "share"))
        if not isinstance(domain, str) or not isinstance(share, int | float):
            return
        if (pair := (str(session), domain)) in seen:
            yield f"{prefix}domain = {domain} stands twice in session {session}; allowed: one row"
        seen.add(pair)
        given[domain] = given.get(domain, 0.0) + share
        if given[domain] > 1 + _ROUNDING:
            yield (
                f"{prefix}share = {share} brings domain {domain} to {given[domain]:g} over all "
                "sessions; allowed: 1 at most"
            )

    return list(read_rows(path, part, key=None, complaints_of=complaints).values())
