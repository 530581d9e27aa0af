"""The whole input of a session, without its texts: rows, judgements, and what came before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.common.errors import InputError
from scripts.common.progress import Progress
from scripts.retrieval.earlier_queries import EarlierQueries
from scripts.retrieval.input_rows import TextRow, text_rows
from scripts.retrieval.judgement_index import EarlierDocuments, JudgementIndex, read_judgements
from scripts.retrieval.query_split import text_key
from scripts.retrieval.row_index import Digester, Digests, Names, RowIndex


@dataclass(frozen=True)
class InputFiles:
    """Files of the input."""

    corpus: Sequence[Path]
    queries: Sequence[Path]
    qrels: Sequence[Path]


@dataclass(frozen=True)
class SessionInput:
    """All rows of the input, of whatever session.

    Attributes:
        files: the files.
        documents: all documents.
        queries: all queries.
        texts: (queries,) keys of their texts.
        judged: all judgements.
        domains: numbers of the domains.
        sessions: numbers of the sessions that rows name.
        earlier: documents of earlier sessions.
        earlier_queries: queries of earlier sessions.
    """

    files: InputFiles
    documents: RowIndex
    queries: RowIndex
    texts: Digests
    judged: JudgementIndex
    domains: Names
    sessions: Names
    earlier: EarlierDocuments
    earlier_queries: EarlierQueries


def read_input(
    files: InputFiles, before: Sequence[Path], before_queries: Sequence[Path], seed: int
) -> SessionInput:
    """Read the input once.

    Args:
        files: of the input.
        before: documents of sessions 0, 1, …
        before_queries: their queries.
        seed: of the run; it decides the hashes that draws go by.

    Raises:
        InputError: a row cannot be used, an id stands twice or is unknown, or there is no document.
    """
    domains, sessions = Names(), Names()
    of_documents, of_queries = Digester(seed, "documents"), Digester(seed, "queries")
    documents = RowIndex(
        files.corpus, "doc_id", domains=domains, sessions=sessions, digester=of_documents
    )
    queries = RowIndex(
        files.queries, "qid", domains=domains, sessions=sessions, digester=of_queries
    )
    progress = Progress("read input", total=None, unit="rows")
    documents.read(_noted(text_rows(files.corpus, "doc_id"), progress))
    texts = queries.read(_noted(text_rows(files.queries, "qid"), progress), text_key)
    progress.finish()
    earlier = EarlierDocuments(before, of_documents)
    if not documents.size and not earlier.size:
        raise InputError(f"{files.corpus[0]} holds no document; name the file that does")
    judged = read_judgements(files.qrels, queries, documents, earlier)
    return SessionInput(
        files,
        documents,
        queries,
        texts,
        judged,
        domains,
        sessions,
        earlier,
        EarlierQueries(before_queries, of_queries),
    )


def _noted(rows: Iterator[TextRow], progress: Progress) -> Iterator[TextRow]:
    for row in rows:
        progress.advance(1)
        yield row
