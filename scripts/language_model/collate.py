"""Putting masked rows together to a batch of tensors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from scripts.language_model.masking import IGNORED


@dataclass(frozen=True)
class MaskedRow:
    """A row as the model reads it.

    Attributes:
        input_ids: token ids, shape (n,).
        labels: the original id where it is to be predicted, IGNORED elsewhere, shape (n,).
        segment_lengths: tokens of each document in the row; they add up to n.
    """

    input_ids: np.ndarray
    labels: np.ndarray
    segment_lengths: np.ndarray

    @property
    def tokens(self) -> int:
        """Number of tokens."""
        return len(self.input_ids)

    @property
    def labelled(self) -> int:
        """Number of tokens with a label."""
        return int(np.count_nonzero(self.labels != IGNORED))


@dataclass(frozen=True)
class Batch:
    """Rows padded to the longest of them; all tensors have shape (rows, tokens).

    Attributes:
        input_ids: token ids.
        segments: 1, 2, … for the documents of a row, 0 for padding.
        labels: ids to predict, IGNORED elsewhere.
    """

    input_ids: torch.Tensor
    segments: torch.Tensor
    labels: torch.Tensor

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        return Batch(
            self.input_ids.to(device, non_blocking=True),
            self.segments.to(device, non_blocking=True),
            self.labels.to(device, non_blocking=True),
        )


def collate(rows: Sequence[MaskedRow], pad_id: int) -> Batch:
    """Pad rows to the longest one.

    Args:
        rows: rows of a forward pass, one at least.
        pad_id: id of the padding token.
    """
    shape = (len(rows), max(row.tokens for row in rows))
    input_ids = np.full(shape, pad_id, dtype=np.int64)
    segments = np.zeros(shape, dtype=np.int64)
    labels = np.full(shape, IGNORED, dtype=np.int64)
    for number, row in enumerate(rows):
        input_ids[number, : row.tokens] = row.input_ids
        labels[number, : row.tokens] = row.labels
        documents = np.arange(1, len(row.segment_lengths) + 1)
        segments[number, : row.tokens] = np.repeat(documents, row.segment_lengths)
    return Batch(torch.from_numpy(input_ids), torch.from_numpy(segments), torch.from_numpy(labels))
