"""Builds the evaluation set `lambada`: the noun of a last sentence that its context has named.

In: hold-out documents with scores and splits, or the published dataset (texts with a blank); the
entities' training samples, the tokenizer. Out: the items (`EVALUATION_ITEMS`) and their
description. Method: Paperno et al. (2016), The LAMBADA dataset, applied to nouns that stand in the
context, with the context's nouns as the set's own candidates.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.common.analysis import PROPER_NOUN, without_spaces
from scripts.common.entry import entry
from scripts.common.files import sha256_file
from scripts.common.hashing import keyed_hash
from scripts.common.progress import Progress
from scripts.common.wordpiece import WordPiece, load_wordpiece
from scripts.language_model.blanks import items_from_blanks
from scripts.language_model.contexts import context_before, syllables, tokenize
from scripts.language_model.evaluation_sets import (
    Item,
    Noun,
    choose,
    item_of,
    nouns_of_columns,
    with_training_samples,
    write_set,
)
from scripts.language_model.holdout_documents import HeldOutDocument, held_out_documents
from scripts.language_model.hub_rows import hub_rows
from scripts.language_model.local_rows import field_of, local_rows

SET = "lambada"
DEFINITION = (
    "The context is a hold-out document up to the end of a sentence; the last noun (Kiwi tag NNG "
    "or NNP, at least min_syllables Hangul syllables) of that sentence which also stands before it "
    "in the context is masked. The sentence is the document's last one that has such a noun and "
    "min_characters of context before it. The set's own candidates are up to max_choices such "
    "nouns of the context before the sentence, the answer among them. One item a document, of "
    "near-duplicate documents one."
)
DEFINITION_OF_BLANKS = (
    "Rows of the published dataset: the answer is masked at the row's blank, and the candidates "
    "are the row's own."
)
_TAGS = (PROPER_NOUN, "NNG")
# ASSUME a sentence ends with a mark, perhaps closed by quotes, before white space or the end.
_SENTENCE_END = re.compile(r"[.?!][\"'”’)\]」』]*(?=\s|$)")


@dataclass(frozen=True)
class Limits:
    """What an item must fulfil; see `run`."""

    length: int
    max_masks: int
    min_syllables: int
    max_choices: int
    min_characters: int


def run(
    documents: list[Path],
    scores: list[Path],
    splits: Path,
    entities: list[Path],
    tokenizer: Path,
    blanks: Path | None,
    evaluation_set: Path,
    description: Path,
    *,
    hub: str | None,
    revision: str | None,
    split: str,
    length: int,
    max_masks: int,
    max_items: int,
    min_syllables: int,
    max_choices: int,
    min_characters: int,
    seed: int,
    code_hash: str,
    batch_documents: int,
) -> None:
    """Write the set and its description.

    Args:
        documents: folders of the sources' shards.
        scores: attributes of all shards, in source order.
        splits: the split of every document.
        entities: the entities' frequencies, one table of each length in use.
        tokenizer: the tokenizer.
        blanks: a local file with the fields text, answer, candidates; used in place of documents.
        evaluation_set: where the items go.
        description: where the description goes.
        hub: name of a dataset of the hub with these fields; used where there is no local file.
        revision: its commit.
        split: its split.
        length: the shortest length of all runs, in tokens, special tokens included.
        max_masks: most masks of a candidate; the context keeps room for them.
        max_items: number of items at most.
        min_syllables: fewest Hangul syllables of the noun.
        max_choices: most candidates of an item, the answer included.
        min_characters: fewest characters of the context before the sentence.
        seed: key of the choices and of the halves.
        code_hash: version of this step's code.
        batch_documents: documents read at a time.
    """
    wordpiece = load_wordpiece(tokenizer)
    limits = Limits(length, max_masks, min_syllables, max_choices, min_characters)
    left_out: Counter[str] = Counter()
    found: list[Item] = []
    origin: dict[str, Any] = {"source": "hold-out documents"}
    if blanks is not None or hub is not None:
        rows = list(local_rows(blanks)) if blanks is not None else hub_rows(hub, revision, split)
        name = blanks.name.split(".")[0] if blanks is not None else str(hub)
        found = _items_of_rows(rows, blanks or Path(name), name, wordpiece, limits, left_out, seed)
        origin = {
            "source": name,
            "revision": revision if blanks is None else None,
            "source_sha256": sha256_file(blanks) if blanks is not None else None,
            "rows": len(rows),
        }
    else:
        progress = Progress("build_lambada", total=None)
        for document in held_out_documents(
            documents, scores, splits, left_out, batch_documents=batch_documents
        ):
            item = item_of_document(document, wordpiece, limits, seed=seed)
            if isinstance(item, str):
                left_out[item] += 1
            else:
                found.append(item)
            progress.advance(1, not isinstance(item, str))
        progress.finish()
    chosen, beyond = choose(found, count=max_items, per_document=1, seed=seed)
    write_set(
        evaluation_set,
        description,
        with_training_samples(chosen, entities),
        left_out + beyond,
        definition=DEFINITION_OF_BLANKS if "rows" in origin else DEFINITION,
        settings={
            **origin,
            "seed": seed,
            "max_items": max_items,
            **asdict(limits),
            "tokenizer_sha256": sha256_file(tokenizer),
            "code_hash": code_hash,
        },
        packages=("kiwipiepy", "kiwipiepy_model", "tokenizers"),
    )


def _items_of_rows(
    rows: list[dict[str, Any]],
    path: Path,
    name: str,
    wordpiece: WordPiece,
    limits: Limits,
    left_out: Counter[str],
    seed: int,
) -> list[Item]:
    for row in rows:
        for field in ("text", "answer"):
            field_of(row, field, path)
    return list(
        items_from_blanks(
            rows,
            wordpiece,
            left_out,
            kind=SET,
            source=name,
            length=limits.length,
            max_masks=limits.max_masks,
            seed=seed,
        )
    )


def item_of_document(
    document: HeldOutDocument, wordpiece: WordPiece, limits: Limits, *, seed: int
) -> Item | str:
    """Return a document's item, or why it has none.

    Returns:
        The item; or "no_sentence", "no_repeated_noun", "short_context", or the last reason of a
        context.
    """
    nouns = nouns_of_columns(document.mentions)
    usable = [
        noun for noun in nouns if noun.tag in _TAGS and syllables(noun.form) >= limits.min_syllables
    ]
    tokens = None
    reason = "no_sentence"
    for start, end in reversed(sentences(document.text)):
        if reason == "no_sentence":
            reason = "no_repeated_noun"
        for mention, earlier in _repeated_nouns(usable, start, end):
            tokens = tokens or tokenize(document.text, wordpiece)
            context = context_before(
                tokens,
                (mention.start, mention.end),
                end,
                wordpiece,
                length=limits.length,
                max_masks=limits.max_masks,
            )
            if isinstance(context, str) or earlier.start < context.start:
                reason = context if isinstance(context, str) else "out_of_window"
                continue
            if start - context.start < limits.min_characters:
                reason = "short_context"
                continue
            before = [noun for noun in usable if context.start <= noun.start and noun.end <= start]
            item_id = f"{SET}:{document.doc_id}:{mention.start}"
            return item_of(
                SET,
                document.text,
                context,
                mention,
                (earlier.start, earlier.end),
                nouns,
                item_id=item_id,
                doc_id=document.doc_id,
                source=document.source,
                seed=seed,
                choices=_choices(
                    before, without_spaces(mention.form), item_id, limits.max_choices, seed
                ),
            )
    return reason


def sentences(text: str) -> list[tuple[int, int]]:
    """Return the characters of the sentences that end with a mark, without the first.

    A line end begins a sentence too, so a heading is none of the sentence below it.
    """
    found = []
    behind = 0
    for match in _SENTENCE_END.finditer(text):
        end = match.end()
        start = max(behind, text.rfind("\n", 0, end - 1) + 1)
        start += len(text[start:end]) - len(text[start:end].lstrip())
        if text[:start].strip():
            found.append((start, end))
        behind = end
    return found


def _repeated_nouns(nouns: list[Noun], start: int, end: int) -> Iterator[tuple[Noun, Noun]]:
    """Yield the nouns in [start, end), last first, with the nearest mention before `start`."""
    nearest = {without_spaces(noun.form): noun for noun in nouns if noun.end <= start}
    inside = [noun for noun in nouns if start <= noun.start and noun.end <= end]
    for mention in reversed(inside):
        earlier = nearest.get(without_spaces(mention.form))
        if earlier is not None:
            yield mention, earlier


def _choices(nouns: list[Noun], answer: str, item_id: str, number: int, seed: int) -> list[str]:
    """Return the answer and a keyed choice of the other forms, sorted."""
    others = sorted(
        {without_spaces(noun.form) for noun in nouns} - {answer},
        key=lambda form: (keyed_hash(seed, "lambada choices", item_id, form), form),
    )
    return sorted([answer, *others[: number - 1]])


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
