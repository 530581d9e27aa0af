"""What an evaluation reads of sessions: ids of documents, test queries, and their answers."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.common.tables import iterate_batches, read_table
from scripts.retrieval.tables import DOCUMENTS, QRELS, QUERIES, TEST

_TEXTS_AT_A_TIME = 2_000


@dataclass(frozen=True)
class TestQueries:
    """A session's test queries, in the table's order.

    Attributes:
        qids, texts, domains: one of each a query; a domain may be None.
    """

    __test__ = False  # no test, whatever pytest makes of its name

    qids: list[str]
    texts: list[str]
    domains: list[str | None]

    def __len__(self) -> int:
        return len(self.qids)


def read_test_queries(path: Path) -> TestQueries:
    """Read the queries of the test split."""
    table = read_table(path, QUERIES).to_pydict()
    rows = [row for row, split in enumerate(table["split"]) if split == TEST]
    columns = ([table[name][row] for row in rows] for name in ("qid", "text", "domain"))
    return TestQueries(*columns)


def read_document_ids(paths: Sequence[Path]) -> list[str]:
    """Return the ids of sessions' documents, in order."""
    return [
        doc_id
        for path in paths
        for doc_id in read_table(path, DOCUMENTS, ["doc_id"])["doc_id"].to_pylist()
    ]


def document_texts(path: Path) -> Iterator[list[str]]:
    """Yield a session's texts in batches."""
    for batch in iterate_batches(path, DOCUMENTS, rows=_TEXTS_AT_A_TIME, columns=["text"]):
        yield batch["text"].to_pylist()


def read_answers(
    path: Path, qids: Collection[str], documents: Collection[str]
) -> dict[str, dict[str, int]]:
    """Return the answers of queries that stand among `documents`, with their judged scores.

    Args:
        path: judgements of the queries' session.
        qids: the queries; each is a key of the result.
        documents: ids of the collection searched.
    """
    found: dict[str, dict[str, int]] = {qid: {} for qid in qids}
    inside = set(documents)
    table = read_table(path, QRELS, ["qid", "doc_id", "score"])
    for qid, doc_id, score in zip(
        *(table[name].to_pylist() for name in table.column_names), strict=True
    ):
        if score > 0 and qid in found and doc_id in inside:
            found[qid][doc_id] = score
    return found
