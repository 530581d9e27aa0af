"""A split as the linear model reads it: sparse features beside class ids."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.classification.examples import read_examples
from scripts.classification.resampling import smote_features
from scripts.classification.strategy import Strategy
from scripts.classification.text_features import Vocabulary, read_features
from scripts.common.errors import InputError, IntegrityError


@dataclass(frozen=True)
class LabelledFeatures:
    """A split.

    Attributes:
        features: (n, columns) float32 CSR.
        labels: (n,) class ids.
        rows: (n,) row numbers of the input, -1 for synthetic rows.
    """

    features: Any
    labels: NDArray[np.int64]
    rows: NDArray[np.int64]


def read_labelled(
    features: Path, parquet: Path, split: str, vocabulary: Vocabulary
) -> LabelledFeatures:
    """Read a split's features and labels.

    Args:
        features: folder of prepare_features.
        parquet: folder of the serialized splits.
        split: name of the split.
        vocabulary: that of `features`.

    Raises:
        InputError: the split has no rows.
        IntegrityError: a file is missing or incomplete, or they do not fit together.
    """
    examples = read_examples(parquet, split)
    if not len(examples.rows):
        raise InputError(
            f"{parquet}: the {split} split has no rows; raise test_size or val_size, or lower "
            "min_samples_per_class"
        )
    matrix = read_features(features / f"{split}.safetensors")
    if matrix.shape != (len(examples.rows), len(vocabulary.ngrams)):
        raise IntegrityError(
            f"{features}: {split} has features of shape {matrix.shape} for {len(examples.rows)} "
            f"rows and {len(vocabulary.ngrams)} n-grams; run prepare_features again"
        )
    return LabelledFeatures(matrix, examples.labels, examples.rows)


def with_synthetic_rows(
    split: LabelledFeatures, classes: int, strategy: Strategy, *, seed: int
) -> LabelledFeatures:
    """Return a split with the rows behind it that the strategy's SMOTE makes."""
    features, labels = smote_features(split.features, split.labels, classes, strategy, seed=seed)
    made = np.full(len(labels) - len(split.labels), -1, np.int64)
    return LabelledFeatures(features, labels, np.concatenate([split.rows, made]))
