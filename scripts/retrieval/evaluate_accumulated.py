"""Scores one model on the collection accumulated up to its session, with all test queries so far.

In: the vectors that `evaluate_session` made of sessions 0 to t with model t, and these sessions'
tables. Out: scores of every query that has an answer in the accumulated collection.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.common.errors import IntegrityError


def run(
    vectors: list[Path],
    documents: list[Path],
    queries: list[Path],
    qrels: list[Path],
    scores: Path,
    *,
    depth: int = 100,
    threads: int = 1,
) -> None:
    """Evaluate a model on the accumulated collection.

    Args:
        vectors: the model's vectors of sessions 0 to t, in order.
        documents: the sessions' documents, likewise.
        queries: their queries, likewise.
        qrels: their judgements, likewise.
        scores: table to write.
        depth: documents a query that are found at most.
        threads: of the search.

    Raises:
        ConfigError: the runs are not deep enough.
        IntegrityError: files do not belong together.
    """
    from scripts.retrieval.score_rows import (
        ACCUMULATED,
        Scored,
        require_depth,
        score_rows,
        write_scores,
    )
    from scripts.retrieval.searched_sessions import (
        read_answers,
        read_document_ids,
        read_test_queries,
    )
    from scripts.retrieval.tables import FULL
    from scripts.retrieval.trec_run import run_of
    from scripts.retrieval.vector_files import read_metadata
    from scripts.retrieval.vector_search import search_vectors

    require_depth(depth)
    if not vectors or len({len(paths) for paths in (vectors, documents, queries, qrels)}) > 1:
        raise IntegrityError("vectors, documents, queries and qrels are not equal in number")
    said = [read_metadata(path) for path in vectors]
    one = said[0]
    if any(
        {**other, "test": ""} != {**one, "test": ""} or other.get("test") != str(place)
        for place, other in enumerate(said)
    ):
        raise IntegrityError(
            f"{vectors[0]} and the files beside it are not one model's on sessions 0 to "
            f"{len(vectors) - 1}; give them in order"
        )
    doc_ids = read_document_ids(documents)
    results = search_vectors(vectors, vectors, depth=depth, threads=threads)
    rows = []
    for test, (asking, judged, found) in enumerate(zip(queries, qrels, results, strict=True)):
        asked = read_test_queries(asking)
        answers = read_answers(judged, asked.qids, doc_ids)
        found_documents = run_of(found, asked.qids, doc_ids)
        rows += score_rows(found_documents, asked, answers, mode=FULL, test=test)
    write_scores(
        scores,
        rows,
        Scored(one["method"], int(one["seed"]), int(one["session"]), len(vectors) - 1, ACCUMULATED),
    )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
