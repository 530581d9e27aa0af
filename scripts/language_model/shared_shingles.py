"""How much of each of a few texts stands in any of many documents.

MinHash bands find documents that are alike as wholes; an item's context is a part of a document,
and a training document may hold it among much else. So containment is computed, the share of the
context's character shingles that the document has too (Broder 1997), and of every document: the
contexts' shingles are few enough for one sorted table, in which each document's are looked up. A
pair's containment is never below its Jaccard similarity.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from scripts.common.shingles import shingle_hashes


class ShingleTable:
    """The shingles of some texts.

    Args:
        texts: the texts.
        size: characters of a shingle.
    """

    def __init__(self, texts: Sequence[str], size: int) -> None:
        self.size = size
        sets = [shingle_hashes(text, size) for text in texts]
        owners = np.repeat(np.arange(len(sets)), [len(hashes) for hashes in sets])
        hashes = np.concatenate([*sets, np.empty(0, dtype=np.uint32)])
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._owners = hashes[order], owners[order]
        self._distinct, self._starts = np.unique(self._hashes, return_index=True)
        self._ends = np.append(self._starts[1:], len(self._hashes))
        self._sizes = np.maximum(1, [len(hashes) for hashes in sets])

    def containment(self, document: str) -> npt.NDArray[np.float64]:
        """Return the share of each text's shingles that the document has, shape (texts,)."""
        wanted = shingle_hashes(document, self.size)
        if not len(self._distinct):
            return np.zeros(len(self._sizes))
        places = np.minimum(np.searchsorted(self._distinct, wanted), len(self._distinct) - 1)
        places = places[self._distinct[places] == wanted]
        lengths = self._ends[places] - self._starts[places]
        total = int(lengths.sum())
        within = np.arange(total) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        owners = self._owners[np.repeat(self._starts[places], lengths) + within]
        counts = np.bincount(owners, minlength=len(self._sizes))
        return np.asarray(counts / self._sizes, dtype=np.float64)
