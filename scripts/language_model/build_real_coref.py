"""Builds the evaluation set `real_coref`: repeated names in documents that nothing trains on.

In: documents, scores and splits of the corpus, the entities' training samples, the tokenizer. Out:
the items (`EVALUATION_ITEMS`) and their description. An item is a later mention of a proper noun
that is repeated in a hold-out document, masked, with the entity's first mention (the antecedent) in
its context; the context fits the shortest length of all runs, so all lengths see the same items.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.common.analysis import PROPER_NOUN, without_spaces
from scripts.common.entry import entry
from scripts.common.files import sha256_file
from scripts.common.progress import Progress
from scripts.common.wordpiece import WordPiece, load_wordpiece
from scripts.language_model.contexts import context_around, syllables, tokenize
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

SET = "real_coref"
DEFINITION = (
    "A proper noun (Kiwi tag NNP) of at least min_syllables Hangul syllables that is repeated in a "
    "hold-out document: mention 2 to max_mentions is masked, the first mention is the antecedent, "
    "at least min_distance characters before it and inside the context. Of near-duplicate "
    "documents one is used. training_samples is the largest number of samples of the entity in the "
    "entity-coreference training sets of all lengths; unseen means that it is 0."
)


@dataclass(frozen=True)
class Limits:
    """What an item must fulfil; see `run`."""

    length: int
    max_masks: int
    min_syllables: int
    max_mentions: int
    min_distance: int


def run(
    documents: list[Path],
    scores: list[Path],
    splits: Path,
    entities: list[Path],
    tokenizer: Path,
    evaluation_set: Path,
    description: Path,
    *,
    length: int,
    max_masks: int,
    max_items: int,
    items_per_document: int,
    min_syllables: int,
    max_mentions: int,
    min_distance: int,
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
        evaluation_set: where the items go.
        description: where the description goes.
        length: the shortest length of all runs, in tokens, special tokens included.
        max_masks: most masks of a candidate; the context keeps room for them.
        max_items: number of items at most.
        items_per_document: items of one document at most.
        min_syllables: fewest Hangul syllables of an entity.
        max_mentions: mentions of an entity that are used.
        min_distance: fewest characters between antecedent and mention.
        seed: key of the choice and of the halves.
        code_hash: version of this step's code.
        batch_documents: documents read at a time.
    """
    wordpiece = load_wordpiece(tokenizer)
    limits = Limits(length, max_masks, min_syllables, max_mentions, min_distance)
    left_out: Counter[str] = Counter()
    progress = Progress("build_real_coref", total=None)
    found: list[Item] = []
    for document in held_out_documents(
        documents, scores, splits, left_out, batch_documents=batch_documents
    ):
        before = len(found)
        found += items_of_document(document, wordpiece, limits, left_out, seed=seed)
        progress.advance(1, len(found) > before)
    chosen, beyond = choose(found, count=max_items, per_document=items_per_document, seed=seed)
    write_set(
        evaluation_set,
        description,
        with_training_samples(chosen, entities),
        left_out + beyond,
        definition=DEFINITION,
        settings={
            "seed": seed,
            "max_items": max_items,
            "items_per_document": items_per_document,
            **asdict(limits),
            "tokenizer_sha256": sha256_file(tokenizer),
            "code_hash": code_hash,
        },
        packages=("kiwipiepy", "kiwipiepy_model", "tokenizers"),
    )
    progress.finish()


def items_of_document(
    document: HeldOutDocument,
    wordpiece: WordPiece,
    limits: Limits,
    left_out: Counter[str],
    *,
    seed: int,
) -> Iterator[Item]:
    """Yield the items of a document in order of entity and mention.

    Args:
        document: the document.
        wordpiece: the tokenizer.
        limits: what an item must fulfil.
        left_out: mentions left out by reason, added to in place.
        seed: key of the halves.
    """
    nouns = nouns_of_columns(document.mentions)
    by_entity: dict[str, list[Noun]] = {}
    for noun in nouns:
        entity = without_spaces(noun.form)
        if noun.tag == PROPER_NOUN and syllables(entity) >= limits.min_syllables:
            by_entity.setdefault(entity, []).append(noun)
    text = None
    for first, *later in by_entity.values():
        for mention in later[: limits.max_mentions - 1]:
            if mention.start - first.end < limits.min_distance:
                left_out["distance_below"] += 1
                continue
            text = text or tokenize(document.text, wordpiece)
            antecedent = (first.start, first.end)
            context = context_around(
                text,
                antecedent,
                (mention.start, mention.end),
                wordpiece,
                length=limits.length,
                max_masks=limits.max_masks,
            )
            if isinstance(context, str):
                left_out[context] += 1
                continue
            yield item_of(
                SET,
                document.text,
                context,
                mention,
                antecedent,
                nouns,
                item_id=f"{SET}:{document.doc_id}:{mention.start}",
                doc_id=document.doc_id,
                source=document.source,
                seed=seed,
            )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
