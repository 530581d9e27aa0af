"""Rows on disk, and in memory what their comparison needs: numbers, no text and no object a row."""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scripts.classification.labelled_rows import LABELLED
from scripts.classification.text_keys import Keys, exact_keys, near_forms
from scripts.common.errors import InputError

# Keys of text, near form and group, number, label, and what sorting them takes for a while.
_BYTES_PER_ROW = 150
_SHARE_OF_MEMORY = 0.6
_SPOOLED = ("row", "label", "text", "given_split")


@dataclass(frozen=True)
class RowColumns:
    """Columns of n rows.

    Attributes:
        rows: (n,) row numbers of the input, ascending.
        labels: (n,) number of each row's label.
        empty: (n,) whether a row has no text.
        texts: (n, 2) keys of the texts.
        nears: (n, 2) keys of their near forms, None where these are not compared.
        near_empty: (n,) whether nothing is left of a text in its near form, None likewise.
        groups: (n, 2) keys of the group column's values, None where there is no such column.
        no_group: (n,) whether a row has no such value, None likewise.
    """

    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int32]
    empty: npt.NDArray[np.bool_]
    texts: Keys
    nears: Keys | None
    near_empty: npt.NDArray[np.bool_] | None
    groups: Keys | None
    no_group: npt.NDArray[np.bool_] | None

    def where(self, kept: npt.NDArray[np.bool_]) -> "RowColumns":
        """Return the columns of some of the rows."""
        return RowColumns(
            *(None if column is None else column[kept] for column in vars(self).values())
        )


class RowStore:
    """Takes labelled rows in, batch by batch, and gives them back with what was found out.

    Args:
        spool: file that holds the rows in between, in a private folder.
        near: whether near forms are compared.
        grouped: whether a group column is compared.
        mem_mb: memory of the job, which bounds the number of rows.
    """

    def __init__(self, spool: Path, *, near: bool, grouped: bool, mem_mb: int) -> None:
        self._spool, self._near, self._grouped = spool, near, grouped
        self._most_rows = int(mem_mb * 1e6 * _SHARE_OF_MEMORY / _BYTES_PER_ROW)
        self._mem_mb = mem_mb
        self._code_of: dict[str, int] = {}
        self._buffers = {name: array("B") for name in RowColumns.__annotations__}
        self.size = 0

    @property
    def labels(self) -> list[str]:
        """The labels by number, in order of their first rows."""
        return list(self._code_of)

    def fill(self, batches: Iterable[pa.RecordBatch]) -> RowColumns:
        """Store all rows and return their columns.

        Args:
            batches: rows with the schema LABELLED.

        Raises:
            InputError: there are more rows than the memory holds.
        """
        schema = pa.schema([LABELLED.field(name) for name in _SPOOLED])
        with pa.OSFile(str(self._spool), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
            for batch in batches:
                self.size += batch.num_rows
                if self.size > self._most_rows:
                    raise InputError(
                        f"{self.size:,} rows do not fit into {self._mem_mb} MB; raise the step's "
                        f"memory (--set-resources read_rows:mem_mb=MB) to 1 MB for "
                        f"{round(self._most_rows / self._mem_mb):,} rows"
                    )
                stream.write_batch(batch.select(list(_SPOOLED)))
                self._add(batch)
        return RowColumns(
            rows=self._column("rows", np.int64),
            labels=self._column("labels", np.int32),
            empty=self._column("empty", np.bool_),
            texts=self._column("texts", np.uint64).reshape(-1, 2),
            nears=self._column("nears", np.uint64).reshape(-1, 2) if self._near else None,
            near_empty=self._column("near_empty", np.bool_) if self._near else None,
            groups=self._column("groups", np.uint64).reshape(-1, 2) if self._grouped else None,
            no_group=self._column("no_group", np.bool_) if self._grouped else None,
        )

    def kept(
        self, kept: npt.NDArray[np.bool_], groups: npt.NDArray[np.int64]
    ) -> Iterator[pa.Table]:
        """Yield the rows that are kept, each with its group.

        Args:
            kept: (n,) whether a stored row is kept.
            groups: the group of each kept row.
        """
        stored = given = 0
        with pa.OSFile(str(self._spool)) as file, pa.ipc.open_stream(file) as stream:
            for batch in stream:
                mask = kept[stored : stored + batch.num_rows]
                stored += batch.num_rows
                table = pa.Table.from_batches([batch.filter(pa.array(mask))])
                numbers = groups[given : given + table.num_rows]
                given += table.num_rows
                yield table.append_column("group", pa.array(numbers, pa.int64()))

    def _add(self, batch: pa.RecordBatch) -> None:
        texts = batch.column("text")
        self._extend("rows", batch.column("row").to_numpy())
        self._extend("labels", self._codes(batch.column("label")))
        self._extend("empty", pc.equal(texts, "").to_numpy(zero_copy_only=False))
        self._extend("texts", exact_keys(texts))
        if self._near:
            nears = near_forms(texts)
            self._extend("nears", exact_keys(nears))
            self._extend("near_empty", pc.is_null(nears).to_numpy(zero_copy_only=False))
        if self._grouped:
            values = batch.column("group_value")
            self._extend("groups", exact_keys(values))
            self._extend("no_group", pc.is_null(values).to_numpy(zero_copy_only=False))

    def _codes(self, labels: pa.Array) -> npt.NDArray[np.int32]:
        coded = labels.dictionary_encode()
        codes = [
            self._code_of.setdefault(label, len(self._code_of))
            for label in coded.dictionary.to_pylist()
        ]
        return np.array(codes, np.int32)[coded.indices.to_numpy()]

    def _extend(self, name: str, values: npt.NDArray[np.generic]) -> None:
        self._buffers[name].frombytes(np.ascontiguousarray(values).tobytes())

    def _column(self, name: str, kind: type[np.generic]) -> npt.NDArray[np.generic]:
        return np.frombuffer(self._buffers.pop(name), dtype=kind)
