"""Rows with the same text: those with the same label, and those with conflicting ones.

Two equal rows may be two genuine transactions, so what is done with them is an option: `drop` keeps
the first, `group` keeps all on one side of a split, `off` leaves them alone. Rows with the same
text and different labels are never dropped and always grouped. A row without text is equal to none.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scripts.classification.text_keys import Keys, first_places

DROP, GROUP, OFF = MODES = ("drop", "group", "off")


@dataclass(frozen=True)
class Duplicates:
    """What is equal among n rows.

    Attributes:
        same_text: (n,) place of the first row with the same text.
        same_row: (n,) place of the first row with the same text and label.
    """

    same_text: npt.NDArray[np.int64]
    same_row: npt.NDArray[np.int64]

    @property
    def repeats(self) -> npt.NDArray[np.bool_]:
        """(n,) whether an earlier row has the same text and label."""
        return self.same_row != np.arange(self.same_row.size)

    @property
    def conflicting(self) -> npt.NDArray[np.bool_]:
        """(n,) whether a row with the same text has another label."""
        labels = np.bincount(self.same_text[~self.repeats], minlength=self.same_text.size)
        return np.asarray(labels[self.same_text] > 1)

    def links(self, mode: str) -> npt.NDArray[np.int64]:
        """Return, for each row, the place of a row that it must stay together with."""
        if mode == OFF:
            return np.where(self.conflicting, self.same_text, np.arange(self.same_text.size))
        return self.same_text

    def report(self, mode: str) -> dict[str, Any]:
        """Return the counts: sets of equal rows, rows in them, rows dropped, and conflicts."""
        sizes = np.bincount(self.same_row, minlength=self.same_row.size)
        conflicting = self.conflicting
        return {
            "mode": mode,
            "groups": int((sizes > 1).sum()),
            "rows": int(sizes[sizes > 1].sum()),
            "dropped": int(self.repeats.sum()) if mode == DROP else 0,
            "conflicting_groups": int(np.unique(self.same_text[conflicting]).size),
            "conflicting_rows": int(conflicting.sum()),
        }


def find_duplicates(
    keys: Keys, labels: npt.NDArray[np.int32], known: npt.NDArray[np.bool_]
) -> Duplicates:
    """Find the equal rows.

    Args:
        keys: (n, 2) keys of the texts.
        labels: (n,) number of each row's label.
        known: (n,) whether a row has a text.
    """
    same_text = first_places(keys, known)
    pairs = np.stack([same_text, labels], axis=1).astype(np.uint64)
    return Duplicates(same_text, first_places(pairs, known))
