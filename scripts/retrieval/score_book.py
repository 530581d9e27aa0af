"""Scores of all streams by model, test session and query, as equal arrays that compare as pairs.

A[t, j] is the mean over the test queries of session j of what the model after session t scores. On
a session's own collection it is known for j <= t and, before training on it, for j = t + 1; on the
collection accumulated up to session t for j <= t.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scripts.common.errors import IntegrityError
from scripts.common.tables import read_table
from scripts.retrieval.score_rows import ACCUMULATED, BASE, OWN, Scored, read_scored
from scripts.retrieval.tables import FULL, MEASURES, MODES, QUERY_SCORES, STORED

Values = NDArray[np.float64]  # (queries of a test session, measures)
Cell = tuple[int, int]  # model t, test session j


@dataclass
class ScoreBook:
    """Scores of one collection and mode.

    Attributes:
        collection, mode: what was searched, and how.
        sessions: T.
        qids: scored queries of each test session, the same for every model.
        cells: by stream ("method/seed"), then (t, j).
        lexical: streams that match words, without an encoder.
    """

    collection: str
    mode: str
    sessions: int
    qids: dict[int, list[str]] = field(default_factory=dict)
    cells: dict[str, dict[Cell, Values]] = field(default_factory=dict)
    lexical: set[str] = field(default_factory=set)

    def queries(self, test: int) -> int:
        """Return the number of scored queries of a test session."""
        return len(self.qids.get(test, []))

    @property
    def tested(self) -> list[int]:
        """The sessions that have a scored query."""
        return [test for test in range(self.sessions) if self.queries(test)]

    def cell(self, stream: str, model: int, test: int) -> Values | None:
        """Return A[model, test] by query; a stream that no session changes is its own past."""
        of_stream = self.cells.get(stream, {})
        found = of_stream.get((model, test))
        return of_stream.get((BASE, test)) if found is None and self.is_fixed(stream) else found

    def is_fixed(self, stream: str) -> bool:
        """Return whether one model stands for all sessions."""
        return all(model == BASE for model, _ in self.cells.get(stream, {}))

    def base(self, test: int) -> Values | None:
        """Return the scores of the encoder before any training, where it was evaluated."""
        for stream, of_stream in self.cells.items():
            if stream not in self.lexical and (BASE, test) in of_stream:
                return of_stream[BASE, test]
        return None


def read_books(
    scores: Sequence[Path], accumulated: Sequence[Path], streams: Sequence[str], sessions: int
) -> list[ScoreBook]:
    """Read all scores: own collections in each mode, then the accumulated one.

    Args:
        scores: of models on sessions' own collections.
        accumulated: of models on accumulated collections.
        streams: names of the streams, in order.
        sessions: T.

    Raises:
        IntegrityError: a file is of no listed stream, stands twice or is missing, or files rest on
            different queries.
    """
    books = {(OWN, mode): ScoreBook(OWN, mode, sessions) for mode in MODES}
    books[ACCUMULATED, FULL] = ScoreBook(ACCUMULATED, FULL, sessions)
    for collection, paths in ((OWN, scores), (ACCUMULATED, accumulated)):
        for path in paths:
            scored = read_scored(path)
            _require_place(path, scored, collection, streams, sessions)
            for mode, test, values, qids in _read_cells(path, scored):
                _add(books[collection, mode], path, scored, test, values, qids)
    own = books[OWN, FULL]
    for mode in MODES:
        _complete(books[OWN, mode], own)
    for book in (own, books[ACCUMULATED, FULL]):
        if book.cells:
            _require_all(book, streams)
    # In the order of `streams`, whatever the order of the files.
    for book in books.values():
        book.cells = {stream: book.cells[stream] for stream in streams if stream in book.cells}
    return [book for book in books.values() if book.cells]


def _require_place(
    path: Path, scored: Scored, collection: str, streams: Sequence[str], sessions: int
) -> None:
    if scored.stream not in streams:
        raise IntegrityError(f"{path} is of {scored.stream}, which is none of the listed streams")
    if scored.collection != collection or not -1 <= scored.session < sessions:
        raise IntegrityError(
            f"{path} is of model {scored.session} on the {scored.collection} collection, which is "
            f"not asked for here ({sessions} sessions, {collection}); make it again"
        )


def _read_cells(path: Path, scored: Scored) -> Iterable[tuple[str, int, Values, list[str]]]:
    """Yield (mode, test, values, qids); an own collection without scored query yields it empty."""
    table = read_table(path, QUERY_SCORES)
    modes, tests = (np.array(table[name].to_pylist()) for name in ("mode", "test"))
    qids = table["qid"].to_pylist()
    values = np.stack(
        [table[measure].to_numpy(zero_copy_only=False) for measure in MEASURES], axis=1
    )
    for mode in MODES:
        for test in np.unique(tests[modes == mode]).tolist():
            rows = np.flatnonzero((modes == mode) & (tests == test))
            yield mode, test, values[rows], [qids[row] for row in rows]
    if not len(tests) and scored.collection == OWN:
        yield FULL, scored.test, values, []


def _add(
    book: ScoreBook, path: Path, scored: Scored, test: int, values: Values, qids: list[str]
) -> None:
    model = scored.test if scored.collection == ACCUMULATED else scored.session
    known = book.qids.setdefault(test, qids)
    if known != qids:
        raise IntegrityError(
            f"{path} scores other queries of session {test} than the files before it; evaluate "
            "all models on the same sessions"
        )
    of_stream = book.cells.setdefault(scored.stream, {})
    if (model, test) in of_stream:
        raise IntegrityError(f"{path}: model {model} of {scored.stream} on {test} stands twice")
    of_stream[model, test] = values
    if scored.lexical:
        book.lexical.add(scored.stream)


def _complete(book: ScoreBook, own: ScoreBook) -> None:
    """Give `stored` its cells of models that are no later: vectors just made are those stored."""
    if book is own or not book.cells:
        return
    for test, qids in book.qids.items():
        if own.qids.get(test) != qids:
            raise IntegrityError(f"mode {book.mode} scored other queries of session {test}")
    book.qids = dict(own.qids)
    if book.mode == STORED:
        for stream, of_stream in book.cells.items():
            for (model, test), values in own.cells.get(stream, {}).items():
                if BASE != model <= test:
                    of_stream.setdefault((model, test), values)


def _require_all(book: ScoreBook, streams: Sequence[str]) -> None:
    for stream in streams:
        for model in range(book.sessions):
            for test in range(model + 1):
                if book.queries(test) and book.cell(stream, model, test) is None:
                    raise IntegrityError(
                        f"no scores of model {model} of {stream} on session {test} "
                        f"({book.collection} collection); evaluate it"
                    )


def streams_by_method(book: ScoreBook, methods: Mapping[str, object]) -> dict[str, list[str]]:
    """Return the streams of each method that has any, in order."""
    found: dict[str, list[str]] = {}
    for stream in book.cells:
        found.setdefault(stream.rpartition("/")[0], []).append(stream)
    first = [method for method in methods if method in found]
    return {method: found[method] for method in [*first, *(m for m in found if m not in first)]}
