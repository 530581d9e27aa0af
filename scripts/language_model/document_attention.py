"""A masked language model over packed rows: each document of a row sees itself only.

Attention is block-diagonal over the documents and positions begin anew in each, so that a packed
row gives the logits that its documents give alone. The library's DeBERTa-v2 takes no mask of more
than two dimensions (its embeddings would multiply by it), so the two-dimensional one goes to the
embeddings and the block mask to the encoder. Padding forms a block of its own: no token is left
without anything to attend to.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedModel

from scripts.common.base_models import first_position
from scripts.common.errors import InputError
from scripts.language_model.masking import IGNORED


def positions_in_documents(segments: torch.Tensor) -> torch.Tensor:
    """Return each token's position within its document, from 0.

    Args:
        segments: document number of each token, shape (rows, tokens).
    """
    index = torch.arange(segments.shape[1], device=segments.device).expand_as(segments)
    begins = torch.ones_like(segments, dtype=torch.bool)
    begins[:, 1:] = segments[:, 1:] != segments[:, :-1]
    return index - torch.where(begins, index, 0).cummax(dim=1).values


def same_document(segments: torch.Tensor) -> torch.Tensor:
    """Return which tokens see each other, boolean, shape (rows, tokens, tokens)."""
    return segments[:, :, None] == segments[:, None, :]


class DocumentMaskedLM(nn.Module):
    """Reads packed rows with a masked language model, document by document.

    Args:
        model: a masked language model of one of `ARCHITECTURES` (scripts.common.base_models).
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: torch.Tensor, segments: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        """Return the cross-entropy summed over the labelled tokens, in nats, as a scalar.

        The vocabulary's logits are computed for labelled tokens alone: they would take more time
        and memory than a small model's layers.

        Args:
            input_ids: token ids, shape (rows, tokens).
            segments: document numbers from 1, 0 for padding, same shape.
            labels: ids to predict, IGNORED elsewhere, same shape.
        """
        labelled = labels != IGNORED
        hidden = self.hidden_states(input_ids, segments)
        logits = self.vocabulary_logits(hidden[labelled])
        return functional.cross_entropy(logits.float(), labels[labelled], reduction="sum")

    def logits(self, input_ids: torch.Tensor, segments: torch.Tensor) -> torch.Tensor:
        """Return the logits of all tokens, shape (rows, tokens, vocabulary)."""
        return self.vocabulary_logits(self.hidden_states(input_ids, segments))

    def hidden_states(self, input_ids: torch.Tensor, segments: torch.Tensor) -> torch.Tensor:
        """Return the last layer's states, shape (rows, tokens, width)."""
        if self.model.config.model_type == "deberta-v2":
            return self._deberta_v2_states(input_ids, segments)
        # The lowest number of half precision, so that no cast makes it infinite.
        blocked = torch.zeros(1, device=segments.device).masked_fill(
            ~same_document(segments)[:, None], torch.finfo(torch.float16).min
        )
        positions = self._position_ids(segments)
        outputs = self.model.base_model(
            input_ids=input_ids, attention_mask=blocked, position_ids=positions
        )
        states: torch.Tensor = outputs.last_hidden_state
        return states

    def vocabulary_logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the prediction head's logits, shape (…, vocabulary), of states (…, width)."""
        model: Any = self.model
        kind = model.config.model_type
        if kind == "deberta-v2" and not model.legacy:
            logits = model.lm_predictions(hidden, model.deberta.embeddings.word_embeddings)
        else:
            logits = model.lm_head(hidden) if kind == "roberta" else model.cls(hidden)
        return torch.as_tensor(logits)

    def _deberta_v2_states(self, input_ids: torch.Tensor, segments: torch.Tensor) -> torch.Tensor:
        base: Any = self.model.base_model
        inside = (segments > 0).long()
        if base.encoder.conv is None:
            attended = same_document(segments)
        elif int(segments.max()) <= 1:
            attended = inside  # the convolution wants to know where the padding is
        else:
            raise InputError(
                "this model's convolution (conv_kernel_size) mixes neighbouring documents of a "
                "packed row; build the MLM dataset with packing one_per_row"
            )
        embedded = base.embeddings(
            input_ids=input_ids, position_ids=self._position_ids(segments), mask=inside
        )
        outputs = base.encoder(embedded, attended, output_hidden_states=False, return_dict=True)
        states: torch.Tensor = outputs.last_hidden_state
        return states

    def _position_ids(self, segments: torch.Tensor) -> torch.Tensor:
        config = self.model.config
        positions = positions_in_documents(segments) + first_position(config)
        if config.model_type == "roberta":
            positions = torch.where(segments > 0, positions, config.pad_token_id)
        return positions
