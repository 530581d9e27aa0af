"""Encoders of the retrieval track: what they give, and how one is loaded from its folder.

A folder of either kind holds encoder.json, which names the kind; a model folder that training wrote
is such a folder too.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scripts.common.errors import IntegrityError
from scripts.common.files import read_json
from scripts.retrieval.encoder_folder import DESCRIPTION, HASHED, KINDS, TRANSFORMER
from scripts.retrieval.pooling import text_vectors_of
from scripts.retrieval.token_vectors import TokenVectors

__all__ = ["Encoder", "TokenVectors", "load_encoder", "text_vectors_of"]


class Encoder(Protocol):
    """What every encoder gives; a text's vectors do not depend on the texts beside it."""

    @property
    def kind(self) -> str:
        """HASHED or TRANSFORMER."""

    @property
    def dimension(self) -> int:
        """Numbers of a vector."""

    @property
    def pooling(self) -> str:
        """How `text_vectors` makes one vector of a text's: give it to `text_vectors_of`."""

    def token_vectors(self, texts: Sequence[str], batch: int = ...) -> TokenVectors:
        """Return the vectors of the content tokens of each text.

        Args:
            texts: the texts.
            batch: texts that are worked on at a time; it bounds memory.
        """

    def text_vectors(self, texts: Sequence[str], batch: int = ...) -> NDArray[np.float32]:
        """Return (texts, d) float32 unit vectors; zeros for a text without content tokens."""


def load_encoder(folder: Path, *, threads: int, gpu: int = 0) -> Encoder:
    """Load an encoder.

    Args:
        folder: what `prepare_encoder` or `train_encoder` wrote.
        threads: threads of the CPU.
        gpu: devices: 0 computes on the CPU, 1 on the GPU where there is one; the hashed encoder has
            no use for it.

    Raises:
        IntegrityError: a file is missing or broken, or the kind is unknown.
    """
    kind = read_json(folder / DESCRIPTION).get("kind")
    # Each kind imports its libraries alone: those of a transformer take seconds.
    if kind == HASHED:
        from scripts.retrieval.hashed_encoder import HashedEncoder

        return HashedEncoder.read(folder, threads=threads)
    if kind == TRANSFORMER:
        import torch

        from scripts.retrieval.transformer_encoder import TransformerEncoder

        device = "cuda" if gpu > 0 and torch.cuda.is_available() else "cpu"
        return TransformerEncoder.read(folder, threads=threads, device=device)
    raise IntegrityError(
        f"{folder / DESCRIPTION} names the kind {kind!r}, none of {', '.join(KINDS)}; prepare the "
        "encoder again"
    )
