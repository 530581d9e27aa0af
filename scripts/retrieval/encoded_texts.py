"""Token vectors of many texts in a file, so that memory holds one batch of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scripts.common.progress import Progress
from scripts.retrieval.encoders import Encoder, text_vectors_of
from scripts.retrieval.token_vectors import Indices, TokenVectors, Vectors, offsets_of, unit_rows

_BATCH = 256
_BLOCK_ROWS = 16_384


class EncodedTexts(NamedTuple):
    """Vectors of some texts.

    Attributes:
        tokens: of the texts, mapped from a file.
        pooled: (texts, d) unit vectors; zeros for a text without tokens.
    """

    tokens: TokenVectors
    pooled: Vectors


def encode_texts(encoder: Encoder, texts: Sequence[str], file: Path, label: str) -> EncodedTexts:
    """Encode texts batch by batch into a file.

    Args:
        encoder: the encoder.
        texts: the texts.
        file: where the token vectors go; it must stay as long as the result is used.
        label: what the progress is called.
    """
    lengths: list[int] = []
    pooled = [np.zeros((0, encoder.dimension), np.float32)]
    progress = Progress(label, total=len(texts), unit="texts", batch_size=_BATCH)
    with file.open("wb") as stream:
        for start in range(0, len(texts), _BATCH):
            found = encoder.token_vectors(texts[start : start + _BATCH])
            found.vectors.astype(np.float32, copy=False).tofile(stream)
            lengths += np.diff(found.offsets).tolist()
            pooled.append(text_vectors_of(found, encoder.pooling))
            progress.advance(len(found.offsets) - 1, batch_ended=True)
    progress.finish()
    tokens = TokenVectors(_mapped(file, encoder.dimension), offsets_of(lengths))
    return EncodedTexts(tokens, np.concatenate(pooled))


def unit_tokens(tokens: TokenVectors, order: Indices, file: Path) -> TokenVectors:
    """Write the texts at `order`, one after another, with token vectors of length 1."""
    # By runs of texts, since all of them would not fit in memory.
    ends = np.cumsum(tokens.lengths[order])
    cuts = np.searchsorted(ends, np.arange(_BLOCK_ROWS, (ends[-1:].sum()) + 1, _BLOCK_ROWS))
    with file.open("wb") as stream:
        for some in np.split(order, np.unique(cuts)):
            unit_rows(tokens.take(some).vectors).tofile(stream)
    return TokenVectors(_mapped(file, tokens.dimension), offsets_of(tokens.lengths[order]))


def _mapped(file: Path, dimension: int) -> Vectors:
    if not file.stat().st_size:
        return np.zeros((0, dimension), np.float32)
    return np.memmap(file, np.float32, mode="r").reshape(-1, dimension)
