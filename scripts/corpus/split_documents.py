"""Assigns every document to train, validation, test or the evaluation hold-out, by group.

In: the shards of all sources and the near-duplicate groups. Out: one row per document (`SPLITS`),
sorted by (source order, key). A group is a set of equal or near-duplicate texts; its split follows
from a keyed hash of its name, so it depends on no order, and no group stands in two splits.
"""

from pathlib import Path

import pyarrow as pa

from scripts.common.corpus_tables import DOCUMENTS, GROUPS, SPLITS
from scripts.common.entry import entry
from scripts.common.files import DEFAULT_TMPDIR
from scripts.common.hashing import keyed_fraction
from scripts.common.out_of_core import connect, copy_columns
from scripts.common.progress import Progress
from scripts.common.tables import count_rows, table_writer
from scripts.corpus.documents import all_shard_files

SPLIT_NAMES = ("train", "validation", "test", "holdout")


def run(
    documents: list[Path],
    manifests: list[Path],
    groups: Path,
    splits: Path,
    *,
    validation: float,
    test: float,
    holdout: float,
    seed: int,
    tmpdir: Path = DEFAULT_TMPDIR,
    mem_mb: int = 1000,
    threads: int = 1,
) -> None:
    """Write the split of every document.

    Args:
        documents: folder of each source's shards, in source order.
        manifests: manifest of each source's shards, in the same order.
        groups: groups of near-duplicate texts.
        splits: where the table goes.
        validation: share of groups in the validation split.
        test: share of groups in the test split.
        holdout: share of groups in the evaluation hold-out.
        seed: key of the choice.
        tmpdir: local folder for what does not fit into memory.
        mem_mb: memory to use at most, in MB.
        threads: threads of the database.
    """
    shards = all_shard_files(documents, manifests)
    shares = {"validation": validation, "test": test, "holdout": holdout}
    progress = Progress(
        "split_documents", total=sum(count_rows(shard, DOCUMENTS) for shard in shards)
    )
    with (
        connect(tmpdir, mem_mb=mem_mb, threads=threads) as database,
        table_writer(splits, SPLITS) as writer,
    ):
        database.execute('CREATE TABLE "groups" (text_hash BLOB, "group" BLOB)')
        for batch in copy_columns(groups, GROUPS, ["text_hash", "group"]):
            database.register("batch", batch)
            database.execute('INSERT INTO "groups" SELECT text_hash, "group" FROM batch')
        for shard in shards:
            for batch in copy_columns(shard, DOCUMENTS, ["doc_id", "key", "text_hash"]):
                database.register("batch", batch)
                rows = database.sql(
                    'SELECT doc_id, key, b.text_hash, coalesce("group", b.text_hash) AS "group" '
                    'FROM batch b LEFT JOIN "groups" g ON g.text_hash = b.text_hash '
                    "ORDER BY key, doc_id"
                ).to_arrow_table()
                names = [split_of_group(group, shares, seed) for group in rows["group"].to_pylist()]
                rows = rows.append_column("split", pa.array(names, pa.string()))
                rows = rows.append_column(
                    "source", pa.array([shard.parent.name] * rows.num_rows, pa.string())
                )
                writer.write_table(rows.select(SPLITS.names).cast(SPLITS))
                progress.advance(rows.num_rows, names.count("train"))
    progress.finish()


def split_of_group(group: bytes, shares: dict[str, float], seed: int) -> str:
    """Return the split of a group: `shares` are taken from the top of [0, 1), the rest is train."""
    position = keyed_fraction(seed, "split", group.hex())
    edge = 1.0
    for name in SPLIT_NAMES[1:]:
        edge -= shares[name]
        if position >= edge:
            return name
    return SPLIT_NAMES[0]


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
