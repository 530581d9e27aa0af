"""Sets of character shingles, also of very long texts, and their Jaccard similarity.

A shingle is a substring of `size` characters of the text without its white space. A text shorter
than `size` has itself as its only shingle, an empty one has none. Long texts are worked through in
blocks, so that memory stays a small multiple of the text's own size.
"""

import hashlib
from collections.abc import Iterator
from functools import cache

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint32]

_BLOCK_CHARACTERS = 1 << 18


def shingle_blocks(text: str, size: int, *, block: int = _BLOCK_CHARACTERS) -> Iterator[set[str]]:
    """Yield the shingles of a text in distinct sets, one for each block of characters.

    The union of the sets is the set of the text; a shingle may stand in several of them.
    """
    for letters in _letter_blocks(text, size, block):
        yield {letters[start : start + size] for start in range(max(1, len(letters) - size + 1))}


def shingle_hashes(text: str, size: int, *, block: int = _BLOCK_CHARACTERS) -> Hashes:
    """Return the sorted distinct 32-bit hashes of a text's shingles.

    Two shingles share a hash with probability 2**-32, so among two texts of a thousand shingles
    one in 4,000 pairs counts one shared shingle too many.
    """
    parts = [_distinct(_hash_windows(part, size)) for part in _letter_blocks(text, size, block)]
    if not parts:
        return np.empty(0, dtype=np.uint32)
    return parts[0] if len(parts) == 1 else _distinct(np.concatenate(parts))


def shared(first: Hashes, second: Hashes, *, block: int = _BLOCK_CHARACTERS) -> int:
    """Return the size of the intersection of two sorted arrays of distinct values."""
    small, large = sorted((first, second), key=len)
    count = 0
    for start in range(0, len(small), block):
        part = small[start : start + block]
        places = np.searchsorted(large, part)
        inside = places < len(large)
        count += int(np.count_nonzero(large[places[inside]] == part[inside]))
    return count


def jaccard(first: Hashes, second: Hashes) -> float:
    """Return the size of the intersection over that of the union; 0 where both are empty."""
    common = shared(first, second)
    union = len(first) + len(second) - common
    return common / union if union else 0.0


def _letter_blocks(text: str, size: int, block: int) -> Iterator[str]:
    """Yield the text without white space, in parts that overlap by `size` - 1 characters."""
    carried = ""
    yielded = False
    for start in range(0, len(text), block):
        letters = carried + "".join(text[start : start + block].split())
        if len(letters) < size:
            carried = letters
            continue
        yield letters
        yielded = True
        carried = letters[len(letters) - size + 1 :]
    if carried and not yielded:
        yield carried


def _hash_windows(letters: str, size: int) -> Hashes:
    """Return the hash of each window of `size` characters, or of a shorter text as a whole."""
    codes = np.frombuffer(letters.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    size = min(size, codes.size)
    windows = codes.size - size + 1
    sums = np.full(windows, _multipliers()[-1], dtype=np.uint64)
    for offset, multiplier in zip(range(size), _multipliers(), strict=False):
        sums += codes[offset : offset + windows] * multiplier
    return (sums >> np.uint64(32)).astype(np.uint32)


@cache
def _multipliers() -> npt.NDArray[np.uint64]:
    """Return fixed random numbers: multilinear hashing (Lemire and Kaser 2014) needs one a place.

    ASSUME a shingle has at most 100 characters, as the config's schema says.
    """
    stream = hashlib.shake_256(b"shingle hashes").digest(8 * 101)
    return np.frombuffer(stream, dtype="<u8").astype(np.uint64)


def _distinct(values: Hashes) -> Hashes:
    values.sort()
    return values[np.concatenate(([True], values[1:] != values[:-1]))]
