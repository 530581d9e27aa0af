"""Splits of finished datasets, mapped into memory.

The files are those that `datasets.load_from_disk` opens; reading them here saves a second of
imports in each job.
"""

import json
from pathlib import Path

import pyarrow as pa

from scripts.common.errors import InputError, IntegrityError


def refuse_other_folder(dataset: Path) -> None:
    """Raise an InputError where a folder holds no dataset."""
    if not (dataset / "dataset_dict.json").is_file():
        raise InputError(f"{dataset} holds no dataset; build it with `snakemake corpus`")


def split_table(dataset: Path, split: str) -> pa.Table | None:
    """Return the rows of a split, None where the dataset has no such split.

    Raises:
        IntegrityError: a file is missing or broken.
    """
    folder = dataset / split
    if not folder.is_dir():
        return None
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        parts = [
            pa.ipc.open_stream(pa.memory_map(str(folder / file["filename"]))).read_all()
            for file in state["_data_files"]
        ]
        return pa.concat_tables(parts)
    except (OSError, json.JSONDecodeError, KeyError, pa.ArrowInvalid) as error:
        raise IntegrityError(
            f"{folder} is incomplete ({error}); delete the dataset and build it again"
        ) from error
