"""Builds one session: its documents, its queries with their split, and its judgements.

In: corpus.jsonl {doc_id, text, domain?, session?}, queries.jsonl {qid, text, domain?, session?} and
qrels.tsv (query-id, corpus-id, score), also compressed (.gz), one file of each or several; further
fields are ignored. Out: three tables and session.json, which accounts for the session.

Method: where sessions are given, the session's rows are those that name it, or all rows where none
names any (files of one session); else they are drawn from domains by a plan (`session_plan`). Then
test queries are drawn, stratified by domain (`query_split`). Texts are normalized
(`scripts.common.normalize`).

Memory: some 40 bytes of each row; texts are read again when they are written.
"""

from pathlib import Path
from typing import Any

import numpy as np

from scripts.common.entry import entry
from scripts.common.errors import InputError
from scripts.common.files import sha256_file, write_json
from scripts.common.hashing import keyed_hash
from scripts.common.progress import Progress
from scripts.retrieval.query_split import QuerySplit, repeated_texts, split_queries
from scripts.retrieval.row_index import LISTED, NONE, Places
from scripts.retrieval.session_facts import session_facts, warn_of
from scripts.retrieval.session_input import InputFiles, SessionInput, read_input
from scripts.retrieval.session_rows import Mask, SessionRows, drawn_rows, given_rows
from scripts.retrieval.session_tables import write_documents, write_judgements, write_queries


def run(
    corpus: list[Path],
    queries: list[Path],
    qrels: list[Path],
    before: list[Path],
    documents: Path,
    session_queries: Path,
    session_qrels: Path,
    facts: Path,
    digests: Path,
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
        facts: JSON to write: what the session holds, and the files that were read.
        digests: JSON to write: SHA-256 of the three tables, by which later steps are stale.
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
    given = read_input(InputFiles(corpus, queries, qrels), before, before_queries or [], seed)
    rows = given_rows(given, name) if session_given else drawn_rows(given, shares, name, seed)
    _refuse_earlier(given, rows)
    split = _split(given, rows, test_share, seed)
    session_of = _sessions_of_judged(given, rows, t)
    kept = rows.queries[given.judged.queries] & (session_of != NONE)
    progress = Progress(
        f"build_session {name}",
        total=int(rows.documents.sum() + rows.queries.sum() + kept.sum()),
        unit="rows",
    )
    texts = write_documents(documents, corpus, rows.documents, progress)
    query_texts = write_queries(session_queries, queries, rows.queries, split.test, progress)
    write_judgements(session_qrels, qrels, kept, session_of, progress)
    progress.finish()
    found = {
        "name": name,
        "seed": seed,
        "empty_texts": texts.empty,
        "without_words": query_texts.without_words,
        **session_facts(given, rows, split, session_of, t),
    }
    write_json(facts, found)
    tables = {"documents": documents, "queries": session_queries, "qrels": session_qrels}
    write_json(digests, {name: sha256_file(path) for name, path in tables.items()})
    warn_of(found, given.sessions if session_given else None)


def _refuse_earlier(given: SessionInput, rows: SessionRows) -> None:
    """Refuse a document or a query that an earlier session has."""
    own = np.flatnonzero(rows.documents)
    found = given.earlier.find(given.documents.digests[own])
    repeats = own[found != NONE]
    if repeats.size:
        session = given.earlier.sessions(found[found != NONE])
        ids = given.documents.ids(repeats[:LISTED].tolist())
        listed = ", ".join(
            f"{name} at {given.documents.where(place)} (session {number})"
            for (place, name), number in zip(ids.items(), session.tolist(), strict=False)
        )
        raise InputError(
            f"{repeats.size:,} documents stand in an earlier session too: {listed}"
            f"{' …' if repeats.size > LISTED else ''}; a document belongs to one session"
        )
    given.earlier_queries.refuse_repeated(given.queries, rows.queries)


def _split(given: SessionInput, rows: SessionRows, test_share: float, seed: int) -> QuerySplit:
    own = np.flatnonzero(rows.queries)
    order = np.fromiter(
        (keyed_hash(seed, "test queries", digest.hex()) for digest in given.queries.digests[own]),
        np.uint64,
        own.size,
    )
    # Over the whole input: a text that an earlier or later session trains on is no test either.
    repeated = repeated_texts(given.texts) | given.earlier_queries.have_text(given.texts)
    strata = given.domains.ranks(given.queries.domains[own])
    return split_queries(strata, order, repeated[own], test_share)


def _sessions_of_judged(given: SessionInput, rows: SessionRows, t: int) -> Places:
    """Return the session of each judgement's document, `NONE` where it is none up to `t`."""
    documents = given.judged.documents
    own: Mask = np.zeros(documents.size, np.bool_)
    own[documents != NONE] = rows.documents[documents[documents != NONE]]
    return np.where(own, t, given.judged.earlier)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
