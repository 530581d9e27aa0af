"""Samples of training: for a query its positive and its negatives.

A positive is a known answer (`labels`), the best document over the clusters nearest to the query
(`cluster`; a known answer where one is shown), or any document (`random`, a lower bound). Negatives
come from the next clusters behind the nearest, best first, or from the far end of the nearest ones
(`cluster`), from anywhere (`random`), or from all that no label names (`labels`, an upper bound).
Never among them: the query, the positive, a known answer, a document without tokens, or one that
scores so high that it may well be an answer.

Documents go by their place in memory. Scores are mean best cosines of the query's tokens, -1 to 1.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scripts.retrieval.pairs import CLUSTER, LABEL, RANDOM, SELF
from scripts.retrieval.setting_values import NEGATIVE_FORMS, SAMPLE_SOURCES

Places = NDArray[np.int64]
Scores = NDArray[np.float64]
# Gives the scores of one query with the documents at some places.
Scorer = Callable[[Places], Scores]
FROM_LABELS, FROM_CLUSTERS, AT_RANDOM = SAMPLE_SOURCES
NEXT_CLUSTER, FAR_IN_NEAR = NEGATIVE_FORMS
_NO_PLACES = np.zeros(0, np.int64)
_DRAWN_AT_ONCE = 4  # times the negatives still wanted


@dataclass(frozen=True)
class Rules:
    """How samples are taken.

    Attributes:
        positives: FROM_LABELS, FROM_CLUSTERS or AT_RANDOM.
        negatives: likewise.
        form: NEXT_CLUSTER or FAR_IN_NEAR, read where negatives come FROM_CLUSTERS.
        wanted: negatives of a sample, at most.
        margin: a document that scores above the positive's score less this may be an answer and is
            no negative; None where scores do not decide.
        nearest: clusters in which the positive is searched.
    """

    positives: str
    negatives: str
    form: str
    wanted: int
    margin: float | None
    nearest: int


@dataclass(frozen=True)
class Pool:
    """Documents that may be sampled.

    Attributes:
        places: (n,) ascending, those with tokens.
        by_cluster: those of each cluster.
    """

    places: Places
    by_cluster: list[Places]


@dataclass(frozen=True)
class Asked:
    """The item that a sample is taken for.

    Attributes:
        known: places of its known answers in memory.
        true: places of all its answers in memory, read where negatives come FROM_LABELS.
        itself: its own place if it is a document.
        ranking: clusters from the nearest to the farthest, negative numbers for none.
    """

    known: Places
    true: Places
    itself: int | None
    ranking: Places


@dataclass(frozen=True)
class Positive:
    """The positive of a sample: `place` is None where it is the item itself under dropout."""

    place: int | None
    kind: str
    score: float | None


def near_clusters(asked: Asked, pool: Pool, nearest: int) -> tuple[list[int], list[int]]:
    """Return the clusters with documents that are nearest to the item, and the next ones.

    At least one is near, and no more than half of them, or else the negatives would all come from
    the clusters that are farthest.
    """
    known = asked.ranking[asked.ranking >= 0]
    filled = [int(cluster) for cluster in known if len(pool.by_cluster[cluster])]
    near = max(1, min(nearest, len(filled) // 2))
    return filled[:near], filled[near:]


def sample_positive(
    asked: Asked, pool: Pool, rules: Rules, scorer: Scorer | None, draw: np.random.Generator
) -> Positive | None:
    """Return the positive, or None where labels are asked for and none is known in memory.

    Args:
        asked: the item.
        pool: the documents.
        rules: the rules.
        scorer: of the item; None where no scores are taken, which the source `cluster` needs.
        draw: of the item alone.
    """
    if len(asked.known) and rules.positives != AT_RANDOM:
        place = int(asked.known[draw.integers(len(asked.known))])
        return Positive(place, LABEL, _score_of(place, scorer))
    if rules.positives == FROM_LABELS:
        return None
    if rules.positives == AT_RANDOM:
        others = pool.places[pool.places != _own(asked)]
        if not len(others):
            return _itself(scorer)
        place = int(others[draw.integers(len(others))])
        return Positive(place, RANDOM, _score_of(place, scorer))
    best, best_score = None, -np.inf
    for cluster in near_clusters(asked, pool, rules.nearest)[0]:
        places = pool.by_cluster[cluster]
        scores = np.where(places == _own(asked), -np.inf, _scores(places, scorer))
        first = int(scores.argmax())
        if scores[first] > best_score:
            best, best_score = int(places[first]), float(scores[first])
    return _itself(scorer) if best is None else Positive(best, CLUSTER, best_score)


def sample_negatives(
    asked: Asked,
    positive: Positive,
    pool: Pool,
    rules: Rules,
    scorer: Scorer | None,
    draw: np.random.Generator,
) -> tuple[Places, Scores]:
    """Return the places of distinct negatives and their scores: fewer where there are no more.

    Args:
        asked: the item.
        positive: its positive.
        pool: the documents.
        rules: the rules.
        scorer: of the item; None where no scores are taken; then the scores are NaN.
        draw: of the item alone.
    """
    never = {*asked.known.tolist(), _own(asked), _own_place(positive.place)}
    if rules.negatives == FROM_LABELS:
        never.update(asked.true.tolist())
    limit = np.inf
    if rules.margin is not None and positive.score is not None:
        limit = positive.score - rules.margin
    places: list[int] = []
    scores: list[float] = []
    for some, some_scores in _candidates(asked, pool, rules, scorer, draw):
        for place, score in zip(some.tolist(), some_scores.tolist(), strict=True):
            if len(places) == rules.wanted:
                break
            if place not in never and not score >= limit:
                places.append(place)
                scores.append(score)
        if len(places) == rules.wanted:
            break
    return np.array(places, np.int64), np.array(scores, np.float64)


def _candidates(
    asked: Asked, pool: Pool, rules: Rules, scorer: Scorer | None, draw: np.random.Generator
) -> Iterator[tuple[Places, Scores]]:
    """Yield documents in the order in which they are wanted as negatives, each once."""
    if rules.negatives != FROM_CLUSTERS:
        order = pool.places[draw.permutation(len(pool.places))]
        step = _DRAWN_AT_ONCE * max(rules.wanted, 1)
        for start in range(0, len(order), step):
            some = order[start : start + step]
            yield some, _scores(some, scorer)
        return
    near, behind = near_clusters(asked, pool, rules.nearest)
    if rules.form == FAR_IN_NEAR:
        scored = [(pool.by_cluster[cluster], scorer) for cluster in near]
        places = np.concatenate([_NO_PLACES, *(some for some, _ in scored)])
        scores = np.concatenate([np.zeros(0), *(_scores(*one) for one in scored)])
        order = np.lexsort((places, scores))
        yield places[order], scores[order]
        return
    for cluster in behind:
        places = pool.by_cluster[cluster]
        scores = _scores(places, scorer)
        order = np.argsort(-scores, kind="stable")
        yield places[order], scores[order]


def _scores(places: Places, scorer: Scorer | None) -> Scores:
    return np.full(len(places), np.nan) if scorer is None else scorer(places)


def _score_of(place: int, scorer: Scorer | None) -> float | None:
    return None if scorer is None else float(scorer(np.array([place], np.int64))[0])


def _itself(scorer: Scorer | None) -> Positive:
    return Positive(None, SELF, None if scorer is None else 1.0)


def _own(asked: Asked) -> int:
    return _own_place(asked.itself)


def _own_place(place: int | None) -> int:
    return -1 if place is None else place
