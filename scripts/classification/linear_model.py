"""A softmax regression on TF-IDF features: logits = features × weights + bias."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scripts.classification.text_features import Vocabulary
from scripts.common.arrays import read_arrays, write_arrays
from scripts.common.errors import IntegrityError
from scripts.common.files import read_json, write_json

KIND = "tfidf"
_BATCH = 4096  # bounds the memory of logits and of texts' features


class Prediction(NamedTuple):
    """Answers in the order of what was asked.

    Attributes:
        label_ids: (n,) predicted class ids; of equal logits the smallest id.
        probabilities: (n,) of the predicted class, in [0, 1].
    """

    label_ids: NDArray[np.int64]
    probabilities: NDArray[np.float64]


@dataclass(frozen=True)
class LinearModel:
    """A trained model, complete for prediction.

    Attributes:
        vocabulary: how texts become features.
        labels: labels in order of class ids.
        weights: (columns, C) float32.
        bias: (C,) float32.
    """

    vocabulary: Vocabulary
    labels: list[str]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def predict(self, texts: Sequence[str]) -> Prediction:
        """Predict the classes of texts."""
        parts = [
            predict_features(
                self.vocabulary.features(texts[start : start + _BATCH]), self.weights, self.bias
            )
            for start in range(0, len(texts), _BATCH)
        ]
        return _joined(parts)

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the probability of each class for each text, (n, C)."""
        logits = logits_of(self.vocabulary.features(texts), self.weights, self.bias)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def write(self, folder: Path) -> None:
        """Write the model into a folder: model.json, weights, vocabulary."""
        self.vocabulary.write(folder)
        write_arrays(folder / "weights.safetensors", {"weights": self.weights, "bias": self.bias})
        write_json(folder / "model.json", {"kind": KIND, "labels": self.labels})

    @classmethod
    def read(cls, folder: Path) -> "LinearModel":
        """Read a model.

        Raises:
            IntegrityError: a file is missing or incomplete, or they do not fit together.
        """
        labels: list[str] = read_json(folder / "model.json")["labels"]
        vocabulary = Vocabulary.read(folder)
        arrays = read_arrays(folder / "weights.safetensors", ["weights", "bias"])
        weights, bias = arrays["weights"], arrays["bias"]
        if weights.shape != (len(vocabulary.ngrams), len(labels)) or bias.shape != (len(labels),):
            raise IntegrityError(
                f"{folder}: weights of shape {weights.shape} for {len(vocabulary.ngrams)} n-grams "
                f"and {len(labels)} labels; delete it and train again"
            )
        return cls(vocabulary, labels, weights, bias)


def predict_features(
    features: Any, weights: NDArray[np.float32], bias: NDArray[np.float32]
) -> Prediction:
    """Predict the classes of feature rows.

    Args:
        features: (n, columns) CSR.
        weights: (columns, C).
        bias: (C,).
    """
    parts = []
    for start in range(0, features.shape[0], _BATCH):
        logits = logits_of(features[start : start + _BATCH], weights, bias)
        label_ids = logits.argmax(axis=1)
        # exp(largest - largest) / sum of exp(each - largest)
        below = logits - logits.max(axis=1, keepdims=True)
        parts.append(Prediction(label_ids, 1 / np.exp(below).sum(axis=1)))
    return _joined(parts)


def logits_of(
    features: Any, weights: NDArray[np.float32], bias: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return (n, C) logits in float64; scipy multiplies in one thread, in a fixed order."""
    return np.asarray(features @ weights, np.float64) + bias


def _joined(parts: Sequence[Prediction]) -> Prediction:
    return Prediction(
        np.concatenate([np.zeros(0, np.int64), *(part.label_ids for part in parts)]),
        np.concatenate([np.zeros(0), *(part.probabilities for part in parts)]),
    )
