"""Which documents and queries of the input are of one session."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scripts.common.errors import ConfigError, InputError
from scripts.common.names import nearest_hint
from scripts.retrieval.row_index import LISTED, NONE, RowIndex
from scripts.retrieval.session_input import SessionInput
from scripts.retrieval.session_plan import draw_units, find_units, ranges_of_domains

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SessionRows:
    """Masks over all documents and all queries of the input."""

    documents: Mask
    queries: Mask


def given_rows(given: SessionInput, name: str) -> SessionRows:
    """Return the rows that say they are of session `name`, or all where no row says anything.

    Raises:
        InputError: some rows have a session and others have not.
    """
    kinds = (given.documents, given.queries)
    names = given.sessions.names
    if not names:
        return SessionRows(*(np.ones(rows.size, np.bool_) for rows in kinds))
    for rows in kinds:
        without = rows.sessions == NONE
        if without.any():
            raise InputError(
                f"{rows.where(int(np.argmax(without)))} has no session, but other rows have; give "
                "one to every document and query, or to none in files for each session"
            )
    number = names.index(name) if name in names else len(names)
    return SessionRows(*(rows.sessions == number for rows in kinds))


def drawn_rows(
    given: SessionInput, shares: Sequence[dict[str, Any]], name: str, seed: int
) -> SessionRows:
    """Return the rows that the plan gives to session `name`.

    Raises:
        ConfigError: the plan is contradictory, or names a domain that no row has.
        InputError: a document or query has no domain, nor has any that it is linked to.
    """
    documents, queries, judged = given.documents, given.queries, given.judged
    domains = given.domains
    ranges = ranges_of_domains(shares, name)
    for domain in ranges:
        if domain not in domains.names:
            hint = nearest_hint(domain, {known: known for known in domains.names})
            raise ConfigError(
                f"the plan names domain {domain}, which no document or query has; {hint}allowed: "
                f"{', '.join(sorted(domains.names)) or 'none, since no row has one'}"
            )
    linked = judged.answers & (judged.documents != NONE)
    units = find_units(
        judged.queries[linked],
        judged.documents[linked],
        query_domains=queries.domains,
        document_domains=documents.domains,
        query_digests=queries.digests,
        document_digests=documents.digests,
        names=domains.names,
    )
    _require_domains(documents, units.domains[units.of_document])
    _require_domains(queries, units.domains[units.of_query])
    drawn = draw_units(units, domains.names, ranges, seed)
    return SessionRows(drawn[units.of_document], drawn[units.of_query])


def _require_domains(rows: RowIndex, domains: npt.NDArray[np.int64]) -> None:
    without = np.flatnonzero(domains == NONE)
    if without.size:
        ids = rows.ids(without[:LISTED].tolist())
        listed = ", ".join(f"{name} at {rows.where(place)}" for place, name in ids.items())
        raise InputError(
            f"{without.size:,} rows have no domain, nor has any row linked to them, so that no "
            f"plan can place them: {listed}{' …' if without.size > LISTED else ''}; give them one"
        )
