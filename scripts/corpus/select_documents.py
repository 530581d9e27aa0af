"""Decides for every document whether a dataset takes it, and if not, for which first reason.

In: the attributes of all shards, the splits, and the character ceiling. Out: one row per document
of the dataset's sources (`SELECTION`): "kept" or a reason. Reasons in order: empty, too_short,
too_long, few_sentences, little_hangul, many_symbols, analysis_failed, few_proper_nouns,
many_proper_nouns, pronoun, exact_duplicate, near_duplicate. Of equal texts the first *passing*
document by (source priority, id) is kept; so it is of near-duplicates where they are dropped.
"""

import logging
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from scripts.common.corpus_tables import SCORES, SELECTION, SPLITS
from scripts.common.entry import entry
from scripts.common.errors import InputError, IntegrityError
from scripts.common.files import DEFAULT_TMPDIR, read_json
from scripts.common.out_of_core import connect, copy_columns
from scripts.common.tables import table_writer

_logger = logging.getLogger(__name__)
KEPT = "kept"
_NO_LIMIT = 1 << 62
_ATTRIBUTES = [
    "doc_id",
    "key",
    "text_hash",
    "characters",
    "sentence_marks",
    "hangul_ratio",
    "symbol_ratio",
    "analysis",
    "nnp_ratio",
    "pronouns",
]


def run(
    scores: list[Path],
    splits: Path,
    fertility: Path | None,
    selection: Path,
    *,
    sources: dict[str, Any],
    source_order: list[str],
    thresholds: dict[str, Any],
    length: int | None = None,
    tmpdir: Path = DEFAULT_TMPDIR,
    mem_mb: int = 1000,
    threads: int = 1,
) -> None:
    """Write the selection of one dataset.

    Args:
        scores: attributes of all shards; a shard's folder is named after its source.
        splits: split and group of every document.
        fertility: character ceilings by length; None where `thresholds` holds the ceiling.
        selection: where the table goes.
        sources: for each source of the dataset: priority (rank), min_characters, max_characters.
        source_order: all sources in the order of analysed documents.
        thresholds: limits by config name; min_nnp_ratio stands only in sets that need Kiwi.
        length: length in tokens whose ceiling holds.
        tmpdir: local folder for what does not fit into memory.
        mem_mb: memory to use at most, in MB.
        threads: threads of the database.
    """
    limits = dict(thresholds)
    if fertility is not None:
        limits["max_characters"] = read_json(fertility)["max_characters"][str(length)]
    _refuse_empty_range(limits, length)
    with connect(tmpdir, mem_mb=mem_mb, threads=threads) as database:
        _load(database, scores, splits, sources, source_order)
        _judge(database, limits)
        _refuse_lost_documents(database)
        _refuse_unanalysed(database)
        _drop_duplicates(database, drop_near=bool(limits["drop_near_duplicates"]))
        result = database.sql(
            "SELECT doc_id, own.source, key, text_hash, split, reason, "
            "analysed.source AS analysed_source, analysed_key FROM judged "
            "JOIN sources own USING (place) JOIN sources analysed "
            "ON analysed.place = analysed_place "
            "ORDER BY analysed_place, analysed_key, judged.rank, doc_id"
        ).to_arrow_reader(50_000)
        with table_writer(selection, SELECTION) as writer:
            for batch in result:
                writer.write_table(pa.Table.from_batches([batch]).cast(SELECTION))
        for reason, number in database.execute(
            "SELECT reason, count(*) FROM judged GROUP BY reason ORDER BY reason"
        ).fetchall():
            _logger.info("%s: %d documents", reason, number)


def _load(
    database: duckdb.DuckDBPyConnection,
    scores: list[Path],
    splits: Path,
    sources: dict[str, Any],
    source_order: list[str],
) -> None:
    database.execute(
        "CREATE TABLE sources (source VARCHAR, place USMALLINT, rank INTEGER, "
        "source_min BIGINT, source_max BIGINT)"
    )
    for place, name in enumerate(source_order):
        limits = sources.get(name, {})
        database.execute(
            "INSERT INTO sources VALUES (?, ?, ?, ?, ?)",
            [
                name,
                place,
                limits.get("rank"),
                limits.get("min_characters"),
                limits.get("max_characters"),
            ],
        )
    database.execute(
        "CREATE TABLE attributes (place USMALLINT, doc_id VARCHAR, key UBIGINT, text_hash BLOB, "
        "characters INTEGER, sentence_marks INTEGER, hangul_ratio DOUBLE, symbol_ratio DOUBLE, "
        "analysis VARCHAR, nnp_ratio DOUBLE, pronouns INTEGER)"
    )
    database.execute("CREATE TABLE splits (place USMALLINT, key UBIGINT, split VARCHAR, grp BLOB)")
    for path in scores:
        for batch in copy_columns(path, SCORES, _ATTRIBUTES):
            database.register("batch", batch)
            database.execute(
                "INSERT INTO attributes BY NAME SELECT ?::USMALLINT AS place, * FROM batch",
                [source_order.index(path.parent.name)],
            )
    for batch in copy_columns(splits, SPLITS, ["source", "key", "split", "group"]):
        database.register("batch", batch)
        database.execute(
            'INSERT INTO splits SELECT place, key, split, "group" FROM batch '
            "JOIN sources USING (source)"
        )


def _judge(database: duckdb.DuckDBPyConnection, limits: dict[str, Any]) -> None:
    """Make the table `judged`: a row per document of the dataset's sources, with its reason.

    Only duplicates look for the row of their analysed document; all others are their own.
    """
    needs_analysis = "min_nnp_ratio" in limits
    values = {
        "min_characters": limits["min_characters"],
        "max_characters": _limit(limits["max_characters"]),
        "min_sentence_marks": limits["min_sentence_marks"],
        "min_hangul_ratio": float(limits["min_hangul_ratio"]),
        "max_symbol_ratio": float(limits["max_symbol_ratio"]),
        "needs_analysis": needs_analysis,
        "min_nnp_ratio": float(limits.get("min_nnp_ratio", 0.0)),
        "max_nnp_ratio": float(limits.get("max_nnp_ratio", 1.0)),
        "max_pronouns": _limit(limits.get("max_pronouns")),
    }
    database.execute(
        """
        CREATE TABLE judged AS
        WITH analysed AS (
            SELECT text_hash, place AS analysed_place, key AS analysed_key, analysis, nnp_ratio,
                   pronouns
            FROM attributes
            WHERE analysis <> 'duplicate' AND text_hash IN (
                SELECT text_hash FROM attributes WHERE analysis = 'duplicate')
        ), documents AS (
            SELECT *, place AS analysed_place, key AS analysed_key
            FROM attributes WHERE analysis <> 'duplicate'
            UNION ALL BY NAME
            SELECT d.* EXCLUDE (analysis, nnp_ratio, pronouns), a.* EXCLUDE (text_hash)
            FROM attributes d JOIN analysed a USING (text_hash) WHERE d.analysis = 'duplicate'
        )
        SELECT d.doc_id, d.place, d.key, d.text_hash, t.split, t.grp, s.rank,
               d.analysed_place, d.analysed_key,
               CASE
                   WHEN characters = 0 THEN 'empty'
                   WHEN characters < greatest($min_characters, source_min) THEN 'too_short'
                   WHEN characters > least($max_characters, source_max) THEN 'too_long'
                   WHEN sentence_marks < $min_sentence_marks THEN 'few_sentences'
                   WHEN hangul_ratio < $min_hangul_ratio THEN 'little_hangul'
                   WHEN symbol_ratio > $max_symbol_ratio THEN 'many_symbols'
                   WHEN NOT $needs_analysis THEN 'kept'
                   WHEN analysis = 'failed' THEN 'analysis_failed'
                   WHEN analysis <> 'analysed' THEN 'not_analysed'
                   WHEN nnp_ratio < $min_nnp_ratio THEN 'few_proper_nouns'
                   WHEN nnp_ratio > $max_nnp_ratio THEN 'many_proper_nouns'
                   WHEN pronouns > $max_pronouns THEN 'pronoun'
                   ELSE 'kept'
               END AS reason
        FROM documents d
        JOIN sources s ON s.place = d.place AND s.rank IS NOT NULL
        JOIN splits t ON t.place = d.place AND t.key = d.key
        """,
        values,
    )


def _limit(value: int | None) -> int:
    return _NO_LIMIT if value is None else value


def _refuse_empty_range(limits: dict[str, Any], length: int | None) -> None:
    low, high = limits["min_characters"], limits["max_characters"]
    if high is not None and low > high:
        raise InputError(
            f"no document can have at least {low} characters (min_characters) and at most {high}, "
            f"which fill {length} tokens: lower corpus.entity_coref.min_characters, set "
            "corpus.entity_coref.max_characters to a number, or raise corpus.lengths"
        )


def _refuse_lost_documents(database: duckdb.DuckDBPyConnection) -> None:
    row = database.execute(
        "SELECT (SELECT count(*) FROM attributes JOIN sources USING (place) "
        "WHERE rank IS NOT NULL), (SELECT count(*) FROM judged)"
    ).fetchone()
    if row is None or row[0] != row[1]:
        raise IntegrityError(
            f"scores and splits do not hold the same documents ({row}): run "
            "`snakemake --forcerun split_documents score_shard` again"
        )


def _refuse_unanalysed(database: duckdb.DuckDBPyConnection) -> None:
    found = database.execute(
        "SELECT doc_id FROM judged WHERE reason = 'not_analysed' ORDER BY doc_id LIMIT 1"
    ).fetchone()
    if found is not None:
        raise IntegrityError(
            f"document {found[0]} passes the cheap checks but was not analysed: the floor of "
            "score_shard is tighter than these thresholds; run score_shard again"
        )


def _drop_duplicates(database: duckdb.DuckDBPyConnection, *, drop_near: bool) -> None:
    for column, reason in (("text_hash", "exact_duplicate"), ("grp", "near_duplicate")):
        if reason == "near_duplicate" and not drop_near:
            continue
        database.execute(
            f"UPDATE judged SET reason = '{reason}' WHERE (place, key) IN ("
            "WITH kept AS (SELECT place, key, rank, doc_id, "
            f"{column} AS same FROM judged WHERE reason = 'kept') "
            "SELECT (place, key) FROM kept WHERE same IN ("
            "SELECT same FROM kept GROUP BY same HAVING count(*) > 1) "
            "QUALIFY row_number() OVER (PARTITION BY same ORDER BY rank, doc_id) > 1)"
        )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
