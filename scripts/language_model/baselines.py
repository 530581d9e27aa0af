"""Baselines without a model: what an item's nouns, their places and counts give away.

Each baseline ranks the nouns of the item's context, the masked mention left out. A model that does
not beat them has learned nothing of the task.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.common.analysis import without_spaces
from scripts.language_model.contexts import syllables
from scripts.language_model.evaluation_sets import Item
from scripts.language_model.lenient_scores import lenient_hit
from scripts.language_model.particles import final_consonant_fits

DEFINITIONS = {
    "train_frequency": "the context's nouns by their number of mentions in training documents",
    "nearest_repeated": (
        "the context's nouns that are mentioned at least twice, then the others, each the nearest "
        "to the mask first; nouns before the mask come before those behind it"
    ),
    "nearest_fitting": (
        "the context's nouns whose final consonant fits the particle behind the mask, then the "
        "others, each the nearest to the mask first; nouns before the mask come before those "
        "behind it"
    ),
}


@dataclass(frozen=True)
class ContextNoun:
    """A noun of an item's context.

    Attributes:
        form: the noun without spaces.
        mentions: its number of mentions.
        behind: whether all of them stand behind the mask.
        distance: characters between the mask and the nearest of those before the mask, or of those
            behind it where there is none before.
    """

    form: str
    mentions: int
    behind: bool
    distance: int


def nouns_of_item(item: Item) -> list[ContextNoun]:
    """Return the distinct nouns with a Hangul syllable of an item's context."""
    before: dict[str, list[int]] = {}
    after: dict[str, list[int]] = {}
    for form, start, end in zip(
        item["noun_form"], item["noun_start"], item["noun_end"], strict=True
    ):
        name = without_spaces(form)
        if not syllables(name):
            continue
        if end <= item["mention_start"]:
            before.setdefault(name, []).append(item["mention_start"] - end)
        else:
            after.setdefault(name, []).append(start - item["mention_end"])
    return [
        ContextNoun(
            form,
            len(before.get(form, [])) + len(after.get(form, [])),
            form not in before,
            min(before.get(form) or after[form]),
        )
        for form in sorted(before.keys() | after.keys())
    ]


def rankings(item: Item, frequencies: Mapping[str, int]) -> dict[str, list[str]]:
    """Return the nouns of an item's context in the order of each baseline.

    Args:
        item: the item.
        frequencies: mentions in training documents by form.
    """
    nouns = nouns_of_item(item)
    particle = item["particle_text"]
    keys: dict[str, Callable[[ContextNoun], tuple[Any, ...]]] = {
        "train_frequency": lambda noun: (-frequencies.get(noun.form, 0),),
        "nearest_repeated": lambda noun: (noun.mentions < 2, noun.behind, noun.distance),
        "nearest_fitting": lambda noun: (
            not final_consonant_fits(noun.form, particle),
            noun.behind,
            noun.distance,
        ),
    }
    return {
        name: [noun.form for noun in sorted(nouns, key=lambda noun: (*key(noun), noun.form))]
        for name, key in keys.items()
    }


def baseline_rows(item: Item, frequencies: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the rows of `BASELINE_SCORES` of an item, one of each baseline."""
    return [_row(item, name, ranked) for name, ranked in rankings(item, frequencies).items()]


def _row(item: Item, name: str, ranked: Sequence[str]) -> dict[str, Any]:
    answer = item["entity"]
    choices = {without_spaces(form) for form in item["choices"]}
    chosen = next((form for form in ranked if form in choices), None)
    copied = ("item_id", "set", "doc_id", "half", "unseen", "particle")
    return {column: item[column] for column in copied} | {
        "baseline": name,
        "strict_1": answer in ranked[:1],
        "strict_5": answer in ranked[:5],
        "lenient_1": lenient_hit(ranked, answer, 1),
        "lenient_5": lenient_hit(ranked, answer, 5),
        "choice_1": chosen == answer if choices else None,
        "entity_1": None,
        "rank": ranked.index(answer) + 1 if answer in ranked else None,
        "candidates": len(ranked),
        "answer_log_probability": None,
        "best": ranked[0] if ranked else None,
    }
