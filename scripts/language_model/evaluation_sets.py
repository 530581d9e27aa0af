"""Evaluation sets as files: items, their choice, and the description beside them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scripts.common.analysis import without_spaces
from scripts.common.errors import InputError
from scripts.common.files import sha256_file, write_json
from scripts.common.hashing import keyed_hash
from scripts.common.tables import iterate_batches, read_table, table_of_rows, write_table
from scripts.language_model.contexts import Context
from scripts.language_model.halves import TEST, VALIDATION, half_of_document
from scripts.language_model.particles import particle_characters
from scripts.language_model.tables import EVALUATION_ITEMS

Item = dict[str, Any]


@dataclass(frozen=True)
class Noun:
    """A noun mention of a document.

    Attributes:
        form: the noun as the analyser gives it.
        start, end: its characters, end excluded.
        particle: tag of the particle that follows, "" where none does.
        tag: its own tag, "" where it was not analysed.
    """

    form: str
    start: int
    end: int
    particle: str = ""
    tag: str = ""


def nouns_of_columns(columns: Mapping[str, Sequence[Any]]) -> list[Noun]:
    """Return the noun mentions of a document from the columns of `MENTION_LISTS`."""
    names = ("mention_form", "mention_start", "mention_end", "mention_particle", "mention_tag")
    return [Noun(*values) for values in zip(*(columns[name] for name in names), strict=True)]


def item_of(
    kind: str,
    text: str,
    context: Context,
    mention: Noun,
    antecedent: tuple[int, int] | None,
    nouns: Iterable[Noun],
    *,
    item_id: str,
    doc_id: str,
    source: str,
    seed: int,
    choices: Sequence[str] = (),
) -> Item:
    """Return a row of `EVALUATION_ITEMS` but its numbers of training samples.

    Args:
        kind: name of the set.
        text: the document.
        context: the part of it that the item shows.
        mention: the masked mention, in characters of the document.
        antecedent: characters of the antecedent in the document, None where there is none.
        nouns: noun mentions of the document; those outside the context or overlapping the masked
            mention are left out.
        item_id: the item's name.
        doc_id: its document.
        source: its source.
        seed: key of the halves.
        choices: the set's own candidates.
    """
    answer = text[mention.start : mention.end]
    visible = sorted(
        (
            noun
            for noun in nouns
            if context.start <= noun.start
            and noun.end <= context.end
            and (noun.end <= mention.start or mention.end <= noun.start)
        ),
        key=lambda noun: (noun.start, noun.end),
    )
    shift = context.start
    return {
        "item_id": item_id,
        "set": kind,
        "doc_id": doc_id,
        "source": source,
        "half": half_of_document(seed, doc_id),
        "text": text[context.start : context.end],
        "mention_start": mention.start - shift,
        "mention_end": mention.end - shift,
        "antecedent_start": antecedent[0] - shift if antecedent else None,
        "antecedent_end": antecedent[1] - shift if antecedent else None,
        "distance": mention.start - antecedent[1] if antecedent else None,
        "entity": without_spaces(answer),
        "answer": answer,
        "particle": mention.particle,
        "particle_text": particle_characters(mention.particle, text[mention.end : context.end]),
        "noun_form": [noun.form for noun in visible],
        "noun_start": [noun.start - shift for noun in visible],
        "noun_end": [noun.end - shift for noun in visible],
        "choices": list(choices),
    }


def choose(
    items: Sequence[Item], *, count: int | None, per_document: int, seed: int
) -> tuple[list[Item], Counter[str]]:
    """Return at most `count` items, and how many were left out by which limit.

    An item's place in the queue is a keyed hash of its name, so that one item more or less
    changes the place of no other.
    """
    queue = sorted(items, key=lambda item: (_place(seed, item), item["item_id"]))
    taken: Counter[str] = Counter()
    admitted = []
    for item in queue:
        if taken[item["doc_id"]] < per_document:
            taken[item["doc_id"]] += 1
            admitted.append(item)
    chosen = admitted if count is None else admitted[:count]
    left_out = Counter(
        {
            "beyond_items_per_document": len(items) - len(admitted),
            "beyond_items": len(admitted) - len(chosen),
        }
    )
    return sorted(chosen, key=lambda item: (item["doc_id"], item["item_id"])), left_out


def _place(seed: int, item: Item) -> int:
    return keyed_hash(seed, f"items of {item['set']}", item["item_id"])


def with_training_samples(items: Sequence[Item], entities: Sequence[Path]) -> list[Item]:
    """Return the items with the number of training samples of their entities.

    It is the largest number over the lengths' tables (`ENTITIES`): the datasets of two lengths
    hold mostly the same samples, and a model trains on one of them.
    """
    from scripts.common.corpus_tables import ENTITIES

    wanted = {item["entity"] for item in items}
    samples: Counter[str] = Counter()
    for path in entities:
        for batch in iterate_batches(
            path, ENTITIES, rows=50_000, columns=["entity", "samples_after_cap"]
        ):
            for entity, number in zip(
                batch["entity"].to_pylist(), batch["samples_after_cap"].to_pylist(), strict=True
            ):
                if entity in wanted:
                    samples[entity] = max(samples[entity], number)
    return [
        {
            **item,
            "training_samples": samples[item["entity"]],
            "unseen": samples[item["entity"]] == 0,
        }
        for item in items
    ]


def write_set(
    path: Path,
    description: Path,
    items: Sequence[Item],
    left_out: Mapping[str, int],
    *,
    definition: str,
    settings: Mapping[str, Any],
    packages: Sequence[str],
) -> None:
    """Write a set and its description.

    Args:
        path: where the items go.
        description: where the description goes.
        items: rows of `EVALUATION_ITEMS`.
        left_out: number of mentions left out by reason.
        definition: what an item of this set is.
        settings: seed, tokenizer hash, code hash and the limits that the set was built with.
        packages: packages whose version changes the set.

    Raises:
        InputError: there is no item.
    """
    write_items(path, items, left_out)
    write_json(
        description,
        {
            "definition": definition,
            **counts_of_items(path, items, left_out),
            "package_versions": {package: version(package) for package in packages},
            **settings,
        },
    )


def write_items(path: Path, items: Sequence[Item], left_out: Mapping[str, int]) -> None:
    """Write the items of a set.

    Raises:
        InputError: there is none; the message says what was left out.
    """
    if not items:
        reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(left_out.items()))
        raise InputError(
            f"{path.stem}: no item is left ({reasons or 'no mention was found'}); give more "
            "hold-out documents (corpus.split) or loosen the set's limits"
        )
    write_table(path, table_of_rows(items, EVALUATION_ITEMS), EVALUATION_ITEMS)


def counts_of_items(
    path: Path, items: Sequence[Item], left_out: Mapping[str, int]
) -> dict[str, Any]:
    """Return what a description says of the items of a set that stands in `path`."""
    halves = Counter(item["half"] for item in items)
    return {
        "set": items[0]["set"],
        "items": len(items),
        "items_by_half": {half: halves[half] for half in (VALIDATION, TEST)},
        "documents": len({item["doc_id"] for item in items}),
        "entities": len({item["entity"] for item in items}),
        "unseen_items": sum(item["unseen"] for item in items),
        "left_out": {reason: number for reason, number in sorted(left_out.items()) if number},
        "sha256": sha256_file(path),
    }


def read_items(paths: Sequence[Path]) -> list[Item]:
    """Read the items of all sets.

    Raises:
        InputError: a set is empty, or two items have one name.
    """
    items: list[Item] = []
    for path in paths:
        rows = read_table(path, EVALUATION_ITEMS).to_pylist()
        if not rows:
            raise InputError(f"{path} holds no item; loosen the set's limits and build it again")
        items += rows
    names = Counter(item["item_id"] for item in items)
    twice = [name for name, number in names.items() if number > 1]
    if twice:
        raise InputError(f"item {twice[0]} stands in two evaluation sets; build them again")
    return items
