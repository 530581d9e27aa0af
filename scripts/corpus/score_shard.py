"""Attributes of every document of a shard, from one Kiwi analysis at most.

In: a shard of documents and the list of its documents whose text is analysed elsewhere. Out: one
row per document (`SCORES`): characters, sentence marks, Hangul share and symbol share for all; for
documents within the floor also Kiwi's token count, NNP ratio, pronouns and all noun mentions.
Nothing is dropped here.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import compress, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from scripts.common.analysis import Floor, analyse_tokens, count_characters, tokenize_each
from scripts.common.corpus_tables import DOCUMENTS, DUPLICATES, SCORES
from scripts.common.entry import entry
from scripts.common.errors import InputError
from scripts.common.progress import Progress
from scripts.common.tables import count_rows, iterate_batches, read_table, table_writer
from scripts.corpus.documents import shard_file

if TYPE_CHECKING:
    from kiwipiepy import Kiwi, Token

_logger = logging.getLogger(__name__)
_ROWS_AT_A_TIME = 100


def run(
    documents: Path,
    manifest: Path,
    duplicates: Path,
    scores: Path,
    *,
    shard: str,
    analyse: bool,
    min_characters: int,
    max_characters: int,
    min_sentence_marks: int,
    min_hangul_ratio: float,
    max_symbol_ratio: float,
    max_failed_share: float,
    batch_documents: int,
    chunk_documents: int,
    threads: int = 1,
) -> None:
    """Write the attributes of a shard's documents.

    Args:
        documents: folder of the source's shards.
        manifest: manifest of the shards.
        duplicates: its documents whose text is analysed in another place.
        scores: where the attributes go.
        analyse: whether any dataset needs Kiwi's analysis of this source.
        min_characters: floor of the analysis, in characters.
        max_characters: ceiling of the analysis, in characters.
        min_sentence_marks: fewest sentence marks of an analysed document.
        min_hangul_ratio: least share of Hangul syllables of an analysed document.
        max_symbol_ratio: largest share of other symbols of an analysed document.
        max_failed_share: share of analysed documents that may fail before the job does.
        batch_documents: documents read at a time.
        chunk_documents: documents of a batch that are analysed and written at a time.
        threads: Kiwi's threads.
        shard: name of the shard.
    """
    path = shard_file(documents, manifest, shard)
    floor = Floor(
        min_characters, max_characters, min_sentence_marks, min_hangul_ratio, max_symbol_ratio
    )
    elsewhere = set(read_table(duplicates, DUPLICATES, ["key"])["key"].to_pylist())
    progress = Progress(
        f"score_shard {path.parent.name}/{shard}",
        total=count_rows(path, DOCUMENTS),
        batch_size=batch_documents,
    )
    load_kiwi = partial(_load_kiwi, threads) if analyse else None
    analysed = failed = 0
    with table_writer(scores, SCORES) as writer:
        for batch in iterate_batches(path, DOCUMENTS, rows=batch_documents):
            for start in range(0, batch.num_rows, chunk_documents):
                chunk = batch.slice(start, chunk_documents).to_pylist()
                states: Counter[str] = Counter()
                for rows in _some_at_a_time(score_documents(chunk, elsewhere, floor, load_kiwi)):
                    states.update(row["analysis"] for row in rows)
                    writer.write_table(pa.Table.from_pylist(rows, schema=SCORES))
                analysed += states["analysed"]
                failed += states["failed"]
                progress.advance(
                    len(chunk),
                    states["analysed"],
                    batch_ended=start + len(chunk) == batch.num_rows,
                )
        if failed > max_failed_share * (analysed + failed):
            raise InputError(
                f"{path}: the analyser failed on {failed} of {analysed + failed} documents, more "
                f"than corpus.analysis.max_failed_share = {max_failed_share}; see the warnings"
            )
    progress.finish()


def score_documents(
    documents: Sequence[dict[str, Any]],
    elsewhere: set[int],
    floor: Floor,
    load_kiwi: "Callable[[], Kiwi] | None",
) -> Iterator[dict[str, Any]]:
    """Yield one row of `SCORES` per document, in order.

    Args:
        documents: rows of `DOCUMENTS`.
        elsewhere: keys of the documents whose text is analysed in another place.
        floor: limits within which a document is analysed.
        load_kiwi: gives the analyser, when a document needs it; None for no analysis.
    """
    counts = [count_characters(document["text"]) for document in documents]
    waiting = [
        load_kiwi is not None and document["key"] not in elsewhere and floor.admits(count)
        for document, count in zip(documents, counts, strict=True)
    ]
    analyses: Iterator[Sequence[Token] | None] = iter(())
    if load_kiwi is not None and any(waiting):
        texts = compress((document["text"] for document in documents), waiting)
        analyses = tokenize_each(load_kiwi(), list(texts))
    for document, count, waits in zip(documents, counts, waiting, strict=True):
        row = {name: document[name] for name in ("doc_id", "key", "text_hash")}
        row |= vars(count)
        row["analysis"] = "duplicate" if document["key"] in elsewhere else "outside"
        if waits:
            tokens = next(analyses)
            row["analysis"] = "failed" if tokens is None else "analysed"
            if tokens is None:
                _logger.warning("no analysis of document %s", row["doc_id"])
            else:
                row |= analyse_tokens(document["text"], tokens).as_columns()
        yield row


def _some_at_a_time(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows in short lists: mentions as Python objects take much memory."""
    while some := list(islice(rows, _ROWS_AT_A_TIME)):
        yield some


@cache
def _load_kiwi(threads: int) -> "Kiwi":
    from kiwipiepy import Kiwi

    return Kiwi(num_workers=threads)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
