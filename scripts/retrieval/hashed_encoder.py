"""An encoder without vocabulary and layers: hashed n-grams, a table of vectors, a projection.

A token is a word. Its vector is the mean of the vectors of its n-grams' buckets, times a d × d
matrix; both are trained (`hashed_training.py`). Untrained, the bucket vectors are keyed normal and
the matrix is the identity, so that a cosine of texts is about that of their counts of n-grams
(Johnson and Lindenstrauss 1984). Bucket vectors are scaled by an inverse document frequency, so
that words found everywhere weigh little in means and sums.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.common.arrays import read_arrays, write_arrays
from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.files import read_json, write_json
from scripts.common.keyed_generator import keyed_generator
from scripts.retrieval.encoder_folder import DESCRIPTION, HASHED
from scripts.retrieval.hashed_ngrams import BucketRows, WordRows, hash_ngrams, split_words
from scripts.retrieval.pooling import MEAN
from scripts.retrieval.token_vectors import TokenVectors, unit_rows

WEIGHTS = "encoder.safetensors"
_BATCH = 1_000  # texts whose distinct words are held at a time


@dataclass(frozen=True)
class HashedSettings:
    """What a hashed encoder is made of.

    Attributes:
        dimension: d, numbers of a vector.
        buckets: rows of the table of vectors.
        ngram_min: characters of the shortest n-gram.
        ngram_max: characters of the longest n-gram.
        dropout: share of a text's n-grams that training leaves out, 0 to below 1.
    """

    dimension: int
    buckets: int
    ngram_min: int
    ngram_max: int
    dropout: float

    def __post_init__(self) -> None:
        for name, holds, allowed in (
            ("dimension", self.dimension >= 1, "1 or more"),
            ("buckets", 1 <= self.buckets < 1 << 31, "1 to 2,147,483,647"),
            ("ngram_min", self.ngram_min >= 1, "1 or more"),
            ("ngram_max", self.ngram_max >= self.ngram_min, "ngram_min or more"),
            ("dropout", 0 <= self.dropout < 1, "0 to below 1"),
        ):
            if not holds:
                raise ConfigError(
                    f"retrieval.encoder.{name} is {getattr(self, name)}; allowed: {allowed}"
                )

    def buckets_of(self, words: Sequence[str]) -> BucketRows:
        """Return the buckets of the n-grams of words."""
        return hash_ngrams(
            words, ngram_min=self.ngram_min, ngram_max=self.ngram_max, buckets=self.buckets
        )


@dataclass(frozen=True)
class HashedEncoder:
    """Turns texts into vectors; it holds one batch of distinct words at a time.

    Attributes:
        settings: what it is made of.
        table: (buckets, d) float32.
        projection: (d, d) float32.
        threads: threads of matrix products.
    """

    settings: HashedSettings
    table: NDArray[np.float32]
    projection: NDArray[np.float32]
    threads: int = 1

    pooling = MEAN
    kind = HASHED

    @property
    def dimension(self) -> int:
        """Numbers of a vector."""
        return self.settings.dimension

    def token_vectors(self, texts: Sequence[str], batch: int = _BATCH) -> TokenVectors:
        """Return the vectors of the words of each text, in order."""
        parts = [split_words(texts[start : start + batch]) for start in range(0, len(texts), batch)]
        counts = [np.zeros(1, np.int64), *(np.diff(rows.offsets) for rows in parts)]
        offsets = np.cumsum(np.concatenate(counts))
        vectors = np.empty((offsets[-1], self.dimension), np.float32)
        start = 0
        for rows in parts:
            end = start + len(rows.numbers)
            np.take(self._word_vectors(rows.words), rows.numbers, axis=0, out=vectors[start:end])
            start = end
        return TokenVectors(vectors, offsets)

    def text_vectors(self, texts: Sequence[str], batch: int = _BATCH) -> NDArray[np.float32]:
        """Return the unit mean of each text's token vectors, without holding these.

        Returns:
            (texts, d) float32; a row of zeros for a text without words.
        """
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), batch):
            rows = split_words(texts[start : start + batch])
            vectors[start : start + batch] = word_places(rows) @ self._word_vectors(rows.words)
        return unit_rows(vectors)

    def bucket_shares(self, words: Sequence[str]) -> Any:
        """Return the share of each bucket in a word's n-grams: CSR of (words, buckets)."""
        from scipy.sparse import csr_array

        rows = self.settings.buckets_of(words)
        counts = np.diff(rows.offsets)
        shares = np.repeat((1 / np.maximum(counts, 1)).astype(np.float32), counts)
        return csr_array(
            (shares, rows.buckets, rows.offsets), shape=(len(words), self.settings.buckets)
        )

    def _word_vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        from threadpoolctl import threadpool_limits

        with threadpool_limits(self.threads, user_api="blas"):
            vectors: NDArray[np.float32] = self.bucket_shares(words) @ self.table @ self.projection
        return vectors

    def write(self, folder: Path) -> None:
        """Write encoder.json and encoder.safetensors into a folder."""
        write_json(
            folder / DESCRIPTION, {"kind": HASHED, "pooling": self.pooling, **vars(self.settings)}
        )
        write_arrays(folder / WEIGHTS, {"table": self.table, "projection": self.projection})

    @classmethod
    def read(cls, folder: Path, *, threads: int = 1) -> "HashedEncoder":
        """Read what `write` wrote.

        Raises:
            IntegrityError: a file is missing or broken, or the two do not fit together.
        """
        described: dict[str, Any] = read_json(folder / DESCRIPTION)
        names = HashedSettings.__dataclass_fields__
        missing = sorted(set(names) - set(described))
        if missing:
            raise IntegrityError(
                f"{folder / DESCRIPTION} lacks {missing}; prepare the encoder again"
            )
        settings = HashedSettings(**{name: described[name] for name in names})
        arrays = read_arrays(folder / WEIGHTS, ["table", "projection"])
        shapes = (settings.buckets, settings.dimension), (settings.dimension, settings.dimension)
        if (arrays["table"].shape, arrays["projection"].shape) != shapes:
            raise IntegrityError(
                f"{folder / WEIGHTS} has other sizes than {DESCRIPTION}; prepare the encoder again"
            )
        return cls(settings, arrays["table"], arrays["projection"], threads)


def word_places(rows: WordRows) -> Any:
    """Return a 1 for each place of a word in a text: CSR of (texts, words)."""
    from scipy.sparse import csr_array

    ones = np.ones(len(rows.numbers), np.float32)
    return csr_array(
        (ones, rows.numbers, rows.offsets), shape=(len(rows.offsets) - 1, len(rows.words))
    )


def fresh_hashed_encoder(
    settings: HashedSettings, frequencies: NDArray[np.float32], *, seed: int, threads: int = 1
) -> HashedEncoder:
    """Return an untrained encoder; equal arguments give equal weights.

    Args:
        settings: what it is made of.
        frequencies: (buckets,) scale of each bucket's vector, such as `bucket_weights`.
        seed: seed of the vectors.
        threads: threads of matrix products.
    """
    draw = keyed_generator(seed, "hashed encoder")
    table = draw.standard_normal((settings.buckets, settings.dimension), np.float32)
    table *= (frequencies / np.float32(settings.dimension) ** 0.5)[:, None]
    return HashedEncoder(settings, table, np.eye(settings.dimension, dtype=np.float32), threads)


class BucketFrequencies:
    """Counts the documents in which each bucket stands, a batch at a time."""

    def __init__(self, settings: HashedSettings) -> None:
        self._settings = settings
        self._counts = np.zeros(settings.buckets, np.int64)
        self._texts = 0

    def add(self, texts: Sequence[str]) -> None:
        """Count a batch of documents."""
        rows = split_words(texts)
        hashed = self._settings.buckets_of(rows.words)
        for start, end in zip(rows.offsets[:-1], rows.offsets[1:], strict=True):
            words = np.unique(rows.numbers[start:end])
            found = [hashed.buckets[hashed.offsets[w] : hashed.offsets[w + 1]] for w in words]
            if found:
                self._counts[np.unique(np.concatenate(found))] += 1
        self._texts += len(texts)

    def weights(self) -> NDArray[np.float32]:
        """Return each bucket's ln((1 + n) / (1 + df)) + 1, n the documents, by the largest one.

        A bucket that stands in no document has the largest weight, 1.
        """
        inverse = np.log((1 + self._texts) / (1 + self._counts)) + 1
        return (inverse / inverse.max()).astype(np.float32)
