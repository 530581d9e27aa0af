"""Finished datasets: Arrow folders that `datasets.load_from_disk` opens, written in any batches."""

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from scripts.common.files import folder_sha256, full_disk_named, manifest_entry, sha256_file

_ROWS_AT_A_TIME = 500
# A token is 4 bytes in Arrow and 40 as a Python number; a split's rows wait long, if it is small.
_ROWS_AS_OBJECTS = 50


class SplitWriter:
    """Writes the rows of each split to Arrow files in `folder`/split, in bounded memory.

    The library's own `save_to_disk` maps the whole dataset into memory to copy it; here the rows go
    into the final files at once, and the library writes only the descriptions beside them.

    Args:
        folder: folder of the dataset.
        schema: columns of a row.
        splits: names of the splits; one without rows leaves nothing.
        rows_per_file: rows of one Arrow file at most.
    """

    def __init__(
        self, folder: Path, schema: pa.Schema, splits: tuple[str, ...], rows_per_file: int
    ) -> None:
        self.folder, self.schema, self.rows_per_file = folder, schema, rows_per_file
        self.rows = dict.fromkeys(splits, 0)
        self._waiting: dict[str, list[dict[str, Any]]] = {split: [] for split in splits}
        self._packed: dict[str, list[pa.RecordBatch]] = {split: [] for split in splits}
        self._files: dict[str, list[Path]] = {split: [] for split in splits}
        self._streams: dict[str, pa.RecordBatchStreamWriter] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for split in self.rows:
            if kind is None:
                self._flush(split)
            self._end_file(split)
        if kind is None:
            self._describe()

    def add(self, split: str, row: dict[str, Any]) -> None:
        """Add one row to a split."""
        self.rows[split] += 1
        self._waiting[split].append(row)
        if len(self._waiting[split]) >= _ROWS_AS_OBJECTS:
            self._pack(split)
        self._write_what_is_full(split)

    def add_batch(self, split: str, batch: pa.RecordBatch) -> None:
        """Add the rows of a batch to a split; the files are those of `add`, row for row."""
        self._pack(split)
        start = 0
        while start < batch.num_rows:
            in_file = self.rows[split] % self.rows_per_file
            free = min(_ROWS_AT_A_TIME - in_file % _ROWS_AT_A_TIME, self.rows_per_file - in_file)
            piece = batch.slice(start, free)
            self._packed[split].append(piece)
            self.rows[split] += piece.num_rows
            start += piece.num_rows
            self._write_what_is_full(split)

    def _write_what_is_full(self, split: str) -> None:
        in_file = self.rows[split] % self.rows_per_file
        file_is_full = in_file == 0
        if file_is_full or in_file % _ROWS_AT_A_TIME == 0:
            self._flush(split)
        if file_is_full:
            self._end_file(split)

    def _pack(self, split: str) -> None:
        rows, self._waiting[split] = self._waiting[split], []
        if rows:
            self._packed[split].append(pa.RecordBatch.from_pylist(rows, schema=self.schema))

    def _flush(self, split: str) -> None:
        self._pack(split)
        packed, self._packed[split] = self._packed[split], []
        if not packed:
            return
        batch = pa.concat_batches(packed)
        with full_disk_named(self.folder / split):
            if split not in self._streams:
                path = self.folder / split / f"part-{len(self._files[split]):05d}.arrow"
                path.parent.mkdir(parents=True, exist_ok=True)
                self._files[split].append(path)
                self._streams[split] = pa.ipc.new_stream(str(path), self.schema)
            self._streams[split].write_batch(batch)

    def _end_file(self, split: str) -> None:
        if split in self._streams:
            with full_disk_named(self.folder / split):
                self._streams.pop(split).close()

    def _describe(self) -> None:
        """Let the library describe an empty dataset of the same form, then name the real files."""
        from datasets import Dataset, DatasetDict, disable_progress_bars

        disable_progress_bars()
        form = Dataset(self.schema.empty_table())
        written = [split for split, files in self._files.items() if files]
        DatasetDict(dict.fromkeys(written, form)).save_to_disk(str(self.folder))
        for split in written:
            state_file = self.folder / split / "state.json"
            state = json.loads(state_file.read_text(encoding="utf-8"))
            for entry in state["_data_files"]:
                (self.folder / split / entry["filename"]).unlink()
            files = self._files[split]
            names = [f"data-{n:05d}-of-{len(files):05d}.arrow" for n in range(len(files))]
            for path, name in zip(files, names, strict=True):
                path.rename(path.with_name(name))
            state["_data_files"] = [{"filename": name} for name in names]
            # The library's own fingerprint depends on paths and times; a content hash repeats.
            state["_fingerprint"] = sha256_file(self.folder / split / names[0])[:16]
            state_file.write_text(json.dumps(state, indent=2, sort_keys=True), encoding="utf-8")


def describe_files(folder: Path) -> dict[str, Any]:
    """Return the files of a folder with their SHA-256, and one hash over them all."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        "files": [
            manifest_entry(path, rows=None, name=path.relative_to(folder).as_posix())
            for path in files
        ],
        "sha256": folder_sha256(folder, files),
    }
