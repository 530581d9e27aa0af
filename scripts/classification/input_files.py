"""Files of labelled rows: CSV, TSV, Parquet, and folders that `datasets` saved.

An input becomes parts, files in the order of their rows. A part says which columns it has and gives
some of them as record batches of bounded size; what is damaged ends as one line that names the
file. A `datasets` folder is read as the Arrow streams that it consists of, without mapping them
into memory.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.classification.csv_files import csv_batches, csv_names, delimiter_of
from scripts.classification.damage import damage_named
from scripts.classification.parquet_files import parquet_batches, parquet_schema
from scripts.common.errors import InputError
from scripts.common.names import nearest_name

_SHOWN_COLUMNS = 40


@dataclass(frozen=True)
class Part:
    """A file of rows.

    Attributes:
        path: the file.
        split: name of the `datasets` split it belongs to, None elsewhere.
        class_names: names of the classes of each ClassLabel column.
    """

    path: Path
    split: str | None = None
    class_names: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_csv(self) -> bool:
        """Whether every value is text, as CSV has it."""
        return delimiter_of(self.path) is not None

    def schema(self) -> pa.Schema:
        """Return names and types of the columns; all are text where the part is CSV."""
        with damage_named(self.path):
            if self.is_csv:
                return pa.schema([(name, pa.string()) for name in csv_names(self.path)])
            if self.path.suffix.lower() == ".parquet":
                return parquet_schema(self.path)
            with pa.OSFile(str(self.path)) as file, pa.ipc.open_stream(file) as stream:
                return stream.schema

    def batches(
        self, columns: Sequence[str], *, batch_bytes: int, threads: int
    ) -> Iterator[pa.RecordBatch]:
        """Yield some columns in the order of the rows.

        Args:
            columns: names, each of them one column of the part.
            batch_bytes: bytes of a batch, more only where one row has more.
            threads: threads that decode Parquet.
        """
        with damage_named(self.path):
            if self.is_csv:
                yield from csv_batches(self.path, columns, block_bytes=batch_bytes)
            elif self.path.suffix.lower() == ".parquet":
                for batch in parquet_batches(
                    self.path, columns, batch_bytes=batch_bytes, threads=threads
                ):
                    batch.validate(full=True)  # Parquet and Arrow readers trust that text is UTF-8
                    yield batch
            else:
                with pa.OSFile(str(self.path)) as file, pa.ipc.open_stream(file) as stream:
                    for batch in stream:
                        wanted = batch.select(list(columns))
                        wanted.validate(full=True)
                        yield wanted

    def require(self, columns: Sequence[str]) -> None:
        """Check that each of `columns` is one column of the part.

        Raises:
            InputError: one is missing, with the nearest name, or stands more than once.
        """
        names = list(self.schema().names)
        times = Counter(names)
        for column in columns:
            if times[column] > 1:
                raise InputError(
                    f"{self.path} has {times[column]} columns called '{column}'; give each its own "
                    "name"
                )
            if not times[column]:
                near = nearest_name(column, names)
                hint = f"did you mean '{near}'? " if near else ""
                listed = ", ".join(names[:_SHOWN_COLUMNS]) or "none"
                raise InputError(
                    f"{self.path} has no column '{column}'; {hint}its columns: "
                    + " ".join(listed.split())
                )


def input_parts(inputs: Sequence[Path]) -> list[Part]:
    """Return the parts of all inputs in the order of their rows.

    Raises:
        InputError: there is none, one is named twice, missing, empty or of another format.
    """
    if not inputs:
        raise InputError("no input file is named; name a CSV, Parquet or `datasets` folder")
    for path, times in Counter(inputs).items():
        if times > 1:
            raise InputError(f"{path} is named {times} times, its rows would count twice; once")
    return [part for path in inputs for part in _parts_of(path)]


def _parts_of(path: Path) -> list[Part]:
    if not path.exists():
        raise InputError(f"{path} is missing; put it back or correct the path")
    if path.is_dir():
        return _saved_parts(path)
    if delimiter_of(path) is None and path.suffix.lower() != ".parquet":
        raise InputError(
            f"{path} is of no known format; allowed: .csv, .tsv (also .gz), .parquet, or a folder "
            "of `datasets`"
        )
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); fetch or write it again")
    return [Part(path)]


def _saved_parts(folder: Path) -> list[Part]:
    """Return the parts of what `save_to_disk` wrote: one dataset, or several splits of one."""
    listing = folder / "dataset_dict.json"
    if not listing.exists():
        return _parts_of_split(folder, None)
    splits = _read_saved(listing).get("splits")
    if not isinstance(splits, list) or not splits:
        raise InputError(f"{listing} names no split; save the dataset again")
    for name in splits:
        # Only folders within the folder: the listing comes from outside.
        if not isinstance(name, str) or Path(name).name != name or name in ("", ".."):
            raise InputError(f"{listing} names the split {name!r}, no folder; save the data again")
    return [part for name in splits for part in _parts_of_split(folder / name, name)]


def _parts_of_split(folder: Path, split: str | None) -> list[Part]:
    state, info = folder / "state.json", folder / "dataset_info.json"
    if not (state.exists() and info.exists()):
        raise InputError(
            f"{folder} is no folder of `datasets` (state.json and dataset_info.json are missing); "
            "write it with save_to_disk, or name the files themselves"
        )
    files = [file.get("filename") for file in _read_saved(state).get("_data_files") or []]
    features = _read_saved(info).get("features") or {}
    class_names = {
        column: [str(name) for name in feature["names"]]
        for column, feature in features.items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
    }
    # Only names within the folder: the file comes from outside.
    paths = [folder / Path(str(name)).name for name in files]
    for path in paths:
        if not path.is_file():
            raise InputError(f"{path}, which {state} names, is missing; copy the folder again")
    return [Part(path, split, class_names) for path in paths]


def _read_saved(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid JSON ({error}); save the dataset again") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} holds no JSON object; save the dataset again")
    return value
