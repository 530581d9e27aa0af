"""Scores BM25 on one session's own collection, and on the collection accumulated up to it.

In: the tables of sessions 0 to the tested one. Out: the session's run in TREC format, scores on its
own collection, scores of all test queries so far on the accumulated collection, and counts (JSON).
BM25 learns nothing from session to session, so that it stands as one model for all of them.
"""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from scripts.common.entry import entry
from scripts.common.errors import IntegrityError

_logger = logging.getLogger(__name__)


def run(
    documents: list[Path],
    queries: list[Path],
    qrels: list[Path],
    runs: Path,
    scores: Path,
    accumulated: Path,
    facts: Path,
    *,
    method: str,
    seed: int,
    test: int,
    tokens: str = "bigrams",
    depth: int = 100,
    threads: int = 1,
) -> None:
    """Evaluate BM25.

    Args:
        documents: documents of sessions 0 to `test`, in order.
        queries: their queries, likewise.
        qrels: their judgements, likewise.
        runs: TREC file to write: session `test`'s queries on its own collection.
        scores: table to write: of the same.
        accumulated: table to write: all queries on the accumulated collection.
        facts: JSON to write: counts.
        method: name of the stream's method.
        seed: seed of the stream, for its name alone.
        test: the last session.
        tokens: what is counted: words, bigrams (character pairs of words) or morphemes (Kiwi's).
        depth: documents a query that are found at most.
        threads: of the morphological analysis.

    Raises:
        ConfigError: the tokens are of no known kind, or the runs are not deep enough.
        IntegrityError: files do not belong together.
    """
    from scripts.common.files import write_json
    from scripts.retrieval.bm25 import K1, B, Bm25
    from scripts.retrieval.lexical_tokens import LexicalTokenizer
    from scripts.retrieval.score_rows import (
        ACCUMULATED,
        BASE,
        OWN,
        Scored,
        count_unanswered,
        require_depth,
        score_rows,
        write_scores,
    )
    from scripts.retrieval.searched_sessions import (
        document_texts,
        read_answers,
        read_document_ids,
        read_test_queries,
    )
    from scripts.retrieval.tables import FULL
    from scripts.retrieval.trec_run import run_of, write_trec_run

    require_depth(depth)
    own_scored = Scored(method, seed, BASE, test, OWN, lexical=True)
    if {len(documents), len(queries), len(qrels)} != {test + 1}:
        raise IntegrityError(
            f"give documents, queries and qrels of sessions 0 to {test}, each once"
        )
    cut = LexicalTokenizer(tokens, threads=threads)

    def index(paths: list[Path]) -> Bm25:
        return Bm25(
            cut.tokens(text for path in paths for batch in document_texts(path) for text in batch)
        )

    asked = [read_test_queries(path) for path in queries]
    cut_queries = [list(cut.tokens(one.texts)) for one in asked]

    def search(collection: Bm25, doc_ids: list[str], number: int) -> tuple[Any, Any]:
        found = collection.search(cut_queries[number], depth=depth)
        run_found = run_of(found, asked[number].qids, doc_ids)
        return run_found, read_answers(qrels[number], asked[number].qids, doc_ids)

    own, own_ids = index(documents[test:]), read_document_ids(documents[test:])
    run_found, answers = search(own, own_ids, test)
    write_trec_run(runs, run_found, tag=method)
    write_scores(
        scores,
        score_rows(run_found, asked[test], answers, mode=FULL, test=test),
        own_scored,
    )
    unanswered = count_unanswered(answers.values())
    write_json(
        facts,
        {
            **vars(own_scored),
            "modes": [FULL],
            "queries": len(asked[test]),
            "scored": len(asked[test]) - unanswered,
            "without_answer": unanswered,
            "without_words": sum(not one for one in cut_queries[test]),
            "documents": len(own_ids),
            "empty_documents": own.empty,
            "depth": depth,
            "tokens": tokens,
            "k1": K1,
            "b": B,
        },
    )
    everything, all_ids = index(documents), read_document_ids(documents)
    rows = []
    for number, one in enumerate(asked):
        run_found, answers = search(everything, all_ids, number)
        rows += score_rows(run_found, one, answers, mode=FULL, test=number)
    write_scores(accumulated, rows, replace(own_scored, collection=ACCUMULATED))
    _logger.info(
        "BM25 on session %d: %d of %d queries scored, %d documents",
        *(test, len(asked[test]) - unanswered, len(asked[test]), len(own_ids)),
    )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
