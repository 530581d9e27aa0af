"""Character n-grams of texts, counted in a fixed number of columns.

Texts are compared after NFKC, casefold and collapsing of white space, with a space at both ends. An
n-gram's column is a hash of its characters (Weinberger et al. 2009, without signs), so there is no
vocabulary and memory does not grow with the texts. The whole batch is hashed as one array of code
points: a text at a time takes thirty times as long.
"""

import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

SIZES = (1, 2, 3)
# ASSUME that a label shows in the first thousand characters.
MOST_CHARACTERS = 1_000
_MIX = np.uint64(0x9E3779B97F4A7C15)
_FINISH = np.uint64(0xD6E8FEB86659FD93)
_OFFSET = np.uint64(0x517CC1B727220A95)
_HALF = np.uint64(32)


def count_ngrams(
    texts: Sequence[str], column_bits: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Count the n-grams of each text.

    Args:
        texts: the texts.
        column_bits: the columns are 2 ** `column_bits`.

    Returns:
        Text number, column and count of every cell that is not 0, ordered by text and column.
    """
    padded = [_comparable(text) for text in texts]
    joined = "".join(padded).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(joined, np.uint32).astype(np.uint64)
    owner = np.repeat(np.arange(len(padded)), [len(text) for text in padded])
    cells = []
    for size in SIZES:
        hashes, first = _hash_windows(codes, size), owner[: max(0, codes.size - size + 1)]
        within = first == owner[size - 1 :]
        columns = (hashes[within] >> np.uint64(64 - column_bits)).astype(np.int64)
        cells.append(first[within] << column_bits | columns)
    found, counts = np.unique(np.concatenate(cells), return_counts=True)
    columns = (found & ((1 << column_bits) - 1)).astype(np.int32)
    return found >> column_bits, columns, counts


def _comparable(text: str) -> str:
    """Return the text as it is compared; nothing for one without characters."""
    words = unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]).casefold().split()
    return f" {' '.join(words)} " if words else ""


def _hash_windows(codes: npt.NDArray[np.uint64], size: int) -> npt.NDArray[np.uint64]:
    """Return a 64-bit hash of every `size` neighbouring code points (arithmetic wraps around)."""
    windows = max(0, codes.size - size + 1)
    hashes = np.full(windows, size, np.uint64)
    for place in range(size):
        hashes = (hashes * _MIX) ^ (codes[place : place + windows] + _OFFSET)
    hashes ^= hashes >> _HALF
    hashes *= _FINISH
    return hashes ^ (hashes >> _HALF)
