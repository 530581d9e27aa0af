"""Finished datasets: Arrow folders that `datasets.load_from_disk` opens, written row by row."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from scripts.common.files import folder_sha256, manifest_entry, sha256_file

_ROWS_AT_A_TIME = 500


class SplitWriter:
    """Collects rows of each split in an Arrow stream on local disk, in bounded memory.

    Args:
        folder: local folder for the streams.
        schema: columns of a row.
        splits: names of the splits.
    """

    def __init__(self, folder: Path, schema: pa.Schema, splits: tuple[str, ...]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.schema = schema
        self.paths = {split: folder / f"{split}.arrow" for split in splits}
        self.rows = dict.fromkeys(splits, 0)
        self._waiting: dict[str, list[dict[str, Any]]] = {split: [] for split in splits}

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self._writers = {
            split: self._stack.enter_context(pa.ipc.new_stream(str(path), self.schema))
            for split, path in self.paths.items()
        }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for split in self.paths:
            self._flush(split)
        self._stack.close()

    def add(self, split: str, row: dict[str, Any]) -> None:
        """Add one row to a split."""
        self.rows[split] += 1
        self._waiting[split].append(row)
        if len(self._waiting[split]) >= _ROWS_AT_A_TIME:
            self._flush(split)

    def _flush(self, split: str) -> None:
        rows, self._waiting[split] = self._waiting[split], []
        if rows:
            self._writers[split].write_batch(pa.RecordBatch.from_pylist(rows, schema=self.schema))


def save_splits(
    paths: dict[str, Path], rows: dict[str, int], folder: Path, rows_per_file: int
) -> None:
    """Save Arrow streams as one dataset dictionary; splits without rows are left out.

    Args:
        paths: stream of each split.
        rows: number of rows of each split.
        folder: where the dataset goes.
        rows_per_file: rows of one Arrow file at most.
    """
    from datasets import Dataset, DatasetDict, disable_progress_bars

    disable_progress_bars()
    parts = {}
    for split, path in paths.items():
        if rows[split]:
            part = Dataset.from_file(str(path))
            # The library derives its fingerprint from paths and times; contents repeat.
            part._fingerprint = sha256_file(path)[:16]
            parts[split] = part
    files = {split: -(-rows[split] // rows_per_file) for split in parts}
    DatasetDict(parts).save_to_disk(str(folder), num_shards=files)


def describe_files(folder: Path, left_out: tuple[str, ...] = ("metadata.json",)) -> dict[str, Any]:
    """Return the manifest of a dataset folder: its files and one hash over them all."""
    files = [path for path in _files(folder) if path.name not in left_out]
    return {
        "files": [
            manifest_entry(path, rows=None, name=path.relative_to(folder).as_posix())
            for path in files
        ],
        "sha256": folder_sha256(folder, files),
    }


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
