"""Sessions of a few texts as tables, and an encoder whose vectors a test writes down."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scripts.common.tables import table_of_rows, write_table
from scripts.retrieval.pooling import text_vectors_of
from scripts.retrieval.tables import DOCUMENTS, QRELS, QUERIES
from scripts.retrieval.token_vectors import TokenVectors


def write_session(
    folder: Path,
    documents: Mapping[str, str],
    queries: Mapping[str, str],
    answers: Sequence[tuple[Any, ...]],
    *,
    train: Sequence[str] = (),
) -> dict[str, Path]:
    """Write a session; answers are (qid, doc_id) or (qid, doc_id, score)."""
    paths = {name: folder / f"{name}.parquet" for name in ("documents", "queries", "qrels")}
    write_table(
        paths["documents"],
        table_of_rows(
            [{"doc_id": key, "text": text, "domain": "d"} for key, text in documents.items()],
            DOCUMENTS,
        ),
        DOCUMENTS,
    )
    write_table(
        paths["queries"],
        table_of_rows(
            [
                {
                    "qid": key,
                    "text": text,
                    "domain": None,
                    "split": "train" if key in train else "test",
                }
                for key, text in queries.items()
            ],
            QUERIES,
        ),
        QUERIES,
    )
    judged = [(*answer, 1)[:3] for answer in answers]
    write_table(
        paths["qrels"],
        table_of_rows(
            [
                {"qid": qid, "doc_id": doc_id, "score": score, "session": 0}
                for qid, doc_id, score in judged
            ],
            QRELS,
        ),
        QRELS,
    )
    return paths


class WrittenEncoder:
    """Gives each text the vector that a test wrote down for it; zeros for others."""

    def __init__(self, vectors: Mapping[str, Sequence[float]], dimension: int) -> None:
        self.vectors, self.dimension = vectors, dimension

    def text_vectors(self, texts: Sequence[str]) -> np.ndarray:
        zero = [0.0] * self.dimension
        rows = [self.vectors.get(text, zero) for text in texts]
        return np.array(rows, np.float32).reshape(len(texts), self.dimension)


class TokenEncoder:
    """Gives each known word the vector that a test wrote down; others are no tokens."""

    pooling = "mean"

    def __init__(self, words: Mapping[str, Sequence[float]], dimension: int) -> None:
        self.words, self.dimension = words, dimension

    def token_vectors(self, texts: Sequence[str], batch: int = 100) -> TokenVectors:
        found = [
            [self.words[word] for word in text.split() if word in self.words] for text in texts
        ]
        offsets = np.cumsum([0, *map(len, found)]).astype(np.int64)
        rows = [vector for vectors in found for vector in vectors]
        return TokenVectors(np.array(rows, np.float32).reshape(-1, self.dimension), offsets)

    def text_vectors(self, texts: Sequence[str]) -> np.ndarray:
        return text_vectors_of(self.token_vectors(texts), self.pooling)
