"""Distances of a cluster's texts to the prototype of its other texts.

A text is part of its own prototype, the more so the smaller the cluster: measured against it,
texts of small clusters would look closer than any new text can be. A prototype is additive, so the
text's share can be taken out.
"""

import numpy as np

from scripts.retrieval.hyperplanes import bucket_ids
from scripts.retrieval.library_threads import one_library_thread
from scripts.retrieval.lookup import ALL, OWN_BUCKET
from scripts.retrieval.prototypes import Prototypes
from scripts.retrieval.tables import NO_CLUSTER
from scripts.retrieval.token_vectors import Indices, Numbers, TokenVectors, Vectors, unit_rows

_VANISHED = 1e-6  # share of a bucket's weight that rounding leaves when all of it is taken out


def left_out_scores(
    hyperplanes: Numbers,
    texts: TokenVectors,
    prototypes: Prototypes,
    labels: Indices,
    weights: Numbers | None = None,
    lookup: str = ALL,
) -> Numbers:
    """Return s(x, P - P(x)) of each text x with its own cluster's prototype P, (texts,) float64.

    Args:
        hyperplanes: (bits, d) of the memory.
        texts: some or all of those whose sums the prototypes are.
        prototypes: of clusters that hold these texts, by these labels and weights.
        labels: (texts,) each text's cluster, or NO_CLUSTER.
        weights: (texts,) of each text's tokens; 1 where None.
        lookup: one of `lookup.LOOKUPS`.

    Returns:
        NaN for a text without cluster, without tokens, or alone in its cluster.
    """
    scores = np.full(texts.texts, np.nan)
    of_text = np.ones(texts.texts) if weights is None else weights
    with one_library_thread():
        for cluster in np.unique(labels[labels != NO_CLUSTER]):
            rows = slice(prototypes.offsets[cluster], prototypes.offsets[cluster + 1])
            buckets, sums = prototypes.buckets[rows], prototypes.sums[rows]
            totals, units = prototypes.weights[rows], unit_rows(sums)
            for text in np.flatnonzero((labels == cluster) & (texts.lengths > 0)):
                vectors = texts.text(int(text))
                places = np.searchsorted(buckets, bucket_ids(hyperplanes, vectors))
                codes = buckets if lookup == OWN_BUCKET else None
                scores[text] = _score(vectors, places, of_text[text], sums, totals, units, codes)
    return scores


def _score(
    vectors: Vectors,
    places: Indices,
    weight: float,
    sums: Numbers,
    totals: Numbers,
    units: Vectors,
    codes: Indices | None,
) -> float:
    """Return the score of one text; `units` are changed and put back.

    Args:
        vectors: (n, d) of its tokens.
        places: (n,) row of the prototype to which each token was added.
        weight: with which it was added.
        sums: (rows, d) of the prototype.
        totals: (rows,) their weights.
        units: (rows, d) the sums at length 1.
        codes: (rows,) their buckets, where a token meets its own bucket alone.
    """
    touched, inverse = np.unique(places, return_inverse=True)
    own = np.zeros((len(touched), vectors.shape[1]))
    np.add.at(own, inverse, vectors)
    left = totals[touched] - weight * np.bincount(inverse)
    gone = left <= _VANISHED * totals[touched]
    if gone.all() and len(touched) == len(units):
        return float("nan")
    before = units[touched]
    units[touched] = unit_rows(sums[touched] - weight * own)
    if codes is None:
        product = unit_rows(vectors) @ units.T
        product[:, touched[gone]] = -np.inf
        cosines = product.max(axis=1)
    else:
        met = touched.copy()
        met[gone] = _nearest_left(codes, touched[gone])
        cosines = np.einsum("ij,ij->i", unit_rows(vectors), units[met[inverse]])
    units[touched] = before
    return float(cosines.sum(dtype=np.float64))


def _nearest_left(codes: Indices, gone: Indices) -> Indices:
    """Return the row that is met instead of each row that is gone, (gone,).

    Args:
        codes: (rows,) buckets, ascending.
        gone: (some,) rows of them, not all.
    """
    left = np.delete(np.arange(len(codes)), gone)
    differing = np.bitwise_count(codes[gone, None] ^ codes[left])
    return left[np.argmin(differing, axis=1)]
