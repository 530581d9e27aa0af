"""The entities' limits: from `min_entity_freq` to `max_entity_freq` training samples of one entity.

In: the candidates of all shards for one length. Out: for each entity above the cap the last sample
that stays (`CUTOFFS`), for each document its entities below the minimum (`RARE_ENTITIES`), and
every entity's samples before and after (`ENTITIES`). An entity's frequency is its number of
training samples of this length over the whole corpus, before the cap. Samples are ranked by a keyed
hash of document, entity and mention, so the choice depends on no order. Validation, test and
hold-out samples are neither counted nor dropped: an entity that training hardly saw or never saw is
what evaluation has to hold too. Runs out of core.
"""

import logging
from pathlib import Path

import duckdb
import pyarrow as pa

from scripts.common.corpus_tables import CANDIDATES, CUTOFFS, ENTITIES, RARE_ENTITIES
from scripts.common.entry import entry
from scripts.common.files import DEFAULT_TMPDIR
from scripts.common.out_of_core import connect, copy_columns
from scripts.common.tables import table_writer, write_table

_logger = logging.getLogger(__name__)
_ROWS_AT_A_TIME = 50_000


def run(
    candidates: list[Path],
    cutoffs: Path,
    rare: Path,
    entities: Path,
    *,
    min_entity_freq: int,
    max_entity_freq: int,
    tmpdir: Path = DEFAULT_TMPDIR,
    mem_mb: int = 1000,
    threads: int = 1,
) -> None:
    """Write the cap's cutoffs, the rare entities and all entities' frequencies.

    Args:
        candidates: candidate samples of all shards.
        cutoffs: where the cutoffs go.
        rare: where the rare entities of each document go.
        entities: where the frequencies go.
        min_entity_freq: fewest training samples of an entity, 1 for no limit.
        max_entity_freq: most training samples of one entity.
        tmpdir: local folder for what does not fit into memory.
        mem_mb: memory to use at most, in MB.
        threads: threads of the database.
    """
    with connect(tmpdir, mem_mb=mem_mb, threads=threads) as database:
        sources = _load(database, candidates)
        last = database.sql(
            "SELECT entity, rank, doc_id, ordinal FROM (SELECT *, row_number() OVER "
            "(PARTITION BY entity ORDER BY rank, doc_id, ordinal) AS place, "
            "count(*) OVER (PARTITION BY entity) AS samples FROM samples WHERE split = 'train') "
            "WHERE place = $cap AND samples > $cap ORDER BY entity",
            params={"cap": max_entity_freq},
        ).to_arrow_table()
        write_table(cutoffs, last, CUTOFFS)
        frequencies = database.sql(
            "SELECT entity, count(*) FILTER (split = 'train') AS samples_before_cap, "
            "CASE WHEN samples_before_cap < $minimum THEN 0 "
            "ELSE least(samples_before_cap, $cap) END AS samples_after_cap, "
            "count(*) FILTER (split = 'validation') AS validation, "
            "count(*) FILTER (split = 'test') AS test, "
            "count(*) FILTER (split = 'holdout') AS holdout FROM samples GROUP BY entity "
            "ORDER BY samples_before_cap DESC, entity",
            params={"minimum": min_entity_freq, "cap": max_entity_freq},
        ).to_arrow_table()
        write_table(entities, frequencies, ENTITIES)
        dropped = _write_rare(database, rare, sources, min_entity_freq)
    _logger.info(
        "of %d entities %d above the cap; documents have %d below the minimum",
        frequencies.num_rows,
        last.num_rows,
        dropped,
    )


def _load(database: duckdb.DuckDBPyConnection, candidates: list[Path]) -> list[str]:
    """Load the samples; return the sources by `source_place`, in the order of the candidates."""
    database.execute(
        "CREATE TABLE samples (entity VARCHAR, rank UBIGINT, doc_id VARCHAR, ordinal INTEGER, "
        "split VARCHAR, source_place INTEGER, key UBIGINT)"
    )
    places: dict[str, int] = {}
    names = ["entity", "rank", "doc_id", "ordinal", "split", "key"]
    for path in candidates:
        place = places.setdefault(path.parent.name, len(places))
        for batch in copy_columns(path, CANDIDATES, names):
            database.register("batch", batch)
            database.execute(
                "INSERT INTO samples SELECT entity, rank, doc_id, ordinal, split, $place, key "
                "FROM batch",
                {"place": place},
            )
    return list(places)


def _write_rare(
    database: duckdb.DuckDBPyConnection, rare: Path, sources: list[str], minimum: int
) -> int:
    """Write the rare entities of each document in the candidates' order; return their number."""
    rows = database.sql(
        "SELECT source_place, key, entity FROM samples WHERE split = 'train' AND entity IN "
        "(SELECT entity FROM samples WHERE split = 'train' GROUP BY entity "
        "HAVING count(*) < $minimum) "
        "GROUP BY source_place, key, entity ORDER BY source_place, key, entity",
        params={"minimum": minimum},
    ).to_arrow_reader(_ROWS_AT_A_TIME)
    names = pa.array(sources, pa.string())
    written = 0
    with table_writer(rare, RARE_ENTITIES) as writer:
        for batch in rows:
            source = names.take(batch["source_place"])
            columns = [source, batch["key"], batch["entity"]]
            writer.write_table(pa.table(columns, names=RARE_ENTITIES.names))
            written += batch.num_rows
    return written


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
