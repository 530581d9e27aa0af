"""One vector for a text from the vectors of its tokens."""

import numpy as np
from numpy.typing import NDArray

from scripts.common.errors import ConfigError
from scripts.retrieval.token_vectors import TokenVectors, unit_rows

MEAN, CLS, POOLER = POOLINGS = ("mean", "cls", "pooler")


def require_pooling(pooling: str, key: str) -> None:
    """Check that a pooling is one of POOLINGS.

    Raises:
        ConfigError: it is not; the message begins with `key`.
    """
    if pooling not in POOLINGS:
        raise ConfigError(f"{key} is {pooling!r}; allowed: {', '.join(POOLINGS)}")


def text_vectors_of(tokens: TokenVectors, pooling: str) -> NDArray[np.float32]:
    """Return one unit vector for each text.

    Args:
        tokens: the token vectors of the texts.
        pooling: MEAN takes the mean over a text's content tokens, CLS the special token before it,
            POOLER what the model's pooler makes of that.

    Returns:
        (texts, d) float32, each row of length 1, or of zeros for a text without content tokens.

    Raises:
        ConfigError: another one than MEAN is asked of token vectors without such a vector.
    """
    if pooling == MEAN:
        return mean_vectors(tokens)
    require_pooling(pooling, "pooling")
    if tokens.first is None:
        raise ConfigError(f"pooling {pooling!r} needs a transformer encoder; choose 'mean'")
    filled = np.diff(tokens.offsets) > 0
    return unit_rows(np.where(filled[:, None], tokens.first, np.float32(0)))


def mean_vectors(tokens: TokenVectors) -> NDArray[np.float32]:
    """Return the unit mean of each text's token vectors.

    Returns:
        (texts, d) float32, each row of length 1, or of zeros for a text without tokens.
    """
    counts = np.diff(tokens.offsets)
    sums = np.zeros((len(counts), tokens.vectors.shape[1]), np.float32)
    filled = counts > 0
    if filled.any():
        # Texts without tokens take no place, so that each segment ends where the next begins.
        sums[filled] = np.add.reduceat(tokens.vectors, tokens.offsets[:-1][filled], axis=0)
    return unit_rows(sums)
