"""Links within a bucket, the texts that share a band, in a bounded number of comparisons.

All pairs of a bucket of 100,000 texts would be 5e9. Instead a bucket's texts are walked through in
order of size, and each is compared with

- the `WINDOW` texts before it, which are those closest to it in size, and
- the *anchors*: the first text of each component met so far in this bucket whose size still admits
  similarity, at most `ANCHORS` of them.

Texts that are in one component already are not compared. So buckets of up to `WINDOW` + 1 texts
are compared completely, and larger ones completely but for pairs that are further apart, neither
of which is an anchor. What is lost so is a link whose texts also fail to meet in any smaller
bucket: near-duplicates share several bands, and bands made of boilerplate alone, which fill large
buckets, are few among them.
"""

from array import array
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scripts.corpus.components import Components

Members = npt.NDArray[np.uint32]

WINDOW = 32
ANCHORS = 32
_BLOCK = 10_000


class _Met(NamedTuple):
    """A text that was walked past: its place in the walk, its size and its number."""

    place: int
    size: int
    member: int


def link_bucket(
    members: Members,
    sizes: Members,
    components: Components,
    similar: Callable[[int, int], bool],
    *,
    min_jaccard: float,
    window: int = WINDOW,
    anchors: int = ANCHORS,
) -> int:
    """Join the members of a bucket that are found similar.

    Args:
        members: numbers of the texts.
        sizes: number of distinct shingles of every text, by the text's number; none is 0.
        components: components of all texts, to which the links are added.
        similar: whether two texts are.
        min_jaccard: least similarity; the smaller text's share of the larger one is a bound on it.
        window: preceding texts that each text is compared with.
        anchors: most anchors.

    Returns:
        The number of joins.
    """
    find = components.find
    if components.in_one(members):
        return 0
    before: deque[_Met] = deque(maxlen=window)
    kept: list[_Met] = []
    joins = 0
    for place, (size, member) in enumerate(_by_size(members, sizes)):
        kept = [anchor for anchor in kept if anchor.size / size >= min_jaccard]
        name = find(member)
        older = [anchor for anchor in kept if anchor.place < place - window]
        for other in (*older, *before):
            if (
                find(other.member) != name
                and other.size / size >= min_jaccard
                and similar(other.member, member)
            ):
                components.join(other.member, member)
                name = find(member)
                joins += 1
        met = _Met(place, size, member)
        if len(kept) < anchors and all(find(anchor.member) != name for anchor in kept):
            kept.append(met)
        before.append(met)
    return joins


def _by_size(members: Members, sizes: Members) -> Iterator[tuple[int, int]]:
    """Yield (size, member) in ascending order; only a block of them is held as Python numbers."""
    own = sizes[members]
    order = np.lexsort((members, own))
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        yield from zip(own[block].tolist(), members[block].tolist(), strict=True)


def comparisons(members: int, *, window: int = WINDOW, anchors: int = ANCHORS) -> int:
    """Return the most comparisons that `link_bucket` makes in a bucket of `members` texts."""
    most = window + anchors
    full = min(members, most + 1)
    return full * (full - 1) // 2 + (members - full) * most


class RefutedPairs:
    """Remembers pairs found unlike, in a table of fixed size where later ones oust earlier ones.

    What it forgets is compared again; what it answers is always right.
    """

    def __init__(self, bits: int = 22) -> None:
        self._shift = 64 - bits
        self._keys = array("Q", bytes(8 << bits))

    def _slot(self, key: int) -> int:
        return (key * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF) >> self._shift

    def __contains__(self, pair: tuple[int, int]) -> bool:
        key = pair[0] << 32 | pair[1]
        return self._keys[self._slot(key)] == key

    def add(self, pair: tuple[int, int]) -> None:
        """Remember a pair of two different numbers below 2**32."""
        key = pair[0] << 32 | pair[1]
        self._keys[self._slot(key)] = key
