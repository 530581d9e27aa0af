"""Writes a session's tables, reading the chosen rows of the input once more."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scripts.common.normalize import normalize
from scripts.common.progress import Progress
from scripts.common.tables import table_of_rows, table_writer
from scripts.retrieval.input_rows import judgements, text_rows
from scripts.retrieval.row_index import Places
from scripts.retrieval.tables import DOCUMENTS, QRELS, QUERIES, TEST, TRAIN

_ROWS_AT_A_TIME = 500
_WORD = re.compile(r"[^\W_]")

Mask = npt.NDArray[np.bool_]


@dataclass
class TextCounts:
    """What was seen in the texts that were written.

    Attributes:
        empty: texts with no character but white space.
        without_words: texts with no letter and no digit, the empty ones among them.
    """

    empty: int = 0
    without_words: int = 0

    def note(self, text: str) -> str:
        """Count a text and return it."""
        self.empty += not text
        self.without_words += _WORD.search(text) is None
        return text


def write_documents(
    path: Path, corpus: Sequence[Path], chosen: Mask, progress: Progress
) -> TextCounts:
    """Write the chosen documents in order of the input."""
    counts = TextCounts()
    rows = (
        {"doc_id": row.id, "text": counts.note(normalize(row.text).text), "domain": row.domain}
        for row in text_rows(corpus, "doc_id", chosen.tolist())
    )
    _write(path, DOCUMENTS, rows, progress)
    return counts


def write_queries(
    path: Path, queries: Sequence[Path], chosen: Mask, test: Mask, progress: Progress
) -> TextCounts:
    """Write the chosen queries in order of the input; `test` has an element for each of them."""
    counts = TextCounts()
    rows = (
        {
            "qid": row.id,
            "text": counts.note(normalize(row.text).text),
            "domain": row.domain,
            "split": TEST if held_out else TRAIN,
        }
        for row, held_out in zip(
            text_rows(queries, "qid", chosen.tolist()), test.tolist(), strict=True
        )
    )
    _write(path, QUERIES, rows, progress)
    return counts


def write_judgements(
    path: Path, qrels: Sequence[Path], chosen: Mask, sessions: Places, progress: Progress
) -> None:
    """Write the chosen judgements in order of the input.

    Args:
        path: the table.
        qrels: the files.
        chosen: (judgements,) which.
        sessions: (judgements,) session of each one's document.
        progress: counts the rows.
    """
    rows = (
        {"qid": row.qid, "doc_id": row.doc_id, "score": row.score, "session": session}
        for row, wanted, session in zip(
            judgements(qrels), chosen.tolist(), sessions.tolist(), strict=True
        )
        if wanted
    )
    _write(path, QRELS, rows, progress)


def _write(
    path: Path, schema: pa.Schema, rows: Iterable[dict[str, Any]], progress: Progress
) -> None:
    with table_writer(path, schema) as writer:
        for block in _blocks(rows):
            writer.write_table(table_of_rows(block, schema))
            progress.advance(len(block))


def _blocks(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    left = iter(rows)
    while block := list(islice(left, _ROWS_AT_A_TIME)):
        yield block
