"""The entity cap: at most `max_entity_freq` training samples of one entity over the whole corpus.

In: the candidates of all shards for one length. Out: for each entity above the cap the last sample
that stays (`CUTOFFS`), and every entity's samples before and after (`ENTITIES`). Samples are ranked
by a keyed hash of document, entity and mention, so the choice depends on no order. Validation, test
and hold-out are not capped. Runs out of core.
"""

import logging
from pathlib import Path

from scripts.common.entry import entry
from scripts.common.files import DEFAULT_TMPDIR
from scripts.common.out_of_core import connect, copy_columns
from scripts.common.tables import write_table
from scripts.corpus.schemas import CANDIDATES, CUTOFFS, ENTITIES

_logger = logging.getLogger(__name__)


def run(
    candidates: list[Path],
    cutoffs: Path,
    entities: Path,
    *,
    max_entity_freq: int,
    tmpdir: Path = DEFAULT_TMPDIR,
    mem_mb: int = 1000,
    threads: int = 1,
) -> None:
    """Write the cap's cutoffs and the entities' frequencies.

    Args:
        candidates: candidate samples of all shards.
        cutoffs: where the cutoffs go.
        entities: where the frequencies go.
        max_entity_freq: most training samples of one entity.
        tmpdir: local folder for what does not fit into memory.
        mem_mb: memory to use at most, in MB.
        threads: threads of the database.
    """
    with connect(tmpdir, mem_mb=mem_mb, threads=threads) as database:
        database.execute(
            "CREATE TABLE samples (entity VARCHAR, rank UBIGINT, doc_id VARCHAR, ordinal INTEGER, "
            "split VARCHAR)"
        )
        for path in candidates:
            for batch in copy_columns(
                path, CANDIDATES, ["entity", "rank", "doc_id", "ordinal", "split"]
            ):
                database.register("batch", batch)
                database.execute(
                    "INSERT INTO samples SELECT entity, rank, doc_id, ordinal, split FROM batch"
                )
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
            "least(samples_before_cap, $cap) AS samples_after_cap, "
            "count(*) FILTER (split = 'validation') AS validation, "
            "count(*) FILTER (split = 'test') AS test, "
            "count(*) FILTER (split = 'holdout') AS holdout FROM samples GROUP BY entity "
            "ORDER BY samples_before_cap DESC, entity",
            params={"cap": max_entity_freq},
        ).to_arrow_table()
        write_table(entities, frequencies, ENTITIES)
    _logger.info("%d of %d entities above the cap", last.num_rows, frequencies.num_rows)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
