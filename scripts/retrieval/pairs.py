"""Training samples as lines of JSON: a query, its positive and its negatives."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.common.errors import IntegrityError
from scripts.common.files import atomic_file
from scripts.retrieval.tables import DOCUMENT, QUERY

LABEL, CLUSTER, RANDOM, SELF, PROTOTYPE = POSITIVE_KINDS = (
    *("label", "cluster", "random", "self", "prototype"),
)
_DECIMALS = 6


@dataclass(frozen=True)
class Pair:
    """A training sample.

    Attributes:
        query: id of a query or document in memory.
        query_kind: QUERY or DOCUMENT.
        positive: id of a document; None for SELF and PROTOTYPE.
        positive_kind: LABEL a known answer, CLUSTER the best document of the nearest clusters,
            RANDOM any document, SELF the query's own text under dropout, PROTOTYPE the mean vector
            of the prototype of `cluster`, against those of the other clusters.
        negatives: ids of distinct documents.
        cluster: number of the query's cluster, None without clusters.
        positive_score: mean over the query's tokens of the best cosine with a token of the
            positive, -1 to 1; None where none was taken.
        negative_scores: the same of each negative; empty where none was taken.
    """

    query: str
    query_kind: str
    positive: str | None
    positive_kind: str
    negatives: tuple[str, ...] = ()
    cluster: int | None = None
    positive_score: float | None = None
    negative_scores: tuple[float, ...] = ()


def write_pairs(path: Path, pairs: Iterable[Pair]) -> None:
    """Write pairs, one a line, scores to six decimals."""
    with atomic_file(path) as partial, partial.open("w", encoding="utf-8") as stream:
        for pair in pairs:
            stream.write(json.dumps(_as_json(pair), ensure_ascii=False) + "\n")


def read_pairs(path: Path) -> Iterator[Pair]:
    """Yield the pairs of a file.

    Raises:
        IntegrityError: the file is missing, or a line is no pair.
    """
    try:
        stream = path.open(encoding="utf-8")
    except FileNotFoundError:
        raise IntegrityError(f"{path} is missing; run the step that makes it again") from None
    with stream:
        for number, line in enumerate(stream, 1):
            try:
                pair = _from_json(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise IntegrityError(
                    f"{path}:{number} is no training pair ({error}); delete it and run again"
                ) from error
            yield pair


def _as_json(pair: Pair) -> dict[str, Any]:
    positive = pair.positive_score
    return {
        "query": pair.query,
        "query_kind": pair.query_kind,
        "positive": pair.positive,
        "positive_kind": pair.positive_kind,
        "negatives": list(pair.negatives),
        "cluster": pair.cluster,
        "scores": {
            "positive": None if positive is None else round(positive, _DECIMALS),
            "negatives": [round(score, _DECIMALS) for score in pair.negative_scores],
        },
    }


def _from_json(line: Any) -> Pair:
    scores = line["scores"]
    pair = Pair(
        query=_text(line, "query"),
        query_kind=_one_of(line, "query_kind", (QUERY, DOCUMENT)),
        positive=None if line["positive"] is None else _text(line, "positive"),
        positive_kind=_one_of(line, "positive_kind", POSITIVE_KINDS),
        negatives=tuple(_text({"negatives": name}, "negatives") for name in line["negatives"]),
        cluster=None if line["cluster"] is None else int(line["cluster"]),
        positive_score=None if scores["positive"] is None else float(scores["positive"]),
        negative_scores=tuple(float(score) for score in scores["negatives"]),
    )
    if (pair.positive is None) != (pair.positive_kind in (SELF, PROTOTYPE)):
        raise ValueError(f"positive {pair.positive!r} of kind {pair.positive_kind!r}")
    if pair.positive_kind == PROTOTYPE and pair.cluster is None:
        raise ValueError("a prototype without a cluster")
    if len(set(pair.negatives) - {pair.positive}) != len(pair.negatives):
        raise ValueError("a negative stands twice, or is the positive")
    if pair.negative_scores and len(pair.negative_scores) != len(pair.negatives):
        raise ValueError("not as many scores as negatives")
    return pair


def _text(line: dict[str, Any], key: str) -> str:
    value = line[key]
    if not isinstance(value, str):
        raise ValueError(f"{key} is {value!r}, no text")
    return value


def _one_of(line: dict[str, Any], key: str, allowed: tuple[str, ...]) -> str:
    value = _text(line, key)
    if value not in allowed:
        raise ValueError(f"{key} is {value!r}; allowed: {', '.join(allowed)}")
    return value
