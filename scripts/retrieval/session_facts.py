"""What session.json says about a session, and what the log warns of."""

import logging
from typing import Any

import numpy as np

from scripts.common.files import manifest_entry
from scripts.retrieval.query_split import QuerySplit
from scripts.retrieval.row_index import NONE, Names, Places, RowIndex
from scripts.retrieval.session_input import SessionInput
from scripts.retrieval.session_rows import Mask, SessionRows
from scripts.retrieval.tables import TEST, TRAIN

_logger = logging.getLogger(__name__)
_WARNINGS = (
    ("empty_texts", "documents have no text"),
    ("without_words", "queries have no word"),
    ("without_answer", "queries have no answer up to this session"),
    ("later_judgements", "judgements name documents of later sessions and were left out"),
    ("moved_to_train", "queries have another one's text and stay in training"),
    ("test_short", "test queries are missing, since too many queries share their text"),
    ("tested_before", "training queries have the text of an earlier session's test query"),
)


def session_facts(
    given: SessionInput, rows: SessionRows, split: QuerySplit, session_of: Places, t: int
) -> dict[str, Any]:
    """Return the counts of a session, its answers, shares and files.

    Args:
        given: the whole input.
        rows: the session's part of it.
        split: of the session's queries.
        session_of: (judgements,) session of each judgement's document, `NONE` for later ones.
        t: number of the session.
    """
    test = np.zeros(given.queries.size, np.bool_)
    test[np.flatnonzero(rows.queries)] = split.test
    tests = int(test.sum())
    return {
        "t": t,
        "documents": int(rows.documents.sum()),
        "queries": {TRAIN: int(rows.queries.sum()) - tests, TEST: tests},
        **_answer_facts(given, rows, test, session_of, t),
        "moved_to_train": split.moved,
        "test_short": split.short,
        "tested_before": int((rows.queries & given.earlier_queries.tested_text(given.texts)).sum()),
        "shares": _shares(given, rows, test),
        "files": _files(given),
    }


def _answer_facts(
    given: SessionInput, rows: SessionRows, test: Mask, session_of: Places, t: int
) -> dict[str, Any]:
    judged = given.judged
    own = rows.queries[judged.queries]
    answers = own & (session_of != NONE) & judged.answers
    of_test = test[judged.queries] & answers
    answered = np.zeros(given.queries.size, np.bool_)
    answered[judged.queries[answers]] = True
    number, documents = int(answers.sum()), int(rows.documents.sum())
    return {
        "answers": number,
        "answer_density": number / documents if documents else None,
        "answers_in_earlier_sessions": int((answers & (session_of < t)).sum()),
        "without_answer": int((rows.queries & ~answered).sum()),
        "later_judgements": int((own & (session_of == NONE)).sum()),
        # Documents that answer a training and a test query.
        "leaks": int(np.intersect1d(judged.codes[of_test], judged.codes[answers & ~of_test]).size),
    }


def _shares(given: SessionInput, rows: SessionRows, test: Mask) -> dict[str, dict[str, int]]:
    """Return counts by domain; what has none stands under the empty name."""
    columns = {
        "documents": _by_domain(given.documents, rows.documents, given.domains),
        "queries": _by_domain(given.queries, rows.queries, given.domains),
        "test": _by_domain(given.queries, test, given.domains),
    }
    names = ["", *given.domains.names]  # `NONE` is one below the first number
    return {
        names[place]: {column: int(counts[place]) for column, counts in columns.items()}
        for place in sorted(range(len(names)), key=lambda place: names[place])
        if any(counts[place] for counts in columns.values())
    }


def _by_domain(rows: RowIndex, chosen: Mask, domains: Names) -> Places:
    return np.bincount(rows.domains[chosen] + 1, minlength=len(domains.names) + 1)


def _files(given: SessionInput) -> list[dict[str, Any]]:
    return [
        manifest_entry(path, rows=number)
        for paths, numbers in (
            (given.files.corpus, given.documents.rows_of_file),
            (given.files.queries, given.queries.rows_of_file),
            (given.files.qrels, given.judged.rows_of_file),
        )
        for path, number in zip(paths, numbers, strict=True)
    ]


def warn_of(facts: dict[str, Any], sessions: Names | None) -> None:
    """Say what a reader of the log should not miss.

    Args:
        facts: of the session, with its name and the counts of its texts.
        sessions: those that the input names, where it says which one a row is of.
    """
    name, queries = facts["name"], sum(facts["queries"].values())
    if not facts["documents"] or not queries:
        named = sorted(sessions.names) if sessions is not None else []
        known = f"; the input's sessions: {', '.join(named)}" if named else ""
        _logger.warning(
            "session %s has %d documents and %d queries%s", name, facts["documents"], queries, known
        )
    for count, what in _WARNINGS:
        if facts[count]:
            _logger.warning("session %s: %d %s", name, facts[count], what)
