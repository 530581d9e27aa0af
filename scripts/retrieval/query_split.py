"""Which queries of a session are held out for tests."""

import re
import unicodedata
from fractions import Fraction
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scripts.common.errors import ConfigError
from scripts.common.normalize import normalize
from scripts.retrieval.row_index import Digests, Places

_BETWEEN_WORDS = re.compile(r"[\W_]+")


def text_key(text: str) -> bytes:
    """Return 16 bytes that are equal for texts that differ in form, case or punctuation alone."""
    plain = unicodedata.normalize("NFKC", normalize(text).text).casefold()
    plain = _BETWEEN_WORDS.sub("", plain)
    return blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def repeated_texts(keys: Digests) -> npt.NDArray[np.bool_]:
    """Return which of these text keys stand more than once."""
    _, places, numbers = np.unique(keys, return_inverse=True, return_counts=True)
    return np.asarray(numbers[places] > 1)


class QuerySplit(NamedTuple):
    """The split of a session's queries.

    Attributes:
        test: which queries are test queries.
        moved: how many stay in training because another query has their text, though their turn
            for the test had come.
        short: test queries that are missing because too many texts are repeated.
    """

    test: npt.NDArray[np.bool_]
    moved: int
    short: int


def split_queries(
    strata: Places,
    order: npt.NDArray[np.uint64],
    repeated: npt.NDArray[np.bool_],
    test_share: float,
) -> QuerySplit:
    """Draw the test queries, stratified.

    A query whose text stands twice is a training query, as the other one is: in both splits it
    would be seen before it is asked. The next query of the same stratum takes its turn.

    Args:
        strata: (n,) number of each query's stratum; of equal remainders the lowest is served first.
        order: (n,) random numbers; the lowest of a stratum are drawn first.
        repeated: (n,) whether another query has the same text.
        test_share: part of the queries, 0 to 1.

    Raises:
        ConfigError: `test_share` is not from 0 to 1.
    """
    if not 0 <= test_share <= 1:
        raise ConfigError(f"test_share = {test_share}; allowed: 0 to 1")
    test = np.zeros(strata.size, np.bool_)
    names, sizes = np.unique(strata, return_counts=True)
    owed = largest_remainders(sizes.tolist(), Fraction(str(test_share)))
    by_stratum = np.split(np.lexsort((order, strata)), np.cumsum(sizes)[:-1])
    moved = short = 0
    for members, quota in zip(by_stratum[: names.size], owed, strict=True):
        candidates = members[~repeated[members]]
        test[candidates[:quota]] = True
        moved += int(repeated[members[:quota]].sum())
        short += max(0, quota - candidates.size)
    return QuerySplit(test, moved, short)


def largest_remainders(sizes: list[int], share: Fraction) -> list[int]:
    """Return how many of each stratum are owed: its share, rounded down or up.

    All together are the share of all, rounded to the nearest number; equal remainders are served
    in the order of the strata.
    """
    parts = [size * share for size in sizes]
    owed = [int(part) for part in parts]
    left = int(sum(sizes) * share + Fraction(1, 2)) - sum(owed)
    by_remainder = sorted(range(len(parts)), key=lambda place: owed[place] - parts[place])
    for place in by_remainder[:left]:
        owed[place] += 1
    return owed
