"""Groups of near-duplicate documents, found by band and verified on their texts.

In: the bands and the documents of all shards. Out: the texts (`GROUPS`) that stand in a group of
two or more, with the group's name, the smallest text hash in it. Two texts are linked when they
share a band and the Jaccard similarity of their shingle sets reaches the threshold; groups are the
connected components of the links. The joins run out of core and no result depends on the order of
shards or rows.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from scripts.common.entry import entry
from scripts.common.files import DEFAULT_TMPDIR
from scripts.common.out_of_core import connect, copy_columns
from scripts.common.progress import Progress
from scripts.common.tables import write_table
from scripts.corpus.documents import all_shard_files
from scripts.corpus.schemas import DOCUMENTS, GROUPS, SIGNATURES
from scripts.corpus.shingles import jaccard, shingles

_logger = logging.getLogger(__name__)
_PAIRS_AT_A_TIME = 2_000


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
    """
    shards = all_shard_files(documents, manifests)
    with connect(tmpdir, mem_mb=mem_mb, threads=threads) as database:
        pairs = _find_candidate_pairs(database, signatures)
        _copy_candidate_texts(database, shards)
        components = Components()
        progress = Progress(
            "group_near_duplicates", total=pairs, unit="candidate pairs", batches=None
        )
        for first, second in _pairs_with_texts(database):
            linked = components.find(first[0]) == components.find(second[0])
            if not linked:
                linked = (
                    jaccard(
                        shingles(first[1], shingle_characters),
                        shingles(second[1], shingle_characters),
                    )
                    >= min_jaccard
                )
                if linked:
                    components.join(first[0], second[0])
            progress.advance(1, int(linked))
        progress.finish()
    members = sorted(components.members())
    table = pa.table(
        {
            "text_hash": pa.array([member for member, _ in members], pa.binary(16)),
            "group": pa.array([group for _, group in members], pa.binary(16)),
        }
    )
    write_table(groups, table, GROUPS)
    _logger.info("%d texts in %d groups", len(members), len({group for _, group in members}))


def _find_candidate_pairs(database: duckdb.DuckDBPyConnection, signatures: list[Path]) -> int:
    database.execute("CREATE TABLE bands (band INTEGER, value UBIGINT, text_hash BLOB)")
    for path in signatures:
        for batch in copy_columns(path, SIGNATURES, ["text_hash", "bands"]):
            database.register("batch", batch)
            database.execute(
                "INSERT INTO bands SELECT unnest(generate_series(1, len(bands))), unnest(bands), "
                "text_hash FROM batch"
            )
    database.execute(
        "CREATE TABLE shared AS SELECT band, value, text_hash FROM bands "
        "WHERE (band, value) IN "
        "(SELECT (band, value) FROM bands GROUP BY band, value HAVING count(*) > 1)"
    )
    database.execute("DROP TABLE bands")
    database.execute(
        "CREATE TABLE pairs AS SELECT DISTINCT a.text_hash AS first, b.text_hash AS second "
        "FROM shared a JOIN shared b "
        "ON a.band = b.band AND a.value = b.value AND a.text_hash < b.text_hash"
    )
    return int(database.execute("SELECT count(*) FROM pairs").fetchall()[0][0])


def _copy_candidate_texts(database: duckdb.DuckDBPyConnection, shards: list[Path]) -> None:
    database.execute("CREATE TABLE texts (text_hash BLOB, text VARCHAR)")
    for path in shards:
        for batch in copy_columns(path, DOCUMENTS, ["text_hash", "text"], rows=2_000):
            database.register("batch", batch)
            database.execute(
                "INSERT INTO texts SELECT text_hash, any_value(text) FROM batch "
                "WHERE text_hash IN (SELECT text_hash FROM shared) "
                "AND text_hash NOT IN (SELECT text_hash FROM texts) GROUP BY text_hash"
            )


def _pairs_with_texts(
    database: duckdb.DuckDBPyConnection,
) -> Iterator[tuple[tuple[bytes, str], tuple[bytes, str]]]:
    cursor = database.execute(
        "SELECT first, a.text, second, b.text FROM pairs "
        "JOIN texts a ON a.text_hash = first JOIN texts b ON b.text_hash = second "
        "ORDER BY first, second"
    )
    while rows := cursor.fetchmany(_PAIRS_AT_A_TIME):
        for first, first_text, second, second_text in rows:
            yield (first, first_text), (second, second_text)


class Components:
    """Connected components of texts (union-find); a component is named by its smallest member."""

    def __init__(self) -> None:
        self._parent: dict[bytes, bytes] = {}

    def find(self, text: bytes) -> bytes:
        """Return the name of the text's component."""
        root = text
        while (parent := self._parent.get(root, root)) != root:
            root = parent
        while (parent := self._parent.get(text, text)) != root:
            self._parent[text] = root
            text = parent
        return root

    def join(self, first: bytes, second: bytes) -> None:
        """Link two texts."""
        low, high = sorted((self.find(first), self.find(second)))
        self._parent[low] = low
        self._parent[high] = low

    def members(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield (text, component) for every text with a link."""
        for text in list(self._parent):
            yield text, self.find(text)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
