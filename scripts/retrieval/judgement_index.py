"""Judgements (qrels) as places of queries and documents, checked against both."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scripts.common.errors import InputError
from scripts.common.tables import iterate_batches
from scripts.retrieval.input_rows import Judgement, judgements
from scripts.retrieval.row_index import LISTED, NONE, Digester, Digests, Places, RowIndex
from scripts.retrieval.tables import DOCUMENTS

_ROWS_AT_A_TIME = 20_000


class EarlierDocuments:
    """The documents of earlier sessions, by the hashes of their ids.

    Args:
        tables: documents of sessions 0, 1, …, in this order.
        digester: of document ids.

    Raises:
        IntegrityError: a table cannot be read.
    """

    def __init__(self, tables: Sequence[Path], digester: Digester) -> None:
        parts = [list(_digests_of(path, digester)) for path in tables]
        found = [part for batches in parts for part in batches]
        digests = np.concatenate([digester.digests(()), *found])
        sessions = [
            np.full(sum(part.size for part in batches), session)
            for session, batches in enumerate(parts)
        ]
        order = np.argsort(digests, kind="stable")
        self._sorted = digests[order]
        self._sessions = np.concatenate([np.empty(0, np.int64), *sessions])[order]

    @property
    def size(self) -> int:
        """Number of documents."""
        return int(self._sorted.size)

    def find(self, wanted: Digests) -> Places:
        """Return the place of each document among the earlier ones, `NONE` where it is new."""
        if not self.size:
            return np.full(wanted.size, NONE)
        spots = np.minimum(np.searchsorted(self._sorted, wanted), self.size - 1)
        return np.where(self._sorted[spots] == wanted, spots, NONE)

    def sessions(self, places: Places) -> Places:
        """Return the session of each of these places, `NONE` for `NONE`."""
        if not self.size:
            return np.full(places.size, NONE)
        return np.where(places == NONE, NONE, self._sessions[places])


def _digests_of(table: Path, digester: Digester) -> Iterator[Digests]:
    for batch in iterate_batches(table, DOCUMENTS, rows=_ROWS_AT_A_TIME, columns=["doc_id"]):
        yield digester.digests(batch["doc_id"].to_pylist())


@dataclass(frozen=True)
class JudgementIndex:
    """All judgements of the input, one element each, in their order.

    Attributes:
        queries: place of the query among the input's.
        documents: place of the document among the input's, `NONE` if it is an earlier session's
            file alone that holds it.
        earlier: session of a document of an earlier session, `NONE` for the others.
        scores: above 0 where the document is an answer.
        rows_of_file: rows of each file.
    """

    queries: Places
    documents: Places
    earlier: Places
    codes: Places  # one number for each document, wherever it is
    scores: Places
    rows_of_file: list[int]

    @property
    def answers(self) -> npt.NDArray[np.bool_]:
        """Which judgements name an answer."""
        return self.scores > 0


def read_judgements(
    paths: Sequence[Path], queries: RowIndex, documents: RowIndex, earlier: EarlierDocuments
) -> JudgementIndex:
    """Read all judgements.

    Raises:
        InputError: as `judgements` does; a query or document is unknown, or a pair stands twice.
    """
    rows_of_file = [0] * len(paths)
    unknown: list[str] = []
    numbers = 0
    blocks: list[tuple[Places, Places, Places, Places]] = []
    rows = judgements(paths)
    while block := list(islice(rows, _ROWS_AT_A_TIME)):
        for row in block:
            rows_of_file[row.file] += 1
        query, document, old = _places(block, queries, documents, earlier)
        strange = np.flatnonzero((query == NONE) | ((document == NONE) & (old == NONE))).tolist()
        numbers += len(strange)
        for place in strange[: LISTED - len(unknown)]:
            unknown.append(_unknown(block[place], paths, is_query=query[place] == NONE))
        scores = np.fromiter((row.score for row in block), np.int64, len(block))
        blocks.append((query, document, old, scores))
    if numbers:
        raise InputError(
            f"{numbers:,} judgements name unknown ids: {', '.join(unknown)}"
            f"{' …' if numbers > len(unknown) else ''}; correct them, or add what they name"
        )
    joined = [
        np.concatenate([np.empty(0, np.int64), *parts])
        for parts in (zip(*blocks, strict=True) if blocks else [()] * 4)
    ]
    query, document, old, scores = joined
    codes = np.where(document != NONE, document, documents.size + old)
    _require_pairs_once(query, codes, documents.size + earlier.size, paths, rows_of_file)
    return JudgementIndex(query, document, earlier.sessions(old), codes, scores, rows_of_file)


def _places(
    block: Sequence[Judgement], queries: RowIndex, documents: RowIndex, earlier: EarlierDocuments
) -> tuple[Places, Places, Places]:
    """Return the places of queries, of documents, and of documents among earlier ones."""
    found = documents.digester.digests(row.doc_id for row in block)
    return (
        queries.find(queries.digester.digests(row.qid for row in block)),
        documents.find(found),
        earlier.find(found),
    )


def _unknown(row: Judgement, paths: Sequence[Path], *, is_query: bool) -> str:
    name = f"query {row.qid}" if is_query else f"document {row.doc_id}"
    return f"{name} at {paths[row.file]}:{row.line}"


def _require_pairs_once(
    queries: Places, codes: Places, documents: int, paths: Sequence[Path], rows: Sequence[int]
) -> None:
    pairs = queries * max(documents, 1) + codes
    order = np.argsort(pairs, kind="stable")
    repeats = np.sort(order[1:][pairs[order][1:] == pairs[order][:-1]])
    if repeats.size:
        chosen = set(repeats[:LISTED].tolist())
        listed = ", ".join(
            f"{row.qid} {row.doc_id} at {paths[row.file]}:{row.line}"
            for place, row in enumerate(judgements(paths))
            if place in chosen
        )
        raise InputError(
            f"{repeats.size:,} judgements repeat an earlier one's query and document: {listed}"
            f"{' …' if repeats.size > LISTED else ''}; keep one of each"
        )
