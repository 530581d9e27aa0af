"""Rows of all parts as label, text, given split and group value, each of them text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scripts.classification.field_text import (
    DATE,
    NUMBER,
    TEXT,
    Joiner,
    csv_kinds_of,
    csv_texts_of,
    texts_of,
)
from scripts.classification.input_files import Part
from scripts.classification.labels import INTEGER, STRING, is_whole, label_texts, label_type
from scripts.common.errors import ConfigError
from scripts.common.progress import Progress

_LISTED_ROWS = 100_000

LABELLED = pa.schema(
    [
        ("row", pa.int64()),
        ("label", pa.string()),
        ("text", pa.string()),  # "" where there is none
        ("given_split", pa.string()),
        ("group_value", pa.string()),  # null where a row shares its group column with none
    ]
)


@dataclass(frozen=True)
class Columns:
    """Which columns of the input to read.

    Attributes:
        label: the label.
        texts: one column that is the text, or several that are joined.
        group: rows with one value stay together; None for no such column.
        split: the input's own split; None for no such column.
        separator: stands between joined columns.
    """

    label: str
    texts: tuple[str, ...]
    group: str | None
    split: str | None
    separator: str

    def __post_init__(self) -> None:
        if not self.texts:
            raise ConfigError("text_columns names no column; name at least one")
        twice = sorted({name for name in self.texts if self.texts.count(name) > 1})
        if twice:
            raise ConfigError(f"text_columns names '{twice[0]}' more than once; once is enough")
        if self.label in self.texts:
            raise ConfigError(
                f"text_columns names the label column '{self.label}': each text would hold its "
                "answer; leave it out"
            )

    @property
    def names(self) -> list[str]:
        """The columns, each once."""
        extra = [name for name in (self.group, self.split) if name is not None]
        return list(dict.fromkeys([self.label, *self.texts, *extra]))


@dataclass
class RowReader:
    """Reads the rows that have a label, and counts all of them.

    Attributes:
        parts: files in the order of their rows.
        columns: what to read.
        batch_bytes: bytes read at a time.
        threads: threads of the Parquet decoder.
        rows_of: rows of each part that has been read.
        null_labels: rows without a label so far.
        null_label_rows: numbers of the first 100,000 of them.
        empty_texts: rows with a label and no text so far.
    """

    parts: Sequence[Part]
    columns: Columns
    batch_bytes: int
    threads: int
    rows_of: list[int] = field(default_factory=list)
    null_labels: int = 0
    null_label_rows: list[int] = field(default_factory=list)
    empty_texts: int = 0
    _types: set[str] = field(default_factory=set)
    _csv_labels_whole: bool | None = None

    def __post_init__(self) -> None:
        for part in self.parts:
            part.require(self.columns.names)
        several = len(self.columns.texts) > 1
        self._joiner = Joiner(self.columns.texts, self.columns.separator) if several else None
        # One column is the text itself, as it stands in the file.
        self._kinds = self._csv_kinds() if several else dict.fromkeys(self.columns.texts, TEXT)

    @property
    def rows_read(self) -> int:
        """Rows read so far, with and without a label."""
        return sum(self.rows_of)

    @property
    def label_type(self) -> str:
        """Type of the labels in the input; several, where parts differ, with a bar between."""
        types = set(self._types)
        if self._csv_labels_whole is not None:
            types.add(INTEGER if self._csv_labels_whole else STRING)
        return "|".join(sorted(types - {"null"})) or "null"

    def labelled(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows that have a label, in order, with the schema LABELLED."""
        progress = Progress("read_rows", total=None, unit="rows")
        first = 0
        for part in self.parts:
            self.rows_of.append(0)
            for batch in part.batches(
                self.columns.names, batch_bytes=self.batch_bytes, threads=self.threads
            ):
                found = self._labelled(part, batch, first)
                first += batch.num_rows
                self.rows_of[-1] += batch.num_rows
                progress.advance(batch.num_rows, found.num_rows)
                yield found
        progress.finish()

    def _labelled(self, part: Part, batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
        labels = self._labels(part, batch.column(self.columns.label))
        known = pc.is_valid(labels)
        rows = np.arange(first, first + batch.num_rows, dtype=np.int64)
        if labels.null_count:
            self.null_labels += labels.null_count
            missing = rows[~known.to_numpy(zero_copy_only=False)]
            self.null_label_rows += missing[: _LISTED_ROWS - len(self.null_label_rows)].tolist()
            batch, labels = batch.filter(known), labels.filter(known)
            rows = rows[known.to_numpy(zero_copy_only=False)]
        texts = self._texts(part, batch)
        empty = pc.equal(pc.utf8_trim_whitespace(texts), "")
        self.empty_texts += pc.sum(empty).as_py() or 0
        return pa.RecordBatch.from_arrays(
            [
                pa.array(rows),
                labels,
                pc.if_else(empty, pa.scalar("", pa.string()), texts),
                self._splits(part, batch),
                self._values(part, batch, self.columns.group),
            ],
            schema=LABELLED,
        )

    def _labels(self, part: Part, column: pa.Array) -> pa.Array:
        name = self.columns.label
        names = part.class_names.get(name)
        labels = label_texts(column, names, name=name, where=str(part.path))
        if not part.is_csv:
            self._types.add(STRING if names is not None else label_type(column.type))
        elif self._csv_labels_whole is not False:
            distinct = pc.unique(labels.drop_null()).to_pylist()
            if distinct:
                self._csv_labels_whole = all(map(is_whole, distinct))
        return labels

    def _texts(self, part: Part, batch: pa.RecordBatch) -> pa.Array:
        values = [
            csv_texts_of(batch.column(name), self._kinds[name])
            if part.is_csv
            else texts_of(batch.column(name), name, str(part.path))
            for name in self.columns.texts
        ]
        if self._joiner is not None:
            return self._joiner.joined(values)
        return pc.fill_null(values[0], "")

    def _splits(self, part: Part, batch: pa.RecordBatch) -> pa.Array:
        if self.columns.split is None:
            return pa.array([part.split] * batch.num_rows, pa.string())
        return self._values(part, batch, self.columns.split)

    def _values(self, part: Part, batch: pa.RecordBatch, name: str | None) -> pa.Array:
        if name is None:
            return pa.nulls(batch.num_rows, pa.string())
        column = batch.column(name)
        names = part.class_names.get(name)
        if names is not None:
            return label_texts(column, names, name=name, where=str(part.path))
        texts = texts_of(column, name, str(part.path))
        blank = pc.equal(pc.utf8_trim_whitespace(texts), "")
        return pc.if_else(blank, pa.scalar(None, pa.string()), texts)

    def _csv_kinds(self) -> dict[str, str]:
        """Return what each text column is in all CSV parts together."""
        kinds = {name: {TEXT, NUMBER, DATE} for name in self.columns.texts}
        for part in self.parts:
            if part.is_csv:
                for batch in part.batches(
                    self.columns.texts, batch_bytes=self.batch_bytes, threads=self.threads
                ):
                    for name, possible in kinds.items():
                        if len(possible) > 1:
                            possible &= csv_kinds_of(batch.column(name))
        # All three are left only where no value is known.
        return {
            name: TEXT if len(possible) != 2 else min(possible - {TEXT})
            for name, possible in kinds.items()
        }
