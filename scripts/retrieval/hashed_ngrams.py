"""Words of texts, and the hashed character n-grams of words.

Texts are compared after NFKC and casefold; a word is a run of letters, digits and underscores. Its
n-grams are taken with a border at either end, since Korean words carry particles and endings, and
the whole word counts as one more (Bojanowski et al. 2017). An n-gram's bucket is a hash of its
characters (without signs), so there is no vocabulary. All words of a batch are hashed as one array
of code points.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"\w+")
_BORDER = "\x00"
_MIX = np.uint64(0x9E3779B97F4A7C15)
_FINISH = np.uint64(0xD6E8FEB86659FD93)
_OFFSET = np.uint64(0x517CC1B727220A95)
_HALF = np.uint64(32)


class WordRows(NamedTuple):
    """The words of texts, each distinct one once.

    Attributes:
        words: the distinct words in order of their first place.
        numbers: (tokens,) int64, number of the word at each place, text after text.
        offsets: (texts + 1,) int64, where the tokens of each text begin and end.
    """

    words: list[str]
    numbers: NDArray[np.int64]
    offsets: NDArray[np.int64]


class BucketRows(NamedTuple):
    """The buckets of each word's n-grams, one for each n-gram, repeated ones too.

    Attributes:
        buckets: (n-grams,) int64.
        offsets: (words + 1,) int64, where the n-grams of each word begin and end.
    """

    buckets: NDArray[np.int64]
    offsets: NDArray[np.int64]


def split_words(texts: Sequence[str]) -> WordRows:
    """Split texts into words."""
    numbers: dict[str, int] = {}
    places: list[int] = []
    ends = [0]
    for text in texts:
        for word in _WORD.findall(unicodedata.normalize("NFKC", text).casefold()):
            places.append(numbers.setdefault(word, len(numbers)))
        ends.append(len(places))
    return WordRows(list(numbers), np.array(places, np.int64), np.array(ends, np.int64))


def hash_ngrams(
    words: Sequence[str], *, ngram_min: int, ngram_max: int, buckets: int
) -> BucketRows:
    """Hash the n-grams of words.

    Args:
        words: the words, none of them empty.
        ngram_min: characters of the shortest n-gram, borders included, 1 or more.
        ngram_max: characters of the longest n-gram.
        buckets: number of buckets.

    Returns:
        The buckets: of n-grams by size and place, then of the whole word.
    """
    bordered = [f"{_BORDER}{word}{_BORDER}" for word in words]
    lengths = np.array([len(word) for word in bordered], np.int64)
    joined = "".join(bordered).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(joined, np.uint32).astype(np.uint64)
    owner = np.repeat(np.arange(len(words)), lengths)
    owners, hashes = [], []
    for size in range(ngram_min, ngram_max + 1):
        first = owner[: max(0, codes.size - size + 1)]
        within = first == owner[size - 1 :]
        if size == 1:
            within = within & (codes != ord(_BORDER))
        owners.append(first[within])
        hashes.append(_finish(_hash_windows(codes, size)[within]))
    owners.append(np.arange(len(words)))
    hashes.append(_finish(_hash_words(codes, lengths)))
    found = np.concatenate(owners)
    order = np.argsort(found, kind="stable")
    # The high bits are the well-mixed ones; a product with 32 bits of them fits into 64.
    high = np.concatenate(hashes)[order] >> _HALF
    rows = (high * np.uint64(buckets) >> _HALF).astype(np.int64)
    counts = np.bincount(found, minlength=len(words))
    return BucketRows(rows, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))


def _hash_windows(codes: NDArray[np.uint64], size: int) -> NDArray[np.uint64]:
    """Return a hash of every `size` neighbouring code points (arithmetic wraps around)."""
    windows = max(0, codes.size - size + 1)
    hashes = np.full(windows, size, np.uint64)
    for place in range(size):
        hashes = (hashes * _MIX) ^ (codes[place : place + windows] + _OFFSET)
    return hashes


def _hash_words(codes: NDArray[np.uint64], lengths: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return a hash of each whole word: a sum over its characters, mixed with their places."""
    if not lengths.size:
        return np.zeros(0, np.uint64)
    starts = np.cumsum(lengths) - lengths
    places = np.arange(codes.size, dtype=np.int64) - np.repeat(starts, lengths)
    mixed = _finish((codes + _OFFSET) * _MIX ^ places.astype(np.uint64) * _FINISH)
    return np.add.reduceat(mixed, starts)


def _finish(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    hashes = (hashes ^ (hashes >> _HALF)) * _FINISH
    return hashes ^ (hashes >> _HALF)
