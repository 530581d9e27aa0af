"""A tokenized split in flat arrays, and batches of it padded to their longest row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scripts.classification.tables import TOKENS
from scripts.common.errors import InputError, IntegrityError
from scripts.common.tables import read_table

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class TokenRows:
    """A split, or texts to be labelled.

    Attributes:
        rows: (n,) row numbers of the input, ascending.
        labels: (n,) class ids.
        ids: token ids of all rows, one after the other.
        starts: (n + 1,) where each row begins in `ids`; the last is its length.
        pad: id of the padding.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    pad: int

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(n,) tokens of each row."""
        return np.diff(self.starts)

    def batch(self, positions: Any) -> dict[str, Tensor]:
        """Return rows as a model takes them, padded to the longest of them.

        Args:
            positions: (b,) places of the rows, from 0.

        Returns:
            input_ids and attention_mask, (b, longest), and labels, (b,).
        """
        places = np.asarray(positions, np.int64)
        lengths = self.lengths[places]
        grid = np.arange(lengths.max(initial=1))
        inside = grid < lengths[:, None]
        ids = np.full(inside.shape, self.pad, np.int64)
        ids[inside] = self.ids[(self.starts[places][:, None] + grid)[inside]]
        return {
            "input_ids": torch.from_numpy(ids),
            "attention_mask": torch.from_numpy(inside.astype(np.int64)),
            "labels": torch.from_numpy(self.labels[places]),
        }

    def batches(self, positions: Positions, size: int) -> Iterator[Positions]:
        """Yield parts of positions, rows of like length together, so that little is padded."""
        ordered = positions[np.argsort(self.lengths[positions], kind="stable")]
        for start in range(0, len(ordered), size):
            yield ordered[start : start + size]


def rows_of_ids(ids: Sequence[Sequence[int]], pad: int) -> TokenRows:
    """Return texts without labels, which are 0 here, in their order."""
    starts = np.cumsum([0, *map(len, ids)])
    flat = np.fromiter((token for row in ids for token in row), np.int32, int(starts[-1]))
    return TokenRows(np.arange(len(ids)), np.zeros(len(ids), np.int64), flat, starts, pad)


def read_token_rows(path: Path, pad: int) -> TokenRows:
    """Read a tokenized split.

    Raises:
        InputError: the split has no rows.
        IntegrityError: the file is missing or incomplete, or its rows are not ascending.
    """
    table = read_table(path, TOKENS).combine_chunks()
    if not table.num_rows:
        raise InputError(
            f"{path}: the {path.stem} split has no rows; raise test_size or val_size, or lower "
            "min_samples_per_class"
        )
    lists = table["input_ids"].chunk(0)
    rows = np.asarray(table["row"].to_numpy(), np.int64)
    if (np.diff(rows) <= 0).any():
        raise IntegrityError(f"{path}: its rows are not ascending; delete it and run again")
    starts = lists.offsets.to_numpy().astype(np.int64)
    return TokenRows(
        rows,
        np.asarray(table["label"].to_numpy(), np.int64),
        lists.values.to_numpy(),
        starts,
        pad,
    )
