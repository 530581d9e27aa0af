"""Builds the evaluation set `gold_coref` from gold coreference clusters with character offsets.

In: a file of passages (JSON Lines, plain or gzip, or Parquet), each with a text and clusters of
mentions [start, end, surface, ...] as KoCoNovel has them, the entities' training samples, the
tokenizer. Out: the items (`EVALUATION_ITEMS`) and their description. An item masks a later mention
whose surface form stands earlier in the same cluster, so that it can be copied.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.common.analysis import PRONOUN, without_spaces
from scripts.common.entry import entry
from scripts.common.files import sha256_file
from scripts.common.progress import Progress
from scripts.common.wordpiece import WordPiece, load_wordpiece
from scripts.language_model.analysed_texts import nouns_of_texts
from scripts.language_model.contexts import context_around, syllables, tokenize
from scripts.language_model.evaluation_sets import (
    Item,
    Noun,
    choose,
    item_of,
    with_training_samples,
    write_set,
)
from scripts.language_model.gold_passages import Fields, Passage, Span, passages_of_rows
from scripts.language_model.local_rows import local_rows

SET = "gold_coref"
DEFINITION = (
    "A mention of a gold coreference cluster is masked whose surface form (spaces ignored) of at "
    "least min_syllables Hangul syllables stands earlier in the same cluster; the first such "
    "mention is the antecedent, at least min_distance characters before it and inside the context. "
    "Pronouns (Kiwi tag NP) are left out. The passage's gold mentions count among its nouns. "
    "Passages of one document (a novel) stand in one half and are resampled together."
)


@dataclass(frozen=True)
class Limits:
    """What an item must fulfil; see `run`."""

    length: int
    max_masks: int
    min_syllables: int
    min_distance: int


def run(
    gold: Path,
    entities: list[Path],
    tokenizer: Path,
    evaluation_set: Path,
    description: Path,
    *,
    name: str,
    text_field: str,
    passage_field: str,
    document_field: str,
    clusters_field: str,
    length: int,
    max_masks: int,
    max_items: int | None,
    items_per_document: int,
    min_syllables: int,
    min_distance: int,
    seed: int,
    code_hash: str,
) -> None:
    """Write the set and its description.

    Args:
        gold: the passages.
        entities: the entities' frequencies, one table of each length in use.
        tokenizer: the tokenizer.
        evaluation_set: where the items go.
        description: where the description goes.
        name: name of the source, as in "koconovel".
        text_field: field of the text.
        passage_field: field of the passage's name.
        document_field: field of the document that the passage is from.
        clusters_field: field of the clusters.
        length: the shortest length of all runs, in tokens, special tokens included.
        max_masks: most masks of a candidate; the context keeps room for them.
        max_items: number of items at most, None for all.
        items_per_document: items of one document, all its passages together, at most.
        min_syllables: fewest Hangul syllables of a mention.
        min_distance: fewest characters between antecedent and mention.
        seed: key of the choice and of the halves.
        code_hash: version of this step's code.
    """
    wordpiece = load_wordpiece(tokenizer)
    fields = Fields(text_field, passage_field, document_field, clusters_field)
    limits = Limits(length, max_masks, min_syllables, min_distance)
    left_out: Counter[str] = Counter()
    found: list[Item] = []
    rows = list(local_rows(gold))
    passages = passages_of_rows(rows, fields, gold, name)
    progress = Progress("build_gold_coref", total=len(rows), unit="passages")
    analyses = nouns_of_texts([passage.text for passage in passages])
    for passage, nouns in zip(passages, analyses, strict=True):
        before = len(found)
        if nouns is None:
            left_out["passage_not_analysed"] += sum(map(len, passage.clusters))
        else:
            found += items_of_passage(passage, nouns, wordpiece, limits, left_out, seed=seed)
        progress.advance(1, len(found) > before)
    mentions = len(found) + sum(left_out.values())
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
            "passages": len(rows),
            "mentions": mentions,
            "source": name,
            "source_sha256": sha256_file(gold),
            "fields": asdict(fields),
            **asdict(limits),
            "tokenizer_sha256": sha256_file(tokenizer),
            "code_hash": code_hash,
        },
        packages=("kiwipiepy", "kiwipiepy_model", "tokenizers"),
    )
    progress.finish()


def items_of_passage(
    passage: Passage,
    nouns: Sequence[Noun],
    wordpiece: WordPiece,
    limits: Limits,
    left_out: Counter[str],
    *,
    seed: int,
) -> Iterator[Item]:
    """Yield the items of a passage.

    Args:
        passage: the passage.
        nouns: noun mentions of its text.
        wordpiece: the tokenizer.
        limits: what an item must fulfil.
        left_out: mentions left out by reason, added to in place.
        seed: key of the halves.
    """
    tokens = tokenize(passage.text, wordpiece)
    tags = {(noun.start, noun.end): noun for noun in nouns}
    visible = _with_gold_mentions(passage, nouns)
    masked: set[Span] = set()
    for cluster in passage.clusters:
        first: dict[str, Span] = {}
        for span in cluster:
            reason = _reason_against(span, first, passage.text, tags, limits)
            if span is None or reason is not None:
                left_out[str(reason)] += 1
                continue
            if span in masked:
                left_out["masked_in_another_cluster"] += 1
                continue
            antecedent = first[without_spaces(passage.text[slice(*span)])]
            context = context_around(
                tokens,
                antecedent,
                span,
                wordpiece,
                length=limits.length,
                max_masks=limits.max_masks,
            )
            if isinstance(context, str):
                left_out[context] += 1
                continue
            masked.add(span)
            yield item_of(
                SET,
                passage.text,
                context,
                Noun(passage.text[slice(*span)], *span, _particle_behind(span, nouns)),
                antecedent,
                visible,
                item_id=f"{SET}:{passage.source}:{passage.name}:{span[0]}-{span[1]}",
                doc_id=passage.document,
                source=passage.source,
                seed=seed,
            )


def _reason_against(
    span: Span | None,
    first: dict[str, Span],
    text: str,
    tags: Mapping[Span, Noun],
    limits: Limits,
) -> str | None:
    """Return why a mention gives no item; notes the first mention of its form in `first`."""
    if span is None:
        return "offsets_do_not_give_surface"
    form = without_spaces(text[slice(*span)])
    earlier = first.setdefault(form, span)
    if earlier == span:
        return "first_of_its_form"
    if syllables(form) < limits.min_syllables:
        return "too_short"
    if span in tags and tags[span].tag == PRONOUN:
        return "pronoun"
    if span[0] - earlier[1] < limits.min_distance:
        return "distance_below"
    return None


def _particle_behind(span: Span, nouns: Sequence[Noun]) -> str:
    """Return the tag of the particle behind a mention: that of the noun which it ends with."""
    ending = (noun.particle for noun in nouns if noun.end == span[1] and noun.start >= span[0])
    return next(ending, "")


def _with_gold_mentions(passage: Passage, nouns: Sequence[Noun]) -> list[Noun]:
    """Return the nouns and the gold mentions; a mention that is a noun stands once."""
    known = {(noun.start, noun.end) for noun in nouns}
    gold = {span for cluster in passage.clusters for span in cluster if span is not None}
    added = [Noun(passage.text[slice(*span)], *span) for span in sorted(gold - known)]
    return [*nouns, *added]


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
