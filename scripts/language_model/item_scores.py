"""Scores of a checkpoint on evaluation items: the same passes serve all of an item's metrics."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from scripts.common.errors import InputError
from scripts.common.wordpiece import WordPiece
from scripts.language_model.candidates import (
    Candidates,
    Place,
    SinglePieces,
    candidates_of_forms,
    place_of_item,
    single_pieces,
)
from scripts.language_model.evaluation_sets import Item
from scripts.language_model.lenient_scores import TOP_PIECES, NounTest, lenient_hit
from scripts.language_model.masked_logits import Query, Runner
from scripts.language_model.strict_scores import Ranking, rank_answer


@dataclass
class ItemPasses:
    """An item and what its passes have given so far.

    Attributes:
        item: the row of `EVALUATION_ITEMS`.
        place: where the mention is masked.
        nouns: candidates from the context's nouns.
        choices: the set's own candidates.
        scores: mean log-probability a piece, in nats, of each candidate by surface.
        choice_scores: the same for the set's own candidates.
        top_pieces: ids of the most probable pieces with one mask.
        answer_log_probability: of the answer at its own number of masks, nats a piece.
        answer_is_likeliest: whether its pieces are the likeliest at its own number of masks.
    """

    item: Item
    place: Place
    nouns: Candidates
    choices: Candidates
    scores: dict[str, float] = field(default_factory=dict)
    choice_scores: dict[str, float] = field(default_factory=dict)
    top_pieces: list[int] = field(default_factory=list)
    answer_log_probability: float = float("nan")
    answer_is_likeliest: bool = False

    def mask_numbers(self) -> list[int]:
        """Return the numbers of masks that are needed: 1, the candidates' and the answer's own."""
        forms = [*self.nouns.values(), *self.choices.values(), self.place.answer_ids]
        return sorted({1, *map(len, forms)})


class ItemScorer:
    """Scores items with one checkpoint.

    Args:
        runner: the model.
        wordpiece: its tokenizer.
        nouns: the noun test of the lenient scores.
        max_masks: most pieces of a candidate.
        top_candidates: single pieces that become candidates.
        length: longest input in tokens, special tokens included.
    """

    def __init__(
        self,
        runner: Runner,
        wordpiece: WordPiece,
        nouns: NounTest,
        *,
        max_masks: int,
        top_candidates: int,
        length: int,
    ) -> None:
        self.runner, self.wordpiece, self.noun_test = runner, wordpiece, nouns
        self.max_masks, self.top_candidates, self.length = max_masks, top_candidates, length
        self.singles: SinglePieces = single_pieces(wordpiece)
        self.dropped: Counter[str] = Counter()
        device = runner.model.device
        self._allowed = {
            continues: torch.from_numpy(self.singles.allowed(continues=continues)).to(device)
            for continues in (False, True)
        }

    def score(self, items: Sequence[Item]) -> Iterator[dict[str, Any]]:
        """Yield the rows of `ITEM_SCORES` in order of the items.

        Raises:
            InputError: an item is longer than the models' inputs, or cannot be masked.
        """
        prepared = [self._prepare(item) for item in items]
        jobs = [(passes, masks) for passes in prepared for masks in passes.mask_numbers()]
        mask_id = self.wordpiece.special_ids["mask"]
        queries = [
            Query(
                passes.place.ids(masks, mask_id),
                range(len(passes.place.left), len(passes.place.left) + masks),
            )
            for passes, masks in jobs
        ]
        for index, found in self.runner.log_probabilities(queries):
            passes, masks = jobs[index]
            self._take(passes, masks, found)
        for passes in prepared:
            yield self._row(passes)

    def _prepare(self, item: Item) -> ItemPasses:
        place = place_of_item(item, self.wordpiece)
        passes = ItemPasses(
            item,
            place,
            candidates_of_forms(
                item["noun_form"], place, self.wordpiece, self.max_masks, self.dropped
            ),
            candidates_of_forms(
                item["choices"], place, self.wordpiece, self.max_masks, self.dropped
            ),
        )
        longest = place.tokens(max(passes.mask_numbers()))
        if longest > self.length:
            raise InputError(
                f"item {item['item_id']} has {longest} tokens, more than the {self.length} of this "
                "run; build the evaluation sets for the shortest length of all runs"
            )
        return passes

    def _take(self, passes: ItemPasses, masks: int, found: torch.Tensor) -> None:
        """Take from one pass what it serves; `found` has shape (masks, vocabulary)."""
        if masks == 1:
            passes.top_pieces = found[0].topk(min(TOP_PIECES, found.shape[1])).indices.tolist()
            self._take_singles(passes, found[0])
        for candidates, scores in (
            (passes.nouns, passes.scores),
            (passes.choices, passes.choice_scores),
        ):
            fitting = {form: ids for form, ids in candidates.items() if len(ids) == masks}
            scores.update(zip(fitting, _means(found, list(fitting.values())), strict=True))
        answer = passes.place.answer_ids
        if len(answer) == masks:
            (passes.answer_log_probability,) = _means(found, [answer])
            passes.answer_is_likeliest = found.argmax(dim=1).tolist() == list(answer)

    def _take_singles(self, passes: ItemPasses, found: torch.Tensor) -> None:
        allowed = self._allowed[passes.place.continues]
        number = min(self.top_candidates, int(allowed.sum()))
        values, ids = found.masked_fill(~allowed, -torch.inf).topk(number)
        for value, piece in zip(values.double().tolist(), ids.tolist(), strict=True):
            passes.scores[self.singles.surfaces[piece]] = value

    def _row(self, passes: ItemPasses) -> dict[str, Any]:
        item, answer = passes.item, passes.place.answer
        ranking = rank_answer(passes.scores, answer)
        nouns = self.noun_test.nouns(passes.top_pieces)
        return {name: item[name] for name in _COPIED} | {
            "strict_1": ranking.within(1),
            "strict_5": ranking.within(5),
            "lenient_1": lenient_hit(nouns, answer, 1),
            "lenient_5": lenient_hit(nouns, answer, 5),
            "choice_1": _choice(passes, answer),
            "entity_1": passes.answer_is_likeliest,
            "rank": ranking.rank,
            "candidates": ranking.candidates,
            "answer_log_probability": passes.answer_log_probability,
            "best": ranking.best,
        }


_COPIED = ("item_id", "set", "doc_id", "half", "unseen", "particle")


def _choice(passes: ItemPasses, answer: str) -> bool | None:
    """Tell whether the answer is the best of the set's own candidates, None where it has none."""
    if not passes.item["choices"]:
        return None
    ranking: Ranking = rank_answer(passes.choice_scores, answer)
    return ranking.within(1)


def _means(found: torch.Tensor, candidates: Sequence[Sequence[int]]) -> list[float]:
    """Return the mean log-probability a piece of candidates of as many pieces as masks."""
    if not candidates:
        return []
    ids = torch.tensor(candidates, device=found.device)
    return found.gather(1, ids.T).double().mean(dim=0).tolist()
