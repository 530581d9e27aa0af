"""Training of a hashed encoder: only the rows of buckets that a session's texts name.

Beside the vectors each bucket has a gain exp(g), by which its vector is multiplied and which is
folded into it at the end: how much an n-gram counts carries over to texts that were not trained on
sooner than its direction does. Dropout leaves n-grams out of a text. The gradient of the table is a
product with a sparse matrix, which takes the same order of sums on any number of threads.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack
from torch import Tensor

from scripts.retrieval.hashed_encoder import HashedEncoder, word_places
from scripts.retrieval.hashed_ngrams import split_words

_BATCH = 1_000  # texts whose distinct words are held at a time
_GAIN_RATE = 30.0  # times the learning rate: one number moves a whole vector
_PROJECTION_RATE = 0.1  # the same: one number moves every text


class HashedTrainer:
    """An encoder in training.

    Args:
        encoder: the encoder to start from.
        texts: all texts of the session's samples.
    """

    def __init__(self, encoder: HashedEncoder, texts: Sequence[str]) -> None:
        self._encoder = encoder
        cells = text_cells(encoder, texts)
        self._used = np.unique(cells.indices)
        places = np.searchsorted(self._used, cells.indices)
        self._cells = csr_array(
            (cells.data, places, cells.indptr), shape=(len(texts), len(self._used))
        )
        self._table = torch.from_numpy(encoder.table[self._used]).requires_grad_()
        self._gains = torch.zeros(len(self._used), 1, requires_grad=True)
        self._projection = torch.from_numpy(encoder.projection.copy()).requires_grad_()
        self.device = torch.device("cpu")

    def parameter_groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """Return the parameters with their rates; gains do not decay."""
        return [
            {"params": [parameter], "lr": rate * learning_rate, "weight_decay": decay}
            for parameter, rate, decay in (
                (self._table, 1.0, weight_decay),
                (self._projection, _PROJECTION_RATE, weight_decay),
                (self._gains, _GAIN_RATE, 0.0),
            )
        ]

    def encode(self, texts: NDArray[np.int64], draw: np.random.Generator) -> Tensor:
        """Return the unit vectors of texts, by their numbers, under dropout.

        Args:
            texts: (n,) numbers; a text that stands twice loses other n-grams each time.
            draw: source of the dropout.
        """
        cells = self._cells[texts]
        if self._encoder.settings.dropout > 0:
            kept = draw.random(len(cells.data), np.float32) >= self._encoder.settings.dropout
            cells.data = cells.data * kept
        sums = _SparseProduct.apply(cells, self._table * torch.exp(self._gains))
        return torch.nn.functional.normalize(sums @ self._projection, dim=1)

    def result(self) -> HashedEncoder:
        """Return the encoder as it is trained so far."""
        table = self._encoder.table.copy()
        with torch.no_grad():
            table[self._used] = (self._table * torch.exp(self._gains)).numpy()
            projection = self._projection.numpy().copy()
        return HashedEncoder(self._encoder.settings, table, projection, self._encoder.threads)


def text_cells(encoder: HashedEncoder, texts: Sequence[str]) -> Any:
    """Return how much each bucket counts in the sum over a text's tokens.

    Returns:
        float32 CSR of (texts, buckets), columns ascending.
    """
    parts = [csr_array((0, encoder.settings.buckets), dtype=np.float32)]
    for start in range(0, len(texts), _BATCH):
        rows = split_words(texts[start : start + _BATCH])
        parts.append(word_places(rows) @ encoder.bucket_shares(rows.words))
    cells = csr_array(vstack(parts))
    cells.sum_duplicates()
    cells.sort_indices()
    return cells


class _SparseProduct(torch.autograd.Function):
    """A constant sparse matrix times a dense one."""

    @staticmethod
    def forward(context: Any, cells: Any, table: Tensor) -> Tensor:
        context.cells = cells
        return torch.from_numpy(cells @ table.detach().numpy())

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[None, Tensor]:
        return None, torch.from_numpy(context.cells.T @ gradients[0].numpy())
