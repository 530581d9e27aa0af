"""Queries of earlier sessions: their ids may not come again, their texts are no tests any more."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scripts.common.errors import InputError
from scripts.common.tables import iterate_batches
from scripts.retrieval.query_split import text_key
from scripts.retrieval.row_index import (
    LISTED,
    Digester,
    Digests,
    RowIndex,
    joined_digests,
)
from scripts.retrieval.tables import QUERIES, TEST

_ROWS_AT_A_TIME = 20_000


class EarlierQueries:
    """Ids and texts of the queries of earlier sessions, as hashes.

    Args:
        tables: queries of the earlier sessions.
        digester: of query ids.

    Raises:
        IntegrityError: a table cannot be read.
    """

    def __init__(self, tables: Sequence[Path], digester: Digester) -> None:
        ids, texts, tests = [], [], []
        for path in tables:
            for batch in iterate_batches(path, QUERIES, rows=_ROWS_AT_A_TIME):
                ids.append(digester.digests(batch["qid"].to_pylist()))
                texts.append(joined_digests(map(text_key, batch["text"].to_pylist())))
                tests.append(np.array(batch["split"].to_pylist()) == TEST)
        empty = joined_digests(())
        self._ids, self._texts = np.concatenate([empty, *ids]), np.concatenate([empty, *texts])
        self._tests = np.concatenate([np.zeros(0, np.bool_), *tests])

    def refuse_repeated(self, queries: RowIndex, chosen: npt.NDArray[np.bool_]) -> None:
        """Refuse queries that stand in an earlier session.

        Raises:
            InputError: there are such; the first ten are listed.
        """
        repeats = np.flatnonzero(chosen & np.isin(queries.digests, self._ids))
        if repeats.size:
            ids = queries.ids(repeats[:LISTED].tolist())
            listed = ", ".join(f"{name} at {queries.where(place)}" for place, name in ids.items())
            raise InputError(
                f"{repeats.size:,} queries stand in an earlier session too: {listed}"
                f"{' …' if repeats.size > LISTED else ''}; a query belongs to one session"
            )

    def have_text(self, texts: Digests) -> npt.NDArray[np.bool_]:
        """Return which of these texts an earlier query has."""
        return np.isin(texts, self._texts)

    def tested_text(self, texts: Digests) -> npt.NDArray[np.bool_]:
        """Return which of these texts an earlier test query has."""
        return np.isin(texts, self._texts[self._tests])
