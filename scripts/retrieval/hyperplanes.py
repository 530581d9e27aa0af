"""Random hyperplanes that put token vectors into buckets (locality-sensitive hashing by sign).

Two vectors at angle θ fall on the same side of a hyperplane with probability 1 - θ/π (Charikar
2002, section 3), so vectors of a bucket point roughly the same way. The hyperplanes are drawn once
and stored with the memory: sums by bucket are comparable only under the same ones.
"""

import numpy as np

from scripts.common.hashing import keyed_hash
from scripts.retrieval.token_vectors import Indices, Numbers, Vectors

MAX_BITS = 24  # a bucket number is far from overflow, and a table of all buckets still conceivable
_BLOCK_ROWS = 8192
_IN_DOUBT = 1e-5  # of the largest possible product; float32 is off by a hundredth of that


def draw_hyperplanes(seed: int, bits: int, dimension: int) -> Numbers:
    """Return normals (bits, dimension) float64 with standard normal entries.

    Those of fewer bits are the first of those of more.

    Args:
        seed: of the stream.
        bits: b, 1 to MAX_BITS; there are 2**b buckets.
        dimension: length of a token vector.

    Raises:
        ValueError: `bits` is out of range.
    """
    if not 1 <= bits <= MAX_BITS:
        raise ValueError(f"{bits} hyperplanes; between 1 and {MAX_BITS} are possible")
    key = keyed_hash(seed, "hyperplanes", str(dimension))
    return np.random.Generator(np.random.Philox(key=key)).standard_normal((bits, dimension))


def bucket_ids(hyperplanes: Numbers, vectors: Vectors) -> Indices:
    """Return the bucket of each vector, (n,), in [0, 2**bits): bit i is set where R_i · v > 0.

    Products that float32 leaves in doubt are taken again in float64, so that neither block size nor
    library decides on which side a vector lies.

    Args:
        hyperplanes: (bits, d) as drawn.
        vectors: (n, d).
    """
    planes = hyperplanes.astype(np.float32)
    largest = float(np.linalg.norm(hyperplanes, axis=1).max())
    buckets = np.zeros(len(vectors), dtype=np.int64)
    for start in range(0, len(vectors), _BLOCK_ROWS):
        block = vectors[start : start + _BLOCK_ROWS]
        products = planes @ block.T
        # No vector is longer than all together; doubting more than must be only costs time.
        longest = float(np.linalg.norm(block))
        doubtful = np.abs(products).min(axis=0) <= _IN_DOUBT * largest * longest
        exact = block[doubtful].astype(np.float64) @ hyperplanes.T
        products[:, doubtful] = np.sign(exact).T
        own = buckets[start : start + _BLOCK_ROWS]
        for bit, sides in enumerate(products > 0):
            own |= sides.astype(np.int64) << bit
    return buckets
