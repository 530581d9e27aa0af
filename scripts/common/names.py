"""The name that a misspelt one was probably meant to be."""

import difflib
from collections.abc import Iterable

_SIMILAR = 0.6  # difflib's similarity from which one name is taken for a misspelling of another
_CANDIDATES = 5


def nearest_name(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` that takes the fewest edits to become `name`, None if none is near.

    Similarity alone does not tell min_x from max_x where one letter of them is wrong, so that it
    only chooses the candidates; and one letter of two is more than it allows.
    """
    known = list(names)
    candidates = difflib.get_close_matches(name, known, n=_CANDIDATES, cutoff=_SIMILAR)
    if not candidates:
        candidates = [other for other in known if edit_distance(name, other) == 1]
    return min(candidates, key=lambda candidate: edit_distance(name, candidate), default=None)


def nearest_hint(name: str, keys: dict[str, str]) -> str:
    """Return a question for the nearest of `keys` (name by path), empty where none is near."""
    near = nearest_name(name, keys.values())
    paths = [path for path, key in keys.items() if key == near]
    return f"did you mean {' or '.join(paths)}? " if paths else ""


def edit_distance(one: str, other: str) -> int:
    """Return how many letters to insert, delete or replace to turn `one` into `other`."""
    row = list(range(len(other) + 1))
    for letters, letter in enumerate(one, start=1):
        above, row = row, [letters]
        for column, goal in enumerate(other, start=1):
            replaced = above[column - 1] + (letter != goal)
            row.append(min(above[column] + 1, row[-1] + 1, replaced))
    return row[-1]
