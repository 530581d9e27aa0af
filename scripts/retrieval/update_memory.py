"""Carries a stream's memory through a session, and samples what the session trains on.

In: the session's tables, the model of the session before (the base encoder at session 0), and the
memory after that session. Out: the memory folder (members with texts, clusters and distances;
statistics; prototypes with their hyperplanes; cohesion; a report of counts, reasons and bytes) and
the training pairs. The result is a function of these inputs and settings alone. Methods:
`held_documents.py`, `eviction.py`, `replay.py`, `assignment.py`, `warm_up.py`, `sampling.py` beside
this file; after L2R (CIKM 2023), which keeps a memory of negatives for each query, and CREAM (KDD
2026), which clusters a stream of documents.
"""

from pathlib import Path
from typing import Any

from scripts.common.entry import entry
from scripts.common.files import DEFAULT_TMPDIR


def run(
    documents: Path,
    queries: Path,
    qrels: Path,
    encoder: Path,
    previous: list[Path],
    memory: Path,
    pairs: Path,
    *,
    session: int,
    method: dict[str, Any],
    memory_docs: int,
    clusters: dict[str, Any],
    sampling: dict[str, Any],
    seed: int,
    threads: int,
    gpu: int = 0,
    tmpdir: Path = DEFAULT_TMPDIR,
) -> None:
    """Write the memory after a session and its training pairs.

    Args:
        documents: table DOCUMENTS of the session.
        queries: table QUERIES of the session.
        qrels: table QRELS of the session.
        encoder: folder of the model of the session before, or of the base encoder.
        previous: memory folder of the session before; none at session 0.
        memory: folder to write.
        pairs: JSON lines to write.
        session: number of the session, from 0.
        method: a row of the table of methods.
        memory_docs: documents carried over from earlier sessions at most.
        clusters: settings of clusters and eviction.
        sampling: settings of training pairs.
        seed: seed of the stream.
        threads: no result depends on them.
        gpu: devices: 0 encodes on the CPU, 1 on the GPU where there is one.
        tmpdir: folder on a local disk for token vectors.

    Raises:
        ConfigError: a setting is unknown, missing or not allowed.
        InputError: an id came before.
    """
    from scripts.common.files import atomic_folder, private_folder, write_json
    from scripts.retrieval.encoders import load_encoder
    from scripts.retrieval.memory_report import describe_bytes, write_cohesion
    from scripts.retrieval.memory_session import update
    from scripts.retrieval.memory_settings import ClusterSettings, Method, SamplingSettings
    from scripts.retrieval.memory_store import empty_memory, read_memory, write_memory
    from scripts.retrieval.pairs import write_pairs
    from scripts.retrieval.session_members import read_documents, read_queries, refuse_repeated
    from scripts.retrieval.stream_settings import Stream

    stream = Stream(
        Method.of(method),
        memory_docs,
        ClusterSettings.of(clusters),
        SamplingSettings.of(sampling),
        seed,
        threads,
    )
    before = read_memory(previous[0]) if previous else empty_memory()
    new_documents = read_documents(documents, session=session)
    new_queries = read_queries(
        queries,
        qrels,
        session=session,
        policy=stream.method.labels,
        share=stream.method.label_share,
        seed=seed,
    )
    refuse_repeated(documents, new_documents, before.documents)
    refuse_repeated(queries, new_queries, before.queries)
    with private_folder(tmpdir) as folder:
        outcome = update(
            before,
            new_documents,
            new_queries,
            load_encoder(encoder, threads=threads, gpu=gpu),
            stream,
            session=session,
            folder=folder,
        )
    with atomic_folder(memory) as folder:
        write_memory(folder, outcome.memory)
        write_cohesion(folder, outcome.memory, outcome.pooled)
        write_json(
            folder / "report.json",
            {
                "session": session,
                "seed": seed,
                "memory_docs": memory_docs,
                "settings": {"method": method, "clusters": clusters, "sampling": sampling},
                **outcome.report,
                "bytes": describe_bytes(outcome.memory, session),
            },
        )
    write_pairs(pairs, outcome.pairs)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
