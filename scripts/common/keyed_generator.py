"""Random numbers keyed by what they are for, so that no other draw can shift them."""

import numpy as np

from scripts.common.hashing import keyed_hash


def keyed_generator(seed: int, purpose: str, *parts: str) -> np.random.Generator:
    """Return a generator of its own for each (`seed`, `purpose`, `parts`)."""
    return np.random.Generator(np.random.Philox(key=keyed_hash(seed, purpose, *parts)))
