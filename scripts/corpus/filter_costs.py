"""What each check of a selection costs: alone, as the first reason, and at all.

The checks are those of `select_documents`, in its order (a test holds the two equal), without the
duplicates, which are no property of a document. A check costs *alone* the documents that fail it
and pass every other one. Kiwi's checks are known only of documents within the floor of the
analysis: of a document that fails one cheap check and was not analysed it is unknown whether that
check alone keeps it out, and such documents are counted apart. Memory holds
counts only.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from scripts.common.corpus_tables import SCORES
from scripts.common.out_of_core import copy_columns

_ATTRIBUTES = (
    "text_hash",
    "characters",
    "sentence_marks",
    "hangul_ratio",
    "symbol_ratio",
    "analysis",
    "nnp_ratio",
    "pronouns",
)
_NO_LIMIT = 1 << 62


@dataclass(frozen=True)
class Check:
    """One check of a selection.

    Attributes:
        name: the reason that it gives.
        key: the threshold's name in the config.
        fails: SQL condition under which a document fails, `{limit}` being the threshold.
        needs_analysis: whether it looks at what Kiwi said.
    """

    name: str
    key: str
    fails: str
    needs_analysis: bool = False


# An empty document is too short for every set, whatever its limit.
CHECKS = (
    Check("too_short", "min_characters", "characters < greatest(1, {limit}, source_min)"),
    Check("too_long", "max_characters", "characters > least({limit}, source_max)"),
    Check("few_sentences", "min_sentence_marks", "sentence_marks < {limit}"),
    Check("little_hangul", "min_hangul_ratio", "hangul_ratio < {limit}"),
    Check("many_symbols", "max_symbol_ratio", "symbol_ratio > {limit}"),
    Check("few_proper_nouns", "min_nnp_ratio", "nnp_ratio < {limit}", needs_analysis=True),
    Check("many_proper_nouns", "max_nnp_ratio", "nnp_ratio > {limit}", needs_analysis=True),
    Check("pronoun", "max_pronouns", "pronouns > {limit}", needs_analysis=True),
)


@dataclass(frozen=True)
class FilterCost:
    """What one check costs among the documents of one source.

    Attributes:
        check: name of the check.
        limit: the dataset's threshold, None for none (a source may set its own).
        documents: documents whose attribute was measured.
        failing: those of them that fail the check.
        first: those of them that pass all checks before it.
        alone: documents that fail this check and pass every other one.
        unknown: documents that fail no other cheap check and were not analysed.
    """

    check: str
    limit: float | None
    documents: int
    failing: int
    first: int
    alone: int
    unknown: int


def load_attributes(database: duckdb.DuckDBPyConnection, scores: Iterable[Path]) -> None:
    """Put the attributes of all documents into the table `measured`, out of core.

    A document whose text was analysed in another place takes the analysis from there.

    Args:
        database: where the table goes.
        scores: attributes of all shards; a shard's folder is named after its source.
    """
    database.execute(
        "CREATE TABLE attributes (source VARCHAR, text_hash BLOB, characters INTEGER, "
        "sentence_marks INTEGER, hangul_ratio DOUBLE, symbol_ratio DOUBLE, analysis VARCHAR, "
        "nnp_ratio DOUBLE, pronouns INTEGER)"
    )
    for path in scores:
        for batch in copy_columns(path, SCORES, _ATTRIBUTES):
            database.register("batch", batch)
            database.execute(
                "INSERT INTO attributes BY NAME SELECT ? AS source, * FROM batch",
                [path.parent.name],
            )
    cheap = "characters, d.sentence_marks, d.hangul_ratio, d.symbol_ratio"
    database.execute(
        f"""
        CREATE TABLE measured AS
        SELECT d.source, d.{cheap}, d.analysis, d.nnp_ratio, d.pronouns
        FROM attributes d WHERE d.analysis <> 'duplicate'
        UNION ALL
        SELECT d.source, d.{cheap}, a.analysis, a.nnp_ratio, a.pronouns
        FROM attributes d JOIN attributes a ON a.text_hash = d.text_hash
        WHERE d.analysis = 'duplicate' AND a.analysis <> 'duplicate'
        """
    )
    database.execute("DROP TABLE attributes")


class JudgedDocuments:
    """The documents of one dataset's sources, each with the checks that it fails.

    Args:
        database: holds the table `measured`.
        limits: the dataset's thresholds by config name; "min_nnp_ratio" stands only in those of
            sets that need Kiwi.
        sources: each source's own min_characters and max_characters.
    """

    def __init__(
        self,
        database: duckdb.DuckDBPyConnection,
        limits: dict[str, Any],
        sources: dict[str, dict[str, int]],
    ) -> None:
        self.database, self.limits, self.sources = database, limits, sources
        self.needs_analysis = "min_nnp_ratio" in limits
        self.checks = [
            check
            for check in CHECKS
            if check.key in limits and not (check.name == "pronoun" and limits[check.key] is None)
        ]
        self._judge()

    def _judge(self) -> None:
        self.database.execute(
            "CREATE OR REPLACE TABLE limits (source VARCHAR, source_min BIGINT, source_max BIGINT)"
        )
        self.database.executemany(
            "INSERT INTO limits VALUES (?, ?, ?)",
            [
                [name, own["min_characters"], own["max_characters"]]
                for name, own in self.sources.items()
            ],
        )
        failing = ", ".join(
            f"coalesce({self._condition(check)}, false)::INTEGER AS {check.name}"
            for check in self.checks
        )
        # Of a source that Kiwi never sees nothing is known, and of a failed analysis neither.
        self.database.execute(
            f"CREATE OR REPLACE TEMP VIEW judged AS SELECT *, {self._failed()} AS failed FROM ("
            f"SELECT source, characters, pronouns, source_max, analysis = 'analysed' AS analysed, "
            f"{failing} FROM measured JOIN limits USING (source))"
        )

    def _condition(self, check: Check) -> str:
        """Return the SQL condition under which a document is known to fail a check."""
        fails = check.fails.format(limit=_sql_number(self.limits[check.key]))
        return f"analysis = 'analysed' AND {fails}" if check.needs_analysis else fails

    def _failed(self, checks: Sequence[Check] | None = None) -> str:
        """Return the SQL number of failed checks, all of them by default."""
        return " + ".join(["0", *(c.name for c in (self.checks if checks is None else checks))])

    @property
    def _known(self) -> str:
        """SQL condition: every check of the dataset is known of the document."""
        return "analysed" if self.needs_analysis else "true"

    def costs(self) -> dict[str, list[FilterCost]]:
        """Return the costs of all checks in order, by source."""
        columns = []
        for place, check in enumerate(self.checks):
            fails = f"{check.name} = 1"
            only = f"{fails} AND failed = 1"
            columns += [
                f"count(*) FILTER ({'analysed' if check.needs_analysis else 'true'})",
                f"count(*) FILTER ({fails})",
                f"count(*) FILTER ({fails} AND {self._failed(self.checks[:place])} = 0)",
                f"count(*) FILTER ({only} AND {self._known})",
                f"count(*) FILTER ({only} AND NOT ({self._known}))",
            ]
        rows = self.database.execute(
            f"SELECT source, {', '.join(columns)} FROM judged GROUP BY source"
        ).fetchall()
        counts = {source: numbers for source, *numbers in rows}
        return {
            source: [
                FilterCost(check.name, self.limits[check.key], *numbers[5 * i : 5 * i + 5])
                for i, check in enumerate(self.checks)
            ]
            for source, numbers in (
                (source, counts.get(source, [0] * 5 * len(self.checks))) for source in self.sources
            )
        }

    def pronouns(self) -> list[tuple[str, int, int]]:
        """Return (source, pronouns, documents) of those that pass all but the pronoun limit."""
        if not self.needs_analysis:
            return []
        others = self._failed([check for check in self.checks if check.name != "pronoun"])
        rows = self.database.execute(
            f"SELECT source, pronouns, count(*) FROM judged WHERE analysed AND {others} = 0 "
            "GROUP BY ALL"
        ).fetchall()
        order = list(self.sources)
        return sorted(rows, key=lambda row: (order.index(row[0]), row[1]))

    def passing(self, max_characters: int | None = None) -> int:
        """Return how many documents pass, with another character ceiling where one is given."""
        condition = "failed = 0"
        if max_characters is not None:
            others = self._failed([check for check in self.checks if check.name != "too_long"])
            condition = f"{others} = 0 AND characters <= least({max_characters}, source_max)"
        row = self.database.execute(
            f"SELECT count(*) FROM judged WHERE {self._known} AND {condition}"
        ).fetchone()
        assert row is not None, "a count is one row"
        return int(row[0])


def _sql_number(limit: float | None) -> str:
    """Return a threshold as SQL; a share keeps all its digits as a double."""
    if limit is None:
        return str(_NO_LIMIT)
    return str(limit) if isinstance(limit, int) else f"CAST({limit!r} AS DOUBLE)"
