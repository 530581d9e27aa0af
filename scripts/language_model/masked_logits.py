"""Log-probabilities at chosen positions of many sequences, in batches of similar length.

The output layer of a masked model is as wide as the vocabulary; it is applied to the chosen
positions alone. A hook on the encoder replaces its output by these positions, so any model does
whose output layer works position by position, as those of BERT, RoBERTa and DeBERTa-v2 do.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from scripts.common.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_LOGITS_AT_A_TIME = 1 << 25
PRECISIONS = ("fp32", "bf16")


@dataclass(frozen=True)
class Query:
    """A sequence and the positions whose log-probabilities are wanted.

    Attributes:
        ids: token ids, special tokens included.
        positions: indices into `ids`, at least one.
    """

    ids: Sequence[int]
    positions: Sequence[int]


@dataclass(frozen=True)
class Runner:
    """A model and how it is run.

    Attributes:
        model: a masked language model in evaluation mode, on its device.
        pad_id: id that fills short rows.
        batch_tokens: tokens of a batch at most, padding included; no result depends on it beyond
            rounding.
        precision: "fp32", or "bf16" for autocast.
        name: what to call the model in an error.
    """

    model: "PreTrainedModel"
    pad_id: int
    batch_tokens: int
    precision: str = "fp32"
    name: str = "the model"

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise InputError(f"precision {self.precision!r} is none of {', '.join(PRECISIONS)}")

    def log_probabilities(self, queries: Sequence[Query]) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield (index of the query, natural log-probabilities), the shortest queries first.

        The tensors are float32 of shape (positions, vocabulary), on the model's device.

        Raises:
            InputError: the model gives NaN, which no other score is above.
        """
        order = sorted(range(len(queries)), key=lambda index: (len(queries[index].ids), index))
        vocabulary = int(self.model.config.vocab_size)
        for batch in _batches(order, queries, self.batch_tokens, vocabulary):
            chosen = [queries[index] for index in batch]
            # Of the batch's positions, all in one tensor: each query takes its own back.
            found = torch.log_softmax(self._logits(chosen).float(), dim=-1)
            # A logit that is NaN or +inf makes its whole row NaN, so one column tells.
            if found[:, 0].isnan().any():
                raise InputError(
                    f"{self.name} gives NaN for logits in {self.precision}; look at its weights"
                    + (", or evaluate in fp32" if self.precision != "fp32" else "")
                )
            sizes = [len(query.positions) for query in chosen]
            yield from zip(batch, found.split(sizes), strict=True)

    def _logits(self, queries: Sequence[Query]) -> torch.Tensor:
        """Return the logits at all positions of the queries, shape (positions, vocabulary)."""
        width = max(len(query.ids) for query in queries)
        ids = torch.full((len(queries), width), self.pad_id)
        mask = torch.zeros((len(queries), width), dtype=torch.long)
        rows: list[int] = []
        columns: list[int] = []
        for row, query in enumerate(queries):
            ids[row, : len(query.ids)] = torch.tensor(query.ids)
            mask[row, : len(query.ids)] = 1
            rows += [row] * len(query.positions)
            columns += query.positions
        device = self.model.device
        wanted = (torch.tensor(rows, device=device), torch.tensor(columns, device=device))
        hook = self.model.base_model.register_forward_hook(_keep_only(wanted))
        reduced = (
            torch.autocast(device.type, dtype=torch.bfloat16)
            if self.precision == "bf16"
            else nullcontext()
        )
        try:
            with torch.inference_mode(), reduced:
                output = self.model(input_ids=ids.to(device), attention_mask=mask.to(device))
        finally:
            hook.remove()
        logits: torch.Tensor = output.logits[0]
        return logits


def _keep_only(
    wanted: tuple[torch.Tensor, torch.Tensor],
) -> Callable[[torch.nn.Module, Any, Any], Any]:
    """Return a hook that leaves only the wanted (row, column) states, as one long row."""

    def keep(module: torch.nn.Module, arguments: Any, output: Any) -> Any:
        output.last_hidden_state = output.last_hidden_state[wanted].unsqueeze(0)
        return output

    return keep


def _batches(
    order: Sequence[int], queries: Sequence[Query], batch_tokens: int, vocabulary: int
) -> Iterator[list[int]]:
    """Cut queries in order of length so that neither tokens nor logits of a batch grow too many."""
    batch: list[int] = []
    positions = 0
    for index in order:
        query = queries[index]
        positions += len(query.positions)
        tokens = (len(batch) + 1) * len(query.ids)
        if batch and (tokens > batch_tokens or positions * vocabulary > _LOGITS_AT_A_TIME):
            yield batch
            batch, positions = [], len(query.positions)
        batch.append(index)
    if batch:
        yield batch
