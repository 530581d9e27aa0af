"""Training of a transformer encoder: of each text the first window, under the model's dropout."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scripts.retrieval.pooling import MEAN
from scripts.retrieval.transformer_encoder import TransformerEncoder

_ROWS = 32  # texts of a forward pass
_TEXTS = 1_000  # tokenized at a time


class TransformerTrainer:
    """An encoder in training.

    Args:
        encoder: the encoder to start from, which is changed in place.
        texts: all texts of the session's samples.
    """

    def __init__(self, encoder: TransformerEncoder, texts: Sequence[str]) -> None:
        self._encoder = encoder
        self._contents = [
            ids[: encoder.window]
            for start in range(0, len(texts), _TEXTS)
            for ids in encoder.tokenizer.content(texts[start : start + _TEXTS])
        ]
        self.device = encoder.body.device

    def parameter_groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """Return the parameters with their rates; biases and norms do not decay."""
        parameters = [p for p in self._encoder.body.parameters() if p.requires_grad]
        return [
            {
                "params": [p for p in parameters if (p.ndim > 1) == decays],
                "lr": learning_rate,
                "weight_decay": weight_decay if decays else 0.0,
            }
            for decays in (True, False)
        ]

    def encode(self, texts: NDArray[np.int64], draw: np.random.Generator) -> Tensor:
        """Return the unit vectors of texts, by their numbers, under dropout.

        Args:
            texts: (n,) numbers; a text that stands twice has other dropout each time.
            draw: source of the dropout.
        """
        body = self._encoder.body
        body.train()
        # Texts of like length go through the model together; afterwards each is put in its place.
        order = np.argsort([len(self._contents[text]) for text in texts], kind="stable")
        devices = [self.device] if self.device.type == "cuda" else []
        parts = []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(int(draw.integers(2**63)))
            for start in range(0, len(order), _ROWS):
                numbers = texts[order[start : start + _ROWS]]
                parts.append(self._pooled([self._contents[number] for number in numbers]))
        places = torch.from_numpy(np.argsort(order)).to(self.device)
        return torch.nn.functional.normalize(torch.cat(parts)[places], dim=1)

    def result(self) -> TransformerEncoder:
        """Return the encoder as it is trained so far."""
        self._encoder.body.eval()
        return self._encoder

    def _pooled(self, contents: list[list[int]]) -> Tensor:
        rows = self._encoder.rows(contents)
        hidden = self._encoder.hidden(rows)
        content = rows.content.to(self.device)
        if self._encoder.pooling == MEAN:
            return pool_content(hidden.states, content)
        return self._encoder.first(hidden) * content.any(dim=1, keepdim=True)


def pool_content(hidden: Tensor, content: Tensor) -> Tensor:
    """Return the mean hidden state of each row's content tokens.

    Args:
        hidden: (rows, longest, d).
        content: (rows, longest) bool, False at padding and special tokens.

    Returns:
        (rows, d); zeros for a row without content tokens.
    """
    # Chosen by `where`, since a state that is no number times 0 would stay none.
    kept = torch.where(content[..., None], hidden, 0.0)
    return kept.sum(dim=1) / content.sum(dim=1, keepdim=True).clamp(min=1)
