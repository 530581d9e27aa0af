"""Documents that no training set contains, with their noun mentions."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from scripts.common.corpus_tables import DOCUMENTS, MENTION_LISTS, SCORES, SPLITS
from scripts.common.errors import IntegrityError
from scripts.common.tables import iterate_batches

HOLDOUT = "holdout"
_ROWS_OF_SPLITS = 50_000
_MENTION_COLUMNS = [name for name, _ in MENTION_LISTS]


@dataclass(frozen=True)
class HeldOutDocument:
    """A held-out document.

    Attributes:
        doc_id, source: its names.
        text: the text.
        mentions: its noun mentions by column of `MENTION_LISTS`.
    """

    doc_id: str
    source: str
    text: str
    mentions: dict[str, list[Any]]


def held_out_documents(
    documents: Sequence[Path],
    scores: Sequence[Path],
    splits: Path,
    left_out: Counter[str],
    *,
    batch_documents: int,
) -> Iterator[HeldOutDocument]:
    """Yield the analysed hold-out documents, one of each group of near-duplicates.

    Args:
        documents: folders of the sources' shards.
        scores: attributes of all shards, named source/shard.parquet, in source order.
        splits: the split of every document.
        left_out: documents left out by reason, added to in place.
        batch_documents: documents read at a time.
    """
    folders = {folder.name: folder for folder in documents}
    places = {path.parent.name: place for place, path in reversed(list(enumerate(scores)))}
    wanted = _first_of_each_group(splits, places, left_out)
    for path in scores:
        source = path.parent.name
        shard = folders[source] / path.name
        for texts, attributes in zip(
            iterate_batches(shard, DOCUMENTS, rows=batch_documents, columns=["doc_id", "text"]),
            iterate_batches(
                path,
                SCORES,
                rows=batch_documents,
                columns=["doc_id", "analysis", *_MENTION_COLUMNS],
            ),
            strict=True,
        ):
            if not texts["doc_id"].equals(attributes["doc_id"]):
                raise IntegrityError(
                    f"{path} has other documents than {shard}; delete it, run again"
                )
            held_out = pc.is_in(texts["doc_id"], value_set=wanted)
            for text, row in zip(
                texts.filter(held_out).to_pylist(),
                attributes.filter(held_out).to_pylist(),
                strict=True,
            ):
                if row["analysis"] == "analysed":
                    mentions = {name: row[name] for name in _MENTION_COLUMNS}
                    yield HeldOutDocument(row["doc_id"], source, text["text"], mentions)
                else:
                    left_out[f"document_{row['analysis']}"] += 1


def _first_of_each_group(splits: Path, places: dict[str, int], left_out: Counter[str]) -> Any:
    """Return the ids of the hold-out documents, the first by (source order, key) of each group."""
    import pyarrow as pa

    first: dict[bytes, tuple[int, int, str]] = {}
    for batch in iterate_batches(
        splits,
        SPLITS,
        rows=_ROWS_OF_SPLITS,
        columns=["doc_id", "source", "key", "group", "split"],
    ):
        held_out = batch.filter(pc.equal(batch["split"], HOLDOUT))
        for row in held_out.to_pylist():
            if row["source"] not in places:
                left_out["document_of_unused_source"] += 1
                continue
            candidate = (places[row["source"]], row["key"], row["doc_id"])
            known = first.get(row["group"])
            left_out["document_near_duplicate"] += known is not None
            first[row["group"]] = candidate if known is None else min(candidate, known)
    return pa.array([doc_id for _, _, doc_id in first.values()], type=pa.string())
