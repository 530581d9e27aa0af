"""A session's documents and training queries as rows of a memory."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scripts.common.errors import InputError
from scripts.common.tables import read_table
from scripts.retrieval.labels_policy import known_answers
from scripts.retrieval.tables import (
    DOCUMENT,
    DOCUMENTS,
    MEMBERS,
    NO_CLUSTER,
    QRELS,
    QUERIES,
    QUERY,
    TRAIN,
)

_NAMED_IDS = 10


def read_documents(path: Path, *, session: int) -> pa.Table:
    """Return a session's documents as rows of MEMBERS, without clusters.

    Args:
        path: table DOCUMENTS.
        session: its number.
    """
    table = read_table(path, DOCUMENTS)
    return _members(DOCUMENT, table.rename_columns({"doc_id": "id"}), session=session)


def read_queries(
    queries: Path, qrels: Path, *, session: int, policy: str, share: float | None, seed: int
) -> pa.Table:
    """Return a session's training queries as rows of MEMBERS, without clusters.

    Args:
        queries: table QUERIES.
        qrels: table QRELS.
        session: its number.
        policy: which answers are known (`labels_policy`).
        share: of the queries, where the policy asks for one.
        seed: of the stream.
    """
    table = read_table(queries, QUERIES)
    table = table.filter(pc.equal(table["split"], TRAIN)).rename_columns({"qid": "id"})
    judged = read_table(qrels, QRELS)
    judged = judged.filter(pc.greater(judged["score"], 0))
    answers: dict[str, list[str]] = {}
    for qid, doc_id in zip(judged["qid"].to_pylist(), judged["doc_id"].to_pylist(), strict=True):
        answers.setdefault(qid, []).append(doc_id)
    ids = table["id"].to_pylist()
    true = [answers.get(qid, []) for qid in ids]
    known = known_answers(ids, true, session=session, policy=policy, share=share, seed=seed)
    return _members(QUERY, table, session=session, known=known, true=true)


def refuse_repeated(path: Path, new: pa.Table, carried: pa.Table) -> None:
    """Check that no id comes twice.

    Args:
        path: the file of the new rows, for the message.
        new: rows of MEMBERS of one kind.
        carried: rows of the same kind that are in memory.

    Raises:
        InputError: an id stands twice in the file, or is in memory already.
    """
    ids = Counter(new["id"].to_pylist())
    held = set(carried["id"].to_pylist())
    repeated = [name for name, times in ids.items() if times > 1 or name in held]
    if repeated:
        more = "" if len(repeated) <= _NAMED_IDS else f" and {len(repeated) - _NAMED_IDS} more"
        raise InputError(
            f"{path} has ids that came before: {', '.join(repeated[:_NAMED_IDS])}{more}; give each "
            "document and query an id of its own"
        )


def with_clusters(members: pa.Table, ids: np.ndarray, distances: np.ndarray) -> pa.Table:
    """Return rows of MEMBERS with their clusters and distances.

    Args:
        members: the rows.
        ids: (rows,) id of each one's cluster, or NO_CLUSTER.
        distances: (rows,) δ to its prototype, NaN without a cluster.
    """
    nothing = np.isnan(distances) | (ids == NO_CLUSTER)
    columns = {
        "cluster": pa.array(ids, pa.int32()),
        "distance": pa.array(distances.astype(np.float32), pa.float32(), mask=nothing),
    }
    arrays = [columns.get(name, members[name]) for name in MEMBERS.names]
    return pa.table(arrays, schema=MEMBERS)


def _members(
    kind: str,
    table: pa.Table,
    *,
    session: int,
    known: list[list[str]] | None = None,
    true: list[list[str]] | None = None,
) -> pa.Table:
    rows = table.num_rows
    return pa.table(
        [
            pa.array([kind] * rows, pa.string()),
            table["id"],
            pa.array([session] * rows, pa.int32()),
            table["domain"],
            table["text"],
            pa.array([NO_CLUSTER] * rows, pa.int32()),
            pa.nulls(rows, pa.float32()),
            _answers(known, rows),
            _answers(true, rows),
        ],
        schema=MEMBERS,
    )


def _answers(found: list[list[str]] | None, rows: int) -> pa.Array:
    """Return a column of lists, null for documents, which have no answers."""
    kind = MEMBERS.field("true_answers").type
    return pa.nulls(rows, kind) if found is None else pa.array(found, kind)
