"""Token vectors of texts in planted domains: shared and own words, with noise of the context."""

from collections.abc import Sequence

import numpy as np

from scripts.retrieval.token_vectors import Indices, TokenVectors, offsets_of

DIMENSION = 64


def planted_texts(
    seed: int,
    sizes: Sequence[int],
    *,
    share: float,
    lengths: tuple[int, int] = (15, 120),
    dimension: int = DIMENSION,
) -> tuple[TokenVectors, Indices]:
    """Return texts, domain by domain, and each one's domain.

    Args:
        seed: of all draws.
        sizes: texts of each domain.
        share: probability that a token is one of its domain's 60 words, not of 400 shared ones.
        lengths: fewest and most tokens of a text.
        dimension: of the vectors.
    """
    rng = np.random.default_rng(seed)
    words = rng.standard_normal((400, dimension))
    own_words = rng.standard_normal((len(sizes), 60, dimension))
    domains = np.repeat(np.arange(len(sizes)), sizes)
    tokens = rng.integers(lengths[0], lengths[1] + 1, len(domains))
    domain = np.repeat(domains, tokens)
    is_own = rng.random(len(domain)) < share
    vectors = np.where(
        is_own[:, None],
        own_words[domain, rng.integers(0, 60, len(domain))],
        words[rng.integers(0, 400, len(domain))],
    )
    vectors += 0.6 * rng.standard_normal(vectors.shape)
    return TokenVectors(vectors.astype(np.float32), offsets_of(tokens)), domains


def texts_of(*texts: Sequence[Sequence[float]], dimension: int = 2) -> TokenVectors:
    """Return texts written out, each a list of its tokens' vectors."""
    rows = [np.array(text, dtype=np.float32).reshape(-1, dimension) for text in texts]
    return TokenVectors(np.concatenate(rows), offsets_of([len(text) for text in texts]))


def drawn_texts(
    rng: np.random.Generator, texts: int, *, longest: int = 9, dimension: int = 5
) -> TokenVectors:
    """Return random texts of 0 to `longest` tokens."""
    lengths = rng.integers(0, longest + 1, texts)
    vectors = rng.standard_normal((int(lengths.sum()), dimension))
    return TokenVectors(vectors.astype(np.float32), offsets_of(lengths))
