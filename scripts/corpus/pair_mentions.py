"""Candidate samples of a shard for one length, before the entity cap.

In: documents, scores, tokens and the selection. Out: the candidates (`CANDIDATES`), the outcome of
every kept document (`OUTCOMES`), and the number of pairs by outcome (`PAIR_COUNTS`). An entity is a
proper noun that is repeated; its first mention is the antecedent, the next ones are masked by
splice, each in a window that holds both. What cannot be used is counted by reason: stop_list (the
entity, or the form mentioned, is on the stop list), distance_below, distance_above, shared_word,
antecedent_unknown, no_token, unknown_token, label_mismatch, out_of_window.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.common.corpus_tables import (
    CANDIDATES,
    DOCUMENTS,
    MENTION_LISTS,
    OUTCOMES,
    PAIR_COUNTS,
    SCORES,
    TOKENS,
)
from scripts.common.entry import entry
from scripts.common.errors import IntegrityError
from scripts.common.hashing import keyed_hash
from scripts.common.progress import Progress
from scripts.common.splice import Splice, TokenizedText, splice_mention, tokens_in_span
from scripts.common.tables import iterate_batches, table_of_rows, table_writer, write_table
from scripts.common.wordpiece import WordPiece, load_wordpiece
from scripts.corpus.documents import RowsByKey, shard_file
from scripts.corpus.measure_fertility import SPECIAL_TOKENS_PER_WINDOW
from scripts.corpus.pairs import (
    Pair,
    pairs_of_entity,
    proper_nouns,
    repeated_entities,
    window_around,
)
from scripts.corpus.stop_list import read_stop_list
from scripts.corpus.tokenize_shard import count_kept, kept_rows

# Token ids and mentions of a document are Python numbers here, some 150 kB of them.
_DOCUMENTS_AT_A_TIME = 100


@dataclass(frozen=True)
class PairLimits:
    """What a pair of mentions must fulfil (config section corpus.entity_coref)."""

    length: int
    min_syllables: int
    max_mentions: int
    min_distance: int
    max_distance: int
    seed: int
    merge_substrings: bool = False
    stop_list: frozenset[str] = frozenset()

    @property
    def room(self) -> int:
        """Tokens of a window without special tokens."""
        return self.length - SPECIAL_TOKENS_PER_WINDOW


def run(
    documents: Path,
    manifest: Path,
    scores: Path,
    tokens: Path,
    selection: Path,
    tokenizer: Path,
    stop_list: Path | None,
    candidates: Path,
    outcomes: Path,
    pair_counts: Path,
    *,
    shard: str,
    length: int,
    min_syllables: int,
    max_mentions: int,
    min_distance: int,
    max_distance: int,
    merge_substrings: bool,
    seed: int,
    batch_documents: int,
) -> None:
    """Write the candidate samples of a shard.

    Args:
        documents: folder of the source's shards.
        manifest: manifest of the shards.
        scores: their attributes, in the same order.
        tokens: tokens of the selected ones.
        selection: the dataset's selection.
        tokenizer: the tokenizer.
        stop_list: entities that give no sample, None where there is no such list.
        candidates: where the candidates go.
        outcomes: where the documents' outcomes go.
        pair_counts: where the numbers of pairs go.
        length: length in tokens, special tokens included.
        min_syllables: fewest Hangul syllables of an entity.
        max_mentions: mentions of an entity that are used.
        min_distance: fewest characters between antecedent and mention.
        max_distance: most characters between antecedent and mention.
        merge_substrings: count shortened forms as mentions of their full form's entity.
        seed: key of the samples' ranks under the entity cap.
        batch_documents: documents read at a time, at most.
        shard: name of the shard.
    """
    path = shard_file(documents, manifest, shard)
    limits = PairLimits(
        length,
        min_syllables,
        max_mentions,
        min_distance,
        max_distance,
        seed,
        merge_substrings,
        read_stop_list(stop_list) if stop_list is not None else frozenset(),
    )
    wordpiece = load_wordpiece(tokenizer)
    progress = Progress(
        f"pair_mentions {path.parent.name}/{shard}", total=count_kept(selection, path)
    )
    counts: Counter[tuple[str, str]] = Counter()
    with (
        table_writer(candidates, CANDIDATES) as candidate_writer,
        table_writer(outcomes, OUTCOMES) as outcome_writer,
    ):
        at_a_time = min(batch_documents, _DOCUMENTS_AT_A_TIME)
        kept = RowsByKey(kept_rows(selection, path), "analysed_key")
        for batch in _documents(path, scores, tokens, kept, at_a_time):
            found: list[dict[str, Any]] = []
            states: list[dict[str, Any]] = []
            for row, text, mentions in batch:
                samples, outcome = candidates_of_document(
                    row, text, mentions, limits, wordpiece, counts
                )
                found += [{**sample, "source": path.parent.name} for sample in samples]
                states.append(
                    {"doc_id": row["doc_id"], "source": row["source"], "outcome": outcome}
                )
            candidate_writer.write_table(pa.Table.from_pylist(found, schema=CANDIDATES))
            outcome_writer.write_table(pa.Table.from_pylist(states, schema=OUTCOMES))
            progress.advance(len(batch), sum(state["outcome"] == "candidate" for state in states))
    columns = PAIR_COUNTS.names[1:]
    rows = [
        {"outcome": outcome} | {column: counts[outcome, column] for column in columns}
        for outcome in sorted({outcome for outcome, _ in counts})
    ]
    write_table(pair_counts, table_of_rows(rows, PAIR_COUNTS), PAIR_COUNTS)
    progress.finish()


def _documents(
    shard: Path, scores: Path, tokens: Path, kept: RowsByKey, batch_documents: int
) -> Iterator[list[tuple[dict[str, Any], TokenizedText, dict[str, list[Any]]]]]:
    """Yield the kept documents' rows of the selection, tokens and mentions by key, in batches.

    All tables are sorted by key; scores have the shard's rows, tokens a part of them.
    """
    names = [name for name, _ in MENTION_LISTS]
    tokenized = RowsByKey(_rows(tokens, TOKENS, TOKENS.names, batch_documents), "key")
    for texts, attributes in zip(
        iterate_batches(shard, DOCUMENTS, rows=batch_documents, columns=["key", "text"]),
        iterate_batches(scores, SCORES, rows=batch_documents, columns=["key", *names]),
        strict=True,
    ):
        if not texts["key"].equals(attributes["key"]):
            raise IntegrityError(f"{scores} has other documents than {shard}; delete it, run again")
        batch = []
        for document, mentions in zip(texts.to_pylist(), attributes.to_pylist(), strict=True):
            selected = kept.find(document["key"])
            if selected is not None:
                row = tokenized.find(document["key"])
                if row is None:
                    raise IntegrityError(
                        f"{tokens} lacks a selected document; delete it, run again"
                    )
                text = TokenizedText(
                    document["text"], row["token_ids"], row["token_starts"], row["token_ends"]
                )
                batch.append((selected, text, mentions))
        yield batch


def _rows(
    path: Path, schema: pa.Schema, columns: Sequence[str], batch_rows: int
) -> Iterator[dict[str, Any]]:
    for batch in iterate_batches(path, schema, rows=batch_rows, columns=columns):
        yield from batch.to_pylist()


def candidates_of_document(
    row: dict[str, Any],
    text: TokenizedText,
    mentions: dict[str, list[Any]],
    limits: PairLimits,
    wordpiece: WordPiece,
    counts: Counter[tuple[str, str]],
) -> tuple[list[dict[str, Any]], str]:
    """Return a document's candidate samples in text order, and its outcome.

    Args:
        row: the document's row of the selection (doc_id, split, analysed_key).
        text: its text and tokens.
        mentions: its noun mentions by column.
        limits: what a pair must fulfil.
        wordpiece: the tokenizer.
        counts: number of pairs by (outcome, column of `PAIR_COUNTS`), added to in place.
    """
    nouns = list(proper_nouns(*(mentions[name] for name, _ in MENTION_LISTS)))
    entities = repeated_entities(
        nouns, min_syllables=limits.min_syllables, merge_substrings=limits.merge_substrings
    )
    samples = []
    for found in entities:
        for pair in pairs_of_entity(found, max_mentions=limits.max_mentions):
            sample = candidate_of_pair(pair, text, limits, wordpiece)
            if isinstance(sample, str):
                counts[sample, "pairs"] += 1
            else:
                counts["candidate", "pairs"] += 1
                counts["candidate", "fused"] += sample["fused"]
                counts["candidate", "fused_with_particle"] += (
                    sample["fused"] and sample["particle"] != ""
                )
                rank = keyed_hash(
                    limits.seed, "cap", row["doc_id"], pair.mention.entity, str(pair.ordinal)
                )
                identity = {"key": row["analysed_key"], "doc_id": row["doc_id"]}
                samples.append({**identity, "split": row["split"], "rank": rank, **sample})
    samples.sort(key=lambda sample: (sample["mention_start"], sample["entity"]))
    outcome = "candidate" if samples else "no_sample" if entities else "no_repeated_entity"
    return samples, outcome


def candidate_of_pair(
    pair: Pair, text: TokenizedText, limits: PairLimits, wordpiece: WordPiece
) -> dict[str, Any] | str:
    """Return the columns of a candidate sample, or the reason why the pair gives none."""
    if not limits.stop_list.isdisjoint((pair.mention.entity, pair.mention.form)):
        return "stop_list"
    if pair.distance < limits.min_distance:
        return "distance_below"
    if pair.distance > limits.max_distance:
        return "distance_above"
    splice = splice_mention(text, pair.mention.start, pair.mention.end, wordpiece)
    if isinstance(splice, str):
        return splice
    antecedent = tokens_in_span(text, pair.antecedent.start, pair.antecedent.end)
    if antecedent is None:
        return "no_token"
    first, last = antecedent
    if last >= splice.left:
        return "shared_word"
    if wordpiece.special_ids["unk"] in text.ids[first : last + 1]:
        return "antecedent_unknown"
    tokens = splice.length(len(text.ids))
    window = window_around(first, splice.mask_end, tokens=tokens, room=limits.room)
    if window is None:
        return "out_of_window"
    return _candidate(pair, text, splice, first, last, window, min(tokens, limits.room), tokens)


def _candidate(
    pair: Pair,
    text: TokenizedText,
    splice: Splice,
    first: int,
    last: int,
    window: int,
    window_tokens: int,
    tokens: int,
) -> dict[str, Any]:
    return {
        "entity": pair.mention.entity,
        "surface": text.text[pair.mention.start : pair.mention.end],
        "particle": pair.mention.particle,
        "ordinal": pair.ordinal,
        "distance": pair.distance,
        "antecedent_start": pair.antecedent.start,
        "antecedent_end": pair.antecedent.end,
        "mention_start": pair.mention.start,
        "mention_end": pair.mention.end,
        "antecedent_token_start": first,
        "antecedent_token_end": last + 1,
        "fused": splice.fused,
        "bound": window_tokens < tokens,
        "left": splice.left,
        "right": splice.right,
        "left_ids": list(splice.left_ids),
        "label_ids": list(splice.label_ids),
        "right_ids": list(splice.right_ids),
        "window_start": window,
        "window_tokens": window_tokens,
    }


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
