"""Builds one session: its documents, its queries with their split, and its judgements.

In: corpus.jsonl {doc_id, text, domain?, session?}, queries.jsonl {qid, text, domain?, session?} and
qrels.tsv (query-id, corpus-id, score), also compressed (.gz), one file of each or several; further
fields are ignored. Out: three tables and session.json, which accounts for the session.

Method: the session's rows are those that say so (`session_given`), those of files in which no row
says anything, or a draw from domains by a plan (`session_plan`). Then test queries are drawn,
stratified by domain (`query_split`). Texts are normalized as the corpus track does.

Memory: some 40 bytes of each row; texts are read again when they are written.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scripts.common.entry import entry
from scripts.common.errors import InputError
from scripts.common.files import manifest_entry, write_json
from scripts.common.hashing import keyed_hash
from scripts.common.progress import Progress
from scripts.retrieval.earlier_queries import EarlierQueries
from scripts.retrieval.input_rows import TextRow, text_rows
from scripts.retrieval.judgement_index import EarlierDocuments, JudgementIndex, read_judgements
from scripts.retrieval.query_split import QuerySplit, repeated_texts, split_queries, text_key
from scripts.retrieval.row_index import LISTED, NONE, Digester, Names, Places, RowIndex
from scripts.retrieval.session_rows import Mask, SessionRows, drawn_rows, given_rows
from scripts.retrieval.session_tables import write_documents, write_judgements, write_queries
from scripts.retrieval.tables import TEST, TRAIN

_logger = logging.getLogger(__name__)


def run(
    corpus: list[Path],
    queries: list[Path],
    qrels: list[Path],
    before: list[Path],
    documents: Path,
    session_queries: Path,
    session_qrels: Path,
    facts: Path,
    *,
    t: int,
    name: str,
    session_given: bool,
    shares: list[dict[str, Any]],
    test_share: float,
    seed: int,
    before_queries: list[Path] | None = None,
) -> None:
    """Write a session.

    Args:
        corpus: files of documents.
        queries: files of queries.
        qrels: files of judgements.
        before: documents of sessions 0 to `t` - 1, in this order.
        documents: table of the session's documents to write.
        session_queries: table of its queries to write.
        session_qrels: table of the judgements of its queries to write, of documents of this and
            of earlier sessions.
        facts: JSON to write.
        t: number of the session, from 0.
        name: name of the session.
        session_given: whether the input says which session a row is of.
        shares: else rows of the plan, up to and including this session: session, domain, share.
        test_share: part of the session's queries that are test queries, 0 to 1.
        seed: of the run.
        before_queries: queries of sessions 0 to `t` - 1; what they hold is neither taken again nor
            asked in a test again.

    Raises:
        InputError: the input cannot be used; the message says where and why.
        ConfigError: the plan or `test_share` is not allowed.
    """
    domains, sessions = Names(), Names()
    of_documents, of_queries = Digester(seed, "documents"), Digester(seed, "queries")
    all_documents = RowIndex(
        corpus, "doc_id", domains=domains, sessions=sessions, digester=of_documents
    )
    all_queries = RowIndex(queries, "qid", domains=domains, sessions=sessions, digester=of_queries)
    progress = Progress(f"read input of {name}", total=None, unit="rows")
    all_documents.read(_noted(text_rows(corpus, "doc_id"), progress))
    texts = all_queries.read(_noted(text_rows(queries, "qid"), progress), text_key)
    progress.finish()
    earlier = EarlierDocuments(before, of_documents)
    if not all_documents.size and not earlier.size:
        raise InputError(f"{corpus[0]} holds no document; name the file that does")
    judged = read_judgements(
        qrels,
        all_queries,
        all_documents,
        earlier,
        query_digester=of_queries,
        document_digester=of_documents,
    )
    if session_given:
        rows = given_rows(all_documents, all_queries, sessions, name)
    else:
        rows = drawn_rows(
            all_documents, all_queries, judged, domains, shares=shares, name=name, seed=seed
        )
    _refuse_earlier(all_documents, rows.documents, earlier)
    earlier_queries = EarlierQueries(before_queries or [], of_queries)
    earlier_queries.refuse_repeated(all_queries, rows.queries)
    # Over the whole input: a text that an earlier or later session trains on is no test either.
    repeated = repeated_texts(texts) | earlier_queries.have_text(texts)
    split = _split(all_queries, rows.queries, repeated, test_share, seed)
    session_of = _sessions_of_judged(judged, rows.documents, t)
    kept = rows.queries[judged.queries] & (session_of != NONE)
    progress = Progress(
        f"write session {name}",
        total=int(rows.documents.sum() + rows.queries.sum() + kept.sum()),
        unit="rows",
    )
    texts_of_documents = write_documents(documents, corpus, rows.documents, progress)
    texts_of_queries = write_queries(session_queries, queries, rows.queries, split.test, progress)
    write_judgements(session_qrels, qrels, kept, session_of, progress)
    progress.finish()
    test = np.zeros(all_queries.size, np.bool_)
    test[np.flatnonzero(rows.queries)] = split.test
    found: dict[str, Any] = {
        "t": t,
        "name": name,
        "seed": seed,
        "documents": int(rows.documents.sum()),
        "queries": {
            TRAIN: int(rows.queries.sum() - split.test.sum()),
            TEST: int(split.test.sum()),
        },
        **_answer_facts(judged, kept, session_of, rows, test, t),
        "later_judgements": int((rows.queries[judged.queries] & (session_of == NONE)).sum()),
        "empty_texts": texts_of_documents.empty,
        "without_words": texts_of_queries.without_words,
        "moved_to_train": split.moved,
        "test_short": split.short,
        "tested_before": int((rows.queries & earlier_queries.tested_text(texts)).sum()),
        "shares": _shares(domains, all_documents, rows.documents, all_queries, rows.queries, test),
        "files": [
            manifest_entry(path, rows=number)
            for paths, numbers in (
                (corpus, all_documents.rows_of_file),
                (queries, all_queries.rows_of_file),
                (qrels, judged.rows_of_file),
            )
            for path, number in zip(paths, numbers, strict=True)
        ],
    }
    write_json(facts, found)
    _warn(found, sessions if session_given else None)


def _noted(rows: Iterator[TextRow], progress: Progress) -> Iterator[TextRow]:
    for row in rows:
        progress.advance(1)
        yield row


def _refuse_earlier(documents: RowIndex, chosen: Mask, earlier: EarlierDocuments) -> None:
    own = np.flatnonzero(chosen)
    found = earlier.find(documents.digests[own])
    repeats = own[found != NONE]
    if repeats.size:
        session = earlier.sessions(found[found != NONE])
        ids = documents.ids(repeats[:LISTED].tolist())
        listed = ", ".join(
            f"{name} at {documents.where(place)} (session {number})"
            for (place, name), number in zip(ids.items(), session.tolist(), strict=False)
        )
        raise InputError(
            f"{repeats.size:,} documents stand in an earlier session too: {listed}"
            f"{' …' if repeats.size > LISTED else ''}; a document belongs to one session"
        )


def _split(
    queries: RowIndex, chosen: Mask, repeated: Mask, test_share: float, seed: int
) -> QuerySplit:
    own = np.flatnonzero(chosen)
    order = np.fromiter(
        (keyed_hash(seed, "test queries", digest.hex()) for digest in queries.digests[own]),
        np.uint64,
        own.size,
    )
    return split_queries(queries.domains[own], order, repeated[own], test_share)


def _sessions_of_judged(judged: JudgementIndex, own: Mask, t: int) -> Places:
    """Return the session of each judgement's document, `NONE` where it is none up to `t`."""
    of_own = np.zeros(judged.documents.size, np.bool_)
    known = judged.documents != NONE
    of_own[known] = own[judged.documents[known]]
    return np.where(of_own, t, judged.earlier)


def _answer_facts(
    judged: JudgementIndex, kept: Mask, session_of: Places, rows: SessionRows, test: Mask, t: int
) -> dict[str, Any]:
    answers = kept & judged.answers
    of_test = test[judged.queries] & answers
    answered = np.zeros(rows.queries.size, np.bool_)
    answered[judged.queries[answers]] = True
    number, documents = int(answers.sum()), int(rows.documents.sum())
    return {
        "answers": number,
        "answer_density": number / documents if documents else None,
        "answers_in_earlier_sessions": int((answers & (session_of < t)).sum()),
        "without_answer": int((rows.queries & ~answered).sum()),
        # Documents that answer a training and a test query.
        "leaks": int(np.intersect1d(judged.codes[of_test], judged.codes[answers & ~of_test]).size),
    }


def _shares(
    domains: Names,
    documents: RowIndex,
    own_documents: Mask,
    queries: RowIndex,
    own_queries: Mask,
    test: Mask,
) -> dict[str, dict[str, int]]:
    """Return counts by domain; what has none stands under the empty name."""
    numbers = sorted(
        [*range(len(domains.names)), NONE], key=lambda number: _domain(domains, number)
    )
    counts = {}
    for number in numbers:
        of_domain = queries.domains == number
        found = {
            "documents": int((own_documents & (documents.domains == number)).sum()),
            "queries": int((own_queries & of_domain).sum()),
            "test": int((test & of_domain).sum()),
        }
        if any(found.values()):
            counts[_domain(domains, number)] = found
    return counts


def _domain(domains: Names, number: int) -> str:
    return domains.names[number] if number != NONE else ""


def _warn(found: dict[str, Any], sessions: Names | None) -> None:
    """Say what a reader of the log should not miss."""
    if not found["documents"] or not any(found["queries"].values()):
        known = f"; the input's sessions: {', '.join(sorted(sessions.names))}" if sessions else ""
        _logger.warning(
            "session %s has %d documents and %d queries%s",
            found["name"],
            found["documents"],
            sum(found["queries"].values()),
            known if sessions is not None and sessions.names else "",
        )
    for count, what in (
        ("empty_texts", "documents have no text"),
        ("without_words", "queries have no word"),
        ("without_answer", "queries have no answer up to this session"),
        ("later_judgements", "judgements name documents of later sessions and were left out"),
        ("moved_to_train", "queries have another one's text and stay in training"),
        ("test_short", "test queries are missing, since too many queries share their text"),
        ("tested_before", "training queries have the text of an earlier session's test query"),
    ):
        if found[count]:
            _logger.warning("session %s: %d %s", found["name"], found[count], what)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
