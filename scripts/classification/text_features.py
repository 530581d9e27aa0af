"""TF-IDF of character n-grams: learned from texts, kept as files without pickle, used again.

The weight of n-gram t in text d is (1 + ln tf) (1 + ln((1 + n) / (1 + df))), n the texts that were
learned from and df those of them that hold t; each text's vector has length 1. N-grams are taken
inside words, with a space at either end (scikit-learn's `char_wb`), since Korean words carry
particles and endings.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.common.arrays import read_arrays, write_arrays
from scripts.common.errors import InputError, IntegrityError
from scripts.common.files import read_json, write_text

_REMEDY = "delete it and run again"
# How scikit-learn says that no n-gram is left: none at all, none frequent enough, fewer texts.
_NOTHING_LEFT = ("vocabulary", "no terms remain", "max_df corresponds to < documents than min_df")


@dataclass(frozen=True)
class Vocabulary:
    """What was learned from the training texts.

    Attributes:
        ngrams: n-gram of each column.
        idf: (columns,) float32, inverse document frequency of each column.
        ngram_min: characters of the shortest n-gram.
        ngram_max: characters of the longest n-gram.
    """

    ngrams: list[str]
    idf: NDArray[np.float32]
    ngram_min: int
    ngram_max: int

    def features(self, texts: Sequence[str]) -> Any:
        """Return the features of texts: float32 CSR of (texts, columns), rows of length 1.

        A text without a known n-gram has an empty row.
        """
        vectorizer = _vectorizer(
            self.ngram_min, self.ngram_max, vocabulary={g: i for i, g in enumerate(self.ngrams)}
        )
        vectorizer.idf_ = self.idf
        return _canonical(vectorizer.transform(texts))

    def write(self, folder: Path) -> None:
        """Write vocabulary.json and idf.safetensors into a folder."""
        described = {
            "analyzer": "char_wb",
            "ngram_min": self.ngram_min,
            "ngram_max": self.ngram_max,
            "ngrams": self.ngrams,
        }
        write_text(folder / "vocabulary.json", json.dumps(described, ensure_ascii=False) + "\n")
        write_arrays(folder / "idf.safetensors", {"idf": self.idf})

    @classmethod
    def read(cls, folder: Path) -> "Vocabulary":
        """Read what `write` wrote.

        Raises:
            IntegrityError: a file is missing or incomplete, or the two do not fit together.
        """
        described = read_json(folder / "vocabulary.json")
        idf = read_arrays(folder / "idf.safetensors", ["idf"])["idf"]
        if len(described["ngrams"]) != len(idf):
            raise IntegrityError(
                f"{folder}: {len(described['ngrams'])} n-grams, {len(idf)} frequencies; {_REMEDY}"
            )
        return cls(described["ngrams"], idf, described["ngram_min"], described["ngram_max"])


def learn_vocabulary(
    texts: Sequence[str], *, ngram_min: int, ngram_max: int, max_features: int, min_count: int
) -> tuple[Vocabulary, Any]:
    """Learn a vocabulary from the training texts.

    Args:
        texts: the texts.
        ngram_min: characters of the shortest n-gram.
        ngram_max: characters of the longest n-gram.
        max_features: number of n-grams to keep, the most frequent ones.
        min_count: texts in which an n-gram must stand.

    Returns:
        The vocabulary, and the features of `texts`.

    Raises:
        InputError: no n-gram stands in so many texts.
    """
    vectorizer = _vectorizer(ngram_min, ngram_max, max_features=max_features, min_df=min_count)
    try:
        features = vectorizer.fit_transform(texts)
    except ValueError as error:
        if not any(said in str(error) for said in _NOTHING_LEFT):
            raise
        raise InputError(
            f"no n-gram of {ngram_min} to {ngram_max} characters stands in {min_count} of the "
            f"{len(texts)} training texts; lower min_count or look at the texts"
        ) from error
    vocabulary = Vocabulary(
        vectorizer.get_feature_names_out().tolist(),
        vectorizer.idf_.astype(np.float32),
        ngram_min,
        ngram_max,
    )
    return vocabulary, _canonical(features)


def write_features(path: Path, features: Any) -> None:
    """Write a CSR matrix of float32 as safetensors, atomically."""
    write_arrays(
        path,
        {
            "indptr": features.indptr.astype(np.int64),
            "indices": features.indices.astype(np.int32),
            "data": features.data.astype(np.float32),
            "shape": np.array(features.shape, np.int64),
        },
    )


def read_features(path: Path) -> Any:
    """Read what `write_features` wrote, as a scipy CSR matrix.

    Raises:
        IntegrityError: the file is missing, incomplete, or holds no CSR matrix.
    """
    from scipy.sparse import csr_array

    parts = read_arrays(path, ["indptr", "indices", "data", "shape"])
    rows, columns = parts["shape"].tolist()
    try:
        matrix = csr_array(
            (parts["data"], parts["indices"], parts["indptr"]), shape=(rows, columns)
        )
        matrix.check_format(full_check=True)
    except ValueError as error:
        raise IntegrityError(f"{path} holds no sparse matrix ({error}); {_REMEDY}") from error
    return matrix


def _vectorizer(ngram_min: int, ngram_max: int, **settings: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        analyzer="char_wb",
        ngram_range=(ngram_min, ngram_max),
        lowercase=True,
        sublinear_tf=True,
        dtype=np.float32,
        **settings,
    )


def _canonical(features: Any) -> Any:
    """Return CSR with ascending columns, so that equal features are equal bytes."""
    from scipy.sparse import csr_array

    matrix = csr_array(features)
    matrix.sort_indices()
    return matrix
