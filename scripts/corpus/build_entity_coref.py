"""Builds the entity-coreference dataset of one length.

In: candidates, tokens, outcomes and pair counts of all shards, the entities' limits, the selection.
Out: a `datasets` folder (train, validation, test, holdout) with metadata.json and a card, its
manifest, and every document's fate. A row holds the window's token ids with the mention masked, the
label ids, and the positions of antecedent and mention in characters of the document and in tokens
of the row.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scripts.common.arrow_dataset import SplitWriter
from scripts.common.corpus_tables import (
    CANDIDATES,
    ENTITY_COREF_ROWS,
    FATES,
    OUTCOMES,
    PAIR_COUNTS,
    SELECTION,
    TOKENS,
)
from scripts.common.entry import entry
from scripts.common.errors import IntegrityError
from scripts.common.files import (
    atomic_folder,
    read_json,
    sha256_file,
    write_json,
)
from scripts.common.progress import Progress
from scripts.common.splice import Splice, spliced_ids
from scripts.common.tables import iterate_batches, read_table, table_writer
from scripts.common.wordpiece import WordPiece, load_wordpiece
from scripts.corpus.metadata import EntityCorefStatistics, dataset_metadata, describe_dataset
from scripts.corpus.sample_limits import DROP_REASONS, SampleLimits
from scripts.corpus.select_documents import KEPT
from scripts.corpus.split_documents import SPLIT_NAMES

_COPIED = (
    "doc_id",
    "entity",
    "surface",
    "particle",
    "distance",
    "antecedent_start",
    "antecedent_end",
    "mention_start",
    "mention_end",
    "fused",
    "bound",
    "label_ids",
)


def run(
    candidates: list[Path],
    tokens: list[Path],
    outcomes: list[Path],
    pair_counts: list[Path],
    selection: Path,
    cutoffs: Path,
    rare: Path,
    entities: Path,
    fertility: Path,
    tokenizer: Path,
    stop_list: Path | None,
    dataset: Path,
    manifest: Path,
    fates: Path,
    *,
    length: int,
    merge_substrings: bool,
    min_entity_freq: int,
    max_entity_freq: int,
    rows_per_file: int,
    batch_documents: int,
    licences: dict[str, str],
    code_hash: str,
    seed: int,
) -> None:
    """Write the dataset, its manifest and the documents' fates.

    Args:
        candidates: candidate samples of all shards, in source order.
        tokens: tokens of all shards, in the same order.
        outcomes: outcomes of all shards, in the same order.
        pair_counts: pairs by outcome of all shards.
        selection: the dataset's selection.
        cutoffs: last sample of each entity above the cap.
        rare: rare entities of each document.
        entities: the entities' frequencies.
        fertility: tokenizer statistics and character ceilings.
        tokenizer: the tokenizer.
        stop_list: the stop list that the candidates were made with, None where there is none.
        dataset: folder of the dataset.
        manifest: where the manifest goes.
        fates: where the documents' fates go.
        length: length in tokens, special tokens included.
        merge_substrings: whether the candidates' entities are full forms.
        min_entity_freq: fewest training samples of an entity.
        max_entity_freq: the cap.
        rows_per_file: rows of one Arrow file.
        batch_documents: documents read at a time.
        licences: licence of each source.
        code_hash: version of this step's code.
        seed: seed of the run.
    """
    wordpiece = load_wordpiece(tokenizer)
    limits = SampleLimits(cutoffs, rare)
    dropped_samples = Counter(dict.fromkeys(DROP_REASONS, 0))
    statistics = EntityCorefStatistics(length)
    progress = Progress(f"build_entity_coref {length}", total=len(candidates), unit="shards")
    with atomic_folder(dataset) as folder:
        with (
            SplitWriter(folder, ENTITY_COREF_ROWS, SPLIT_NAMES, rows_per_file) as writer,
            table_writer(fates, FATES) as fate_writer,
        ):
            for batch in _rejected(selection, batch_documents):
                fate_writer.write_table(batch)
            for paths in zip(candidates, tokens, outcomes, strict=True):
                sampled: set[str] = set()
                dropped: dict[str, set[str]] = {reason: set() for reason in DROP_REASONS}
                for candidate, token_ids in _with_tokens(paths[0], paths[1], batch_documents):
                    reason = limits.reason_against(candidate)
                    if reason is None:
                        row = row_of_candidate(candidate, token_ids, wordpiece)
                        writer.add(candidate["split"], row)
                        statistics.add(candidate["split"], row)
                        sampled.add(candidate["doc_id"])
                    else:
                        dropped_samples[reason] += 1
                        dropped[reason].add(candidate["doc_id"])
                for batch in fates_of_shard(paths[2], sampled, dropped, batch_documents):
                    fate_writer.write_table(batch)
                progress.advance(1)
        limits.finish()
        metadata = dataset_metadata(
            "entity_coref",
            length,
            rows=writer.rows,
            tokenizer=tokenizer,
            fertility=read_json(fertility),
            sources=sorted(licences),
            seed=seed,
            code_hash=code_hash,
            extra={
                "stop_list_sha256": sha256_file(stop_list) if stop_list is not None else None,
                "merge_substrings": merge_substrings,
                "min_entity_freq": min_entity_freq,
                "max_entity_freq": max_entity_freq,
                "pairs": _add_up(pair_counts),
                "dropped_samples": dict(dropped_samples),
                **statistics.summary(entities),
            },
        )
        description = describe_dataset(folder, metadata, licences)
    write_json(manifest, description)
    progress.finish()


def _with_tokens(
    candidates: Path, tokens: Path, batch_documents: int
) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """Yield a shard's candidates with the token ids of their documents; both are sorted by key."""
    texts = _rows(tokens, TOKENS, ["key", "token_ids"], batch_documents)
    for key, group in groupby(
        _rows(candidates, CANDIDATES, CANDIDATES.names, 1_000), key=lambda row: row["key"]
    ):
        text = next((text for text in texts if text["key"] == key), None)
        if text is None:
            raise IntegrityError(f"{tokens} lacks a document of {candidates}; delete it, run again")
        for candidate in group:
            yield candidate, text["token_ids"]


def _rows(
    path: Path, schema: pa.Schema, columns: list[str], batch_rows: int
) -> Iterator[dict[str, Any]]:
    for batch in iterate_batches(path, schema, rows=batch_rows, columns=columns):
        yield from batch.to_pylist()


def row_of_candidate(
    candidate: dict[str, Any], token_ids: list[int], wordpiece: WordPiece
) -> dict[str, Any]:
    """Return the dataset's row of a candidate sample."""
    splice = Splice(
        left=candidate["left"],
        right=candidate["right"],
        left_ids=tuple(candidate["left_ids"]),
        label_ids=tuple(candidate["label_ids"]),
        right_ids=tuple(candidate["right_ids"]),
        fused=candidate["fused"],
    )
    special = wordpiece.special_ids
    start = candidate["window_start"]
    window = spliced_ids(token_ids, splice, special["mask"])[
        start : start + candidate["window_tokens"]
    ]
    shift = 1 - start  # [CLS] stands before the window
    return {name: candidate[name] for name in _COPIED} | {
        # A candidate names the source where its text was analysed, its id the document's own.
        "source": candidate["doc_id"].partition(":")[0],
        "antecedent_token_start": candidate["antecedent_token_start"] + shift,
        "antecedent_token_end": candidate["antecedent_token_end"] + shift,
        "mask_token_start": splice.mask_start + shift,
        "input_ids": [special["cls"], *window, special["sep"]],
    }


def _rejected(selection: Path, batch_documents: int) -> Iterator[pa.Table]:
    """Yield the fates of the documents that the selection rejected."""
    for batch in iterate_batches(
        selection, SELECTION, rows=batch_documents, columns=["doc_id", "source", "reason"]
    ):
        table = pa.Table.from_batches([batch]).rename_columns(FATES.names)
        yield table.filter(pc.field("outcome") != KEPT).cast(FATES)


def fates_of_shard(
    outcomes: Path, sampled: set[str], dropped: dict[str, set[str]], batch_documents: int
) -> Iterator[pa.Table]:
    """Yield the fates of a shard's kept documents: what became of them afterwards."""
    for batch in iterate_batches(outcomes, OUTCOMES, rows=batch_documents):
        rows = [{**row, "outcome": _fate(row, sampled, dropped)} for row in batch.to_pylist()]
        yield pa.Table.from_pylist(rows, schema=FATES)


def _fate(row: dict[str, Any], sampled: set[str], dropped: dict[str, set[str]]) -> str:
    """Return how far the best of a document's samples came."""
    if row["doc_id"] in sampled:
        return KEPT
    reached = (reason for reason in reversed(DROP_REASONS) if row["doc_id"] in dropped[reason])
    return next(reached, str(row["outcome"]))


def _add_up(pair_counts: list[Path]) -> dict[str, dict[str, int]]:
    pairs: dict[str, Counter[str]] = {}
    for path in pair_counts:
        for row in read_table(path, PAIR_COUNTS).to_pylist():
            outcome = row.pop("outcome")
            pairs.setdefault(outcome, Counter()).update(row)
    return {outcome: dict(pairs[outcome]) for outcome in sorted(pairs)}


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
