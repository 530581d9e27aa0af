"""Draws a session from domains: a share of each domain's units, by a plan.

A unit is a connected component of queries and their answers, so that no answer is cut off from its
query, or a single document that answers nothing. Units of a domain stand in one random order, and
each session takes the range behind the earlier sessions'; so a further session changes no earlier
one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from scripts.common.errors import ConfigError
from scripts.common.hashing import keyed_fraction
from scripts.retrieval.row_index import NONE, Digests, Places

Range = tuple[Fraction, Fraction]
# Units are drawn apart, so that answers are as dense in every session: those with queries and
# documents, documents alone, queries alone.
_ANSWERED, _DOCUMENTS_ALONE, _QUERIES_ALONE = range(3)


def ranges_of_domains(shares: Sequence[dict[str, Any]], name: str) -> dict[str, Range]:
    """Return the range of each domain that a session takes, within 0 to 1.

    Args:
        shares: rows of the plan up to the session: session, domain, share.
        name: of the session; all other rows are of earlier sessions.

    Raises:
        ConfigError: a share is not from 0 to 1, a domain stands twice in a session, or the
            sessions take more than all of a domain.
    """
    taken: dict[str, Fraction] = {}
    own: dict[str, Fraction] = {}
    seen: set[tuple[str, str]] = set()
    for row in shares:
        session, domain, share = str(row["session"]), str(row["domain"]), row["share"]
        place = f"plan, session {session}, domain {domain}"
        if not 0 <= share <= 1:
            raise ConfigError(f"{place}: share = {share}; allowed: 0 to 1")
        if (session, domain) in seen:
            raise ConfigError(f"{place} stands twice; keep one row")
        seen.add((session, domain))
        part = Fraction(str(share))
        taken[domain] = taken.get(domain, Fraction(0)) + part
        if session == name:
            own[domain] = part
        if taken[domain] > 1:
            raise ConfigError(
                f"{place}: the shares of the domain add up to {float(taken[domain]):g}; allowed: "
                "at most 1 over all sessions"
            )
    return {
        domain: (total - own.get(domain, Fraction(0)), total) for domain, total in taken.items()
    }


@dataclass(frozen=True)
class Units:
    """Units, one element each.

    Attributes:
        of_query: (queries,) unit of each query.
        of_document: (documents,) unit of each document.
        domains: number of the domain, `NONE` where no member has one.
        digests: random, decided by the ids of the members and the seed.
        queries: number of its queries.
        documents: number of its documents.
        answers: number of its pairs of a query and an answer.
    """

    of_query: Places
    of_document: Places
    domains: Places
    digests: Digests
    queries: Places
    documents: Places
    answers: Places


def find_units(
    query_of_answer: Places,
    document_of_answer: Places,
    *,
    query_domains: Places,
    document_domains: Places,
    query_digests: Digests,
    document_digests: Digests,
    names: Sequence[str],
) -> Units:
    """Return the units of the whole input.

    A unit's domain is that of most of its queries, or of its documents where no query has one;
    of equally frequent ones the first by name.

    Args:
        query_of_answer: (answers,) places of queries.
        document_of_answer: (answers,) places of their answers.
        query_domains: (queries,) numbers of domains, `NONE` for none.
        document_domains: (documents,) as well.
        query_digests: (queries,) random and distinct.
        document_digests: (documents,) as well.
        names: of the domains.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    queries, size = query_domains.size, query_domains.size + document_domains.size
    edges = coo_matrix(
        (
            np.ones(query_of_answer.size, np.int8),
            (query_of_answer.astype(np.int32), (queries + document_of_answer).astype(np.int32)),
        ),
        shape=(size, size),
    )
    number, unit = connected_components(edges, directed=False)
    unit = unit.astype(np.int64)
    domains = _most_frequent(unit[:queries], query_domains, number, names)
    of_documents = _most_frequent(unit[queries:], document_domains, number, names)
    return Units(
        of_query=unit[:queries],
        of_document=unit[queries:],
        domains=np.where(domains == NONE, of_documents, domains),
        digests=_smallest(unit, np.concatenate([query_digests, document_digests]), number),
        queries=np.bincount(unit[:queries], minlength=number),
        documents=np.bincount(unit[queries:], minlength=number),
        answers=np.bincount(unit[query_of_answer], minlength=number),
    )


def _most_frequent(units: Places, domains: Places, number: int, names: Sequence[str]) -> Places:
    """Return the most frequent domain of each unit, `NONE` where no member has one."""
    rank = np.empty(len(names), np.int64)
    by_name = np.array(sorted(range(len(names)), key=lambda place: names[place]), np.int64)
    rank[by_name] = np.arange(len(names))
    has = domains != NONE
    votes, counts = np.unique(
        units[has] * max(1, len(names)) + rank[domains[has]], return_counts=True
    )
    voting, voted = np.divmod(votes, max(1, len(names)))
    order = np.lexsort((voted, -counts, voting))
    first = order[np.unique(voting[order], return_index=True)[1]]
    chosen = np.full(number, NONE)
    chosen[voting[first]] = by_name[voted[first]]
    return chosen


def _smallest(units: Places, digests: Digests, number: int) -> Digests:
    order = np.argsort(digests, kind="stable")
    smallest = np.empty(number, digests.dtype)
    smallest[units[order[::-1]]] = digests[order[::-1]]  # the last one written is the smallest
    return smallest


def draw_units(
    units: Units, names: Sequence[str], ranges: dict[str, Range], seed: int
) -> npt.NDArray[np.bool_]:
    """Return which units a session takes.

    The order of a domain's units mixes those of one shape (numbers of queries, documents and
    answers) evenly, systematic sampling with a random start, so that every range of it holds about
    the same share of each shape. A unit belongs to the range that holds its middle, measured in
    documents (queries, where it has no document).
    """
    drawn = np.zeros(units.domains.size, np.bool_)
    kinds = np.where(
        units.queries == 0, _DOCUMENTS_ALONE, np.where(units.documents == 0, _QUERIES_ALONE, 0)
    )
    weights = np.where(units.documents > 0, units.documents, units.queries)
    for domain, (low, high) in ranges.items():
        number = names.index(domain)
        for kind in (_ANSWERED, _DOCUMENTS_ALONE, _QUERIES_ALONE):
            members = np.flatnonzero((units.domains == number) & (kinds == kind))
            members = members[_mixed_order(units, members, domain, seed)]
            ends = np.cumsum(weights[members])
            middles = 2 * ends - weights[members]  # in half documents, so that they are whole
            total = 2 * int(weights[members].sum())
            drawn[members] = (middles >= ceil(low * total)) & (middles < ceil(high * total))
    return drawn


def _mixed_order(units: Units, members: Places, domain: str, seed: int) -> Places:
    shapes, shape_of, sizes = np.unique(
        np.stack([units.queries, units.documents, units.answers], axis=1)[members],
        axis=0,
        return_inverse=True,
        return_counts=True,
    )
    shape_of = shape_of.reshape(-1)
    starts = np.array(
        [keyed_fraction(seed, "order of units", domain, *map(str, shape)) for shape in shapes]
    )
    order = np.lexsort((units.digests[members], shape_of))
    ranks = np.empty(members.size, np.int64)
    ranks[order] = np.arange(members.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    spots = (ranks + starts[shape_of]) / sizes[shape_of] if members.size else np.empty(0)
    return np.lexsort((units.digests[members], spots))
