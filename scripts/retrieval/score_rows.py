"""Rows of `QUERY_SCORES`, and the file that holds them with what they are the scores of."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.tables import open_table, table_of_rows, write_table
from scripts.retrieval.measures import MIN_DEPTH, Answers, Run, score_queries
from scripts.retrieval.searched_sessions import TestQueries
from scripts.retrieval.tables import QUERY_SCORES

OWN, ACCUMULATED = "own", "accumulated"
BASE = -1  # the encoder before session 0, and whatever else no session changes
_KEY = b"scored"


@dataclass(frozen=True)
class Scored:
    """What a file of scores is of.

    Attributes:
        method, seed: the stream.
        session: after which the model was trained; BASE for one that no session changes.
        test: session of the collection searched, or the last one of an accumulated collection.
        collection: OWN or ACCUMULATED.
        lexical: whether the method matches words, without an encoder.
    """

    method: str
    seed: int
    session: int
    test: int
    collection: str
    lexical: bool = False

    @property
    def stream(self) -> str:
        """Name of the stream."""
        return f"{self.method}/{self.seed}"


def score_rows(
    run: Run, queries: TestQueries, answers: Answers, *, mode: str, test: int
) -> list[dict[str, Any]]:
    """Return rows of `QUERY_SCORES`: the queries that have an answer, in order."""
    scores = score_queries(run, answers)
    return [
        {
            "mode": mode,
            "test": test,
            "qid": qid,
            "domain": domain,
            "answers": len(answers[qid]),
            **scores[qid],
        }
        for qid, domain in zip(queries.qids, queries.domains, strict=True)
        if qid in scores
    ]


def write_scores(path: Path, rows: Sequence[dict[str, Any]], scored: Scored) -> None:
    """Write scores, and what they are of into the table's metadata."""
    schema = QUERY_SCORES.with_metadata({_KEY: json.dumps(asdict(scored), sort_keys=True)})
    write_table(path, table_of_rows(rows, QUERY_SCORES), schema)


def read_scored(path: Path) -> Scored:
    """Return what a file of scores is of.

    Raises:
        IntegrityError: the file is missing, has another schema, or does not say.
    """
    with open_table(path, QUERY_SCORES) as file:
        said = (file.schema_arrow.metadata or {}).get(_KEY)
    if said is None:
        raise IntegrityError(f"{path} does not say of which model its scores are; make it again")
    return Scored(**json.loads(said))


def require_depth(depth: int) -> None:
    """Check that a run is deep enough for every measure.

    Raises:
        ConfigError: it is not.
    """
    if depth < MIN_DEPTH:
        raise ConfigError(
            f"the depth of the runs is {depth}, but Recall@{MIN_DEPTH} is measured; give "
            f"{MIN_DEPTH} or more"
        )


def count_unanswered(answers: Iterable[dict[str, int]]) -> int:
    """Return the number of queries without an answer in the collection searched."""
    return sum(not known for known in answers)
