"""Evaluation item by item, as one would write it first: the form that the batched one succeeds.

Two passes over the items. The strict pass runs the model once for each item and number of masks,
over the whole sequence with the whole output layer, and reads @1 and @5 from it; the lenient pass
runs it once more for each item with one mask, and asks the analyser about each of the 50 pieces.
"""

from typing import TYPE_CHECKING, Any

import torch

from scripts.common.wordpiece import WordPiece
from scripts.language_model.candidates import (
    Place,
    candidates_of_forms,
    place_of_item,
    single_pieces,
)
from scripts.language_model.evaluation_sets import Item

if TYPE_CHECKING:
    from collections import Counter

    from kiwipiepy import Kiwi
    from transformers import PreTrainedModel

TOP_PIECES = 50


class ItemByItem:
    """The two passes.

    Args:
        model: the model.
        wordpiece: its tokenizer.
        kiwi: the analyser.
        max_masks: most pieces of a candidate.
        top_candidates: single pieces that become candidates.
    """

    def __init__(
        self,
        model: "PreTrainedModel",
        wordpiece: WordPiece,
        kiwi: "Kiwi",
        *,
        max_masks: int,
        top_candidates: int,
    ) -> None:
        self.model, self.wordpiece, self.kiwi = model, wordpiece, kiwi
        self.max_masks, self.top_candidates = max_masks, top_candidates
        self.singles = single_pieces(wordpiece)

    def score(self, items: list[Item], dropped: "Counter[str]") -> list[dict[str, Any]]:
        """Return strict and lenient scores of every item."""
        strict = [self._strict(item, dropped) for item in items]
        lenient = [self._lenient(item) for item in items]
        return [one | other for one, other in zip(strict, lenient, strict=True)]

    def _forward(self, place: Place, masks: int) -> torch.Tensor:
        """Return the log-probabilities at the masks, shape (masks, vocabulary)."""
        ids = torch.tensor([place.ids(masks, self.wordpiece.special_ids["mask"])])
        with torch.inference_mode():
            logits = self.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
        start = len(place.left)
        return torch.log_softmax(logits.float(), dim=-1)[start : start + masks]

    def _strict(self, item: Item, dropped: "Counter[str]") -> dict[str, Any]:
        place = place_of_item(item, self.wordpiece)
        forms = candidates_of_forms(
            item["noun_form"], place, self.wordpiece, self.max_masks, dropped
        )
        choices = candidates_of_forms(
            item["choices"], place, self.wordpiece, self.max_masks, dropped
        )
        sizes = {1, len(place.answer_ids), *map(len, forms.values()), *map(len, choices.values())}
        passes = {masks: self._forward(place, masks) for masks in sorted(sizes)}

        def mean(ids: tuple[int, ...]) -> float:
            found = passes[len(ids)]
            values = [found[row, number].double().item() for row, number in enumerate(ids)]
            return sum(values) / len(values)

        allowed = self.singles.allowed(continues=place.continues).nonzero()[0].tolist()
        first = passes[1][0].tolist()
        best = sorted(allowed, key=lambda number: -first[number])[: self.top_candidates]
        scores = {self.singles.surfaces[number]: first[number] for number in best}
        scores |= {form: mean(ids) for form, ids in forms.items()}
        order = sorted(scores, key=lambda form: (-scores[form], form))
        answer = place.answer
        chosen = max(choices, key=lambda form: mean(choices[form]), default=None)
        return {
            "strict_1": answer in order[:1],
            "strict_5": answer in order[:5],
            "rank": order.index(answer) + 1 if answer in order else None,
            "candidates": len(order),
            "best": order[0],
            "choice_1": chosen == answer if item["choices"] else None,
            "answer_log_probability": mean(place.answer_ids),
        }

    def _lenient(self, item: Item) -> dict[str, Any]:
        place = place_of_item(item, self.wordpiece)
        found = self._forward(place, 1)[0]
        kept = []
        for number in found.topk(TOP_PIECES).indices.tolist():
            form = self.wordpiece.pieces[number].removeprefix(self.wordpiece.prefix)
            tags = [token.tag for token in self.kiwi.tokenize(form)]
            special = number in self.wordpiece.special_ids.values()
            if tags and all(tag.startswith("NN") for tag in tags) and not special:
                kept.append(form)
        answer = place.answer
        return {
            name: any(form in answer or answer in form for form in kept[:number])
            for name, number in (("lenient_1", 1), ("lenient_5", 5))
        }
