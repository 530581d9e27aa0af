"""Training pairs with their texts, and what each is contrasted with in a batch.

A sample is contrasted with its own negatives, and with the positives of the batch's other samples
where it has no negative or where that is asked for always. Neither are what may answer its query:
its known answers, texts equal to its own or its positive's, its own cluster's prototype.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scripts.common.arrays import read_arrays
from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.tables import read_table
from scripts.retrieval.pairs import PROTOTYPE, SELF, Pair, read_pairs
from scripts.retrieval.tables import DOCUMENT, MEMBERS, QUERY

WHEN_NEEDED, ALWAYS = IN_BATCH = ("when_needed", "always")
_MEMBERS_FILE, _PROTOTYPES_FILE = "members.parquet", "prototypes.safetensors"
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """A training pair by numbers of candidates: texts first, prototypes after them.

    Attributes:
        query: number of a text.
        positive: number of a candidate; the query's own where the positive is itself.
        negatives: numbers of distinct candidates, the positive not among them.
        never: numbers of candidates that are no negatives of it.
    """

    query: int
    positive: int
    negatives: tuple[int, ...]
    never: frozenset[int]


@dataclass(frozen=True)
class Samples:
    """The samples of a session.

    Attributes:
        texts: distinct texts.
        prototypes: (clusters, d) float32 mean token vectors of clusters, candidates as they are.
        samples: the samples in order of the pairs.
        kinds: number of pairs of each kind of positive.
    """

    texts: list[str]
    prototypes: NDArray[np.float32]
    samples: list[Sample]
    kinds: dict[str, int]


@dataclass(frozen=True)
class Batch:
    """What one step works on.

    Attributes:
        queries: (b,) numbers of texts.
        candidates: (c,) numbers of candidates, ascending.
        positives: (b,) columns of the positives among the candidates.
        allowed: (b, c) bool, what each sample is contrasted with, and its positive.
        contrasted: (b,) bool, whether a sample has anything beside its positive.
    """

    queries: Integers
    candidates: Integers
    positives: Integers
    allowed: NDArray[np.bool_]
    contrasted: NDArray[np.bool_]


def require_in_batch(in_batch: str) -> None:
    """Check that a choice is one of IN_BATCH.

    Raises:
        ConfigError: it is not.
    """
    if in_batch not in IN_BATCH:
        raise ConfigError(
            f"retrieval.training.in_batch is {in_batch!r}; allowed: {', '.join(IN_BATCH)}"
        )


def read_samples(memory: Path, pairs: Path) -> Samples:
    """Read the pairs of a session, and their texts from the memory.

    Args:
        memory: folder of a memory.
        pairs: lines of training pairs.

    Raises:
        IntegrityError: a file is missing or broken, or a pair names what the memory lacks.
    """
    read = list(read_pairs(pairs))
    members = read_table(
        memory / _MEMBERS_FILE, MEMBERS, columns=["kind", "id", "text", "known_answers"]
    )
    kinds, ids = members["kind"].to_pylist(), members["id"].to_pylist()
    texts = dict(zip(zip(kinds, ids, strict=True), members["text"].to_pylist(), strict=True))
    answers = dict(
        zip(zip(kinds, ids, strict=True), members["known_answers"].to_pylist(), strict=True)
    )
    numbers: dict[str, int] = {}

    def number_of(kind: str, name: str) -> int:
        if (kind, name) not in texts:
            raise IntegrityError(
                f"{pairs}: {kind} {name} is not in {memory / _MEMBERS_FILE}; run the step that "
                "makes them again"
            )
        return numbers.setdefault(texts[kind, name], len(numbers))

    # Texts are numbered before prototypes, whose numbers follow theirs.
    for pair in read:
        number_of(pair.query_kind, pair.query)
        for name in (*pair.negatives, *([] if pair.positive is None else [pair.positive])):
            number_of(DOCUMENT, name)
    means, clusters = _prototypes(memory, read)
    samples = []
    for pair in read:
        query = number_of(pair.query_kind, pair.query)
        known = answers[pair.query_kind, pair.query] or [] if pair.query_kind == QUERY else []
        known_texts = (texts.get((DOCUMENT, name)) for name in known)
        never = {query, *(numbers[text] for text in known_texts if text in numbers)}
        if pair.positive_kind == PROTOTYPE:
            place = _place(clusters, pair, memory)
            positive = len(numbers) + place
            negatives = (len(numbers) + other for other in range(len(clusters)) if other != place)
        else:
            positive = query if pair.positive_kind == SELF else number_of(DOCUMENT, _named(pair))
            negatives = (number_of(DOCUMENT, name) for name in pair.negatives)
        never.add(positive)
        samples.append(_sample(query, positive, negatives, frozenset(never)))
    kinds = dict(sorted(Counter(pair.positive_kind for pair in read).items()))
    return Samples(list(numbers), means, samples, kinds)


def make_batch(samples: Sequence[Sample], in_batch: str) -> Batch:
    """Return the contrasts of the samples of one step.

    Args:
        samples: the batch's samples.
        in_batch: ALWAYS or WHEN_NEEDED, when to take other samples' positives as negatives.
    """
    numbers = {number for sample in samples for number in (sample.positive, *sample.negatives)}
    candidates = np.array(sorted(numbers), np.int64)
    column = {int(number): place for place, number in enumerate(candidates)}
    positives = np.array([column[sample.positive] for sample in samples], np.int64)
    allowed = np.zeros((len(samples), len(candidates)), bool)
    for row, sample in enumerate(samples):
        if in_batch == ALWAYS or not sample.negatives:
            allowed[row, positives] = True
            allowed[row, [column[number] for number in sample.never if number in column]] = False
        allowed[row, [column[number] for number in sample.negatives]] = True
        allowed[row, positives[row]] = True
    queries = np.array([sample.query for sample in samples], np.int64)
    return Batch(queries, candidates, positives, allowed, allowed.sum(axis=1) > 1)


def _sample(query: int, positive: int, negatives: Iterable[int], never: frozenset[int]) -> Sample:
    """Return a sample without negatives that equal its query, its positive or an answer."""
    distinct = dict.fromkeys(number for number in negatives if number not in never)
    return Sample(query, positive, tuple(distinct), never)


def _named(pair: Pair) -> str:
    assert pair.positive is not None  # `read_pairs` allows it for other kinds only
    return pair.positive


def _prototypes(memory: Path, pairs: Sequence[Pair]) -> tuple[NDArray[np.float32], Integers]:
    """Return the mean token vectors of all clusters and their ids, where a pair needs them."""
    if not any(pair.positive_kind == PROTOTYPE for pair in pairs):
        return np.zeros((0, 0), np.float32), np.zeros(0, np.int64)
    arrays = read_arrays(memory / _PROTOTYPES_FILE, ["ids", "means"])
    return arrays["means"], arrays["ids"]


def _place(clusters: Integers, pair: Pair, memory: Path) -> int:
    places = np.flatnonzero(clusters == pair.cluster)
    if not len(places):
        raise IntegrityError(
            f"{memory / _PROTOTYPES_FILE} has no cluster {pair.cluster}, which the pair of "
            f"{pair.query} names; run the step that makes them again"
        )
    return int(places[0])
