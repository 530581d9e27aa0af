"""Ragged token vectors of texts, the common currency of encoders, clusters and samplers."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Numbers = NDArray[np.float64]
Indices = NDArray[np.int64]


class TokenVectors(NamedTuple):
    """Vectors of the content tokens of some texts.

    Attributes:
        vectors: (tokens, d) float32, not normalised; padding and special tokens never among them.
        offsets: (texts + 1,) ascending from 0; text i has the rows offsets[i] to offsets[i + 1],
            none if it has no content tokens.
        first: (texts, d) float32, of the special token before each text, where the encoder has one
            and pools by it.
    """

    vectors: Vectors
    offsets: Indices
    first: Vectors | None = None

    @property
    def texts(self) -> int:
        """Number of texts."""
        return len(self.offsets) - 1

    @property
    def dimension(self) -> int:
        """Length d of a vector."""
        return int(self.vectors.shape[1])

    @property
    def lengths(self) -> Indices:
        """Tokens of each text, (texts,)."""
        return np.diff(self.offsets)

    def text(self, place: int) -> Vectors:
        """Return the vectors of one text, (its tokens, d), without a copy."""
        return self.vectors[self.offsets[place] : self.offsets[place + 1]]

    def take(self, places: Sequence[int] | Indices) -> "TokenVectors":
        """Return the texts at `places` in that order; a place may come again.

        Vectors that lie one after another, as those of consecutive texts do, are not copied.
        """
        chosen = np.asarray(places, dtype=np.int64)
        special = None if self.first is None else self.first[chosen]
        starts, stops = self.offsets[chosen], self.offsets[chosen + 1]
        filled = stops > starts
        first, last = starts[filled], stops[filled]
        if len(first) and np.array_equal(first[1:], last[:-1]):
            together = self.vectors[first[0] : last[-1]]
            return TokenVectors(together, offsets_of(stops - starts), special)
        rows, offsets = rows_of_segments(self.offsets, chosen)
        return TokenVectors(self.vectors[rows], offsets, special)


def rows_of_segments(offsets: Indices, chosen: Indices) -> tuple[Indices, Indices]:
    """Return the rows of the chosen segments, one after another, and their new offsets.

    Args:
        offsets: (segments + 1,) borders of all segments.
        chosen: (some,) numbers of segments.
    """
    lengths = offsets[chosen + 1] - offsets[chosen]
    moved = offsets_of(lengths)
    rows = np.arange(moved[-1]) + np.repeat(offsets[chosen] - moved[:-1], lengths)
    return rows, moved


def offsets_of(lengths: Sequence[int] | Indices) -> Indices:
    """Return the borders (segments + 1,) of segments with these lengths."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def segment_blocks(offsets: Indices, rows: int) -> Iterator[slice]:
    """Yield consecutive segments of at most `rows` rows together, at least one segment each."""
    start, segments = 0, len(offsets) - 1
    while start < segments:
        stop = int(np.searchsorted(offsets, offsets[start] + rows, side="right")) - 1
        stop = max(stop, start + 1)
        yield slice(start, stop)
        start = stop


def unit_rows(vectors: NDArray[np.floating]) -> Vectors:
    """Return rows of length 1, float32; a zero row stays zero, so that its cosines are 0."""
    return (vectors / divisors(vectors)[:, None]).astype(np.float32, copy=False)


def divisors(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the length of each row, (n,), and 1 for a zero row."""
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    return np.where(norms > 0, norms, 1).astype(vectors.dtype, copy=False)
