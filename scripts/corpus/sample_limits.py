"""Which candidate samples a dataset takes: minimum frequency and cap of their entities.

`cap_entities` finds both over the whole corpus; here they are looked up while candidates stream by
in their own order.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from scripts.common.corpus_tables import CUTOFFS, RARE_ENTITIES
from scripts.common.errors import IntegrityError
from scripts.common.tables import iterate_batches, read_table

RARE_ENTITY, ENTITY_CAP = "rare_entity", "entity_cap"
DROP_REASONS = (RARE_ENTITY, ENTITY_CAP)  # in the order in which they are tried

_Document = tuple[str, int]


class SampleLimits:
    """Judges the candidate samples of a length, document by document in the corpus's order.

    Args:
        cutoffs: last sample of each entity above the cap; few enough to be held in memory.
        rare: rare entities of each document, in the documents' order; read along.
    """

    def __init__(self, cutoffs: Path, rare: Path) -> None:
        self._last = {
            row["entity"]: _place(row) for row in read_table(cutoffs, CUTOFFS).to_pylist()
        }
        self._rare_file = rare
        self._listed = _rare_entities(rare)
        self._next = next(self._listed, None)
        self._document: _Document | None = None
        self._rare: frozenset[str] = frozenset()

    def reason_against(self, candidate: dict[str, Any]) -> str | None:
        """Return why a candidate is left out, None where the dataset takes it.

        Only training samples are ever left out.
        """
        document = candidate["source"], candidate["key"]
        if document != self._document:
            self._document, self._rare = document, frozenset()
            if self._next is not None and self._next[0] == document:
                self._rare = self._next[1]
                self._next = next(self._listed, None)
        if candidate["split"] != "train":
            return None
        if candidate["entity"] in self._rare:
            return RARE_ENTITY
        last = self._last.get(candidate["entity"])
        return ENTITY_CAP if last is not None and _place(candidate) > last else None

    def finish(self) -> None:
        """Check that every document with a rare entity came by.

        Raises:
            IntegrityError: one did not, so the table belongs to other candidates.
        """
        if self._next is not None:
            raise IntegrityError(
                f"{self._rare_file} belongs to other candidates; delete it and run again"
            )


def _place(row: dict[str, Any]) -> tuple[int, str, int]:
    return row["rank"], row["doc_id"], row["ordinal"]


def _rare_entities(path: Path) -> Iterator[tuple[_Document, frozenset[str]]]:
    rows = (
        row
        for batch in iterate_batches(path, RARE_ENTITIES, rows=5_000)
        for row in batch.to_pylist()
    )
    for document, group in groupby(rows, key=lambda row: (row["source"], row["key"])):
        yield document, frozenset(row["entity"] for row in group)
