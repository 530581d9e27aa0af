"""Exact duplicates: which documents share their normalized text with an earlier one.

In: the shards of all sources, in source order. Out: for each shard the documents (`DUPLICATES`)
whose text is that of another document which comes first by (source order, key) and alone is
analysed. The join runs out of core.
"""

from pathlib import Path

from scripts.common.corpus_tables import DOCUMENTS, DUPLICATES
from scripts.common.entry import entry
from scripts.common.files import DEFAULT_TMPDIR
from scripts.common.out_of_core import connect, copy_columns
from scripts.common.progress import Progress
from scripts.common.tables import write_table
from scripts.corpus.documents import all_shard_files


def run(
    documents: list[Path],
    manifests: list[Path],
    duplicates: list[Path],
    *,
    source_order: list[str],
    tmpdir: Path = DEFAULT_TMPDIR,
    mem_mb: int = 1000,
    threads: int = 1,
) -> None:
    """Write the duplicates of each shard.

    Args:
        documents: folder of each source's shards, in source order.
        manifests: manifest of each source's shards, in the same order.
        duplicates: the tables to write, one per shard, in the same order.
        source_order: names of the sources in order of precedence.
        tmpdir: local folder for what does not fit into memory.
        mem_mb: memory to use at most, in MB.
        threads: threads of the database.
    """
    shards = all_shard_files(documents, manifests)
    progress = Progress("deduplicate", total=len(shards), unit="shards")
    with connect(tmpdir, mem_mb=mem_mb, threads=threads) as database:
        database.execute(
            "CREATE TABLE texts (shard INTEGER, place INTEGER, key UBIGINT, doc_id VARCHAR, "
            "text_hash BLOB)"
        )
        for number, shard in enumerate(shards):
            place = source_order.index(shard.parent.name)
            for batch in copy_columns(shard, DOCUMENTS, ["key", "doc_id", "text_hash"]):
                database.register("batch", batch)
                database.execute(
                    "INSERT INTO texts SELECT ?, ?, key, doc_id, text_hash FROM batch",
                    [number, place],
                )
        database.execute(
            "CREATE TABLE later AS SELECT shard, key, doc_id FROM texts "
            "QUALIFY row_number() OVER (PARTITION BY text_hash ORDER BY place, key, doc_id) > 1"
        )
        for number, path in enumerate(duplicates):
            found = database.sql(
                "SELECT key, doc_id FROM later WHERE shard = ? ORDER BY key, doc_id",
                params=[number],
            ).to_arrow_table()
            write_table(path, found, DUPLICATES)
            progress.advance(1)
    progress.finish()


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
