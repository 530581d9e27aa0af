"""The serialized splits as training steps read them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scripts.classification.tables import EXAMPLES, SPLIT_NAMES
from scripts.common.errors import IntegrityError
from scripts.common.files import folder_sha256
from scripts.common.tables import read_table


@dataclass(frozen=True)
class Examples:
    """A split, in ascending order of rows.

    Attributes:
        table: table EXAMPLES.
    """

    table: pa.Table

    @property
    def rows(self) -> NDArray[np.int64]:
        """(n,) row numbers of the input."""
        return np.array(self.table["row"].to_numpy(), np.int64)

    @property
    def labels(self) -> NDArray[np.int64]:
        """(n,) class ids."""
        return np.array(self.table["label"].to_numpy(), np.int64)

    def texts(self) -> list[str]:
        """Return the n texts."""
        return [str(text) for text in self.table["text"].to_pylist()]


def read_examples(parquet: Path, split: str) -> Examples:
    """Read a split from the folder of serialized splits.

    Raises:
        IntegrityError: the file is missing or incomplete, or its rows are not ascending.
    """
    path = parquet / f"{split}.parquet"
    examples = Examples(read_table(path, EXAMPLES))
    if (np.diff(examples.rows) <= 0).any():
        raise IntegrityError(f"{path}: its rows are not ascending; delete it and run again")
    return examples


def examples_sha256(parquet: Path) -> str:
    """Return one SHA-256 over the files of all splits."""
    return folder_sha256(parquet, [parquet / f"{split}.parquet" for split in SPLIT_NAMES])
