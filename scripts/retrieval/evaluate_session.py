"""Scores one model on one session's own collection with the session's test queries.

In: an encoder (the base one, or the model after a session) and a session's documents, queries and
judgements. Out: the run in TREC format, scores of every query that has an answer in the collection,
the vectors of documents and queries, and counts (JSON). The search is exact. Modes: `full` searches
vectors that this model made anew; `stored` those that the session's own model made of the documents
when they arrived; `clusters` puts each document to its nearest prototype of the memory and searches
only the clusters nearest to the query.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.common.entry import entry
from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.files import DEFAULT_TMPDIR

if TYPE_CHECKING:
    from scripts.retrieval.search import Found
    from scripts.retrieval.searched_sessions import TestQueries

_logger = logging.getLogger(__name__)


def run(
    encoder: Path,
    documents: Path,
    queries: Path,
    qrels: Path,
    stored: list[Path],
    memory: list[Path],
    runs: Path,
    scores: Path,
    vectors: Path,
    facts: Path,
    *,
    session: int,
    test: int,
    modes: list[str],
    depth: int = 100,
    nearest: int = 3,
    method: str,
    seed: int,
    threads: int = 1,
    gpu: int = 0,
    tmpdir: Path = DEFAULT_TMPDIR,
) -> None:
    """Evaluate a model on a session.

    Args:
        encoder: folder of the model.
        documents: the session's documents.
        queries: its queries; the test split is used.
        qrels: judgements of its queries.
        stored: vectors of this session's documents by the model of its own time; none where the
            mode `stored` is not asked for, or the model is not a later one.
        memory: folder of the model's memory; none where the mode `clusters` is not asked for. A
            memory without clusters has no scores of that mode.
        runs: TREC file to write, of mode `full`.
        scores: table to write.
        vectors: safetensors file to write: documents and test queries.
        facts: JSON to write: counts.
        session: after which the model was trained; -1 for the base encoder.
        test: the session that is searched.
        modes: which of full, stored, clusters; `full` is always scored.
        depth: documents a query that are found at most.
        nearest: clusters that a query searches in mode `clusters`.
        method: name of the method.
        seed: of its training.
        threads: of the CPU.
        gpu: devices: 0 encodes on the CPU, 1 on the GPU where there is one.
        tmpdir: folder on a local disk.

    Raises:
        ConfigError: a mode is unknown, or the runs are not deep enough.
        IntegrityError: files do not belong together.
    """
    from scripts.common.files import write_json
    from scripts.retrieval.encoders import load_encoder
    from scripts.retrieval.score_rows import (
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
    from scripts.retrieval.tables import CLUSTERS, FULL, MODES, STORED
    from scripts.retrieval.trec_run import run_of, write_trec_run
    from scripts.retrieval.vector_search import count_empty, search_vectors

    require_depth(depth)
    unknown = sorted(set(modes) - set(MODES))
    if unknown:
        raise ConfigError(f"unknown modes {unknown}; allowed: {', '.join(MODES)}")
    asked, doc_ids = read_test_queries(queries), read_document_ids([documents])
    answers = read_answers(qrels, asked.qids, doc_ids)
    loaded = load_encoder(encoder, threads=threads, gpu=gpu)
    stream = Scored(method, seed, session, test, OWN)
    _encode(loaded, documents, asked, vectors, stream)
    (fresh,) = search_vectors([vectors], [vectors], depth=depth, threads=threads)
    found = {FULL: fresh}
    if STORED in modes and stored:
        found[STORED] = _search_stored(stored[0], vectors, stream, depth, threads)
    clustered: dict[str, Any] = {}
    if CLUSTERS in modes and memory:
        from scripts.retrieval.cluster_search import search_clusters

        near = search_clusters(
            memory[0],
            loaded,
            document_texts(documents),
            asked.texts,
            vectors,
            session=session,
            nearest=nearest,
            depth=depth,
            threads=threads,
            tmpdir=tmpdir,
        )
        if near is not None:
            found[CLUSTERS] = near.found
            clustered = {"clusters": near.clusters, "searched_share": near.searched}
    run_by_mode = {mode: run_of(hits, asked.qids, doc_ids) for mode, hits in found.items()}
    write_trec_run(runs, run_by_mode[FULL], tag=f"{method}-{seed}-{session}")
    rows = [
        row
        for mode in MODES
        if mode in run_by_mode
        for row in score_rows(run_by_mode[mode], asked, answers, mode=mode, test=test)
    ]
    write_scores(scores, rows, stream)
    unanswered = count_unanswered(answers.values())
    write_json(
        facts,
        {
            **vars(stream),
            "modes": list(run_by_mode),
            "queries": len(asked),
            "scored": len(asked) - unanswered,
            "without_answer": unanswered,
            "without_words": count_empty(vectors, "queries"),
            "documents": len(doc_ids),
            "empty_documents": count_empty(vectors, "documents"),
            "depth": depth,
            **clustered,
        },
    )
    _logger.info(
        "%s, model %d on session %d: %d of %d queries scored, %d documents",
        *(stream.stream, session, test, len(asked) - unanswered, len(asked), len(doc_ids)),
    )


def _encode(
    encoder: Any, documents: Path, queries: "TestQueries", vectors: Path, stream: Any
) -> None:
    from scripts.common.progress import Progress
    from scripts.common.tables import count_rows
    from scripts.retrieval.searched_sessions import document_texts
    from scripts.retrieval.tables import DOCUMENTS
    from scripts.retrieval.vector_files import Rows, write_vectors

    total = count_rows(documents, DOCUMENTS)
    progress = Progress(
        f"evaluate_session {stream.stream} model {stream.session} test {stream.test}",
        total=total + len(queries),
        unit="texts",
    )

    def encoded(batches: Any) -> Any:
        for texts in batches:
            yield encoder.text_vectors(texts)
            progress.advance(len(texts))

    write_vectors(
        vectors,
        {
            "documents": Rows(total, encoded(document_texts(documents))),
            "queries": Rows(len(queries), encoded([queries.texts])),
        },
        dimension=encoder.dimension,
        metadata={name: str(value) for name, value in vars(stream).items()},
    )
    progress.finish()


def _search_stored(stored: Path, vectors: Path, stream: Any, depth: int, threads: int) -> "Found":
    """Search vectors of an earlier model with this model's queries."""
    from scripts.retrieval.vector_files import read_metadata, shape_of
    from scripts.retrieval.vector_search import search_vectors

    said = read_metadata(stored)
    if said.get("test") != str(stream.test) or (
        shape_of(stored, "documents") != shape_of(vectors, "documents")
    ):
        raise IntegrityError(
            f"{stored} holds vectors of other documents than session {stream.test}'s; make it again"
        )
    (found,) = search_vectors([stored], [vectors], depth=depth, threads=threads)
    return found


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
