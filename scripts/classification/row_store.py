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
class Compared:
    """A value of n rows by which they are compared.

    Attributes:
        keys: (n, 2) keys of the values.
        known: (n,) whether a row has a value; one without is equal to none.
    """

    keys: Keys
    known: npt.NDArray[np.bool_]

    def where(self, kept: npt.NDArray[np.bool_]) -> "Compared":
        """Return the values of some of the rows."""
        return Compared(self.keys[kept], self.known[kept])


@dataclass(frozen=True)
class RowColumns:
    """Columns of n rows.

    Attributes:
        rows: (n,) row numbers of the input, ascending.
        labels: (n,) number of each row's label.
        texts: the texts.
        nears: their near forms, None where these are not compared.
        groups: the group column's values, None where there is no such column.
    """

    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int32]
    texts: Compared
    nears: Compared | None
    groups: Compared | None

    def where(self, kept: npt.NDArray[np.bool_]) -> "RowColumns":
        """Return the columns of some of the rows."""
        return RowColumns(
            self.rows[kept],
            self.labels[kept],
            self.texts.where(kept),
            self.nears and self.nears.where(kept),
            self.groups and self.groups.where(kept),
        )


class _Comparison:
    """Collects the keys of one value, batch by batch."""

    def __init__(self) -> None:
        self._keys, self._known = array("B"), array("B")

    def add(self, values: pa.Array) -> None:
        self._keys.frombytes(exact_keys(values).tobytes())
        self._known.frombytes(pc.is_valid(values).to_numpy(zero_copy_only=False).tobytes())

    def collected(self) -> Compared:
        keys = np.frombuffer(self._keys, dtype=np.uint64).reshape(-1, 2)
        return Compared(keys, np.frombuffer(self._known, dtype=np.bool_))


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
        self._rows, self._labels = array("q"), array("i")
        self._texts, self._nears, self._groups = _Comparison(), _Comparison(), _Comparison()
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
            rows=np.frombuffer(self._rows, dtype=np.int64),
            labels=np.frombuffer(self._labels, dtype=np.int32),
            texts=self._texts.collected(),
            nears=self._nears.collected() if self._near else None,
            groups=self._groups.collected() if self._grouped else None,
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
        texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
        self._rows.frombytes(batch.column("row").to_numpy().tobytes())
        self._labels.frombytes(self._codes(batch.column("label")).tobytes())
        self._texts.add(texts)
        if self._near:
            self._nears.add(near_forms(texts))
        if self._grouped:
            self._groups.add(batch.column("group_value"))

    def _codes(self, labels: pa.Array) -> npt.NDArray[np.int32]:
        coded = labels.dictionary_encode()
        codes = [
            self._code_of.setdefault(label, len(self._code_of))
            for label in coded.dictionary.to_pylist()
        ]
        return np.array(codes, np.int32)[coded.indices.to_numpy()]
