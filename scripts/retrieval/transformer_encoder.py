"""An encoder that is a transformer: token vectors are its last hidden states.

A long text goes through it in windows (`windows.py`), each between the special tokens of its own.
Padding and special tokens are left out by a mask over positions, so that neither ever gets into a
mean or among the token vectors.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from scripts.common.encoder_body import read_body
from scripts.common.encoder_tokenizer import EncoderTokenizer
from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.files import read_json, write_json
from scripts.retrieval.encoder_folder import DESCRIPTION, TRANSFORMER
from scripts.retrieval.pooling import CLS, MEAN, POOLER, require_pooling, text_vectors_of
from scripts.retrieval.token_vectors import TokenVectors, offsets_of
from scripts.retrieval.windows import Window, cut_windows, require_windows

_TEXTS = 256  # whose token vectors are held at a time
_ROWS = 16  # windows of a forward pass


class Rows(NamedTuple):
    """Padded windows as the model takes them.

    Attributes:
        ids: (rows, longest) int64.
        attended: (rows, longest) int64, 0 at padding.
        content: (rows, longest) bool, False at padding and special tokens.
    """

    ids: Tensor
    attended: Tensor
    content: Tensor


class Hidden(NamedTuple):
    """What the model gives for windows.

    Attributes:
        states: (rows, longest, d), the last hidden states.
        pooled: (rows, d), the pooler's output, where the model has one.
    """

    states: Tensor
    pooled: Tensor | None


@dataclass(frozen=True)
class TransformerEncoder:
    """Turns texts into vectors.

    Attributes:
        body: the model without a head.
        tokenizer: its tokenizer.
        window: content tokens of a window.
        overlap: those that it shares with the one before.
        pooling: how `text_vectors` makes one vector of a text's.
    """

    body: PreTrainedModel
    tokenizer: EncoderTokenizer
    window: int
    overlap: int
    pooling: str

    kind = TRANSFORMER

    def __post_init__(self) -> None:
        require_windows(self.window, self.overlap)
        require_pooling(self.pooling, "retrieval.encoder.pooling")
        if self.pooling == CLS and not self.tokenizer.frame()[0]:
            raise ConfigError(
                "retrieval.encoder.pooling is 'cls', but the tokenizer puts no special token "
                "before a text; choose 'mean'"
            )
        if self.pooling == POOLER and getattr(self.body, "pooler", None) is None:
            raise ConfigError(
                f"retrieval.encoder.pooling is 'pooler', which {self.body.config.model_type} "
                "models lack; choose 'mean' or 'cls'"
            )

    @property
    def dimension(self) -> int:
        """Numbers of a vector."""
        return int(self.body.config.hidden_size)

    @torch.inference_mode()
    def token_vectors(self, texts: Sequence[str], batch: int = _TEXTS) -> TokenVectors:
        """Return the vectors of the content tokens of each text, in order.

        Args:
            texts: the texts.
            batch: texts that are tokenized at a time.
        """
        self.body.eval()
        contents = [
            ids
            for start in range(0, len(texts), batch)
            for ids in self.tokenizer.content(texts[start : start + batch])
        ]
        offsets = offsets_of([len(ids) for ids in contents])
        vectors = np.empty((offsets[-1], self.dimension), np.float32)
        first = None if self.pooling == MEAN else np.zeros((len(texts), self.dimension), np.float32)
        for placed in self._passes(contents):
            rows = self.rows([contents[text][window.start : window.end] for text, window in placed])
            hidden = self.hidden(rows)
            states, masks = hidden.states.cpu().numpy(), rows.content.numpy()
            for row, (text, window) in enumerate(placed):
                kept = slice(window.kept_start - window.start, window.kept_end - window.start)
                target = offsets[text] + window.kept_start, offsets[text] + window.kept_end
                vectors[slice(*target)] = states[row][masks[row]][kept]
                if first is not None and window.start == 0:
                    first[text] = self.first(hidden)[row].cpu().numpy()
        return TokenVectors(vectors, offsets, first)

    def text_vectors(self, texts: Sequence[str], batch: int = _TEXTS) -> NDArray[np.float32]:
        """Return one unit vector for each text, holding token vectors of `batch` texts at a time.

        Returns:
            (texts, d) float32; a row of zeros for a text without content tokens.
        """
        parts = [
            text_vectors_of(self.token_vectors(texts[start : start + batch]), self.pooling)
            for start in range(0, len(texts), batch)
        ]
        return np.concatenate([np.zeros((0, self.dimension), np.float32), *parts])

    def rows(self, contents: Sequence[Sequence[int]]) -> Rows:
        """Return windows between their special tokens, padded to the longest one."""
        before, behind = self.tokenizer.frame()
        longest = max(len(ids) for ids in contents) + len(before) + len(behind)
        ids = torch.full((len(contents), longest), self.tokenizer.pad, dtype=torch.int64)
        attended = torch.zeros_like(ids)
        content = torch.zeros_like(ids, dtype=torch.bool)
        for row, own in enumerate(contents):
            whole = [*before, *own, *behind]
            ids[row, : len(whole)] = torch.tensor(whole)
            attended[row, : len(whole)] = 1
            content[row, len(before) : len(before) + len(own)] = True
        return Rows(ids, attended, content)

    def hidden(self, rows: Rows) -> Hidden:
        """Return what the model gives for windows."""
        device = self.body.device
        output = self.body(input_ids=rows.ids.to(device), attention_mask=rows.attended.to(device))
        return Hidden(output.last_hidden_state, getattr(output, "pooler_output", None))

    def first(self, hidden: Hidden) -> Tensor:
        """Return the vector of the special token before each window, as CLS or POOLER has it."""
        if self.pooling == POOLER:
            assert hidden.pooled is not None  # refused when the encoder was made
            return hidden.pooled
        return hidden.states[:, 0]

    def _passes(self, contents: Sequence[list[int]]) -> Iterator[list[tuple[int, Window]]]:
        """Yield the windows of all texts, some of like length at a time."""
        placed = [
            (text, window)
            for text, ids in enumerate(contents)
            for window in cut_windows(len(ids), self.window, self.overlap)
        ]
        placed.sort(key=lambda item: item[1].end - item[1].start)
        for start in range(0, len(placed), _ROWS):
            yield placed[start : start + _ROWS]

    def write(self, folder: Path) -> None:
        """Write encoder.json beside what `from_pretrained` loads."""
        self.body.save_pretrained(folder)
        self.tokenizer.write(folder)
        write_json(
            folder / DESCRIPTION,
            {
                "kind": TRANSFORMER,
                "dimension": self.dimension,
                "window": self.window,
                "overlap": self.overlap,
                "pooling": self.pooling,
            },
        )

    @classmethod
    def read(cls, folder: Path, *, threads: int, device: str = "cpu") -> "TransformerEncoder":
        """Read what `write` wrote.

        Raises:
            IntegrityError: a file is missing or broken.
        """
        from scripts.common.quiet_library import quieten_library

        torch.set_num_threads(threads)
        quieten_library()
        described: dict[str, Any] = read_json(folder / DESCRIPTION)
        missing = sorted({"window", "overlap", "pooling"} - set(described))
        if missing:
            raise IntegrityError(
                f"{folder / DESCRIPTION} lacks {missing}; prepare the encoder again"
            )
        body: Any = read_body(folder)
        return cls(
            body.to(device),
            EncoderTokenizer.read(folder),
            described["window"],
            described["overlap"],
            described["pooling"],
        )
