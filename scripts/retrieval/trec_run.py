"""Run files in the format of TREC: `qid Q0 doc_id rank score tag`.

trec_eval ranks by score alone, in single precision, and puts the later id first where scores are
equal. Scores are therefore lowered to the next smaller number where they do not fall, so that every
tool sees the ranking that was found.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scripts.common.errors import InputError
from scripts.common.files import atomic_file
from scripts.retrieval.search import NOTHING, Found

_SPACE = re.compile(r"\s")


def falling_scores(scores: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return scores in single precision that fall strictly along each row.

    Args:
        scores: (queries, depth), falling or equal along rows; -inf where nothing was found.
    """
    rounded = (scores + 0.0).astype(np.float32)  # no negative zero
    # The bits of numbers of one sign order them; negative ones are turned round.
    bits = rounded.view(np.int32).astype(np.int64)
    steps = np.where(bits < 0, np.iinfo(np.int32).min - bits, bits)
    ranks = np.arange(scores.shape[1])
    steps = np.minimum.accumulate(steps + ranks, axis=1) - ranks
    bits = np.where(steps < 0, np.iinfo(np.int32).min - steps, steps).astype(np.int32)
    return np.where(np.isneginf(scores), rounded, bits.view(np.float32))


def run_of(
    found: Found, qids: Sequence[str], doc_ids: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return what was found by query: the documents in order of rank with falling scores.

    Args:
        found: places and scores, a row for each of `qids`.
        qids: ids of the queries; those that found nothing are left out.
        doc_ids: ids of the collection's documents.
    """
    run = {}
    for qid, places, scores in zip(qids, found.places, falling_scores(found.scores), strict=True):
        hits = places != NOTHING
        if hits.any():
            ids = [doc_ids[place] for place in places[hits].tolist()]
            run[qid] = dict(zip(ids, scores[hits].tolist(), strict=True))
    return run


def write_trec_run(path: Path, run: Mapping[str, Mapping[str, float]], *, tag: str) -> None:
    """Write a run, ranks from 1.

    Raises:
        InputError: an id holds white space, which the format cannot carry.
    """
    with atomic_file(path) as partial, partial.open("w", encoding="utf-8") as stream:
        stream.writelines(_lines(run, tag))


def _lines(run: Mapping[str, Mapping[str, float]], tag: str) -> Iterator[str]:
    for qid, hits in run.items():
        for rank, (doc_id, score) in enumerate(hits.items(), start=1):
            for name in (qid, doc_id):
                if not name or _SPACE.search(name):
                    raise InputError(
                        f"the id {name!r} is empty or holds white space, which a TREC run file "
                        "cannot carry; rename it in the input"
                    )
            # Nine digits carry a single-precision number exactly.
            yield f"{qid} Q0 {doc_id} {rank} {score:.9g} {tag}\n"
