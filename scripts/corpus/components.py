"""Connected components by union-find, in four bytes a member."""

from array import array

import numpy as np
import numpy.typing as npt

_BLOCK = 10_000


class Components:
    """Components of the numbers 0 to `size` - 1; a component is named by its smallest member.

    The names depend on which members were joined, never on the order of the joins.
    """

    def __init__(self, size: int) -> None:
        self._parent = array("I", range(size))

    def find(self, member: int) -> int:
        """Return the name of a member's component."""
        parent = self._parent
        while (above := parent[member]) != member:
            parent[member] = member = parent[above]
        return member

    def join(self, first: int, second: int) -> None:
        """Link two members."""
        low, high = sorted((self.find(first), self.find(second)))
        self._parent[high] = low

    def in_one(self, members: npt.NDArray[np.uint32]) -> bool:
        """Return whether all these members are in one component."""
        name = self.find(int(members[0]))
        return all(
            self.find(member) == name
            for start in range(0, len(members), _BLOCK)
            for member in members[start : start + _BLOCK].tolist()
        )

    def names(self) -> npt.NDArray[np.uint32]:
        """Return the name of every member's component, in order of the members."""
        names = np.array(self._parent, dtype=np.uint32)
        while not np.array_equal(above := names[names], names):
            names = above
        return names


def in_groups(names: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Return the members of components of two or more, ascending."""
    return np.flatnonzero(np.bincount(names, minlength=names.size)[names] > 1).astype(np.uint32)
