"""A classifier on an encoder: made with a fresh head, asked for answers, written and read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from scripts.classification.losses import row_losses
from scripts.classification.token_rows import Positions, TokenRows, rows_of_ids
from scripts.common.base_models import keyed_weights
from scripts.common.encoder_tokenizer import EncoderTokenizer
from scripts.common.errors import IntegrityError
from scripts.common.files import read_json

KIND = "transformer"
_TEXTS = 2_000  # labelled at a time


@dataclass(frozen=True)
class Answers:
    """What a model says of rows, in their order.

    Attributes:
        label_ids: (n,) predicted class ids; of equal logits the smallest id.
        probabilities: (n,) of the predicted classes.
        row_losses: (n,) unweighted cross-entropy of each row, in nats.
    """

    label_ids: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    row_losses: NDArray[np.float64]


def with_fresh_head(encoder: Path, labels: Sequence[str], *, seed: int) -> PreTrainedModel:
    """Return an encoder with a head of one output for each label.

    Args:
        encoder: folder of prepare_transformer.
        labels: labels in order of class ids.
        seed: training seed, which draws the head's weights.

    Raises:
        IntegrityError: a file is missing or broken, or holds no weight of the encoder.
    """
    with keyed_weights(seed, "classification head"):
        model, missing = _load(
            encoder,
            "encoder",
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={label: number for number, label in enumerate(labels)},
            problem_type="single_label_classification",
        )
    # The head is new, and a base model may lack a pooler; what is missing is drawn at random.
    if {f"{model.base_model_prefix}.{name}" for name in model.base_model.state_dict()} <= missing:
        raise IntegrityError(
            f"{encoder / 'model.safetensors'} holds no weight of this encoder; delete it and run "
            "again"
        )
    return model


def _load(folder: Path, what: str, **settings: Any) -> tuple[PreTrainedModel, set[str]]:
    """Return a model, and the names of the weights that its folder lacks."""
    read_json(folder / "config.json")
    try:
        model, notes = AutoModelForSequenceClassification.from_pretrained(
            str(folder),
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            **settings,
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise IntegrityError(
            f"{folder} holds no complete {what} ({str(error).splitlines()[0]}); delete it and run "
            "again"
        ) from error
    return model, set(notes["missing_keys"])


@torch.inference_mode()
def compute_logits(model: Any, rows: TokenRows, positions: Positions, batch: int) -> torch.Tensor:
    """Return a model's logits for some rows, (n, C), float32 on the CPU.

    Args:
        model: the classifier; it is left in evaluation mode.
        rows: where the rows stand.
        positions: (n,) which of them, ascending.
        batch: rows of a forward pass.
    """
    model.eval()
    order, parts = [], []
    for part in rows.batches(positions, batch):
        inputs = rows.batch(part)
        del inputs["labels"]  # so that the model computes no loss of its own
        outputs = model(**{name: value.to(model.device) for name, value in inputs.items()})
        order.append(part)
        parts.append(outputs.logits.float().cpu())
    back = np.argsort(np.concatenate(order), kind="stable")
    return torch.cat(parts)[torch.from_numpy(back)]


def answer_rows(model: Any, rows: TokenRows, batch: int) -> Answers:
    """Return a model's answers to all rows; logits of a bounded number of rows stand in memory."""
    parts = []
    for start in range(0, len(rows), _TEXTS):
        positions = np.arange(start, min(start + _TEXTS, len(rows)))
        logits = compute_logits(model, rows, positions, batch)
        labels = torch.from_numpy(rows.labels[positions])
        label_ids = logits.numpy().argmax(axis=1)
        best = logits.double().softmax(dim=1).numpy()[np.arange(len(positions)), label_ids]
        parts.append((label_ids, best, row_losses(logits, labels).double().numpy()))
    return Answers(*(np.concatenate(values) for values in zip(*parts, strict=True)))


@dataclass(frozen=True)
class EncoderModel:
    """A trained model, complete for prediction."""

    model: PreTrainedModel
    tokenizer: EncoderTokenizer

    @property
    def labels(self) -> list[str]:
        """Labels in order of class ids."""
        names: Any = self.model.config.id2label  # by id, whatever it was in the file
        return [str(names[number]) for number in range(len(names))]

    def probabilities(self, texts: Sequence[str], batch: int = 32) -> NDArray[np.float64]:
        """Return the probability of each class for each text, (n, C)."""
        ids, _ = self.tokenizer.encode(texts)
        rows = rows_of_ids(ids, self.tokenizer.pad)
        logits = compute_logits(self.model, rows, np.arange(len(rows)), batch)
        return np.asarray(logits.double().softmax(dim=1).numpy())

    def write(self, folder: Path) -> None:
        """Write what `from_pretrained` loads: weights, config with the labels, tokenizer."""
        self.model.save_pretrained(folder)
        self.tokenizer.write(folder)

    @classmethod
    def read(cls, folder: Path) -> "EncoderModel":
        """Read a model.

        Raises:
            IntegrityError: a file is missing or broken.
        """
        model, missing = _load(folder, "classifier")
        if missing:
            raise IntegrityError(f"{folder} lacks the weights {min(missing)}; train it again")
        return cls(model.eval(), EncoderTokenizer.read(folder))
