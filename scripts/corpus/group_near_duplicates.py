"""Groups of near-duplicate documents, found by band and verified on their texts.

In: the bands and the documents of all shards. Out: the texts (`GROUPS`) that stand in a group of
two or more, with the group's name, the smallest text hash in it. Two texts are linked when they
share a band and the Jaccard similarity of their shingle sets reaches the threshold; groups are the
connected components of the links. In large buckets not every pair is compared (`buckets`).

The texts that share a band are numbered by their hash, buckets are walked through by value, so no
result depends on the order of shards or rows. Bands and texts are joined out of core; the shingles
of each candidate text are hashed once and lie on local disk. In memory stand 16 bytes for each
candidate text, besides what is bounded.
"""

import logging
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from scripts.common.corpus_tables import DOCUMENTS, GROUPS, SIGNATURES
from scripts.common.entry import entry
from scripts.common.errors import IntegrityError
from scripts.common.files import DEFAULT_TMPDIR
from scripts.common.out_of_core import connect, copy_columns
from scripts.common.progress import Progress
from scripts.common.shingles import jaccard, shingle_hashes
from scripts.common.tables import table_writer
from scripts.corpus.buckets import RefutedPairs, comparisons, link_bucket
from scripts.corpus.components import Components, in_groups
from scripts.corpus.documents import all_shard_files
from scripts.corpus.shingle_store import ShingleStore, shingle_store

_logger = logging.getLogger(__name__)
_TEXTS_AT_A_TIME = 250
_ROWS_AT_A_TIME = 50_000


def run(
    signatures: list[Path],
    documents: list[Path],
    manifests: list[Path],
    groups: Path,
    *,
    min_jaccard: float,
    shingle_characters: int,
    tmpdir: Path = DEFAULT_TMPDIR,
    mem_mb: int = 1000,
    threads: int = 1,
) -> None:
    """Write the groups of near-duplicate texts.

    Args:
        signatures: bands of all shards.
        documents: folder of each source's shards, in source order.
        manifests: manifest of each source's shards, in the same order.
        groups: where the groups go.
        min_jaccard: least similarity of two linked texts.
        shingle_characters: characters of a shingle.
        tmpdir: local folder for what does not fit into memory.
        mem_mb: memory to use at most, in MB.
        threads: threads of the database.

    Raises:
        IntegrityError: a text of the signatures is not among the documents.
    """
    shards = all_shard_files(documents, manifests)
    with connect(tmpdir, mem_mb=mem_mb, threads=threads) as database:
        _load_bands(database, signatures)
        candidates, pairs = _find_candidates(database)
        with shingle_store(tmpdir, candidates) as store:
            _store_shingles(database, shards, store, shingle_characters)
            components = _link(database, store, pairs, min_jaccard)
        _write_groups(database, components, groups)


def _load_bands(database: duckdb.DuckDBPyConnection, signatures: list[Path]) -> None:
    """Copy bands and text hashes, joined by a number in order of arrival.

    A band is known by its value alone: equal values of different bands would be a chance of 2**-64
    and give a candidate pair, which is verified like any other.
    """
    database.execute("CREATE TABLE texts (number UINTEGER, text_hash BLOB)")
    database.execute("CREATE TABLE bands (value UBIGINT, number UINTEGER)")
    progress = Progress(
        "group_near_duplicates, bands", total=len(signatures), unit="shards of signatures"
    )
    read = 0
    for path in signatures:
        for batch in copy_columns(path, SIGNATURES, ["text_hash", "bands"], rows=_ROWS_AT_A_TIME):
            numbers = np.arange(read, read + batch.num_rows, dtype=np.uint32)
            read += batch.num_rows
            lists = batch["bands"].combine_chunks()
            lengths = lists.value_lengths().to_numpy(zero_copy_only=False)
            texts = pa.table({"number": numbers, "text_hash": batch["text_hash"]})
            database.register("batch", texts)
            database.execute("INSERT INTO texts SELECT number, text_hash FROM batch")
            values = pa.table({"value": lists.flatten(), "number": np.repeat(numbers, lengths)})
            database.register("batch", values)
            database.execute("INSERT INTO bands SELECT value, number FROM batch")
        progress.advance(1)
    progress.finish()


def _find_candidates(database: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Number the texts that share a band by their hash, and list the members of each bucket.

    Returns:
        The number of these texts and the most comparisons that their buckets can take.
    """
    database.execute(
        "CREATE TABLE buckets AS SELECT value, count(*) AS texts FROM bands GROUP BY value "
        "HAVING count(*) > 1"
    )
    database.execute(
        "CREATE TABLE shared AS SELECT value, number FROM bands "
        "WHERE value IN (SELECT value FROM buckets)"
    )
    database.execute("DROP TABLE bands")
    database.execute(
        "CREATE TABLE candidates AS "
        "SELECT (row_number() OVER (ORDER BY text_hash) - 1)::UINTEGER AS id, text_hash FROM ("
        "SELECT DISTINCT text_hash FROM texts WHERE number IN (SELECT number FROM shared))"
    )
    database.execute(
        "CREATE TABLE members AS SELECT value, id FROM shared JOIN texts USING (number) "
        "JOIN candidates USING (text_hash)"
    )
    database.execute("DROP TABLE shared")
    database.execute("DROP TABLE texts")
    sizes = database.execute("SELECT texts, count(*) FROM buckets GROUP BY texts").fetchall()
    database.execute("DROP TABLE buckets")
    candidates = database.execute("SELECT count(*) FROM candidates").fetchall()[0][0]
    _logger.info(
        "%d texts share a band: %d buckets of %d texts at most",
        candidates,
        sum(buckets for _, buckets in sizes),
        max((texts for texts, _ in sizes), default=0),
    )
    return int(candidates), sum(comparisons(texts) * buckets for texts, buckets in sizes)


def _store_shingles(
    database: duckdb.DuckDBPyConnection,
    shards: list[Path],
    store: ShingleStore,
    shingle_characters: int,
) -> None:
    """Hash the shingles of every candidate text once."""
    progress = Progress(
        "group_near_duplicates, shingles", total=len(store.sizes), unit="candidate texts"
    )
    stored = 0
    for shard in shards:
        ids = _candidates_of_shard(database, shard)
        if not ids:
            continue
        for batch in copy_columns(shard, DOCUMENTS, ["text_hash", "text"], rows=_TEXTS_AT_A_TIME):
            before = stored
            for text_hash, text in zip(batch["text_hash"], batch["text"], strict=True):
                text_id = ids.pop(text_hash.as_py(), None)
                if text_id is not None and store.sizes[text_id] == 0:
                    store.add(text_id, shingle_hashes(text.as_py(), shingle_characters))
                    stored += 1
            progress.advance(stored - before)
    progress.finish()
    if stored != len(store.sizes):
        raise IntegrityError(
            f"{len(store.sizes) - stored} texts of the signatures are not among the documents; run "
            "`snakemake --forcerun fingerprint_shard` again"
        )
    store.flush()


def _candidates_of_shard(database: duckdb.DuckDBPyConnection, shard: Path) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for batch in copy_columns(shard, DOCUMENTS, ["text_hash"], rows=_ROWS_AT_A_TIME):
        database.register("batch", batch)
        found.update(
            database.execute(
                "SELECT text_hash, id FROM candidates "
                "WHERE text_hash IN (SELECT text_hash FROM batch)"
            ).fetchall()
        )
    return found


def _link(
    database: duckdb.DuckDBPyConnection, store: ShingleStore, pairs: int, min_jaccard: float
) -> Components:
    components = Components(len(store.sizes))
    refuted = RefutedPairs()

    def similar(first: int, second: int) -> bool:
        pair = (first, second) if first < second else (second, first)
        if pair in refuted:
            return False
        if jaccard(store.read(first), store.read(second)) >= min_jaccard:
            return True
        refuted.add(pair)
        return False

    progress = Progress("group_near_duplicates", total=pairs, unit="candidate pairs")
    for members in _buckets(database):
        joins = link_bucket(members, store.sizes, components, similar, min_jaccard=min_jaccard)
        progress.advance(comparisons(len(members)), joins)
    progress.finish()
    return components


def _buckets(database: duckdb.DuckDBPyConnection) -> Iterator[np.ndarray]:
    """Yield the members of each bucket, by the bucket's value."""
    reader = database.sql("SELECT value, id FROM members ORDER BY value, id").to_arrow_reader(
        _ROWS_AT_A_TIME
    )
    value = None
    waiting: list[np.ndarray] = []
    for batch in reader:
        values, ids = batch["value"].to_numpy(), batch["id"].to_numpy()
        edges = [0, *(np.flatnonzero(values[1:] != values[:-1]) + 1).tolist(), len(values)]
        for start, end in pairwise(edges):
            if start == end:
                continue
            if waiting and values[start] != value:
                yield np.concatenate(waiting)
                waiting = []
            value = values[start]
            waiting.append(ids[start:end])
    if waiting:
        yield np.concatenate(waiting)


def _write_groups(
    database: duckdb.DuckDBPyConnection, components: Components, groups: Path
) -> None:
    names = components.names()
    grouped = in_groups(names)
    database.register("links", pa.table({"id": grouped, "name": names[grouped]}))
    rows = database.sql(
        'SELECT member.text_hash, named.text_hash AS "group" FROM links '
        "JOIN candidates member USING (id) JOIN candidates named ON named.id = links.name "
        "ORDER BY member.text_hash"
    ).to_arrow_reader(_ROWS_AT_A_TIME)
    with table_writer(groups, GROUPS) as writer:
        for batch in rows:
            writer.write_table(pa.Table.from_batches([batch]))
    _logger.info("%d texts in %d groups", len(grouped), len(np.unique(names[grouped])))


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
